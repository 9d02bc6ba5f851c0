//! Neutron's errors, as the API words them.

use weir_neutron::NeutronError;
use weir_octavia::Refusal;

/// Why a port was not made. What concerns the user (no such subnet, quota, address in use) is Neutron's own message; the
/// rest is the operator's. Everything that Neutron answers 409 to is a conflict.
pub fn of_port(what: &str, error: &NeutronError) -> Refusal {
    let user = match error {
        NeutronError::Conflict { message, .. }
        | NeutronError::NotFound { message, .. }
        | NeutronError::Refused { message, .. } => format!("{what}: {message}"),
        NeutronError::Unauthorized { .. }
        | NeutronError::NoEndpoint { .. }
        | NeutronError::Setting { .. }
        | NeutronError::File { .. } => format!("{what}: Neutron does not take the provider's requests"),
        _ => format!("{what}: Neutron does not answer; try again"),
    };
    let refusal = match error {
        NeutronError::Conflict { kind, .. } => Refusal::conflict(conflict_code(kind), user),
        _ => Refusal::driver(error.code(), user),
    };
    refusal.operator(format!("{what}: {error}"))
}

/// The code of a conflict, by Neutron's name of it.
fn conflict_code(kind: &str) -> &'static str {
    match kind {
        "IpAddressAlreadyAllocated" | "IpAddressInUse" => "vip-address-in-use",
        _ if kind.starts_with("IpAddressGenerationFailure") => "vip-subnet-full",
        "OverQuota" => "neutron-over-quota",
        _ => "neutron-conflict",
    }
}

//! Neutron's errors, as the API words them.

use weir_neutron::NeutronError;
use weir_octavia::Refusal;

/// Why a port was not made. What concerns the user (no such subnet, quota, address in use) is Neutron's own message; the
/// rest is the operator's.
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
    let refusal = if error.is_address_taken() {
        Refusal::conflict("vip-address-in-use", user)
    } else {
        Refusal::driver(error.code(), user)
    };
    refusal.operator(format!("{what}: {error}"))
}

//! The shipped plugin for Octavia's algorithms that OVN can do: it hashes fields of a connection's packets
//! (`Load_Balancer.selection_fields`, ovn-nb(5)) and picks a member by the hash.
//!
//! Reads what a call hands it, answers, and does nothing else.

use weir_guest::{
    Algorithm, Context, Description, Distribution, Family, Member, Persistence, Plugin, Pool, Refusal, Share,
    value,
};

/// Octavia's algorithms, the default first.
const ALGORITHMS: &[&str] = &["SOURCE_IP_PORT", "SOURCE_IP"];
/// The only kind of session persistence that needs no cookies.
const PERSISTENCE: &str = "SOURCE_IP";
/// The option that keeps a client with its member (ovn-nb(5)), in seconds.
const AFFINITY_TIMEOUT: &str = "affinity_timeout";
/// Seconds, where the user named none: what Octavia's other OVN driver writes.
const DEFAULT_TIMEOUT_S: u32 = 360;
/// The flow that keeps a client holds its timeout in 16 bits.
const LONGEST_TIMEOUT_S: u32 = 65_535;
/// Granularities that mean one client, which is all that OVN can tell apart.
const ONE_CLIENT: &[&str] = &["255.255.255.255", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"];

/// `SOURCE_IP_PORT` and `SOURCE_IP`.
#[derive(Debug)]
pub struct Hashing;

impl Plugin for Hashing {
    fn describe() -> Description {
        Description {
            name: "algorithm".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            protocols: vec![],
            algorithms: ALGORITHMS.iter().map(|a| (*a).into()).collect(),
            fallback: true,
            config_schema: String::new(),
            options: vec![AFFINITY_TIMEOUT.into()],
        }
    }
}

impl Algorithm for Hashing {
    fn distribute(ctx: &Context, pool: Option<&Pool>, members: &[Member]) -> Result<Distribution, Refusal> {
        let mut fields = match pool.map_or("SOURCE_IP_PORT", |p| &p.algorithm) {
            "SOURCE_IP_PORT" => vec!["ip_dst", "ip_src", "tp_dst", "tp_src"],
            "SOURCE_IP" => vec!["ip_dst", "ip_src"],
            other => {
                return Err(Refusal::unsupported(
                    "unsupported-algorithm",
                    "pool.lb_algorithm",
                    "balance by",
                    other,
                    ALGORITHMS,
                ));
            }
        };
        // ip_src and ip_dst match IPv4 packets only; older schemas have no words for IPv6.
        if ctx.vips.iter().any(|v| v.family == Family::Ipv6) {
            let known = |field: &&str| {
                ctx.capabilities.iter().any(|c| c.strip_prefix("selection-field:") == Some(*field))
            };
            fields.extend(["ipv6_dst", "ipv6_src"].iter().filter(|f| known(f)));
        }
        let options = match pool.and_then(|p| p.persistence.as_ref()) {
            None => vec![],
            Some(persistence) => vec![(AFFINITY_TIMEOUT.into(), affinity(persistence)?.to_string())],
        };
        Ok(Distribution {
            selection_fields: fields.into_iter().map(Into::into).collect(),
            options,
            shares: shares(members),
        })
    }
}

/// Seconds a client stays with its member.
fn affinity(persistence: &Persistence) -> Result<u32, Refusal> {
    if persistence.kind != PERSISTENCE {
        return Err(Refusal::unsupported(
            "unsupported-persistence",
            "pool.session_persistence.type",
            "keep a client with its member by",
            &persistence.kind,
            &[PERSISTENCE],
        ));
    }
    if let Some(asked) = value(&persistence.extra, "persistence_granularity")
        && !ONE_CLIENT.iter().any(|one| one.eq_ignore_ascii_case(asked))
    {
        return Err(Refusal::new(
            "unsupported-persistence-granularity",
            "pool.session_persistence.persistence_granularity",
            format!(
                "OVN cannot keep clients of {asked} together; choose {} or leave it unset",
                ONE_CLIENT.join(" or ")
            ),
        ));
    }
    let seconds = persistence.timeout_s.unwrap_or(DEFAULT_TIMEOUT_S);
    if (1..=LONGEST_TIMEOUT_S).contains(&seconds) {
        Ok(seconds)
    } else {
        Err(Refusal::new(
            "invalid-persistence-timeout",
            "pool.session_persistence.persistence_timeout",
            format!(
                "OVN cannot keep a client with its member for {seconds} s; choose 1 to {LONGEST_TIMEOUT_S} s"
            ),
        ))
    }
}

/// Every member that takes connections has the same share. Weight 0 takes no new ones.
fn shares(members: &[Member]) -> Vec<Share> {
    (0u32..)
        .zip(members)
        .filter(|(_, m)| m.enabled && m.weight > 0)
        .map(|(member, _)| Share { member, copies: 1 })
        .collect()
}

weir_guest::export_algorithm!(Hashing);

// In the sandbox weir-author's tests ask the same of the component.
#[cfg(test)]
weir_testkit::algorithm_tests!(Hashing, "cases", natively);

//! The shipped plugin for Octavia's algorithms that OVN can do: it hashes fields of a connection's packets
//! (`Load_Balancer.selection_fields`, ovn-nb(5)) and picks a member by the hash.
//!
//! A weight is a repetition: a member stands among the backends as often as it weighs, divided by what the pool's weights
//! have in common, at most 64 times, and a pool's members at most 256 times in sum ([`weir_guest::Limits`] says why).
//! Weight 0 is a member that drains: it gets no new connections. Backup members wait while another member of their IP
//! version is not offline; without a health monitor nobody is ever offline, so they wait for good.
//!
//! Reads what a call hands it, answers, and does nothing else.

use weir_guest::hash::{self, Affinity, Hash, Hashed};
use weir_guest::{
    Algorithm, Context, Description, Distribution, Member, Plugin, Pool, Refusal, shares_by_weight,
};

const HASH: Hash = Hash {
    name: "algorithm",
    version: env!("CARGO_PKG_VERSION"),
    algorithms: &[
        Hashed {
            word: "SOURCE_IP_PORT",
            fields: &["ip_dst", "ip_src", "tp_dst", "tp_src"],
            // ip_src and ip_dst match IPv4 packets only.
            fields_of_ipv6: &["ipv6_dst", "ipv6_src"],
        },
        Hashed {
            word: "SOURCE_IP",
            fields: &["ip_dst", "ip_src"],
            fields_of_ipv6: &["ipv6_dst", "ipv6_src"],
        },
    ],
    fallback: true,
    // The only kind of session persistence that needs no cookies.
    affinity: Some(Affinity {
        kind: "SOURCE_IP",
        option: "affinity_timeout",
        // What Octavia's other OVN driver writes.
        default_s: 360,
        // The flow that keeps a client holds its timeout in 16 bits.
        longest_s: 65_535,
    }),
};

/// `SOURCE_IP_PORT` and `SOURCE_IP`.
#[derive(Debug)]
pub struct Hashing;

impl Plugin for Hashing {
    fn describe() -> Description {
        HASH.describe()
    }
}

impl Algorithm for Hashing {
    /// By weight, among those that serve.
    fn distribute(ctx: &Context, pool: Option<&Pool>, members: &[Member]) -> Result<Distribution, Refusal> {
        hash::distribute(&HASH, ctx, pool, shares_by_weight(members))
    }
}

weir_guest::export_algorithm!(Hashing);

#[cfg(test)]
mod tests;

// In the sandbox weir-author's tests ask the same of the component.
#[cfg(test)]
weir_testkit::algorithm_tests!(Hashing, "cases", natively);

//! An example of an algorithm plugin with a configuration: weights within an operator's own limits.
//!
//! OVN has no weights, but a member may stand among a VIP's backends more than once, and each time it stands there it
//! gets one more part of the connections. So a weight is a number of copies: weights 100 and 300 are 1 and 3 copies. The
//! shipped plugin does that within limits that suit most; here the operator sets them.
//!
//! * `config`: what an operator may say.
//! * here: what it is, and what it shares with the shipped plugin. The arithmetic is `weir_guest::shares_within`.

mod config;

use config::Config;
use weir_guest::hash::{self, Affinity, Hash, Hashed};
use weir_guest::{
    Algorithm, Context, Description, Distribution, Member, Plugin, Pool, Refusal, log, shares_within,
};

/// The same words, fields and persistence as the shipped plugin has: only the limits differ. A test says so.
const HASH: Hash = Hash {
    name: "weighted",
    version: env!("CARGO_PKG_VERSION"),
    algorithms: &[
        Hashed {
            word: "SOURCE_IP_PORT",
            fields: &["ip_dst", "ip_src", "tp_dst", "tp_src"],
            fields_of_ipv6: &["ipv6_dst", "ipv6_src"],
        },
        Hashed {
            word: "SOURCE_IP",
            fields: &["ip_dst", "ip_src"],
            fields_of_ipv6: &["ipv6_dst", "ipv6_src"],
        },
    ],
    // What has no pool has no weights: that stays with the shipped plugin.
    fallback: false,
    affinity: Some(Affinity {
        kind: "SOURCE_IP",
        option: "affinity_timeout",
        default_s: 360,
        longest_s: 65_535,
    }),
};

/// `SOURCE_IP_PORT` and `SOURCE_IP`, by weight.
#[derive(Debug)]
pub struct Weighted;

impl Plugin for Weighted {
    fn describe() -> Description {
        Description { config_schema: config::SCHEMA.into(), ..HASH.describe() }
    }

    /// Once, before the configuration is used. A host has compared it with the schema by then, but `weir plugin test`
    /// and other hosts may not: the plugin's own word is the last.
    fn check_config(config: &str) -> Result<(), Refusal> {
        Config::read(config).map(drop)
    }
}

impl Algorithm for Weighted {
    fn distribute(ctx: &Context, pool: Option<&Pool>, members: &[Member]) -> Result<Distribution, Refusal> {
        // The configuration comes with every call, since nothing is kept from one to the next.
        let config = Config::read(&ctx.config)?;
        let shares = shares_within(members, config.limits());
        if shares.len() > config.max_backends.into() {
            log::debug("more members than max_backends: each has one copy, whatever its weight");
        }
        hash::distribute(&HASH, ctx, pool, shares)
    }
}

weir_guest::export_algorithm!(Weighted);

#[cfg(test)]
mod tests;

// In the sandbox tests/examples asks the same of the component.
#[cfg(test)]
weir_testkit::algorithm_tests!(Weighted, "cases", natively);

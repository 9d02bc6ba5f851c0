//! my-plugin: an OVN plugin for Octavia's algorithm SOURCE_IP, written in Rust.
//!
//! The host asks three questions (wit/about.wit, wit/algorithm.wit); the two traits below answer them. Everything here is
//! pure: the same question has the same answer. There is no file, no socket, no clock and no random number, and nothing
//! is kept from one call to the next, since each call runs in a fresh copy of this program.

use weir_guest::{
    Algorithm, Context, Description, Distribution, Family, Member, Plugin, Pool, Refusal, Share,
};

/// Octavia's word, as in `pool.lb_algorithm`.
const ALGORITHM: &str = "SOURCE_IP";

/// The plugin. It holds nothing.
#[derive(Debug)]
pub struct MyPlugin;

impl Plugin for MyPlugin {
    /// What it is called and what it serves.
    fn describe() -> Description {
        Description {
            name: "my-plugin".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            protocols: vec![],
            algorithms: vec![ALGORITHM.into()],
            // Not asked for what has no pool.
            fallback: false,
            // JSON Schema of a configuration; empty for none.
            config_schema: String::new(),
            // Keys of Load_Balancer.options that `distribute` may set.
            options: vec![],
        }
    }
}

impl Algorithm for MyPlugin {
    /// How connections are spread over a pool's members: what OVN hashes, and how often each member stands among the
    /// backends.
    fn distribute(ctx: &Context, pool: Option<&Pool>, members: &[Member]) -> Result<Distribution, Refusal> {
        let Some(pool) = pool else {
            return Err(Refusal::new("no-pool", "", "this plugin spreads connections over the members of a pool"));
        };
        if pool.algorithm != ALGORITHM {
            return Err(Refusal::unsupported(
                "unsupported-algorithm",
                "pool.lb_algorithm",
                "balance by",
                &pool.algorithm,
                &[ALGORITHM],
            ));
        }
        if let Some(persistence) = &pool.persistence {
            return Err(Refusal::unsupported(
                "unsupported-persistence",
                "pool.session_persistence.type",
                "keep a client with its member by",
                &persistence.kind,
                &[],
            ));
        }
        // `Load_Balancer.selection_fields`: a client's address alone decides. IPv6 has fields of its own, which an older
        // schema does not have.
        let mut fields = vec!["ip_dst", "ip_src"];
        if ctx.vips.iter().any(|vip| vip.family == Family::Ipv6) {
            let known = |field: &&str| ctx.capabilities.iter().any(|c| c.strip_prefix("selection-field:") == Some(*field));
            fields.extend(["ipv6_dst", "ipv6_src"].iter().filter(|field| known(field)));
        }
        Ok(Distribution {
            selection_fields: fields.into_iter().map(Into::into).collect(),
            options: vec![],
            shares: shares(members),
        })
    }
}

/// A weight is a repetition: up to 64 copies. Weight 0 takes no new connections.
fn shares(members: &[Member]) -> Vec<Share> {
    (0u32..)
        .zip(members)
        .filter(|(_, m)| m.enabled && m.weight > 0)
        .map(|(member, m)| Share { member, copies: m.weight.min(64) })
        .collect()
}

weir_guest::export_algorithm!(MyPlugin);

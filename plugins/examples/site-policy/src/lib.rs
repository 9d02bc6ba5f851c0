//! An example of a protocol plugin that wraps what the shipped plugins mean and adds what a site does not allow: ports,
//! members' addresses, the number of members, with exceptions for projects.
//!
//! * `config`: what an operator may say, read and judged.
//! * `ports`, `cidr`: one item of it each.
//! * `rules`: which of it holds for a project, and the refusals.
//! * here: what it is, and the shipped meaning that it wraps.

mod cidr;
mod config;
mod ports;
mod rules;

use config::Config;
use weir_guest::l4::{self, L4};
use weir_guest::{
    Context, Description, HealthCheck, Listener, Member, Monitor, Plugin, Pool, Protocol, Refusal, Share,
    Translation,
};

/// What one transport carries, as the shipped plugins have it. The name is only ever taken from the first.
const fn as_shipped(
    protocols: &'static [&'static str],
    transport: &'static str,
    monitors: &'static [&'static str],
) -> L4 {
    // What has no listener has nothing to be judged: it stays with the shipped fallback.
    L4 { name: NAME, version: env!("CARGO_PKG_VERSION"), protocols, transport, fallback: false, monitors }
}

const NAME: &str = "site-policy";
const PROTOCOLS: &[L4] = &[
    as_shipped(&["TCP", "HTTPS"], "tcp", &["TCP"]),
    as_shipped(&["UDP"], "udp", &["UDP-CONNECT"]),
    as_shipped(&["SCTP"], "sctp", &[]),
];

/// TCP, HTTPS, UDP and SCTP within a site's rules.
#[derive(Debug)]
pub struct SitePolicy;

fn protocols() -> Vec<&'static str> {
    PROTOCOLS.iter().flat_map(|l4| l4.protocols).copied().collect()
}

/// The shipped meaning of a word.
fn serving(word: &str, field: &str) -> Result<&'static L4, Refusal> {
    PROTOCOLS.iter().find(|l4| l4.protocols.contains(&word)).ok_or_else(|| {
        Refusal::unsupported("unsupported-protocol", field, "translate here what is of", word, &protocols())
    })
}

impl Plugin for SitePolicy {
    fn describe() -> Description {
        Description {
            config_schema: config::SCHEMA.into(),
            ..Description::of_protocols(NAME, env!("CARGO_PKG_VERSION"), &protocols())
        }
    }

    fn check_config(config: &str) -> Result<(), Refusal> {
        Config::read(config).map(drop)
    }
}

impl Protocol for SitePolicy {
    /// The shipped answer, unless the site does not allow the listener's port. Members are not judged here: a refusal of
    /// a listener with its pool would hold up every change of the pool, while [`check_members`](Self::check_members)
    /// concerns new members alone.
    fn translate(
        ctx: &Context,
        listener: Option<&Listener>,
        pool: Option<&Pool>,
        members: &[Member],
        shares: &[Share],
    ) -> Result<Translation, Refusal> {
        let l4 = match (listener, pool) {
            (Some(listener), _) => serving(&listener.protocol, "listener.protocol")?,
            (None, Some(pool)) => serving(&pool.protocol, "pool.protocol")?,
            (None, None) => {
                let user = "a load balancer without listeners is not one of this plugin's";
                return Err(Refusal::new("not-the-fallback", "", user));
            }
        };
        // What OVN cannot do comes first: no policy of a site changes it.
        let answer = l4::translate(l4, ctx, listener, pool, members, shares)?;
        if let Some(listener) = listener {
            Config::read(&ctx.config)?.rules(&ctx.project_id).port(listener.port)?;
        }
        Ok(answer)
    }

    fn check_members(ctx: &Context, pool: &Pool, members: &[Member]) -> Vec<(u32, Refusal)> {
        let refused = |why: Refusal| (0u32..).zip(members).map(|(index, _)| (index, why.clone())).collect();
        let l4 = match serving(&pool.protocol, "pool.protocol") {
            Ok(l4) => l4,
            Err(why) => return refused(why),
        };
        let config = match Config::read(&ctx.config) {
            Ok(config) => config,
            Err(why) => return refused(why),
        };
        // One refusal a member, the shipped ones first.
        let mut refusals = l4::check_members(l4, ctx, pool, members);
        let bad: Vec<u32> = refusals.iter().map(|(index, _)| *index).collect();
        let judged = config.rules(&ctx.project_id).members(members);
        refusals.extend(judged.into_iter().filter(|(index, _)| bad.binary_search(index).is_err()));
        refusals.sort_by_key(|(index, _)| *index);
        refusals
    }

    fn plan_monitor(ctx: &Context, pool: &Pool, monitor: &Monitor) -> Result<HealthCheck, Refusal> {
        l4::plan_monitor(serving(&pool.protocol, "pool.protocol")?, ctx, pool, monitor)
    }
}

weir_guest::export_protocol!(SitePolicy);

#[cfg(test)]
mod tests;

// In the sandbox tests/examples asks the same of the component, under the configuration of weir-plugin.toml.
#[cfg(test)]
weir_testkit::protocol_tests!(SitePolicy, "cases", natively);

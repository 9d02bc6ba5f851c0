//! The shipped plugin for Octavia's protocol UDP: OVN balances its connections by transport udp.
//!
//! Reads what a call hands it, answers, and does nothing else.

use weir_guest::l4::{self, L4};
use weir_guest::{
    Context, Description, HealthCheck, Listener, Member, Monitor, Plugin, Pool, Protocol, Refusal, Share,
    Translation,
};

const L4: L4 = L4 {
    name: "udp",
    version: env!("CARGO_PKG_VERSION"),
    protocol: "UDP",
    transport: "udp",
    fallback: false,
    monitors: &["UDP-CONNECT"],
};

/// Octavia's UDP.
#[derive(Debug)]
pub struct Udp;

impl Plugin for Udp {
    fn describe() -> Description {
        L4.describe()
    }
}

impl Protocol for Udp {
    fn translate(
        ctx: &Context,
        listener: Option<&Listener>,
        pool: Option<&Pool>,
        members: &[Member],
        shares: &[Share],
    ) -> Result<Translation, Refusal> {
        l4::translate(&L4, ctx, listener, pool, members, shares)
    }

    fn check_members(ctx: &Context, pool: &Pool, members: &[Member]) -> Vec<(u32, Refusal)> {
        l4::check_members(&L4, ctx, pool, members)
    }

    fn plan_monitor(ctx: &Context, pool: &Pool, monitor: &Monitor) -> Result<HealthCheck, Refusal> {
        l4::plan_monitor(&L4, ctx, pool, monitor)
    }
}

weir_guest::export_protocol!(Udp);

#[cfg(test)]
mod tests;

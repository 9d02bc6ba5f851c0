//! The shipped plugin for Octavia's protocol TCP: OVN balances its connections by transport tcp.
//!
//! Reads what a call hands it, answers, and does nothing else.

use weir_guest::l4::{self, L4};
use weir_guest::{
    Context, Description, HealthCheck, Listener, Member, Monitor, Plugin, Pool, Protocol, Refusal, Share,
    Translation,
};

const L4: L4 = L4 {
    name: "tcp",
    version: env!("CARGO_PKG_VERSION"),
    protocol: "TCP",
    transport: "tcp",
    fallback: true,
    monitors: &["TCP"],
};

/// Octavia's TCP.
#[derive(Debug)]
pub struct Tcp;

impl Plugin for Tcp {
    fn describe() -> Description {
        L4.describe()
    }
}

impl Protocol for Tcp {
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

weir_guest::export_protocol!(Tcp);

#[cfg(test)]
mod tests;

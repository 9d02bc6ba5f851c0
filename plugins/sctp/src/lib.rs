//! The shipped plugin for Octavia's protocol SCTP: OVN balances its connections by transport sctp.
//!
//! Reads what a call hands it, answers, and does nothing else.

use weir_guest::l4::{self, L4};
use weir_guest::{
    Context, Description, HealthCheck, Listener, Member, Monitor, Plugin, Pool, Protocol, Refusal, Share,
    Translation,
};

const L4: L4 = L4 {
    name: "sctp",
    version: env!("CARGO_PKG_VERSION"),
    protocol: "SCTP",
    transport: "sctp",
    fallback: false,
    monitors: &[],
};

/// Octavia's SCTP.
#[derive(Debug)]
pub struct Sctp;

impl Plugin for Sctp {
    fn describe() -> Description {
        L4.describe()
    }
}

impl Protocol for Sctp {
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

weir_guest::export_protocol!(Sctp);

#[cfg(test)]
mod tests;

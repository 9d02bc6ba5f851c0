//! my-plugin: an OVN plugin for Octavia's protocols TCP and HTTPS, written in Rust.
//!
//! The host asks four questions (wit/about.wit, wit/protocol.wit); the two traits below answer them. Everything here is
//! pure: the same question has the same answer. There is no file, no socket, no clock and no random number, and nothing
//! is kept from one call to the next, since each call runs in a fresh copy of this program.

use weir_guest::l4::{self, L4};
use weir_guest::{
    Context, Description, HealthCheck, Listener, Member, Monitor, Plugin, Pool, Protocol, Refusal, Share, Translation,
};

/// What OVN balances by connection is alike but for these words; `l4` does the rest.
const TCP: L4 = L4 {
    name: "my-plugin",
    version: env!("CARGO_PKG_VERSION"),
    // Octavia's words, as in `listener.protocol` and `pool.protocol`.
    protocols: &["TCP", "HTTPS"],
    // The Northbound's word, as in `Load_Balancer.protocol`.
    transport: "tcp",
    // Also asked for the transport of a load balancer without listeners.
    fallback: true,
    // Octavia's kinds of health monitor that OVN can run for this transport.
    monitors: &["TCP"],
};

/// The plugin. It holds nothing.
#[derive(Debug)]
pub struct MyPlugin;

impl Plugin for MyPlugin {
    /// What it is called and what it serves. `Description` has more: a JSON Schema of its configuration, and the keys of
    /// `Load_Balancer.options` that it may set.
    fn describe() -> Description {
        TCP.describe()
    }
}

impl Protocol for MyPlugin {
    /// What a listener with its pool becomes: for each VIP and port, which members answer behind it. Members and VIPs are
    /// named by index. Any part may be absent; what is there is judged all the same.
    fn translate(
        ctx: &Context,
        listener: Option<&Listener>,
        pool: Option<&Pool>,
        members: &[Member],
        shares: &[Share],
    ) -> Result<Translation, Refusal> {
        // A wish that cannot be carried out is refused, in words for the user:
        // if listener.is_some_and(|l| l.port == 25) {
        //     return Err(Refusal::new("mail-port", "listener.protocol_port", "no mail is balanced here; choose another port than 25"));
        // }
        l4::translate(&TCP, ctx, listener, pool, members, shares)
    }

    /// Every bad member at once: its index, and why.
    fn check_members(ctx: &Context, pool: &Pool, members: &[Member]) -> Vec<(u32, Refusal)> {
        l4::check_members(&TCP, ctx, pool, members)
    }

    /// The numbers of OVN's health check for a monitor, or why there cannot be one.
    fn plan_monitor(ctx: &Context, pool: &Pool, monitor: &Monitor) -> Result<HealthCheck, Refusal> {
        l4::plan_monitor(&TCP, ctx, pool, monitor)
    }
}

weir_guest::export_protocol!(MyPlugin);

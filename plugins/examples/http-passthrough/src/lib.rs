//! An example of a protocol plugin that serves a word of Octavia's by what OVN can do: HTTP listeners, as connections that
//! pass through as they are. Nobody reads the requests in them.
//!
//! It also shows how to wrap `weir_guest::l4`: where a plugin differs in one thing, it decides that one thing and hands
//! the rest on. Here it is what is said about headers, which is what people who ask for HTTP want most.

use weir_guest::l4::{self, L4};
use weir_guest::{
    Context, Description, HealthCheck, Listener, Member, Monitor, Plugin, Pool, Protocol, Refusal, Share,
    Translation, value,
};

const L4: L4 = L4 {
    name: "http-passthrough",
    version: env!("CARGO_PKG_VERSION"),
    // Pools of HTTP too: Octavia gives an HTTP listener no other that OVN could serve (PROXY needs a header).
    protocols: &["HTTP"],
    transport: "tcp",
    // Also asked for what has no listener? No: that is the shipped plugin's.
    fallback: false,
    // OVN opens a connection and closes it. It does not fetch a page.
    monitors: &["TCP"],
};

/// Octavia's HTTP, unread.
#[derive(Debug)]
pub struct HttpPassthrough;

/// Headers cannot be had, as in `l4`; but the one that is asked for most is not needed.
fn headers(listener: &Listener) -> Result<(), Refusal> {
    match value(&listener.extra, "insert_headers") {
        // Octavia's JSON text; its names are enough to know what is meant.
        Some(asked) if asked.contains("X-Forwarded-For") => Err(Refusal::new(
            "unsupported-insert-headers",
            "listener.insert_headers",
            "OVN forwards HTTP without reading it, so it adds no X-Forwarded-For; leave insert_headers unset: a member sees \
             the client's own address, since OVN does not change where a connection comes from",
        )
        .operator(
            "insert_headers with X-Forwarded-For: members see clients' own addresses, unless a router has lb_force_snat_ip",
        )),
        _ => Ok(()),
    }
}

impl Plugin for HttpPassthrough {
    fn describe() -> Description {
        L4.describe()
    }
}

impl Protocol for HttpPassthrough {
    fn translate(
        ctx: &Context,
        listener: Option<&Listener>,
        pool: Option<&Pool>,
        members: &[Member],
        shares: &[Share],
    ) -> Result<Translation, Refusal> {
        listener.map_or(Ok(()), headers)?;
        // Refuses whatever else needs somebody who reads: other headers, layer 7 policies, HSTS.
        l4::translate(&L4, ctx, listener, pool, members, shares)
    }

    fn check_members(ctx: &Context, pool: &Pool, members: &[Member]) -> Vec<(u32, Refusal)> {
        l4::check_members(&L4, ctx, pool, members)
    }

    fn plan_monitor(ctx: &Context, pool: &Pool, monitor: &Monitor) -> Result<HealthCheck, Refusal> {
        l4::plan_monitor(&L4, ctx, pool, monitor)
    }
}

weir_guest::export_protocol!(HttpPassthrough);

#[cfg(test)]
mod tests {
    use super::*;
    use weir_guest::testing;
    use weir_plugin_tcp::Tcp;

    /// The answer is the one that the shipped plugin gives to TCP: they can share a row.
    #[test]
    fn it_is_what_tcp_is() {
        let ctx = testing::context(&["198.51.100.1", "2001:db8::1"]);
        let members = ["192.0.2.1:8080", "[2001:db8::9]:9080"].map(testing::member);
        let shares = weir_guest::shares_evenly(&members);
        let translated = |of: Result<Translation, Refusal>| format!("{:?}", of.unwrap());
        let (listener, pool) = (testing::listener("TCP"), testing::pool("TCP", ""));
        let shipped = translated(Tcp::translate(&ctx, Some(&listener), Some(&pool), &members, &shares));
        let (listener, pool) = (testing::listener("HTTP"), testing::pool("HTTP", ""));
        let ours = HttpPassthrough::translate(&ctx, Some(&listener), Some(&pool), &members, &shares);
        assert_eq!(translated(ours), shipped);
    }
}

// In the sandbox tests/examples asks the same of the component.
#[cfg(test)]
weir_testkit::protocol_tests!(HttpPassthrough, "cases", natively);

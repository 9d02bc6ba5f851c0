//! An example of a protocol plugin that serves a word of Octavia's by what OVN can do: HTTPS listeners, as connections
//! that pass through as they are. Members hold the certificates and speak TLS themselves.
//!
//! It also shows how to wrap `weir_guest::l4`: where a plugin differs in one thing, it decides that one thing and hands
//! the rest on.

use std::borrow::Cow;

use weir_guest::l4::{self, L4};
use weir_guest::{
    Context, Description, HealthCheck, Listener, Member, Monitor, Plugin, Pool, Protocol, Refusal, Share,
    Translation,
};

const L4: L4 = L4 {
    name: "https-passthrough",
    version: env!("CARGO_PKG_VERSION"),
    protocol: "HTTPS",
    transport: "tcp",
    // Also asked for what has no listener? No: that is the shipped plugin's.
    fallback: false,
    // OVN opens a connection and closes it. It does not shake hands (TLS-HELLO) or fetch a page (HTTPS).
    monitors: &["TCP"],
};

/// Pools that an HTTPS listener may have. Octavia also allows PROXY and PROXYV2, which OVN cannot write.
const POOLS: &[&str] = &["HTTPS", "TCP"];

/// Octavia's HTTPS, unread.
#[derive(Debug)]
pub struct HttpsPassthrough;

/// A pool that an HTTPS listener may have, as `l4` wants it: of the listener's own protocol.
fn as_own(pool: &Pool) -> Result<Cow<'_, Pool>, Refusal> {
    match pool.protocol.as_str() {
        "HTTPS" => Ok(Cow::Borrowed(pool)),
        // Nobody reads what is in the connection, so the two mean the same here.
        "TCP" => Ok(Cow::Owned(Pool { protocol: L4.protocol.into(), ..pool.clone() })),
        other => Err(Refusal::unsupported(
            "protocol-mismatch",
            "pool.protocol",
            "forward HTTPS to a pool of",
            other,
            POOLS,
        )),
    }
}

impl Plugin for HttpsPassthrough {
    fn describe() -> Description {
        L4.describe()
    }
}

impl Protocol for HttpsPassthrough {
    fn translate(
        ctx: &Context,
        listener: Option<&Listener>,
        pool: Option<&Pool>,
        members: &[Member],
        shares: &[Share],
    ) -> Result<Translation, Refusal> {
        // A pool of TCP is one of ours only behind a listener of ours; by itself it is the shipped plugin's, and `l4`
        // refuses it.
        let pool = match pool {
            Some(pool) if listener.is_some() => Some(as_own(pool)?),
            pool => pool.map(Cow::Borrowed),
        };
        // Refuses what needs somebody who reads: certificates, TLS versions, ALPN, headers, layer 7 policies.
        l4::translate(&L4, ctx, listener, pool.as_deref(), members, shares)
    }

    fn check_members(ctx: &Context, pool: &Pool, members: &[Member]) -> Vec<(u32, Refusal)> {
        // The same for every pool.
        l4::check_members(&L4, ctx, pool, members)
    }

    fn plan_monitor(ctx: &Context, pool: &Pool, monitor: &Monitor) -> Result<HealthCheck, Refusal> {
        l4::plan_monitor(&L4, ctx, &*as_own(pool)?, monitor)
    }
}

weir_guest::export_protocol!(HttpsPassthrough);

#[cfg(test)]
mod tests {
    use super::*;
    use weir_guest::testing;
    use weir_plugin_tcp::Tcp;

    /// The answer is the one that the shipped plugin gives to TCP: they can share a row.
    #[test]
    fn it_is_what_tcp_is() {
        let ctx = testing::context(&["198.51.100.1", "2001:db8::1"]);
        let members = ["192.0.2.1:8443", "[2001:db8::9]:9443"].map(testing::member);
        let shares = weir_guest::shares_evenly(&members);
        let translated = |of: Result<Translation, Refusal>| format!("{:?}", of.unwrap());
        let (listener, pool) = (testing::listener("TCP"), testing::pool("TCP", ""));
        let shipped = translated(Tcp::translate(&ctx, Some(&listener), Some(&pool), &members, &shares));
        for protocol in POOLS {
            let (listener, pool) = (testing::listener("HTTPS"), testing::pool(protocol, ""));
            let ours = HttpsPassthrough::translate(&ctx, Some(&listener), Some(&pool), &members, &shares);
            assert_eq!(translated(ours), shipped);
        }
    }
}

// In the sandbox tests/examples asks the same of the component.
#[cfg(test)]
weir_testkit::protocol_tests!(HttpsPassthrough, "cases", natively);

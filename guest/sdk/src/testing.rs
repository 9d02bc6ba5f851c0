//! Something to ask with, in few words: for the tests of a plugin. Change what a test is about:
//!
//! ```
//! use weir_guest::testing;
//!
//! let listener = weir_guest::Listener { enabled: false, ..testing::listener("PIGEON") };
//! assert_eq!((listener.protocol.as_str(), listener.port), ("PIGEON", 80));
//! ```

use std::net::{IpAddr, SocketAddr};

use crate::{Context, Family, Health, Listener, Member, Monitor, Pool, Vip};

/// The family that a text is an address of; IPv4 where it is none.
///
/// ```
/// assert_eq!(weir_guest::testing::family("2001:db8::1"), weir_guest::Family::Ipv6);
/// ```
pub fn family(address: &str) -> Family {
    if address.parse::<IpAddr>().is_ok_and(|a| a.is_ipv6()) { Family::Ipv6 } else { Family::Ipv4 }
}

/// A VIP at an address.
pub fn vip(address: &str) -> Vip {
    Vip { address: address.into(), family: family(address), floating: false }
}

/// A load balancer with these VIPs, on a Northbound of which nothing is known.
pub fn context(vips: &[&str]) -> Context {
    Context {
        capabilities: vec![],
        config: String::new(),
        flavor: vec![],
        project_id: "11111111111111111111111111111111".into(),
        vips: vips.iter().map(|a| vip(a)).collect(),
        extra: vec![],
    }
}

/// An enabled listener of a protocol at port 80.
pub fn listener(protocol: &str) -> Listener {
    Listener { protocol: protocol.into(), port: 80, enabled: true, allowed_cidrs: vec![], extra: vec![] }
}

/// An enabled pool without persistence and monitor.
pub fn pool(protocol: &str, algorithm: &str) -> Pool {
    Pool {
        protocol: protocol.into(),
        algorithm: algorithm.into(),
        persistence: None,
        monitor: None,
        enabled: true,
        extra: vec![],
    }
}

/// An enabled member of weight 1 at `address:port` or `[address]:port`; at port 80 where `at` is an address alone.
///
/// ```
/// use weir_guest::{Family, testing::member};
///
/// assert_eq!((member("192.0.2.1:8080").port, member("192.0.2.1").port), (8080, 80));
/// let six = member("[2001:db8::1]:53");
/// assert_eq!((six.address.as_str(), six.family, six.port), ("2001:db8::1", Family::Ipv6, 53));
/// ```
pub fn member(at: &str) -> Member {
    let (address, port) = match at.parse::<SocketAddr>() {
        Ok(socket) => (socket.ip().to_string(), socket.port()),
        Err(_) => (at.to_owned(), 80),
    };
    Member {
        family: family(&address),
        address,
        port,
        weight: 1,
        backup: false,
        enabled: true,
        health: Health::Unknown,
        extra: vec![],
    }
}

/// An enabled monitor of a kind: every 5 s, failed after 3 s, 2 good or 3 bad probes until it is said.
pub fn monitor(kind: &str) -> Monitor {
    Monitor { kind: kind.into(), delay_s: 5, timeout_s: 3, rise: 2, fall: 3, enabled: true, extra: vec![] }
}

//! What questions are made of.

use weir_guest::{Context, Member, Pool, Share, Vip, shares_evenly, testing};

use crate::octavia::words;

/// Sets of VIPs, by name; floating IPs begin with `*`.
pub(super) const VIPS: [(&str, &[&str]); 5] = [
    ("an IPv4 VIP", &["198.51.100.1"]),
    ("an IPv6 VIP", &["2001:db8::1"]),
    ("VIPs of both families", &["198.51.100.1", "2001:db8::1"]),
    ("several VIPs and a floating IP", &["198.51.100.1", "198.51.100.2", "2001:db8::1", "*203.0.113.1"]),
    ("no VIP", &[]),
];

pub(super) fn context(vips: &[&str]) -> Context {
    let vip = |at: &&str| match at.strip_prefix('*') {
        Some(floating) => Vip { floating: true, ..testing::vip(floating) },
        None => testing::vip(at),
    };
    Context {
        capabilities: words().capabilities.clone(),
        vips: vips.iter().map(vip).collect(),
        ..testing::context(&[])
    }
}

/// Members of the VIPs' families in turn.
pub(super) fn members(count: usize, vips: &[&str]) -> Vec<Member> {
    let six = |n: usize| vips.get(n % vips.len().max(1)).is_some_and(|v| v.contains(':'));
    (0..count)
        .map(|n| {
            let at = if six(n) {
                format!("[2001:db8:1::{:x}]:8080", n + 1)
            } else {
                format!("192.0.2.{}:8080", n + 1)
            };
            testing::member(&at)
        })
        .collect()
}

/// Ten members, each spoiled by `change`.
pub(super) fn changed(change: impl Fn(usize, &mut Member)) -> Vec<Member> {
    let mut members = members(10, &["198.51.100.1"]);
    for (n, member) in members.iter_mut().enumerate() {
        change(n, member);
    }
    members
}

pub(super) fn shares(members: &[Member]) -> Vec<Share> {
    shares_evenly(members)
}

pub(super) fn pool(protocol: &str, algorithm: &str) -> Pool {
    testing::pool(protocol, algorithm)
}

/// Lists of members that any plugin may be given, by name.
pub(super) fn lists() -> Vec<(&'static str, Vec<Member>)> {
    use weir_guest::Health::{Offline, Online};
    vec![
        ("some members disabled", changed(|n, m| m.enabled = n % 3 != 0)),
        ("all members disabled", changed(|_, m| m.enabled = false)),
        ("weights of 0 to 256", changed(|n, m| m.weight = [0, 1, 256, 17].get(n % 4).copied().unwrap_or(1))),
        ("all weights 0", changed(|_, m| m.weight = 0)),
        ("some members for backup", changed(|n, m| m.backup = n % 2 == 0)),
        ("members online and offline", changed(|n, m| m.health = if n % 2 == 0 { Online } else { Offline })),
        ("a key of a member that nobody knows", changed(|_, m| m.extra = unknown())),
        (
            "the same address twice, at other ports",
            changed(|n, m| {
                m.address = "192.0.2.1".into();
                m.port = 8000 + u16::try_from(n).unwrap_or_default();
            }),
        ),
    ]
}

pub(super) fn unknown() -> Vec<(String, String)> {
    vec![("unheard_of".into(), "x".into())]
}

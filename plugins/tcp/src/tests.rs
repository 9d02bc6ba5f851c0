//! What this plugin adds to the translation it shares with the others (tested in `weir_guest::l4`).

use weir_guest::{
    Context, Family, Health, HealthCheck, Listener, Member, Monitor, Plugin as _, Pool, Protocol as _, Share,
    Vip,
};

use super::*;

fn context() -> Context {
    let vip = |address: &str, family, floating| Vip { address: address.into(), family, floating };
    Context {
        capabilities: vec![],
        config: String::new(),
        flavor: vec![],
        project_id: "p".into(),
        vips: vec![
            vip("198.51.100.1", Family::Ipv4, false),
            vip("2001:db8::1", Family::Ipv6, false),
            vip("203.0.113.1", Family::Ipv4, true),
        ],
        extra: vec![],
    }
}

fn listener() -> Listener {
    Listener { protocol: "TCP".into(), port: 80, enabled: true, allowed_cidrs: vec![], extra: vec![] }
}

fn pool() -> Pool {
    Pool {
        protocol: "TCP".into(),
        algorithm: "SOURCE_IP".into(),
        persistence: None,
        monitor: None,
        enabled: true,
        extra: vec![],
    }
}

fn members() -> Vec<Member> {
    let member = |address: &str, family, port| Member {
        address: address.into(),
        family,
        port,
        weight: 1,
        backup: false,
        enabled: true,
        health: Health::Unknown,
        extra: vec![],
    };
    vec![member("192.0.2.1", Family::Ipv4, 8080), member("2001:db8::9", Family::Ipv6, 8081)]
}

fn monitor(kind: &str) -> Monitor {
    Monitor { kind: kind.into(), delay_s: 7, timeout_s: 5, rise: 2, fall: 3, enabled: true, extra: vec![] }
}

#[test]
fn describes_itself() {
    let description = Tcp::describe();
    assert_eq!(description.name, "tcp");
    assert_eq!(description.protocols, ["TCP"]);
    assert!(description.algorithms.is_empty() && description.options.is_empty());
    assert!(description.fallback);
    assert_eq!(Tcp::check_config(""), Ok(()));
    assert_eq!(Tcp::check_config("{}").unwrap_err().code, "unexpected-config");
}

#[test]
fn a_listener_with_its_pool() {
    let shares = [Share { member: 0, copies: 1 }, Share { member: 1, copies: 2 }];
    let answer = Tcp::translate(&context(), Some(&listener()), Some(&pool()), &members(), &shares).unwrap();
    assert_eq!((answer.transport.as_str(), answer.empty_reason), ("tcp", None));
    let found: Vec<_> = answer
        .entries
        .iter()
        .map(|e| (e.vip, e.port, e.backends.iter().map(|b| (b.member, b.port, b.copies)).collect::<Vec<_>>()))
        .collect();
    assert_eq!(
        found,
        [(0, 80, vec![(0, 8080, 1)]), (1, 80, vec![(1, 8081, 2)]), (2, 80, vec![(0, 8080, 1)])]
    );
}

#[test]
fn a_load_balancer_without_listeners() {
    let answer = Tcp::translate(&context(), None, None, &[], &[]);
    if Tcp::describe().fallback {
        let answer = answer.unwrap();
        assert_eq!((answer.transport.as_str(), answer.entries.len()), ("tcp", 0));
    } else {
        assert_eq!(answer.unwrap_err().code, "not-the-fallback");
    }
}

#[test]
fn other_protocols() {
    let mut other = listener();
    other.protocol = "HTTP".into();
    let refusal = Tcp::translate(&context(), Some(&other), None, &[], &[]).unwrap_err();
    assert_eq!(
        (refusal.code.as_str(), refusal.field.as_str()),
        ("unsupported-protocol", "listener.protocol")
    );
    let mut other = pool();
    other.protocol = "HTTP".into();
    let refusal = Tcp::translate(&context(), Some(&listener()), Some(&other), &[], &[]).unwrap_err();
    assert_eq!((refusal.code.as_str(), refusal.field.as_str()), ("protocol-mismatch", "pool.protocol"));
    assert!(refusal.user.contains("HTTP") && refusal.user.contains("TCP"), "{}", refusal.user);
}

#[test]
fn members_of_both_families() {
    assert!(Tcp::check_members(&context(), &pool(), &members()).is_empty());
}

#[test]
fn monitors() {
    let check = Tcp::plan_monitor(&context(), &pool(), &monitor("TCP")).unwrap();
    assert_eq!(check, HealthCheck { interval_s: 7, timeout_s: 5, success: 2, failure: 3 });
    for kind in ["HTTP", "HTTPS", "PING", "TLS-HELLO", "UDP-CONNECT", "SCTP"] {
        let refusal = Tcp::plan_monitor(&context(), &pool(), &monitor(kind)).unwrap_err();
        assert_eq!(refusal.field, "healthmonitor.type");
        assert_eq!(
            refusal.user,
            format!("OVN cannot check the members of a pool of TCP by {kind}; choose TCP")
        );
    }
}

//! What this plugin adds to the translation it shares with the others (tested in `weir_guest::l4` and beside TCP's).

use weir_guest::{Context, Listener, Monitor, Plugin as _, Pool, Protocol as _};

use super::*;

fn context() -> Context {
    Context {
        capabilities: vec![],
        config: String::new(),
        flavor: vec![],
        project_id: "p".into(),
        vips: vec![],
        extra: vec![],
    }
}

fn pool() -> Pool {
    let (protocol, algorithm) = ("UDP".into(), "SOURCE_IP".into());
    Pool { protocol, algorithm, persistence: None, monitor: None, enabled: true, extra: vec![] }
}

fn monitor(kind: &str) -> Monitor {
    Monitor { kind: kind.into(), delay_s: 7, timeout_s: 5, rise: 2, fall: 3, enabled: true, extra: vec![] }
}

#[test]
fn serves_its_own_protocol_over_its_own_transport_only() {
    let description = Udp::describe();
    assert_eq!((description.name.as_str(), description.fallback), ("udp", false));
    assert_eq!(description.protocols, ["UDP"]);
    let listener = |protocol: &str| Listener {
        protocol: protocol.into(),
        port: 80,
        enabled: true,
        allowed_cidrs: vec![],
        extra: vec![],
    };
    let answer = Udp::translate(&context(), Some(&listener("UDP")), Some(&pool()), &[], &[]).unwrap();
    assert_eq!(answer.transport, "udp");
    assert!(Udp::translate(&context(), Some(&listener("TCP")), None, &[], &[]).is_err());
    assert!(Udp::translate(&context(), Some(&listener("TCP")), Some(&pool()), &[], &[]).is_err());
    assert!(Udp::translate(&context(), None, None, &[], &[]).is_err(), "it is not the fallback");
}

#[test]
fn monitors() {
    let check = Udp::plan_monitor(&context(), &pool(), &monitor("UDP-CONNECT")).unwrap();
    assert_eq!((check.interval_s, check.timeout_s, check.success, check.failure), (7, 5, 2, 3));
    for kind in ["HTTP", "PING", "TCP", "UDP"] {
        let refusal = Udp::plan_monitor(&context(), &pool(), &monitor(kind)).unwrap_err();
        assert_eq!(refusal.code, "unsupported-monitor-type");
        assert!(refusal.user.ends_with(&format!("by {kind}; choose UDP-CONNECT")), "{}", refusal.user);
    }
}

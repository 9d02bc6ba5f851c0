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
    let (protocol, algorithm) = ("SCTP".into(), "SOURCE_IP".into());
    Pool { protocol, algorithm, persistence: None, monitor: None, enabled: true, extra: vec![] }
}

fn monitor(kind: &str) -> Monitor {
    Monitor { kind: kind.into(), delay_s: 7, timeout_s: 5, rise: 2, fall: 3, enabled: true, extra: vec![] }
}

#[test]
fn serves_its_own_protocol_over_its_own_transport_only() {
    let description = Sctp::describe();
    assert_eq!((description.name.as_str(), description.fallback), ("sctp", false));
    assert_eq!(description.protocols, ["SCTP"]);
    let listener = |protocol: &str| Listener {
        protocol: protocol.into(),
        port: 80,
        enabled: true,
        allowed_cidrs: vec![],
        extra: vec![],
    };
    let answer = Sctp::translate(&context(), Some(&listener("SCTP")), Some(&pool()), &[], &[]).unwrap();
    assert_eq!(answer.transport, "sctp");
    assert!(Sctp::translate(&context(), Some(&listener("TCP")), None, &[], &[]).is_err());
    assert!(Sctp::translate(&context(), Some(&listener("TCP")), Some(&pool()), &[], &[]).is_err());
    assert!(Sctp::translate(&context(), None, None, &[], &[]).is_err(), "it is not the fallback");
}

#[test]
fn no_monitors() {
    for kind in ["SCTP", "TCP", "UDP-CONNECT", "PING"] {
        let refusal = Sctp::plan_monitor(&context(), &pool(), &monitor(kind)).unwrap_err();
        assert_eq!(refusal.code, "unsupported-monitor-type");
        assert!(refusal.user.ends_with("create the pool without a health monitor"), "{}", refusal.user);
    }
}

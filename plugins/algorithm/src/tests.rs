//! Fields, affinity, shares, and what is refused.

use super::*;
use weir_guest::{Health, Vip};

fn context(families: &[Family], capabilities: &[&str]) -> Context {
    Context {
        capabilities: capabilities.iter().map(|c| (*c).into()).collect(),
        config: String::new(),
        flavor: vec![],
        project_id: "p".into(),
        vips: families
            .iter()
            .map(|family| Vip { address: "x".into(), family: *family, floating: false })
            .collect(),
        extra: vec![],
    }
}

fn pool(algorithm: &str) -> Pool {
    Pool {
        protocol: "TCP".into(),
        algorithm: algorithm.into(),
        persistence: None,
        monitor: None,
        enabled: true,
        extra: vec![],
    }
}

fn persistent(kind: &str, timeout_s: Option<u32>, granularity: Option<&str>) -> Pool {
    let extra =
        granularity.map(|g| ("persistence_granularity".to_owned(), g.to_owned())).into_iter().collect();
    Pool { persistence: Some(Persistence { kind: kind.into(), timeout_s, extra }), ..pool("SOURCE_IP") }
}

fn member(weight: u16, enabled: bool) -> Member {
    Member {
        address: "192.0.2.1".into(),
        family: Family::Ipv4,
        port: 80,
        weight,
        backup: false,
        enabled,
        health: Health::Offline,
        extra: vec![],
    }
}

fn ask(pool: &Pool) -> Result<Distribution, Refusal> {
    Hashing::distribute(&context(&[Family::Ipv4], &[]), Some(pool), &[])
}

#[test]
fn fields_of_an_algorithm() {
    assert_eq!(
        ask(&pool("SOURCE_IP_PORT")).unwrap().selection_fields,
        ["ip_dst", "ip_src", "tp_dst", "tp_src"]
    );
    assert_eq!(ask(&pool("SOURCE_IP")).unwrap().selection_fields, ["ip_dst", "ip_src"]);
    assert_eq!(Hashing::describe().algorithms, ["SOURCE_IP_PORT", "SOURCE_IP"]);
}

#[test]
fn without_a_pool_the_default() {
    let answer = Hashing::distribute(&context(&[], &[]), None, &[]).unwrap();
    assert_eq!(answer, ask(&pool(ALGORITHMS[0])).unwrap());
    assert!(Hashing::describe().fallback);
}

#[test]
fn fields_of_ipv6_where_there_are_such_vips_and_such_fields() {
    let both = ["selection-field:ipv6_dst", "selection-field:ipv6_src"];
    let fields = |families: &[Family], capabilities: &[&str]| {
        Hashing::distribute(&context(families, capabilities), Some(&pool("SOURCE_IP")), &[])
            .unwrap()
            .selection_fields
    };
    let mixed = [Family::Ipv4, Family::Ipv6];
    assert_eq!(fields(&mixed, &both), ["ip_dst", "ip_src", "ipv6_dst", "ipv6_src"]);
    assert_eq!(fields(&[Family::Ipv6], &both), ["ip_dst", "ip_src", "ipv6_dst", "ipv6_src"]);
    assert_eq!(fields(&[Family::Ipv4], &both), ["ip_dst", "ip_src"]);
    assert_eq!(fields(&mixed, &[]), ["ip_dst", "ip_src"]);
}

#[test]
fn other_algorithms_are_refused() {
    for other in ["ROUND_ROBIN", "LEAST_CONNECTIONS", "source_ip", ""] {
        let refusal = ask(&pool(other)).unwrap_err();
        assert_eq!(
            (refusal.code.as_str(), refusal.field.as_str()),
            ("unsupported-algorithm", "pool.lb_algorithm")
        );
    }
    assert_eq!(
        ask(&pool("ROUND_ROBIN")).unwrap_err().user,
        "OVN cannot balance by ROUND_ROBIN; choose SOURCE_IP_PORT or SOURCE_IP"
    );
}

#[test]
fn affinity_of_a_persistent_pool() {
    let timeout = |asked| ask(&persistent("SOURCE_IP", asked, None)).unwrap().options;
    let option = |value: &str| vec![("affinity_timeout".to_owned(), value.to_owned())];
    assert_eq!(timeout(None), option("360"));
    assert_eq!(timeout(Some(1)), option("1"));
    assert_eq!(timeout(Some(65_535)), option("65535"));
    assert!(ask(&pool("SOURCE_IP")).unwrap().options.is_empty());
    assert_eq!(Hashing::describe().options, ["affinity_timeout"]);
    for asked in [0, 65_536, u32::MAX] {
        let refusal = ask(&persistent("SOURCE_IP", Some(asked), None)).unwrap_err();
        assert_eq!(refusal.code, "invalid-persistence-timeout");
        assert!(refusal.user.contains(&asked.to_string()), "{}", refusal.user);
    }
}

#[test]
fn persistence_by_cookie_is_refused() {
    for kind in ["HTTP_COOKIE", "APP_COOKIE"] {
        let refusal = ask(&persistent(kind, None, None)).unwrap_err();
        assert_eq!(refusal.field, "pool.session_persistence.type");
        assert_eq!(
            refusal.user,
            format!("OVN cannot keep a client with its member by {kind}; choose SOURCE_IP")
        );
    }
}

#[test]
fn granularity_is_one_client() {
    let ones = "FFFF:ffff:ffff:ffff:ffff:ffff:ffff:ffff";
    for granularity in [None, Some("255.255.255.255"), Some(ones)] {
        assert!(ask(&persistent("SOURCE_IP", None, granularity)).is_ok(), "{granularity:?}");
    }
    for granularity in ["255.255.255.0", "ffff::", ""] {
        let refusal = ask(&persistent("SOURCE_IP", None, Some(granularity))).unwrap_err();
        assert_eq!(refusal.code, "unsupported-persistence-granularity");
    }
}

#[test]
fn shares_are_even_and_weight_zero_has_none() {
    let members = [member(1, true), member(0, true), member(256, true), member(1, false)];
    let answer = Hashing::distribute(&context(&[], &[]), Some(&pool("SOURCE_IP")), &members).unwrap();
    let shares: Vec<_> = answer.shares.iter().map(|s| (s.member, s.copies)).collect();
    assert_eq!(shares, [(0, 1), (2, 1)]);
}

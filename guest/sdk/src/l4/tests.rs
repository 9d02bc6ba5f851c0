//! What every protocol of connections has in common, with one that nobody has.

use super::*;
use crate::{Context, Family, Health, Listener, Member, Pool, Refusal, Share, Translation, Vip};

const PIGEON: L4 = L4 {
    name: "pigeon",
    version: "1",
    protocols: &["PIGEON", "DOVE"],
    transport: "pigeon",
    fallback: false,
    monitors: &["COO"],
};

fn context(vips: &[(Family, bool)]) -> Context {
    let vip = |(family, floating)| Vip { address: "x".into(), family, floating };
    Context {
        capabilities: vec![],
        config: String::new(),
        flavor: vec![],
        project_id: "p".into(),
        vips: vips.iter().copied().map(vip).collect(),
        extra: vec![],
    }
}

fn listener() -> Listener {
    Listener { protocol: "PIGEON".into(), port: 80, enabled: true, allowed_cidrs: vec![], extra: vec![] }
}

fn pool() -> Pool {
    Pool {
        protocol: "PIGEON".into(),
        algorithm: String::new(),
        persistence: None,
        monitor: None,
        enabled: true,
        extra: vec![],
    }
}

fn member(family: Family, port: u16, enabled: bool) -> Member {
    Member {
        address: "x".into(),
        family,
        port,
        weight: 1,
        backup: false,
        enabled,
        health: Health::Unknown,
        extra: vec![],
    }
}

fn all(members: &[Member]) -> Vec<Share> {
    (0..).zip(members).map(|(member, _)| Share { member, copies: 1 }).collect()
}

fn ask(ctx: &Context, members: &[Member], shares: &[Share]) -> Translation {
    translate(&PIGEON, ctx, Some(&listener()), Some(&pool()), members, shares).unwrap()
}

/// Each entry's VIP and members.
fn who(answer: &Translation) -> Vec<(u32, Vec<u32>)> {
    answer.entries.iter().map(|e| (e.vip, e.backends.iter().map(|b| b.member).collect())).collect()
}

use Family::{Ipv4, Ipv6};

#[test]
fn each_vip_has_the_members_of_its_family_in_order() {
    let ctx = context(&[(Ipv6, false), (Ipv4, false), (Ipv4, true), (Ipv6, true)]);
    let members = [member(Ipv4, 1, true), member(Ipv6, 2, true), member(Ipv4, 3, true)];
    let answer = ask(&ctx, &members, &all(&members));
    // A floating IPv6 address does not exist.
    assert_eq!(who(&answer), [(0, vec![1]), (1, vec![0, 2]), (2, vec![0, 2])]);
    assert_eq!(answer.entries[1].backends[1].port, 3);
    assert!(answer.entries.iter().all(|e| e.port == 80));
    assert_eq!(answer.empty_reason, None);
}

#[test]
fn a_member_counts_if_enabled_and_with_a_share() {
    let ctx = context(&[(Ipv4, false)]);
    let members =
        [member(Ipv4, 1, false), member(Ipv4, 1, true), member(Ipv4, 1, true), member(Ipv4, 0, true)];
    let shares = [(0, 1), (2, 5), (3, 1), (9, 1)].map(|(member, copies)| Share { member, copies });
    let answer = ask(&ctx, &members, &shares);
    assert_eq!(who(&answer), [(0, vec![2])]);
    assert_eq!(answer.entries[0].backends[0].copies, 5);
}

#[test]
fn an_empty_answer_says_why() {
    let ctx = context(&[(Ipv4, false)]);
    let reason = |ctx: &Context, members: &[Member], shares: &[Share]| {
        let answer = ask(ctx, members, shares);
        assert!(answer.entries.is_empty());
        answer.empty_reason.unwrap()
    };
    let one = [member(Ipv4, 1, true)];
    assert_eq!(reason(&context(&[]), &one, &all(&one)), "the load balancer has no VIP");
    assert_eq!(reason(&ctx, &[], &[]), "the pool has no members");
    let off = [member(Ipv4, 1, false)];
    assert_eq!(reason(&ctx, &off, &all(&off)), "all members are disabled");
    assert_eq!(reason(&ctx, &one, &[]), "no enabled member has a share of the connections");
    let six = [member(Ipv6, 1, true)];
    assert_eq!(reason(&ctx, &six, &all(&six)), "no usable member has the IP version of a VIP");
}

#[test]
fn parts_alone_give_the_transport() {
    let ctx = context(&[(Ipv4, false)]);
    let members = [member(Ipv4, 1, true)];
    let shares = all(&members);
    let (on_listener, on_pool) = (listener(), pool());
    let off_listener = Listener { enabled: false, ..listener() };
    let off_pool = Pool { enabled: false, ..pool() };
    for (listener, pool, reason) in [
        (None, Some(&on_pool), "there is no listener"),
        (Some(&on_listener), None, "the listener has no pool"),
        (Some(&off_listener), Some(&on_pool), "the listener is disabled"),
        (Some(&on_listener), Some(&off_pool), "the pool is disabled"),
    ] {
        let answer = translate(&PIGEON, &ctx, listener, pool, &members, &shares).unwrap();
        assert_eq!((answer.transport.as_str(), answer.entries.len()), ("pigeon", 0));
        assert_eq!(answer.empty_reason.as_deref(), Some(reason));
    }
}

fn refusal_of_listener(listener: &Listener) -> Refusal {
    translate(&PIGEON, &context(&[]), Some(listener), None, &[], &[]).unwrap_err()
}

#[test]
fn what_nobody_reads_is_refused() {
    for key in [
        "insert_headers",
        "default_tls_container_ref",
        "sni_container_refs",
        "client_ca_tls_container_ref",
        "l7policies",
        "hsts_max_age",
        "alpn_protocols",
        "tls_ciphers",
    ] {
        let mut asked = listener();
        asked.extra = vec![("connection_limit".into(), "-1".into()), (key.into(), "x".into())];
        let refusal = refusal_of_listener(&asked);
        assert_eq!(refusal.field, format!("listener.{key}"));
        assert_eq!(refusal.code, format!("unsupported-{}", key.replace('_', "-")));
    }
    for key in ["tls_enabled", "tls_container_ref", "ca_tls_container_ref", "alpn_protocols"] {
        let asked = Pool { extra: vec![(key.into(), "true".into())], ..pool() };
        let refusal = translate(&PIGEON, &context(&[]), None, Some(&asked), &[], &[]).unwrap_err();
        assert_eq!(refusal.field, format!("pool.{key}"));
    }
}

#[test]
fn all_words_mean_the_same() {
    let ctx = context(&[(Ipv4, false)]);
    let members = [member(Ipv4, 1, true)];
    let with = |listener_word: &str, pool_word: &str| {
        let listener = Listener { protocol: listener_word.into(), ..listener() };
        let pool = Pool { protocol: pool_word.into(), ..pool() };
        translate(&PIGEON, &ctx, Some(&listener), Some(&pool), &members, &all(&members))
    };
    for (listener, pool) in [("PIGEON", "DOVE"), ("DOVE", "PIGEON"), ("DOVE", "DOVE")] {
        assert_eq!(who(&with(listener, pool).unwrap()), [(0, vec![0])]);
    }
    let refusal = with("DOVE", "GULL").unwrap_err();
    assert_eq!(refusal.user, "OVN cannot forward DOVE to a pool of GULL; choose a pool of PIGEON or DOVE");
    let refusal = with("GULL", "DOVE").unwrap_err();
    assert_eq!(refusal.user, "OVN cannot translate here a listener of GULL; choose PIGEON or DOVE");
    assert_eq!(PIGEON.describe().protocols, ["PIGEON", "DOVE"]);
}

#[test]
fn limits_are_refused_unless_they_were_there() {
    let mut asked = listener();
    asked.extra = vec![("connection_limit".into(), "9".into()), ("timeout_member_data".into(), "1".into())];
    let mut ctx = context(&[]);
    let ask = |ctx: &Context| translate(&PIGEON, ctx, Some(&asked), None, &[], &[]);
    let refusal = ask(&ctx).unwrap_err();
    assert_eq!(refusal.field, "listener.connection_limit");
    assert!(refusal.user.contains("of 9") && refusal.user.contains("default, -1"), "{refusal:?}");
    ctx.extra = vec![("inherited".into(), "listener.connection_limit".into())];
    assert_eq!(ask(&ctx).unwrap_err().code, "unsupported-timeout-member-data");
    ctx.extra = vec![("inherited".into(), "listener.connection_limit listener.timeout_member_data".into())];
    assert!(ask(&ctx).is_ok());
}

#[test]
fn what_is_off_or_unknown_is_accepted() {
    let mut asked = listener();
    for (key, value) in [
        ("connection_limit", "-1"),
        ("insert_headers", "{}"),
        ("timeout_client_data", "50000"),
        ("tls_versions", "[]"),
        ("unheard_of", "x"),
    ] {
        asked.extra.push((key.into(), value.into()));
    }
    let off = Pool { extra: vec![("tls_enabled".into(), "false".into())], ..pool() };
    assert!(translate(&PIGEON, &context(&[]), Some(&asked), Some(&off), &[], &[]).is_ok());
}

#[test]
fn port_zero_is_refused() {
    let refusal = refusal_of_listener(&Listener { port: 0, ..listener() });
    assert_eq!(refusal.field, "listener.protocol_port");
}

#[test]
fn every_bad_member_is_named() {
    let ctx = context(&[(Ipv4, false), (Ipv6, true)]);
    let elsewhere = Member { extra: vec![("monitor_port".into(), "99".into())], ..member(Ipv4, 1, true) };
    let members = [member(Ipv6, 1, true), member(Ipv4, 1, true), elsewhere, member(Ipv4, 0, true)];
    let found: Vec<_> = check_members(&PIGEON, &ctx, &pool(), &members)
        .into_iter()
        .map(|(index, refusal)| (index, refusal.code, refusal.field))
        .collect();
    let one = |index, code: &str, field: &str| (index, code.to_owned(), field.to_owned());
    assert_eq!(
        found,
        [
            one(0, "ip-version-mismatch", "member.address"),
            one(2, "unsupported-monitor-port", "member.monitor_port"),
            one(3, "invalid-port", "member.protocol_port"),
        ]
    );
    // Where no VIP is known nothing can be said of families.
    assert!(check_members(&PIGEON, &context(&[]), &pool(), &members[..1]).is_empty());
}

//! A good answer passes; every way to spoil it is noticed, and said.

use super::*;
use crate::{
    Backend, Context, Description, Distribution, Entry, Family, HealthCheck, Limits, Listener, Member, Pool,
    Refusal, Share, Translation, Vip,
};

fn context() -> Context {
    let vip = |family, floating| Vip { address: "x".into(), family, floating };
    Context {
        capabilities: vec!["selection-field:a".into(), "selection-field:b".into(), "transport:t".into()],
        config: String::new(),
        flavor: vec![],
        project_id: "p".into(),
        vips: vec![vip(Family::Ipv4, false), vip(Family::Ipv6, false), vip(Family::Ipv6, true)],
        extra: vec![],
    }
}

fn listener() -> Listener {
    Listener { protocol: "P".into(), port: 80, enabled: true, allowed_cidrs: vec![], extra: vec![] }
}

fn pool() -> Pool {
    Pool {
        protocol: "P".into(),
        algorithm: "A".into(),
        persistence: None,
        monitor: None,
        enabled: true,
        extra: vec![],
    }
}

/// Two of IPv4, one of IPv6, one disabled, one without a share.
fn members() -> Vec<Member> {
    let member = |family, enabled| Member {
        address: "x".into(),
        family,
        port: 1,
        weight: 1,
        backup: false,
        enabled,
        health: crate::Health::Unknown,
        extra: vec![],
    };
    vec![
        member(Family::Ipv4, true),
        member(Family::Ipv4, true),
        member(Family::Ipv6, true),
        member(Family::Ipv4, false),
        member(Family::Ipv4, true),
    ]
}

fn shares() -> Vec<Share> {
    [0, 1, 2, 3].map(|member| Share { member, copies: 1 }).into()
}

fn good() -> Translation {
    let backend = |member| Backend { member, port: 1, copies: 1 };
    Translation {
        transport: "t".into(),
        entries: vec![
            Entry { vip: 0, port: 80, backends: vec![backend(0), backend(1)] },
            Entry { vip: 1, port: 80, backends: vec![backend(2)] },
        ],
        options: vec![("o".into(), "v".into())],
        empty_reason: None,
    }
}

fn judge(answer: &Translation, listener: Option<&Listener>, pool: Option<&Pool>) -> Result<(), Bad> {
    let (ctx, members, shares) = (context(), members(), shares());
    let asked = Asked { ctx: &ctx, listener, pool, members: &members, shares: &shares };
    translation(answer, &asked, &["o".into()], &Limits::default())
}

fn spoilt(words: &str, spoil: impl FnOnce(&mut Translation)) {
    let mut answer = good();
    spoil(&mut answer);
    let said = judge(&answer, Some(&listener()), Some(&pool())).unwrap_err();
    assert!(said.contains(words), "{said}");
}

#[test]
fn a_good_translation_passes() {
    assert_eq!(judge(&good(), Some(&listener()), Some(&pool())), Ok(()));
}

#[test]
fn a_spoilt_translation_does_not() {
    spoilt("no transport u", |t| t.transport = "u".into());
    spoilt("transport is not a word", |t| t.transport = String::new());
    spoilt("transport is not a word", |t| t.transport = "t t".into());
    spoilt("VIP 3 is named, but there are 3", |t| t.entries[0].vip = 3);
    spoilt("an entry with port 0", |t| t.entries[0].port = 0);
    spoilt("has two entries", |t| t.entries[1].vip = 0);
    spoilt("member 5 is named, but there are 5", |t| t.entries[0].backends[0].member = 5);
    spoilt("member 0 stands twice", |t| t.entries[0].backends[1].member = 0);
    spoilt("0 copies", |t| t.entries[0].backends[0].copies = 0);
    spoilt("65 copies", |t| t.entries[0].backends[0].copies = 65);
    spoilt("port 0", |t| t.entries[0].backends[0].port = 0);
    spoilt("another IP version", |t| t.entries[0].backends[0].member = 2);
    spoilt("disabled or has no share", |t| t.entries[0].backends[0].member = 3);
    spoilt("disabled or has no share", |t| t.entries[0].backends[0].member = 4);
    spoilt("entry without backends", |t| t.entries[1].backends.clear());
    spoilt("VIP 1 has usable members", |t| drop(t.entries.pop()));
    spoilt("option o stands twice", |t| t.options.push(("o".into(), "w".into())));
    spoilt("not printable", |t| t.options[0].1 = "a\nb".into());
    spoilt("too long", |t| t.options[0].1 = "a".repeat(257));
    spoilt("option p is not among", |t| t.options[0].0 = "p".into());
    spoilt("empty-reason is longer", |t| t.empty_reason = Some("a".repeat(2049)));
}

#[test]
fn an_empty_translation_needs_a_reason_where_members_are_usable() {
    let mut answer = good();
    answer.entries.clear();
    assert!(judge(&answer, Some(&listener()), Some(&pool())).is_err());
    // Nothing can flow: nothing need be said.
    assert_eq!(judge(&answer, None, Some(&pool())), Ok(()));
    assert_eq!(judge(&answer, Some(&listener()), None), Ok(()));
    assert_eq!(judge(&answer, Some(&listener()), Some(&Pool { enabled: false, ..pool() })), Ok(()));
    answer.empty_reason = Some("maintenance".into());
    assert_eq!(judge(&answer, Some(&listener()), Some(&pool())), Ok(()));
}

#[test]
fn nothing_flows_through_what_is_disabled_or_absent() {
    for (listener, pool) in [
        (None, Some(pool())),
        (Some(listener()), None),
        (Some(Listener { enabled: false, ..listener() }), Some(pool())),
        (Some(listener()), Some(Pool { enabled: false, ..pool() })),
    ] {
        let said = judge(&good(), listener.as_ref(), pool.as_ref()).unwrap_err();
        assert!(said.contains("entries without an enabled listener"), "{said}");
    }
}

#[test]
fn copies_count_as_items() {
    let mut answer = good();
    answer.entries[0].backends[0].copies = 64;
    let (ctx, members, shares, l, p) = (context(), members(), shares(), listener(), pool());
    let asked = Asked { ctx: &ctx, listener: Some(&l), pool: Some(&p), members: &members, shares: &shares };
    // An option, two entries, 64 + 1 + 1 backends.
    let limits = Limits { output_items: 69, ..Limits::default() };
    assert_eq!(translation(&answer, &asked, &["o".into()], &limits), Ok(()));
    let limits = Limits { output_items: 68, ..limits };
    assert!(translation(&answer, &asked, &["o".into()], &limits).is_err());
}

#[test]
fn distributions() {
    let good = Distribution {
        selection_fields: vec!["a".into(), "b".into()],
        options: vec![("o".into(), "v".into())],
        shares: shares(),
    };
    let judge = |d: &Distribution| distribution(d, &context(), 4, &["o".into()], &Limits::default());
    assert_eq!(judge(&good), Ok(()));
    let spoilt = |words: &str, spoil: fn(&mut Distribution)| {
        let mut answer = good.clone();
        spoil(&mut answer);
        let said = judge(&answer).unwrap_err();
        assert!(said.contains(words), "{said}");
    };
    spoilt("no selection-field c", |d| d.selection_fields[0] = "c".into());
    spoilt("selection field a stands twice", |d| d.selection_fields[1] = "a".into());
    spoilt("member 4 has a share", |d| d.shares[0].member = 4);
    spoilt("member 1 has two shares", |d| d.shares[0].member = 1);
    spoilt("share of 0 copies", |d| d.shares[0].copies = 0);
    spoilt("share of 65 copies", |d| d.shares[0].copies = 65);
    spoilt("option p", |d| d.options[0].0 = "p".into());
}

#[test]
fn a_schema_that_is_not_known_forbids_nothing() {
    let ctx = Context { capabilities: vec![], ..context() };
    let answer = Distribution { selection_fields: vec!["c".into()], options: vec![], shares: vec![] };
    assert_eq!(distribution(&answer, &ctx, 0, &[], &Limits::default()), Ok(()));
}

#[test]
fn health_checks_and_refusals() {
    let check = HealthCheck { interval_s: 1, timeout_s: 1, success: 1, failure: 1 };
    assert_eq!(health_check(&check), Ok(()));
    assert!(health_check(&HealthCheck { timeout_s: 0, ..check }).unwrap_err().contains("timeout"));

    let why = |code: &str, user: &str| Refusal {
        code: code.into(),
        field: "pool.x".into(),
        user: user.into(),
        operator: String::new(),
    };
    assert_eq!(refusal(&why("a-code", "because")), Ok(()));
    assert!(refusal(&why("", "because")).is_err());
    assert!(refusal(&why("a-code", " ")).is_err());
    assert!(refusal(&why("a-code", &"a".repeat(2049))).is_err());
    let good = why("a-code", "because");
    assert_eq!(refusals(&[(0, good.clone()), (2, good.clone())], 3), Ok(()));
    assert!(refusals(&[(3, good.clone())], 3).is_err());
    assert!(refusals(&[(1, good.clone()), (1, good)], 3).unwrap_err().contains("twice"));
}

#[test]
fn descriptions() {
    let good = Description {
        name: "a-name".into(),
        version: "1".into(),
        protocols: vec!["P".into()],
        algorithms: vec![],
        fallback: false,
        config_schema: String::new(),
        options: vec![],
    };
    assert_eq!(description(&good, true, false), Ok(()));
    assert!(description(&good, true, true).unwrap_err().contains("names no algorithms"));
    assert!(description(&good, false, false).unwrap_err().contains("does not export protocol"));
    let twice = Description { protocols: vec!["P".into(), "P".into()], ..good.clone() };
    assert!(description(&twice, true, false).unwrap_err().contains("twice"));
    let named = Description { name: "A Name".into(), ..good };
    assert!(description(&named, true, false).is_err());
}

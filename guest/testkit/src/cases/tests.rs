//! The format: what is read, what is an error, what is compared. With a plugin that answers what it was given.

use super::*;
use crate::Native;
use weir_guest::{
    Backend, Context, Entry, HealthCheck, Listener, Member, Monitor, Plugin, Pool, Protocol, Share,
    Translation,
};

/// Says what it was asked in `empty_reason`, and has fixed entries.
struct Echo;

impl Plugin for Echo {
    fn describe() -> Description {
        let description = Description::of_protocols("echo", "1.0.0", &["PIGEON", "DOVE"]);
        Description { options: vec!["a".into(), "b".into()], ..description }
    }

    fn check_config(config: &str) -> Result<(), Refusal> {
        Err(Refusal::new("told", "", config))
    }
}

impl Protocol for Echo {
    fn translate(
        ctx: &Context,
        listener: Option<&Listener>,
        pool: Option<&Pool>,
        members: &[Member],
        shares: &[Share],
    ) -> Result<Translation, Refusal> {
        Ok(Translation {
            transport: "tcp".into(),
            entries: members
                .first()
                .map(|m| Entry {
                    vip: 0,
                    port: 80,
                    backends: vec![Backend { member: 0, port: m.port, copies: 1 }],
                })
                .into_iter()
                .collect(),
            options: vec![("b".into(), "2".into()), ("a".into(), "1".into())],
            empty_reason: Some(format!("{ctx:?} {listener:?} {pool:?} {members:?} {shares:?}")),
        })
    }

    fn check_members(_: &Context, _: &Pool, members: &[Member]) -> Vec<(u32, Refusal)> {
        (0..)
            .zip(members)
            .map(|(n, m)| (n, Refusal::new("no", "member.address", m.address.clone())))
            .collect()
    }

    fn plan_monitor(_: &Context, _: &Pool, m: &Monitor) -> Result<HealthCheck, Refusal> {
        Ok(HealthCheck { interval_s: m.delay_s, timeout_s: m.timeout_s, success: m.rise, failure: m.fall })
    }
}

fn run(files: &[(&str, &str)]) -> Report {
    use std::sync::atomic::{AtomicU32, Ordering};
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let folder = std::env::temp_dir().join(format!("weir-cases-{}-{number}", std::process::id()));
    for (name, text) in files {
        let file = folder.join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }
    let report = cases(&Native::protocol::<Echo>(), &folder);
    let _ = fs::remove_dir_all(folder);
    report
}

/// The one failure of one case: (rule, got).
#[track_caller]
fn one(text: &str) -> (String, String) {
    let report = run(&[("a.json", text)]);
    assert_eq!(report.failures.len(), 1, "{report}");
    let failure = &report.failures[0];
    (format!("{}: {}", failure.case, failure.rule), failure.got.clone())
}

/// A translate case with these further keys.
fn translate(more: &str) -> String {
    format!("{{\"name\": \"x\", \"call\": \"translate\"{more}}}")
}

/// What is said of a case that cannot be read.
#[track_caller]
fn wrong(text: &str) -> String {
    let (rule, got) = one(text);
    assert!(rule.starts_with("a.json") && rule.ends_with("a case can be read"), "{rule}");
    got
}

/// What the plugin was given in a case with these keys.
fn given(more: &str) -> String {
    let text = translate(&format!("{more}, \"expect\": {{\"empty_reason\": \"?\"}}"));
    match json::parse(&one(&text).1) {
        Ok(Value::Text(text)) => text,
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_file_of_every_folder_is_run_and_one_object_is_a_case() {
    let case = translate(", \"expect\": {\"transport\": \"tcp\"}");
    let list = format!("[{case}, {case}]");
    let report = run(&[("b/c.json", &case), ("a.json", &list), ("notes.txt", "no")]);
    assert!(report.ok(), "{report}");
    assert_eq!(report.ran, 3);
}

#[test]
fn what_cannot_be_read_is_named() {
    assert_eq!(wrong("[\n{,}]"), "line 2, column 2: a key in quotes is missing; here stands ','");
    assert_eq!(wrong("[3]"), "a case must be an object, not a number");
    let report = run(&[("a.json", "[]")]);
    assert!(report.failures[0].got.contains("no cases"), "{report}");
    let report = cases(&Native::protocol::<Echo>(), Path::new("/nonexistent"));
    assert_eq!(report.failures[0].case, "/nonexistent");

    let (rule, got) = one(&translate(", \"pol\": {}, \"expect\": {}"));
    assert_eq!(rule, "a.json: x: a case can be read");
    assert!(got.starts_with("there is no key pol; there are: name, call, context"), "{got}");
    for (more, message) in [
        ("", "expect is missing: the answer, or {\"refused\": {...}}"),
        (", \"pool\": {\"algo\": 1}", "there is no key pool.algo; there are: protocol, algorithm, "),
        (
            ", \"listener\": {\"port\": 65536}",
            "listener.port must be a whole number of 0 to 65535, not 65536",
        ),
        (", \"listener\": {\"port\": \"80\"}", "listener.port must be a number, not a text"),
        (
            ", \"listener\": {\"extra\": {\"a\": 1}}",
            "listener.extra.a must be a text (the host hands over texts), not a number",
        ),
        (
            ", \"members\": [\"192.0.2.1:80\", \"x\"]",
            "members[1] must be an address and port like 192.0.2.1:8080",
        ),
        (", \"members\": [{\"port\": 1}]", "members[0].address is missing"),
        (
            ", \"members\": [{\"address\": \"[::1]\"}]",
            "members[0].address must be an IP address without brackets",
        ),
        (
            ", \"members\": [{\"address\": \"::1\", \"health\": \"up\"}]",
            "members[0].health must be unknown, online or offline",
        ),
        (", \"shares\": [{}]", "shares[0].member is missing"),
        (", \"monitor\": {}", "translate is not given monitor"),
        (
            ", \"context\": {\"vips\": [{\"address\": \"::1\", \"float\": true}]}",
            "there is no key context.vips[0].float; there are: address, family, floating",
        ),
        (", \"config\": {}, \"context\": {\"config\": {}}", "config stands in the case and in its context"),
        (", \"pool\": {\"persistence\": {}}", "pool.persistence.kind is missing"),
    ] {
        let expect = if more.is_empty() { "" } else { ", \"expect\": {}" };
        let got = wrong(&translate(&format!("{more}{expect}")));
        assert!(got.starts_with(message), "{got}");
    }
    assert!(
        wrong("{\"name\": \"x\", \"call\": \"fly\", \"expect\": {}}").starts_with("call must be describe, ")
    );
    assert!(wrong("{\"call\": \"describe\", \"expect\": {}}").starts_with("name is missing"));
    let got = wrong(&translate(", \"expect\": {\"entries\": [{\"backend\": []}]}"));
    assert_eq!(got, "there is no key expect.entries[0].backend; there are: vip, port, backends");
    let got = wrong(&translate(", \"expect\": {\"refused\": {}, \"transport\": \"tcp\"}"));
    assert_eq!(got, "there is no key expect.transport; there are: refused");
}

#[test]
fn what_is_left_out_is_plain() {
    let all = given("");
    for part in [
        "address: \"198.51.100.1\", family: Family::Ipv4, floating: false",
        "selection-field:tp_src",
        "protocol: \"PIGEON\", port: 80, enabled: true",
        "persistence: None",
    ] {
        assert!(all.contains(part), "{part} in {all}");
    }
    let some = given(
        r#", "listener": {"protocol": "DOVE", "allowed_cidrs": ["::/0"]}, "pool": {"algorithm": "x"},
        "context": {"vips": ["2001:db8::1", {"address": "203.0.113.1", "floating": true}], "flavor": {"b": "1", "a": "2"}},
        "members": ["[2001:db8::2]:53", {"address": "192.0.2.1", "weight": 0}, {"address": "x", "family": "ipv6", "health": "online"}],
        "config": {"a": [1, 2.50, null], "b": "c d"}"#,
    );
    for part in [
        "protocol: \"DOVE\"",
        "address: \"2001:db8::1\", family: Family::Ipv6",
        "floating: true",
        "flavor: [(\"a\", \"2\"), (\"b\", \"1\")]",
        "port: 53",
        "health: Health::Online",
        r#"config: "{\"a\":[1,2.50,null],\"b\":\"c d\"}""#,
        // One copy for each enabled member of a weight above 0.
        "[Share { member: 0, copies: 1 }, Share { member: 2, copies: 1 }]",
    ] {
        assert!(some.contains(part), "{part} in {some}");
    }
}

#[test]
fn only_named_fields_are_compared_and_lists_whole() {
    let members = ", \"members\": [\"192.0.2.1:8080\"], \"expect\": ";
    let passes = |expect: &str| {
        let report = run(&[("a.json", &translate(&format!("{members}{expect}")))]);
        assert!(report.ok(), "{report}");
    };
    passes(r#"{}"#);
    passes(r#"{"entries": [{"backends": [{"port": 8080}]}]}"#);
    passes(r#"{"options": {"a": "1", "b": "2"}}"#);
    let (rule, got) =
        one(&translate(&format!("{members}{}", r#"{"entries": [{"backends": [{"port": 80}]}]}"#)));
    assert_eq!((rule.as_str(), got.as_str()), ("a.json: x: entries[0].backends[0].port as expected", "8080"));
    let (rule, _) = one(&translate(&format!("{members}{}", r#"{"entries": []}"#)));
    assert_eq!(rule, "a.json: x: entries as expected");
    let (rule, _) = one(&translate(&format!("{members}{}", r#"{"options": {"a": "1"}}"#)));
    assert_eq!(rule, "a.json: x: options as expected");
    let (rule, got) = one(&translate(&format!("{members}{}", r#"{"refused": {"code": "no"}}"#)));
    assert_eq!(rule, "a.json: x: refused as expected");
    assert!(got.contains("\"transport\": \"tcp\""), "{got}");
}

#[test]
fn refusals_are_compared_by_their_parts() {
    let case = |expect: &str| {
        format!(
            "{{\"name\": \"x\", \"call\": \"check-config\", \"config\": \"a b c\", \"expect\": {expect}}}"
        )
    };
    let report = run(&[("a.json", &case(r#"{"refused": {"code": "told", "user_contains": "b c"}}"#))]);
    assert!(report.ok(), "{report}");
    let (rule, got) = one(&case(r#"{"refused": {"user_contains": "d"}}"#));
    assert_eq!((rule.as_str(), got.as_str()), ("a.json: x: refused.user_contains as expected", "\"a b c\""));
    let (rule, _) = one(&case("{}"));
    assert_eq!(rule, "a.json: x: accepted as expected");

    let members = |expect: &str| {
        format!(
            "{{\"name\": \"x\", \"call\": \"check-members\", \"members\": [\"192.0.2.1:80\"], \"expect\": {expect}}}"
        )
    };
    let report = run(&[("a.json", &members(r#"[{"member": 0, "user_contains": "192"}]"#))]);
    assert!(report.ok(), "{report}");
    let (rule, _) = one(&members("[]"));
    assert_eq!(rule, "a.json: x: the answer as expected");
}

#[test]
fn an_answer_that_breaks_a_rule_fails_although_it_is_expected() {
    let monitor = r#"{"name": "x", "call": "plan-monitor", "monitor": {"kind": "COO", "rise": 0}, "expect": {"success": 0}}"#;
    let (rule, _) = one(monitor);
    assert_eq!(rule, "a.json: x: a health check's numbers are above 0");
}

#[test]
fn a_finding_can_be_saved_as_a_case() {
    let echo = Native::protocol::<Echo>();
    let report = crate::properties(&echo, 1, 200, "");
    assert!(!report.ok());
    for finding in &report.failures {
        let value = json::parse(&finding.question).unwrap();
        let case = decode(&value, &Echo::describe()).unwrap();
        // The same question comes of it.
        assert_eq!(case.question.to_json(&finding.case), value);
    }
}

//! Components in the sandbox: the shipped ones pass, each bad one is caught, and all can be measured.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use weir_author::{
    BenchOptions, Sandboxed, TestOptions, TestReport, bench, conformance, conformance_under, test,
};
use weir_sandbox::{Limits, Plugin, Sandbox, faulty, shipped};
use weir_testkit::{Native, Subject as _, comparison};

/// Limits that only a runaway reaches, however busy the machine is.
fn limits() -> Limits {
    Limits { deadline: Duration::from_secs(60), ..Limits::default() }
}

fn saved(folder: &tempfile::TempDir, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.path().join(format!("{name}.wasm"));
    fs::write(&path, bytes).unwrap();
    path
}

fn run(name: &str, bytes: &[u8], change: impl FnOnce(&mut TestOptions)) -> TestReport {
    let folder = tempfile::tempdir().unwrap();
    let mut options = TestOptions::new(saved(&folder, name, bytes));
    change(&mut options);
    test::run(&options).unwrap()
}

fn guest(name: &str) -> &'static [u8] {
    faulty::all().into_iter().find(|(n, _)| *n == name).unwrap_or_else(|| panic!("no guest {name}")).1
}

#[test]
fn the_shipped_plugins_pass_everything_with_their_cases() {
    for (name, bytes) in shipped() {
        let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../plugins").join(name).join("cases");
        let report = run(name, bytes, |options| {
            options.cases = Some(cases);
            options.same_as_shipped = true;
        });
        assert!(report.ok(), "{report}");
        let suites: Vec<_> = report.suites.iter().map(|s| s.name).collect();
        assert_eq!(suites, ["conformance", "cases", "properties", "comparison"]);
        assert!(report.suites.iter().all(|s| s.ran >= 8), "{report}");
        assert_eq!(
            (report.compared_with.as_slice(), report.plugin.as_str()),
            ([report.plugin.clone()].as_slice(), *name)
        );
        let text = report.to_string();
        assert!(text.contains("in the sandbox") && text.ends_with("passed"), "{text}");
        let json = serde_json::to_value(&report).unwrap();
        assert_eq!(
            (json["ok"].as_bool(), json["suites"][0]["name"].as_str()),
            (Some(true), Some("conformance"))
        );
    }
}

/// What makes a bad guest show what it is like.
const PROVOKE: &str = r#"{"provoke":true}"#;

#[test]
fn a_component_answers_what_its_type_answers() {
    let sandbox = Sandbox::new(limits(), None).unwrap();
    for (name, native) in [
        ("algorithm", Native::algorithm::<weir_plugin_algorithm::Hashing>()),
        ("sctp", Native::protocol::<weir_plugin_sctp::Sctp>()),
        ("tcp", Native::protocol::<weir_plugin_tcp::Tcp>()),
        ("udp", Native::protocol::<weir_plugin_udp::Udp>()),
    ] {
        let (_, bytes) = shipped().iter().find(|(n, _)| *n == name).unwrap();
        let plugin = Plugin::load(&sandbox, name, bytes).unwrap();
        let report = comparison(&native, &Sandboxed(&plugin), 42, 1000, "");
        assert_eq!((report.ran, report.differences.len()), (1000, 0), "{report}");
        assert_eq!(native.describe(), Sandboxed(&plugin).describe());
    }
}

#[test]
fn each_bad_guest_is_caught() {
    let broken = "no question breaks a plugin";
    for (name, rule, got) in [
        ("trap", broken, "cannot go on with"),
        ("endless-loop", broken, "plugin-fuel"),
        ("out-of-memory", broken, "plugin-memory"),
        ("deep-recursion", broken, "plugin-"),
        ("huge-output", broken, "plugin-output"),
        ("many-items", broken, "plugin-output"),
        ("nonsense-indices", broken, "member 4000000000 is named"),
        ("duplicate-member", broken, "stands twice"),
        ("silent-empty", broken, "no empty-reason"),
        ("wrong-transport", broken, "the schema has no transport"),
        ("ungranted-option", broken, "is not among those"),
        ("empty-refusal", broken, "no words for the user"),
    ] {
        // Enough for good calls, and soon used up.
        let fuel = if name == "endless-loop" { 3_000_000 } else { limits().fuel };
        let limits = Limits { fuel, ..limits() };
        let sandbox = Sandbox::new(limits, None).unwrap();
        let plugin = Plugin::load(&sandbox, name, guest(name)).unwrap();
        let report = conformance_under(&plugin, PROVOKE);
        assert!(report.failures.iter().any(|f| f.rule == rule && f.got.contains(got)), "{name}: {report}");
    }
}

#[test]
fn a_plugin_that_keeps_failing_is_asked_every_question() {
    let report = run("trap", guest("trap"), |options| options.config = PROVOKE.into());
    let text = serde_json::to_string(&report).unwrap();
    assert!(text.contains("plugin-trap") && !text.contains("plugin-suspended"), "{text}");
}

#[test]
fn what_is_no_plugin_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let error = |path: &Path| test::run(&TestOptions::new(path)).unwrap_err();
    assert_eq!(error(&folder.path().join("none.wasm")).code(), "file");
    assert_eq!(error(&saved(&folder, "text", b"hello")).code(), "plugin-invalid");
    let clock = saved(&folder, "clock", guest("unknown-import"));
    assert_eq!(error(&clock).code(), "plugin-import");
    assert_eq!(bench::run(&BenchOptions::new(&clock)).unwrap_err().code(), "plugin-import");
}

#[test]
fn an_answer_other_than_the_shipped_ones_is_told_and_fails_where_it_must_not_be() {
    let bytes = guest("impostor-of-a-shipped-plugin");
    let report = run("impostor", bytes, |_| {});
    let comparison = report.suites.last().unwrap();
    assert_eq!(comparison.name, "comparison");
    assert!(comparison.failures.is_empty() && !comparison.differences.is_empty(), "{report}");
    let text = report.to_string();
    assert!(text.contains("as the shipped plugin answers"), "{text}");
}

#[test]
fn conformance_at_load_is_quick_and_forgotten() {
    let sandbox = Sandbox::new(limits(), None).unwrap();
    for (name, bytes) in shipped() {
        let plugin = Plugin::load(&sandbox, name, bytes).unwrap();
        let report = conformance(&plugin);
        assert!(report.ok() && report.ran > 20, "{report}");
        // Few enough to be asked whenever plugins are loaded; how long that takes is the benchmarks' to say.
        assert!(report.ran < 200, "{name}: {} questions", report.ran);
        plugin.reset_stats();
        assert_eq!(plugin.stats().calls, 0);
    }
}

#[test]
fn a_component_is_measured() {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in shipped() {
        let options =
            BenchOptions { limits: limits(), rounds: 50, ..BenchOptions::new(saved(&folder, name, bytes)) };
        let report = bench::run(&options).unwrap();
        println!("{report}");
        assert_eq!(report.component_bytes, bytes.len());
        assert!(report.load_ms > 0.0 && report.instantiate_us > 0.0);
        let sizes: Vec<_> = report.calls.iter().map(|c| (c.members, c.rounds, c.failed.clone())).collect();
        assert_eq!(sizes, [(10, 50, None), (1000, 50, None)]);
        for call in &report.calls {
            assert!(call.p50_us > 0.0 && call.p50_us <= call.p99_us, "{report}");
            assert!(call.memory_bytes >= 65536 && call.memory_bytes <= options.limits.memory, "{report}");
        }
        assert!(
            report.calls[0].fuel < report.calls[1].fuel && report.calls[1].fuel_percent < 5.0,
            "{report}"
        );
        assert!(serde_json::to_string(&report).unwrap().contains("\"fuel\""));
    }
}

#[test]
fn what_cannot_be_measured_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let options = BenchOptions {
        rounds: 3,
        limits: limits(),
        config: PROVOKE.to_owned(),
        ..BenchOptions::new(saved(&folder, "trap", guest("trap")))
    };
    let report = bench::run(&options).unwrap();
    assert!(report.calls[0].failed.as_ref().unwrap().contains("cannot go on"), "{report}");
    assert!(report.to_string().contains("cannot go on"));
}

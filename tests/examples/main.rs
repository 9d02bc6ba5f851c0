//! The examples of `plugins/examples` as an author and an operator have them: built by `weir plugin build`, proven by
//! `weir plugin test` in the sandbox, served by a host. And that the tests catch one that is wrong, in words that help.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

mod policy;
mod served;
mod wrong;

use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::Value;
use weir_tests::host::binary;

/// `weir plugin ...`.
fn weir(args: &[&str]) -> Output {
    Command::new(binary()).arg("plugin").args(args).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// What a command that goes well says, in JSON.
fn said(args: &[&str]) -> Value {
    let output = weir(&[args, &["-o", "json"]].concat());
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{args:?}: {out}{err}");
    serde_json::from_str(&out).unwrap()
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../plugins/examples").canonicalize().unwrap()
}

/// Every example, sorted.
fn examples() -> Vec<String> {
    let folders = folder().read_dir().unwrap().map(|entry| entry.unwrap().path());
    let names = folders.filter(|path| path.join("weir-plugin.toml").is_file());
    let mut names: Vec<_> =
        names.map(|path| path.file_name().unwrap().to_str().unwrap().to_owned()).collect();
    names.sort();
    names
}

/// Builds an example and says where its component is.
fn built(name: &str) -> PathBuf {
    let built = said(&["build", folder().join(name).to_str().unwrap()]);
    built["component"].as_str().unwrap().into()
}

#[test]
fn each_passes_in_the_sandbox_with_its_cases() {
    let names = examples();
    assert_eq!(names, ["http-passthrough", "round-robin", "site-policy", "weighted"]);
    for name in names {
        let component = built(&name);
        let path = folder().join(&name);
        assert!(path.join("README.md").is_file(), "{name}");
        let report = said(&["test", path.to_str().unwrap()]);
        let suite = |wanted: &str| {
            let suites = report["suites"].as_array().unwrap();
            suites.iter().find(|suite| suite["name"] == wanted).unwrap_or(&Value::Null)["ran"].as_u64()
        };
        assert!(suite("cases") >= Some(19), "{name}: {report}");
        assert!(suite("conformance") >= Some(100) && suite("properties") >= Some(500), "{name}: {report}");
        // What a host shows of it, and that a large pool is far from its limits.
        let seen = said(&["inspect", component.to_str().unwrap()]);
        assert_eq!(seen["description"]["name"], name.as_str());
        let cost = said(&["bench", path.to_str().unwrap()]);
        for call in cost["calls"].as_array().unwrap() {
            assert!(call["failed"].is_null() && call["fuel_percent"].as_f64() < Some(2.0), "{name}: {cost}");
        }
    }
}

//! `weir plugin ...`: exit codes, both kinds of output.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

fn weir(dir: &Path, args: &[&str]) -> Output {
    let command = &mut Command::new(env!("CARGO_BIN_EXE_weir"));
    command.current_dir(dir).arg("plugin").args(args).output().unwrap()
}

/// Exit code, standard output as JSON.
fn json(dir: &Path, args: &[&str]) -> (Option<i32>, Value) {
    let output = weir(dir, &[args, &["-o", "json"]].concat());
    let text = String::from_utf8(output.stdout).unwrap();
    (output.status.code(), serde_json::from_str(&text).unwrap_or(Value::String(text)))
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn from_new_to_bench() {
    let dir = tempfile::tempdir().unwrap();
    let (code, made) = json(dir.path(), &["new", "mine"]);
    assert_eq!(code, Some(0), "{made}");
    assert!(made["files"].as_array().unwrap().contains(&"src/lib.rs".into()), "{made}");
    let project = dir.path().join("mine");
    let (code, built) = json(&project, &["build"]);
    assert_eq!((code, built["sha256"].as_str().map(str::len)), (Some(0), Some(64)), "{built}");
    // A project's folder, or its component: the same.
    for what in [".", "mine.wasm", "weir-plugin.toml"] {
        let (code, report) = json(&project, &["test", what]);
        assert_eq!(
            (code, &report["ok"], &report["digest"]),
            (Some(0), &Value::Bool(true), &built["sha256"]),
            "{report}"
        );
        let suites: Vec<_> = report["suites"].as_array().unwrap().iter().map(|s| s["name"].clone()).collect();
        assert_eq!(suites, ["conformance", "cases", "properties", "comparison"]);
    }
    let (code, report) = json(&project, &["bench"]);
    assert_eq!((code, report["calls"].as_array().map(Vec::len)), (Some(0), Some(2)), "{report}");
    let (code, report) = json(&project, &["inspect", "mine.wasm"]);
    assert_eq!((code, &report["description"]["name"]), (Some(0), &"mine".into()), "{report}");

    // A case that it does not pass.
    let case = r#"{"name": "no", "call": "translate", "listener": {"protocol": "TCP", "port": 80}, "expect": {"transport": "carrier"}}"#;
    std::fs::write(project.join("cases/no.json"), case).unwrap();
    let failed = weir(&project, &["test"]);
    assert_eq!(failed.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&failed.stdout).contains("carrier"));
}

#[test]
fn wrong_usage_is_2_and_a_problem_is_1() {
    let dir = tempfile::tempdir().unwrap();
    for (args, code, said) in [
        (&["new"][..], 2, "NAME"),
        (&["new", "My Plugin"], 2, "lower-case"),
        (&["new", "x", "--lang", "cobol"], 2, "javascript"),
        (&["new", "x", "--lang", "c", "--kind", "algorithm"], 2, "--lang rust"),
        (&["build"], 1, "weir-plugin.toml"),
        (&["test", "nowhere"], 1, "nowhere"),
        (&["inspect", "nowhere.wasm"], 1, "nowhere.wasm"),
    ] {
        let output = weir(dir.path(), args);
        assert_eq!(output.status.code(), Some(code), "{args:?}: {}", stderr(&output));
        assert!(stderr(&output).contains(said), "{args:?}: {}", stderr(&output));
    }
    std::fs::write(dir.path().join("text.wasm"), "text").unwrap();
    let (code, found) = json(dir.path(), &["inspect", "text.wasm"]);
    assert_eq!((code, &found["kind"]), (Some(1), &"not WebAssembly".into()));
    let (code, error) = json(dir.path(), &["build"]);
    assert_eq!((code, &error["error"]["code"]), (Some(1), &"file".into()));
}

#[test]
fn a_missing_compiler_is_named_with_what_to_install() {
    let dir = tempfile::tempdir().unwrap();
    for (language, said) in [
        ("c", "apt-get install clang-19"),
        ("python", "pip install -r requirements.txt"),
        ("javascript", "Node.js"),
        ("rust", "rustup"),
    ] {
        assert_eq!(weir(dir.path(), &["new", language, "--lang", language]).status.code(), Some(0));
        let output = Command::new(env!("CARGO_BIN_EXE_weir"))
            .current_dir(dir.path().join(language))
            .args(["plugin", "build"])
            .env("PATH", "")
            .env_remove("CARGO")
            .env_remove("CLANG")
            .env_remove("WEIR_COMPONENTIZE_PY")
            .env_remove("WEIR_COMPONENTIZE_JS")
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(1), "{language}");
        let text = stderr(&output);
        assert!(text.contains("is missing") && text.contains(said), "{language}: {text}");
    }
}

//! Every template builds as it is, by the real compilers. A language whose toolchain is not here says so and is left to
//! `tests/languages/test`, which installs them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

use std::fs;
use std::path::{Path, PathBuf};

use weir_author::build::build_if_stale;
use weir_author::inspect::inspect;
use weir_author::new::new;
use weir_author::project::{Kind, Language, Project};

fn made(dir: &Path, name: &str, language: Language, kind: Kind) -> PathBuf {
    let dir = dir.join(name);
    let made = new(name, language, kind, &dir).unwrap();
    for file in ["README.md", "weir-plugin.toml", ".gitignore", "wit/types.wit"] {
        assert!(made.files.iter().any(|f| f == Path::new(file)), "{language}: {file}");
    }
    assert!(made.files.iter().any(|f| f.starts_with("cases")));
    for file in made.files.iter().filter(|f| !f.starts_with("sdk") && !f.starts_with("wit")) {
        let text = fs::read_to_string(dir.join(file)).unwrap();
        for left in ["my-plugin", "my_plugin", "MyPlugin"] {
            assert!(!text.contains(left), "{language}: {} still says {left}", file.display());
        }
    }
    dir
}

/// Builds it, and looks at what came of it.
fn builds(language: Language, kind: Kind) {
    let folder = tempfile::tempdir().unwrap();
    let dir = made(folder.path(), "day-and-night", language, kind);
    let project = Project::load(&dir).unwrap();
    assert_eq!((project.language, project.kind, project.name.as_str()), (language, kind, "day-and-night"));
    let built = build_if_stale(&project).unwrap().expect("nothing was built yet");
    assert_eq!(build_if_stale(&project).unwrap(), None, "nothing has changed since");
    let found = inspect(&built.component).unwrap();
    assert!(found.ok(), "{found}");
    assert_eq!((found.sha256, found.bytes), (built.sha256, built.bytes));
    let described = found.description.unwrap();
    assert_eq!((described.name.as_str(), described.version.as_str()), ("day-and-night", "0.1.0"));
    match kind {
        Kind::Protocol => {
            assert_eq!(
                (described.protocols, described.fallback),
                (vec!["TCP".to_owned(), "HTTPS".to_owned()], true)
            )
        }
        Kind::Algorithm => assert_eq!(described.algorithms, ["SOURCE_IP"]),
    }
}

#[test]
fn rust() {
    builds(Language::Rust, Kind::Protocol);
}

#[test]
fn rust_algorithm() {
    builds(Language::Rust, Kind::Algorithm);
}

#[test]
fn c() {
    if std::env::var_os("CLANG").is_none() && !Path::new("/usr/include/wasm32-wasi").exists() {
        eprintln!("SKIPPED here: no C library for wasm32-wasi; tests/languages/test installs one");
        return;
    }
    builds(Language::C, Kind::Protocol);
}

#[test]
fn a_change_of_a_source_makes_a_component_stale_and_one_of_a_case_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let dir = made(folder.path(), "x", Language::Rust, Kind::Protocol);
    let project = Project::load(&dir).unwrap();
    fs::write(&project.component, "built").unwrap();
    let later = std::time::SystemTime::now() + std::time::Duration::from_secs(5);
    let touch = |file: &str| {
        fs::File::options().append(true).open(dir.join(file)).unwrap().set_modified(later).unwrap()
    };
    touch("cases/two-members.json");
    touch("README.md");
    assert_eq!(build_if_stale(&project).unwrap(), None);
    touch("src/lib.rs");
    fs::write(dir.join("src/lib.rs"), "this does not compile").unwrap();
    touch("src/lib.rs");
    let error = build_if_stale(&project).unwrap_err();
    assert_eq!(error.code(), "build-failed");
    assert!(error.to_string().contains("src/lib.rs:1"), "the compiler's own words: {error}");
    assert_eq!(fs::read_to_string(&project.component).unwrap(), "built", "what was there is left alone");
}

#[test]
fn nothing_is_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let dir = made(folder.path(), "x", Language::Python, Kind::Protocol);
    assert_eq!(new("x", Language::Python, Kind::Protocol, &dir).unwrap_err().code(), "exists");
    assert_eq!(new("X", Language::Python, Kind::Protocol, &dir.join("y")).unwrap_err().code(), "bad-name");
    let error = new("x", Language::C, Kind::Algorithm, &dir.join("y")).unwrap_err();
    assert_eq!((error.code(), error.usage()), ("no-template", true));
}

#![allow(clippy::unwrap_used, clippy::panic)]

use std::time::Duration;

use super::*;

fn load(text: &str) -> Result<Project, AuthorError> {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join(FILE), text).unwrap();
    Project::load(dir.path())
}

#[test]
fn what_a_file_leaves_out_has_a_default() {
    let project = load("name = \"mine\"\nlanguage = \"c\"").unwrap();
    assert_eq!((project.name.as_str(), project.language), ("mine", Language::C));
    assert_eq!((project.kind, project.same_as_shipped), (Kind::Protocol, false));
    assert_eq!(project.cases, project.dir.join("cases"));
    assert_eq!(project.component, project.dir.join("mine.wasm"));
    assert_eq!(project.limits, Limits::default());
    assert_eq!((project.config.as_str(), project.profile.as_str()), ("", "release"));
    assert_eq!(project.target, project.dir.join("target"));
}

#[test]
fn a_configuration_becomes_json_as_in_the_hosts_manifest() {
    let text = "name = \"m\"\nlanguage = \"rust\"\nprofile = \"plugin\"\ntarget = \"../out\"\n\
                [config]\nports = [80, \"8000-8999\"]\n[config.projects.p1]\nmost = 3\n";
    let project = load(text).unwrap();
    assert_eq!(project.config, r#"{"ports":[80,"8000-8999"],"projects":{"p1":{"most":3}}}"#);
    assert_eq!((project.profile.as_str(), project.target), ("plugin", project.dir.join("../out")));
}

#[test]
fn limits_are_the_hosts_with_what_the_file_changes() {
    let limits = "fuel = 5\ndeadline_ms = 700\nmemory = \"64MiB\"\noutput_bytes = 99\ntable_elements = 3";
    let project = load(&format!("name = \"m\"\nlanguage = \"python\"\n[limits]\n{limits}")).unwrap();
    let wanted = Limits {
        fuel: 5,
        deadline: Duration::from_millis(700),
        memory: 64 << 20,
        output_bytes: 99,
        table_elements: 3,
        ..Limits::default()
    };
    assert_eq!(project.limits, wanted);
}

#[test]
fn a_wrong_key_or_value_is_named_with_its_file() {
    let good = "name = \"m\"\nlanguage = \"rust\"\n";
    for (wrong, said) in [
        (format!("{good}colour = 1"), "colour"),
        (format!("{good}[limits]\nfule = 1"), "fule"),
        (format!("{good}[limits]\nmemory = \"64MB\""), "64MB"),
        (good.replace("rust", "cobol"), "cobol"),
        (good.replace("\"m\"", "\"My Plugin\""), "My Plugin"),
        ("language = \"rust\"".to_owned(), "name"),
    ] {
        let Err(error) = load(&wrong) else { panic!("{wrong}") };
        assert_eq!(error.code(), "bad-project");
        let text = error.to_string();
        assert!(text.contains(said) && text.contains(FILE), "{text}");
    }
}

#[test]
fn names_are_kebab_case() {
    for good in ["a", "my-plugin", "tcp2", &"a".repeat(64)] {
        assert!(check_name(good).is_ok(), "{good}");
    }
    for bad in ["", "My", "a_b", "-a", "a-", "a--b", "2a", "a b", "../a", "ä", "std", &"a".repeat(65)] {
        assert_eq!(check_name(bad).unwrap_err().code(), "bad-name", "{bad}");
    }
}

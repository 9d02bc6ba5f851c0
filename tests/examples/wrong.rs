//! What is wrong is caught, and whoever reads why knows what to do.

use std::fs;
use std::path::Path;

use crate::{built, folder, text, weir};

/// What `weir plugin test` says of a plugin that does not pass.
fn failed(args: &[&str]) -> String {
    let output = weir(&[&["test"], args].concat());
    let said = text(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{said}{}", text(&output.stderr));
    assert!(said.ends_with("FAILED\n"), "{said}");
    said
}

/// The cases of an example with one place changed.
fn changed(name: &str, file: &str, from: &str, to: &str, into: &Path) {
    let cases = fs::read_to_string(folder().join(name).join("cases").join(file)).unwrap();
    assert!(cases.contains(from), "{file} has no {from}");
    fs::write(into.join(file), cases.replacen(from, to, 1)).unwrap();
}

#[test]
fn a_wrong_expectation_is_told_with_case_field_both_values_and_the_whole_answer() {
    let folder = tempfile::tempdir().unwrap();
    let component = built("weighted");
    let three_to_one = r#"[{"member": 0, "copies": 3}, {"member": 1, "copies": 1}]"#;
    changed("weighted", "weights.json", three_to_one, &three_to_one.replace('3', "2"), folder.path());
    let said = failed(&[component.to_str().unwrap(), "--cases", folder.path().to_str().unwrap()]);
    let wanted = concat!(
        "FAILED  cases: weights.json: three to one\n",
        "  rule     shares[0].copies as expected\n",
        "  expected 2\n",
        "  got      3\n",
        "  fix      the whole answer is {",
    );
    assert!(said.contains(wanted), "{said}");
    assert!(said.contains("14 asked, 1 failed"), "{said}");
}

#[test]
fn a_wrong_refusal_is_told_with_both_codes() {
    let folder = tempfile::tempdir().unwrap();
    let component = built("site-policy");
    changed("site-policy", "ports.json", r#""port-denied""#, r#""port-forbidden""#, folder.path());
    let said = failed(&[component.to_str().unwrap(), "--cases", folder.path().to_str().unwrap()]);
    let wanted = concat!(
        "FAILED  cases: ports.json: a denied port\n",
        "  rule     refused.code as expected\n",
        "  expected \"port-forbidden\"\n",
        "  got      \"port-denied\"\n",
        "  fix      the whole answer is {\"refused\": {\"code\": \"port-denied\", \"field\": \"listener.protocol_port\"",
    );
    assert!(said.contains(wanted), "{said}");
}

#[test]
fn a_key_that_no_case_has_is_named_with_its_case() {
    let folder = tempfile::tempdir().unwrap();
    let component = built("http-passthrough");
    changed("http-passthrough", "refused.json", r#""pool""#, r#""poool""#, folder.path());
    let said = failed(&[component.to_str().unwrap(), "--cases", folder.path().to_str().unwrap()]);
    assert!(said.contains("FAILED  cases: refused.json: another protocol is another plugin's"), "{said}");
    assert!(said.contains("a case can be read") && said.contains("poool"), "{said}");
}

/// `weighted` as one writes it first: a weight is a number of copies, with nothing that limits it.
#[test]
fn a_plugin_whose_answers_break_a_rule_is_told_which_question_breaks_it_and_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("first-try");
    let path = dir.to_str().unwrap();
    let made = weir(&["new", "first-try", "--kind", "algorithm", "--dir", path]);
    assert!(made.status.success(), "{}", text(&made.stderr));
    let source = dir.join("src/lib.rs");
    let good = fs::read_to_string(&source).unwrap();
    let bad = good.replace("copies: m.weight.min(64)", "copies: m.weight");
    assert_ne!(bad, good);
    fs::write(source, bad).unwrap();
    let said = failed(&[path]);
    let failure = said.split("FAILED  ").nth(1).unwrap();
    for part in [
        // The case, what is expected, what came, what to do, and the question as a case to be saved.
        "conformance: SOURCE_IP: ",
        "\n  rule     no question breaks a plugin\n  expected an answer or a refusal\n  got      it broke (plugin-output): ",
        "256 copies",
        "\n  fix      a host refuses such an answer and leaves what is live as it is: answer as wit/ says.",
        "\n  ask      {\"name\": \"SOURCE_IP: ",
        "\"weight\": 256",
    ] {
        assert!(failure.contains(part), "{part}: {said}");
    }
}

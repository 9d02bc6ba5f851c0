//! What `weir plugin inspect` says of good and of broken files.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::fs;

use weir_author::inspect::{Inspection, inspect};

fn of(bytes: &[u8]) -> Inspection {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.wasm");
    fs::write(&path, bytes).unwrap();
    inspect(&path).unwrap()
}

fn faulty(name: &str) -> Vec<u8> {
    let all = weir_sandbox::faulty::all();
    all.into_iter().find(|(n, _)| *n == name).map(|(_, bytes)| bytes.to_vec()).unwrap()
}

#[test]
fn a_good_component_is_shown_whole() {
    let found = of(&faulty("trap"));
    assert!(found.ok(), "{found}");
    assert_eq!(found.kind, "component");
    let names: Vec<_> =
        found.exports.iter().map(|e| (e.name.as_str(), e.version.as_deref(), e.fits)).collect();
    assert_eq!(
        names,
        [("weir:plugin/about", Some("1.0.0"), true), ("weir:plugin/protocol", Some("1.0.0"), true)]
    );
    assert!(found.imports.iter().all(|i| i.fits) && !found.imports.is_empty());
    assert_eq!(found.description.as_ref().unwrap().protocols, ["trap", "TCP"]);
    assert!(found.call.unwrap().fuel > 0 && found.needs.core_instances > 0 && found.load_ms.is_some());
    let text = found.to_string();
    for said in [
        "trap 0.1.0",
        "weir:plugin/log@1.0.0  fits",
        "affinity_timeout",
        "sha256",
        &found.sha256,
        "signature     none",
    ] {
        assert!(text.contains(said), "{said} in {text}");
    }
    assert!(serde_json::to_value(&found).unwrap()["description"]["fallback"] == false);
}

#[test]
fn what_is_wrong_with_a_file_is_said() {
    for (bytes, kind, said) in [
        (b"text".to_vec(), "not WebAssembly", "not WebAssembly"),
        (b"\0asm\x01\0\0\0".to_vec(), "core module", "weir plugin build"),
        (b"\0asm\x0d\0\x01\0".to_vec(), "component", "does not fit the interface"),
        (b"\0asm\x0d\0\x01\0\x07\xff".to_vec(), "not WebAssembly", "damaged"),
        (faulty("unknown-import"), "component", "no host gives it"),
        (faulty("slow-start"), "component", "all fuel consumed"),
    ] {
        let found = of(&bytes);
        let problems = found.problems.join("; ");
        assert!(!found.ok() && problems.contains(said), "{said}: {found}");
        assert_eq!(found.kind, kind, "{problems}");
    }
}

#[test]
fn a_signature_beside_it_is_seen() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.wasm");
    fs::write(&path, faulty("trap")).unwrap();
    assert_eq!(inspect(&path).unwrap().signature, None);
    let signature = folder.path().join("x.wasm.minisig");
    fs::write(&signature, "a signature").unwrap();
    assert_eq!(inspect(&path).unwrap().signature, Some(signature));
}

//! What an operator says of plugins: manifest, words, options, configuration, digests, signatures.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::fs;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;
use weir_sandbox::*;

fn guest(name: &str) -> &'static [u8] {
    faulty::all().into_iter().find(|(n, _)| *n == name).unwrap().1
}

/// A folder with one guest.
fn folder(name: &str, manifest: &str) -> TempDir {
    let dir = TempDir::new().unwrap();
    fs::write(dir.path().join(format!("{name}.wasm")), guest(name)).unwrap();
    let head = format!("[[plugin]]\nname = \"{name}\"\nfile = \"{name}.wasm\"\n");
    fs::write(dir.path().join("plugins.toml"), manifest.replace("HEAD", &head)).unwrap();
    dir
}

fn load(dir: &Path, trust: &Trust) -> Result<(Registry, PluginSet), Error> {
    let sandbox = common::sandbox();
    let set = PluginSet::read(dir, trust, sandbox.limits())?;
    Registry::of(&sandbox, &set).map(|registry| (registry, set))
}

fn loaded(name: &str, manifest: &str) -> Result<Registry, Error> {
    load(folder(name, manifest).path(), &Trust::default()).map(|(registry, _)| registry)
}

#[test]
fn what_it_serves_may_be_less_than_it_could() {
    let shipped = Registry::load(&common::sandbox(), None).unwrap();
    let word = shipped.fallback_protocol().unwrap().protocols()[0].clone();
    let registry = loaded("log-flood", "HEAD").unwrap();
    assert_eq!(registry.protocol(&word).unwrap().name(), "log-flood");
    assert_eq!(registry.built_in_protocol(&word).unwrap().name(), shipped.protocol(&word).unwrap().name());
    let registry = loaded("log-flood", "HEADserves = { protocols = [\"log-flood\"] }").unwrap();
    assert!(registry.protocol(&word).unwrap().is_shipped());
    assert_eq!(registry.protocol("log-flood").unwrap().name(), "log-flood");
    let error = loaded("log-flood", "HEADserves = { algorithms = [\"ANY\"] }").unwrap_err();
    assert_eq!(error.code(), "plugin-settings");
    assert!(error.to_string().contains("serves.algorithms = \"ANY\""), "{error}");
}

#[test]
fn the_highest_priority_serves() {
    let shipped = Registry::load(&common::sandbox(), None).unwrap();
    let word = shipped.fallback_protocol().unwrap().protocols()[0].clone();
    // Below the shipped ones.
    let registry = loaded("log-flood", "HEADpriority = -1").unwrap();
    assert!(registry.protocol(&word).unwrap().is_shipped());
    // With the shipped ones there is no telling.
    let error = loaded("log-flood", "HEADpriority = 0").unwrap_err();
    assert_eq!(error.code(), "plugin-duplicate");
    // Among others of the folder.
    let dir = folder(
        "log-flood",
        "HEADpriority = 5\n[[plugin]]\nname = \"trap\"\nfile = \"trap.wasm\"\npriority = 6",
    );
    fs::write(dir.path().join("trap.wasm"), guest("trap")).unwrap();
    let (registry, _) = load(dir.path(), &Trust::default()).unwrap();
    assert_eq!(registry.protocol(&word).unwrap().name(), "trap");
}

#[test]
fn a_configuration_reaches_the_plugin_after_schema_and_plugin_have_judged_it() {
    let error = loaded("picky-config", "HEADconfig = { colour = 7 }").unwrap_err();
    assert_eq!(error.code(), "plugin-config");
    assert!(error.to_string().contains("picky-config: config: /colour: 7"), "{error}");
    let error = loaded("picky-config", "HEADconfig = { colour = \"pink\" }").unwrap_err();
    assert!(error.to_string().contains("config.colour: pink does not go"), "{error}");
    let registry = loaded("picky-config", "HEADconfig = { colour = \"red\" }").unwrap();
    let plugin = registry.protocol("picky-config").unwrap();
    assert_eq!(plugin.config(), r#"{"colour":"red"}"#);
    assert_eq!(plugin.stats(), Stats::default(), "loading does not count");
}

#[test]
fn an_option_that_the_operator_has_not_granted_is_refused() {
    let ask = |registry: &Registry| {
        let plugin = registry.protocol("picky-config").unwrap();
        let ctx = common::context(&[("198.51.100.1", Family::Ipv4)]);
        let (members, shares) = common::ten();
        let (listener, pool) = (common::listener("picky-config"), common::pool("picky-config", ""));
        plugin.translate(&ctx, Some(&listener), Some(&pool), &members, &shares)
    };
    let granted = loaded("picky-config", "HEADoptions = [\"skip_snat\"]").unwrap();
    assert_eq!(ask(&granted).unwrap().options, [("skip_snat".to_owned(), "true".to_owned())]);
    let not_granted = loaded("picky-config", "HEADoptions = [\"affinity_timeout\"]").unwrap();
    let error = ask(&not_granted).unwrap_err();
    assert!(error.to_string().contains("option skip_snat is not among"), "{error}");
}

#[test]
fn a_name_or_a_digest_that_differs_is_an_error() {
    let dir = folder("log-flood", "");
    let manifest = dir.path().join("plugins.toml");
    fs::write(&manifest, "[[plugin]]\nname = \"other\"\nfile = \"log-flood.wasm\"\n").unwrap();
    let error = load(dir.path(), &Trust::default()).unwrap_err();
    assert_eq!(error.code(), "plugin-settings");
    assert!(error.to_string().contains("calls itself \"log-flood\""), "{error}");
    let bytes = guest("log-flood");
    let sandbox = common::sandbox();
    let digest = Plugin::load(&sandbox, "x", bytes).unwrap().digest().to_owned();
    let right = format!("HEADsha256 = \"sha256:{digest}\"");
    assert!(loaded("log-flood", &right).is_ok());
    let wrong = right.replace(&digest[..4], "0000");
    assert_eq!(loaded("log-flood", &wrong).unwrap_err().code(), "plugin-digest");
}

#[test]
fn sets_are_told_apart_by_what_matters() {
    let digest = |manifest: &str| {
        let dir = folder("log-flood", manifest);
        // Where a set stands does not matter; a comment does not either.
        let sandbox = common::sandbox();
        let mut set = PluginSet::read(dir.path(), &Trust::default(), sandbox.limits()).unwrap();
        set.parts.iter_mut().for_each(|part| part.label = "x".into());
        set.digest
    };
    assert_eq!(digest("HEAD"), digest("# a comment\nHEAD"));
    assert_ne!(digest("HEAD"), digest("HEADpriority = 7"));
    assert_ne!(digest("HEAD"), digest("HEAD[plugin.limits]\nfuel = 7777777"));
}

#[test]
fn only_signed_plugins_where_signatures_are_required() {
    let dir = folder("log-flood", "HEAD");
    let file = dir.path().join("log-flood.wasm");
    let keys = minisign::KeyPair::generate_unencrypted_keypair().unwrap();
    let trust = Trust { require_signed: true, trusted_keys: vec![keys.pk.to_base64()] };
    let error = load(dir.path(), &trust).unwrap_err();
    assert_eq!(error.code(), "plugin-signature");
    assert!(error.to_string().contains("log-flood.wasm.minisig"), "{error}");
    let sign = |secret: &minisign::SecretKey| {
        let signature = minisign::sign(None, secret, guest("log-flood"), None, None).unwrap();
        fs::write(dir.path().join("log-flood.wasm.minisig"), signature.to_string()).unwrap();
    };
    // Somebody else's.
    let other = minisign::KeyPair::generate_unencrypted_keypair().unwrap();
    sign(&other.sk);
    assert!(load(dir.path(), &trust).unwrap_err().to_string().contains("none of the trusted keys"));
    sign(&keys.sk);
    let (registry, set) = load(dir.path(), &trust).unwrap();
    assert!(registry.protocol("log-flood").unwrap().is_signed() && set.parts[0].signed);
    // The key's file, comment and all, does too.
    let text = keys.pk.to_box().unwrap().to_string();
    load(dir.path(), &Trust { trusted_keys: vec![text], ..trust.clone() }).unwrap();
    // Another component with that signature.
    fs::write(&file, guest("trap")).unwrap();
    assert_eq!(load(dir.path(), &trust).unwrap_err().code(), "plugin-signature");
    let bad = Trust { require_signed: true, trusted_keys: vec!["RWnonsense".into()] };
    assert!(load(dir.path(), &bad).unwrap_err().to_string().contains("RWnonsense"));
}

#[test]
fn a_manifest_can_require_signatures_but_not_lift_them() {
    let keys = minisign::KeyPair::generate_unencrypted_keypair().unwrap();
    let theirs = minisign::KeyPair::generate_unencrypted_keypair().unwrap();
    let head = format!("require_signed = true\ntrusted_keys = [\"{}\"]\nHEAD", theirs.pk.to_base64());
    let dir = folder("log-flood", &head);
    assert_eq!(load(dir.path(), &Trust::default()).unwrap_err().code(), "plugin-signature");
    let signature = minisign::sign(None, &theirs.sk, guest("log-flood"), None, None).unwrap();
    fs::write(dir.path().join("log-flood.wasm.minisig"), signature.to_string()).unwrap();
    load(dir.path(), &Trust::default()).unwrap();
    // Whoever writes the folder does not say whom the host trusts.
    let trust = Trust { require_signed: true, trusted_keys: vec![] };
    assert_eq!(load(dir.path(), &trust).unwrap_err().code(), "plugins-manifest");
    let trust = Trust { require_signed: false, trusted_keys: vec![keys.pk.to_base64()] };
    assert_eq!(load(dir.path(), &trust).unwrap_err().code(), "plugin-signature");
}

/// The form of `cosign sign-blob --key`: base64 of an ASN.1 ECDSA signature over SHA-256.
#[test]
fn signatures_in_cosigns_form_count_too() {
    let dir = folder("log-flood", "HEAD");
    let openssl = |arguments: &[&str]| {
        let output = Command::new("openssl").args(arguments).current_dir(dir.path()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    };
    openssl(&["ecparam", "-genkey", "-name", "prime256v1", "-noout", "-out", "key.pem"]);
    let public = String::from_utf8(openssl(&["ec", "-in", "key.pem", "-pubout"])).unwrap();
    openssl(&["dgst", "-sha256", "-sign", "key.pem", "-out", "raw", "log-flood.wasm"]);
    let base64 = openssl(&["base64", "-A", "-in", "raw"]);
    fs::write(dir.path().join("log-flood.wasm.sig"), base64).unwrap();
    let trust = Trust { require_signed: true, trusted_keys: vec![public] };
    load(dir.path(), &trust).unwrap();
    fs::write(dir.path().join("log-flood.wasm"), guest("trap")).unwrap();
    assert_eq!(load(dir.path(), &trust).unwrap_err().code(), "plugin-signature");
    let weak = String::from_utf8(openssl(&["genrsa", "1024"])).unwrap();
    let trust = Trust { require_signed: true, trusted_keys: vec![weak] };
    assert!(load(dir.path(), &trust).is_err());
}

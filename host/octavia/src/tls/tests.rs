//! Renewal, without a clock.

use std::path::Path;

use rcgen::{CertifiedKey, KeyPair, generate_simple_self_signed};

use super::{Arc, Tls, TlsSettings};

fn generate() -> CertifiedKey<KeyPair> {
    generate_simple_self_signed(["localhost".to_owned()]).unwrap()
}

/// As renewing tools do: at any time there is a file, and another one than before.
fn put(path: &Path, text: &str) {
    let new = path.with_extension("new");
    std::fs::write(&new, text).unwrap();
    std::fs::rename(new, path).unwrap();
}

fn put_both(settings: &TlsSettings, made: &CertifiedKey<KeyPair>) {
    put(&settings.certificate, &made.cert.pem());
    put(&settings.private_key, &made.signing_key.serialize_pem());
}

struct Loaded {
    _folder: tempfile::TempDir,
    settings: TlsSettings,
    tls: Tls,
}

impl Loaded {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| folder.path().join(name);
        let settings =
            TlsSettings { certificate: file("cert.pem"), private_key: file("key.pem"), client_ca: None };
        put_both(&settings, &generate());
        let tls = Tls::load(&settings).unwrap();
        Self { _folder: folder, settings, tls }
    }

    /// What a look finds, and whether another configuration is in use after it.
    fn renew(&self) -> (Option<&'static str>, bool) {
        let state = &self.tls.0;
        let before = state.config.lock().clone();
        let outcome = state.renew(&mut state.seen.lock());
        let outcome = outcome.map(|loaded| loaded.map_or_else(|error| error.code(), |()| "loaded"));
        let now = state.config.lock().clone();
        (outcome, !Arc::ptr_eq(&before, &now))
    }
}

#[test]
fn only_changed_files_are_loaded() {
    let loaded = Loaded::new();
    assert_eq!(loaded.renew(), (None, false));
    put_both(&loaded.settings, &generate());
    assert_eq!(loaded.renew(), (Some("loaded"), true));
    assert_eq!(loaded.renew(), (None, false));
}

#[test]
fn bad_files_are_told_of_once_per_change_and_change_nothing() {
    let loaded = Loaded::new();
    let next = generate();
    // Half of a renewal.
    put(&loaded.settings.certificate, &next.cert.pem());
    assert_eq!(loaded.renew(), (Some("tls-key-mismatch"), false));
    assert_eq!(loaded.renew(), (None, false));
    put(&loaded.settings.private_key, "garbage");
    assert_eq!(loaded.renew(), (Some("tls-no-private-key"), false));
    assert_eq!(loaded.renew(), (None, false));
    std::fs::remove_file(&loaded.settings.private_key).unwrap();
    assert_eq!(loaded.renew(), (Some("tls-file-unreadable"), false));
    assert_eq!(loaded.renew(), (None, false));
    put(&loaded.settings.private_key, &next.signing_key.serialize_pem());
    assert_eq!(loaded.renew(), (Some("loaded"), true));
    assert_eq!(loaded.renew(), (None, false));
}

#[test]
fn a_look_is_not_due_at_once_nor_while_another_one_goes_on() {
    let loaded = Loaded::new();
    let state = &loaded.tls.0;
    let mut seen = state.seen.lock();
    let long_ago = seen.at.checked_sub(super::LOOK_EVERY).unwrap();
    seen.at = long_ago;
    assert!(!state.look_is_due());
    drop(seen);
    assert!(state.look_is_due());
    assert_eq!(loaded.renew(), (None, false));
    assert!(state.seen.lock().at > long_ago);
}

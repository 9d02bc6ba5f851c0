//! Loading: the folder, what replaces what, the cache, what is refused.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use weir_sandbox::*;

fn guest(name: &str) -> &'static [u8] {
    faulty::all().into_iter().find(|(n, _)| *n == name).unwrap().1
}

/// A guest with one word put in place of another of the same length, wherever it stands.
fn renamed(name: &str, from: &str, to: &str) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let mut bytes = guest(name).to_vec();
    let mut found = false;
    for start in 0..bytes.len() - from.len() {
        if &bytes[start..start + from.len()] == from.as_bytes() {
            bytes[start..start + from.len()].copy_from_slice(to.as_bytes());
            found = true;
        }
    }
    assert!(found, "{from} does not stand in {name}");
    bytes
}

fn folder(files: &[(&str, &[u8])]) -> TempDir {
    let dir = TempDir::new().unwrap();
    for (name, bytes) in files {
        fs::write(dir.path().join(name), bytes).unwrap();
    }
    dir
}

fn refused(files: &[(&str, &[u8])]) -> Error {
    Registry::load(&common::sandbox(), Some(folder(files).path())).unwrap_err()
}

#[test]
fn a_folder_adds_what_it_serves() {
    let dir = folder(&[("a.wasm", guest("log-flood")), ("b.txt", b"not one")]);
    let registry = Registry::load(&common::sandbox(), Some(dir.path())).unwrap();
    assert_eq!(registry.plugins().count(), 5);
    assert_eq!(registry.protocol("log-flood").unwrap().name(), "log-flood");
    assert!(registry.protocols().contains(&"log-flood".to_owned()));
    assert!(registry.protocol("b").is_none());
}

#[test]
fn a_folder_that_does_not_exist_is_empty() {
    let registry = Registry::load(&common::sandbox(), Some(Path::new("/nonexistent/plugins"))).unwrap();
    assert_eq!(registry.plugins().count(), 4);
}

#[test]
fn a_folder_plugin_replaces_the_shipped_one_of_its_name() {
    let shipped = Registry::load(&common::sandbox(), None).unwrap();
    let old = shipped.fallback_algorithm().unwrap();
    assert_eq!(old.name().len(), "log-flood".len());
    let new = renamed("log-flood", "log-flood", old.name());
    let registry = Registry::load(&common::sandbox(), Some(folder(&[("x.wasm", &new)]).path())).unwrap();
    assert_eq!(registry.plugins().count(), 4);
    let plugin = registry.plugins().find(|p| p.name() == old.name()).unwrap();
    assert_ne!(plugin.digest(), old.digest());
    assert_eq!(registry.protocol(old.name()).unwrap().digest(), plugin.digest());
    // The shipped one is gone with all that it served.
    assert!(registry.algorithms().is_empty() && registry.fallback_algorithm().is_none());
}

#[test]
fn two_of_a_folder_may_not_have_one_name() {
    let error = refused(&[("a.wasm", guest("trap")), ("b.wasm", guest("trap"))]);
    assert_eq!(error.code(), "plugin-duplicate");
    let said = error.to_string();
    assert!(said.contains("a.wasm") && said.contains("b.wasm") && said.contains("trap"), "{said}");
}

#[test]
fn a_folder_plugin_goes_before_a_shipped_one_that_serves_the_same() {
    let dir = folder(&[("a.wasm", guest("impostor-of-a-shipped-plugin"))]);
    let registry = Registry::load(&common::sandbox(), Some(dir.path())).unwrap();
    let word = &registry.fallback_protocol().unwrap().description().protocols[0];
    assert_eq!(registry.protocol(word).unwrap().name(), "impostor-of-a-shipped-plugin");
    // It did not ask to be the fallback, so the shipped one still is.
    assert_ne!(registry.fallback_protocol().unwrap().name(), "impostor-of-a-shipped-plugin");
    assert_eq!(registry.plugins().count(), 5);
}

#[test]
fn two_of_a_folder_may_not_serve_one_word() {
    let other = renamed("impostor-of-a-shipped-plugin", "impostor", "pretense");
    let error = refused(&[("a.wasm", guest("impostor-of-a-shipped-plugin")), ("b.wasm", &other)]);
    assert_eq!(error.code(), "plugin-duplicate");
    let said = error.to_string();
    assert!(
        said.contains("impostor-of-a-shipped-plugin and pretense-of-a-shipped-plugin both serve"),
        "{said}"
    );
}

#[test]
fn what_is_no_component_is_refused() {
    let core = b"\0asm\x01\0\0\0";
    let error = refused(&[("core.wasm", core)]);
    assert_eq!(error.code(), "plugin-invalid");
    assert!(error.to_string().contains("core.wasm: a core module, not a component"), "{error}");
    assert_eq!(refused(&[("text.wasm", b"(component)")]).code(), "plugin-invalid");
    assert_eq!(refused(&[("empty.wasm", b"")]).code(), "plugin-invalid");
    let bytes = guest("trap");
    assert_eq!(refused(&[("half.wasm", &bytes[..bytes.len() / 2])]).code(), "plugin-invalid");
    // A component, but an empty one.
    assert_eq!(refused(&[("other.wasm", b"\0asm\x0d\0\x01\0")]).code(), "plugin-interface");
}

#[test]
fn what_is_too_large_is_not_compiled() {
    let limits = Limits { component_bytes: guest("trap").len() - 1, ..common::limits() };
    let sandbox = Sandbox::new(limits, None).unwrap();
    let list = [("big.wasm".to_owned(), guest("trap").to_vec())];
    let error = Registry::with_components(&sandbox, &list).unwrap_err();
    assert_eq!(error.code(), "plugin-invalid");
    assert!(error.to_string().contains("are more than"), "{error}");
}

#[test]
fn a_name_that_is_no_name_is_refused() {
    let error = refused(&[("x.wasm", &renamed("log-flood", "log-flood", "Log flood"))]);
    assert_eq!(error.code(), "plugin-description");
}

#[test]
fn without_room_for_a_pool_instances_are_made_on_demand() {
    let limits = Limits { concurrent_calls: usize::MAX, ..common::limits() };
    let sandbox = Sandbox::new(limits, None).unwrap();
    let registry = Registry::load(&sandbox, None).unwrap();
    assert!(registry.fallback_algorithm().unwrap().distribute(&common::context(&[]), None, &[]).is_ok());
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> = fs::read_dir(dir).unwrap().map(|e| e.unwrap().path()).collect();
    files.sort();
    files
}

fn load_with_cache(dir: &Path) {
    let sandbox = Sandbox::new(common::limits(), Some(dir)).unwrap();
    let registry = Registry::load(&sandbox, None).unwrap();
    assert_eq!(registry.plugins().count(), 4);
}

/// Inode and modification of a file: a file that is written anew is another.
fn identity(path: &Path) -> (u64, std::time::SystemTime) {
    use std::os::unix::fs::MetadataExt;
    let metadata = fs::metadata(path).unwrap();
    (metadata.ino(), metadata.modified().unwrap())
}

#[test]
fn what_was_compiled_once_is_not_compiled_again() {
    let top = TempDir::new().unwrap();
    let dir = top.path().join("made/as/needed");
    load_with_cache(&dir);
    let first = files(&dir);
    assert_eq!(first.len(), 4);
    for file in &first {
        assert_eq!(fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600);
    }
    let before: Vec<_> = first.iter().map(|f| identity(f)).collect();
    load_with_cache(&dir);
    // A plugin that is compiled is written anew.
    assert_eq!(files(&dir), first);
    assert_eq!(first.iter().map(|f| identity(f)).collect::<Vec<_>>(), before);
}

#[test]
fn a_damaged_cache_is_survived_and_repaired() {
    let dir = TempDir::new().unwrap();
    load_with_cache(dir.path());
    let whole: Vec<_> = files(dir.path()).iter().map(|f| fs::read(f).unwrap()).collect();
    for (file, damage) in files(dir.path()).iter().zip(0..) {
        let mut bytes = fs::read(file).unwrap();
        let middle = bytes.len() / 2;
        match damage {
            0 => bytes[middle] ^= 1,
            1 => bytes.truncate(middle),
            2 => bytes.clear(),
            _ => bytes[0] ^= 1,
        }
        fs::write(file, bytes).unwrap();
    }
    load_with_cache(dir.path());
    let again: Vec<_> = files(dir.path()).iter().map(|f| fs::read(f).unwrap()).collect();
    assert_eq!(
        again.iter().map(Vec::len).collect::<Vec<_>>(),
        whole.iter().map(Vec::len).collect::<Vec<_>>()
    );
}

#[test]
fn a_cache_file_that_others_may_write_is_not_used() {
    let dir = TempDir::new().unwrap();
    load_with_cache(dir.path());
    let file = &files(dir.path())[0];
    fs::set_permissions(file, fs::Permissions::from_mode(0o666)).unwrap();
    load_with_cache(dir.path());
    assert_eq!(fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_cache_folder_that_others_may_write_is_not_used() {
    let dir = TempDir::new().unwrap();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o777)).unwrap();
    load_with_cache(dir.path());
    assert!(files(dir.path()).is_empty());
}

//! Plugins built against older versions of the interface, and newer ones.
//!
//! `fixtures/*-1.0.0.wasm` were built against the first version of `wit/` and are never built again: whatever is added to
//! the interface, they must load and answer.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use weir_sandbox::*;

const TCP: &[u8] = include_bytes!("fixtures/tcp-1.0.0.wasm");
const ALGORITHM: &[u8] = include_bytes!("fixtures/algorithm-1.0.0.wasm");

/// A component with a version in place of another of the same length, wherever it stands.
fn with_version(bytes: &[u8], from: &str, to: &str) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let mut bytes = bytes.to_vec();
    let mut found = 0;
    for start in 0..bytes.len() - from.len() {
        if &bytes[start..start + from.len()] == from.as_bytes() {
            bytes[start..start + from.len()].copy_from_slice(to.as_bytes());
            found += 1;
        }
    }
    assert!(found > 0);
    bytes
}

fn answers(tcp: &[u8], algorithm: &[u8]) {
    let sandbox = common::sandbox();
    let tcp = Plugin::load(&sandbox, "tcp.wasm", tcp).unwrap();
    let algorithm = Plugin::load(&sandbox, "algorithm.wasm", algorithm).unwrap();
    let ctx = common::context(&[("198.51.100.1", Family::Ipv4)]);
    let (members, _) = common::ten();
    let (listener, pool) = (common::listener("TCP"), common::pool("TCP", "SOURCE_IP"));
    let distribution = algorithm.distribute(&ctx, Some(&pool), &members).unwrap();
    assert_eq!(distribution.selection_fields, ["ip_dst", "ip_src"]);
    let answer = tcp.translate(&ctx, Some(&listener), Some(&pool), &members, &distribution.shares).unwrap();
    assert_eq!((answer.transport.as_str(), answer.entries[0].backends.len()), ("tcp", 10));
    assert!(tcp.check_members(&ctx, &pool, &members).unwrap().is_empty());
}

#[test]
fn plugins_of_the_first_version_load_and_answer() {
    answers(TCP, ALGORITHM);
}

#[test]
fn plugins_of_a_later_minor_version_load_and_answer() {
    let later = |bytes| with_version(bytes, "@1.0.0", "@1.7.3");
    answers(&later(TCP), &later(ALGORITHM));
}

#[test]
fn plugins_of_another_major_version_are_told_so() {
    let error =
        Plugin::load(&common::sandbox(), "x.wasm", &with_version(TCP, "@1.0.0", "@2.0.0")).unwrap_err();
    assert_eq!(error.code(), "plugin-version");
    let said = error.to_string();
    for words in ["x.wasm", "@2.0.0", "weir:plugin@1.0.0"] {
        assert!(said.contains(words), "{said}");
    }
}

#[test]
fn what_does_not_fit_is_named() {
    // A function of the interface has another name.
    let other = with_version(TCP, "plan-monitor", "plan_monitor");
    let error = Plugin::load(&common::sandbox(), "x.wasm", &other).unwrap_err();
    assert!(["plugin-invalid", "plugin-interface"].contains(&error.code()), "{error}");
    let other = with_version(TCP, "check-members", "check-memberz");
    let error = Plugin::load(&common::sandbox(), "x.wasm", &other).unwrap_err();
    assert_eq!(error.code(), "plugin-interface");
    assert!(error.to_string().contains("check-members"), "{error}");
}

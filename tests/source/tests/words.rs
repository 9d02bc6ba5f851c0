//! What a protocol or an algorithm means is decided by plugins: outside `plugins/` no source names one.
#![allow(clippy::unwrap_used)]

use std::{
    fs,
    path::{Path, PathBuf},
};

/// Words that stand nowhere, not even in a comment.
const NOWHERE: &[&str] = &[
    "UDP",
    "SCTP",
    "HTTP_COOKIE",
    "APP_COOKIE",
    "SOURCE_IP",
    "SOURCE_IP_PORT",
    "ROUND_ROBIN",
    "LEAST_CONNECTIONS",
    "UDP-CONNECT",
    "TLS-HELLO",
    "TERMINATED_HTTPS",
    "PROXYV2",
    "affinity_timeout",
    "ip_src",
    "ip_dst",
    "ipv6_src",
    "ipv6_dst",
    "tp_src",
    "tp_dst",
    "udp",
    "sctp",
];

/// Words that are also those of sockets: no string may be just this word.
const NOT_A_STRING: &[&str] = &["\"TCP\"", "\"tcp\""];

/// Files where such a string is a way to connect, with the reason.
const CONNECTIONS: &[(&str, &str)] = &[
    ("host/ovsdb/src/connection/endpoint.rs", "tcp:HOST:PORT of an OVSDB server"),
    ("host/octavia/src/listen.rs", "tcp:HOST:PORT of the provider API"),
];

/// Words that a file may have after all, with the reason.
const ALLOWED: &[(&str, &str, &str)] =
    &[("host/model/src/flavor.rs", "affinity_timeout", "an option that operators set by its own name")];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

fn sources(folder: &Path, out: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if path.is_dir() {
            // Tests need words to ask with; templates are plugins.
            if !["tests", "examples", "benches", "target", "templates"].contains(&name.as_str()) {
                sources(&path, out);
            }
        } else if [".rs", ".wit", ".py"].iter().any(|end| name.ends_with(end)) && name != "tests.rs" {
            out.push(path);
        }
    }
}

/// The text without unit tests at its end.
fn without_tests(text: &str) -> &str {
    text.split("#[cfg(test)]").next().unwrap_or_default()
}

fn has_word(text: &str, word: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(word).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let after = text[at + word.len()..].chars().next();
        !before.is_some_and(part) && !after.is_some_and(part)
    })
}

fn named(path: &Path, text: &str) -> Vec<String> {
    let text = without_tests(text);
    let relative = path.strip_prefix(root()).unwrap_or(path).display().to_string();
    let connects = CONNECTIONS.iter().any(|(file, _)| *file == relative);
    let allowed =
        |word: &str| ALLOWED.iter().any(|(file, allowed, _)| (*file, *allowed) == (&*relative, word));
    let words = NOWHERE.iter().filter(|word| has_word(text, word) && !allowed(word));
    let strings = NOT_A_STRING.iter().filter(|string| !connects && text.contains(*string));
    words.chain(strings).map(|word| format!("{relative}: {word}")).collect()
}

#[test]
fn no_source_outside_plugins_names_a_protocol_or_an_algorithm() {
    let mut files = Vec::new();
    for folder in ["host", "guest", "wit"] {
        sources(&root().join(folder), &mut files);
    }
    assert!(files.len() > 50, "the walk finds the sources: {}", files.len());
    let found: Vec<_> =
        files.iter().flat_map(|path| named(path, &fs::read_to_string(path).unwrap())).collect();
    assert_eq!(found, [""; 0]);
}

#[test]
fn the_search_finds_what_it_looks_for() {
    let path = Path::new("x.rs");
    assert_eq!(named(path, "match word { \"TCP\" => 1 }").len(), 1);
    assert_eq!(named(path, "// hashes ip_src\n").len(), 1);
    assert_eq!(named(path, "use tokio::net::TcpStream; // skip_src, UdpX\n").len(), 0);
}

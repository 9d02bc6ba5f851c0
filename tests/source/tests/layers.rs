//! Layers are crates: what each may depend on, however indirectly.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{DependencyKind, MetadataCommand, PackageId};

/// Every package that `name` needs to run, itself left out.
fn needs(name: &str) -> BTreeSet<String> {
    let metadata = MetadataCommand::new().exec().expect("cargo metadata");
    let names: BTreeMap<&PackageId, &str> =
        metadata.packages.iter().map(|p| (&p.id, p.name.as_str())).collect();
    let nodes = &metadata.resolve.as_ref().expect("resolved").nodes;
    let start = metadata.packages.iter().find(|p| p.name.as_str() == name).expect("package");
    let mut found = BTreeSet::from([&start.id]);
    let mut open = vec![&start.id];
    while let Some(id) = open.pop() {
        let node = nodes.iter().find(|node| node.id == *id).expect("node");
        let normal =
            |dep: &&cargo_metadata::NodeDep| dep.dep_kinds.iter().any(|k| k.kind == DependencyKind::Normal);
        for dep in node.deps.iter().filter(normal) {
            if found.insert(&dep.pkg) {
                open.push(&dep.pkg);
            }
        }
    }
    found.into_iter().filter(|id| **id != start.id).map(|id| names[id].to_owned()).collect()
}

const IO: [&str; 8] = ["tokio", "mio", "socket2", "wasmtime", "hyper", "axum", "rustls", "async-trait"];

#[test]
fn model_and_plan_know_nothing_of_io_and_sandbox() {
    for layer in ["weir-model", "weir-plan"] {
        let needs = needs(layer);
        for forbidden in IO {
            assert!(!needs.contains(forbidden), "{layer} depends on {forbidden}");
        }
    }
}

#[test]
fn dependencies_between_our_crates_go_one_way() {
    let allowed: [(&str, &[&str]); 9] = [
        ("weir-model", &[]),
        ("weir-plan", &["weir-model"]),
        ("weir-ovsdb", &[]),
        ("weir-sandbox", &[]),
        ("weir-octavia", &["weir-model"]),
        ("weir-neutron", &[]),
        ("weir-journal", &[]),
        ("weir-author", &["weir-guest", "weir-sandbox", "weir-testkit"]),
        (
            "weir",
            &[
                "weir-author",
                "weir-guest",
                "weir-journal",
                "weir-model",
                "weir-neutron",
                "weir-octavia",
                "weir-ovsdb",
                "weir-plan",
                "weir-sandbox",
                "weir-testkit",
            ],
        ),
    ];
    for (name, allowed) in allowed {
        let ours: BTreeSet<String> = needs(name).into_iter().filter(|dep| dep.starts_with("weir")).collect();
        let allowed: BTreeSet<String> = allowed.iter().map(|dep| (*dep).to_owned()).collect();
        assert_eq!(ours, allowed, "{name}");
    }
}

#[test]
fn the_walk_itself_finds_what_is_there() {
    assert!(needs("weir").contains("tokio") && needs("weir-sandbox").contains("wasmtime"));
}

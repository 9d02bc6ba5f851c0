//! A plugin made by `weir plugin new` and `build`, served: a host with it in its plugin folder answers provider calls, and
//! the rows are those that the shipped plugin makes.
//!
//! `WEIR_PLUGIN_PROJECTS` names built projects, with `:` between them (`tests/languages/test` does). Without it a project in
//! Rust is made and built, which needs no more than building Weir does.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

use std::{
    fs,
    ops::Not,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use hyper::Method;
use serde_json::{Value, json};
use weir_tests::{Host, Northbound, host::binary, objects::*};

/// A built project: its plugin's name, component, and limits as the project file has them.
struct Built {
    name: String,
    component: PathBuf,
    limits: String,
}

fn built(dir: &Path) -> Built {
    let text = fs::read_to_string(dir.join("weir-plugin.toml")).unwrap();
    let name =
        text.lines().find_map(|line| line.strip_prefix("name = \"")?.strip_suffix('"')).unwrap().to_owned();
    let limits = text.split_once("[limits]\n").map_or("", |(_, limits)| limits).to_owned();
    Built { component: dir.join(format!("{name}.wasm")), name, limits }
}

/// The projects to serve, and the folder that holds those made here.
fn projects() -> (Vec<PathBuf>, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    if let Some(named) = std::env::var_os("WEIR_PLUGIN_PROJECTS") {
        return (std::env::split_paths(&named).collect(), folder);
    }
    let dir = folder.path().join("in-rust");
    let weir = |args: &[&str]| {
        let output = Command::new(binary()).arg("plugin").args(args).output().unwrap();
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    };
    let path = dir.to_str().unwrap();
    weir(&["new", "in-rust", "--dir", path]);
    weir(&["build", path]);
    (vec![dir], folder)
}

/// Waits longer than [`Host::ready`]: an interpreter takes many seconds to compile, in a debug build and beside other work.
async fn ready(host: &Host) {
    let start = Instant::now();
    let client = host.client();
    while client.send(Method::GET, "/readyz", &[], Vec::new()).await.is_ok_and(|a| a.status == 200).not() {
        assert!(start.elapsed() < Duration::from_secs(300), "ready: not within five minutes");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// What the provider calls of a life make of the rows; with a plugin, that it was asked.
async fn rows(with: Option<&Built>) -> Value {
    let northbound = Northbound::start();
    northbound.transact(&topology());
    if let Some(built) = with {
        let folder = northbound.folder().join("plugins");
        fs::create_dir_all(&folder).unwrap();
        let file = format!("{}.wasm", built.name);
        fs::copy(&built.component, folder.join(&file)).unwrap();
        let name = &built.name;
        let manifest =
            format!("[[plugin]]\nname = {name:?}\nfile = {file:?}\n[plugin.limits]\n{}", built.limits);
        fs::write(folder.join("plugins.toml"), manifest).unwrap();
    }
    let host = Host::spawn(northbound.folder(), &northbound.remote(), &[]);
    ready(&host).await;
    let client = host.client();
    for (method, body) in calls(1) {
        client.call(method, &body).await.committed();
    }
    client.call("member_create", &member(2, 1)).await.committed();
    let mut gone = member(1, 1)["member"].clone();
    gone["admin_state_up"] = false.into();
    let old = member(1, 1)["member"].clone();
    client.call("member_update", &json!({"old_member": old, "new_member": gone})).await.committed();
    let before = northbound.dump();
    // It refuses by itself, in its own words, and nothing is written.
    let mut refused = listener(2, 1, "TCP", 81);
    refused["listener"]["insert_headers"] = json!({"X-Forwarded-For": "true"});
    let said = client.call("listener_create", &refused).await.refused(422, "unsupported-insert-headers");
    assert!(said.contains("insert_headers"), "{said}");
    assert_eq!(northbound.dump(), before);
    if let Some(built) = with {
        let plugins = client.get("/v1/plugins").await.body;
        let all = plugins["plugins"].as_array().unwrap();
        let own = all.iter().find(|plugin| plugin["name"] == *built.name).expect("it is loaded");
        assert!(own["calls"].as_u64().unwrap() > 5 && own["failures"] == 0, "{own}");
    }
    let mut rows = northbound.rows(&id(1, 1));
    assert!(rows.len() == 1 && rows[0].to_string().contains("8080"), "{rows:?}");
    // Who translated a row is all that may differ.
    for row in &mut rows {
        if let Some(ids) = row["external_ids"].as_object_mut() {
            ids.retain(|key, value| {
                let made = with.is_some_and(|built| *value == *format!("{{\"plugin\": \"{}\"}}", built.name));
                !(key == "weir:own"
                    || (key.starts_with("weir:listener-") || key.starts_with("weir:pool-")) && made)
            });
        }
    }
    rows.into()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_of_an_author_is_served_and_its_rows_are_the_shipped_ones() {
    let shipped = rows(None).await;
    let (projects, _folder) = projects();
    for dir in projects {
        let built = built(&dir);
        assert_eq!(rows(Some(&built)).await, shipped, "{}", built.name);
    }
}

#[test]
fn the_rust_component_is_the_same_wherever_it_is_built() {
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let built = folders.each_ref().map(|folder| {
        let long = folder.path().join("in/a/folder/with/a/name/of/its/own");
        fs::create_dir_all(&long).unwrap();
        let dir = long.join("same");
        // Each has a cargo home of its own, with what the registry has downloaded already.
        let home = folder.path().join("home of cargo");
        fs::create_dir_all(&home).unwrap();
        let ours = std::env::var_os("CARGO_HOME")
            .map_or_else(|| Path::new(&std::env::var_os("HOME").unwrap()).join(".cargo"), PathBuf::from);
        if ours.join("registry").exists() {
            std::os::unix::fs::symlink(ours.join("registry"), home.join("registry")).unwrap();
        }
        let dir_text = dir.to_str().unwrap();
        for arguments in [&["new", "same", "--dir", dir_text][..], &["build", dir_text]] {
            let mut weir = Command::new(binary());
            let output = weir.arg("plugin").args(arguments).env("CARGO_HOME", &home).output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        }
        fs::read(dir.join("same.wasm")).unwrap()
    });
    assert!(built[0] == built[1], "{} and {} bytes", built[0].len(), built[1].len());
    for folder in &folders {
        let name = folder.path().to_str().unwrap();
        assert!(!String::from_utf8_lossy(&built[0]).contains(name), "it says where it was built");
    }
}

//! A plugin folder that is missing, and sets that shrink: nothing is switched off by a slip.

use std::{fs, process::Command};

use serde_json::Value;
use weir_tests::{Client, Host, Northbound, eventually, host::binary, objects::*};

use crate::folder::{Folder, entry};

const SITE: &str = "log-flood";

/// A host with a plugin of the operator's that serves a listener.
async fn scene() -> (Northbound, Host) {
    let northbound = Northbound::start();
    northbound.transact(&topology());
    let mut host = Host::spawn(northbound.folder(), &northbound.remote(), &[]);
    host.ready().await;
    host.kill();
    let folder = Folder::of(&host);
    folder.guest(SITE);
    folder.manifest(&entry(SITE, ""));
    host.restart();
    host.ready().await;
    has_site_plugin(&host.client()).await;
    (northbound, host)
}

async fn has_site_plugin(client: &Client) {
    eventually("the plugin is in use", async || {
        client.get("/v1/plugins").await.body["plugins"].to_string().contains(SITE).then_some(())
    })
    .await;
}

async fn condition(client: &Client, name: &str) -> Value {
    let ready = client.get("/readyz").await;
    assert_eq!(ready.status, 200, "{}", ready.body);
    let conditions = ready.body["conditions"].as_array().unwrap();
    conditions.iter().find(|it| it["name"] == name).unwrap_or_else(|| panic!("{}", ready.body)).clone()
}

async fn refused_as_missing(host: &Host) {
    let client = host.client();
    eventually("the missing folder is refused", async || {
        (client.get("/v1/plugins").await.body["refused"]["code"] == "plugin-folder-missing").then_some(())
    })
    .await;
    let current = condition(&client, "plugins-current").await;
    let detail = current["detail"].as_str().unwrap();
    assert!(current["ok"] == false && detail.contains(host.plugins().to_str().unwrap()), "{current}");
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_folder_is_a_bad_set_also_after_a_restart() {
    let (northbound, mut host) = scene().await;
    for (method, body) in calls(1) {
        host.client().call(method, &body).await.committed();
    }
    let before = northbound.dump();
    let away = northbound.folder().join("away");
    fs::rename(host.plugins(), &away).unwrap();
    refused_as_missing(&host).await;
    has_site_plugin(&host.client()).await;
    host.kill();
    host.restart();
    host.ready().await;
    refused_as_missing(&host).await;
    has_site_plugin(&host.client()).await;
    assert_eq!(northbound.dump(), before);
    fs::rename(&away, host.plugins()).unwrap();
    eventually("the set is current", async || {
        (condition(&host.client(), "plugins-current").await["ok"] == true).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn host_that_never_had_a_set_starts_with_the_shipped_plugins_where_the_folder_is_missing() {
    let northbound = Northbound::start();
    northbound.transact(&topology());
    let nowhere = northbound.folder().join("nowhere");
    let nowhere = nowhere.to_str().unwrap();
    let host = Host::spawn(northbound.folder(), &northbound.remote(), &[("WEIR_PLUGINS_DIR", nowhere)]);
    host.ready().await;
    let current = condition(&host.client(), "plugins-current").await;
    assert!(current["ok"] == false && current["detail"].as_str().unwrap().contains(nowhere), "{current}");
    for (method, body) in calls(1) {
        host.client().call(method, &body).await.committed();
    }
    assert!(host.log().contains("is missing"), "{}", host.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn set_that_shrinks_is_a_warning_and_a_condition_until_somebody_says_that_it_is_meant() {
    let (_northbound, host) = scene().await;
    let client = host.client();
    let folder = Folder::of(&host);
    folder.manifest("");
    eventually("the set has shrunk", async || {
        (condition(&client, "plugins-complete").await["ok"] == false).then_some(())
    })
    .await;
    let complete = condition(&client, "plugins-complete").await;
    assert!(complete["detail"].as_str().unwrap().contains(SITE), "{complete}");
    assert!(host.log().contains("plugins that were in use are no longer in the folder"), "{}", host.log());
    assert_eq!(client.post("/v1/plugins/reload").await.body["outcome"], "unchanged");
    assert_eq!(condition(&client, "plugins-complete").await["ok"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn set_without_a_required_plugin_is_refused_and_no_host_starts_with_it() {
    let northbound = Northbound::start();
    let folder = northbound.folder().join("plugins");
    fs::create_dir_all(&folder).unwrap();
    let run = |args: &[&str]| {
        Command::new(binary())
            .args(args)
            .env("WEIR_PLUGINS_REQUIRED", SITE)
            .env("WEIR_PLUGINS_DIR", &folder)
            .env("WEIR_STATE_DIR", northbound.folder().join("state"))
            .env("WEIR_LISTEN", format!("unix:{}", northbound.folder().join("provider.sock").display()))
            .env("WEIR_OVN_NB_CONNECTION", northbound.remote())
            .output()
            .unwrap()
    };
    let output = run(&["serve"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("plugins.required") && said.contains(SITE), "{said}");
    fs::remove_dir(&folder).unwrap();
    for args in [&["check"][..], &["serve"]] {
        let output = run(args);
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains(folder.to_str().unwrap()), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn plan_with_a_folder_that_is_missing_is_a_problem() {
    let northbound = Northbound::start();
    let nowhere = northbound.folder().join("nowhere");
    let output = Command::new(binary())
        .args(["plan", "--plugins", nowhere.to_str().unwrap()])
        .env("WEIR_OVN_NB_CONNECTION", northbound.remote())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("is missing") && said.contains("nowhere"), "{said}");
}

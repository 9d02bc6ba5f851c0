//! Sets of plugins that are taken into use, refused, or made to wait.

use std::{fs, process::Command};

use serde_json::Value;
use weir_tests::{Host, Northbound, eventually, host::binary, objects::*};

use crate::folder::{Folder, entry};

async fn started(env: &[(&str, &str)]) -> (Northbound, Host) {
    let northbound = Northbound::start();
    northbound.transact(&topology());
    let host = Host::spawn(northbound.folder(), &northbound.remote(), env);
    host.ready().await;
    (northbound, host)
}

fn names(plugins: &Value) -> Vec<String> {
    plugins["plugins"].as_array().unwrap().iter().map(|p| p["name"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_the_folder_is_taken_up_and_a_bad_one_is_not() {
    let (_northbound, mut host) = started(&[]).await;
    let client = host.client();
    let folder = Folder::of(&host);
    folder.guest("log-flood");
    eventually("the bare file is in use", async || {
        names(&client.get("/v1/plugins").await.body).contains(&"log-flood".to_owned()).then_some(())
    })
    .await;
    let set = client.get("/v1/plugins").await.body["set"].clone();
    // A bad one beside it: nothing changes, and everybody says why.
    fs::write(folder.path().join("bad.wasm"), "no component").unwrap();
    eventually("the bad set is refused", async || {
        client.get("/v1/plugins").await.body["refused"].is_object().then_some(())
    })
    .await;
    let plugins = client.get("/v1/plugins").await.body;
    assert_eq!(plugins["set"], set);
    assert_eq!(plugins["refused"]["code"], "plugin-invalid");
    assert!(plugins["refused"]["error"].as_str().unwrap().contains("bad.wasm"), "{plugins}");
    let ready = client.get("/readyz").await;
    assert_eq!((ready.status, ready.body["ready"].as_bool()), (200, Some(true)));
    let current =
        ready.body["conditions"].as_array().unwrap().iter().find(|c| c["name"] == "plugins-current");
    assert_eq!(current.unwrap()["ok"], false, "{}", ready.body);
    assert!(current.unwrap()["detail"].as_str().unwrap().contains("bad.wasm"), "{}", ready.body);
    let metrics = client.get("/metrics").await.body;
    let metrics = metrics.as_str().unwrap();
    assert!(metrics.contains("weir_plugins_current 0"), "{metrics}");
    assert!(metrics.contains("weir_plugin_reloads_total{outcome=\"refused\"} 1"), "{metrics}");
    assert!(host.log().contains("bad.wasm"), "{}", host.log());
    // The last good set serves also after a restart.
    host.kill();
    host.restart();
    host.ready().await;
    let plugins = client.get("/v1/plugins").await.body;
    assert_eq!(plugins["set"], set);
    assert!(plugins["refused"]["error"].as_str().unwrap().contains("bad.wasm"), "{plugins}");
    // Repaired.
    fs::remove_file(folder.path().join("bad.wasm")).unwrap();
    eventually("nothing is refused any more", async || {
        client.get("/v1/plugins").await.body["refused"].is_null().then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sighup_reads_the_folder() {
    let (_northbound, host) = started(&[("WEIR_PLUGINS_WATCH", "false")]).await;
    let client = host.client();
    Folder::of(&host).guest("log-flood");
    assert!(Command::new("kill").args(["-HUP", &host.pid().to_string()]).status().unwrap().success());
    eventually("the file is in use", async || {
        names(&client.get("/v1/plugins").await.body).contains(&"log-flood".to_owned()).then_some(())
    })
    .await;
    assert_eq!(client.post("/v1/plugins/reload").await.body["outcome"], "unchanged");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_thing_wrong_with_a_set_has_its_code_and_names_key_and_value() {
    let (_northbound, host) = started(&[("WEIR_PLUGINS_WATCH", "false")]).await;
    let client = host.client();
    let folder = Folder::of(&host);
    folder.guest("log-flood");
    folder.guest("picky-config");
    folder.guest("unknown-import");
    folder.guest("slow-start");
    folder.guest("trap");
    let one = |more: &str| format!("[[plugin]]\nname = \"log-flood\"\nfile = \"log-flood.wasm\"\n{more}");
    let picky =
        |more: &str| format!("[[plugin]]\nname = \"picky-config\"\nfile = \"picky-config.wasm\"\n{more}");
    let named = |name: &str| format!("[[plugin]]\nname = \"{name}\"\nfile = \"{name}.wasm\"\n");
    for (manifest, code, words) in [
        ("[[plugin]".to_owned(), "plugins-manifest", &["plugins.toml"][..]),
        (one("colour = \"red\""), "plugins-manifest", &["colour"]),
        (one("on_failure = \"explode\""), "plugins-manifest", &["explode", "keep-last"]),
        (one("sha256 = \"00ff\""), "plugin-digest", &["log-flood", "00ff"]),
        (one("serves = { protocols = [\"GOPHER\"] }"), "plugin-settings", &["serves.protocols", "GOPHER"]),
        (one("options = [\"reject\"]"), "plugin-settings", &["options", "reject"]),
        (one("[plugin.limits]\nfuel = 1"), "plugin-instantiate", &["log-flood", "fuel"]),
        (one("[plugin.limits]\nmemory = \"2TiB\""), "plugins-manifest", &["memory", "2TiB"]),
        (one("config = { a = 1 }"), "plugin-config", &["or no configuration"]),
        (one("require_signed = true"), "plugins-manifest", &["require_signed"]),
        ("require_signed = true\n".to_owned() + &one(""), "plugins-manifest", &["trusted_keys"]),
        (picky("config = { colour = 5 }"), "plugin-config", &["/colour", "5"]),
        (picky("config = { colour = \"pink\" }"), "plugin-config", &["config.colour", "pink"]),
        (picky("config = { colour = \"red\", size = 1 }"), "plugin-config", &["size"]),
        (named("unknown-import"), "plugin-import", &["faulty:environment/clock"]),
        (named("slow-start"), "plugin-instantiate", &["slow-start", "fuel"]),
        // Tried out before it is used: this configuration makes it bad from the start.
        (named("trap") + "config = { provoke = true }", "plugin-conformance", &["trap", "cannot go on with"]),
        (named("missing"), "plugin-unreadable", &["missing.wasm"]),
        (named("log-flood") + &named("log-flood"), "plugin-duplicate", &["log-flood"]),
    ] {
        folder.manifest(&manifest);
        let answer = client.post("/v1/plugins/reload").await;
        assert_eq!(
            (answer.status, answer.body["code"].as_str()),
            (500, Some(code)),
            "{manifest}: {}",
            answer.body
        );
        let text = answer.body["operator_fault_string"].as_str().unwrap();
        for word in words {
            assert!(text.contains(word), "{manifest}: {text}");
        }
    }
    folder.manifest(&picky("config = { colour = \"red\" }\noptions = [\"skip_snat\"]"));
    let answer = client.post("/v1/plugins/reload").await;
    assert_eq!(answer.body["outcome"], "swapped", "{}", answer.body);
    let plugins = client.get("/v1/plugins").await.body;
    let picky = plugins["plugins"].as_array().unwrap().iter().find(|p| p["name"] == "picky-config").unwrap();
    assert_eq!(picky["config"]["colour"], "red");
    assert_eq!(picky["options"], serde_json::json!(["skip_snat"]));
    // What the manifest does not name is not loaded, and that is said.
    assert!(!names(&plugins).contains(&"log-flood".to_owned()));
    assert!(plugins["ignored_files"].to_string().contains("log-flood.wasm"), "{plugins}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_set_that_changes_much_waits_and_a_plan_shows_it_beforehand() {
    let env = [("WEIR_PLUGINS_WATCH", "false"), ("WEIR_PLUGINS_CONFIRM_ABOVE", "2")];
    let (northbound, mut host) = started(&env).await;
    let client = host.client();
    for n in 1..=3 {
        for (method, body) in calls(n) {
            client.call(method, &body).await.committed();
        }
    }
    let before = northbound.dump();
    // What it says is what the shipped one says, but its name is written at each listener.
    let other = Folder::at(northbound.folder().join("other"));
    other.guest("log-flood");
    other.manifest(&entry("log-flood", ""));
    let in_use = host.plugins();
    let plan = || {
        let output = Command::new(binary())
            .args(["plan", "-o", "json", "--plugins"])
            .arg(other.path())
            .env("WEIR_OVN_NB_CONNECTION", northbound.remote())
            .env("WEIR_PLUGINS_DIR", &in_use)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice::<Value>(&output.stdout).unwrap()
    };
    let shown = plan();
    assert_eq!(
        (shown["checked"].as_u64(), shown["changes"].as_array().unwrap().len()),
        (Some(3), 3),
        "{shown}"
    );
    assert!(shown.to_string().contains("log-flood"), "{shown}");
    let folder = Folder::of(&host);
    folder.guest("log-flood");
    folder.manifest(&entry("log-flood", ""));
    let answer = client.post("/v1/plugins/reload").await.body;
    assert_eq!(
        (answer["outcome"].as_str(), answer["changed_load_balancers"].as_u64()),
        (Some("waiting"), Some(3))
    );
    let set = answer["set"].as_str().unwrap().to_owned();
    let waiting = client.get("/v1/plugins").await.body;
    assert_eq!(waiting["waiting"]["set"], set.as_str());
    assert_eq!(waiting["waiting"]["for_example"].as_array().unwrap().len(), 3);
    assert!(!names(&waiting).contains(&"log-flood".to_owned()));
    assert_eq!(northbound.dump(), before, "nothing is changed unconfirmed");
    // A restart confirms nothing.
    host.kill();
    host.restart();
    host.ready().await;
    assert_eq!(client.get("/v1/plugins").await.body["waiting"]["set"], set.as_str());
    assert_eq!(northbound.dump(), before, "nothing is changed unconfirmed");
    client.post("/v1/plugins/confirm/of-somebody-else").await.refused(404, "plugin-set-not-found");
    let answer = client.post(&format!("/v1/plugins/confirm/{set}")).await.body;
    assert_eq!(
        (answer["outcome"].as_str(), answer["changed_load_balancers"].as_u64()),
        (Some("swapped"), Some(3))
    );
    eventually("every load balancer is planned again", async || {
        let made = |n| northbound.load_balancer(&id(1, n))["external_ids"].to_string().contains("log-flood");
        (1..=3).all(made).then_some(())
    })
    .await;
    for n in 1..=3 {
        let vips = &northbound.load_balancer(&id(1, n))["vips"];
        assert_eq!(vips.as_object().unwrap().len(), 1, "{vips}");
    }
    // The folder's plugins are those of the other folder now.
    assert_eq!(plan()["changes"], serde_json::json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_leave_to_repair_a_swap_writes_nothing() {
    let (northbound, host) = started(&[("WEIR_PLUGINS_WATCH", "false"), ("WEIR_REPAIR", "report")]).await;
    let client = host.client();
    for (method, body) in calls(1) {
        client.call(method, &body).await.committed();
    }
    let before = northbound.dump();
    let folder = Folder::of(&host);
    folder.guest("log-flood");
    folder.manifest(&entry("log-flood", ""));
    let answer = client.post("/v1/plugins/reload").await.body;
    assert_eq!(
        (answer["outcome"].as_str(), answer["changed_load_balancers"].as_u64()),
        (Some("swapped"), Some(1))
    );
    assert_eq!(northbound.dump(), before);
    // A user's own call is carried out with the plugins in use.
    client.call("member_create", &member(2, 1)).await.committed();
    assert!(northbound.load_balancer(&id(1, 1))["external_ids"].to_string().contains("log-flood"));
}

#[tokio::test(flavor = "multi_thread")]
async fn another_meaning_of_rows_without_a_word_is_refused() {
    let (_northbound, host) = started(&[("WEIR_PLUGINS_WATCH", "false")]).await;
    let folder = Folder::of(&host);
    folder.shipped("algorithm");
    folder.manifest("[[plugin]]\nname = \"algorithm\"\nfile = \"algorithm.wasm\"\nserves = { algorithms = [\"SOURCE_IP\"] }\n");
    let answer = host.client().post("/v1/plugins/reload").await;
    let text = answer.refused(500, "plugin-default-algorithm");
    assert!(text.contains("SOURCE_IP_PORT"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn options_go_with_the_plugin_that_set_them() {
    let (northbound, host) = started(&[("WEIR_PLUGINS_WATCH", "false")]).await;
    let client = host.client();
    let folder = Folder::of(&host);
    folder.guest("picky-config");
    let picky =
        "[[plugin]]\nname = \"picky-config\"\nfile = \"picky-config.wasm\"\nconfig = { colour = \"red\" }\n";
    folder.manifest(picky);
    assert_eq!(client.post("/v1/plugins/reload").await.body["outcome"], "swapped");
    client.call("loadbalancer_create", &loadbalancer(1)).await.committed();
    client.call("listener_create", &listener(1, 1, "picky-config", 80)).await.committed();
    client.call("pool_create", &pool(1, 1, Some(1), "picky-config")).await.committed();
    let row = northbound.load_balancer(&id(1, 1));
    assert_eq!(row["options"]["skip_snat"], "true", "{row}");
    // Without it nobody serves the listener: it stays as it is, its options too.
    folder.manifest("");
    assert_eq!(client.post("/v1/plugins/reload").await.body["outcome"], "swapped");
    client.post(&format!("/v1/loadbalancers/{}/reconcile", id(1, 1))).await;
    assert_eq!(northbound.load_balancer(&id(1, 1))["options"], row["options"]);
    client.call("pool_delete", &pool(1, 1, Some(1), "picky-config")).await.committed();
    client.call("listener_delete", &listener(1, 1, "picky-config", 80)).await.committed();
    eventually("its options are gone with it", async || {
        northbound.load_balancer(&id(1, 1))["options"].as_object()?.is_empty().then_some(())
    })
    .await;
}

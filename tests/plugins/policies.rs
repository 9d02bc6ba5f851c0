//! Each bad guest under each failure policy, with good calls in flight.

use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use serde_json::Value;
use weir_tests::{Client, Host, Northbound, objects::*};

use crate::folder::{Folder, entry};

/// A guest and the code of its failure.
const GUESTS: &[(&str, &str)] = &[
    ("endless-loop", "plugin-fuel"),
    ("out-of-memory", "plugin-memory"),
    ("trap", "plugin-trap"),
    ("deep-recursion", "plugin-stack"),
    ("huge-output", "plugin-output"),
    ("many-items", "plugin-output"),
    ("nonsense-indices", "plugin-output"),
    ("foreign-vip", "plugin-output"),
    ("duplicate-member", "plugin-output"),
    ("silent-empty", "plugin-output"),
    ("wrong-transport", "plugin-output"),
    ("ungranted-option", "plugin-output"),
    ("empty-refusal", "plugin-output"),
];

/// A plugin's deadline, and what a busy machine may add.
const ANSWERED: Duration = Duration::from_millis(250 + 2_000);

/// Load balancers of good calls, away from the others.
const GOOD: usize = 150;

/// Sends good calls until it is told to stop.
fn good_calls(client: Client, stop: Arc<AtomicBool>, done: Arc<AtomicUsize>) -> tokio::task::JoinHandle<()> {
    tokio::spawn(async move {
        for n in 0.. {
            if stop.load(Ordering::Relaxed) {
                return;
            }
            // The transport of another shipped plugin, so that no bad guest is asked.
            let body = member(GOOD + 1 + n % 50, GOOD);
            let answer = client.call("member_create", &body).await;
            assert_eq!(answer.status, 200, "a good call: {}", answer.body);
            let answer = client.call("member_delete", &body).await;
            assert_eq!(answer.status, 200, "a good call: {}", answer.body);
            done.fetch_add(2, Ordering::Relaxed);
        }
    })
}

fn resident(host: &Host) -> usize {
    let status = fs::read_to_string(format!("/proc/{}/status", host.pid())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// One call, and that it was answered in time.
async fn timed(client: &Client, method: &str, body: &Value) -> weir_tests::Answer {
    let start = Instant::now();
    let answer = client.call(method, body).await;
    assert!(start.elapsed() < ANSWERED, "{method} took {:?}", start.elapsed());
    answer
}

fn vips(northbound: &Northbound, lb: usize) -> Value {
    northbound.load_balancer(&id(1, lb))["vips"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_bad_guest_under_every_policy_harms_its_own_call_only() {
    let northbound = Northbound::start();
    northbound.transact(&topology());
    let host = Host::spawn(northbound.folder(), &northbound.remote(), &[("WEIR_PLUGINS_WATCH", "false")]);
    host.ready().await;
    let client = host.client();
    let folder = Folder::of(&host);
    for (method, body) in [
        ("loadbalancer_create", loadbalancer(GOOD)),
        ("listener_create", listener(GOOD, GOOD, "UDP", 53)),
        ("pool_create", pool(GOOD, GOOD, Some(GOOD), "UDP")),
    ] {
        client.call(method, &body).await.committed();
    }
    // A live load balancer of the shipped plugin.
    for (method, body) in calls(1) {
        client.call(method, &body).await.committed();
    }
    let live = vips(&northbound, 1);
    assert_eq!(live["10.10.20.2:80"], "10.10.10.11:8080");
    let (stop, done) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let good = good_calls(client.clone(), stop.clone(), done.clone());
    let mut memory = Vec::new();
    for (round, policy) in ["refuse", "built-in", "keep-last"].into_iter().enumerate() {
        for (n, (guest, code)) in GUESTS.iter().enumerate() {
            folder.guest(guest);
            folder.manifest(&entry(guest, &format!("on_failure = \"{policy}\"\nsuspend_after = 0")));
            let answer = client.post("/v1/plugins/reload").await;
            assert_eq!((answer.status, answer.body["outcome"].as_str()), (200, Some("swapped")), "{guest}");
            // What is live stays as it is.
            assert_eq!(vips(&northbound, 1), live, "{guest} under {policy}");
            // Something new.
            let new = 2 + round * GUESTS.len() + n;
            let answer = timed(&client, "loadbalancer_create", &whole(new)).await;
            let made = client.get(&format!("/v1/loadbalancers/{}", id(1, new))).await;
            if policy == "built-in" {
                answer.committed();
                let key = format!("10.10.20.{}:80", new + 1);
                assert!(vips(&northbound, new)[&key].is_string(), "{guest}: {}", made.body);
                client.call("loadbalancer_delete", &cascade(new)).await.committed();
            } else {
                answer.refused(500, code);
                assert_eq!(made.status, 404, "{guest} under {policy}");
            }
            // Something live.
            let answer = timed(&client, "member_create", &member(2, 1)).await;
            match policy {
                "refuse" => drop(answer.refused(500, code)),
                "built-in" => {
                    answer.committed();
                    assert_eq!(vips(&northbound, 1)["10.10.20.2:80"], "10.10.10.11:8080,10.10.10.12:8080");
                    client.call("member_delete", &member(2, 1)).await.committed();
                }
                _ => {
                    answer.committed();
                    assert_eq!(vips(&northbound, 1), live, "{guest}: the last good one is kept");
                    client.call("member_delete", &member(2, 1)).await.committed();
                }
            }
            assert_eq!(vips(&northbound, 1), live, "{guest} under {policy}");
        }
        memory.push(resident(&host));
    }
    stop.store(true, Ordering::Relaxed);
    good.await.unwrap();
    assert!(done.load(Ordering::Relaxed) > GUESTS.len(), "good calls: {done:?}");
    // After the first round everything has been seen once: compiled code, pools, arenas.
    let grown = memory[2].saturating_sub(memory[0]);
    assert!(grown < 64 << 10, "kB resident after each round: {memory:?}");
}

/// `loadbalancer_create` with all that one can ask a plugin about.
fn whole(n: usize) -> Value {
    let mut graph = loadbalancer(n);
    let mut own = pool(n, n, None, "TCP")["pool"].clone();
    own["members"] = vec![member(n, n)["member"].clone()].into();
    let mut listening = listener(n, n, "TCP", 80)["listener"].clone();
    listening["default_pool_id"] = id(3, n).into();
    graph["loadbalancer"]["listeners"] = vec![listening].into();
    graph["loadbalancer"]["pools"] = vec![own].into();
    graph
}

fn cascade(n: usize) -> Value {
    let mut body = loadbalancer(n);
    body["cascade"] = true.into();
    body
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_plugin_made_is_not_taken_over() {
    let northbound = Northbound::start();
    northbound.transact(&topology());
    let host = Host::spawn(northbound.folder(), &northbound.remote(), &[("WEIR_PLUGINS_WATCH", "false")]);
    host.ready().await;
    let client = host.client();
    let folder = Folder::of(&host);
    // Made by a plugin that works...
    folder.guest("log-flood");
    folder.manifest(&entry("log-flood", "on_failure = \"built-in\""));
    assert_eq!(client.post("/v1/plugins/reload").await.body["outcome"], "swapped");
    for (method, body) in calls(1) {
        client.call(method, &body).await.committed();
    }
    let row = northbound.load_balancer(&id(1, 1));
    let key = &row["external_ids"][format!("weir:listener-{}", id(2, 1))];
    assert!(key.as_str().unwrap().contains("\"plugin\": \"log-flood\""), "{key}");
    // ... which then breaks: a shipped one could serve the same, but does not know what the other one meant.
    folder.guest("trap");
    folder.manifest(&entry("trap", "on_failure = \"built-in\""));
    assert_eq!(client.post("/v1/plugins/reload").await.body["outcome"], "swapped");
    client.call("member_create", &member(2, 1)).await.refused(500, "plugin-trap");
    assert_eq!(northbound.load_balancer(&id(1, 1))["vips"], row["vips"]);
    // It stands in for what is new, and for what it has made itself.
    for (method, body) in calls(2) {
        client.call(method, &body).await.committed();
    }
    // Without the broken one the operator has decided: the shipped one takes over.
    folder.manifest("");
    assert_eq!(client.post("/v1/plugins/reload").await.body["outcome"], "swapped");
    client.call("member_create", &member(3, 1)).await.committed();
    let row = northbound.load_balancer(&id(1, 1));
    assert_eq!(row["vips"]["10.10.20.2:80"], "10.10.10.11:8080,10.10.10.13:8080");
    assert!(row["external_ids"][format!("weir:listener-{}", id(2, 1))].is_null(), "{row}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_kept_is_put_right_when_the_plugin_works_again() {
    let northbound = Northbound::start();
    northbound.transact(&topology());
    let host = Host::spawn(northbound.folder(), &northbound.remote(), &[]);
    host.ready().await;
    let client = host.client();
    for (method, body) in calls(1) {
        client.call(method, &body).await.committed();
    }
    let live = vips(&northbound, 1);
    let folder = Folder::of(&host);
    folder.guest("trap");
    folder.manifest(&entry("trap", "on_failure = \"keep-last\"\nsuspend_after = 2"));
    // Nobody says so: the folder is watched.
    weir_tests::eventually("the plugin is in use", async || {
        client.get("/v1/plugins").await.body.to_string().contains("\"trap\"").then_some(())
    })
    .await;
    client.call("member_create", &member(2, 1)).await.committed();
    assert_eq!(vips(&northbound, 1), live);
    // It is tried again, fails again, and is put out of use.
    weir_tests::eventually("the plugin is suspended", async || {
        let plugins = client.get("/v1/plugins").await.body;
        let trap = plugins["plugins"].as_array()?.iter().find(|plugin| plugin["name"] == "trap")?.clone();
        let reason = trap["suspended"]["reason"].as_str().unwrap_or_default().to_owned();
        (trap["state"] == "suspended" && reason.contains("cannot go on")).then_some(())
    })
    .await;
    let ready = client.get("/readyz").await;
    assert_eq!(ready.status, 200, "{}", ready.body);
    assert!(ready.body.to_string().contains("cannot go on"), "{}", ready.body);
    let metrics = client.get("/metrics").await.body;
    let metrics = metrics.as_str().unwrap();
    assert!(metrics.contains("weir_plugin_suspended{plugin=\"trap\"} 1"), "{metrics}");
    assert!(
        metrics.contains("weir_plugin_failures_total{plugin=\"trap\",code=\"plugin-trap\"}"),
        "{metrics}"
    );
    assert!(metrics.contains("weir_plugins_unsettled 1"), "{metrics}");
    // A repaired one (a good guest in its place) puts right what waited.
    folder.guest("log-flood");
    folder.manifest(&entry("log-flood", ""));
    weir_tests::eventually("the member is in the VIP", async || {
        (vips(&northbound, 1)["10.10.20.2:80"] == "10.10.10.11:8080,10.10.10.12:8080").then_some(())
    })
    .await;
    weir_tests::eventually("all is settled", async || {
        let metrics = client.get("/metrics").await.body;
        metrics.as_str()?.contains("weir_plugins_unsettled 0").then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_that_nobody_could_judge_does_not_get_in() {
    let northbound = Northbound::start();
    northbound.transact(&topology());
    let host = Host::spawn(northbound.folder(), &northbound.remote(), &[("WEIR_PLUGINS_WATCH", "false")]);
    host.ready().await;
    let client = host.client();
    for (method, body) in calls(2) {
        client.call(method, &body).await.committed();
    }
    let folder = Folder::of(&host);
    folder.guest("trap-on-members");
    folder.manifest(&entry("trap-on-members", ""));
    assert_eq!(client.post("/v1/plugins/reload").await.body["outcome"], "swapped");
    // Before and after the one that is there, in the order of ids.
    for new in [1, 3] {
        client.call("member_create", &member(new, 2)).await.refused(500, "plugin-trap");
    }
    assert_eq!(vips(&northbound, 2)["10.10.20.3:80"], "10.10.10.12:8080");
}

#[tokio::test(flavor = "multi_thread")]
async fn looking_at_a_load_balancer_does_not_settle_it() {
    let northbound = Northbound::start();
    northbound.transact(&topology());
    let host = Host::spawn(northbound.folder(), &northbound.remote(), &[("WEIR_PLUGINS_WATCH", "false")]);
    host.ready().await;
    let client = host.client();
    for (method, body) in calls(1) {
        client.call(method, &body).await.committed();
    }
    let folder = Folder::of(&host);
    folder.guest("trap");
    folder.manifest(&entry("trap", "on_failure = \"keep-last\"\nsuspend_after = 0"));
    assert_eq!(client.post("/v1/plugins/reload").await.body["outcome"], "swapped");
    client.call("member_create", &member(2, 1)).await.committed();
    // What a member's address has in common with another's does not keep it.
    let mut twin = member(1, 1);
    twin["member"]["member_id"] = id(4, 9).into();
    twin["member"]["protocol_port"] = 9090.into();
    client.call("member_create", &twin).await.committed();
    client.call("member_delete", &member(1, 1)).await.committed();
    assert_eq!(vips(&northbound, 1)["10.10.20.2:80"], Value::Null, "the deleted member is out at once");
    folder.guest("log-flood");
    folder.manifest(&entry("log-flood", ""));
    // The plugins work again, but nobody has taken the load balancer up yet.
    let reloaded = client.post("/v1/plugins/reload");
    let path = format!("/v1/loadbalancers/{}", id(1, 1));
    let looked = client.get(&path);
    let (reloaded, looked) = tokio::join!(reloaded, looked);
    assert_eq!((reloaded.body["outcome"].as_str(), looked.status), (Some("swapped"), 200));
    weir_tests::eventually("both members are in", async || {
        (vips(&northbound, 1)["10.10.20.2:80"] == "10.10.10.12:8080,10.10.10.11:9090").then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_wants_gone_goes_whatever_becomes_of_the_plugin() {
    let northbound = Northbound::start();
    northbound.transact(&topology());
    let host = Host::spawn(northbound.folder(), &northbound.remote(), &[("WEIR_PLUGINS_WATCH", "false")]);
    host.ready().await;
    let client = host.client();
    for (method, body) in calls(1) {
        client.call(method, &body).await.committed();
    }
    client.call("member_create", &member(2, 1)).await.committed();
    let folder = Folder::of(&host);
    folder.guest("trap");
    folder.manifest(&entry("trap", ""));
    assert_eq!(client.post("/v1/plugins/reload").await.body["outcome"], "swapped");
    client.call("member_delete", &member(1, 1)).await.committed();
    assert_eq!(vips(&northbound, 1)["10.10.20.2:80"], "10.10.10.12:8080");
    client.call("pool_delete", &pool(1, 1, Some(1), "TCP")).await.committed();
    assert_eq!(vips(&northbound, 1), serde_json::json!({}));
    client.call("listener_delete", &listener(1, 1, "TCP", 80)).await.committed();
    client.call("loadbalancer_delete", &cascade(1)).await.committed();
    assert_eq!(northbound.rows(&id(1, 1)), Vec::<Value>::new());
}

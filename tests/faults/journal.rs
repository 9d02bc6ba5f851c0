//! The host is killed, and its disk is full: what was accepted stays accepted, what was refused stays refused.

use std::{fs::File, io::Write};

use serde_json::json;
use weir_tests::{Host, Northbound, eventually, objects::*};

async fn scene() -> (Northbound, Host) {
    let northbound = Northbound::start();
    northbound.transact(&topology());
    let host = Host::start(northbound.folder(), &northbound.remote()).await;
    for (method, body) in calls(1) {
        host.client().call(method, &body).await.committed();
    }
    (northbound, host)
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_remembered_by_a_host_that_was_killed() {
    let (northbound, mut host) = scene().await;
    let client = host.client();
    let first = client.call_with_key("member_create", &member(2, 1), Some("used")).await;
    first.clone().committed();
    assert_eq!(client.delete("/v1/changes/unwanted").await.body["state"], "abandoned");
    client.call_with_key("member_create", &member(3, 1), Some("taken back")).await.committed();
    assert_eq!(client.delete("/v1/changes/taken%20back").await.body["state"], "abandoned");
    let before = northbound.dump();
    host.kill();
    host.restart();
    host.ready().await;
    assert_eq!(client.call_with_key("member_create", &member(2, 1), Some("used")).await, first);
    client.call_with_key("member_create", &member(4, 1), Some("unwanted")).await.refused(500, "abandoned");
    assert_eq!(client.get("/v1/changes/taken%20back").await.body["state"], "abandoned");
    assert_eq!(northbound.dump(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_accepted_while_the_northbound_was_away_survives_the_host() {
    let (mut northbound, mut host) = scene().await;
    let client = host.client();
    northbound.server.kill().unwrap();
    eventually("noticed", async || (client.get("/readyz").await.status == 503).then_some(())).await;
    let down = json!({"old_member": {"member_id": id(4, 1), "pool_id": id(3, 1)}, "new_member": {"member_id": id(4, 1), "admin_state_up": false}});
    let mut accepted = Vec::new();
    for (method, body, key) in [
        ("member_create", member(2, 1), "a"),
        ("member_create", member(3, 1), "b"),
        ("member_update", down, "c"),
        ("loadbalancer_create", loadbalancer(2), "d"),
        ("member_create", member(4, 1), "e"),
    ] {
        let answer = client.call_with_key(method, &body, Some(key)).await;
        assert_eq!((answer.status, &answer.body["committed"]), (200, &json!(false)), "{}", answer.body);
        accepted.push((key, answer));
    }
    assert_eq!(client.delete("/v1/changes/e").await.body["state"], "abandoned");
    host.kill();
    northbound.server.start().unwrap();
    host.restart();
    host.ready().await;
    for (key, answer) in &accepted[..4] {
        let path = format!("/v1/changes/{key}");
        eventually("committed", async || {
            let state = client.get(&path).await.body;
            assert_eq!(state["id"], answer.body["change"]);
            (state["state"] == "committed").then_some(())
        })
        .await;
    }
    assert_eq!(client.get("/v1/changes/e").await.body["state"], "abandoned");
    eventually("the rows are right", async || {
        let vips = northbound.rows(&id(1, 1))[0]["vips"].to_string();
        let has = |octet: u32| vips.contains(&format!("10.10.10.{octet}:"));
        (!has(11) && has(12) && has(13) && !has(14)).then_some(())
    })
    .await;
    assert_eq!(northbound.rows(&id(1, 2)).len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_refuses_calls_and_loses_nothing() {
    let northbound = Northbound::start();
    northbound.transact(&topology());
    let mut host = Host::start_on_a_small_disk(northbound.folder(), &northbound.remote()).await;
    let client = host.client();
    for (method, body) in calls(1) {
        client.call(method, &body).await.committed();
    }
    let filler = host.state_on_disk().join("filler");
    let mut file = File::create(&filler).unwrap();
    while file.write_all(&[0; 4096]).is_ok() {}
    // What the journal has reserved already it can still use.
    let before = eventually("refused", async || {
        let before = northbound.dump();
        let answer = client.call("loadbalancer_create", &large(2)).await;
        if answer.status == 200 {
            client.call("loadbalancer_delete", &json!({"loadbalancer": {"loadbalancer_id": id(1, 2)}})).await;
            return None;
        }
        answer.refused(503, "journal-broken");
        Some(before)
    })
    .await;
    assert_eq!(northbound.dump(), before, "a refused call writes nothing");
    let ready = client.get("/readyz").await;
    assert_eq!(ready.status, 503);
    let conditions = ready.body["conditions"].as_array().unwrap();
    assert!(
        conditions.iter().any(|it| it["name"] == "journal-writable" && it["ok"] == false),
        "{}",
        ready.body
    );
    drop(file);
    std::fs::remove_file(&filler).unwrap();
    host.ready().await;
    client.call("member_create", &member(2, 1)).await.committed();
    assert!(northbound.rows(&id(1, 1))[0]["vips"].to_string().contains("10.10.10.12"));
    assert!(northbound.rows(&id(1, 2)).is_empty());
    host.kill();
}

/// A load balancer with many members: a large entry.
fn large(n: usize) -> serde_json::Value {
    let mut body = loadbalancer(n);
    let members: Vec<_> = (0..2_000)
        .map(|m| json!({"member_id": id(9, m), "address": format!("10.20.{}.{}", m / 250, m % 250 + 1), "protocol_port": 80}))
        .collect();
    body["loadbalancer"]["pools"] = json!([{"pool_id": id(8, n), "protocol": "TCP", "lb_algorithm": "SOURCE_IP_PORT", "members": members}]);
    body
}

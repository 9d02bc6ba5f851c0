//! A monitor update that never arrives: the replica is wrong, the connection is sound, and every guard on the row fails.

use serde_json::{Value, json};
use weir_tests::{
    Host, Northbound, eventually,
    objects::*,
    proxy::{Fault, Proxy},
};

/// A load balancer with a member, by a host behind a proxy.
async fn scene() -> (Northbound, Proxy, Host) {
    let northbound = Northbound::start();
    northbound.transact(&topology());
    let proxy = Proxy::start(northbound.folder(), northbound.socket());
    let host = Host::start(northbound.folder(), &proxy.remote()).await;
    for (method, body) in calls(1) {
        host.client().call(method, &body).await.committed();
    }
    (northbound, proxy, host)
}

async fn lost(proxy: &Proxy) {
    eventually("an update is lost", async || (proxy.lost_updates() == 1).then_some(())).await;
}

/// Notes something in the row, of which the host does not hear.
async fn edit_unheard(northbound: &Northbound, proxy: &Proxy) {
    proxy.set(Fault::LoseUpdate);
    northbound
        .transact(&[json!({"op": "mutate", "table": "Load_Balancer", "where": [["name", "==", id(1, 1)]],
        "mutations": [["external_ids", "insert", ["map", [["note", "an operator's"]]]]]})]);
    lost(proxy).await;
}

async fn committed(host: &Host, answer: &Value) {
    let change = answer["change"].as_str().unwrap().to_owned();
    eventually("committed", async || {
        let state = host.client().get(&format!("/v1/changes/{change}")).await.body;
        assert_ne!(state["state"], "failed", "{state}");
        (state["state"] == "committed").then_some(())
    })
    .await;
}

fn rereads(host: &Host) -> usize {
    host.log().matches("replica lacks an edit that the Northbound has, reading it anew").count()
}

#[tokio::test(flavor = "multi_thread")]
async fn change_of_a_row_with_a_lost_update_is_committed_on_the_row_read_anew() {
    let (northbound, proxy, host) = scene().await;
    edit_unheard(&northbound, &proxy).await;
    let answer = host.client().call("member_create", &member(2, 1)).await;
    committed(&host, &answer.body).await;
    let row = northbound.load_balancer(&id(1, 1));
    assert_eq!(row["external_ids"]["note"], "an operator's", "the edit stays");
    assert!(row["vips"].to_string().contains("10.10.10.12:8080"), "{row}");
    assert_eq!(rereads(&host), 1);
    let metrics = host.client().get("/metrics").await.body;
    assert!(metrics.as_str().unwrap().contains("weir_northbound_rereads_total 1"), "{metrics}");
    // The connection is the same one, and what comes later is heard of.
    assert_eq!(proxy.cuts(), 0);
    host.client().call("member_create", &member(3, 1)).await.committed();
    assert_eq!(rereads(&host), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn confirmation_of_a_row_with_a_lost_update_is_made_on_the_row_read_anew() {
    let (northbound, proxy, host) = scene().await;
    edit_unheard(&northbound, &proxy).await;
    // Nothing is to be done, which the server is to confirm.
    let path = format!("/v1/loadbalancers/{}/reconcile", id(1, 1));
    let answer = host.client().send(hyper::Method::POST, &path, &[], Vec::new()).await.unwrap();
    committed(&host, &answer.body).await;
    assert_eq!(rereads(&host), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn create_of_a_load_balancer_whose_insert_was_lost_is_committed_once() {
    let (northbound, proxy, host) = scene().await;
    let folder = northbound.folder().join("second");
    std::fs::create_dir_all(&folder).unwrap();
    let other = Host::start(&folder, &northbound.remote()).await;
    proxy.set(Fault::LoseUpdate);
    other.client().call("loadbalancer_create", &loadbalancer(2)).await.committed();
    lost(&proxy).await;
    let answer = host.client().call("loadbalancer_create", &loadbalancer(2)).await;
    committed(&host, &answer.body).await;
    assert_eq!(northbound.rows(&id(1, 2)).len(), 1);
    assert_eq!(rereads(&host), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn guard_that_meets_a_newer_edit_leaves_the_replica_alone() {
    let (northbound, _proxy, host) = scene().await;
    let note = |n: usize| {
        json!({"op": "mutate", "table": "Load_Balancer", "where": [["name", "==", id(1, 1)]],
            "mutations": [["external_ids", "delete", ["set", ["note"]]],
                ["external_ids", "insert", ["map", [["note", n.to_string()]]]]]})
    };
    for n in 2..12 {
        let client = host.client();
        let call = tokio::spawn(async move { client.call("member_create", &member(n, 1)).await });
        northbound.transact(&[note(n)]);
        committed(&host, &call.await.unwrap().body).await;
    }
    assert_eq!(rereads(&host), 0);
}

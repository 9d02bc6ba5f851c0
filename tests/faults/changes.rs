//! Idempotency keys, and taking calls back.

use serde_json::json;
use weir_tests::{Host, Northbound, objects::*};

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
async fn the_same_key_gets_the_first_answer_whatever_happened_since() {
    let (northbound, host) = scene().await;
    let client = host.client();
    let first = client.call_with_key("member_create", &member(2, 1), Some("k1")).await;
    let change = first.clone().committed();
    client.call("member_delete", &member(2, 1)).await.committed();
    let before = northbound.dump();
    assert_eq!(client.call_with_key("member_create", &member(2, 1), Some("k1")).await, first);
    assert_eq!(northbound.dump(), before, "it was not done again");
    let refused = client.call_with_key("listener_create", &listener(9, 9, "TCP", 81), Some("k2")).await;
    assert_eq!(refused.status, 404);
    client.call("loadbalancer_create", &loadbalancer(9)).await.committed();
    assert_eq!(
        client.call_with_key("listener_create", &listener(9, 9, "TCP", 81), Some("k2")).await,
        refused
    );
    for name in ["k1", change.as_str()] {
        let state = client.get(&format!("/v1/changes/{name}")).await;
        assert_eq!(
            (state.status, &state.body["state"], &state.body["id"]),
            (200, &json!("committed"), &json!(change))
        );
    }
    assert_eq!(client.get("/v1/changes/never-seen").await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_calls_with_one_key_at_once_are_one() {
    let (northbound, host) = scene().await;
    let client = host.client();
    let body = member(2, 1);
    let calls = (0..20).map(|_| client.call_with_key("member_create", &body, Some("k")));
    let mut answers = Vec::new();
    for call in calls.map(|call| async { call.await.committed() }).collect::<Vec<_>>() {
        answers.push(call.await);
    }
    answers.dedup();
    assert_eq!(answers.len(), 1);
    assert_eq!(northbound.rows(&id(1, 1)).len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_abandoned_call_is_taken_back_and_later_ones_stay() {
    let (northbound, host) = scene().await;
    let client = host.client();
    let before = northbound.state();
    // A create, an update and a delete, each taken back.
    let update = json!({"old_member": {"member_id": id(4, 1), "pool_id": id(3, 1)}, "new_member": {"member_id": id(4, 1), "admin_state_up": false}});
    for (method, body) in [
        ("member_create", member(2, 1)),
        ("member_update", update),
        ("pool_delete", pool(1, 1, Some(1), "TCP")),
        ("loadbalancer_delete", json!({"loadbalancer": {"loadbalancer_id": id(1, 1)}, "cascade": true})),
        ("loadbalancer_create", loadbalancer(2)),
    ] {
        client.call_with_key(method, &body, Some(method)).await.committed();
        let abandoned = client.delete(&format!("/v1/changes/{method}")).await;
        assert_eq!(
            (abandoned.status, &abandoned.body["state"]),
            (200, &json!("abandoned")),
            "{}",
            abandoned.body
        );
        // Without uuids: a load balancer that was deleted and is made again may have another row.
        assert_eq!(northbound.state(), before, "{method}");
        let state = client.get(&format!("/v1/changes/{method}")).await;
        assert_eq!(state.body["state"], "abandoned");
    }
    // Somebody else's later change stays.
    client.call_with_key("member_create", &member(3, 1), Some("mine")).await.committed();
    client.call("member_create", &member(4, 1)).await.committed();
    assert_eq!(client.delete("/v1/changes/mine").await.status, 200);
    let vips = northbound.rows(&id(1, 1))[0]["vips"].to_string();
    assert!(vips.contains("10.10.10.14:8080") && !vips.contains("10.10.10.13:8080"), "{vips}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_abandoned_before_it_comes_never_comes() {
    let (northbound, host) = scene().await;
    let client = host.client();
    let before = northbound.dump();
    let abandoned = client.delete("/v1/changes/too-late").await;
    assert_eq!((abandoned.status, &abandoned.body["state"]), (200, &json!("abandoned")));
    client.call_with_key("member_create", &member(2, 1), Some("too-late")).await.refused(500, "abandoned");
    assert_eq!(northbound.dump(), before);
}

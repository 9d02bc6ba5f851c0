//! Bodies that are not as they should be.

use std::sync::Arc;

use axum::{
    body::Body,
    http::{Request, StatusCode},
};
use serde_json::{Value, json};
use weir_octavia::{Answer, METHODS};

use crate::recorder::{LB, LISTENER, MAX_BODY, MEMBER, POOL, Recorder, api, driver, post, send};

/// The call is refused with this status, code, and a text that holds these words.
async fn refused(method: &str, args: Value, status: u16, code: &str, words: &str) {
    let answer = driver(method, &args).await.unwrap_err();
    let (got, text) = answer.error();
    assert_eq!((answer.status.as_u16(), got.as_str()), (status, code), "{text}");
    assert!(text.contains(words), "{text:?} lacks {words:?}");
}

fn listener(changes: Value) -> Value {
    let mut listener =
        json!({ "listener_id": LISTENER, "loadbalancer_id": LB, "protocol": "TCP", "protocol_port": 80 });
    listener.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    json!({ "listener": listener })
}

#[tokio::test]
async fn a_wrong_type_names_the_field_and_the_value() {
    let expected = r#"listener.protocol_port: expected a whole number from 1 to 65535, got "80x""#;
    refused("listener_create", listener(json!({ "protocol_port": "80x" })), 400, "wrong-type", expected)
        .await;
    for port in [json!(0), json!(65536), json!(-1), json!(80.5), json!(true)] {
        refused(
            "listener_create",
            listener(json!({ "protocol_port": port })),
            400,
            "wrong-type",
            "listener.protocol_port",
        )
        .await;
    }
    let cidrs = json!({ "allowed_cidrs": ["192.0.2.0/24", "192.0.2.0/99"] });
    refused("listener_create", listener(cidrs), 400, "wrong-type", "listener.allowed_cidrs[1]").await;
    let member = json!({ "member": { "member_id": MEMBER, "pool_id": POOL, "address": "10.0.0.1", "protocol_port": 80, "weight": 257 } });
    refused(
        "member_create",
        member,
        400,
        "wrong-type",
        "member.weight: expected a whole number from 0 to 256, got 257",
    )
    .await;
    let batch = json!({ "pool_id": POOL, "members": [{ "member_id": MEMBER, "address": "host", "protocol_port": 1 }] });
    refused("member_batch_update", batch, 400, "wrong-type", "members[0].address").await;
    refused(
        "loadbalancer_failover",
        json!({ "loadbalancer_id": "a,b:c_d" }),
        400,
        "wrong-type",
        "loadbalancer_id",
    )
    .await;
    let cascade = json!({ "loadbalancer": { "loadbalancer_id": LB }, "cascade": "yes" });
    refused("loadbalancer_delete", cascade, 400, "wrong-type", "cascade: expected true or false").await;
}

#[tokio::test]
async fn what_is_needed_is_asked_for_by_name() {
    for (method, args, field) in [
        ("loadbalancer_create", json!({}), "loadbalancer: required"),
        ("loadbalancer_create", json!({ "loadbalancer": null }), "loadbalancer: required"),
        (
            "loadbalancer_create",
            json!({ "loadbalancer": { "loadbalancer_id": LB } }),
            "loadbalancer.vip_address",
        ),
        ("loadbalancer_failover", json!({}), "loadbalancer_id"),
        ("listener_create", listener(json!({ "protocol": null })), "listener.protocol: required"),
        ("listener_create", json!({ "listener": { "listener_id": LISTENER } }), "listener.loadbalancer_id"),
        ("listener_delete", json!({ "listener": { "listener_id": LISTENER } }), "listener.loadbalancer_id"),
        ("pool_delete", json!({ "pool": { "loadbalancer_id": LB } }), "pool.pool_id"),
        (
            "pool_create",
            json!({ "pool": { "pool_id": POOL, "loadbalancer_id": LB, "protocol": "TCP" } }),
            "pool.lb_algorithm",
        ),
        ("member_delete", json!({ "member": { "member_id": MEMBER } }), "member.pool_id"),
        ("member_update", json!({ "new_member": { "member_id": MEMBER } }), "new_member.pool_id"),
        (
            "member_update",
            json!({ "old_member": { "pool_id": POOL }, "new_member": {} }),
            "new_member.member_id",
        ),
        (
            "listener_update",
            json!({ "new_listener": { "listener_id": LISTENER } }),
            "new_listener.loadbalancer_id",
        ),
        ("member_batch_update", json!({ "pool_id": POOL }), "members: required"),
        (
            "member_batch_update",
            json!({ "pool_id": POOL, "members": [{ "member_id": MEMBER }] }),
            "members[0].address",
        ),
    ] {
        refused(method, args, 400, "missing-field", field).await;
    }
}

#[tokio::test]
async fn deletes_need_only_ids() {
    driver("loadbalancer_delete", &json!({ "loadbalancer": { "loadbalancer_id": LB } })).await.unwrap();
    driver("listener_delete", &json!({ "listener": { "listener_id": LISTENER, "loadbalancer_id": LB } }))
        .await
        .unwrap();
    driver("pool_delete", &json!({ "pool": { "pool_id": POOL, "loadbalancer_id": LB } })).await.unwrap();
    driver("member_delete", &json!({ "member": { "member_id": MEMBER, "pool_id": POOL } })).await.unwrap();
}

#[tokio::test]
async fn unknown_keys_are_ignored() {
    driver("listener_create", &listener(json!({ "from_the_future": { "a": [1] } }))).await.unwrap();
    driver("loadbalancer_failover", &json!({ "loadbalancer_id": LB, "more": 1 })).await.unwrap();
}

#[tokio::test]
async fn an_update_must_agree_with_itself() {
    let update = |new: Value| {
        let old =
            json!({ "listener_id": LISTENER, "loadbalancer_id": LB, "protocol": "TCP", "protocol_port": 80 });
        json!({ "old_listener": old, "new_listener": new })
    };
    driver("listener_update", &update(json!({ "listener_id": LISTENER, "protocol_port": 80 })))
        .await
        .unwrap();
    let other = update(json!({ "listener_id": POOL }));
    refused("listener_update", other, 400, "inconsistent-fields", "new_listener.listener_id").await;
    let moved = update(json!({ "listener_id": LISTENER, "protocol_port": 81 }));
    refused("listener_update", moved, 422, "fixed-field", "new_listener.protocol_port").await;
}

#[tokio::test]
async fn the_same_member_twice_in_a_batch() {
    let member = json!({ "member_id": MEMBER, "address": "10.0.0.1", "protocol_port": 80 });
    let args = json!({ "pool_id": POOL, "members": [member, member] });
    refused("member_batch_update", args, 400, "named-twice", "members[1].member_id").await;
    let stray = json!({ "pool_id": POOL, "members": [{ "member_id": MEMBER, "pool_id": LB, "address": "10.0.0.1", "protocol_port": 80 }] });
    refused("member_batch_update", stray, 400, "inconsistent-fields", "members[0].pool_id").await;
}

#[tokio::test]
async fn what_is_not_json() {
    let recorder = Arc::new(Recorder::default());
    for (body, code, words) in [
        ("{\n \"listener\": x}", "malformed-json", "line 2 column 14"),
        ("", "malformed-json", "line 1 column 0"),
        ("{\"a\": 1e999}", "malformed-json", "line 1"),
        ("[]", "not-an-object", "a list"),
        ("\"secret\"", "not-an-object", "JSON object"),
        ("null", "not-an-object", "null"),
    ] {
        let answer = post(&recorder, "/v1/driver/listener_create", body).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST);
        let (got, text) = answer.error();
        assert_eq!(got, code, "{body}");
        assert!(text.contains(words), "{text}");
    }
    let deep = "[".repeat(10_000);
    assert_eq!(post(&recorder, "/v1/driver/listener_create", deep).await.error().0, "malformed-json");
    assert_eq!(
        post(&recorder, "/v1/driver/listener_create", vec![b'{', 0xff]).await.error().0,
        "malformed-json"
    );
}

#[tokio::test]
async fn without_a_body_a_method_says_what_it_always_says_or_that_something_is_missing() {
    let recorder = Arc::new(Recorder::default());
    for method in METHODS {
        let status = match method.answer {
            Answer::Change(_) => StatusCode::BAD_REQUEST,
            // Only a zone's profile that Octavia enforces is accepted.
            Answer::VipPorts | Answer::NotImplemented(..) | Answer::Zone => StatusCode::NOT_IMPLEMENTED,
            Answer::Unsupported(..) => StatusCode::UNPROCESSABLE_ENTITY,
            Answer::Result(_) | Answer::Flavor => StatusCode::OK,
        };
        for body in ["", " \n", "{}"] {
            let answer = post(&recorder, &format!("/v1/driver/{}", method.name), body).await;
            assert_eq!(answer.status, status, "{} {body:?}", method.name);
            if status != StatusCode::OK {
                answer.error();
            }
        }
    }
    let wrong = json!({ "l7rule": { "invert": "x" } });
    refused("l7rule_create", wrong, 400, "wrong-type", "l7rule.invert: expected true or false").await;
    let wrong = json!({ "healthmonitor": { "healthmonitor_id": LB, "pool_id": LB, "type": "PING", "delay": "x", "timeout": 1 } });
    refused("health_monitor_create", wrong, 400, "wrong-type", "healthmonitor.delay").await;
}

#[tokio::test]
async fn a_body_may_be_as_large_as_the_limit_and_no_larger() {
    let recorder = Arc::new(Recorder::default());
    let mut body = json!({ "loadbalancer_id": LB }).to_string();
    body.push_str(&" ".repeat(MAX_BODY - body.len()));
    assert_eq!(
        post(&recorder, "/v1/driver/loadbalancer_failover", body.clone()).await.status,
        StatusCode::OK
    );
    body.push(' ');
    let answer = post(&recorder, "/v1/driver/loadbalancer_failover", body.clone()).await;
    assert_eq!((answer.status, answer.error().0.as_str()), (StatusCode::PAYLOAD_TOO_LARGE, "body-too-large"));
    // The same where the length is announced, as over a socket.
    let announced = Request::post("/v1/driver/loadbalancer_failover").header("content-length", body.len());
    let answer = send(api(&recorder), announced.body(Body::from(body)).unwrap()).await;
    assert_eq!((answer.status, answer.error().0.as_str()), (StatusCode::PAYLOAD_TOO_LARGE, "body-too-large"));
    assert_eq!(recorder.calls.lock().unwrap().len(), 1);
}

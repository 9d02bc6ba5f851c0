//! Values that Octavia fills in from octavia.conf are no wish of the user's, be they in a call or in the get socket.

use serde_json::{Value, json};
use weir_tests::{Answer, objects::id};

use crate::lab::{Lab, listener, load_balancer, member, plain_pool};

/// What the driver of a cloud with longer time-outs sends.
fn defaults() -> String {
    json!({
        "listener": {"timeout_client_data": 60_000, "timeout_member_connect": 5_000, "timeout_member_data": 70_000,
            "timeout_tcp_inspect": 0, "tls_versions": ["TLSv1.2", "TLSv1.3"], "tls_ciphers": "A:B",
            "alpn_protocols": ["h2", "http/1.1"]},
        "pool": {"tls_versions": ["TLSv1.2"], "tls_ciphers": "C", "alpn_protocols": ["h2"]},
    })
    .to_string()
}

/// A call as that driver makes it.
async fn call(lab: &Lab, method: &str, body: &Value) -> Answer {
    let headers = [("weir-octavia-defaults", &*defaults())];
    let path = format!("/v1/driver/{method}");
    lab.client().send(hyper::Method::POST, &path, &headers, body.to_string().into_bytes()).await.unwrap()
}

/// A listener as Octavia makes it there, whatever its user named.
fn filled(mut listener: Value) -> Value {
    for (option, value) in [("timeout_client_data", 60_000), ("timeout_member_data", 70_000)] {
        listener[option] = value.into();
    }
    listener
}

fn filled_load_balancer() -> Value {
    let listener = filled(listener(1, 1, "TCP", 80, 1));
    load_balancer(1, vec![listener], vec![plain_pool(1, 1, "TCP", vec![member(1, 1, 10)])])
}

fn keys(lab: &Lab) -> Value {
    let row = lab.northbound.load_balancer(&id(1, 1));
    let keys = row["external_ids"].as_object().unwrap().iter();
    keys.filter(|(key, _)| key.starts_with("weir:listener-") || key.starts_with("weir:pool-"))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

#[tokio::test(flavor = "multi_thread")]
async fn configured_timeouts_of_octavia_are_accepted_and_kept_over_sync_failover_and_restart() {
    let mut lab = Lab::start().await;
    lab.agent.know(filled_load_balancer());
    let created = json!({"loadbalancer": filled_load_balancer()});
    call(&lab, "loadbalancer_create", &created).await.committed();
    let plain = keys(&lab);
    let made = lab.northbound.dump();
    assert!(!plain.to_string().contains("timeout"), "{plain}");
    // One listener alone, another value, and a wish.
    let alone = json!({"listener": filled(listener(2, 1, "TCP", 81, 1))});
    call(&lab, "listener_create", &alone).await.committed();
    let mut wish = json!({"listener": filled(listener(3, 1, "TCP", 82, 1))});
    wish["listener"]["timeout_member_data"] = 71_000.into();
    call(&lab, "listener_create", &wish).await.refused(422, "unsupported-timeout-member-data");
    let removed = json!({"listener": {"listener_id": id(2, 2), "loadbalancer_id": id(1, 1)}});
    call(&lab, "listener_delete", &removed).await.committed();
    lab.as_before(&made).await;

    for restarted in [false, true] {
        if restarted {
            lab.host.kill();
            lab.host.restart();
            lab.host.ready().await;
        }
        let failover = json!({"loadbalancer_id": id(1, 1)});
        assert_eq!(lab.client().call("loadbalancer_failover", &failover).await.status, 200);
        let synced = lab.client().post("/v1/sync").await;
        assert_eq!(synced.status, 200, "{}", synced.body);
        let view = lab.client().get(&format!("/v1/loadbalancers/{}", id(1, 1))).await.body;
        assert_eq!(view["drift"], json!([]), "{view}");
        assert!(!view["findings"].to_string().contains("unsupported-"), "{view}");
        assert_eq!(keys(&lab), plain);
        // A driver of an earlier version sends no defaults: those of the others count.
        lab.client().call("listener_create", &alone).await.committed();
        lab.client().call("listener_delete", &removed).await.committed();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn unset_tls_options_without_tls_are_accepted() {
    let lab = Lab::start().await;
    lab.make(load_balancer(
        1,
        vec![listener(1, 1, "TCP", 80, 1)],
        vec![plain_pool(1, 1, "TCP", vec![member(1, 1, 10)])],
    ))
    .await;
    let before = lab.northbound.dump();
    for (object, own, option, value) in [
        ("listener", id(2, 1), "tls_versions", json!(["TLSv1.3", "TLSv1.2"])),
        ("listener", id(2, 1), "tls_ciphers", json!("A:B")),
        ("listener", id(2, 1), "alpn_protocols", json!(["h2", "http/1.1"])),
        ("pool", id(3, 1), "tls_versions", json!(["TLSv1.2"])),
        ("pool", id(3, 1), "tls_ciphers", json!("C")),
        ("pool", id(3, 1), "alpn_protocols", json!(["h2"])),
    ] {
        let key = format!("{object}_id");
        let body = |value: Value| json!({format!("old_{object}"): {&key: own, "loadbalancer_id": id(1, 1)}, format!("new_{object}"): {&key: own, option: value}});
        let method = format!("{object}_update");
        call(&lab, &method, &body(value)).await.committed();
        let other = if option == "tls_ciphers" { json!("Z") } else { json!(["TLSv1.1"]) };
        let code = format!("unsupported-{}", option.replace('_', "-"));
        call(&lab, &method, &body(other)).await.refused(422, &code);
    }
    assert_eq!(lab.northbound.dump(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn malformed_defaults_are_refused_by_name() {
    let lab = Lab::start().await;
    let before = lab.northbound.dump();
    let headers = [("weir-octavia-defaults", r#"{"listener": {"timeout_client_data": "soon"}}"#)];
    let body = json!({"loadbalancer_id": id(1, 1)}).to_string().into_bytes();
    let path = "/v1/driver/loadbalancer_failover";
    let answer = lab.client().send(hyper::Method::POST, path, &headers, body).await.unwrap();
    let text = answer.refused(400, "bad-octavia-defaults");
    assert!(text.contains("listener.timeout_client_data"), "{text}");
    assert_eq!(lab.northbound.dump(), before);
}

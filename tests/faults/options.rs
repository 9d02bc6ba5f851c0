//! Options that OVN cannot honour: refused with field and value, accepted at Octavia's default, and left alone where a load
//! balancer has had them since an earlier version accepted them.

use serde_json::{Value, json};
use weir_tests::{Host, Northbound, objects::*};

/// A body with one more option.
fn with(mut body: Value, object: &str, option: &str, value: Value) -> Value {
    body[object][option] = value;
    body
}

/// Option, default, another value.
fn limits() -> [(&'static str, i64, i64); 5] {
    [
        ("connection_limit", -1, 100),
        ("timeout_client_data", 50_000, 1_000),
        ("timeout_member_connect", 5_000, 0),
        ("timeout_member_data", 50_000, 50_001),
        ("timeout_tcp_inspect", 0, 5),
    ]
}

fn update(option: &str, value: Value) -> Value {
    json!({"old_listener": {"listener_id": id(2, 1), "loadbalancer_id": id(1, 1)},
        "new_listener": {"listener_id": id(2, 1), option: value}})
}

async fn started() -> (Northbound, Host) {
    let northbound = Northbound::start();
    northbound.transact(&topology());
    let host = Host::start(northbound.folder(), &northbound.remote()).await;
    for (method, body) in [
        ("loadbalancer_create", loadbalancer(1)),
        ("listener_create", listener(1, 1, "TCP", 80)),
        ("pool_create", pool(1, 1, Some(1), "TCP")),
        ("member_create", member(1, 1)),
    ] {
        host.client().call(method, &body).await.committed();
    }
    (northbound, host)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_honoured_is_refused_by_its_name_and_the_default_is_not() {
    let (northbound, host) = started().await;
    let client = host.client();
    let before = northbound.dump();
    let code = |option: &str| format!("unsupported-{}", option.replace('_', "-"));
    for (option, default, other) in limits() {
        for body in [
            ("listener_create", with(listener(2, 1, "TCP", 81), "listener", option, json!(other))),
            ("listener_create", with(listener(2, 1, "HTTPS", 81), "listener", option, json!(other))),
            ("listener_update", update(option, json!(other))),
        ] {
            let said = client.call(body.0, &body.1).await.refused(422, &code(option));
            let words = format!(
                "listener.{option}: OVN neither counts nor times connections, so it cannot honour a {option} of {other}; leave it at Octavia's default, {default}"
            );
            assert_eq!(said, words);
        }
        client.call("listener_update", &update(option, json!(default))).await.committed();
        client.call("listener_update", &update(option, Value::Null)).await.committed();
    }
    let tls = json!("https://barbican/1");
    for (object, option, value) in [
        ("listener", "insert_headers", json!({"X-Forwarded-For": "true"})),
        ("listener", "default_tls_container_ref", tls.clone()),
        ("listener", "sni_container_refs", json!([tls])),
        ("listener", "client_ca_tls_container_ref", tls.clone()),
        ("listener", "client_authentication", json!("MANDATORY")),
        ("listener", "client_crl_container_ref", tls.clone()),
        ("listener", "tls_versions", json!(["TLSv1.3"])),
        ("listener", "tls_ciphers", json!("TLS_AES_256_GCM_SHA384")),
        ("listener", "alpn_protocols", json!(["h2"])),
        ("listener", "hsts_max_age", json!(60)),
        ("listener", "hsts_include_subdomains", json!(true)),
        ("listener", "hsts_preload", json!(true)),
        ("pool", "tls_enabled", json!(true)),
        ("pool", "tls_container_ref", tls.clone()),
        ("pool", "ca_tls_container_ref", tls.clone()),
        ("pool", "crl_container_ref", tls.clone()),
        ("pool", "tls_versions", json!(["TLSv1.3"])),
        ("pool", "tls_ciphers", json!("TLS_AES_256_GCM_SHA384")),
        ("pool", "alpn_protocols", json!(["h2"])),
        ("member", "monitor_address", json!("10.10.10.99")),
        ("member", "monitor_port", json!(99)),
    ] {
        let (method, body) = match object {
            "listener" => ("listener_create", listener(2, 1, "HTTPS", 443)),
            "pool" => ("pool_create", pool(2, 1, None, "HTTPS")),
            _ => ("member_create", member(2, 1)),
        };
        let said = client.call(method, &with(body, object, option, value)).await.refused(422, &code(option));
        assert!(said.contains(&format!("{object}.{option}: ")), "{said}");
    }
    for (persistence, wanted) in [
        (json!({"type": "SOURCE_IP", "cookie_name": "sid"}), "unsupported-cookie-name"),
        (
            json!({"type": "SOURCE_IP", "persistence_granularity": "255.255.0.0"}),
            "unsupported-persistence-granularity",
        ),
    ] {
        let body = with(pool(2, 1, None, "TCP"), "pool", "session_persistence", persistence);
        client.call("pool_create", &body).await.refused(422, wanted);
    }
    for (option, value) in [
        ("url_path", json!("/health")),
        ("http_method", json!("HEAD")),
        ("expected_codes", json!("200")),
        ("domain_name", json!("a.example")),
        ("http_version", json!(1.1)),
    ] {
        let body = with(monitor(1, 1, "TCP"), "healthmonitor", option, value);
        let said = client.call("health_monitor_create", &body).await.refused(422, &code(option));
        assert!(said.contains(&format!("healthmonitor.{option}: OVN checks by TCP")), "{said}");
    }
    assert_eq!(northbound.dump(), before, "a refused call has written");
}

/// What the row of a load balancer says of its listener's further options.
fn options(northbound: &Northbound) -> Value {
    let row = northbound.load_balancer(&id(1, 1));
    let key = row["external_ids"].get(format!("weir:listener_{}", id(2, 1))).cloned();
    key.map_or(Value::Null, |text| serde_json::from_str(text.as_str().unwrap()).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_accepted_once_stays_and_keeps_nothing_else_from_changing() {
    let (northbound, mut host) = started().await;
    let client = host.client();
    host.kill();
    // As an earlier version left it.
    let had = json!({"extra": {"connection_limit": "100", "timeout_client_data": "1000"}});
    northbound.transact(&[json!({"op": "mutate", "table": "Load_Balancer", "where": [["name", "==", id(1, 1)]],
        "mutations": [["external_ids", "insert", ["map", [[format!("weir:listener_{}", id(2, 1)), had.to_string()]]]]]})]);
    host.restart();
    host.ready().await;
    let vips = |northbound: &Northbound| northbound.load_balancer(&id(1, 1))["vips"].clone();

    // Everything else goes on.
    client.call("member_create", &member(2, 1)).await.committed();
    assert_eq!(vips(&northbound), json!({"10.10.20.2:80": "10.10.10.11:8080,10.10.10.12:8080"}));
    client.call("listener_update", &update("admin_state_up", json!(false))).await.committed();
    assert_eq!(vips(&northbound), json!({}));
    client.call("listener_update", &update("admin_state_up", json!(true))).await.committed();
    assert_eq!(options(&northbound), had);
    // The same again is no change.
    client.call("listener_update", &update("connection_limit", json!(100))).await.committed();
    // Another value is, and it is not had.
    client
        .call("listener_update", &update("connection_limit", json!(99)))
        .await
        .refused(422, "unsupported-connection-limit");
    let before = northbound.dump();
    client
        .call("listener_create", &with(listener(2, 1, "TCP", 81), "listener", "connection_limit", json!(100)))
        .await
        .refused(422, "unsupported-connection-limit");
    assert_eq!(northbound.dump(), before);
    // It can be put to the default, and then does not come back.
    client.call("listener_update", &update("connection_limit", json!(-1))).await.committed();
    assert_eq!(options(&northbound), json!({"extra": {"timeout_client_data": "1000"}}));
    client
        .call("listener_update", &update("connection_limit", json!(100)))
        .await
        .refused(422, "unsupported-connection-limit");
    client.call("member_delete", &member(1, 1)).await.committed();
    assert_eq!(vips(&northbound), json!({"10.10.20.2:80": "10.10.10.12:8080"}));
    // Deleting needs no plugin's consent.
    client.call("listener_delete", &listener(1, 1, "TCP", 80)).await.committed();
}

#[tokio::test(flavor = "multi_thread")]
async fn words_weights_and_flavor_are_found_again_after_a_restart() {
    let northbound = Northbound::start();
    northbound.transact(&topology());
    let mut host = Host::start(northbound.folder(), &northbound.remote()).await;
    let client = host.client();
    let flavored =
        with(loadbalancer(1), "loadbalancer", "flavor", json!({"reject": "true", "skip_snat": true}));
    client.call("loadbalancer_create", &flavored).await.committed();
    for (n, listens, forwards) in
        [(1, "HTTPS", "HTTPS"), (2, "HTTPS", "TCP"), (3, "TCP", "HTTPS"), (4, "UDP", "UDP")]
    {
        client
            .call("listener_create", &listener(n, 1, listens, 440 + u16::try_from(n).unwrap()))
            .await
            .committed();
        client.call("pool_create", &pool(n, 1, Some(n), forwards)).await.committed();
        let weighing = with(member(n, n), "member", "weight", json!(n * 10));
        client.call("member_create", &with(weighing, "member", "backup", json!(n == 2))).await.committed();
    }
    let graph = async |client: &weir_tests::Client| {
        client.get(&format!("/v1/loadbalancers/{}", id(1, 1))).await.body["loadbalancer"].clone()
    };
    let before = graph(&client).await;
    host.kill();
    host.restart();
    host.ready().await;
    let client = host.client();
    let after = graph(&client).await;
    assert_eq!(after, before);
    assert_eq!(after["flavor"], json!({"reject": "true", "skip_snat": "true"}));
    let words: Vec<_> = (1..=4)
        .map(|n| {
            (after["listeners"][id(2, n)]["protocol"].clone(), after["pools"][id(3, n)]["protocol"].clone())
        })
        .collect();
    assert_eq!(json!(words), json!([["HTTPS", "HTTPS"], ["HTTPS", "TCP"], ["TCP", "HTTPS"], ["UDP", "UDP"]]));
    let again = client.post(&format!("/v1/loadbalancers/{}/reconcile?dry_run=true", id(1, 1))).await;
    assert_eq!(again.body["plan"]["operations"], json!([]), "{}", again.body);
    // An operator's own option stays, the flavor's comes back.
    northbound.transact(&[json!({"op": "mutate", "table": "Load_Balancer", "where": [["protocol", "==", "udp"]],
        "mutations": [["options", "delete", ["set", ["reject"]]], ["options", "insert", ["map", [["event", "true"]]]]]})]);
    client
        .call(
            "member_update",
            &json!({"old_member": {"member_id": id(4, 4), "pool_id": id(3, 4)},
        "new_member": {"member_id": id(4, 4), "weight": 7}}),
        )
        .await
        .committed();
    // The call may have been planned before the edit was seen; then the repair comes after it.
    weir_tests::eventually("the flavor's options", async || {
        let right = |row: &Value| {
            let mut wanted = json!({"reject": "true", "skip_snat": "true"});
            if row["protocol"] == "udp" {
                wanted["event"] = "true".into();
            }
            row["options"] == wanted
        };
        northbound.rows(&id(1, 1)).iter().all(right).then_some(())
    })
    .await;
}

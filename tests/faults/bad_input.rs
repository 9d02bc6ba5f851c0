//! Calls that cannot be done.

use hyper::Method;
use serde_json::{Value, json};
use weir_tests::{Client, Host, Northbound, objects::*};

/// A load balancer made of [`calls`], and rows of others beside it.
async fn scene() -> (Northbound, Host, Client) {
    let northbound = Northbound::start();
    northbound.transact(&topology());
    let row = |name: &str, keys: Value| {
        json!({"op": "insert", "table": "Load_Balancer", "row": {
        "name": name, "protocol": "tcp", "vips": ["map", [["192.0.2.1:80", "10.0.0.1:1"]]], "external_ids": ["map", keys]}})
    };
    northbound.transact(&[
        row("pf-floatingip-1", json!([["neutron:device_owner", "port_forwarding_plugin"]])),
        row(
            leak(id(1, 7)),
            json!([["neutron:vip", "192.0.2.7"], ["enabled", "True"], [format!("pool_{}", id(3, 7)), ""]]),
        ),
        row(
            leak(id(1, 8)),
            json!([
                ["neutron:vip", "192.0.2.8"],
                ["weir:owner", "elsewhere"],
                [format!("pool_{}", id(3, 8)), ""]
            ]),
        ),
    ]);
    let host = Host::start(northbound.folder(), &northbound.remote()).await;
    let client = host.client();
    for (method, body) in calls(1) {
        client.call(method, &body).await.committed();
    }
    (northbound, host, client)
}

fn with(mut body: Value, pointer: &str, value: Value) -> Value {
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    body.pointer_mut(parent).unwrap().as_object_mut().unwrap().insert(key.to_owned(), value);
    body
}

#[tokio::test(flavor = "multi_thread")]
async fn every_bad_call_is_answered_clearly_and_writes_nothing() {
    let (northbound, _host, client) = scene().await;
    let before = northbound.dump();
    let batch = |members: Value| json!({"pool_id": id(3, 1), "members": members});
    let (good, mixed) = (
        member(2, 1)["member"].clone(),
        with(member(3, 1), "/member/address", json!("fd00::1"))["member"].clone(),
    );
    let cases: Vec<(&str, Value, u16, &str, &str)> = vec![
        // method, body, status, code, a part of the text
        (
            "listener_create",
            with(listener(2, 1, "TCP", 81), "/listener/protocol_port", json!("80x")),
            400,
            "",
            "listener.protocol_port",
        ),
        (
            "listener_create",
            with(listener(2, 1, "TCP", 81), "/listener/listener_id", json!("../x")),
            400,
            "",
            "listener.listener_id",
        ),
        ("member_create", with(member(2, 1), "/member/address", json!("10.0.0.300")), 400, "", "10.0.0.300"),
        ("member_create", with(member(2, 1), "/member/weight", json!(257)), 400, "", "member.weight"),
        (
            "loadbalancer_create",
            json!({"loadbalancer": {"loadbalancer_id": id(1, 5)}}),
            400,
            "",
            "loadbalancer.vip_address",
        ),
        ("member_batch_update", batch(json!([good, good])), 400, "", "members[1]"),
        ("listener_create", listener(2, 99, "TCP", 81), 404, "not-found", leak(id(1, 99))),
        ("pool_create", pool(2, 1, Some(99), "TCP"), 404, "not-found", leak(id(2, 99))),
        ("member_create", member(2, 99), 404, "not-found", leak(id(3, 99))),
        (
            "listener_update",
            json!({"old_listener": {"listener_id": id(2, 99), "loadbalancer_id": id(1, 1)}, "new_listener": {"listener_id": id(2, 99)}}),
            404,
            "not-found",
            leak(id(2, 99)),
        ),
        ("no_such_method", json!({}), 404, "", "no_such_method"),
        (
            "listener_create",
            with(listener(1, 1, "TCP", 80), "/listener/protocol_port", json!(81)),
            500,
            "exists-and-differs",
            leak(id(2, 1)),
        ),
        ("listener_create", listener(2, 1, "HTTP", 81), 422, "not-served", "HTTP"),
        ("listener_create", listener(2, 1, "TCP", 80), 422, "vip-taken", "80"),
        (
            "listener_create",
            with(listener(2, 1, "UDP", 81), "/listener/default_pool_id", json!(id(3, 1))),
            422,
            "",
            "protocol",
        ),
        (
            "pool_create",
            with(pool(2, 1, None, "TCP"), "/pool/lb_algorithm", json!("ROUND_ROBIN")),
            422,
            "not-served",
            "ROUND_ROBIN",
        ),
        (
            "pool_create",
            with(
                pool(2, 1, None, "TCP"),
                "/pool/session_persistence",
                json!({"type": "APP_COOKIE", "cookie_name": "x"}),
            ),
            422,
            "",
            "APP_COOKIE",
        ),
        (
            "pool_create",
            with(
                pool(2, 1, None, "TCP"),
                "/pool/session_persistence",
                json!({"type": "SOURCE_IP", "persistence_timeout": 70000}),
            ),
            422,
            "",
            "70000",
        ),
        (
            "pool_create",
            with(pool(2, 1, None, "TCP"), "/pool/tls_enabled", json!(true)),
            422,
            "",
            "tls_enabled",
        ),
        (
            "member_create",
            with(member(2, 1), "/member/address", json!("fd00::1")),
            422,
            "ip-version-mismatch",
            "fd00::1",
        ),
        ("member_batch_update", batch(json!([good, mixed])), 422, "ip-version-mismatch", leak(id(4, 3))),
        (
            "loadbalancer_create",
            with(loadbalancer(5), "/loadbalancer/vip_sg_ids", json!([id(9, 1)])),
            422,
            "",
            "vip_sg_ids",
        ),
        (
            "health_monitor_create",
            json!({"healthmonitor": {"healthmonitor_id": id(5, 1), "pool_id": id(3, 1), "type": "PING", "delay": 1, "timeout": 1, "max_retries": 1}}),
            422,
            "unsupported-monitor-type",
            "PING; choose TCP",
        ),
        (
            "l7policy_create",
            json!({"l7policy": {"l7policy_id": id(5, 1), "listener_id": id(2, 1)}}),
            501,
            "",
            "L7",
        ),
        (
            "validate_flavor",
            json!({"flavor_metadata": {"reject": "maybe"}}),
            422,
            "unsupported-flavor-value",
            "reject: expected true or false, got \"maybe\"",
        ),
        // Rows of others are not written, whoever asks.
        (
            "loadbalancer_delete",
            json!({"loadbalancer": {"loadbalancer_id": id(1, 7)}, "cascade": true}),
            500,
            "foreign-row",
            leak(id(1, 7)),
        ),
        ("member_create", member(2, 7), 500, "foreign-row", leak(id(1, 7))),
        ("listener_create", listener(2, 8, "TCP", 81), 500, "foreign-row", "elsewhere"),
    ];
    for (method, body, status, code, part) in cases {
        let answer = client.call(method, &body).await;
        assert_eq!(answer.status, status, "{method} {body}: {}", answer.body);
        let text = answer.body["user_fault_string"].as_str().unwrap();
        assert!(text.contains(part), "{method}: {text:?} does not say {part:?}");
        let said = answer.body["code"].as_str().unwrap();
        assert!(said.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'), "{said}");
        if !code.is_empty() {
            assert_eq!(said, code, "{method}: {text}");
        }
        assert_eq!(northbound.dump(), before, "{method} {body} has written");
    }
    // Nothing of it hurt the load balancer.
    client.call("member_create", &member(2, 1)).await.committed();
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_are_no_json_or_too_large() {
    let (northbound, _host, client) = scene().await;
    let before = northbound.dump();
    for (body, status) in [("{\"pool\": ", 400), ("[1]", 400), ("", 400), ("\u{feff}{}", 400)] {
        let answer = client.send(Method::POST, "/v1/driver/pool_create", &[], body.into()).await.unwrap();
        assert_eq!(answer.status, status, "{body:?}: {}", answer.body);
        assert_eq!(answer.body["error"], "DriverError");
    }
    let large = format!("{{\"pool\": {{\"x\": \"{}\"}}}}", "y".repeat(17 << 20));
    let answer = client.send(Method::POST, "/v1/driver/pool_create", &[], large.into()).await;
    // The host may close the connection while the rest is still being sent.
    if let Ok(answer) = answer {
        assert_eq!(answer.status, 413, "{}", answer.body);
    }
    assert_eq!(northbound.dump(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_create_gets_the_first_answer() {
    let (northbound, _host, client) = scene().await;
    let first = client.call("member_create", &member(2, 1)).await.committed();
    let before = northbound.dump();
    assert_eq!(client.call("member_create", &member(2, 1)).await.committed(), first);
    assert_eq!(northbound.dump(), before);
    client
        .call("member_create", &with(member(2, 1), "/member/weight", json!(5)))
        .await
        .refused(500, "exists-and-differs");
    assert_eq!(northbound.dump(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn deleting_what_is_gone_is_done() {
    let (northbound, _host, client) = scene().await;
    let before = northbound.dump();
    for (method, body) in [
        ("loadbalancer_delete", json!({"loadbalancer": {"loadbalancer_id": id(1, 99)}, "cascade": false})),
        ("listener_delete", listener(99, 1, "TCP", 81)),
        ("listener_delete", listener(99, 99, "TCP", 81)),
        ("pool_delete", pool(99, 1, None, "TCP")),
        ("member_delete", member(99, 1)),
        ("member_delete", member(99, 99)),
    ] {
        client.call(method, &body).await.committed();
    }
    assert_eq!(northbound.dump(), before);
}

fn leak(text: String) -> &'static str {
    Box::leak(text.into_boxed_str())
}

#[tokio::test(flavor = "multi_thread")]
async fn each_call_is_one_log_line_with_load_balancer_and_request_id_whatever_comes_of_it() {
    let (_northbound, host, client) = scene().await;
    let send = async |method: &str, body: Value, request: &str| {
        let headers = [("x-openstack-request-id", request)];
        let path = format!("/v1/driver/{method}");
        client.send(Method::POST, &path, &headers, body.to_string().into_bytes()).await.unwrap()
    };
    // Bodies of members and monitors name only the pool.
    let good = send("member_create", member(7, 1), "req-good").await;
    let mut bad = member(8, 1);
    bad["member"]["address"] = "127.0.0.1".into();
    assert_eq!(send("member_create", bad, "req-bad").await.status, 422);
    assert_eq!(send("member_create", json!({"member": 1}), "req-malformed").await.status, 400);
    let log = host.log();
    let line = |request: &str| {
        let lines = log.lines().filter(|line| line.contains(request) && line.contains(" INFO "));
        let lines: Vec<_> = lines.collect();
        let [line] = lines[..] else { panic!("{lines:?}") };
        assert!(line.contains("method=\"member_create\"") && line.contains("milliseconds="), "{line}");
        line
    };
    let lb = format!("loadbalancer_id={}", id(1, 1));
    let answered = line("req-good");
    let change = format!("change={}", good.body["change"]);
    assert!(answered.contains(&lb) && answered.contains(&change), "{answered}");
    assert!(answered.contains("call answered") && answered.contains("committed=true"), "{answered}");
    let refused = line("req-bad");
    assert!(refused.contains(&lb) && refused.contains("call refused"), "{refused}");
    assert!(refused.contains("127.0.0.1") && refused.contains("code="), "{refused}");
    assert!(line("req-malformed").contains("call refused"));
}

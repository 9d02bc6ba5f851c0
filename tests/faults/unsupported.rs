//! `[unsupported_options]`: options that OVN cannot honour are refused, or accepted, kept and shown as findings.

use serde_json::{Value, json};
use weir_tests::{Client, Host, Northbound, eventually, objects::*};

const WARN: (&str, &str) = ("WEIR_UNSUPPORTED_OPTIONS_DEFAULT", "warn");
const POLICY: &str = "70000000-0000-4000-8000-000000000001";

async fn start(env: &[(&str, &str)]) -> (Northbound, Host) {
    let northbound = Northbound::start();
    northbound.transact(&topology());
    northbound.transact(&source_port());
    let host = Host::spawn(northbound.folder(), &northbound.remote(), env);
    host.ready().await;
    (northbound, host)
}

/// A body with further options.
fn with(mut body: Value, options: Value) -> Value {
    let object = body.as_object_mut().unwrap().values_mut().next().unwrap();
    object.as_object_mut().unwrap().extend(options.as_object().unwrap().clone());
    body
}

fn update(object: &str, kind: u32, parent: (&str, u32), options: Value) -> Value {
    let key = format!("{object}_id");
    let mut new = options;
    new[&key] = id(kind, 1).into();
    json!({format!("old_{object}"): {&key: id(kind, 1), parent.0: id(parent.1, 1)}, format!("new_{object}"): new})
}

fn update_listener(options: Value) -> Value {
    update("listener", 2, ("loadbalancer_id", 1), options)
}

fn update_member(options: Value) -> Value {
    update("member", 4, ("pool_id", 3), options)
}

fn update_load_balancer(options: Value) -> Value {
    update("loadbalancer", 1, ("project_id", 1), options)
}

/// Code, object and detail of each finding of an option, sorted by code.
async fn findings(client: &Client) -> Vec<(String, String, String)> {
    let view = client.get(&format!("/v1/loadbalancers/{}", id(1, 1))).await.body;
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let mut found: Vec<_> = view["findings"]
        .as_array()
        .unwrap_or_else(|| panic!("{view}"))
        .iter()
        .map(|finding| {
            let object = finding["object"].as_object().unwrap().values().next().unwrap();
            (text(&finding["code"]), text(object), text(&finding["detail"]))
        })
        .collect();
    // What else there is to say of the load balancer does not matter here.
    found.retain(|(code, ..)| code.starts_with("unsupported-"));
    found.sort();
    found.dedup();
    found
}

async fn codes(client: &Client) -> Vec<String> {
    findings(client).await.into_iter().map(|(code, ..)| code).collect()
}

/// Waits for the gauge of a code.
async fn counted(client: &Client, code: &str, count: Option<usize>) {
    let line = |count: usize| format!("weir_findings{{code=\"{code}\"}} {count}");
    eventually(&format!("{code}: {count:?}"), async || {
        let text = client.get("/metrics").await.body.as_str().unwrap().to_owned();
        match count {
            Some(count) => text.lines().any(|shown| shown == line(count)),
            None => !text.contains(&format!("code=\"{code}\"")),
        }
        .then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn options_under_warn_are_accepted_kept_and_shown() {
    let (northbound, mut host) = start(&[WARN]).await;
    let client = host.client();
    let limits = json!({"connection_limit": 200, "timeout_client_data": 1_000, "timeout_member_connect": 0,
        "timeout_member_data": 50_001, "timeout_tcp_inspect": 5});
    let elsewhere = json!({"monitor_address": "10.10.10.99", "monitor_port": 99, "vnic_type": "direct"});
    for (method, body) in [
        ("loadbalancer_create", with(loadbalancer(1), json!({"vip_qos_policy_id": POLICY}))),
        ("listener_create", with(listener(1, 1, "TCP", 80), limits)),
        ("pool_create", pool(1, 1, Some(1), "TCP")),
        ("member_create", with(member(1, 1), elsewhere)),
        ("health_monitor_create", monitor(1, 1, "TCP")),
    ] {
        client.call(method, &body).await.committed();
    }
    let vips = json!({"10.10.20.2:80": "10.10.10.11:8080"});
    let wanted = [
        (
            "unsupported-connection-limit",
            id(2, 1),
            "connection_limit = 200 has no effect: OVN cannot honour it",
        ),
        (
            "unsupported-monitor-address",
            id(4, 1),
            "monitor_address = 10.10.10.99 has no effect: OVN cannot honour it",
        ),
        ("unsupported-monitor-port", id(4, 1), "monitor_port = 99 has no effect: OVN cannot honour it"),
        (
            "unsupported-timeout-client-data",
            id(2, 1),
            "timeout_client_data = 1000 has no effect: OVN cannot honour it",
        ),
        (
            "unsupported-timeout-member-connect",
            id(2, 1),
            "timeout_member_connect = 0 has no effect: OVN cannot honour it",
        ),
        (
            "unsupported-timeout-member-data",
            id(2, 1),
            "timeout_member_data = 50001 has no effect: OVN cannot honour it",
        ),
        (
            "unsupported-timeout-tcp-inspect",
            id(2, 1),
            "timeout_tcp_inspect = 5 has no effect: OVN cannot honour it",
        ),
        (
            "unsupported-vip-qos-policy-id",
            id(1, 1),
            "vip_qos_policy_id = 70000000-0000-4000-8000-000000000001 has no effect: OVN cannot honour it",
        ),
        ("unsupported-vnic-type", id(4, 1), "vnic_type = direct has no effect: OVN cannot honour it"),
    ];
    let wanted: Vec<_> = wanted
        .into_iter()
        .map(|(code, object, detail)| (code.to_owned(), object, detail.to_owned()))
        .collect();
    assert_eq!(northbound.load_balancer(&id(1, 1))["vips"], vips);
    assert_eq!(findings(&client).await, wanted);
    for (code, ..) in &wanted {
        counted(&client, code, Some(1)).await;
    }
    let log = host.log();
    let warned = log.lines().filter(|line| line.contains("load balancer has a finding"));
    let warned = warned.filter(|line| line.contains("unsupported-")).count();
    assert_eq!(warned, wanted.len(), "once each");

    // All that is accepted is kept over a restart, also where the operator refuses new ones since, and keeps nothing else
    // from changing.
    for (policy, number) in [("warn", 2), ("refuse", 3)] {
        host.kill();
        let mut again = Host::spawn(northbound.folder(), &northbound.remote(), &[(WARN.0, policy)]);
        again.ready().await;
        let client = again.client();
        assert_eq!(findings(&client).await, wanted, "{policy}");
        client.call("member_create", &member(number, 1)).await.committed();
        client.call("member_update", &update_member(json!({"weight": number}))).await.committed();
        client.call("listener_update", &update_listener(json!({"admin_state_up": true}))).await.committed();
        client
            .call("loadbalancer_update", &update_load_balancer(json!({"admin_state_up": true})))
            .await
            .committed();
        // The same again is no change.
        client.call("listener_update", &update_listener(json!({"connection_limit": 200}))).await.committed();
        client
            .call("loadbalancer_update", &update_load_balancer(json!({"vip_qos_policy_id": POLICY})))
            .await
            .committed();
        let all: Vec<_> = (1..=number).map(|n| with(member(n, 1), json!({}))["member"].clone()).collect();
        let mut all = all;
        all[0]["vnic_type"] = "direct".into();
        all[0]["weight"] = number.into();
        let batch = json!({"pool_id": id(3, 1), "members": all});
        client.call("member_batch_update", &batch).await.committed();
        assert_eq!(findings(&client).await, wanted, "{policy}");
        let answer =
            client.call("listener_update", &update_listener(json!({"connection_limit": 100 + number}))).await;
        match policy {
            "warn" => {
                answer.committed();
                client
                    .call("listener_update", &update_listener(json!({"connection_limit": 200})))
                    .await
                    .committed();
            }
            _ => drop(answer.refused(422, "unsupported-connection-limit")),
        }
        again.kill();
    }

    // What is put back to the default is gone.
    let host = Host::spawn(northbound.folder(), &northbound.remote(), &[WARN]);
    host.ready().await;
    let client = host.client();
    counted(&client, "unsupported-connection-limit", Some(1)).await;
    client.call("listener_update", &update_listener(json!({"connection_limit": -1}))).await.committed();
    client
        .call("loadbalancer_update", &update_load_balancer(json!({"vip_qos_policy_id": null})))
        .await
        .committed();
    client.call("member_update", &update_member(json!({"monitor_port": null}))).await.committed();
    let left = codes(&client).await;
    for gone in ["unsupported-connection-limit", "unsupported-vip-qos-policy-id", "unsupported-monitor-port"]
    {
        assert!(!left.iter().any(|code| code == gone), "{left:?}");
        counted(&client, gone, None).await;
    }
    assert_eq!(left.len(), wanted.len() - 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn graph_with_such_options_is_one_call_under_warn() {
    let (northbound, host) = start(&[WARN]).await;
    let mut lb = loadbalancer(1);
    let mut pool = pool(1, 1, None, "UDP")["pool"].clone();
    pool["members"] =
        json!([with(member(1, 1), json!({"monitor_port": 99}))["member"], member(2, 1)["member"]]);
    lb["loadbalancer"]["pools"] = json!([pool]);
    let mut listener = with(listener(1, 1, "UDP", 53), json!({"connection_limit": 9}))["listener"].clone();
    listener["default_pool_id"] = id(3, 1).into();
    lb["loadbalancer"]["listeners"] = json!([listener]);
    host.client().call("loadbalancer_create", &lb).await.committed();
    assert_eq!(
        northbound.load_balancer(&id(1, 1))["vips"],
        json!({"10.10.20.2:53": "10.10.10.11:8080,10.10.10.12:8080"})
    );
    assert_eq!(codes(&host.client()).await, ["unsupported-connection-limit", "unsupported-monitor-port"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn options_with_a_key_of_their_own_follow_it() {
    let env = [("WEIR_UNSUPPORTED_OPTIONS_TIMEOUTS", "warn"), ("WEIR_UNSUPPORTED_OPTIONS_VNIC_TYPE", "warn")];
    let (northbound, host) = start(&env).await;
    let client = host.client();
    client.call("loadbalancer_create", &loadbalancer(1)).await.committed();
    client.call("listener_create", &listener(1, 1, "TCP", 80)).await.committed();
    client.call("pool_create", &pool(1, 1, Some(1), "TCP")).await.committed();
    client.call("member_create", &member(1, 1)).await.committed();
    client.call("listener_update", &update_listener(json!({"timeout_client_data": 7}))).await.committed();
    client.call("member_create", &with(member(2, 1), json!({"vnic_type": "direct"}))).await.committed();
    let before = northbound.dump();
    let text = client.call("listener_update", &update_listener(json!({"connection_limit": 7}))).await;
    text.refused(422, "unsupported-connection-limit");
    let operator = text.body["operator_fault_string"].as_str().unwrap();
    assert!(operator.contains("[unsupported_options] connection_limit = \"warn\""), "{operator}");
    client
        .call("member_create", &with(member(3, 1), json!({"monitor_port": 7})))
        .await
        .refused(422, "unsupported-monitor-port");
    assert_eq!(northbound.dump(), before);
    assert_eq!(codes(&client).await, ["unsupported-timeout-client-data", "unsupported-vnic-type"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_by_default_in_creates_and_in_changes_of_the_field() {
    let (northbound, host) = start(&[]).await;
    let client = host.client();
    let with_policy = |n: usize| with(loadbalancer(n), json!({"vip_qos_policy_id": POLICY}));
    let text = client
        .call("loadbalancer_create", &with_policy(1))
        .await
        .refused(422, "unsupported-vip-qos-policy-id");
    assert!(text.contains("loadbalancer.vip_qos_policy_id") && text.contains(POLICY), "{text}");
    for (method, body) in calls(1) {
        client.call(method, &body).await.committed();
    }
    let before = northbound.dump();
    client
        .call("loadbalancer_update", &update_load_balancer(json!({"vip_qos_policy_id": POLICY})))
        .await
        .refused(422, "unsupported-vip-qos-policy-id");
    let direct = with(member(2, 1), json!({"vnic_type": "direct"}));
    let text = client.call("member_create", &direct).await.refused(422, "unsupported-vnic-type");
    assert!(text.contains(&id(4, 2)) && text.contains("direct"), "{text}");
    let batch = json!({"pool_id": id(3, 1), "members": [member(1, 1)["member"], direct["member"]]});
    client.call("member_batch_update", &batch).await.refused(422, "unsupported-vnic-type");
    assert_eq!(northbound.dump(), before);
    client.call("member_create", &with(member(2, 1), json!({"vnic_type": "normal"}))).await.committed();
    assert_eq!(codes(&client).await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn policy_copied_from_the_users_own_vip_port_is_accepted() {
    let (_northbound, host) = start(&[]).await;
    let client = host.client();
    // Octavia asks for VIP ports before every create, also for one of the user's own.
    let ports = |n: usize, port: Value| {
        json!({"loadbalancer_id": id(1, n), "project_id": "p", "additional_vip_dicts": [], "vip_dictionary": {
            "vip_network_id": NETWORK, "vip_subnet_id": SUBNET, "vip_port_id": port, "vip_qos_policy_id": POLICY}})
    };
    let with_policy = |n: usize| with(loadbalancer(n), json!({"vip_qos_policy_id": POLICY}));
    client.call("create_vip_port", &ports(1, id(6, 1).into())).await.refused(501, "vip-port-by-octavia");
    client.call("loadbalancer_create", &with_policy(1)).await.committed();
    assert_eq!(codes(&client).await, [""; 0]);
    client.call("create_vip_port", &ports(2, Value::Null)).await.refused(501, "vip-port-by-octavia");
    client.call("loadbalancer_create", &with_policy(2)).await.refused(422, "unsupported-vip-qos-policy-id");
}

#[tokio::test(flavor = "multi_thread")]
async fn warn_never_covers_what_protects_or_means_something_else() {
    let (northbound, host) = start(&[WARN]).await;
    let client = host.client();
    for (method, body) in calls(1) {
        client.call(method, &body).await.committed();
    }
    let before = northbound.dump();
    let tls = json!("https://barbican/1");
    let listener_with = |options: Value| ("listener_create", with(listener(2, 1, "HTTPS", 443), options));
    let pool_with = |options: Value| ("pool_create", with(pool(2, 1, None, "TCP"), options));
    for ((method, body), code) in [
        (
            ("loadbalancer_create", with(loadbalancer(2), json!({"vip_sg_ids": [POLICY]}))),
            "vip-security-groups-unsupported",
        ),
        (listener_with(json!({"default_tls_container_ref": tls})), "unsupported-default-tls-container-ref"),
        (
            listener_with(json!({"client_ca_tls_container_ref": tls})),
            "unsupported-client-ca-tls-container-ref",
        ),
        (listener_with(json!({"client_authentication": "MANDATORY"})), "unsupported-client-authentication"),
        (listener_with(json!({"tls_versions": ["TLSv1.3"]})), "unsupported-tls-versions"),
        (listener_with(json!({"insert_headers": {"X-Forwarded-For": "true"}})), "unsupported-insert-headers"),
        (
            listener_with(json!({"l7policies": [{"l7policy_id": id(7, 1), "action": "REJECT"}]})),
            "unsupported-l7policies",
        ),
        (pool_with(json!({"tls_enabled": true})), "unsupported-tls-enabled"),
        (pool_with(json!({"protocol": "HTTP"})), "not-served"),
        (pool_with(json!({"lb_algorithm": "LEAST_CONNECTIONS"})), "not-served"),
        (pool_with(json!({"session_persistence": {"type": "HTTP_COOKIE"}})), "unsupported-persistence"),
    ] {
        let answer = client.call(method, &body).await;
        assert_eq!(answer.status, 422, "{method} {body}: {}", answer.body);
        if code != "unsupported-persistence" {
            answer.refused(422, code);
        }
    }
    assert_eq!(northbound.dump(), before);
}

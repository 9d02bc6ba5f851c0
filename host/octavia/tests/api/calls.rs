//! Real bodies of real Octavia calls, and what each becomes.

use std::{collections::BTreeSet, sync::Arc};

use axum::http::StatusCode;
use serde_json::{Value, json};
use weir_model::{Change, Field};
use weir_octavia::{Answer, METHODS, Refusal};

use crate::recorder::{LB, LISTENER, POOL, Recorder, driver, post, recorded, recorded_args};

#[tokio::test]
async fn every_recorded_call_is_answered_as_the_table_says() {
    let mut seen = BTreeSet::new();
    for (label, method, args) in recorded() {
        let known = METHODS.iter().find(|known| known.name == method).unwrap();
        let answer = driver(&method, &args).await;
        // What Octavia can say and OVN cannot do.
        let refused = match label.as_str() {
            // A key that is Amphora's.
            "001-validate_flavor--flavorprofile" | "011-validate_flavor--lb-full" => {
                Some("unsupported-flavor-key")
            }
            "002-validate_availability_zone--azprofile" | "012-validate_availability_zone--lb-full" => {
                assert_eq!(answer.unwrap_err().error().0, "availability-zones-not-implemented", "{label}");
                seen.insert(method);
                continue;
            }
            "014-loadbalancer_create--lb-full" => Some("availability-zone-unsupported"),
            "016-loadbalancer_create--lb-additional-vips-octavia-owned" => {
                Some("additional-vip-without-address")
            }
            _ => None,
        };
        match (answer, known.answer, refused) {
            (Ok(_), Answer::Change(_), None) => {}
            (Err(answer), Answer::Result(_), None) => {
                assert_eq!(answer.status, StatusCode::OK);
                assert!(answer.json()["result"].is_object(), "{label}");
            }
            (Err(answer), Answer::Change(_) | Answer::Flavor, Some(code)) => {
                assert_eq!(
                    (answer.status, answer.error().0.as_str()),
                    (StatusCode::UNPROCESSABLE_ENTITY, code)
                );
            }
            (Err(answer), Answer::VipPorts, None) => {
                assert_eq!(
                    (answer.status, answer.error().0.as_str()),
                    (StatusCode::NOT_IMPLEMENTED, "vip-port-by-octavia")
                );
            }
            (Err(answer), Answer::NotImplemented(code, _), None) => {
                assert_eq!((answer.status, answer.error().0.as_str()), (StatusCode::NOT_IMPLEMENTED, code));
                assert_eq!(answer.json()["error"], "NotImplementedError");
            }
            (Err(answer), Answer::Unsupported(code, _), None) => {
                assert_eq!(
                    (answer.status, answer.error().0.as_str()),
                    (StatusCode::UNPROCESSABLE_ENTITY, code)
                );
                assert_eq!(answer.json()["error"], "UnsupportedOptionError");
            }
            (answer, ..) => panic!("{label}: {answer:?}"),
        }
        seen.insert(method);
    }
    // octavia-lib has it, and no Octavia calls it yet.
    seen.insert("loadbalancer_failover_with_flavor".to_owned());
    let all: BTreeSet<_> = METHODS.iter().map(|method| method.name.to_owned()).collect();
    assert_eq!(seen, all, "every method has a recorded body");
    assert_eq!(all.len(), 29);
}

async fn change(label: &str) -> Change {
    let method = &label.split("--").next().unwrap()[4..];
    driver(method, &recorded_args(label)).await.unwrap()
}

#[tokio::test]
async fn a_minimal_load_balancer() {
    let Change::LoadBalancerCreate(lb) = change("006-loadbalancer_create--lb-minimal").await else {
        panic!()
    };
    assert_eq!(lb.id.to_string(), "b83d8ed5-7a2e-4b3a-bf65-c2dcccc3c414");
    assert_eq!(lb.project_id.as_deref(), Some("11111111111111111111111111111111"));
    assert!(
        lb.admin_state_up && lb.listeners.is_empty() && lb.pools.is_empty() && lb.additional_vips.is_empty()
    );
    assert_eq!(lb.vip.address.to_string(), "198.51.100.1");
    assert_eq!(lb.vip.port_id.unwrap().to_string(), "1496c637-934c-4fc2-bfd5-f04c41011dcb");
    assert_eq!(lb.vip.network_id.unwrap().to_string(), "bbbbbbbb-0000-4000-8000-000000000001");
    assert_eq!(lb.vip.subnet_id.unwrap().to_string(), "8c214955-c200-4956-b9d3-723de57798df");
}

#[tokio::test]
async fn a_recorded_graph() {
    let Change::LoadBalancerCreate(lb) = change("084-loadbalancer_create--lb-graph-create").await else {
        panic!()
    };
    let pools: Vec<_> =
        lb.listeners.values().map(|l| (l.port, &lb.pools[&l.default_pool_id.unwrap()])).collect();
    assert_eq!(lb.pools.len(), 2);
    let (_, tcp) = pools.iter().find(|(port, _)| *port == 80).unwrap();
    let (_, udp) = pools.iter().find(|(port, _)| *port == 53).unwrap();
    // The copy inside the listener has no members and no monitor; the one in `pools` has.
    assert_eq!((tcp.protocol.as_str(), tcp.members.len()), ("TCP", 2));
    assert_eq!(tcp.persistence.as_ref().unwrap().kind, "SOURCE_IP");
    let monitor = tcp.monitor.as_ref().unwrap();
    assert_eq!((monitor.kind.as_str(), monitor.delay, monitor.timeout), ("TCP", 5, 3));
    assert_eq!((monitor.rise, monitor.fall, monitor.extra.len()), (3, 3, 0));
    assert_eq!((udp.protocol.as_str(), udp.members.len(), udp.monitor.is_some()), ("UDP", 1, false));
    assert!(lb.listeners.values().all(|l| l.extra.is_empty()), "{:?}", lb.listeners);
}

#[tokio::test]
async fn listener_options_beyond_the_defaults_are_carried() {
    let Change::ListenerCreate(_, plain) = change("018-listener_create--listener-TCP").await else {
        panic!()
    };
    assert!(plain.extra.is_empty() && plain.admin_state_up, "{plain:?}");
    let Change::ListenerCreate(_, listener) = change("025-listener_create--listener-options").await else {
        panic!()
    };
    assert!(!listener.admin_state_up);
    assert_eq!(listener.allowed_cidrs, ["198.51.100.0/24"]);
    let extra: Vec<_> = listener.extra.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    assert_eq!(
        extra,
        [
            ("connection_limit", "200"),
            ("insert_headers", r#"{"X-Forwarded-For":"true"}"#),
            ("timeout_client_data", "90000")
        ]
    );
    let Change::ListenerCreate(_, tls) = change("024-listener_create--listener-TERMINATED_HTTPS").await
    else {
        panic!()
    };
    let keys: Vec<_> = tls.extra.keys().map(String::as_str).collect();
    let wanted =
        ["alpn_protocols", "default_tls_container_ref", "sni_container_refs", "tls_ciphers", "tls_versions"];
    assert_eq!(keys, wanted);
    assert_eq!(tls.extra["tls_versions"], r#"["TLSv1.2","TLSv1.3"]"#);
    assert_eq!(tls.extra["default_tls_container_ref"], "http://127.0.0.1/c1");
}

#[tokio::test]
async fn listener_updates() {
    let Change::ListenerUpdate(lb, patch) = change("026-listener_update--listener-update-name-limit").await
    else {
        panic!()
    };
    assert_eq!(lb.to_string(), "b83d8ed5-7a2e-4b3a-bf65-c2dcccc3c414");
    assert_eq!(
        (patch.admin_state_up, patch.default_pool_id, patch.allowed_cidrs),
        (Field::Value(true), Field::Unset, Field::Unset)
    );
    assert_eq!(patch.extra.into_iter().collect::<Vec<_>>(), [("connection_limit".to_owned(), None)]);
    let Change::ListenerUpdate(_, patch) = change("027-listener_update").await else { panic!() };
    assert_eq!(patch.allowed_cidrs, Field::Value(vec![]));
    let Change::ListenerUpdate(_, patch) = change("043-listener_update").await else { panic!() };
    assert_eq!(patch.default_pool_id, Field::Value("a8b3f0b7-8be8-4e29-8b99-783ca126d87e".parse().unwrap()));
    let Change::ListenerUpdate(_, patch) = change("044-listener_update").await else { panic!() };
    assert_eq!(patch.default_pool_id, Field::Null);
}

#[tokio::test]
async fn pool_calls() {
    let Change::PoolCreate(_, Some(_), pool) = change("032-pool_create--pool-TCP-on-listener").await else {
        panic!()
    };
    assert_eq!((pool.protocol.as_str(), pool.extra.len()), ("TCP", 0));
    let Change::PoolCreate(_, None, pool) = change("036-pool_create--pool-HTTP-sp-APP_COOKIE").await else {
        panic!()
    };
    let persistence = pool.persistence.unwrap();
    assert_eq!((persistence.kind.as_str(), persistence.timeout), ("APP_COOKIE", None));
    assert_eq!(
        persistence.extra.into_iter().collect::<Vec<_>>(),
        [("cookie_name".to_owned(), "JSESSIONID".to_owned())]
    );
    let Change::PoolUpdate(_, patch) = change("038-pool_update--pool-update-algorithm").await else {
        panic!()
    };
    assert!(patch.algorithm.is_some() && patch.persistence == Field::Unset);
    let Change::PoolUpdate(_, patch) = change("039-pool_update--pool-update-sp-set").await else { panic!() };
    assert!(matches!(patch.persistence, Field::Value(persistence) if persistence.kind == "SOURCE_IP"));
    let Change::PoolUpdate(_, patch) = change("040-pool_update--pool-update-sp-clear").await else {
        panic!()
    };
    assert_eq!((patch.persistence, patch.algorithm, patch.extra.len()), (Field::Null, None, 0));
}

#[tokio::test]
async fn member_calls() {
    let Change::MemberCreate(pool, member) = change("047-member_create--member-full").await else { panic!() };
    assert_eq!(pool.to_string(), "74397eeb-4fa1-463d-90d8-a17f92644f66");
    assert_eq!((member.port, member.weight, member.backup, member.admin_state_up), (63015, 5, true, false));
    let extra: Vec<_> = member.extra.into_iter().collect();
    assert_eq!(
        extra,
        [("monitor_address".into(), "10.10.10.12".into()), ("monitor_port".into(), "99".to_owned())]
    );
    let Change::MemberUpdate(pool, patch) = change("051-member_update--member-update-clear").await else {
        panic!()
    };
    assert_eq!(pool.to_string(), "74397eeb-4fa1-463d-90d8-a17f92644f66", "new_member has no pool_id");
    assert_eq!(
        (patch.admin_state_up, patch.backup, patch.weight),
        (Field::Value(true), Field::Value(false), Field::Unset)
    );
    assert_eq!(
        patch.extra.into_iter().collect::<Vec<_>>(),
        [("monitor_address".into(), None), ("monitor_port".to_owned(), None)]
    );
    let Change::MemberBatch(_, members) = change("052-member_batch_update--member-batch-replace").await
    else {
        panic!()
    };
    assert_eq!(members.iter().map(|m| m.port).collect::<Vec<_>>(), [63015, 63016, 63015]);
    assert_eq!(members[1].patch.subnet_id, Field::Null);
    assert_eq!(members[2].patch.subnet_id, Field::Unset, "a member that is there keeps its subnet");
    let Change::MemberBatch(_, members) = change("055-member_batch_update--member-batch-empty").await else {
        panic!()
    };
    assert!(members.is_empty());
}

#[tokio::test]
async fn deletes_and_failover() {
    assert!(matches!(change("082-loadbalancer_delete").await, Change::LoadBalancerDelete(_)));
    assert!(matches!(change("080-listener_delete").await, Change::ListenerDelete(_, _)));
    assert!(matches!(change("078-pool_delete").await, Change::PoolDelete(_, _)));
    assert!(matches!(change("077-member_delete").await, Change::MemberDelete(_, _)));
    assert!(matches!(change("075-loadbalancer_failover").await, Change::LoadBalancerFailover(_)));
}

#[tokio::test]
async fn failover_with_flavor_is_a_failover() {
    let recorder = Arc::new(Recorder::default());
    let path = "/v1/driver/loadbalancer_failover_with_flavor";
    let body = |lb: Value| json!({ "loadbalancer_id": lb, "flavor_id": LISTENER }).to_string();
    assert_eq!(post(&recorder, path, body(json!(LB))).await.status, StatusCode::OK);
    let calls = recorder.calls.lock().unwrap().clone();
    assert_eq!(calls.len(), 1);
    assert_eq!(calls[0].0, Change::LoadBalancerFailover(LB.parse().unwrap()));
    assert_eq!(calls[0].1.method, "loadbalancer_failover_with_flavor");
    assert_eq!(post(&recorder, path, body(json!("x"))).await.status, StatusCode::BAD_REQUEST);
    assert_eq!(post(&recorder, path, body(Value::Null)).await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn zone_profile_with_valid_vip_networks_alone_is_accepted() {
    let profile = |metadata: Value| json!({ "availability_zone_metadata": metadata });
    for (metadata, status, code) in [
        (json!({ "valid_vip_networks": [LB, LISTENER] }), StatusCode::OK, ""),
        (json!({ "valid_vip_networks": [] }), StatusCode::OK, ""),
        (
            json!({ "valid_vip_networks": LB }),
            StatusCode::UNPROCESSABLE_ENTITY,
            "unsupported-availability-zone-value",
        ),
        (
            json!({ "valid_vip_networks": [1] }),
            StatusCode::UNPROCESSABLE_ENTITY,
            "unsupported-availability-zone-value",
        ),
        (json!({}), StatusCode::NOT_IMPLEMENTED, "availability-zones-not-implemented"),
        (Value::Null, StatusCode::NOT_IMPLEMENTED, "availability-zones-not-implemented"),
        (
            json!({ "valid_vip_networks": [LB], "compute_zone": "a" }),
            StatusCode::NOT_IMPLEMENTED,
            "availability-zones-not-implemented",
        ),
    ] {
        let answer = driver("validate_availability_zone", &profile(metadata.clone())).await.unwrap_err();
        assert_eq!(answer.status, status, "{metadata}");
        match status {
            StatusCode::OK => assert_eq!(answer.json(), json!({})),
            _ => assert_eq!(answer.error().0, code, "{metadata}"),
        }
    }
}

#[tokio::test]
async fn refused_create_is_reported_wherever_it_was_refused() {
    let recorder = Arc::new(Recorder::default());
    let path = "/v1/driver/loadbalancer_create";
    let lb = json!({ "loadbalancer_id": LB, "vip_address": "192.0.2.9" });
    let with = |key: &str, value: Value| {
        let mut lb = lb.clone();
        lb[key] = value;
        json!({ "loadbalancer": lb }).to_string()
    };
    for (body, code) in [
        (with("vip_sg_ids", json!([LB])), "vip-security-groups-unsupported"),
        (with("flavor", json!({ "unknown": 1 })), "unsupported-flavor-key"),
        (with("vip_address", json!("fe80::1%eth0")), "scoped-address"),
        (with("admin_state_up", json!("yes")), "wrong-type"),
        (with("pools", json!([{ "pool_id": POOL }])), "missing-field"),
    ] {
        assert_eq!(post(&recorder, path, body).await.error().0, code);
        let refused = std::mem::take(&mut *recorder.refused.lock().unwrap());
        assert_eq!(refused, [(LB.parse().unwrap(), code.to_owned())]);
    }
    *recorder.refusal.lock().unwrap() = Some(Refusal::unsupported("by-the-host", "the host refuses it"));
    post(&recorder, path, with("name", json!("n"))).await;
    assert_eq!(*recorder.refused.lock().unwrap(), [(LB.parse().unwrap(), "by-the-host".to_owned())]);
    recorder.refused.lock().unwrap().clear();
    // An accepted create, a refusal without an id and a refused update report nothing.
    *recorder.refusal.lock().unwrap() = None;
    post(&recorder, path, with("name", json!("n"))).await;
    post(&recorder, path, json!({ "loadbalancer": { "loadbalancer_id": "x" } }).to_string()).await;
    post(&recorder, path, "{").await;
    let update = json!({ "new_loadbalancer": { "loadbalancer_id": LB, "vip_sg_ids": [LB] } });
    post(&recorder, "/v1/driver/loadbalancer_update", update.to_string()).await;
    assert_eq!(*recorder.refused.lock().unwrap(), []);
}

//! 87 bodies of real driver calls of a whole life cycle in Octavia, in order, over HTTP to a running `weir serve`: each has
//! its expected outcome.
//!
//! `outcomes.json`: file -> [status, code of the refusal or null, why].
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

use std::{collections::BTreeSet, fs, path::PathBuf};

use serde_json::{Value, json};
use weir_tests::{Host, Northbound, objects};

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("octavia")
}

fn read(file: PathBuf) -> Value {
    serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap()
}

/// octavia-lib's provider_base.py.
const METHODS: [&str; 28] = [
    "create_vip_port",
    "get_supported_availability_zone_metadata",
    "get_supported_flavor_metadata",
    "health_monitor_create",
    "health_monitor_delete",
    "health_monitor_update",
    "l7policy_create",
    "l7policy_delete",
    "l7policy_update",
    "l7rule_create",
    "l7rule_delete",
    "l7rule_update",
    "listener_create",
    "listener_delete",
    "listener_update",
    "loadbalancer_create",
    "loadbalancer_delete",
    "loadbalancer_failover",
    "loadbalancer_update",
    "member_batch_update",
    "member_create",
    "member_delete",
    "member_update",
    "pool_create",
    "pool_delete",
    "pool_update",
    "validate_availability_zone",
    "validate_flavor",
];

#[tokio::test(flavor = "multi_thread")]
async fn every_real_body_has_its_outcome() {
    let northbound = Northbound::start();
    let topology = read(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("golden/topology.json"));
    northbound.transact(topology["operations"]["tenant"].as_array().unwrap());
    // Where there is no Neutron a monitor needs it.
    northbound.transact(&objects::source_port());
    let host = Host::start(northbound.folder(), &northbound.remote()).await;
    let outcomes = read(folder().join("outcomes.json"));
    let mut files: Vec<_> =
        fs::read_dir(folder().join("calls")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert_eq!(files.len(), 87);
    let mut methods = BTreeSet::new();
    let mut wrong = Vec::new();
    for file in files {
        let name = file.file_name().unwrap().to_str().unwrap().to_owned();
        let call = read(file);
        let method = call["method"].as_str().unwrap();
        methods.insert(method.to_owned());
        let before = northbound.dump();
        let answer = host.client().call(method, &call["args"]).await;
        let got = json!([answer.status, answer.body.get("code").cloned().unwrap_or(Value::Null)]);
        let expected = &outcomes[&name];
        if got != json!([expected[0], expected[1]]) {
            wrong.push(format!("{name}: {got}, not {expected}: {}", answer.body));
        }
        if answer.status == 200 {
            match method {
                "loadbalancer_failover" => {}
                "get_supported_flavor_metadata" => {
                    assert!(answer.body["result"]["reject"].is_string(), "{name}: {}", answer.body);
                }
                _ => assert_eq!(answer.body["committed"], true, "{name}: {}", answer.body),
            }
        } else {
            assert_eq!(northbound.dump(), before, "{name} was refused and has written");
            for fault in ["user_fault_string", "operator_fault_string"] {
                assert!(
                    answer.body[fault].as_str().is_some_and(|text| text.len() > 10),
                    "{name}: {}",
                    answer.body
                );
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let missing: Vec<_> = METHODS.iter().filter(|method| !methods.contains(**method)).collect();
    assert_eq!(missing, [&""; 0], "every provider method is called");
    // The life cycle ends with the load balancers deleted; what Octavia's own network driver never gave an address for
    // was refused in the first place.
    assert_eq!(northbound.state()["load_balancers"], json!([]));
}

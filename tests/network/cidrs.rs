//! Listeners that are limited to CIDRs: rules on every way in, looked after as everything else is.

use serde_json::{Value, json};
use weir_tests::{
    eventually,
    objects::{NETWORK, id},
};

use crate::lab::{Lab, listener, load_balancer, member, plain_pool};

const PUBLIC: &str = "neutron-aaaaaaaa-0000-4000-8000-000000000001";
const GATEWAY: &str = "cccccccc-0000-4000-8000-00000000000c";

/// Load balancer 1 with a listener for some and one for all.
async fn lab(cidrs: Value) -> Lab {
    let lab = Lab::start().await;
    lab.make(with(cidrs)).await;
    lab
}

fn with(cidrs: Value) -> Value {
    let mut limited = listener(1, 1, "TCP", 80, 1);
    limited["allowed_cidrs"] = cidrs;
    let pools = vec![
        plain_pool(1, 1, "TCP", vec![member(1, 1, 10)]),
        plain_pool(2, 1, "UDP", vec![member(2, 2, 11)]),
    ];
    load_balancer(1, vec![limited, listener(2, 1, "UDP", 53, 2)], pools)
}

fn rule(switch: &str, direction: &str, matches: &str) -> Value {
    json!({
        "switch": switch, "direction": direction, "priority": 3131, "match": matches, "action": "drop",
        "name": format!("weir-{}", id(1, 1)),
        "external_ids": {"weir:owner": "weir", "weir:lb": id(1, 1), "weir:listener": id(2, 1)},
    })
}

fn inside() -> String {
    format!("neutron-{NETWORK}")
}

/// Inside and on the gateway's switch.
fn both_ways(matches: &str) -> Vec<Value> {
    let mut rules = vec![
        rule(&inside(), "from-lport", matches),
        rule(PUBLIC, "to-lport", &format!("outport == \"{GATEWAY}\" && {matches}")),
    ];
    rules.sort_by_key(Value::to_string);
    rules
}

async fn has(lab: &Lab, rules: Vec<Value>) {
    eventually(&format!("{rules:#?}, not {:#?}", lab.northbound.acls()), async || {
        (lab.northbound.acls() == rules).then_some(())
    })
    .await;
}

async fn limit(lab: &Lab, old: Value, new: Value) {
    let patch = |cidrs: &Value| {
        json!({"listener_id": id(2, 1), "loadbalancer_id": id(1, 1), "protocol": "TCP", "protocol_port": 80,
            "allowed_cidrs": cidrs})
    };
    lab.agent.know(with(new.clone()));
    let body = json!({"old_listener": patch(&old), "new_listener": patch(&new)});
    lab.client().call("listener_update", &body).await.committed();
}

#[tokio::test(flavor = "multi_thread")]
async fn every_way_in_has_a_rule() {
    let some = json!(["10.10.10.0/25", "192.0.2.0/24"]);
    let lab = lab(some.clone()).await;
    let matches = "ip4.dst == 10.10.10.5 && tcp.dst == 80 && ip4.src != {10.10.10.0/25, 192.0.2.0/24}";
    assert_eq!(lab.northbound.acls(), both_ways(matches), "in the transaction of the load balancer");

    // Floating IPs are ways to it too.
    lab.by_hand(&[
        json!({"op": "insert", "table": "NAT", "uuid-name": "nat", "row": {"type": "dnat_and_snat", "external_ip": "172.24.4.50",
            "logical_ip": "10.10.10.5", "external_ids": ["map", [["neutron:fip_port_id", id(6, 1)]]]}}),
        json!({"op": "mutate", "table": "Logical_Router", "where": [], "mutations": [["nat", "insert", ["named-uuid", "nat"]]]}),
    ]);
    let floating =
        "ip4.dst == {10.10.10.5, 172.24.4.50} && tcp.dst == 80 && ip4.src != {10.10.10.0/25, 192.0.2.0/24}";
    has(&lab, both_ways(floating)).await;

    let one = json!(["198.51.100.7/32"]);
    limit(&lab, some, one.clone()).await;
    let matches = "ip4.dst == {10.10.10.5, 172.24.4.50} && tcp.dst == 80 && ip4.src != 198.51.100.7/32";
    assert_eq!(lab.northbound.acls(), both_ways(matches));

    // The router loses its way outside, and with it the rule there.
    lab.by_hand(&[
        json!({"op": "update", "table": "Logical_Router_Port", "where": [["name", "==", format!("lrp-{GATEWAY}")]],
            "row": {"external_ids": ["map", []]}}),
    ]);
    has(&lab, vec![rule(&inside(), "from-lport", matches)]).await;

    limit(&lab, one, json!([])).await;
    assert_eq!(lab.northbound.acls(), Vec::<Value>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_go_with_their_load_balancer_and_others_stay() {
    let lab = Lab::start().await;
    let neutrons = |name: &str, priority: u32, ids: Value| {
        [
            json!({"op": "insert", "table": "ACL", "uuid-name": name, "row": {"direction": "from-lport", "priority": priority,
                "match": "ip4", "action": "drop", "name": name, "external_ids": ["map", ids]}}),
            json!({"op": "mutate", "table": "Logical_Switch", "where": [], "mutations": [["acls", "insert", ["named-uuid", name]]]}),
        ]
    };
    lab.by_hand(&neutrons("neutrons", 1001, json!([["neutron:security_group_rule_id", id(9, 1)]])));
    lab.by_hand(&neutrons("high", 3131, json!([])));
    lab.by_hand(&neutrons("anothers", 3131, json!([["weir:owner", "another"], ["weir:lb", id(1, 1)]])));
    let before = lab.northbound.acls();
    assert_eq!(before.len(), 6);
    lab.make(with(json!(["10.10.10.0/25"]))).await;
    assert_eq!(lab.northbound.acls().len(), 8);

    // As Neutron's repair of the Northbound does.
    let ours = json!([["name", "==", format!("weir-{}", id(1, 1))]]);
    let whole = lab.northbound.acls();
    let uuids = lab.northbound.transact(&[json!({"op": "select", "table": "ACL", "where": ours})]);
    let uuids: Vec<_> = uuids[0]["rows"].as_array().unwrap().iter().map(|row| row["_uuid"].clone()).collect();
    lab.by_hand(&[
        json!({"op": "mutate", "table": "Logical_Switch", "where": [], "mutations": [["acls", "delete", ["set", uuids]]]}),
    ]);
    has(&lab, whole.clone()).await;
    for (column, value) in [
        ("match", json!("ip4")),
        ("action", json!("allow-related")),
        ("priority", json!(7)),
        ("external_ids", json!(["map", []])),
        ("name", json!("")),
    ] {
        lab.by_hand(&[json!({"op": "update", "table": "ACL", "where": ours, "row": {column: value}})]);
        has(&lab, whole.clone()).await;
    }

    let body = json!({"loadbalancer": {"loadbalancer_id": id(1, 1)}, "cascade": true});
    lab.client().call("loadbalancer_delete", &body).await.committed();
    assert_eq!(lab.northbound.acls(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_do_not_outlive_rows_that_somebody_deletes() {
    let lab = lab(json!(["10.10.10.0/25"])).await;
    lab.agent.forget(&id(1, 1));
    lab.by_hand(&[json!({"op": "delete", "table": "Load_Balancer", "where": []})]);
    has(&lab, Vec::new()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn both_ip_versions_have_rules() {
    let lab = Lab::start().await;
    let mut lb = with(json!(["fd00:10::/64", "10.0.0.0/8", "0.0.0.0/0"]));
    lb["additional_vips"] = json!([{"ip_address": "fd00:10::5", "network_id": NETWORK,
        "subnet_id": "bbbbbbbb-0000-4000-8000-000000000003", "port_id": id(6, 2)}]);
    lab.make(lb).await;
    let matches = "ip6.dst == fd00:10::5 && tcp.dst == 80 && ip6.src != fd00:10::/64";
    assert_eq!(lab.northbound.acls(), both_ways(matches), "all of IPv4 may come");
    let plan = lab.client().post(&format!("/v1/loadbalancers/{}/reconcile?dry_run=true", id(1, 1))).await;
    assert_eq!(plan.body["plan"]["operations"], json!([]), "{}", plan.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vip_on_a_provider_network_is_guarded_at_its_router() {
    let lab = Lab::start().await;
    lab.by_hand(&[
        json!({"op": "mutate", "table": "Logical_Switch", "where": [["name", "==", PUBLIC]], "mutations": [
            ["external_ids", "insert", ["map", [["neutron:provnet-physical-network", "physnet1"]]]]]}),
    ]);
    let mut lb = with(json!(["10.10.10.0/25"]));
    lb["vip_address"] = "172.24.4.9".into();
    lb["vip_network_id"] = PUBLIC.trim_start_matches("neutron-").into();
    lb["vip_subnet_id"] = "aaaaaaaa-0000-4000-8000-000000000002".into();
    lab.make(lb).await;
    let matches = "ip4.dst == 172.24.4.9 && tcp.dst == 80 && ip4.src != 10.10.10.0/25";
    assert_eq!(lab.northbound.acls(), both_ways(matches));
}

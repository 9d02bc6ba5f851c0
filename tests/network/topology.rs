//! What changes in the network leads to the load balancers that it concerns, and back again.

use serde_json::{Value, json};
use weir_tests::{
    eventually,
    objects::{self, NETWORK, SUBNET, id},
};

use crate::lab::{Lab, listener, load_balancer, member, plain_pool, pool};

const SECOND: &str = "neutron-cccccccc-0000-4000-8000-000000000002";

async fn lab() -> Lab {
    let lab = Lab::start().await;
    lab.make(load_balancer(
        1,
        vec![listener(1, 1, "TCP", 80, 1)],
        vec![pool(1, "TCP", "TCP", vec![member(1, 1, 10), member(2, 1, 40)])],
    ))
    .await;
    lab.make(load_balancer(
        2,
        vec![listener(2, 2, "UDP", 53, 2)],
        vec![plain_pool(2, 2, "UDP", vec![member(3, 2, 11)])],
    ))
    .await;
    lab
}

fn holders(lab: &Lab, table: &str, name: &str) -> usize {
    lab.northbound.state()[table][name].as_array().map_or(0, Vec::len)
}

async fn held(lab: &Lab, table: &str, name: &str, count: usize) {
    eventually(&format!("{name} has {count}"), async || (holders(lab, table, name) == count).then_some(()))
        .await;
}

fn router_port(name: &str, cidr: &str, network: &str, gateway: bool) -> Value {
    let subnet = if network == NETWORK { SUBNET } else { "eeeeeeee-0000-4000-8000-000000000002" };
    let mut row = json!({"name": format!("lrp-{name}"), "mac": "fa:16:3e:00:00:09", "networks": cidr,
        "external_ids": ["map", [["neutron:network_name", format!("neutron-{network}")], ["neutron:subnet_ids", subnet]]]});
    if gateway {
        row["gateway_chassis"] = json!(["named-uuid", "chassis"]);
    }
    json!({"op": "insert", "table": "Logical_Router_Port", "uuid-name": "lrp", "row": row})
}

/// Another router gets an interface in the subnet, as Neutron writes it.
fn attach_interface(lab: &Lab) {
    let peer = "cccccccc-0000-4000-8000-0000000000aa";
    let operations = [
        router_port(peer, "10.10.10.2/24", NETWORK, false),
        json!({"op": "insert", "table": "Logical_Switch_Port", "uuid-name": "peer", "row": {"name": peer, "type": "router",
            "options": ["map", [["router-port", format!("lrp-{peer}")]]],
            "external_ids": ["map", [["neutron:device_owner", "network:router_interface"]]]}}),
        json!({"op": "mutate", "table": "Logical_Switch", "where": [["name", "==", format!("neutron-{NETWORK}")]], "mutations": [["ports", "insert", ["named-uuid", "peer"]]]}),
        json!({"op": "mutate", "table": "Logical_Router", "where": [["name", "==", SECOND]], "mutations": [["ports", "insert", ["named-uuid", "lrp"]]]}),
    ];
    lab.by_hand(&operations);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_router_interface_comes_and_goes() {
    let lab = lab().await;
    lab.by_hand(&[json!({"op": "insert", "table": "Logical_Router", "row": {"name": SECOND}})]);
    let before = lab.northbound.dump();
    attach_interface(&lab);
    held(&lab, "logical_routers", SECOND, 2).await;
    // Its other networks belong to it then.
    lab.by_hand(&[
        json!({"op": "insert", "table": "Logical_Switch", "row": {"name": "neutron-eeeeeeee-0000-4000-8000-000000000001"}}),
        router_port("other", "10.77.0.1/24", "eeeeeeee-0000-4000-8000-000000000001", false),
        json!({"op": "mutate", "table": "Logical_Router", "where": [["name", "==", SECOND]], "mutations": [["ports", "insert", ["named-uuid", "lrp"]]]}),
    ]);
    held(&lab, "logical_switches", "neutron-eeeeeeee-0000-4000-8000-000000000001", 2).await;
    // It becomes the way outside: no longer.
    lab.by_hand(&[
        json!({"op": "insert", "table": "Gateway_Chassis", "uuid-name": "chassis", "row": {"name": "gc9", "chassis_name": "gw1", "priority": 1}}),
        json!({"op": "update", "table": "Logical_Router_Port", "where": [["name", "==", "lrp-other"]], "row": {"gateway_chassis": ["named-uuid", "chassis"]}}),
    ]);
    held(&lab, "logical_switches", "neutron-eeeeeeee-0000-4000-8000-000000000001", 0).await;
    lab.by_hand(&[json!({"op": "update", "table": "Logical_Router_Port", "where": [["name", "==", "lrp-other"]], "row": {"gateway_chassis": ["set", []]}})]);
    held(&lab, "logical_switches", "neutron-eeeeeeee-0000-4000-8000-000000000001", 2).await;
    lab.by_hand(&[
        json!({"op": "update", "table": "Logical_Router", "where": [["name", "==", SECOND]], "row": {"ports": ["set", []]}}),
        json!({"op": "delete", "table": "Logical_Switch", "where": [["name", "==", "neutron-eeeeeeee-0000-4000-8000-000000000001"]]}),
        json!({"op": "mutate", "table": "Logical_Switch", "where": [], "mutations": [["ports", "delete", ["set", [port(&lab, "cccccccc-0000-4000-8000-0000000000aa")]]]]}),
    ]);
    held(&lab, "logical_routers", SECOND, 0).await;
    lab.as_before(&without_ports(&lab, before)).await;
}

/// The same but for the ports that switches and routers have now.
fn without_ports(lab: &Lab, mut before: Value) -> Value {
    let now = lab.northbound.dump();
    for table in ["Logical_Switch", "Logical_Router"] {
        for (row, now) in before[table].as_array_mut().unwrap().iter_mut().zip(now[table].as_array().unwrap())
        {
            row["ports"] = now["ports"].clone();
        }
    }
    before
}

fn port(lab: &Lab, name: &str) -> Value {
    let found = lab.northbound.transact(&[
        json!({"op": "select", "table": "Logical_Switch_Port", "where": [["name", "==", name]]}),
    ]);
    found[0]["rows"][0]["_uuid"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_members_port_and_the_source_of_its_checks_come_and_go() {
    let lab = lab().await;
    let mapped = |lab: &Lab| lab.northbound.load_balancer(&id(1, 1))["ip_port_mappings"].clone();
    let first = json!({"10.10.10.10": "dddddddd-0000-4000-8000-000000000001:10.10.10.100"});
    let both = json!({"10.10.10.10": "dddddddd-0000-4000-8000-000000000001:10.10.10.100", "10.10.10.40": "ffffffff-0000-4000-8000-000000000040:10.10.10.100"});
    assert_eq!(mapped(&lab), first);
    let name = "ffffffff-0000-4000-8000-000000000040";
    lab.by_hand(&objects::switch_port(name, "10.10.10.40/24", "", "vm40"));
    eventually("the member is probed", async || (mapped(&lab) == both).then_some(())).await;
    lab.by_hand(&[json!({"op": "mutate", "table": "Logical_Switch", "where": [], "mutations": [["ports", "delete", ["set", [port(&lab, name)]]]]})]);
    eventually("no longer", async || (mapped(&lab) == first).then_some(())).await;
    let source = port(&lab, "eeeeeeee-0000-4000-8000-000000000004");
    lab.by_hand(&[json!({"op": "mutate", "table": "Logical_Switch", "where": [], "mutations": [["ports", "delete", ["set", [source]]]]})]);
    eventually("no checks", async || (mapped(&lab) == json!({})).then_some(())).await;
    lab.by_hand(&objects::source_port());
    eventually("checks again", async || (mapped(&lab) == first).then_some(())).await;
}

fn floating_ip(address: &str, to: &str, port: &str) -> Vec<Value> {
    vec![
        json!({"op": "insert", "table": "NAT", "uuid-name": "nat", "row": {"type": "dnat_and_snat", "external_ip": address,
            "logical_ip": to, "external_ids": ["map", [["neutron:fip_port_id", port]]]}}),
        json!({"op": "mutate", "table": "Logical_Router", "where": [["name", "==", "neutron-cccccccc-0000-4000-8000-000000000001"]], "mutations": [["nat", "insert", ["named-uuid", "nat"]]]}),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_floating_ip_comes_moves_and_goes() {
    let lab = lab().await;
    let before = lab.northbound.dump();
    let keys = |lab: &Lab, n: usize| {
        let vips = lab.northbound.load_balancer(&id(1, n))["vips"].clone();
        vips.as_object().unwrap().keys().cloned().collect::<Vec<_>>()
    };
    lab.by_hand(&floating_ip("172.24.4.50", "10.10.10.5", &id(6, 1)));
    eventually("on the first", async || (keys(&lab, 1) == ["10.10.10.5:80", "172.24.4.50:80"]).then_some(()))
        .await;
    assert_eq!(lab.northbound.load_balancer(&id(1, 1))["external_ids"]["neutron:vip_fip"], "172.24.4.50");
    lab.by_hand(&[
        json!({"op": "update", "table": "NAT", "where": [["external_ip", "==", "172.24.4.50"]], "row": {
        "logical_ip": "10.10.10.6", "external_ids": ["map", [["neutron:fip_port_id", id(6, 2)]]]}}),
    ]);
    eventually("on the second", async || {
        (keys(&lab, 2) == ["10.10.10.6:53", "172.24.4.50:53"]).then_some(())
    })
    .await;
    eventually("not on the first", async || (keys(&lab, 1) == ["10.10.10.5:80"]).then_some(())).await;
    lab.by_hand(&[
        json!({"op": "update", "table": "Logical_Router", "where": [], "row": {"nat": ["set", []]}}),
    ]);
    lab.as_before(&before).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happened_while_the_host_was_down_is_made_good() {
    let mut lab = lab().await;
    lab.by_hand(&[json!({"op": "insert", "table": "Logical_Router", "row": {"name": SECOND}})]);
    lab.host.kill();
    attach_interface(&lab);
    lab.by_hand(&floating_ip("172.24.4.50", "10.10.10.5", &id(6, 1)));
    lab.host.restart();
    lab.host.ready().await;
    held(&lab, "logical_routers", SECOND, 2).await;
    eventually("the floating IP", async || {
        lab.vips().as_object().unwrap().contains_key("172.24.4.50:80").then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn our_own_commits_and_what_does_not_matter_lead_to_nothing() {
    let lab = lab().await;
    let transactions = lab.metric("weir_transactions_total").await;
    for n in 0..5 {
        lab.by_hand(&[json!({"op": "mutate", "table": "Logical_Switch", "where": [], "mutations": [["external_ids", "delete", ["set", ["note"]]], ["external_ids", "insert", ["map", [["note", n.to_string()]]]]]})]);
        lab.by_hand(&objects::switch_port(&id(6, 500 + n), &format!("10.10.10.{}/24", 150 + n), "", "vm"));
    }
    eventually("all is looked at", async || {
        (lab.metric("weir_load_balancers_dirty").await == 0.0).then_some(())
    })
    .await;
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    assert_eq!(lab.metric("weir_transactions_total").await, transactions);
    assert_eq!(
        lab.metric("weir_looks_total").await,
        lab.metric("weir_looks_in_vain_total").await,
        "nothing was planned"
    );
}

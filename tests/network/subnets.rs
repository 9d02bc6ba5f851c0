//! Members in a subnet that the Northbound says nothing about (neither DHCP nor a router), and members that name no subnet.

use serde_json::{Value, json};
use weir_tests::{
    Answer, eventually,
    objects::{self, SUBNET, id},
};

use crate::lab::{Lab, listener, load_balancer, member, plain_pool};

/// A second subnet of the VIP's network: it has no row of its own in the Northbound.
const UNKNOWN: &str = "eeeeeeee-0000-4000-8000-000000000077";

fn member_at(n: usize, pool: usize, address: &str, subnet: Option<&str>) -> Value {
    let mut member = objects::member(n, pool)["member"].clone();
    member["address"] = address.into();
    member["subnet_id"] = subnet.into();
    member
}

/// Load balancer `n` of two members in the unknown subnet.
fn serving(n: usize, protocol: &str, vip: &str, members: [&str; 2]) -> Value {
    let members = (0..2).map(|m| member_at(10 * n + m, n, members[m], Some(UNKNOWN))).collect();
    let mut lb =
        load_balancer(n, vec![listener(n, n, protocol, 80, n)], vec![plain_pool(n, n, protocol, members)]);
    lb["vip_address"] = vip.into();
    lb
}

fn monitor(n: usize, kind: &str) -> Value {
    objects::monitor(n, n, kind)
}

/// A port on the switch of the VIP's network, as Neutron writes it.
fn port(name: &str, cidr: &str, kind: &str, port_name: &str, owner: &str) -> Vec<Value> {
    let mut operations = objects::switch_port(name, cidr, kind, port_name);
    let ids = operations[0]["row"]["external_ids"][1].as_array_mut().unwrap();
    ids.push(json!(["neutron:device_owner", owner]));
    operations
}

fn refused(answer: &Answer, code: &str) {
    assert_eq!(answer.status, 422, "{}", answer.body);
    assert_eq!(answer.body["error"], "UnsupportedOptionError");
    assert_eq!(answer.body["code"], code, "{}", answer.body);
}

/// How many health checks there are.
fn checks(lab: &Lab) -> usize {
    let state = lab.northbound.state();
    let rows = state["load_balancers"].as_array().unwrap();
    rows.iter().map(|row| row["health_checks"].as_array().unwrap().len()).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn monitor_over_unknown_subnet_without_neutron_is_refused_and_vip_serves() {
    let lab = Lab::start().await;
    let client = lab.client();
    let scenes = [
        (1, "TCP", "TCP", "10.10.10.5", ["10.20.0.11", "10.20.0.12"]),
        (2, "UDP", "UDP-CONNECT", "10.10.10.6", ["10.20.0.11", "10.20.0.12"]),
        (3, "TCP", "TCP", "fd00:10::7", ["fd00:20::11", "fd00:20::12"]),
    ];
    for (n, protocol, kind, vip, members) in scenes {
        lab.make(serving(n, protocol, vip, members)).await;
        let before = lab.northbound.dump();
        refused(&client.call("health_monitor_create", &monitor(n, kind)).await, "no-probe-source");
        let mut whole = serving(n + 5, protocol, &format!("{vip}9"), members);
        whole["pools"][0]["healthmonitor"] = monitor(n + 5, kind)["healthmonitor"].clone();
        refused(
            &client.call("loadbalancer_create", &json!({"loadbalancer": whole})).await,
            "no-probe-source",
        );
        assert_eq!(lab.northbound.dump(), before, "a refused call changes nothing");
    }
    // The other order: the monitor is there first.
    let mut lb = load_balancer(
        4,
        vec![listener(4, 4, "TCP", 80, 4)],
        vec![plain_pool(4, 4, "TCP", vec![member(40, 4, 10)])],
    );
    lb["pools"][0]["healthmonitor"] = monitor(4, "TCP")["healthmonitor"].clone();
    lab.make(lb).await;
    let before = lab.northbound.dump();
    let another = member_at(41, 4, "10.20.0.11", Some(UNKNOWN));
    refused(&client.call("member_create", &json!({"member": another})).await, "no-probe-source");
    let both = json!({"pool_id": id(3, 4), "members": [member(40, 4, 10), another]});
    refused(&client.call("member_batch_update", &both).await, "no-probe-source");
    assert_eq!(lab.northbound.dump(), before, "a refused call changes nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn source_port_made_by_operator_locates_its_subnet() {
    let lab = Lab::start().await;
    let client = lab.client();
    lab.make(serving(1, "TCP", "10.10.10.5", ["10.20.0.11", "10.20.0.12"])).await;
    let serves = lab.vips();
    for n in [11, 12] {
        let name = format!("ffffffff-0000-4000-8000-0000000000{n}");
        lab.by_hand(&port(&name, &format!("10.20.0.{n}/24"), "", "vm", "compute:nova"));
    }
    // A user's port with this name says nothing.
    let name = format!("ovn-lb-hm-{UNKNOWN}");
    lab.by_hand(&port("ffffffff-0000-4000-8000-000000000099", "10.20.0.99/24", "", &name, "compute:nova"));
    refused(&client.call("health_monitor_create", &monitor(1, "TCP")).await, "no-probe-source");
    lab.remove_port("ffffffff-0000-4000-8000-000000000099");
    lab.by_hand(&port(
        "ffffffff-0000-4000-8000-000000000100",
        "10.20.0.100/24",
        "localport",
        &name,
        "ovn-lb-hm:distributed",
    ));
    let answer = client.call("health_monitor_create", &monitor(1, "TCP")).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let mapped = json!({
        "10.20.0.11": "ffffffff-0000-4000-8000-000000000011:10.20.0.100",
        "10.20.0.12": "ffffffff-0000-4000-8000-000000000012:10.20.0.100",
    });
    eventually("probed", async || {
        (lab.northbound.load_balancer(&id(1, 1))["ip_port_mappings"] == mapped).then_some(())
    })
    .await;
    assert_eq!((lab.vips(), checks(&lab)), (serves.clone(), 1));
    // The port goes: the VIP is served unchecked.
    lab.remove_port("ffffffff-0000-4000-8000-000000000100");
    eventually("unchecked", async || (checks(&lab) == 0).then_some(())).await;
    assert_eq!(lab.vips(), serves);
    assert_eq!(lab.northbound.load_balancer(&id(1, 1))["ip_port_mappings"], json!({}));
}

#[tokio::test(flavor = "multi_thread")]
async fn member_without_subnet_behind_a_monitor_is_refused_in_every_order() {
    let lab = Lab::start().await;
    let client = lab.client();
    let outside = |n: usize, pool: usize| member_at(n, pool, "192.0.2.9", None);
    let pool = |n: usize, members| plain_pool(n, n, "TCP", members);
    let probed = |n: usize, members| {
        let mut pool = pool(n, members);
        pool["healthmonitor"] = monitor(n, "TCP")["healthmonitor"].clone();
        load_balancer(n, vec![listener(n, n, "TCP", 80, n)], vec![pool])
    };
    // The member first.
    lab.make(load_balancer(1, vec![listener(1, 1, "TCP", 80, 1)], vec![pool(1, vec![member(1, 1, 10)])]))
        .await;
    let answer = client.call("member_create", &json!({"member": outside(2, 1)})).await;
    assert_eq!(answer.status, 200, "without a monitor it is accepted: {}", answer.body);
    eventually("in the VIP", async || lab.vips().to_string().contains("192.0.2.9").then_some(())).await;
    // The monitor first.
    lab.make(probed(2, vec![member(20, 2, 11)])).await;
    let before = lab.northbound.dump();
    let answer = client.call("health_monitor_create", &monitor(1, "TCP")).await;
    refused(&answer, "subnet-required");
    let text = answer.body["user_fault_string"].as_str().unwrap();
    assert!(text.contains(&id(4, 2)) && text.contains("192.0.2.9") && text.contains("subnet_id"), "{text}");
    refused(&client.call("member_create", &json!({"member": outside(21, 2)})).await, "subnet-required");
    let batch = json!({"pool_id": id(3, 2), "members": [member(20, 2, 11), outside(21, 2)]});
    refused(&client.call("member_batch_update", &batch).await, "subnet-required");
    let whole = json!({"loadbalancer": probed(3, vec![outside(30, 3)])});
    refused(&client.call("loadbalancer_create", &whole).await, "subnet-required");
    assert_eq!(lab.northbound.dump(), before, "a refused call changes nothing");
    // The address is in the VIP's subnet: that is the member's.
    let inside = json!({"member": member_at(22, 2, "10.10.10.12", None)});
    assert_eq!(client.call("member_create", &inside).await.status, 200);
    let stored = lab.northbound.load_balancer(&id(1, 2)).to_string();
    assert!(stored.contains(&format!("{}_10.10.10.12:8080_{SUBNET}", id(4, 22))), "{stored}");
    // What is there may go and change.
    let change = json!({"old_member": outside(2, 1), "new_member": {"member_id": id(4, 2), "pool_id": id(3, 1), "weight": 3}});
    assert_eq!(client.call("member_update", &change).await.status, 200);
    assert_eq!(client.call("member_delete", &json!({"member": outside(2, 1)})).await.status, 200);
    assert_eq!(client.call("health_monitor_create", &monitor(1, "TCP")).await.status, 200);
}

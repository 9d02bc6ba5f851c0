//! Members' own floating IPs are central where a distributed one breaks something, and distributed again afterwards.

use serde_json::{Value, json};
use weir_tests::{
    Host, Northbound, eventually,
    objects::{self, id},
};

use crate::lab::{Lab, listener, load_balancer, member, plain_pool};

const ROUTER: &str = "neutron-cccccccc-0000-4000-8000-000000000001";
/// The port of the topology that has 10.10.10.10, and its floating IP.
const PORT: &str = "dddddddd-0000-4000-8000-000000000001";
/// The one that has 10.10.10.11.
const OTHER_PORT: &str = "dddddddd-0000-4000-8000-000000000002";
const MAC: &str = "fa:16:3e:00:01:00";

async fn lab(as_of_23_09: bool) -> Lab {
    let northbound = Northbound::start_with(|schema| Northbound::as_of_23_09(schema, as_of_23_09));
    let lab = Lab::start_on(northbound, &[]).await;
    for n in [1, 2] {
        let pool = plain_pool(n, n, "TCP", vec![member(n, n, 10)]);
        lab.make(load_balancer(n, vec![listener(n, n, "TCP", 80, n)], vec![pool])).await;
    }
    floating_ip(&lab, "172.24.4.70", "10.10.10.10", PORT, Some(MAC));
    lab
}

/// As Neutron makes one.
fn floating_ip(lab: &Lab, address: &str, to: &str, port: &str, mac: Option<&str>) {
    let mut row = json!({"type": "dnat_and_snat", "external_ip": address, "logical_ip": to, "logical_port": port,
        "external_ids": ["map", [["neutron:fip_port_id", port], ["neutron:revision_number", "1"]]]});
    if let Some(mac) = mac {
        row["external_mac"] = mac.into();
    }
    lab.by_hand(&[
        json!({"op": "insert", "table": "NAT", "uuid-name": "nat", "row": row}),
        json!({"op": "mutate", "table": "Logical_Router", "where": [["name", "==", ROUTER]],
            "mutations": [["nat", "insert", ["named-uuid", "nat"]]]}),
    ]);
}

fn no_floating_ip(lab: &Lab, address: &str) {
    let select = json!({"op": "select", "table": "NAT", "where": [["external_ip", "==", address]]});
    let nat = lab.northbound.transact(&[select])[0]["rows"][0]["_uuid"].clone();
    lab.by_hand(&[json!({"op": "mutate", "table": "Logical_Router", "where": [], "mutations": [["nat", "delete", nat]]})]);
}

fn members(lab: &Lab) -> Value {
    lab.northbound.floating_ips()["172.24.4.70"].clone()
}

fn distributed(mac: &str) -> Value {
    json!({"external_mac": mac, "logical_port": PORT, "keys": {}})
}

fn is_central(floating: &Value) -> bool {
    floating["external_mac"].is_null() && floating["logical_port"].is_null()
}

async fn for_load_balancers(lab: &Lab, list: &[usize]) {
    let list: Vec<_> = list.iter().map(|n| id(1, *n)).collect();
    let list = list.join(" ");
    eventually(&format!("central for {list}"), async || {
        let now = members(lab);
        (is_central(&now) && now["keys"]["weir:centralised_for"] == *list).then_some(())
    })
    .await;
}

async fn becomes(lab: &Lab, wanted: Value) {
    eventually("the member's floating IP", async || (members(lab) == wanted).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_central_for_as_long_as_somebody_needs_it() {
    let mut lab = lab(false).await;
    let client = lab.client();
    floating_ip(&lab, "172.24.4.50", "10.10.10.5", &id(6, 1), None);
    for_load_balancers(&lab, &[1]).await;
    floating_ip(&lab, "172.24.4.51", "10.10.10.6", &id(6, 2), None);
    for_load_balancers(&lab, &[1, 2]).await;
    no_floating_ip(&lab, "172.24.4.50");
    for_load_balancers(&lab, &[2]).await;
    no_floating_ip(&lab, "172.24.4.51");
    becomes(&lab, distributed(MAC)).await;

    // A member that comes, and goes.
    floating_ip(&lab, "172.24.4.50", "10.10.10.5", &id(6, 1), None);
    for_load_balancers(&lab, &[1]).await;
    client.call("member_delete", &json!({"member": member(1, 1, 10)})).await.committed();
    assert_eq!(members(&lab), distributed(MAC), "with the member, in one transaction");
    client.call("member_create", &json!({"member": member(1, 1, 10)})).await.committed();
    assert!(is_central(&members(&lab)));

    // Neutron writes it anew: cleared again, and that is all.
    let anew = json!({"external_mac": "fa:16:3e:ff:ff:ff", "logical_port": PORT});
    lab.by_hand(&[
        json!({"op": "update", "table": "NAT", "where": [["external_ip", "==", "172.24.4.70"]], "row": anew}),
    ]);
    eventually("cleared again", async || is_central(&members(&lab)).then_some(())).await;
    eventually("all is looked at", async || {
        (lab.metric("weir_load_balancers_dirty").await == 0.0).then_some(())
    })
    .await;
    let transactions = lab.metric("weir_transactions_total").await;
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    assert_eq!(lab.metric("weir_transactions_total").await, transactions);

    // What happens while nobody looks.
    lab.host.kill();
    no_floating_ip(&lab, "172.24.4.50");
    lab.host.restart();
    lab.host.ready().await;
    becomes(&lab, distributed("fa:16:3e:ff:ff:ff")).await;

    floating_ip(&lab, "172.24.4.51", "10.10.10.6", &id(6, 2), None);
    for_load_balancers(&lab, &[2]).await;
    let mut delete = objects::loadbalancer(2);
    delete["cascade"] = true.into();
    lab.client().call("loadbalancer_delete", &delete).await.committed();
    assert_eq!(members(&lab), distributed("fa:16:3e:ff:ff:ff"), "with the load balancer");
}

#[tokio::test(flavor = "multi_thread")]
async fn later_ovn_needs_it_as_long_as_it_is_a_member() {
    let lab = lab(true).await;
    let client = lab.client();
    // Without a floating IP of the load balancers.
    for_load_balancers(&lab, &[1, 2]).await;
    // One that comes and goes changes nothing.
    floating_ip(&lab, "172.24.4.50", "10.10.10.5", &id(6, 1), None);
    let served = || lab.northbound.load_balancer(&id(1, 1))["vips"].clone();
    eventually("the floating IP", async || {
        served().as_object().unwrap().contains_key("172.24.4.50:80").then_some(())
    })
    .await;
    for_load_balancers(&lab, &[1, 2]).await;
    // Without share of the connections it is a member all the same.
    let old = member(1, 1, 10);
    let mut draining = old.clone();
    draining["weight"] = 0.into();
    let update = json!({"old_member": old, "new_member": draining});
    client.call("member_update", &update).await.committed();
    for_load_balancers(&lab, &[1, 2]).await;

    client.call("member_delete", &json!({"member": member(1, 1, 10)})).await.committed();
    for_load_balancers(&lab, &[2]).await;
    let mut delete = objects::loadbalancer(2);
    delete["cascade"] = true.into();
    client.call("loadbalancer_delete", &delete).await.committed();
    assert_eq!(members(&lab), distributed(MAC), "with the load balancer, in one transaction");
    client.call("member_create", &json!({"member": member(1, 1, 10)})).await.committed();
    assert!(is_central(&members(&lab)));
}

#[tokio::test(flavor = "multi_thread")]
async fn disabled_members_floating_ip_is_given_back() {
    let lab = lab(true).await;
    let client = lab.client();
    for_load_balancers(&lab, &[1, 2]).await;
    let graph = |n: usize, member: &Value| {
        let pool = plain_pool(n, n, "TCP", vec![member.clone()]);
        load_balancer(n, vec![listener(n, n, "TCP", 80, n)], vec![pool])
    };
    let enabled = member(1, 1, 10);
    let mut disabled = enabled.clone();
    disabled["admin_state_up"] = false.into();
    lab.agent.know(graph(1, &disabled));
    let update = json!({"old_member": enabled, "new_member": disabled});
    client.call("member_update", &update).await.committed();
    for_load_balancers(&lab, &[2]).await;
    let mut down = graph(2, &member(2, 2, 10));
    down["admin_state_up"] = false.into();
    lab.agent.know(down);
    let old = json!({"loadbalancer_id": id(1, 2)});
    let mut new = old.clone();
    new["admin_state_up"] = false.into();
    let update = json!({"old_loadbalancer": old, "new_loadbalancer": new});
    client.call("loadbalancer_update", &update).await.committed();
    assert_eq!(members(&lab), distributed(MAC), "in one transaction");
    lab.agent.know(graph(1, &enabled));
    let update = json!({"old_member": disabled, "new_member": enabled});
    client.call("member_update", &update).await.committed();
    for_load_balancers(&lab, &[1]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn member_that_names_no_subnet_has_a_central_floating_ip() {
    let lab = lab(true).await;
    let client = lab.client();
    // In another subnet behind the router.
    let make = || floating_ip(&lab, "172.24.4.72", "10.20.0.9", OTHER_PORT, Some(MAC));
    let now = || lab.northbound.floating_ips()["172.24.4.72"].clone();
    make();
    let mut member = member(9, 1, 11);
    member["address"] = "10.20.0.9".into();
    member["subnet_id"] = Value::Null;
    client.call("member_create", &json!({"member": member})).await.committed();
    assert!(is_central(&now()), "{}", now());
    no_floating_ip(&lab, "172.24.4.72");
    make();
    eventually("central", async || is_central(&now()).then_some(())).await;
    client.call("member_delete", &json!({"member": member})).await.committed();
    assert_eq!(now(), json!({"external_mac": MAC, "logical_port": OTHER_PORT, "keys": {}}));
}

/// The same host with another word for members' floating IPs, on the same state.
async fn restart_with(lab: &mut Lab, word: &str) {
    lab.host.kill();
    let southbound = lab.southbound.remote();
    let env = [("WEIR_OVN_SB_CONNECTION", southbound.as_str()), ("WEIR_MEMBER_FLOATING_IPS", word)];
    lab.host = Host::spawn(lab.northbound.folder(), &lab.northbound.remote(), &env);
    lab.host.ready().await;
    all_is_looked_at(lab).await;
}

async fn all_is_looked_at(lab: &Lab) {
    eventually("all is looked at", async || {
        (lab.metric("weir_load_balancers_dirty").await == 0.0).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn load_balancer_that_is_there_begins_with_its_first_change() {
    let northbound = Northbound::start_with(|schema| Northbound::as_of_23_09(schema, true));
    let mut lab = Lab::start_on(northbound, &[("WEIR_MEMBER_FLOATING_IPS", "distributed")]).await;
    for n in [1, 2] {
        let pool = plain_pool(n, n, "TCP", vec![member(n, n, 10)]);
        lab.make(load_balancer(n, vec![listener(n, n, "TCP", 80, n)], vec![pool])).await;
    }
    floating_ip(&lab, "172.24.4.70", "10.10.10.10", PORT, Some(MAC));
    let keys = |lab: &Lab, n: usize| lab.northbound.load_balancer(&id(1, n))["external_ids"].to_string();
    all_is_looked_at(&lab).await;
    assert!(!keys(&lab, 1).contains("central-members"), "{}", keys(&lab, 1));

    // As rows are that an older host has left.
    restart_with(&mut lab, "central").await;
    assert_eq!(members(&lab), distributed(MAC));
    let before = lab.northbound.dump();
    let seen = lab.client().get(&format!("/v1/loadbalancers/{}", id(1, 1))).await.body;
    assert_eq!(seen["drift"], json!([]));
    lab.client().post(&format!("/v1/loadbalancers/{}/reconcile", id(1, 1))).await;
    assert_eq!(lab.northbound.dump(), before);

    let rename = json!({"old_pool": {"pool_id": id(3, 1), "loadbalancer_id": id(1, 1)}, "new_pool": {"pool_id": id(3, 1), "loadbalancer_id": id(1, 1), "name": "new"}});
    lab.client().call("pool_update", &rename).await.committed();
    for_load_balancers(&lab, &[1]).await;
    // What comes to it later needs no further change.
    floating_ip(&lab, "172.24.4.71", "10.10.10.11", OTHER_PORT, Some(MAC));
    lab.client().call("member_create", &json!({"member": member(3, 1, 11)})).await.committed();
    assert!(is_central(&lab.northbound.floating_ips()["172.24.4.71"]));
    no_floating_ip(&lab, "172.24.4.71");
    floating_ip(&lab, "172.24.4.71", "10.10.10.11", OTHER_PORT, Some(MAC));
    eventually("central", async || is_central(&lab.northbound.floating_ips()["172.24.4.71"]).then_some(()))
        .await;

    restart_with(&mut lab, "distributed").await;
    becomes(&lab, distributed(MAC)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn release_gives_back_what_the_reference_would_not_have_made_central() {
    let mut lab = lab(true).await;
    for_load_balancers(&lab, &[1, 2]).await;
    lab.host.kill();
    let output = lab.release("nobody.sock").await;
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(members(&lab), distributed(MAC));
}

#[tokio::test(flavor = "multi_thread")]
async fn release_leaves_central_what_the_reference_has_central() {
    let mut lab = lab(true).await;
    floating_ip(&lab, "172.24.4.50", "10.10.10.5", &id(6, 1), None);
    let served = || lab.northbound.load_balancer(&id(1, 1))["vips"].clone();
    eventually("the floating IP", async || {
        served().as_object().unwrap().contains_key("172.24.4.50:80").then_some(())
    })
    .await;
    for_load_balancers(&lab, &[1, 2]).await;
    lab.host.kill();
    let output = lab.release("nobody.sock").await;
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(is_central(&members(&lab)), "{}", members(&lab));
    assert_eq!(members(&lab)["keys"], json!({}));
}

//! VIPs that no router answers for by default: in another subnet of the external network than the gateway's, and on networks
//! without a router.

use serde_json::{Value, json};
use weir_tests::{
    Northbound, eventually,
    objects::{self, id},
};

use crate::lab::{Lab, listener, load_balancer, member, plain_pool};

const PUBLIC: &str = "aaaaaaaa-0000-4000-8000-000000000001";
const GATEWAY: &str = "lrp-cccccccc-0000-4000-8000-00000000000c";
/// A second subnet of the external network.
const SECOND: &str = "aaaaaaaa-0000-4000-8000-000000000077";

/// Load balancer `n` with a VIP on the external network and one member.
fn public(n: usize, protocol: &str, vip: &str, member: Value) -> Value {
    let mut lb = load_balancer(
        n,
        vec![listener(n, n, protocol, 80, n)],
        vec![plain_pool(n, n, protocol, vec![member])],
    );
    lb["vip_address"] = vip.into();
    lb["vip_network_id"] = PUBLIC.into();
    lb["vip_subnet_id"] = SECOND.into();
    lb
}

fn ipv6_member(n: usize) -> Value {
    let mut member = member(n, n, 10);
    member["address"] = "fd00:10::10".into();
    member["subnet_id"] = "bbbbbbbb-0000-4000-8000-000000000003".into();
    member
}

fn option(lab: &Lab, n: usize) -> Value {
    lab.northbound.load_balancer(&id(1, n))["options"]["neighbor_responder"].clone()
}

async fn becomes(lab: &Lab, n: usize, value: Value) {
    eventually(&format!("neighbor_responder of {n} is {value}"), async || {
        (option(lab, n) == value).then_some(())
    })
    .await;
}

fn gateway_networks(lab: &Lab, networks: Value) {
    lab.by_hand(&[
        json!({"op": "update", "table": "Logical_Router_Port", "where": [["name", "==", GATEWAY]],
        "row": {"networks": ["set", networks]}}),
    ]);
}

#[tokio::test(flavor = "multi_thread")]
async fn vip_outside_the_gateways_subnets_has_routers_answer_for_it() {
    let lab = Lab::start().await;
    lab.make(public(1, "TCP", "172.24.4.9", member(1, 1, 10))).await;
    lab.make(public(2, "TCP", "172.25.0.9", member(2, 2, 10))).await;
    lab.make(public(3, "UDP", "172.25.0.10", member(3, 3, 10))).await;
    lab.make(public(4, "TCP", "fd25::9", ipv6_member(4))).await;
    lab.make(load_balancer(
        5,
        vec![listener(5, 5, "TCP", 80, 5)],
        vec![plain_pool(5, 5, "TCP", vec![member(5, 5, 10)])],
    ))
    .await;
    let options: Vec<_> = (1..=5).map(|n| option(&lab, n)).collect();
    assert_eq!(options, [Value::Null, json!("all"), json!("all"), json!("all"), Value::Null]);
    // It goes when the gateway comes into the subnet, and comes back with the need.
    gateway_networks(&lab, json!(["172.24.4.2/24", "172.25.0.2/24"]));
    for (n, wanted) in [(2, Value::Null), (3, Value::Null), (4, json!("all"))] {
        becomes(&lab, n, wanted).await;
    }
    gateway_networks(&lab, json!(["172.24.4.2/24"]));
    becomes(&lab, 2, json!("all")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn neighbor_responder_of_a_flavor_or_an_operator_stays() {
    let lab = Lab::start().await;
    let mut lb = public(1, "TCP", "172.25.0.9", member(1, 1, 10));
    lb["flavor"] = json!({"neighbor_responder": "none", "add_route": true});
    lab.make(lb).await;
    let options = lab.northbound.load_balancer(&id(1, 1))["options"].clone();
    assert_eq!(options, json!({"neighbor_responder": "none", "add_route": "true"}));
    // Somebody has healed it by hand, before this version did.
    let client = lab.client();
    lab.make(public(2, "TCP", "172.24.4.9", member(2, 2, 10))).await;
    lab.by_hand(&[json!({"op": "update", "table": "Load_Balancer", "where": [["name", "==", id(1, 2)]],
        "row": {"options": ["map", [["neighbor_responder", "reachable"]]]}})]);
    gateway_networks(&lab, json!(["172.26.0.2/24"]));
    let another = json!({"member": member(20, 2, 11)});
    assert_eq!(client.call("member_create", &another).await.status, 200);
    eventually("two members", async || {
        let vips = lab.northbound.load_balancer(&id(1, 2))["vips"].to_string();
        vips.contains("10.10.10.11").then_some(())
    })
    .await;
    assert_eq!(option(&lab, 2), "reachable");
}

/// OVN before 22.06 has no such option.
fn before_22_06(schema: &mut Value) {
    schema["tables"]["NAT"]["columns"].as_object_mut().unwrap().remove("gateway_port");
}

#[tokio::test(flavor = "multi_thread")]
async fn flavor_keys_of_a_newer_ovn_are_refused_with_its_release() {
    let lab = Lab::start_on(Northbound::start_with(before_22_06), &[]).await;
    let client = lab.client();
    let before = lab.northbound.dump();
    for (key, value, release) in
        [("neighbor_responder", json!("all"), "22.06"), ("use_stateless_nat", json!(true), "25.03")]
    {
        let metadata = json!({ key: value });
        let mut lb = objects::loadbalancer(1);
        lb["loadbalancer"]["flavor"] = metadata.clone();
        let profile = client.call("validate_flavor", &json!({"flavor_metadata": metadata})).await;
        for answer in [profile, client.call("loadbalancer_create", &lb).await] {
            assert_eq!(
                (answer.status, &answer.body["code"]),
                (422, &json!("flavor-needs-newer-ovn")),
                "{}",
                answer.body
            );
            let text = answer.body["user_fault_string"].as_str().unwrap();
            assert!(text.contains(key) && text.contains(release), "{text}");
        }
    }
    assert_eq!(lab.northbound.dump(), before, "a refused call changes nothing");
    let add_route = json!({"flavor_metadata": {"add_route": true}});
    assert_eq!(client.call("validate_flavor", &add_route).await.status, 200);
    // Where the option is missing it is not set either.
    lab.make(public(2, "TCP", "172.25.0.9", member(2, 2, 10))).await;
    assert_eq!(lab.northbound.load_balancer(&id(1, 2))["options"], json!({}));
}

/// What the load balancer's view has of findings with this code.
async fn finding(lab: &Lab, n: usize, code: &str) -> Vec<Value> {
    let view = lab.client().get(&format!("/v1/loadbalancers/{}", id(1, n))).await.body;
    let mut findings = view["findings"].as_array().unwrap().clone();
    findings.retain(|finding| finding["code"] == code);
    findings
}

async fn counted(lab: &Lab, code: &str) -> Option<()> {
    let metrics = lab.client().get("/metrics").await.body;
    let line = format!("weir_findings{{code=\"{code}\"}} 1");
    metrics.as_str().unwrap().lines().any(|found| found == line).then_some(())
}

#[tokio::test(flavor = "multi_thread")]
async fn vip_on_a_network_without_router_is_a_finding_and_stays_online() {
    let lab = Lab::start().await;
    let network = "eeeeeeee-0000-4000-8000-000000000001";
    lab.by_hand(&[
        json!({"op": "insert", "table": "Logical_Switch", "row": {"name": format!("neutron-{network}")}}),
    ]);
    let mut lb = public(1, "TCP", "10.60.0.5", member(1, 1, 10));
    lb["vip_network_id"] = network.into();
    lb["pools"][0]["members"] = json!([]);
    lab.make(lb).await;
    assert!(finding(&lab, 1, "no-router").await.is_empty(), "it serves nobody yet");
    let client = lab.client();
    // Its member is on a network of a router, which does not know the VIP's network.
    assert_eq!(client.call("member_create", &json!({"member": member(1, 1, 10)})).await.status, 200);
    eventually("a finding", async || counted(&lab, "no-router").await).await;
    let found = finding(&lab, 1, "no-router").await;
    let [found] = &found[..] else { panic!("{found:?}") };
    assert!(found["detail"].as_str().unwrap().contains("10.60.0.5"), "{found}");
    lab.told(&id(1, 1), "ONLINE").await;
    eventually("a warning", async || lab.host.log().contains("load balancer has a finding").then_some(()))
        .await;
    assert_eq!(client.call("member_delete", &json!({"member": member(1, 1, 10)})).await.status, 200);
    eventually("resolved", async || lab.host.log().contains("finding is resolved").then_some(())).await;
    assert!(finding(&lab, 1, "no-router").await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn vip_that_routers_are_told_not_to_answer_for_is_a_finding() {
    let lab = Lab::start().await;
    let mut lb = public(1, "TCP", "172.25.0.9", member(1, 1, 10));
    lb["flavor"] = json!({"neighbor_responder": "reachable"});
    lab.make(lb).await;
    lab.make(public(2, "TCP", "172.25.0.10", member(2, 2, 10))).await;
    eventually("a finding", async || counted(&lab, "vip-outside-router-subnets").await).await;
    assert_eq!(finding(&lab, 1, "vip-outside-router-subnets").await.len(), 1);
    assert!(finding(&lab, 2, "vip-outside-router-subnets").await.is_empty());
}

//! Overlaps: only a call that brings one about is refused, and only where Octavia knows the other side; what exists already is
//! a finding. IPv4 and IPv6; single calls, batches and whole graphs.

use serde_json::{Value, json};
use weir_tests::{
    eventually,
    objects::{self, NETWORK, SUBNET, id},
};

use crate::lab::{Lab, listener, load_balancer, member, plain_pool};

/// The IPv6 subnet of [`NETWORK`], fd00:10::/64.
pub const SUBNET6: &str = "bbbbbbbb-0000-4000-8000-000000000003";

/// An address of the private network by its number, and its subnet.
pub fn address(v6: bool, host: usize) -> (String, &'static str) {
    if v6 { (format!("fd00:10::{host}"), SUBNET6) } else { (format!("10.10.10.{host}"), SUBNET) }
}

/// Load balancer `n` with a VIP of the private network.
pub fn at(v6: bool, n: usize, host: usize, listeners: Vec<Value>, pools: Vec<Value>) -> Value {
    let mut lb = load_balancer(n, listeners, pools);
    let (address, subnet) = address(v6, host);
    lb["vip_address"] = address.into();
    lb["vip_subnet_id"] = subnet.into();
    lb
}

/// Member `n` at an address as it is spelled.
pub fn spelled(v6: bool, n: usize, pool: usize, address: &str) -> Value {
    let mut member = member(n, pool, 1);
    member["address"] = address.into();
    member["subnet_id"] = if v6 { SUBNET6 } else { SUBNET }.into();
    member
}

pub fn single(member: &Value) -> Value {
    json!({"member": member})
}

fn batch(pool: usize, members: &[&Value]) -> Value {
    let mut members: Vec<Value> = members.iter().map(|member| (*member).clone()).collect();
    members.iter_mut().for_each(|member| drop(member.as_object_mut().unwrap().remove("pool_id")));
    json!({"pool_id": id(3, pool), "members": members})
}

/// Codes and objects of the findings of a load balancer.
pub async fn findings(lab: &Lab, lb: usize) -> Vec<(String, String)> {
    let view = lab.client().get(&format!("/v1/loadbalancers/{}", id(1, lb))).await.body;
    let found = view["findings"].as_array().unwrap_or_else(|| panic!("{view}")).clone();
    let text = |value: &Value| match value {
        Value::Object(object) => object.values().next().unwrap().as_str().unwrap().to_owned(),
        other => other.as_str().unwrap_or_default().to_owned(),
    };
    found.iter().map(|finding| (text(&finding["code"]), text(&finding["object"]))).collect()
}

/// A failover, carried out.
async fn failed_over(lab: &Lab, lb: usize) {
    let answer = lab.client().call("loadbalancer_failover", &json!({"loadbalancer_id": id(1, lb)})).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let change = format!("/v1/changes/{}", answer.body["change"].as_str().unwrap());
    eventually("the failover is done", async || {
        (lab.client().get(&change).await.body["state"] == "committed").then_some(())
    })
    .await;
}

/// A call that is refused with a code, naming something, and writes nothing.
async fn refused(lab: &Lab, method: &str, body: &Value, code: &str, named: &str) {
    let before = lab.northbound.dump();
    let text = lab.client().call(method, body).await.refused(422, code);
    assert!(text.contains(named), "{method}: {text:?} does not name {named:?}");
    assert_eq!(lab.northbound.dump(), before, "{method} has written");
}

/// A single member, a batch and a graph with a bad member are refused, each naming it.
async fn refused_in_every_way(lab: &Lab, v6: bool, address: &str, code: &str, named: &str) {
    let bad = spelled(v6, 90, 1, address);
    let good = spelled(v6, 91, 1, &self::address(v6, 77).0);
    refused(lab, "member_create", &single(&bad), code, named).await;
    refused(lab, "member_batch_update", &batch(1, &[&good, &bad]), code, named).await;
    let (mut bad, mut good) = (bad, good);
    bad["pool_id"] = id(3, 9).into();
    good["pool_id"] = id(3, 9).into();
    let pool = plain_pool(9, 9, "TCP", vec![good, bad]);
    let graph = at(v6, 9, 99, vec![listener(9, 9, "TCP", 80, 9)], vec![pool]);
    refused(lab, "loadbalancer_create", &json!({"loadbalancer": graph}), code, named).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn second_listener_on_a_vip_is_refused_only_where_octavia_knows_the_other() {
    for v6 in [false, true] {
        let lab = Lab::start().await;
        let pool =
            |n: usize, lb: usize| plain_pool(n, lb, "TCP", vec![spelled(v6, n, n, &address(v6, 30 + n).0)]);
        lab.make(at(v6, 1, 20, vec![listener(1, 1, "TCP", 80, 1)], vec![pool(1, 1)])).await;
        // The same network and address, another port in Neutron.
        lab.make(at(v6, 2, 20, vec![], vec![])).await;
        let create = |n: usize, protocol: &str, port: u16| objects::listener(n, 2, protocol, port);
        refused(&lab, "listener_create", &create(5, "TCP", 80), "vip-in-use", &id(1, 1)).await;
        // What OVN carries over the same transport.
        refused(&lab, "listener_create", &create(5, "HTTPS", 80), "vip-in-use", &id(1, 1)).await;
        let graph = at(v6, 3, 20, vec![listener(6, 3, "TCP", 80, 6)], vec![pool(6, 3)]);
        refused(&lab, "loadbalancer_create", &json!({"loadbalancer": graph}), "vip-in-use", &id(2, 1)).await;
        // Another transport, another number, another network.
        lab.client().call("listener_create", &create(7, "UDP", 80)).await.committed();
        lab.client().call("listener_create", &create(8, "TCP", 81)).await.committed();
        let mut elsewhere = at(v6, 4, 20, vec![listener(9, 4, "TCP", 80, 9)], vec![pool(9, 4)]);
        elsewhere["vip_network_id"] = "aaaaaaaa-0000-4000-8000-000000000001".into();
        elsewhere["vip_subnet_id"] = "aaaaaaaa-0000-4000-8000-000000000002".into();
        lab.client().call("loadbalancer_create", &json!({"loadbalancer": elsewhere})).await.committed();
        assert_eq!(findings(&lab, 4).await, []);
        // Octavia has rolled the first load balancer back: its rows are still there, and do not matter.
        lab.agent.forget(&id(1, 1));
        lab.client().call("loadbalancer_create", &json!({"loadbalancer": graph})).await.committed();
        let found = ("vip-in-use".to_owned(), id(2, 6));
        assert_eq!(findings(&lab, 3).await, std::slice::from_ref(&found));
        eventually("a WARN", async || lab.host.log().contains("load balancer has a finding").then_some(()))
            .await;
        // What exists goes on: updates, failover, sync.
        lab.agent.know(at(v6, 1, 20, vec![listener(1, 1, "TCP", 80, 1)], vec![pool(1, 1)]));
        lab.agent.know(graph.clone());
        let weight = json!({"old_member": {"member_id": id(4, 6), "pool_id": id(3, 6)},
            "new_member": {"member_id": id(4, 6), "weight": 7}});
        lab.client().call("member_update", &weight).await.committed();
        failed_over(&lab, 3).await;
        for path in [format!("/v1/loadbalancers/{}/reconcile", id(1, 3)), format!("/v1/sync?lb={}", id(1, 3))]
        {
            let answer = lab.client().post(&path).await;
            assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        }
        assert_eq!(findings(&lab, 3).await, [found]);
        // The other one goes: so does the finding.
        let first = json!({"loadbalancer": {"loadbalancer_id": id(1, 1)}, "cascade": true});
        lab.client().call("loadbalancer_delete", &first).await.committed();
        eventually("no finding", async || findings(&lab, 3).await.is_empty().then_some(())).await;
        eventually("an INFO", async || lab.host.log().contains("finding is resolved").then_some(())).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_vip_port_of_two_load_balancers_is_one_vip_also_as_an_additional_one() {
    let lab = Lab::start().await;
    let mut first =
        at(false, 1, 20, vec![listener(1, 1, "TCP", 80, 1)], vec![plain_pool(1, 1, "TCP", vec![])]);
    let (six, subnet) = address(true, 20);
    first["additional_vips"] =
        json!([{"ip_address": six, "port_id": id(6, 50), "subnet_id": subnet, "network_id": NETWORK}]);
    lab.make(first).await;
    // No network is told: the port says that it is the same VIP.
    let mut second = at(true, 2, 20, vec![], vec![]);
    second["vip_port_id"] = id(6, 50).into();
    second["vip_network_id"] = Value::Null;
    second["vip_subnet_id"] = Value::Null;
    lab.make(second).await;
    refused(&lab, "listener_create", &objects::listener(5, 2, "TCP", 80), "vip-in-use", &id(1, 1)).await;
    lab.client().call("listener_create", &objects::listener(5, 2, "TCP", 81)).await.committed();
    // Of another port nothing says that it is on the same network.
    let mut third = at(true, 3, 20, vec![], vec![]);
    third["vip_network_id"] = Value::Null;
    third["vip_subnet_id"] = Value::Null;
    lab.make(third).await;
    lab.client().call("listener_create", &objects::listener(6, 3, "TCP", 80)).await.committed();
}

#[tokio::test(flavor = "multi_thread")]
async fn without_octavias_answer_an_overlap_with_another_load_balancer_is_a_finding() {
    let lab = Lab::start().await;
    lab.make(at(false, 1, 20, vec![listener(1, 1, "TCP", 80, 1)], vec![plain_pool(1, 1, "TCP", vec![])]))
        .await;
    lab.make(at(false, 2, 20, vec![], vec![])).await;
    std::fs::remove_file(lab.northbound.folder().join("get.sock")).unwrap();
    lab.client().call("listener_create", &objects::listener(5, 2, "TCP", 80)).await.committed();
    assert_eq!(findings(&lab, 2).await, [("vip-in-use".to_owned(), id(2, 5))]);
}

#[tokio::test(flavor = "multi_thread")]
async fn member_that_is_a_vip_is_refused() {
    for v6 in [false, true] {
        let lab = Lab::start().await;
        let pool = plain_pool(1, 1, "TCP", vec![spelled(v6, 1, 1, &address(v6, 31).0)]);
        let first = at(v6, 1, 20, vec![listener(1, 1, "TCP", 80, 1)], vec![pool]);
        lab.make(first).await;
        lab.make(at(v6, 2, 21, vec![], vec![])).await;
        refused_in_every_way(&lab, v6, &address(v6, 21).0, "member-is-vip", &id(1, 2)).await;
        // Its own VIP, which needs nobody's word.
        let own = spelled(v6, 90, 1, &address(v6, 20).0);
        refused(&lab, "member_create", &single(&own), "member-is-vip", &id(1, 1)).await;
        let mut own = spelled(v6, 90, 9, &address(v6, 99).0);
        own["subnet_id"] = Value::Null;
        let graph = at(v6, 9, 99, vec![], vec![plain_pool(9, 9, "TCP", vec![own])]);
        refused(&lab, "loadbalancer_create", &json!({"loadbalancer": graph}), "member-is-vip", &id(1, 9))
            .await;
        // Rows of a load balancer that Octavia has rolled back.
        lab.agent.forget(&id(1, 2));
        let member = spelled(v6, 90, 1, &address(v6, 21).0);
        lab.client().call("member_create", &single(&member)).await.committed();
        assert_eq!(findings(&lab, 1).await, [("member-is-vip".to_owned(), id(4, 90))]);
        // What is there goes on, and may go.
        let weight = json!({"old_member": {"member_id": id(4, 90), "pool_id": id(3, 1)},
            "new_member": {"member_id": id(4, 90), "weight": 7}});
        lab.client().call("member_update", &weight).await.committed();
        lab.client().call("member_batch_update", &batch(1, &[&member])).await.committed();
        lab.client().call("member_delete", &single(&member)).await.committed();
        assert_eq!(findings(&lab, 1).await, []);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_member_in_two_spellings_is_refused() {
    let lab = Lab::start().await;
    let pool = plain_pool(1, 1, "TCP", vec![spelled(true, 1, 1, "fd00:10::31")]);
    let lb = at(true, 1, 20, vec![listener(1, 1, "TCP", 80, 1)], vec![pool]);
    lab.make(lb.clone()).await;
    for spelling in ["FD00:10::31", "fd00:0010:0:0:0:0:0:31", "fd00:10:0::0031"] {
        let again = spelled(true, 90, 1, spelling);
        refused(&lab, "member_create", &single(&again), "duplicate-member", &id(4, 1)).await;
        let first = spelled(true, 1, 1, "fd00:10::31");
        refused(&lab, "member_batch_update", &batch(1, &[&first, &again]), "duplicate-member", &id(4, 1))
            .await;
        let (mut one, mut two) = (first, again);
        one["pool_id"] = id(3, 9).into();
        two["pool_id"] = id(3, 9).into();
        let graph = at(true, 9, 99, vec![], vec![plain_pool(9, 9, "TCP", vec![one, two])]);
        refused(&lab, "loadbalancer_create", &json!({"loadbalancer": graph}), "duplicate-member", &id(4, 1))
            .await;
    }
    // Another port number, another pool.
    let mut other = spelled(true, 91, 1, "fd00:10::31");
    other["protocol_port"] = 9090.into();
    lab.client().call("member_create", &single(&other)).await.committed();
    // In place of the first one.
    let instead = spelled(true, 92, 1, "FD00:10::31");
    lab.client().call("member_batch_update", &batch(1, &[&instead])).await.committed();
    // One whose create Octavia has rolled back does not keep the user from a second try.
    let second = spelled(true, 93, 1, "fd00:10::31");
    lab.client().call("member_create", &single(&second)).await.committed();
    assert_eq!(findings(&lab, 1).await, [("duplicate-member".to_owned(), id(4, 93))]);
    failed_over(&lab, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_member_twice_is_refused_without_octavias_answer_too() {
    let lab = Lab::start().await;
    lab.make(at(false, 1, 20, vec![], vec![plain_pool(1, 1, "TCP", vec![member(1, 1, 31)])])).await;
    std::fs::remove_file(lab.northbound.folder().join("get.sock")).unwrap();
    refused(&lab, "member_create", &single(&member(90, 1, 31)), "duplicate-member", &id(4, 1)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn address_that_no_member_can_have_is_refused() {
    for (v6, addresses) in [
        (
            false,
            vec![
                "0.0.0.0",
                "127.0.0.1",
                "169.254.169.254",
                "224.0.0.1",
                "255.255.255.255",
                "10.10.10.255",
                "10.10.10.0",
            ],
        ),
        (true, vec!["::", "::1", "fe80::1", "ff02::1", "::ffff:10.10.10.31"]),
    ] {
        let lab = Lab::start().await;
        lab.make(at(v6, 1, 20, vec![], vec![plain_pool(1, 1, "TCP", vec![])])).await;
        for address in addresses {
            refused_in_every_way(&lab, v6, address, "impossible-member-address", &id(4, 90)).await;
        }
    }
    let lab = Lab::start().await;
    lab.make(at(true, 1, 20, vec![], vec![plain_pool(1, 1, "TCP", vec![])])).await;
    refused_in_every_way(&lab, true, "fe80::1%eth0", "scoped-address", "address").await;
    refused_in_every_way(&lab, true, "fd00:10::31%1", "scoped-address", "address").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn impossible_members_that_exist_are_findings_and_hinder_nothing() {
    let lab = Lab::start().await;
    let lb = at(
        false,
        1,
        20,
        vec![listener(1, 1, "TCP", 80, 1)],
        vec![plain_pool(1, 1, "TCP", vec![member(1, 1, 31)])],
    );
    lab.make(lb.clone()).await;
    // An earlier version has accepted them, and Octavia has them.
    let mut with_bad = lb;
    let bad = [
        spelled(false, 2, 1, "0.0.0.0"),
        spelled(false, 3, 1, "10.10.10.31"),
        spelled(false, 4, 1, "10.10.10.20"),
    ];
    with_bad["pools"][0]["members"].as_array_mut().unwrap().extend(bad.clone());
    lab.agent.know(with_bad);
    failed_over(&lab, 1).await;
    let expected = [("duplicate-member", 3), ("impossible-member-address", 2), ("member-is-vip", 4)];
    assert_eq!(findings(&lab, 1).await, expected.map(|(code, n)| (code.to_owned(), id(4, n))));
    assert_eq!(lab.metric("weir_findings{code=\"impossible-member-address\"}").await, 1.0);
    lab.client().call("member_create", &single(&member(5, 1, 33))).await.committed();
    let all = [&member(1, 1, 31), &bad[0], &bad[1], &bad[2], &member(6, 1, 34)];
    lab.client().call("member_batch_update", &batch(1, &all)).await.committed();
    lab.client()
        .call(
            "pool_update",
            &json!({"old_pool": {"pool_id": id(3, 1), "loadbalancer_id": id(1, 1)},
        "new_pool": {"pool_id": id(3, 1), "admin_state_up": false}}),
        )
        .await
        .committed();
    lab.client().call("member_delete", &single(&bad[0])).await.committed();
    assert_eq!(findings(&lab, 1).await.len(), 2);
}

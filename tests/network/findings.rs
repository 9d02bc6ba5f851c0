//! Findings where two hosts serve calls: the host with the lock watches, so it shows them and sees when they are resolved.

use serde_json::{Value, json};
use weir_tests::{Client, Northbound, eventually, objects::id, proxy::Proxy};

use crate::{
    handover::{holds, second, simple},
    lab::{Lab, member, metric},
};

const NO_ROUTER: &str = "weir_findings{code=\"no-router\"}";
/// A network of the shared topology that no router reaches.
const ISOLATED: &str = "eeeeeeee-0000-4000-8000-000000000001";

/// A load balancer on a network without a router.
fn isolated(n: usize) -> Value {
    let mut lb = simple(n);
    lb["vip_address"] = format!("10.60.0.{n}").into();
    lb["vip_network_id"] = ISOLATED.into();
    lb
}

/// That network.
fn network(lab: &Lab) {
    lab.by_hand(&[json!({"op": "insert", "table": "Logical_Switch",
        "row": {"name": format!("neutron-{}", ISOLATED)}})]);
}

/// A gauge; 0 where it is not there.
async fn gauge(client: &Client, name: &str) -> f64 {
    let text = client.get("/metrics").await.body;
    let line = text.as_str().unwrap().lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    line.map_or(0.0, |value| value.parse().unwrap())
}

async fn becomes(client: &Client, name: &str, wanted: f64) {
    eventually(&format!("{name} {wanted}"), async || (gauge(client, name).await == wanted).then_some(()))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn finding_of_a_call_to_the_other_host_is_counted_by_the_host_with_the_lock_until_it_is_resolved() {
    let lab = Lab::start().await;
    holds(&lab.client(), 1.0).await;
    network(&lab);
    let (agent, other) = second(&lab);
    other.ready().await;
    for n in [1, 2] {
        lab.agent.know(isolated(n));
        agent.know(isolated(n));
        let created = json!({"loadbalancer": isolated(n)});
        other.client().call("loadbalancer_create", &created).await.committed();
    }
    becomes(&lab.client(), NO_ROUTER, 2.0).await;
    assert_eq!(gauge(&other.client(), NO_ROUTER).await, 0.0);
    let view = other.client().get(&format!("/v1/loadbalancers/{}", id(1, 1))).await.body;
    assert!(view["findings"].to_string().contains("no-router"), "{view}");

    // It is deleted through the host that does not watch.
    lab.agent.forget(&id(1, 2));
    agent.forget(&id(1, 2));
    let deleted = json!({"loadbalancer": isolated(2), "cascade": true});
    other.client().call("loadbalancer_delete", &deleted).await.committed();
    becomes(&lab.client(), NO_ROUTER, 1.0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sync_of_a_row_with_a_lost_update_is_done_on_the_row_read_in_full_again() {
    let northbound = Northbound::start();
    let proxy = Proxy::start(northbound.folder(), northbound.socket());
    let remote = proxy.remote();
    // Unasked, it would be put right before anybody asks.
    let env = [("WEIR_OVN_NB_CONNECTION", &*remote), ("WEIR_REPAIR", "off")];
    let lab = Lab::start_on(northbound, &env).await;
    lab.make(simple(1)).await;
    proxy.set(weir_tests::proxy::Fault::LoseUpdate);
    lab.by_hand(&[json!({"op": "mutate", "table": "Load_Balancer", "where": [["name", "==", id(1, 1)]],
        "mutations": [["external_ids", "insert", ["map", [["note", "an operator's"]]]]]})]);
    eventually("an update is lost", async || (proxy.lost_updates() == 1).then_some(())).await;
    // What Octavia wants is what the host believes to be there but for one member.
    let mut wanted = simple(1);
    wanted["pools"][0]["members"] = json!([member(1, 1, 10), member(2, 1, 11)]);
    lab.agent.know(wanted);
    let report = lab.client().post("/v1/sync").await.body;
    assert_eq!(report["loadbalancers"][0]["outcome"], "repaired", "{report}");
    let vips = lab.northbound.load_balancer(&id(1, 1))["vips"].to_string();
    assert!(vips.contains("10.10.10.10:80") && vips.contains("10.10.10.11:80"), "{vips}");
    assert_eq!(metric(&lab.client(), "weir_northbound_rereads_total").await, 1.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn failover_to_another_flavor_on_a_host_without_the_lock_takes_what_octavia_stores_after_it() {
    let lab = Lab::start().await;
    holds(&lab.client(), 1.0).await;
    let (agent, other) = second(&lab);
    other.ready().await;
    lab.make(simple(1)).await;
    // Octavia has not stored it yet when the call comes.
    agent.know(simple(1));
    let call = json!({"loadbalancer_id": id(1, 1), "flavor_id": id(9, 1)});
    other.client().call("loadbalancer_failover_with_flavor", &call).await.committed();
    let mut flavored = simple(1);
    flavored["flavor"] = json!({"skip_snat": true});
    agent.know(flavored.clone());
    let start = std::time::Instant::now();
    while lab.northbound.load_balancer(&id(1, 1))["options"]["skip_snat"] != "true" {
        assert!(start.elapsed() < std::time::Duration::from_secs(120), "{}", other.log());
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    }
}

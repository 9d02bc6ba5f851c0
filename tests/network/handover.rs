//! Two hosts: one of them does what nobody has called for. When it is gone the other one does.

use serde_json::{Value, json};
use weir_tests::{Agent, Client, Host, eventually, objects::id};

use crate::lab::{Lab, listener, load_balancer, member, metric, plain_pool};

pub const HELD: &str = "weir_background_lock_held";

pub fn simple(n: usize) -> Value {
    load_balancer(
        n,
        vec![listener(n, n, "TCP", 80, n)],
        vec![plain_pool(n, n, "TCP", vec![member(n, n, 10)])],
    )
}

/// A second host beside an agent of its own.
pub fn second(lab: &Lab) -> (Agent, Host) {
    let folder = lab.northbound.folder().join("second");
    std::fs::create_dir_all(&folder).unwrap();
    let agent = Agent::start(&folder);
    let env = [("WEIR_OVN_SB_CONNECTION", &*lab.southbound.remote())];
    (agent, Host::spawn(&folder, &lab.northbound.remote(), &env))
}

pub async fn holds(client: &Client, held: f64) {
    eventually("the lock", async || (metric(client, HELD).await == held).then_some(())).await;
}

pub fn spoil(lab: &Lab) {
    lab.by_hand(&[json!({"op": "update", "table": "Load_Balancer", "where": [["name", "==", id(1, 1)]], "row": {"vips": ["map", []]}})]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_second_host_takes_over_and_repairs_what_was_left() {
    let mut lab = Lab::start().await;
    holds(&lab.client(), 1.0).await;
    let (agent, other) = second(&lab);
    other.ready().await;
    lab.make(simple(1)).await;
    agent.know(simple(1));
    let before = lab.northbound.dump();

    // The first one repairs; the second one keeps out of it, but takes calls.
    spoil(&lab);
    lab.as_before(&before).await;
    assert_eq!(metric(&other.client(), HELD).await, 0.0);
    assert_eq!(metric(&other.client(), "weir_repairs_total").await, 0.0);
    let note = other.client().get("/readyz").await.body;
    assert_eq!(other.client().get("/readyz").await.status, 200, "{note}");
    assert!(note.to_string().contains("another host holds the lock and does the background work"), "{note}");
    let answer = other.client().call("member_create", &json!({"member": member(2, 1, 11)})).await;
    answer.committed();
    let mut with_two = simple(1);
    with_two["pools"][0]["members"] = json!([member(1, 1, 10), member(2, 1, 11)]);
    agent.know(with_two);
    let before = lab.northbound.dump();

    // While nobody holds the lock nothing is repaired; whoever gains it looks at everything.
    lab.host.kill();
    spoil(&lab);
    holds(&other.client(), 1.0).await;
    lab.as_before(&before).await;
    assert!(metric(&other.client(), "weir_repairs_total").await >= 1.0);

    // The first one is back, and waits.
    lab.host.restart();
    lab.host.ready().await;
    assert_eq!(metric(&lab.client(), HELD).await, 0.0);
    lab.client().call("member_delete", &json!({"member": member(2, 1, 11)})).await.committed();
}

/// Somebody steals the lock, as `ovsdb-client steal` does, and keeps it.
fn steal(lab: &Lab) -> tokio::process::Child {
    tokio::process::Command::new(weir_ovsdb::testing::program("ovsdb-client"))
        .args(["steal", &lab.northbound.remote(), "neutron_ovn_octavia_event_lock"])
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_that_is_stolen_stops_the_background_and_no_call() {
    let lab = Lab::start().await;
    lab.make(simple(1)).await;
    holds(&lab.client(), 1.0).await;
    let mut thief = steal(&lab);
    holds(&lab.client(), 0.0).await;
    spoil(&lab);
    lab.client().call("loadbalancer_create", &json!({"loadbalancer": simple(2)})).await.committed();
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    assert_eq!(lab.northbound.rows(&id(1, 1))[0]["vips"], json!({}), "nothing is done without the lock");
    thief.kill().await.unwrap();
    let vips = json!({"10.10.10.5:80": "10.10.10.10:8080"});
    eventually("repaired", async || (lab.northbound.rows(&id(1, 1))[0]["vips"] == vips).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_go_while_nobody_looks_come_back() {
    let lab = Lab::start().await;
    for n in 1..=3 {
        lab.make(simple(n)).await;
    }
    holds(&lab.client(), 1.0).await;
    let before = lab.northbound.load_balancer(&id(1, 1));
    let mut thief = steal(&lab);
    holds(&lab.client(), 0.0).await;
    // Of one that is deleted by a call Octavia does not hear yet.
    lab.agent.hold_statuses(true);
    let third = json!({"loadbalancer": {"loadbalancer_id": id(1, 3)}, "cascade": true});
    lab.client().call("loadbalancer_delete", &third).await.committed();
    lab.by_hand(&[json!({"op": "delete", "table": "Load_Balancer", "where": []})]);
    // Octavia has deleted one of them meanwhile.
    lab.agent.forget(&id(1, 2));
    thief.kill().await.unwrap();
    eventually("it is back", async || (lab.northbound.rows(&id(1, 1)) == [before.clone()]).then_some(()))
        .await;
    for n in 2..=3 {
        assert_eq!(lab.northbound.rows(&id(1, n)), Vec::<Value>::new(), "{n}");
    }
}

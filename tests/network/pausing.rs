//! Pausing: calls wait and are not lost, nothing is repaired; everything is made good when work goes on.

use std::process::Command;

use serde_json::{Value, json};
use weir_tests::{eventually, host, objects::id};

use crate::lab::{Lab, listener, load_balancer, member, plain_pool};

fn simple(n: usize) -> Value {
    load_balancer(
        n,
        vec![listener(n, n, "TCP", 80, n)],
        vec![plain_pool(n, n, "TCP", vec![member(n, n, 10)])],
    )
}

impl Lab {
    /// Runs `weir pause` or `weir resume`; its exit code and what is paused.
    async fn command(&self, args: &[&str]) -> (i32, Value) {
        let mut command = Command::new(host::binary());
        command.args(args).args(["-o", "json"]);
        command.env("WEIR_LISTEN", format!("unix:{}", self.host.socket().display()));
        let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        let report = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|_| String::from_utf8_lossy(&output.stderr).into_owned().into());
        (output.status.code().unwrap(), report)
    }
}

fn vips(lab: &Lab, n: usize) -> Value {
    lab.northbound.rows(&id(1, n))[0]["vips"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_load_balancer_waits_over_a_restart_and_loses_nothing() {
    let mut lab = Lab::start().await;
    for n in 1..=2 {
        lab.make(simple(n)).await;
    }
    let first = id(1, 1);
    assert_eq!(
        lab.command(&["pause", "--lb", &first]).await,
        (0, json!({"paused": {"all": false, "loadbalancers": [first]}}))
    );
    let (code, said) = lab.command(&["pause", "--lb", &id(1, 9)]).await;
    assert_eq!(code, 1, "{said}");
    assert!(said.to_string().contains(&id(1, 9)), "{said}");

    let held = lab.client().call("member_create", &json!({"member": member(11, 1, 11)})).await;
    assert_eq!((held.status, &held.body["committed"]), (200, &json!(false)), "{}", held.body);
    lab.client().call("member_create", &json!({"member": member(12, 2, 12)})).await.committed();
    // Nothing is repaired either, but for the other one.
    for n in 1..=2 {
        lab.by_hand(&[json!({"op": "mutate", "table": "Load_Balancer", "where": [["name", "==", id(1, n)]], "mutations": [["vips", "insert", ["map", [["1.1.1.1:1", "2.2.2.2:2"]]]]]})]);
    }
    let mut with_two = simple(2);
    with_two["pools"][0]["members"] = json!([member(2, 2, 10), member(12, 2, 12)]);
    lab.agent.know(with_two);
    let second = json!({"10.10.10.6:80": "10.10.10.10:8080,10.10.10.12:8080"});
    eventually("the other is repaired", async || (vips(&lab, 2) == second).then_some(())).await;
    let spoilt = json!({"10.10.10.5:80": "10.10.10.10:8080", "1.1.1.1:1": "2.2.2.2:2"});
    assert_eq!(vips(&lab, 1), spoilt);

    lab.host.kill();
    lab.host.restart();
    lab.host.ready().await;
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    assert_eq!(vips(&lab, 1), spoilt, "still paused");
    let view = lab.client().get(&format!("/v1/loadbalancers/{first}")).await.body;
    assert_eq!((&view["paused"], view["pending"].as_array().unwrap().len()), (&json!(true), 1), "{view}");
    assert_eq!(lab.metric("weir_load_balancers_paused").await, 1.0);
    let ready = lab.client().get("/readyz").await;
    assert_eq!(ready.status, 200);
    assert!(ready.body.to_string().contains("1 load balancers are paused"), "{}", ready.body);

    let mut with_two = simple(1);
    with_two["pools"][0]["members"] = json!([member(1, 1, 10), member(11, 1, 11)]);
    lab.agent.know(with_two);
    assert_eq!(
        lab.command(&["resume", "--lb", &first]).await,
        (0, json!({"paused": {"all": false, "loadbalancers": []}}))
    );
    let change = held.body["change"].as_str().unwrap().to_owned();
    eventually("the call is carried out", async || {
        (lab.client().get(&format!("/v1/changes/{change}")).await.body["state"] == "committed").then_some(())
    })
    .await;
    let good = json!({"10.10.10.5:80": "10.10.10.10:8080,10.10.10.11:8080"});
    eventually("and repaired", async || (vips(&lab, 1) == good).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_wait_and_go_on() {
    let lab = Lab::start().await;
    lab.make(simple(1)).await;
    assert_eq!(
        lab.client().post("/v1/pause").await.body,
        json!({"paused": {"all": true, "loadbalancers": []}})
    );
    lab.agent.know(simple(2));
    let held = lab.client().call("loadbalancer_create", &json!({"loadbalancer": simple(2)})).await;
    assert_eq!(held.body["committed"], false);
    lab.by_hand(&[json!({"op": "update", "table": "Load_Balancer", "where": [["name", "==", id(1, 1)]], "row": {"vips": ["map", []]}})]);
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    assert_eq!((vips(&lab, 1), lab.northbound.rows(&id(1, 2)).len()), (json!({}), 0));
    assert_eq!(lab.metric("weir_all_paused").await, 1.0);
    assert_eq!(lab.client().post("/v1/resume").await.status, 200);
    eventually("both are there", async || {
        (vips(&lab, 1) != json!({}) && lab.northbound.rows(&id(1, 2)).len() == 1).then_some(())
    })
    .await;
}

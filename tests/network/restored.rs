//! An older Northbound is restored: its rows are consistent, and yet not what was done.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use weir_tests::{Agent, Client, Host, eventually, objects::id};

use crate::lab::{Lab, listener, load_balancer, member, metric, plain_pool};

const FOUND: &str = "Northbound holds an older state than before";
const COUNTER: &str = "weir_northbound_restored_total";

/// Load balancer `n` with members at these last bytes.
fn lb(n: usize, members: &[usize]) -> Value {
    let members = members.iter().map(|host| member(n * 100 + host, n, *host)).collect();
    load_balancer(n, vec![listener(n, n, "TCP", 80, n)], vec![plain_pool(n, n, "TCP", members)])
}

/// What is done after the backup: load balancer 1 gets a member, 2 is made, 3 goes.
async fn go_on(lab: &Lab) {
    lab.agent.know(lb(1, &[10, 11]));
    lab.client().call("member_create", &json!({"member": member(111, 1, 11)})).await.committed();
    lab.make(lb(2, &[10])).await;
    remove(lab, 3).await;
}

async fn remove(lab: &Lab, n: usize) {
    let body = json!({"loadbalancer": lb(n, &[10]), "cascade": true});
    lab.client().call("loadbalancer_delete", &body).await.committed();
    lab.agent.forget(&id(1, n));
}

async fn scene() -> Lab {
    let lab = Lab::start().await;
    holds_lock(&lab.client()).await;
    lab.make(lb(1, &[10])).await;
    lab.make(lb(3, &[10])).await;
    lab
}

async fn holds_lock(client: &Client) {
    eventually("the lock", async || (metric(client, "weir_background_lock_held").await == 1.0).then_some(()))
        .await;
}

/// Waits until the load balancers and their attachments are so: rows that are all gone wait for half a minute.
async fn becomes(lab: &Lab, wanted: &Value) {
    let start = Instant::now();
    while lab.northbound.state() != *wanted {
        let now = lab.northbound.state();
        assert!(start.elapsed() < Duration::from_secs(300), "{now}\nis not\n{wanted}");
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
}

async fn is_compared(client: &Client) {
    eventually("compared", async || {
        let ready = client.get("/readyz").await.body;
        let conditions = ready["conditions"].as_array().unwrap().clone();
        conditions.iter().any(|it| it["name"] == "northbound-current" && it["ok"] == true).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn restored_backup_is_compared_with_octavia_over_the_live_connection() {
    let lab = scene().await;
    let backup = lab.northbound.backup();
    go_on(&lab).await;
    let wanted = lab.northbound.state();
    lab.northbound.restore(&backup);
    assert_ne!(lab.northbound.state(), wanted);
    becomes(&lab, &wanted).await;
    is_compared(&lab.client()).await;
    assert_eq!(lab.host.log().matches(FOUND).count(), 1);
    assert_eq!(lab.metric(COUNTER).await, 1.0);
    // What the host does from here on is found by nobody.
    lab.client().call("member_create", &json!({"member": member(112, 1, 12)})).await.committed();
    lab.agent.know(lb(1, &[10, 11, 12]));
    let vips = eventually("the member", async || {
        let vips = lab.vips().to_string();
        vips.contains("10.10.10.12:8080").then_some(vips)
    });
    vips.await;
    assert_eq!(lab.host.log().matches(FOUND).count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn restored_file_is_compared_with_octavia_after_a_restart_of_host_and_server() {
    let mut lab = scene().await;
    let older = std::fs::read(lab.northbound.file()).unwrap();
    go_on(&lab).await;
    let wanted = lab.northbound.state();
    lab.host.stop();
    lab.northbound.server.kill().unwrap();
    std::fs::write(lab.northbound.file(), &older).unwrap();
    lab.northbound.server.start().unwrap();
    assert_ne!(lab.northbound.state(), wanted);
    lab.host.restart();
    lab.host.ready().await;
    becomes(&lab, &wanted).await;
    is_compared(&lab.client()).await;
    assert_eq!(lab.host.log().matches(FOUND).count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn restored_backup_in_which_only_a_removed_load_balancer_returns_is_found() {
    let lab = scene().await;
    let backup = lab.northbound.backup();
    remove(&lab, 3).await;
    let wanted = lab.northbound.state();
    lab.northbound.restore(&backup);
    becomes(&lab, &wanted).await;
    assert_eq!(lab.host.log().matches(FOUND).count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn restored_backup_is_left_to_the_host_with_the_lock() {
    let lab = scene().await;
    let folder = lab.northbound.folder().join("second");
    std::fs::create_dir_all(&folder).unwrap();
    let agent = Agent::start(&folder);
    let env = [("WEIR_OVN_SB_CONNECTION", &*lab.southbound.remote())];
    let other = Host::spawn(&folder, &lab.northbound.remote(), &env);
    other.ready().await;
    [lb(1, &[10, 11]), lb(2, &[10])].into_iter().for_each(|lb| agent.know(lb));
    let backup = lab.northbound.backup();
    go_on(&lab).await;
    let wanted = lab.northbound.state();
    // The other host has seen all of it when it shows the last of it.
    eventually("seen", async || {
        let gone = other.client().get(&format!("/v1/loadbalancers/{}", id(1, 3))).await.status == 404;
        gone.then_some(())
    })
    .await;
    lab.northbound.restore(&backup);
    becomes(&lab, &wanted).await;
    is_compared(&lab.client()).await;
    eventually("found by both", async || other.log().contains(FOUND).then_some(())).await;
    assert_eq!(metric(&other.client(), "weir_repairs_total").await, 0.0);
    assert_eq!(lab.host.log().matches(FOUND).count(), 1);
    assert_eq!(other.log().matches(FOUND).count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_come_and_go_without_a_restore_are_no_older_state() {
    let lab = scene().await;
    for _ in 0..3 {
        remove(&lab, 3).await;
        lab.make(lb(3, &[10])).await;
    }
    let before = lab.northbound.dump();
    // Rows edited by hand are put right, and rows deleted by hand are made again.
    let of = |n: usize| json!([["name", "==", id(1, n)]]);
    lab.by_hand(&[
        json!({"op": "update", "table": "Load_Balancer", "where": of(1), "row": {"vips": ["map", []]}}),
        json!({"op": "mutate", "table": "Logical_Switch", "where": [], "mutations": [["load_balancer", "delete",
            ["set", [["uuid", lab.northbound.rows(&id(1, 3))[0]["_uuid"]]]]]]}),
        json!({"op": "mutate", "table": "Logical_Router", "where": [], "mutations": [["load_balancer", "delete",
            ["set", [["uuid", lab.northbound.rows(&id(1, 3))[0]["_uuid"]]]]]]}),
        json!({"op": "delete", "table": "Load_Balancer", "where": of(3)}),
    ]);
    lab.as_before(&before).await;
    assert_eq!(lab.metric(COUNTER).await, 0.0);
}

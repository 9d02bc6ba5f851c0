//! Databases that are converted online, as an upgrade of OVN does, and databases that go and come.

use serde_json::{Value, json};
use weir_tests::{Northbound, eventually, northbound::add_column, objects::id};

use crate::{
    handover::{HELD, holds, second, simple, spoil},
    lab::{Lab, listener, load_balancer, member, metric, pool},
};

/// The port of the topology that has 10.10.10.10.
const PORT: &str = "dddddddd-0000-4000-8000-000000000001";

fn keep(_: &mut Value) {}

fn without_selection_fields(schema: &mut Value) {
    schema["tables"]["Load_Balancer"]["columns"].as_object_mut().unwrap().remove("selection_fields");
}

/// Waits until a host has heard of what `lab` did last, and has finished what follows from it.
async fn is_at_rest(lab: &Lab) {
    eventually("at rest", async || {
        (metric(&lab.client(), "weir_load_balancers_dirty").await == 0.0).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn background_work_goes_on_after_conversions() {
    let lab = Lab::start().await;
    lab.make(simple(1)).await;
    holds(&lab.client(), 1.0).await;
    is_at_rest(&lab).await;
    let before = lab.northbound.rows(&id(1, 1));
    for change in [add_column, keep] {
        lab.northbound.convert(change);
        spoil(&lab);
        eventually("repaired", async || (lab.northbound.rows(&id(1, 1)) == before).then_some(())).await;
        holds(&lab.client(), 1.0).await;
        lab.client().call("loadbalancer_create", &json!({"loadbalancer": simple(2)})).await.committed();
        let delete = json!({"loadbalancer": {"loadbalancer_id": id(1, 2)}, "cascade": true});
        lab.client().call("loadbalancer_delete", &delete).await.committed();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hosts_keep_their_roles_over_a_conversion() {
    let mut lab = Lab::start().await;
    holds(&lab.client(), 1.0).await;
    let (agent, other) = second(&lab);
    other.ready().await;
    lab.make(simple(1)).await;
    agent.know(simple(1));
    let before = lab.northbound.rows(&id(1, 1));
    lab.northbound.convert(add_column);
    spoil(&lab);
    eventually("repaired", async || (lab.northbound.rows(&id(1, 1)) == before).then_some(())).await;
    holds(&lab.client(), 1.0).await;
    assert_eq!(metric(&other.client(), HELD).await, 0.0);
    lab.host.kill();
    spoil(&lab);
    holds(&other.client(), 1.0).await;
    eventually("repaired", async || (lab.northbound.rows(&id(1, 1)) == before).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn column_that_goes_and_comes_is_followed() {
    let lab = Lab::start().await;
    lab.make(simple(1)).await;
    holds(&lab.client(), 1.0).await;
    is_at_rest(&lab).await;
    let before = lab.northbound.rows(&id(1, 1));
    assert_eq!(before[0]["selection_fields"].as_array().map(Vec::len), Some(4), "{before:?}");
    lab.northbound.convert(without_selection_fields);
    let vips = before[0]["vips"].clone();
    spoil(&lab);
    eventually("repaired", async || (lab.northbound.rows(&id(1, 1))[0]["vips"] == vips).then_some(())).await;
    lab.client().call("loadbalancer_create", &json!({"loadbalancer": simple(2)})).await.committed();
    // The new column is empty in every row.
    lab.northbound.convert(keep);
    eventually("hashed again", async || (lab.northbound.rows(&id(1, 1)) == before).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_under_way_during_conversions_are_all_committed() {
    let lab = Lab::start().await;
    lab.make(simple(1)).await;
    let callers: Vec<_> = (20..24)
        .map(|caller| {
            let client = lab.client();
            tokio::spawn(async move {
                let mut changes = Vec::new();
                for n in (caller..218).step_by(4) {
                    let body = json!({"loadbalancer": simple(n)});
                    let answer = client.call("loadbalancer_create", &body).await;
                    assert_eq!(answer.status, 200, "{n}: {}", answer.body);
                    changes.push(answer.body["change"].as_str().unwrap().to_owned());
                }
                changes
            })
        })
        .collect();
    let mut conversions = 0;
    while callers.iter().any(|caller| !caller.is_finished()) {
        // Rows that are planned for one schema meet the other one.
        let change = if conversions % 2 == 0 { without_selection_fields } else { keep };
        tokio::task::block_in_place(|| lab.northbound.convert(change));
        conversions += 1;
    }
    assert!(conversions >= 2, "{conversions}");
    for caller in callers {
        for change in caller.await.unwrap() {
            eventually("committed", async || {
                let state = lab.client().get(&format!("/v1/changes/{change}")).await.body;
                assert_ne!(state["state"], "failed", "{state}");
                (state["state"] == "committed").then_some(())
            })
            .await;
        }
    }
    let names = lab.northbound.transact(&[json!({"op": "select", "table": "Load_Balancer", "where": []})]);
    assert_eq!(names[0]["rows"].as_array().unwrap().len(), 199);
}

#[tokio::test(flavor = "multi_thread")]
async fn northbound_that_is_removed_and_added_is_followed_again() {
    let lab = Lab::start().await;
    lab.make(simple(1)).await;
    holds(&lab.client(), 1.0).await;
    is_at_rest(&lab).await;
    let before = lab.northbound.rows(&id(1, 1));
    lab.northbound.server.control(&["ovsdb-server/remove-db", "OVN_Northbound"]).unwrap();
    let client = lab.client();
    eventually("noticed", async || (client.get("/readyz").await.status == 503).then_some(())).await;
    let note = condition(&client.get("/readyz").await.body, "background-lock");
    assert!(note["detail"].as_str().unwrap().contains("is not connected"), "{note}");
    let call = client.call("loadbalancer_create", &json!({"loadbalancer": simple(2)})).await;
    assert_eq!((call.status, &call.body["committed"]), (200, &json!(false)), "{}", call.body);
    let file = lab.northbound.folder().join("server.db");
    lab.northbound.server.control(&["ovsdb-server/add-db", file.to_str().unwrap()]).unwrap();
    lab.host.ready().await;
    eventually("made", async || (lab.northbound.rows(&id(1, 2)).len() == 1).then_some(())).await;
    holds(&client, 1.0).await;
    spoil(&lab);
    eventually("repaired", async || (lab.northbound.rows(&id(1, 1)) == before).then_some(())).await;
}

/// The Southbound is only read, and takes no locks.
#[tokio::test(flavor = "multi_thread")]
async fn southbound_that_is_converted_or_removed_and_added_is_followed_again() {
    let lab = Lab::start_on(Northbound::start(), &[]).await;
    let members = vec![member(1, 1, 10)];
    let pools = vec![pool(1, "TCP", "TCP", members)];
    lab.make(load_balancer(1, vec![listener(1, 1, "TCP", 80, 1)], pools)).await;
    lab.told(&id(4, 1), "ONLINE").await;
    lab.southbound.convert(|schema| {
        schema["tables"]["Service_Monitor"]["columns"]["new_in_this_test"] = json!({"type": "string"});
    });
    lab.southbound.says(PORT, "10.10.10.10", 8080, "tcp", "offline");
    lab.told(&id(4, 1), "ERROR").await;
    let server = &lab.southbound.server;
    server.control(&["ovsdb-server/remove-db", "OVN_Southbound"]).unwrap();
    let file = lab.southbound.folder().join("server.db");
    server.control(&["ovsdb-server/add-db", file.to_str().unwrap()]).unwrap();
    lab.southbound.says(PORT, "10.10.10.10", 8080, "tcp", "online");
    lab.told(&id(4, 1), "ONLINE").await;
}

/// One condition of `/readyz`.
pub fn condition(body: &Value, name: &str) -> Value {
    let all = body["conditions"].as_array().unwrap();
    all.iter().find(|condition| condition["name"] == name).unwrap_or_else(|| panic!("{name}: {body}")).clone()
}

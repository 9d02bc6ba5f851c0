//! Many at once.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use serde_json::json;
use weir_tests::{Agent, Host, Northbound, eventually, objects::*};

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_load_balancers_by_sixteen_clients() {
    let northbound = Northbound::start();
    northbound.transact(&topology());
    let host = Host::start(northbound.folder(), &northbound.remote()).await;
    let next = Arc::new(AtomicUsize::new(0));
    let clients: Vec<_> = (0..16)
        .map(|_| {
            let (next, client) = (next.clone(), host.client());
            tokio::spawn(async move {
                loop {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    if n >= 200 {
                        return;
                    }
                    for (method, body) in calls(n) {
                        let answer = client.call(method, &body).await;
                        assert_eq!(answer.status, 200, "{n} {method}: {}", answer.body);
                    }
                }
            })
        })
        .collect();
    for client in clients {
        client.await.unwrap();
    }
    eventually("nothing waits", async || {
        host.client().get("/metrics").await.body.as_str()?.contains("weir_changes_pending 0\n").then_some(())
    })
    .await;
    let state = northbound.state();
    assert_eq!(state["load_balancers"].as_array().unwrap().len(), 200);
    for n in 0..200 {
        let rows = northbound_rows(&state, n);
        assert_eq!(rows.len(), 1, "{n}");
        let backend = format!("{}:8080", member(n, n)["member"]["address"].as_str().unwrap());
        assert_eq!(rows[0]["vips"].as_object().unwrap().values().collect::<Vec<_>>(), [&json!(backend)]);
    }
    assert_eq!(state["logical_switches"][format!("neutron-{NETWORK}")].as_array().unwrap().len(), 200);
}

fn northbound_rows(state: &serde_json::Value, n: usize) -> Vec<&serde_json::Value> {
    state["load_balancers"].as_array().unwrap().iter().filter(|row| row["name"] == id(1, n)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn many_calls_on_one_load_balancer_all_stand() {
    let northbound = Northbound::start();
    northbound.transact(&topology());
    let host = Host::start(northbound.folder(), &northbound.remote()).await;
    for (method, body) in calls(1) {
        host.client().call(method, &body).await.committed();
    }
    let tasks: Vec<_> = (2..52)
        .map(|n| {
            let client = host.client();
            tokio::spawn(async move {
                assert_eq!(client.call("member_create", &member(n, 1)).await.status, 200);
                if n % 2 == 0 {
                    assert_eq!(client.call("member_delete", &member(n, 1)).await.status, 200);
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    eventually("all there", async || {
        let rows = northbound.rows(&id(1, 1));
        (rows.len() == 1 && rows[0]["vips"].to_string().matches(":8080").count() == 26).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn burst_of_calls_that_ask_octavia_keeps_to_the_limit_of_questions() {
    let northbound = Northbound::start();
    northbound.transact(&topology());
    let agent = Agent::start(northbound.folder());
    let host = Host::start(northbound.folder(), &northbound.remote()).await;
    agent.takes(Duration::from_millis(100));
    // Deletes of what nobody knows, deletes below L7 policies, failovers of load balancers without rows.
    let bodies = (0..30).flat_map(|n| {
        [
            ("member_delete", json!({"member": {"member_id": id(4, n), "pool_id": id(3, n)}})),
            ("l7rule_delete", json!({"l7rule": {"l7rule_id": id(8, n), "l7policy_id": id(7, n)}})),
            ("loadbalancer_failover", json!({"loadbalancer_id": id(1, n)})),
        ]
    });
    let calls = bodies.map(|(method, body)| {
        let client = host.client();
        tokio::spawn(async move { client.call(method, &body).await })
    });
    for call in calls.collect::<Vec<_>>() {
        call.await.unwrap();
    }
    eventually("all have asked", async || (agent.asked() >= 90).then_some(())).await;
    assert!(agent.most_asked_at_once() <= 4, "{} at once", agent.most_asked_at_once());
}

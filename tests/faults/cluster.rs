//! A RAFT cluster that loses its leader under load.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use serde_json::json;
use weir_ovsdb::testing::{self, Server};
use weir_tests::{Host, eventually, northbound, objects::*};

fn leader(servers: &[Server]) -> Option<usize> {
    servers.iter().position(|server| {
        server
            .control(&["cluster/status", "OVN_Northbound"])
            .is_ok_and(|status| status.contains("Role: leader"))
    })
}

/// A cluster with the topology, and a host.
async fn scene() -> (tempfile::TempDir, Vec<Server>, Vec<String>, Host) {
    let dir = tempfile::tempdir().unwrap();
    let schema = testing::schema("ovn-nb").expect("ovn-nb.ovsschema: run `make setup`");
    let servers = Server::cluster(dir.path(), &schema, "OVN_Northbound", 3).unwrap();
    let remotes: Vec<_> = servers.iter().map(|server| server.endpoint().to_string()).collect();
    northbound::transact(&remotes[0], &topology());
    let host = Host::start(dir.path(), &remotes.join(",")).await;
    (dir, servers, remotes, host)
}

/// Spoils load balancer 1 through one server, and waits until background work has made it good.
async fn is_repaired(remote: &str) {
    let before = northbound::state(remote)["load_balancers"].clone();
    let row = json!({"vips": ["map", []]});
    let name = json!([["name", "==", id(1, 1)]]);
    northbound::transact(
        remote,
        &[json!({"op": "update", "table": "Load_Balancer", "where": name, "row": row})],
    );
    eventually("repaired", async || (northbound::state(remote)["load_balancers"] == before).then_some(()))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn converted_cluster_is_followed() {
    let (dir, servers, remotes, host) = scene().await;
    for (method, body) in calls(1) {
        host.client().call(method, &body).await.committed();
    }
    let at = eventually("leader", async || leader(&servers)).await;
    is_repaired(&remotes[at]).await;
    servers[at].convert(&northbound::schema_with(dir.path(), northbound::add_column)).unwrap();
    let at = eventually("leader", async || leader(&servers)).await;
    is_repaired(&remotes[at]).await;
    for (method, body) in calls(2) {
        host.client().call(method, &body).await.committed();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn hung_leader_is_left_and_calls_and_background_work_go_on() {
    let (_dir, servers, remotes, host) = scene().await;
    let client = host.client();
    for (method, body) in calls(1) {
        client.call(method, &body).await.committed();
    }
    let hung = eventually("leader", async || leader(&servers)).await;
    servers[hung].suspend().unwrap();
    let answer = client.call("member_create", &member(2, 1)).await;
    assert_eq!((answer.status, &answer.body["committed"]), (200, &json!(false)), "{}", answer.body);
    let change = answer.body["change"].as_str().unwrap().to_owned();
    eventually("committed", async || {
        let state = client.get(&format!("/v1/changes/{change}")).await.body;
        assert_ne!(state["state"], "failed", "{state}");
        (state["state"] == "committed").then_some(())
    })
    .await;
    // The hung one's control socket does not answer either.
    let others = || servers.iter().enumerate().filter(|(at, _)| *at != hung);
    let is_leader = |server: &Server| leader(std::slice::from_ref(server)).is_some();
    let at =
        eventually("leader", async || others().find(|(_, server)| is_leader(server)).map(|(at, _)| at)).await;
    is_repaired(&remotes[at]).await;
    servers[hung].resume().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn leaders_are_killed_under_load_and_nothing_is_lost_or_doubled() {
    let (_dir, mut servers, remotes, host) = scene().await;
    let (next, stop) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
    let clients: Vec<_> = (0..8)
        .map(|_| {
            let (next, stop, client) = (next.clone(), stop.clone(), host.client());
            tokio::spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    for (method, body) in calls(n) {
                        let answer = client.call(method, &body).await;
                        assert_eq!(answer.status, 200, "{n} {method}: {}", answer.body);
                    }
                }
            })
        })
        .collect();
    for _ in 0..3 {
        let enough = next.load(Ordering::Relaxed) + 20;
        eventually("load", async || (next.load(Ordering::Relaxed) >= enough).then_some(())).await;
        let at = eventually("leader", async || leader(&servers)).await;
        servers[at].kill().unwrap();
        let enough = next.load(Ordering::Relaxed) + 20;
        eventually("load goes on", async || (next.load(Ordering::Relaxed) >= enough).then_some(())).await;
        servers[at].start().unwrap();
        servers[at].wait_connected("OVN_Northbound").unwrap();
    }
    stop.store(true, Ordering::Relaxed);
    for client in clients {
        client.await.unwrap();
    }
    let done = next.load(Ordering::Relaxed);
    eventually("nothing waits", async || {
        host.client().get("/metrics").await.body.as_str()?.contains("weir_changes_pending 0\n").then_some(())
    })
    .await;
    let at = eventually("leader", async || leader(&servers)).await;
    let state = northbound::state(&remotes[at]);
    let mut rows = BTreeMap::new();
    for row in state["load_balancers"].as_array().unwrap() {
        assert!(rows.insert(row["name"].as_str().unwrap().to_owned(), row).is_none(), "twice: {row}");
    }
    assert_eq!(rows.len(), done);
    for n in 0..done {
        let backend = format!("{}:8080", member(n, n)["member"]["address"].as_str().unwrap());
        assert!(rows[&id(1, n)]["vips"].to_string().contains(&backend), "{n}");
    }
}

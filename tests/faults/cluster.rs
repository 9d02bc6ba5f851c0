//! A RAFT cluster that loses its leader under load.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use weir_ovsdb::testing::{self, Server};
use weir_tests::{Host, eventually, northbound, objects::*};

fn leader(servers: &[Server]) -> Option<usize> {
    servers.iter().position(|server| {
        server
            .control(&["cluster/status", "OVN_Northbound"])
            .is_ok_and(|status| status.contains("Role: leader"))
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn leaders_are_killed_under_load_and_nothing_is_lost_or_doubled() {
    let dir = tempfile::tempdir().unwrap();
    let schema = testing::schema("ovn-nb").expect("ovn-nb.ovsschema: run `make setup`");
    let mut servers = Server::cluster(dir.path(), &schema, "OVN_Northbound", 3).unwrap();
    let remotes: Vec<_> = servers.iter().map(|server| server.endpoint().to_string()).collect();
    northbound::transact(&remotes[0], &topology());
    let host = Host::start(dir.path(), &remotes.join(",")).await;
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

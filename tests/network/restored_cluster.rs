//! The same on a RAFT cluster: its index does not go back, and a new cluster begins anew.

use std::path::Path;

use serde_json::{Value, json};
use weir_ovsdb::testing::{self, Server};
use weir_tests::{Agent, Host, eventually, northbound, objects};

use crate::lab::{listener, load_balancer, member, plain_pool};

const FOUND: &str = "Northbound holds an older state than before";

fn lb(members: &[usize]) -> Value {
    let members = members.iter().map(|host| member(*host, 1, *host)).collect();
    load_balancer(1, vec![listener(1, 1, "TCP", 80, 1)], vec![plain_pool(1, 1, "TCP", members)])
}

struct Scene {
    server: Server,
    remote: String,
    agent: Agent,
    host: Host,
}

/// A cluster of one server with a load balancer.
async fn scene(dir: &Path) -> Scene {
    let schema = testing::schema("ovn-nb").expect("ovn-nb.ovsschema: run `make setup`");
    let server = Server::cluster(dir, &schema, "OVN_Northbound", 1).unwrap().remove(0);
    let remote = server.endpoint().to_string();
    northbound::transact(&remote, &objects::topology());
    let agent = Agent::start(dir);
    let host = Host::start(dir, &remote).await;
    agent.know(lb(&[10]));
    host.client().call("loadbalancer_create", &json!({"loadbalancer": lb(&[10])})).await.committed();
    Scene { server, remote, agent, host }
}

async fn add_member(scene: &Scene, n: usize) {
    scene.agent.know(lb(&(10..=n).collect::<Vec<_>>()));
    scene.host.client().call("member_create", &json!({"member": member(n, 1, n)})).await.committed();
}

async fn becomes(scene: &Scene, wanted: &Value) {
    eventually("as Octavia says", async || (northbound::state(&scene.remote) == *wanted).then_some(())).await;
    assert_eq!(scene.host.log().matches(FOUND).count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn restored_cluster_is_compared_with_octavia() {
    let dir = tempfile::tempdir().unwrap();
    let scene = scene(dir.path()).await;
    let backup = northbound::backup(&scene.remote);
    add_member(&scene, 11).await;
    let wanted = northbound::state(&scene.remote);
    northbound::restore(&scene.remote, &backup);
    becomes(&scene, &wanted).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn new_cluster_with_older_rows_is_compared_with_octavia() {
    let dir = tempfile::tempdir().unwrap();
    let mut scene = scene(dir.path()).await;
    let backup = dir.path().join("backup");
    std::fs::write(&backup, northbound::backup(&scene.remote)).unwrap();
    add_member(&scene, 11).await;
    let wanted = northbound::state(&scene.remote);
    scene.server.kill().unwrap();
    let file = dir.path().join("server0.db");
    std::fs::remove_file(&file).unwrap();
    let local = format!("unix:{}", dir.path().join("server0.raft").display());
    testing::run("ovsdb-tool", &["create-cluster".into(), file.into(), backup.into(), local.into()]).unwrap();
    scene.server.start().unwrap();
    scene.server.wait_connected("OVN_Northbound").unwrap();
    becomes(&scene, &wanted).await;
    assert!(scene.host.log().contains("its cluster is"), "{}", scene.host.log());
}

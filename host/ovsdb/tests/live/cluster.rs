//! A RAFT cluster of three.

use std::collections::BTreeSet;

use weir_ovsdb::testing::Server;
use weir_ovsdb::{Client, Operation, Uuid};

use crate::common::{add_column, config, holds, insert_for_certain, nb_schema, schema_with, within};

struct Cluster {
    servers: Vec<Server>,
    client: Client,
    folder: tempfile::TempDir,
}

impl Cluster {
    async fn started() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let servers = Server::cluster(folder.path(), &nb_schema(), "OVN_Northbound", 3).unwrap();
        let client = Client::connect(config(servers.iter().map(Server::endpoint).collect()));
        within(client.synced()).await;
        Self { servers, client, folder }
    }

    /// The server the client is connected to.
    fn leader(&mut self) -> &mut Server {
        let endpoint = self.client.status().borrow().endpoint.clone().unwrap();
        self.servers.iter_mut().find(|server| server.endpoint().to_string() == endpoint).unwrap()
    }

    fn rows(&self) -> BTreeSet<Uuid> {
        self.client.replica().rows("Load_Balancer").map(|(id, _)| *id).collect()
    }
}

#[tokio::test]
async fn the_client_follows_the_leader_through_its_death() {
    let mut cluster = Cluster::started().await;
    let mut status = cluster.client.status();
    assert!(status.borrow().server.as_ref().unwrap().leader);
    let first = Uuid::from_u128(1);
    insert_for_certain(&cluster.client, first).await;

    let before = status.borrow().endpoint.clone();
    cluster.leader().kill().unwrap();
    within(status.wait_for(|status| !status.synced)).await.unwrap();
    insert_for_certain(&cluster.client, Uuid::from_u128(2)).await;
    assert_ne!(status.borrow().endpoint, before);
    assert_eq!(cluster.rows(), BTreeSet::from([first, Uuid::from_u128(2)]));
}

#[tokio::test]
async fn nothing_acknowledged_is_lost_or_doubled_while_leaders_die() {
    let mut cluster = Cluster::started().await;
    let client = cluster.client.clone();
    let writer = tokio::spawn(async move {
        let mut written = BTreeSet::new();
        for number in 1..=300 {
            let id = Uuid::from_u128(number);
            insert_for_certain(&client, id).await;
            written.insert(id);
        }
        written
    });
    let mut status = cluster.client.status();
    for _ in 0..2 {
        within(status.wait_for(|status| status.synced)).await.unwrap();
        let leader = cluster.leader();
        leader.kill().unwrap();
        within(status.wait_for(|status| !status.synced)).await.unwrap();
        within(status.wait_for(|status| status.synced)).await.unwrap();
        cluster.servers.iter_mut().for_each(|server| server.start().unwrap());
    }
    let written = within(writer).await.unwrap();
    within(cluster.client.synced()).await;
    // A round trip: what was committed before it is in the replica after it.
    within(cluster.client.transact(vec![Operation::comment("all there?")])).await.unwrap();
    assert_eq!(cluster.rows(), written);
}

#[tokio::test]
async fn a_transfer_of_leadership_resumes_without_reading_anew() {
    let mut cluster = Cluster::started().await;
    insert_for_certain(&cluster.client, Uuid::from_u128(1)).await;
    let mut status = cluster.client.status();
    let reconnects = status.borrow().reconnects;
    let mut changes = cluster.client.changes();
    cluster.leader().control(&["cluster/failure-test", "transfer-leadership"]).unwrap();
    insert_for_certain(&cluster.client, Uuid::from_u128(2)).await;
    within(status.wait_for(|status| status.synced && status.reconnects > reconnects)).await.unwrap();
    insert_for_certain(&cluster.client, Uuid::from_u128(3)).await;
    assert_eq!(cluster.rows(), (1..=3).map(Uuid::from_u128).collect());
    while let Ok(changed) = changes.try_recv() {
        assert!(!changed.reset, "resumed after the last transaction");
    }
}

#[tokio::test]
async fn conversion_of_a_cluster_keeps_rows_and_lock() {
    let mut cluster = Cluster::started().await;
    cluster.client.lock("lock").await;
    holds(&cluster.client, "lock").await;
    insert_for_certain(&cluster.client, Uuid::from_u128(1)).await;
    let mut changes = cluster.client.changes();
    let schema = schema_with(cluster.folder.path(), add_column);
    cluster.leader().convert(&schema).unwrap();
    while !within(changes.recv()).await.unwrap().reset {}
    holds(&cluster.client, "lock").await;
    insert_for_certain(&cluster.client, Uuid::from_u128(2)).await;
    assert_eq!(cluster.rows(), (1..=2).map(Uuid::from_u128).collect());
    assert!(cluster.client.replica().schema().unwrap().has_column("Load_Balancer", "no_such_column"));
}

#[tokio::test]
async fn hung_leader_is_left_for_the_new_one() {
    let mut cluster = Cluster::started().await;
    cluster.client.lock("lock").await;
    holds(&cluster.client, "lock").await;
    let mut status = cluster.client.status();
    let before = status.borrow().endpoint.clone();
    cluster.leader().suspend().unwrap();
    insert_for_certain(&cluster.client, Uuid::from_u128(1)).await;
    assert_ne!(status.borrow().endpoint, before);
    holds(&cluster.client, "lock").await;
    assert_eq!(cluster.rows(), BTreeSet::from([Uuid::from_u128(1)]));
    // With two servers hung there is no majority; one that goes on makes one.
    let first = cluster.servers.iter().find(|server| Some(server.endpoint().to_string()) == before).unwrap();
    first.resume().unwrap();
    let before = status.borrow_and_update().endpoint.clone();
    cluster.leader().suspend().unwrap();
    insert_for_certain(&cluster.client, Uuid::from_u128(2)).await;
    assert_ne!(status.borrow().endpoint, before);
    holds(&cluster.client, "lock").await;
}

#[tokio::test]
async fn hung_follower_does_not_hold_up_the_search_for_the_leader() {
    let mut cluster = Cluster::started().await;
    let mut status = cluster.client.status();
    let before = status.borrow().endpoint.clone().unwrap();
    // The server that is tried next after the leader.
    let at = cluster.servers.iter().position(|server| server.endpoint().to_string() == before).unwrap();
    cluster.servers[(at + 1) % 3].suspend().unwrap();
    cluster.leader().control(&["cluster/failure-test", "transfer-leadership"]).unwrap();
    within(status.wait_for(|status| status.synced && status.reconnects > 0)).await.unwrap();
    insert_for_certain(&cluster.client, Uuid::from_u128(1)).await;
}

//! Online conversions of the schema, as an upgrade of OVN makes them, and databases that go and come.

use std::collections::BTreeSet;

use weir_ovsdb::testing::Server;
use weir_ovsdb::{Client, Condition, Datum, Operation, Row, TransactError, Uuid};

use crate::common::{
    add_column, balancer, client_of, holds, insert_for_certain, nb_schema, schema_with, within,
};

async fn started() -> (tempfile::TempDir, Server, Client) {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::standalone(folder.path(), &nb_schema()).unwrap();
    let client = client_of(&server);
    within(client.synced()).await;
    (folder, server, client)
}

#[tokio::test]
async fn an_online_schema_conversion_is_followed() {
    let (folder, server, client) = started().await;
    within(client.transact(vec![balancer("kept")])).await.unwrap();
    let mut changes = client.changes();
    server.convert(&schema_with(folder.path(), add_column)).unwrap();
    while !within(changes.recv()).await.unwrap().reset {}
    let replica = client.replica();
    assert!(replica.schema().unwrap().has_column("Load_Balancer", "no_such_column"));
    assert_eq!(replica.rows("Load_Balancer").next().unwrap().1.str("no_such_column"), Some(""));
}

#[tokio::test]
async fn locks_stay_with_their_connections_over_conversions() {
    let (folder, server, first) = started().await;
    first.lock("lock").await;
    holds(&first, "lock").await;
    let second = client_of(&server);
    within(second.synced()).await;
    second.lock("lock").await;
    within(second.transact(vec![Operation::comment("asked after the lock")])).await.unwrap();
    for with_column in [true, false] {
        let (mut changes, mut others) = (first.changes(), second.changes());
        let change = |schema: &mut serde_json::Value| {
            if with_column {
                add_column(schema)
            }
        };
        server.convert(&schema_with(folder.path(), change)).unwrap();
        while !within(changes.recv()).await.unwrap().reset {}
        while !within(others.recv()).await.unwrap().reset {}
        holds(&first, "lock").await;
        within(second.synced()).await;
        let error = within(second.transact(vec![Operation::assert("lock")])).await.unwrap_err();
        assert_eq!(error.code(), "ovsdb-not-lock-owner");
        for client in [&first, &second] {
            let status = client.status().borrow().clone();
            assert_eq!((status.last_error, status.lock_errors.len()), (None, 0));
        }
    }
    drop(first);
    holds(&second, "lock").await;
}

#[tokio::test]
async fn column_that_a_conversion_drops_is_gone_from_the_replica() {
    let (folder, server, client) = started().await;
    client.lock("lock").await;
    holds(&client, "lock").await;
    let row = Row::new().with("name", "kept").with("options", Datum::map([("reject", "true")]));
    let inserted = within(client.transact(vec![Operation::insert("Load_Balancer", row)])).await.unwrap();
    let id = inserted[0].uuid.unwrap();
    let mut changes = client.changes();
    let schema = schema_with(folder.path(), |schema| {
        schema["tables"]["Load_Balancer"]["columns"].as_object_mut().unwrap().remove("options");
    });
    server.convert(&schema).unwrap();
    while !within(changes.recv()).await.unwrap().reset {}
    holds(&client, "lock").await;
    assert_eq!(client.replica().get("Load_Balancer", &id).unwrap().get("options"), None);
    let renamed = Row::new().with("name", "renamed");
    within(client.transact(vec![Operation::update("Load_Balancer", vec![Condition::by_uuid(id)], renamed)]))
        .await
        .unwrap();
    assert_eq!(client.replica().get("Load_Balancer", &id).unwrap().str("name"), Some("renamed"));
}

#[tokio::test(flavor = "multi_thread")]
async fn transactions_under_way_during_conversions_are_neither_lost_nor_doubled() {
    let (folder, server, client) = started().await;
    let writers: Vec<_> = (0..8)
        .map(|writer: u128| {
            let client = client.clone();
            tokio::spawn(async move {
                for number in 1..=100 {
                    insert_for_certain(&client, Uuid::from_u128(writer << 64 | number)).await;
                }
            })
        })
        .collect();
    let mut with_column = true;
    while writers.iter().any(|writer| !writer.is_finished()) {
        let change = |schema: &mut serde_json::Value| {
            if with_column {
                add_column(schema)
            }
        };
        let schema = schema_with(folder.path(), change);
        let server = &server;
        tokio::task::block_in_place(|| server.convert(&schema)).unwrap();
        with_column = !with_column;
    }
    for writer in writers {
        within(writer).await.unwrap();
    }
    within(client.synced()).await;
    let rows: BTreeSet<_> = client.replica().rows("Load_Balancer").map(|(id, _)| *id).collect();
    assert_eq!(rows.len(), 800);
}

#[tokio::test]
async fn database_that_is_removed_and_added_is_followed_again() {
    let (folder, server, client) = started().await;
    client.lock("lock").await;
    holds(&client, "lock").await;
    within(client.transact(vec![balancer("kept"), Operation::commit(true)])).await.unwrap();
    let mut status = client.status();
    server.control(&["ovsdb-server/remove-db", "OVN_Northbound"]).unwrap();
    within(status.wait_for(|status| !status.synced)).await.unwrap();
    assert_eq!(within(client.transact(vec![balancer("x")])).await, Err(TransactError::NotConnected));
    let missing = |error: &String| error.starts_with("no-database: ");
    within(status.wait_for(|status| status.last_error.as_ref().is_some_and(missing))).await.unwrap();
    assert_eq!(client.replica().count("Load_Balancer"), 1, "old rows stay readable");
    server.control(&["ovsdb-server/add-db", folder.path().join("server.db").to_str().unwrap()]).unwrap();
    holds(&client, "lock").await;
    assert_eq!(client.replica().count("Load_Balancer"), 1);
}

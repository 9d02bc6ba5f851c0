//! One server, one or two clients.

use weir_ovsdb::testing::{self, Server};
use weir_ovsdb::{
    Before, Client, Condition, Datum, Index, Mutation, Operation, Row, RowChanged, TransactError, Uuid,
};

use crate::common::{balancer, client_of, nb_schema, within};

async fn started() -> (tempfile::TempDir, Server, Client) {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::standalone(folder.path(), &nb_schema()).unwrap();
    let client = client_of(&server);
    within(client.synced()).await;
    assert_eq!(client.status().borrow().last_error, None, "connected at the first attempt");
    (folder, server, client)
}

#[tokio::test]
async fn own_changes_are_in_the_replica_when_the_reply_comes() {
    let (_folder, _server, client) = started().await;
    let mut changes = client.changes();
    let row = Row::new()
        .with("name", "one \"quoted\" \\ é\u{1}")
        .with("vips", Datum::map([("10.0.0.1:80", "10.0.0.2:80"), ("10.0.0.1:81", "")]))
        .with("external_ids", Datum::map([("ids", "a b")]));
    let results =
        within(client.transact(vec![Operation::comment("hello"), Operation::insert("Load_Balancer", row)]))
            .await
            .unwrap();
    let id = results[1].uuid.unwrap();
    {
        let replica = client.replica();
        let row = replica.get("Load_Balancer", &id).unwrap();
        assert_eq!(row.str("name"), Some("one \"quoted\" \\ é\u{1}"));
        assert_eq!(row.map_value("vips", "10.0.0.1:80"), Some("10.0.0.2:80"));
        assert_eq!(row.get("protocol"), Some(&Datum::empty_set()), "a default left out by the server");
        assert_eq!(row.get("no_such_column"), None);
        let index = Index::MapKey { column: "external_ids".into(), key: "ids".into(), separator: Some(' ') };
        assert_eq!(replica.find("Load_Balancer", &index, "b").count(), 1);
        assert_eq!(replica.rows("No_Such_Table").count(), 0);
        let schema = replica.schema().unwrap();
        assert!(!schema.has_column("Load_Balancer", "no_such_column"));
        assert!(schema.enum_values("Load_Balancer", "protocol").unwrap().contains("sctp"));
    }
    let changed = within(changes.recv()).await.unwrap();
    let inserted = RowChanged { table: "Load_Balancer".into(), id, before: Before::Absent };
    assert_eq!(changed.rows, [inserted]);
    assert!(!changed.reset);
}

#[tokio::test]
async fn changes_of_every_kind_follow_the_server() {
    let (_folder, _server, client) = started().await;
    let lb = within(client.transact(vec![balancer("lb")])).await.unwrap()[0].uuid.unwrap();
    let switch = Row::new().with("name", "ls").with("load_balancer", lb);
    let ls = within(client.transact(vec![Operation::insert("Logical_Switch", switch)])).await.unwrap()[0]
        .uuid
        .unwrap();
    assert_eq!(client.replica().find_references("Logical_Switch", "load_balancer", &lb).count(), 1);

    let at = |id| vec![Condition::by_uuid(id)];
    let vips = |pairs: &[(&str, &str)]| Datum::map(pairs.iter().copied());
    let steps: Vec<Vec<Operation>> = vec![
        vec![Operation::mutate(
            "Load_Balancer",
            at(lb),
            vec![Mutation::insert("vips", vips(&[("a", "1"), ("b", "2")]))],
        )],
        vec![Operation::update(
            "Load_Balancer",
            at(lb),
            Row::new().with("vips", vips(&[("b", "3"), ("c", "4")])),
        )],
        vec![Operation::mutate("Load_Balancer", at(lb), vec![Mutation::delete("vips", Datum::set(["c"]))])],
        vec![Operation::update(
            "Load_Balancer",
            at(lb),
            Row::new().with("protocol", "udp").with("name", "other"),
        )],
        vec![Operation::update("Load_Balancer", at(lb), Row::new().with("protocol", Datum::empty_set()))],
        vec![Operation::mutate("Logical_Switch", at(ls), vec![Mutation::delete("load_balancer", lb)])],
    ];
    for step in steps {
        within(client.transact(step)).await.unwrap();
        let mut read = Vec::new();
        for (table, columns) in [
            ("Load_Balancer", ["name", "vips", "protocol"]),
            ("Logical_Switch", ["name", "load_balancer", "other_config"]),
        ] {
            let columns = columns.iter().map(|column| (*column).to_owned()).collect();
            let results =
                within(client.transact(vec![Operation::select(table, vec![], Some(columns))])).await.unwrap();
            read.push((table, results[0].rows.clone().unwrap().remove(0)));
        }
        let replica = client.replica();
        for (table, row) in read {
            let ours = replica.rows(table).next().unwrap().1;
            for (column, value) in row.iter() {
                assert_eq!(ours.get(column), Some(value), "{table}.{column}");
            }
        }
    }
    {
        let replica = client.replica();
        assert_eq!(replica.find_references("Logical_Switch", "load_balancer", &lb).count(), 0);
        assert_eq!(replica.find("Load_Balancer", &Index::Column("name".into()), "lb").count(), 0);
        assert_eq!(replica.find("Load_Balancer", &Index::Column("name".into()), "other").count(), 1);
    }
    within(client.transact(vec![Operation::delete("Load_Balancer", at(lb))])).await.unwrap();
    assert!(client.replica().get("Load_Balancer", &lb).is_none());
}

#[tokio::test]
async fn an_error_names_its_operation() {
    let (_folder, _server, client) = started().await;
    let wrong = Operation::insert("Load_Balancer", Row::new().with("protocol", "icmp"));
    let error = within(client.transact(vec![balancer("a"), wrong, balancer("b")])).await.unwrap_err();
    assert!(matches!(&error, TransactError::Operation { index: 1, .. }), "{error}");
    assert_eq!(error.code(), "ovsdb-constraint-violation");
    assert_eq!(client.replica().count("Load_Balancer"), 0, "nothing was committed");

    // A commit that fails has no operation of its own: the error stands behind the last.
    let dangling = Row::new().with("name", "ls").with("ports", Uuid::from_u128(7));
    let error =
        within(client.transact(vec![Operation::insert("Logical_Switch", dangling)])).await.unwrap_err();
    assert!(matches!(&error, TransactError::Operation { index: 1, .. }), "{error}");
    assert_eq!(error.code(), "ovsdb-referential-integrity", "{error}");

    let error = within(client.transact(vec![Operation::assert("nobody")])).await.unwrap_err();
    assert_eq!(error.code(), "ovsdb-not-lock-owner");
}

#[tokio::test]
async fn a_chosen_uuid_is_taken_once() {
    let (_folder, _server, client) = started().await;
    let id = Uuid::from_u128(0x1234_5678);
    let results = within(client.transact(vec![balancer("a").with_uuid(id)])).await.unwrap();
    assert_eq!(results[0].uuid, Some(id));
    let error = within(client.transact(vec![balancer("b").with_uuid(id)])).await.unwrap_err();
    assert_eq!(error.code(), "ovsdb-duplicate-uuid");
}

#[tokio::test]
async fn a_guard_fails_when_the_row_has_changed_or_gone() {
    let (_folder, _server, client) = started().await;
    let id = within(client.transact(vec![balancer("a")])).await.unwrap()[0].uuid.unwrap();
    let guard = |name: &str| Operation::guard("Load_Balancer", id, Row::new().with("name", name));
    within(client.transact(vec![guard("a")])).await.unwrap();
    let error = within(client.transact(vec![guard("b")])).await.unwrap_err();
    assert_eq!(error.code(), "ovsdb-wait-failed");
    within(client.transact(vec![Operation::delete("Load_Balancer", vec![Condition::by_uuid(id)])]))
        .await
        .unwrap();
    let error = within(client.transact(vec![guard("a")])).await.unwrap_err();
    assert_eq!(error.code(), "ovsdb-wait-failed");
}

#[tokio::test]
async fn many_transactions_are_under_way_at_once() {
    let (_folder, _server, client) = started().await;
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..2000 {
        let client = client.clone();
        tasks.spawn(async move {
            let result = client.transact(vec![balancer(&format!("lb{number}"))]).await.unwrap();
            let id = result[0].uuid.unwrap();
            assert_eq!(
                client.replica().get("Load_Balancer", &id).unwrap().str("name"),
                Some(&*format!("lb{number}"))
            );
        });
    }
    within(async {
        while let Some(done) = tasks.join_next().await {
            done.unwrap()
        }
    })
    .await;
    assert_eq!(client.replica().count("Load_Balancer"), 2000);
}

#[tokio::test]
async fn a_restarted_server_is_read_anew() {
    let (_folder, mut server, client) = started().await;
    within(client.transact(vec![balancer("kept"), Operation::commit(true)])).await.unwrap();
    let mut status = client.status();
    server.kill().unwrap();
    within(status.wait_for(|status| !status.synced)).await.unwrap();
    assert_eq!(within(client.transact(vec![balancer("x")])).await, Err(TransactError::NotConnected));
    assert_eq!(client.replica().count("Load_Balancer"), 1, "stale rows stay readable");

    let mut changes = client.changes();
    server.start().unwrap();
    let output = testing::run(
        "ovn-nbctl",
        &[
            format!("--db={}", server.endpoint()).into(),
            "lb-add".into(),
            "new".into(),
            "10.0.0.1:80".into(),
            "10.0.0.2:80".into(),
        ],
    );
    output.unwrap();
    within(status.wait_for(|status| status.synced)).await.unwrap();
    assert!(status.borrow().reconnects >= 1);
    assert!(within(changes.recv()).await.unwrap().reset);
    while client.replica().count("Load_Balancer") < 2 {
        within(changes.recv()).await.unwrap();
    }
}

#[tokio::test]
async fn a_lock_goes_from_one_client_to_the_next() {
    let (_folder, server, first) = started().await;
    let second = client_of(&server);
    within(second.synced()).await;
    let held = |status: &weir_ovsdb::Status| status.locks.contains("lock");
    first.lock("lock").await;
    within(first.status().wait_for(held)).await.unwrap();
    second.lock("lock").await;
    within(first.transact(vec![Operation::assert("lock")])).await.unwrap();
    assert!(within(second.transact(vec![Operation::assert("lock")])).await.is_err());
    drop(first);
    within(second.status().wait_for(held)).await.unwrap();
    within(second.transact(vec![Operation::assert("lock")])).await.unwrap();
}

//! While the replica follows, and when it ceases to.

use super::*;

#[test]
fn a_leader_that_steps_down_is_left() {
    let mut bench = Bench::new(true);
    let request = bench.ask(clustered(CLUSTER, true, true, 5));
    bench.hear(full(&request, T1));
    assert_eq!(bench.transact(7).len(), 1);
    let update =
        json!({ "id": null, "method": "update", "params": ["server", clustered(CLUSTER, false, true, 6)] });
    assert_eq!(bench.hear(update), [Did::Unsynced, Did::Closed("not-leader")]);
    assert_eq!(bench.transact(8), [Did::Replied(8, Err(TransactError::NotConnected))]);
    assert_eq!(bench.step(Input::Disconnected), [Did::Replied(7, Err(TransactError::Unknown))]);
    assert!(bench.replica.read().is_complete(), "old rows stay readable");
}

#[test]
fn a_removed_database_is_left() {
    let mut bench = Bench::synced();
    let update = json!({ "id": null, "method": "update", "params": ["server", { "Database": { T2: { "old": { "name": "DB" } } } }] });
    assert_eq!(bench.hear(update), [Did::Unsynced, Did::Closed("no-database")]);
    // What concerns other databases does not matter.
    let mut bench = Bench::synced();
    let update = json!({ "id": null, "method": "update", "params": ["server", { "Database": { T1: { "old": { "name": "X" } } } }] });
    assert_eq!(bench.hear(update), []);
}

#[test]
fn a_bad_update_changes_nothing_and_everything_is_read_anew() {
    let mut bench = Bench::synced();
    let generation = bench.replica.read().generation();
    let did = bench.hear(update3(&json!(1), T2, json!({ "modify": { "name": 5 } })));
    assert_eq!(did, [Did::Unsynced, Did::Closed("update-bad-value")]);
    let late = bench.hear(update3(&json!(1), T2, json!({ "modify": { "name": "late" } })));
    assert_eq!(late, [], "nothing is applied after it");
    assert_eq!(bench.name().as_deref(), Some("first"));
    assert_eq!(bench.replica.read().generation(), generation);
    bench.step(Input::Disconnected);
    assert_eq!(bench.ask(standalone())["params"][3], NIL);
}

#[test]
fn requests_of_the_server_are_answered() {
    let mut bench = Bench::new(true);
    bench.connect();
    let did = bench.hear(json!({ "id": "echo", "method": "echo", "params": ["x", 1] }));
    assert_eq!(did, [Did::Sent(json!({ "id": "echo", "result": ["x", 1], "error": null }))]);
    let did = bench.hear(json!({ "id": 5, "method": "dance", "params": [] }));
    assert_eq!(did, [Did::Sent(json!({ "id": 5, "result": null, "error": "unknown method" }))]);
    assert_eq!(bench.hear(json!({ "id": null, "method": "dance", "params": [] })), []);
}

#[test]
fn malformed_messages_end_the_connection() {
    for message in [
        json!([]),
        json!({}),
        json!({ "id": 99, "result": 1, "error": null }),
        json!({ "id": "x", "result": 1 }),
        json!({ "id": null, "method": "update3", "params": [1] }),
        json!({ "method": 5, "id": 1 }),
    ] {
        let mut bench = Bench::synced();
        assert_eq!(
            bench.hear(message.clone()),
            [Did::Unsynced, Did::Closed("malformed-message")],
            "{message}"
        );
    }
}

#[test]
fn silence_is_probed_once_and_then_given_up() {
    let second = Duration::from_secs(1);
    let mut bench = Bench::synced();
    let start = bench.now;
    assert_eq!(bench.session.deadline(), Some(start + 5 * second));
    bench.now = start + 4 * second;
    assert_eq!(bench.step(Input::Tick), [], "early");
    bench.now = start + 5 * second;
    let did = bench.step(Input::Tick);
    let echo = sent(&did, 0).clone();
    assert_eq!(echo["method"], "echo");
    bench.now = start + 7 * second;
    assert_eq!(bench.hear(json!({ "id": echo["id"], "result": [], "error": null })), []);
    assert_eq!(bench.session.deadline(), Some(start + 12 * second));
    bench.now = start + 12 * second;
    assert_eq!(bench.step(Input::Tick).len(), 1);
    bench.now = start + 13 * second;
    assert_eq!(bench.step(Input::Received), [], "part of a long message");
    bench.now = start + 17 * second;
    assert_eq!(bench.step(Input::Tick), []);
    bench.now = start + 18 * second;
    assert_eq!(bench.step(Input::Tick).len(), 1);
    bench.now = start + 23 * second;
    assert_eq!(bench.step(Input::Tick), [Did::Unsynced, Did::Closed("inactive")]);
    bench.step(Input::Disconnected);
    assert_eq!(bench.session.deadline(), None);
}

#[test]
fn a_canceled_monitor_is_asked_for_again_with_the_new_schema() {
    let mut bench = Bench::synced();
    assert_eq!(bench.hear(canceled(77)), [], "not ours");
    let did = bench.hear(canceled(1));
    assert_eq!(did[0], Did::Unsynced);
    let schema = sent(&did, 1).clone();
    assert_eq!(schema["method"], "get_schema");
    assert_eq!(bench.hear(update3(&json!(1), T1, json!({ "delete": null }))), [], "canceled");
    assert_eq!(bench.transact(1), [Did::Replied(1, Err(TransactError::NotConnected))]);
    let did =
        bench.hear(json!({ "id": schema["id"], "result": schema_of(&["name", "more"]), "error": null }));
    let request = sent(&did, 0).clone();
    assert_eq!(request["params"], json!(["DB", 2, { "T": [{ "columns": ["more", "name"] }] }, NIL]));
    assert_eq!(bench.hear(full(&request, T2)), [Did::Changed { reset: true }, Did::Synced]);
    assert_eq!(
        bench.hear(update3(&json!(1), T1, json!({ "delete": null }))),
        [],
        "late, of the canceled monitor"
    );
    assert!(bench.name().is_some());
}

#[test]
fn an_own_change_is_in_the_replica_before_the_reply() {
    let mut bench = Bench::synced();
    let request = sent(&bench.transact(3), 0).clone();
    assert_eq!(request["params"], json!(["DB", { "op": "comment", "comment": "c" }]));
    assert_eq!(
        bench.hear(update3(&json!(1), T2, json!({ "modify": { "name": "mine" } }))),
        [Did::Changed { reset: false }]
    );
    assert_eq!(bench.name().as_deref(), Some("mine"));
    assert_eq!(
        bench.hear(json!({ "id": request["id"], "result": [{}], "error": null })),
        [Did::Replied(3, Ok(1))]
    );
}

#[test]
fn replies_find_their_transactions_in_any_order() {
    let mut bench = Bench::synced();
    let ids = [1, 2, 3].map(|ticket| sent(&bench.transact(ticket), 0)["id"].clone());
    let reply = |id: &Value| json!({ "id": id, "result": [{}], "error": null });
    assert_eq!(bench.hear(reply(&ids[1])), [Did::Replied(2, Ok(1))]);
    assert_eq!(bench.hear(reply(&ids[0])), [Did::Replied(1, Ok(1))]);
    assert_eq!(
        bench.step(Input::Disconnected),
        [Did::Unsynced, Did::Replied(3, Err(TransactError::Unknown))]
    );
}

#[test]
fn nothing_is_sent_that_is_too_long() {
    let mut bench = Bench::synced();
    let params = encode_params("DB", &[Operation::comment("x".repeat(200))]).unwrap();
    let size = params.len();
    let did = bench.step(Input::Transact { ticket: 1, params, count: 1 });
    assert_eq!(did, [Did::Replied(1, Err(TransactError::TooLarge { size, max: 200 }))]);
}

#[test]
fn transaction_overtaken_by_conversion_is_to_be_made_again() {
    let answer =
        |request: &Value, result: Value| json!({ "id": request["id"], "result": result, "error": null });
    let unknown_column = json!([{ "error": "unknown column", "details": "no" }]);
    let refused =
        Err(TransactError::Refused { error: "canceled".into(), details: "unknown column: no".into() });
    // The answer comes before the database is read anew, or after.
    for resynced in [false, true] {
        let mut bench = Bench::synced();
        let [first, second] = [1, 2].map(|ticket| sent(&bench.transact(ticket), 0).clone());
        match resynced {
            true => drop(bench.convert(1)),
            false => drop(bench.hear(canceled(1))),
        }
        assert_eq!(bench.hear(answer(&first, unknown_column.clone())), [Did::Replied(1, refused.clone())]);
        let unknown = Did::Replied(2, Err(TransactError::Unknown));
        assert_eq!(bench.hear(answer(&second, json!([{}]))), [unknown], "its changes need not be here yet");
    }
    let mut bench = Bench::synced();
    bench.convert(1);
    let request = sent(&bench.transact(3), 0).clone();
    let did = bench.hear(answer(&request, unknown_column));
    let Did::Replied(3, Err(error)) = &did[0] else { panic!("{did:?}") };
    assert_eq!(error.code(), "ovsdb-operation-failed", "asked of the new schema");
}

#[test]
fn reread_replica_is_read_whole_over_the_same_connection() {
    let mut bench = Bench::synced();
    let did = bench.step(Input::Reread);
    let (cancel, schema) = (sent(&did, 0).clone(), sent(&did, did.len() - 1).clone());
    assert_eq!((&cancel["method"], &cancel["params"]), (&json!("monitor_cancel"), &json!([1])));
    assert_eq!((&schema["method"], did.contains(&Did::Unsynced)), (&json!("get_schema"), true));
    assert_eq!(bench.hear(json!({ "id": cancel["id"], "result": {}, "error": null })), []);
    let did = bench.hear(json!({ "id": schema["id"], "result": schema_of(&["name"]), "error": null }));
    let request = sent(&did, 0).clone();
    assert_eq!(request["params"][3], NIL, "nothing is resumed");
    let did = bench.hear(full(&request, T2));
    assert_eq!(did[..2], [Did::Changed { reset: true }, Did::Synced]);
    let update = update3(&request["params"][1], T1, json!({ "modify": { "name": "second" } }));
    assert_eq!(bench.hear(update), [Did::Changed { reset: false }]);
}

#[test]
fn reread_without_connection_keeps_the_next_one_from_resuming() {
    let mut bench = Bench::synced();
    bench.step(Input::Disconnected);
    assert_eq!(bench.step(Input::Reread), []);
    assert_eq!(bench.ask(standalone())["params"][3], NIL);
}

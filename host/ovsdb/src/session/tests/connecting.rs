//! From a connection to a replica that follows.

use super::*;

#[test]
fn a_connection_opens_with_three_requests() {
    let mut bench = Bench::new(true);
    let columns = ["name", "model", "connected", "leader", "cid", "sid", "index"];
    assert_eq!(
        bench.step(Input::Connected(Patience::default())),
        [
            Did::Sent(
                json!({ "id": 0, "method": "monitor", "params": ["_Server", "server", { "Database": [{ "columns": columns }] }] })
            ),
            Did::Sent(json!({ "id": 1, "method": "set_db_change_aware", "params": [true] })),
            Did::Sent(json!({ "id": 2, "method": "get_schema", "params": ["DB"] })),
        ]
    );
}

#[test]
fn the_database_is_read_when_server_and_schema_are_known() {
    let mut bench = Bench::new(true);
    let request = bench.ask(standalone());
    assert_eq!(request["method"], "monitor_cond_since");
    assert_eq!(request["params"], json!(["DB", 1, { "T": [{ "columns": ["name"] }] }, NIL]));
    assert!(!bench.replica.read().is_complete());
    assert_eq!(bench.hear(full(&request, T1)), [Did::Changed { reset: true }, Did::Synced]);
    assert!(bench.replica.read().is_complete());
    assert_eq!(bench.name().as_deref(), Some("first"));
}

#[test]
fn a_server_without_server_database_is_taken() {
    let mut bench = Bench::new(true);
    let [state, _, schema] = bench.connect();
    assert_eq!(bench.hear(json!({ "id": schema, "result": schema_of(&["name"]), "error": null })), []);
    let did = bench.hear(json!({ "id": state, "result": null, "error": { "error": "unknown database" } }));
    assert_eq!(sent(&did, 0)["method"], "monitor_cond_since");
}

#[test]
fn unfit_servers_are_left() {
    for (state, code) in [
        (clustered(CLUSTER, false, true, 5), "not-leader"),
        (clustered(CLUSTER, true, false, 5), "server-not-connected"),
    ] {
        let mut bench = Bench::new(true);
        let [id, _, schema] = bench.connect();
        assert_eq!(bench.hear(json!({ "id": id, "result": state, "error": null })), [Did::Closed(code)]);
        assert_eq!(
            bench.hear(json!({ "id": schema, "result": schema_of(&[]), "error": null })),
            [],
            "closing"
        );
        assert_eq!(bench.session.deadline(), None);
    }
}

#[test]
fn a_server_that_does_not_list_the_database_yet_is_waited_for() {
    let others = json!({ "Database": { T1: { "new": { "name": "_Server", "model": "standalone" } } } });
    let mut bench = Bench::new(true);
    let [state, _, schema] = bench.connect();
    assert_eq!(bench.hear(json!({ "id": state, "result": others, "error": null })), []);
    assert_eq!(bench.hear(json!({ "id": schema, "result": schema_of(&["name"]), "error": null })), []);
    let did = bench.hear(json!({ "id": null, "method": "update", "params": ["server", standalone()] }));
    assert_eq!(sent(&did, 0)["method"], "monitor_cond_since");

    let mut bench = Bench::new(true);
    let [state, _, schema] = bench.connect();
    assert_eq!(bench.hear(json!({ "id": state, "result": others, "error": null })), []);
    let unknown = json!({ "id": schema, "result": null, "error": { "error": "unknown database" } });
    assert_eq!(bench.hear(unknown), [Did::Closed("no-database")]);
}

#[test]
fn a_follower_or_relay_will_do_where_the_leader_is_not_asked_for() {
    let mut bench = Bench::new(false);
    assert_eq!(bench.ask(clustered(CLUSTER, false, true, 5))["method"], "monitor_cond_since");
    let mut relay = clustered(CLUSTER, false, true, 5);
    relay["Database"][T2]["new"]["model"] = json!("relay");
    let mut bench = Bench::new(true);
    assert_eq!(bench.ask(relay)["method"], "monitor_cond_since");
}

#[test]
fn the_history_of_a_cluster_never_goes_back() {
    let mut bench = Bench::new(false);
    bench.ask(clustered(CLUSTER, true, true, 5));
    let update = |index| json!({ "id": null, "method": "update", "params": ["server", clustered(CLUSTER, true, true, index)] });
    assert_eq!(bench.hear(update(9)), []);
    bench.step(Input::Disconnected);

    let [id, ..] = bench.connect();
    let stale = json!({ "id": id, "result": clustered(CLUSTER, true, true, 8), "error": null });
    assert_eq!(bench.hear(stale), [Did::Closed("stale-server")]);
    bench.step(Input::Disconnected);

    bench.ask(clustered(OTHER_CLUSTER, true, true, 1));
    bench.step(Input::Disconnected);
    bench.ask(clustered(CLUSTER, true, true, 9));
}

#[test]
fn a_reconnect_resumes_after_the_last_transaction() {
    let mut bench = Bench::synced();
    let did = bench.hear(update3(&json!(1), T2, json!({ "modify": { "name": "second" } })));
    assert_eq!(did, [Did::Changed { reset: false }]);
    assert_eq!(bench.step(Input::Disconnected), [Did::Unsynced]);

    let request = bench.ask(standalone());
    assert_eq!(request["params"][3], T2);
    let reply = json!({ "id": request["id"], "result": [true, T2, { "T": { ROW: { "modify": { "name": "third" } } } }], "error": null });
    assert_eq!(bench.hear(reply), [Did::Changed { reset: false }, Did::Synced]);
    assert_eq!(bench.name().as_deref(), Some("third"));
    bench.step(Input::Disconnected);

    let request = bench.ask(standalone());
    assert_eq!(bench.hear(full(&request, T1)), [Did::Changed { reset: true }, Did::Synced], "not found");
    assert_eq!(bench.name().as_deref(), Some("first"));
}

#[test]
fn nothing_is_resumed_over_other_columns_or_another_cluster() {
    let mut bench = Bench::synced();
    bench.step(Input::Disconnected);
    assert_eq!(bench.ask(clustered(OTHER_CLUSTER, true, true, 1))["params"][3], NIL);
    bench.step(Input::Disconnected);
    let [state, _, schema] = bench.connect();
    bench.hear(json!({ "id": state, "result": standalone(), "error": null }));
    let did = bench.hear(json!({ "id": schema, "result": schema_of(&["name", "more"]), "error": null }));
    assert_eq!(sent(&did, 0)["params"][3], NIL);
}

#[test]
fn found_without_asking_is_refused() {
    let mut bench = Bench::new(true);
    let request = bench.ask(standalone());
    let reply = json!({ "id": request["id"], "result": [true, T1, {}], "error": null });
    assert_eq!(bench.hear(reply), [Did::Closed("malformed-message")]);
}

#[test]
fn older_servers_are_asked_in_older_ways() {
    let mut bench = Bench::new(true);
    let since = bench.ask(standalone());
    let did = bench.hear(unknown_method(&since));
    let cond = sent(&did, 0).clone();
    assert_eq!(cond["method"], "monitor_cond");
    assert_eq!(cond["params"], json!(["DB", 2, { "T": [{ "columns": ["name"] }] }]));
    let did = bench.hear(unknown_method(&cond));
    let plain = sent(&did, 0).clone();
    assert_eq!(plain["method"], "monitor");
    let reply =
        json!({ "id": plain["id"], "result": { "T": { ROW: { "new": { "name": "a" } } } }, "error": null });
    assert_eq!(bench.hear(reply), [Did::Changed { reset: true }, Did::Synced]);
    let update = json!({ "id": null, "method": "update", "params": [plain["params"][1], { "T": { ROW: { "old": { "name": "a" }, "new": { "name": "b" } } } }] });
    assert_eq!(bench.hear(update), [Did::Changed { reset: false }]);
    assert_eq!(bench.name().as_deref(), Some("b"));

    bench.step(Input::Disconnected);
    let since = bench.ask(standalone());
    assert_eq!(since["method"], "monitor_cond_since", "the server may be a newer one now");
    let did = bench.hear(unknown_method(&since));
    let cond = sent(&did, 0).clone();
    let reply = json!({ "id": cond["id"], "result": { "T": { ROW: { "initial": { "name": "c" } } } }, "error": null });
    assert_eq!(bench.hear(reply), [Did::Changed { reset: true }, Did::Synced]);
    let update = json!({ "id": null, "method": "update2", "params": [cond["params"][1], { "T": { ROW: { "modify": { "name": "d" } } } }] });
    assert_eq!(bench.hear(update), [Did::Changed { reset: false }]);
    assert_eq!(bench.name().as_deref(), Some("d"));
}

#[test]
fn a_server_that_lets_nothing_be_monitored_is_left() {
    let mut bench = Bench::new(true);
    let mut request = bench.ask(standalone());
    for _ in 0..2 {
        request = sent(&bench.hear(unknown_method(&request)), 0).clone();
    }
    assert_eq!(bench.hear(unknown_method(&request)), [Did::Closed("no-monitor")]);
}

#[test]
fn older_data_that_every_server_shows_for_a_minute_is_accepted() {
    let mut bench = Bench::new(true);
    bench.ask(clustered(CLUSTER, true, true, 9));
    bench.step(Input::Disconnected);
    for _ in 0..6 {
        let [id, ..] = bench.connect();
        let stale = json!({ "id": id, "result": clustered(CLUSTER, true, true, 5), "error": null });
        assert_eq!(bench.hear(stale), [Did::Closed("stale-server")]);
        bench.step(Input::Disconnected);
        bench.now += Duration::from_secs(10);
    }
    assert_eq!(bench.ask(clustered(CLUSTER, true, true, 5))["method"], "monitor_cond_since");
    bench.step(Input::Disconnected);
    bench.ask(clustered(CLUSTER, true, true, 6));
}

//! Locks, over reconnects, conversions and refusals.

use super::*;

#[test]
fn locks_are_asked_for_on_every_connection() {
    let mut bench = Bench::synced();
    let request = sent(&bench.step(Input::Lock("l".into())), 0).clone();
    assert_eq!((&request["method"], &request["params"]), (&json!("lock"), &json!(["l"])));
    assert_eq!(bench.step(Input::Lock("l".into())), [], "asked for already");
    assert_eq!(bench.hear(json!({ "id": request["id"], "result": { "locked": false }, "error": null })), []);
    assert_eq!(bench.hear(json!({ "id": null, "method": "locked", "params": ["l"] })), [Did::Lock(true)]);
    assert_eq!(bench.hear(json!({ "id": null, "method": "stolen", "params": ["l"] })), [Did::Lock(false)]);
    assert_eq!(bench.hear(json!({ "id": null, "method": "locked", "params": ["l"] })), [Did::Lock(true)]);
    assert_eq!(bench.step(Input::Disconnected), [Did::Unsynced, Did::Lock(false)]);

    let request = bench.ask(standalone());
    let did = bench.hear(full(&request, T1));
    assert_eq!(sent(&did, 2)["method"], "lock");
    let did = bench.step(Input::Unlock("l".into()));
    assert_eq!((&sent(&did, 0)["method"], &sent(&did, 0)["params"]), (&json!("unlock"), &json!(["l"])));
}

#[test]
fn held_lock_survives_conversion_without_a_new_request() {
    let mut bench = Bench::synced();
    bench.lock();
    assert_eq!(bench.convert(1), [Did::Changed { reset: true }, Did::Synced]);
    assert_eq!(bench.hear(json!({ "id": null, "method": "stolen", "params": ["l"] })), [Did::Lock(false)]);
    assert_eq!(bench.step(Input::Disconnected), [Did::Unsynced]);
}

#[test]
fn awaited_lock_survives_conversion_without_a_new_request() {
    let mut bench = Bench::synced();
    let request = sent(&bench.step(Input::Lock("l".into())), 0).clone();
    bench.hear(json!({ "id": request["id"], "result": { "locked": false }, "error": null }));
    assert_eq!(bench.convert(1), [Did::Changed { reset: true }, Did::Synced]);
    assert_eq!(bench.hear(json!({ "id": null, "method": "locked", "params": ["l"] })), [Did::Lock(true)]);
    // Another one, in the middle of which it is lost and won.
    bench.hear(canceled(2));
    assert_eq!(bench.hear(json!({ "id": null, "method": "stolen", "params": ["l"] })), [Did::Lock(false)]);
    assert_eq!(bench.hear(json!({ "id": null, "method": "locked", "params": ["l"] })), [Did::Lock(true)]);
}

#[test]
fn lock_wanted_or_given_up_during_conversion_is_requested_or_released() {
    let mut bench = Bench::synced();
    bench.lock();
    let did = bench.hear(canceled(1));
    let schema = sent(&did, 1).clone();
    assert_eq!(bench.step(Input::Lock("m".into())), []);
    let did = bench.step(Input::Unlock("l".into()));
    assert_eq!(sent(&did, 0)["method"], "unlock");
    let did = bench.hear(json!({ "id": schema["id"], "result": schema_of(&["name"]), "error": null }));
    let request = sent(&did, 0).clone();
    let did = bench.hear(full(&request, T2));
    assert_eq!((&sent(&did, 2)["method"], &sent(&did, 2)["params"]), (&json!("lock"), &json!(["m"])));
    assert_eq!(did.len(), 3);
}

#[test]
fn refused_lock_is_released_and_requested_again_with_growing_pauses() {
    let must_unlock = "must issue \"unlock\" before new \"lock\"";
    let mut bench = Bench::synced();
    let mut did = bench.step(Input::Lock("l".into()));
    for pause in [250, 500, 1000] {
        let request = sent(&did, did.len() - 1).clone();
        let error = json!({ "error": "syntax error", "details": must_unlock });
        let refused = json!({ "id": request["id"], "result": null, "error": error });
        assert_eq!(bench.hear(refused), [Did::LockRefused(must_unlock.to_owned())]);
        let due = bench.now + Duration::from_millis(pause);
        assert_eq!(bench.session.deadline(), Some(due));
        assert_eq!(bench.step(Input::Tick), [], "early");
        bench.now = due;
        did = bench.step(Input::Tick);
        let methods: Vec<_> = (0..did.len()).map(|at| sent(&did, at)["method"].as_str().unwrap()).collect();
        assert_eq!(methods, ["unlock", "lock"]);
    }
    let request = sent(&did, 1).clone();
    let queued = json!({ "id": request["id"], "result": { "locked": false }, "error": null });
    assert_eq!(bench.hear(queued), [Did::Lock(false)], "no error any more");
    assert_eq!(bench.hear(json!({ "id": null, "method": "locked", "params": ["l"] })), [Did::Lock(true)]);
    assert_eq!(bench.session.deadline(), Some(bench.now + Duration::from_secs(5)), "only the probe");
}

#[test]
fn answer_without_locked_counts_as_refusal() {
    let mut bench = Bench::synced();
    let request = sent(&bench.step(Input::Lock("l".into())), 0).clone();
    let did = bench.hear(json!({ "id": request["id"], "result": {}, "error": null }));
    assert_eq!(did, [Did::LockRefused("null".to_owned())]);
    bench.step(Input::Disconnected);
    assert_eq!(bench.session.deadline(), None);
}

#[test]
fn relay_is_not_asked_for_locks() {
    let mut relay = standalone();
    relay["Database"][T2]["new"]["model"] = json!("relay");
    let mut bench = Bench::new(true);
    bench.step(Input::Lock("l".into()));
    let request = bench.ask(relay);
    assert_eq!(bench.hear(full(&request, T1)), [Did::Changed { reset: true }, Did::Synced]);
    assert_eq!(bench.step(Input::Lock("m".into())), []);
    bench.step(Input::Disconnected);
    let request = bench.ask(standalone());
    assert_eq!(bench.hear(full(&request, T1)).len(), 4, "two requests for locks");
}

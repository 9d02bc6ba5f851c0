//! Servers that do not answer.

use super::*;

const SECOND: Duration = Duration::from_secs(1);

impl Bench {
    /// Synchronised with a probe interval as it is by default.
    fn synced_for_long(doublings: u32) -> Self {
        let mut bench = Self::new(true);
        bench.session.config.probe_interval = 60 * SECOND;
        bench.connect_with(Patience { doublings, first_answer: None });
        bench
    }

    /// Connects and synchronises.
    fn connect_with(&mut self, patience: Patience) {
        let did = self.step(Input::Connected(patience));
        let [state, schema] = [0, 2].map(|at| sent(&did, at)["id"].clone());
        self.hear(json!({ "id": state, "result": standalone(), "error": null }));
        let did = self.hear(json!({ "id": schema, "result": schema_of(&["name"]), "error": null }));
        let request = sent(&did, 0).clone();
        assert_eq!(self.hear(full(&request, T1)), [Did::Changed { reset: true }, Did::Synced]);
    }

    /// Waits until something is done; gives what, and after how many seconds.
    fn wait(&mut self) -> (u64, Vec<Did>) {
        let due = self.session.deadline().unwrap();
        let waited = due - self.now;
        self.now = due;
        (waited.as_secs(), self.step(Input::Tick))
    }

    fn answer(&mut self, request: &Value) -> Vec<Did> {
        self.hear(json!({ "id": request["id"], "result": [{}], "error": null }))
    }
}

fn closed(code: &'static str) -> Vec<Did> {
    vec![Did::Unsynced, Did::Closed(code)]
}

#[test]
fn silent_server_that_owes_an_answer_is_given_up_after_an_echo() {
    let mut bench = Bench::synced_for_long(0);
    bench.now += 30 * SECOND;
    bench.transact(1);
    bench.transact(2);
    let (waited, did) = bench.wait();
    assert_eq!((waited, &sent(&did, 0)["method"]), (2, &json!("echo")));
    assert_eq!(bench.wait(), (2, closed("inactive")));
    let replied = bench.step(Input::Disconnected);
    assert_eq!(replied, [1, 2].map(|ticket| Did::Replied(ticket, Err(TransactError::Unknown))));
}

#[test]
fn silent_server_that_owes_nothing_has_the_probe_interval() {
    let mut bench = Bench::synced_for_long(0);
    let request = sent(&bench.transact(1), 0).clone();
    bench.now += SECOND;
    bench.answer(&request);
    let (waited, did) = bench.wait();
    assert_eq!((waited, &sent(&did, 0)["method"]), (60, &json!("echo")));
    // A transaction that comes now has a while of its own.
    bench.now += 50 * SECOND;
    bench.transact(2);
    assert_eq!(bench.wait(), (4, closed("inactive")));
}

#[test]
fn server_that_answers_echoes_but_no_transaction_is_left() {
    let mut bench = Bench::synced_for_long(0);
    bench.transact(1);
    for _ in 0..4 {
        let (waited, did) = bench.wait();
        assert_eq!(waited, 2);
        let echo = sent(&did, 0).clone();
        assert_eq!(echo["method"], "echo");
        bench.hear(json!({ "id": echo["id"], "result": [], "error": null }));
    }
    assert_eq!(bench.wait(), (2, closed("transaction-unanswered")));
}

#[test]
fn stream_of_updates_does_not_count_as_an_answer() {
    let mut bench = Bench::synced_for_long(0);
    bench.transact(1);
    for _ in 0..9 {
        bench.now += SECOND;
        assert_eq!(bench.step(Input::Received), []);
        assert_eq!(bench.step(Input::Tick), []);
    }
    assert_eq!(bench.wait(), (1, closed("transaction-unanswered")));
}

#[test]
fn limits_double_until_a_transaction_is_answered_in_time() {
    for (doublings, limit) in [(0, 2), (1, 4), (2, 8), (5, 60), (99, 60)] {
        let mut bench = Bench::synced_for_long(doublings);
        bench.transact(1);
        assert_eq!(bench.wait().0, limit);
        assert_eq!(bench.wait(), (limit, closed("inactive")));
        assert_eq!(bench.session.doublings(), doublings + 1);
    }
    let mut bench = Bench::synced_for_long(3);
    let request = sent(&bench.transact(1), 0).clone();
    bench.now += 3 * SECOND;
    bench.answer(&request);
    assert_eq!(bench.session.doublings(), 3, "slow as ever");
    let request = sent(&bench.transact(1), 0).clone();
    bench.now += SECOND;
    bench.answer(&request);
    assert_eq!(bench.session.doublings(), 0);
    // Silence while nothing is owed says nothing of how long transactions take.
    let mut bench = Bench::synced_for_long(0);
    bench.wait();
    assert_eq!(bench.wait(), (60, closed("inactive")));
    assert_eq!(bench.session.doublings(), 0);
}

#[test]
fn unanswered_transaction_doubles_the_limit_too() {
    let mut bench = Bench::synced_for_long(1);
    bench.transact(1);
    for _ in 0..4 {
        let (waited, did) = bench.wait();
        assert_eq!(waited, 4);
        let echo = sent(&did, 0).clone();
        bench.hear(json!({ "id": echo["id"], "result": [], "error": null }));
    }
    assert_eq!(bench.wait(), (4, closed("transaction-unanswered")), "20 s");
    assert_eq!(bench.session.doublings(), 2);
}

#[test]
fn probe_interval_below_the_limits_is_kept() {
    let mut bench = Bench::synced_for_long(0);
    bench.session.config.probe_interval = SECOND;
    bench.transact(1);
    assert_eq!(bench.wait().0, 1);
    assert_eq!(bench.wait(), (1, closed("inactive")));
}

#[test]
fn probe_interval_of_zero_gives_nothing_up() {
    let mut bench = Bench::new(true);
    bench.session.config.probe_interval = Duration::ZERO;
    bench.step(Input::Connected(Patience { doublings: 0, first_answer: Some(SECOND) }));
    assert_eq!(bench.session.deadline(), None);
    bench.step(Input::Disconnected);
    bench.connect_with(Patience::default());
    bench.transact(1);
    assert_eq!(bench.session.deadline(), None);
    bench.now += 1000 * SECOND;
    assert_eq!(bench.step(Input::Tick), []);
    // Locks are no matter of silence.
    let request = sent(&bench.step(Input::Lock("l".into())), 0).clone();
    bench.hear(json!({ "id": request["id"], "result": null, "error": "no" }));
    assert_eq!(bench.session.deadline(), Some(bench.now + Duration::from_millis(250)));
}

#[test]
fn schema_and_first_read_have_a_limit_of_their_own() {
    let mut bench = Bench::synced_for_long(0);
    bench.step(Input::Disconnected);
    let [state, _, schema] = bench.connect();
    assert_eq!(bench.session.deadline(), Some(bench.now + 180 * SECOND), "before the schema");
    bench.now += 100 * SECOND;
    bench.hear(json!({ "id": state, "result": standalone(), "error": null }));
    let did = bench.hear(json!({ "id": schema, "result": schema_of(&["name"]), "error": null }));
    assert_eq!(bench.session.deadline(), Some(bench.now + 180 * SECOND), "before the rows");
    bench.now += 170 * SECOND;
    bench.step(Input::Received);
    assert_eq!(bench.session.deadline(), Some(bench.now + 180 * SECOND), "part of the rows");
    let request = sent(&did, 0).clone();
    bench.hear(full(&request, T1));
    // After a conversion too, whatever was under way.
    bench.transact(1);
    bench.hear(canceled(2));
    assert_eq!(bench.wait(), (180, vec![Did::Closed("inactive")]));
    assert_eq!(bench.session.doublings(), 0);
}

#[test]
fn first_byte_has_less_where_there_are_other_endpoints() {
    let patience = Patience { doublings: 0, first_answer: Some(4 * SECOND) };
    let mut bench = Bench::new(true);
    bench.step(Input::Connected(patience));
    assert_eq!(bench.wait(), (4, vec![Did::Closed("inactive")]));
    bench.step(Input::Disconnected);
    bench.step(Input::Connected(patience));
    bench.step(Input::Received);
    assert_eq!(bench.session.deadline(), Some(bench.now + 180 * SECOND));
}

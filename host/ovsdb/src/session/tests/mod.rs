//! Scripts with a clock of their own.

mod connecting;
mod following;
mod liveness;
mod locks;

use serde_json::json;

use super::*;
use crate::transaction::{Operation, encode_params};

const ROW: &str = "00000000-0000-0000-0000-00000000000a";
const T1: &str = "00000000-0000-0000-0000-0000000000f1";
const T2: &str = "00000000-0000-0000-0000-0000000000f2";
const NIL: &str = "00000000-0000-0000-0000-000000000000";
const CLUSTER: &str = "00000000-0000-0000-0000-0000000000c1";
const OTHER_CLUSTER: &str = "00000000-0000-0000-0000-0000000000c2";

/// A session with a clock, and the server's side of the conversation.
struct Bench {
    session: Session<u32>,
    replica: Arc<RwLock<Replica>>,
    now: Instant,
}

/// What was done, in short.
#[derive(Debug, PartialEq)]
enum Did {
    Sent(Value),
    Closed(&'static str),
    Synced,
    Unsynced,
    Changed { reset: bool },
    Replied(u32, Result<usize, TransactError>),
    Lock(bool),
    LockRefused(String),
}

impl Bench {
    fn new(leader_only: bool) -> Self {
        let tables = vec![TableSpec { name: "T".into(), columns: vec![], indexes: vec![], any_of: vec![] }];
        let config = SessionConfig {
            database: "DB".into(),
            leader_only,
            tables,
            probe_interval: Duration::from_secs(5),
            read_timeout: Duration::from_secs(180),
            max_message: 200,
        };
        let replica = Arc::new(RwLock::new(Replica::new()));
        let now = Instant::now();
        Self { session: Session::new(config, replica.clone(), now), replica, now }
    }

    fn step(&mut self, input: Input<u32>) -> Vec<Did> {
        let outputs = self.session.step(self.now, input);
        outputs
            .into_iter()
            .map(|output| match output {
                Output::Send(text) => Did::Sent(serde_json::from_str(&text).unwrap()),
                Output::Disconnect(reason) => Did::Closed(reason.code()),
                Output::Synced => Did::Synced,
                Output::Unsynced => Did::Unsynced,
                Output::Changed(changed) => Did::Changed { reset: changed.reset },
                Output::Reply { ticket, result } => Did::Replied(ticket, result.map(|results| results.len())),
                Output::Lock { held, .. } => Did::Lock(held),
                Output::LockRefused { error, .. } => Did::LockRefused(error),
            })
            .collect()
    }

    fn hear(&mut self, message: Value) -> Vec<Did> {
        self.step(Input::Message(message))
    }

    /// Connects; gives the ids of the three first requests.
    fn connect(&mut self) -> [Value; 3] {
        let did = self.step(Input::Connected(Patience::default()));
        [0, 1, 2].map(|at| sent(&did, at)["id"].clone())
    }

    /// Connects and answers up to the monitor request, which is given.
    fn ask(&mut self, server: Value) -> Value {
        let [state, _, schema] = self.connect();
        assert_eq!(self.hear(json!({ "id": state, "result": server, "error": null })), []);
        let did = self.hear(json!({ "id": schema, "result": schema_of(&["name"]), "error": null }));
        sent(&did, 0).clone()
    }

    /// Connects and synchronises with one row, last transaction T1.
    fn synced() -> Self {
        let mut bench = Self::new(true);
        let request = bench.ask(standalone());
        assert_eq!(bench.hear(full(&request, T1)), [Did::Changed { reset: true }, Did::Synced]);
        bench
    }

    /// The server converts the database under monitor `monitor`: cancels, and tells schema and rows anew.
    fn convert(&mut self, monitor: u64) -> Vec<Did> {
        let did = self.hear(canceled(monitor));
        assert_eq!(did[0], Did::Unsynced);
        let schema = sent(&did, 1).clone();
        let did =
            self.hear(json!({ "id": schema["id"], "result": schema_of(&["name", "more"]), "error": null }));
        let request = sent(&did, 0).clone();
        self.hear(full(&request, T2))
    }

    /// Has the lock, which the server grants at once.
    fn lock(&mut self) {
        let request = sent(&self.step(Input::Lock("l".into())), 0).clone();
        let granted = json!({ "id": request["id"], "result": { "locked": true }, "error": null });
        assert_eq!(self.hear(granted), [Did::Lock(true)]);
    }

    fn name(&self) -> Option<String> {
        let replica = self.replica.read();
        replica.get("T", &ROW.parse().unwrap()).and_then(|row| row.str("name").map(str::to_owned))
    }

    fn transact(&mut self, ticket: u32) -> Vec<Did> {
        let params = encode_params("DB", &[Operation::comment("c")]).unwrap();
        self.step(Input::Transact { ticket, params, count: 1 })
    }
}

fn sent(did: &[Did], at: usize) -> &Value {
    match &did[at] {
        Did::Sent(message) => message,
        other => panic!("{other:?} is not sent"),
    }
}

fn schema_of(columns: &[&str]) -> Value {
    let columns: serde_json::Map<String, Value> =
        columns.iter().map(|column| ((*column).to_owned(), json!({ "type": "string" }))).collect();
    json!({ "name": "DB", "tables": { "T": { "columns": columns } } })
}

fn standalone() -> Value {
    let row = json!({ "name": "DB", "model": "standalone", "connected": true, "leader": true,
        "cid": ["set", []], "sid": ["set", []], "index": ["set", []] });
    json!({ "Database": { T1: { "new": { "name": "_Server", "model": "standalone" } }, T2: { "new": row } } })
}

fn clustered(cluster: &str, leader: bool, connected: bool, index: i64) -> Value {
    let row = json!({ "name": "DB", "model": "clustered", "connected": connected, "leader": leader,
        "cid": ["uuid", cluster], "sid": ["uuid", T1], "index": index });
    json!({ "Database": { T2: { "new": row } } })
}

/// The complete answer to a monitor_cond_since request.
fn full(request: &Value, last: &str) -> Value {
    let tables = json!({ "T": { ROW: { "initial": { "name": "first" } } } });
    json!({ "id": request["id"], "result": [false, last, tables], "error": null })
}

fn update3(monitor: &Value, last: &str, row: Value) -> Value {
    json!({ "id": null, "method": "update3", "params": [monitor, last, { "T": { ROW: row } }] })
}

fn canceled(monitor: u64) -> Value {
    json!({ "id": null, "method": "monitor_canceled", "params": [monitor] })
}

fn unknown_method(request: &Value) -> Value {
    json!({ "id": request["id"], "result": null, "error": "unknown method" })
}

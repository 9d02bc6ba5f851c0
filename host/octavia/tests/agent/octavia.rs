//! As much of Octavia as its agent's clients see, and what the dispatcher tells.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use serde_json::{Value, json};
use uuid::Uuid;
use weir_octavia::agent::{AgentError, Dispatcher, DispatcherSettings, Events, ObjectKind, StatusUpdate};

use crate::fake_agent::{Answers, FakeAgent, Reply, until};

pub type Id = (ObjectKind, Uuid);

/// Its database, and how its agent misbehaves.
#[derive(Default)]
pub struct Octavia {
    /// Objects by load balancer.
    known: Mutex<BTreeMap<Uuid, BTreeSet<Id>>>,
    /// The last provisioning status of each object, and how many there were.
    statuses: Mutex<BTreeMap<Id, (String, usize)>>,
    /// Says what becomes of a status message or question, instead of what Octavia does.
    whim: Mutex<Option<Whim>>,
}

type Whim = Box<dyn FnMut(&Value) -> Option<Reply> + Send>;

impl Octavia {
    /// Commits an object.
    pub fn commit(&self, lb: Uuid, id: Id) {
        let mut known = self.known.lock().unwrap();
        let objects = known.entry(lb).or_default();
        objects.extend([(ObjectKind::LoadBalancer, lb), id]);
    }

    /// From now on the agent asks this one first.
    pub fn whim(&self, whim: impl FnMut(&Value) -> Option<Reply> + Send + 'static) {
        *self.whim.lock().unwrap() = Some(Box::new(whim));
    }

    /// The last status of an object.
    pub fn status(&self, id: Id) -> Option<String> {
        self.statuses.lock().unwrap().get(&id).map(|(status, _)| status.clone())
    }

    /// How many statuses an object got.
    pub fn times(&self, id: Id) -> usize {
        self.statuses.lock().unwrap().get(&id).map_or(0, |(_, times)| *times)
    }

    /// Takes a message, as the agent does: by kind, up to the first record that fails.
    pub fn apply(&self, message: &Value, fails: impl Fn(Id) -> bool) -> Value {
        for kind in ObjectKind::ALL {
            for record in message[kind.plural()].as_array().unwrap() {
                let id: Uuid = record["id"].as_str().unwrap().parse().unwrap();
                if fails((kind, id)) {
                    return json!({
                        "status_code": 500, "fault_string": "no such row",
                        "status_object": kind.plural(), "status_object_id": id,
                    });
                }
                let status = record["provisioning_status"].as_str().unwrap_or_default().to_owned();
                let mut statuses = self.statuses.lock().unwrap();
                let entry = statuses.entry((kind, id)).or_default();
                *entry = (status, entry.1 + 1);
            }
        }
        json!({ "status_code": 200 })
    }

    fn asked(&self, request: &Value) -> Option<Reply> {
        self.whim.lock().unwrap().as_mut()?(request)
    }
}

impl Answers for Octavia {
    fn status(&self, message: Value) -> Reply {
        self.asked(&message).unwrap_or_else(|| Reply::Json(self.apply(&message, |_| false)))
    }

    fn get(&self, request: Value) -> Reply {
        self.asked(&request).unwrap_or_else(|| {
            assert_eq!(request["object"], "loadbalancers");
            let known = self.known.lock().unwrap();
            let objects = known.get(&request["id"].as_str().unwrap().parse().unwrap());
            let objects: Vec<Value> =
                objects.into_iter().flatten().map(|(kind, id)| json!({ kind.id_key(): id })).collect();
            // One object that holds the load balancer's id and the rest somewhere.
            match objects.iter().find(|object| object["loadbalancer_id"] == request["id"]) {
                Some(own) => {
                    let mut own = own.clone();
                    own["listeners"] = json!(objects);
                    Reply::Json(own)
                }
                None => Reply::Json(json!({})),
            }
        })
    }
}

/// What the dispatcher told.
#[derive(Default)]
pub struct Told {
    pub delivered: Mutex<Vec<u64>>,
    pub missing: Mutex<Vec<StatusUpdate>>,
    /// Messages about to be sent and sent, and records in them.
    pub sending: AtomicUsize,
    pub sent: Mutex<Vec<(Option<&'static str>, usize)>>,
}

impl Events for Told {
    fn sending(&self, records: usize) {
        assert!(records > 0);
        self.sending.fetch_add(1, SeqCst);
    }

    fn sent(&self, outcome: &Result<(), AgentError>, records: usize) {
        self.sent.lock().unwrap().push((outcome.as_ref().err().map(AgentError::code), records));
    }

    fn delivered(&self, seqs: Vec<u64>) {
        self.delivered.lock().unwrap().extend(seqs);
    }

    fn missing(&self, update: StatusUpdate) {
        assert!(!self.delivered.lock().unwrap().contains(&update.seq), "too late");
        self.missing.lock().unwrap().push(update);
    }
}

impl Told {
    /// Waits until all of these numbers are back; each is so once.
    pub async fn back(&self, seqs: impl IntoIterator<Item = u64>) {
        let wanted: Vec<u64> = seqs.into_iter().collect();
        until("all delivered", || async { self.delivered.lock().unwrap().len() >= wanted.len() }).await;
        let mut delivered = self.delivered.lock().unwrap().clone();
        delivered.sort_unstable();
        assert_eq!(delivered, wanted);
    }

    /// How messages ended: the codes of errors.
    pub fn failures(&self) -> BTreeSet<&'static str> {
        self.sent.lock().unwrap().iter().filter_map(|(code, _)| *code).collect()
    }
}

/// All of it, with sockets that are not there yet.
pub struct Case {
    pub fake: FakeAgent,
    pub octavia: Arc<Octavia>,
    pub told: Arc<Told>,
    pub dispatcher: Dispatcher,
}

impl Case {
    pub fn new(timeout: Duration) -> Self {
        Self::with(timeout, DispatcherSettings::default())
    }

    pub fn with(timeout: Duration, settings: DispatcherSettings) -> Self {
        let fake = FakeAgent::new();
        let told = Arc::new(Told::default());
        let dispatcher = Dispatcher::start(fake.client(timeout), settings, told.clone());
        Self { fake, octavia: Arc::default(), told, dispatcher }
    }

    pub fn start(&mut self) {
        self.fake.start(self.octavia.clone());
    }
}

/// A status of an object.
pub fn status(seq: u64, lb: Uuid, id: Id, status: &str) -> StatusUpdate {
    StatusUpdate {
        seq,
        lb,
        kind: id.0,
        id: id.1,
        provisioning: Some(status.into()),
        operating: None,
        created: false,
        deleted: status == "DELETED",
    }
}

/// The status of an object that is new.
pub fn created(seq: u64, lb: Uuid, id: Id) -> StatusUpdate {
    StatusUpdate { created: true, ..status(seq, lb, id, "ACTIVE") }
}

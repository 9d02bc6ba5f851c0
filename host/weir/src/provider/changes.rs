//! Changes by id and idempotency key.

use std::{
    collections::{HashMap, VecDeque},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, SystemTime},
};

use parking_lot::Mutex;
use tokio::sync::watch;
use uuid::Uuid;
use weir_model::{LoadBalancer, LoadBalancerId, Touched};
use weir_octavia::{CallContext, ChangeProgress, ChangeState, Refusal};

use super::ports::VipPortsMade;
use crate::limits;

/// How far a change has come, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    pub state: ChangeProgress,
    pub detail: Option<String>,
}

/// The load balancer before and after a change, for taking it back.
#[derive(Clone)]
pub struct Undo {
    pub before: Option<Arc<LoadBalancer>>,
    pub after: Option<Arc<LoadBalancer>>,
}

/// An accepted change.
pub struct Record {
    pub id: Uuid,
    pub method: &'static str,
    pub lb: Option<LoadBalancerId>,
    /// octavia's request id, for logs and transaction comments.
    pub request_id: Option<String>,
    pub progress: watch::Sender<Progress>,
    /// What the first answer said of `committed`.
    pub answered: OnceLock<bool>,
    /// What Octavia holds up for it.
    pub touched: Touched,
    /// A delete of what the rows do not have: Octavia alone knows what else it holds up.
    pub lost: bool,
    pub accepted: SystemTime,
    /// It was found in the journal.
    pub recovered: bool,
    /// It has an entry in the journal.
    pub journaled: bool,
    /// It may be carried out: its entry is on disk.
    durable: AtomicBool,
    /// Octavia, not the caller, has taken it back.
    rolled_back: AtomicBool,
    undo: Mutex<Option<Undo>>,
}

impl Record {
    /// The method of taking a change back.
    pub const ABANDON: &str = "abandon";
    /// The method of taking out what Octavia does not know.
    pub const TAKE_OUT: &str = "take_out_unknown";

    fn with(
        id: Uuid,
        method: &'static str,
        lb: Option<LoadBalancerId>,
        request_id: Option<String>,
        touched: Touched,
    ) -> Self {
        Self {
            id,
            method,
            lb,
            request_id,
            progress: watch::Sender::new(Progress { state: ChangeProgress::Pending, detail: None }),
            answered: OnceLock::new(),
            touched,
            lost: false,
            accepted: SystemTime::now(),
            recovered: false,
            journaled: true,
            durable: AtomicBool::new(false),
            rolled_back: AtomicBool::new(false),
            undo: Mutex::new(None),
        }
    }

    /// A provider call's.
    pub fn new(
        call: &CallContext,
        lb: Option<LoadBalancerId>,
        touched: Touched,
        lost: bool,
        undo: Undo,
    ) -> Self {
        let undo = Mutex::new(Some(undo));
        Self { lost, undo, ..Self::with(Uuid::new_v4(), call.method, lb, call.request_id.clone(), touched) }
    }

    /// Of something the host does by itself, written down in the journal.
    pub fn own(method: &'static str, lb: LoadBalancerId, request_id: Option<String>) -> Self {
        Self::with(Uuid::new_v4(), method, Some(lb), request_id, Touched::default())
    }

    /// The same, of something that releases objects.
    pub fn own_releasing(method: &'static str, lb: LoadBalancerId, touched: Touched) -> Self {
        Self::with(Uuid::new_v4(), method, Some(lb), None, touched)
    }

    /// Of something that is made again where it is needed, so that it is not written down.
    pub fn passing(method: &'static str, lb: LoadBalancerId, request_id: Option<String>) -> Self {
        Self { journaled: false, durable: AtomicBool::new(true), ..Self::own(method, lb, request_id) }
    }

    /// The same, of something that lets objects go.
    pub fn releasing(method: &'static str, lb: LoadBalancerId, touched: Touched) -> Self {
        Self { touched, ..Self::passing(method, lb, None) }
    }

    /// One that was found in the journal.
    pub fn recovered(
        id: Uuid,
        method: &'static str,
        lb: Option<LoadBalancerId>,
        request_id: Option<String>,
        touched: Touched,
    ) -> Self {
        let durable = AtomicBool::new(true);
        Self { durable, recovered: true, ..Self::with(id, method, lb, request_id, touched) }
    }

    /// Whether it may be carried out.
    pub fn is_durable(&self) -> bool {
        self.durable.load(Ordering::Acquire)
    }

    /// Its entry is on disk.
    pub fn set_durable(&self) {
        self.durable.store(true, Ordering::Release);
    }

    /// How long ago it was accepted.
    pub fn age(&self) -> Duration {
        // A clock that was set back makes it old: Octavia is then asked, which is right in any case.
        self.accepted.elapsed().unwrap_or(Duration::MAX)
    }

    /// Ends it as taken back by Octavia.
    pub fn roll_back(&self) {
        self.rolled_back.store(true, Ordering::Release);
        let detail = "Octavia has rolled it back".to_owned();
        self.finish(ChangeProgress::Abandoned, Some(detail));
    }

    /// Whether Octavia has taken it back.
    pub fn rolled_back(&self) -> bool {
        self.rolled_back.load(Ordering::Acquire)
    }

    /// Ends the change, unless it has been abandoned meanwhile.
    pub fn finish(&self, state: ChangeProgress, detail: Option<String>) {
        self.progress.send_if_modified(|progress| {
            let pending = progress.state == ChangeProgress::Pending;
            if pending {
                *progress = Progress { state, detail };
            }
            pending
        });
    }

    /// What is needed to take it back, while that is remembered.
    pub fn undo(&self) -> Option<Undo> {
        self.undo.lock().clone()
    }

    /// From now on it cannot be taken back.
    pub fn forget_undo(&self) {
        drop(self.undo.lock().take());
    }

    /// Marks the change abandoned.
    pub fn abandon(&self) {
        drop(self.undo.lock().take());
        self.progress.send_replace(Progress { state: ChangeProgress::Abandoned, detail: None });
    }

    /// Waits until the change is no longer pending.
    pub async fn finished(&self) -> Progress {
        let mut watch = self.progress.subscribe();
        match watch.wait_for(|progress| progress.state != ChangeProgress::Pending).await {
            Ok(progress) => progress.clone(),
            Err(_) => self.progress.borrow().clone(),
        }
    }

    /// What `GET /v1/changes` answers.
    pub fn state(&self) -> ChangeState {
        let progress = self.progress.borrow().clone();
        ChangeState {
            id: self.id.to_string(),
            state: progress.state,
            method: Some(self.method.to_owned()),
            loadbalancer_id: self.lb,
            detail: progress.detail,
        }
    }
}

/// What an idempotency key stands for.
#[derive(Clone)]
pub enum Outcome {
    /// The call was accepted.
    Accepted(Arc<Record>),
    /// The call was refused.
    Refused(Refusal),
    /// VIP ports were made.
    VipPorts(VipPortsMade),
    /// The key was abandoned before any call used it.
    Abandoned,
}

/// What to do with a call that has a key.
pub enum Begun {
    /// Nobody has used the key: go on, then [`Changes::settle`].
    First,
    /// Another call is at it, or was: its outcome is, or will be, in here. `None` again means it left no outcome.
    Known(watch::Receiver<Option<Outcome>>),
}

/// The memory of changes.
#[derive(Default)]
pub struct Changes {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    by_id: HashMap<Uuid, Arc<Record>>,
    by_key: HashMap<String, watch::Sender<Option<Outcome>>>,
    makers: HashMap<Uuid, Arc<Record>>,
    /// The last change of a load balancer, where it has failed.
    failures: HashMap<LoadBalancerId, Arc<Record>>,
    order: VecDeque<Forget>,
    revertible: VecDeque<Arc<Record>>,
}

/// What to forget, oldest first.
struct Forget {
    record: Option<Uuid>,
    key: Option<String>,
    objects: Vec<Uuid>,
}

impl Changes {
    /// Claims a key for a call.
    pub fn begin(&self, key: &str) -> Begun {
        let mut inner = self.inner.lock();
        match inner.by_key.get(key) {
            Some(known) => Begun::Known(known.subscribe()),
            None => {
                inner.by_key.insert(key.to_owned(), watch::Sender::new(None));
                Begun::First
            }
        }
    }

    /// Writes down what became of a call: its record and objects it made, or its refusal. `None` frees the key, so that
    /// the same call may be tried again.
    pub fn settle(&self, key: Option<&str>, outcome: Option<Outcome>, made: Vec<Uuid>) {
        let mut inner = self.inner.lock();
        let Some(outcome) = outcome else {
            if let Some(waiting) = key.and_then(|key| inner.by_key.remove(key)) {
                waiting.send_replace(None);
            }
            return;
        };
        let record = match &outcome {
            Outcome::Accepted(record) => Some(record.clone()),
            Outcome::Refused(_) | Outcome::VipPorts(_) | Outcome::Abandoned => None,
        };
        if let Some(record) = &record {
            inner.by_id.insert(record.id, record.clone());
            inner.makers.extend(made.iter().map(|object| (*object, record.clone())));
            inner.revertible.push_back(record.clone());
        }
        if let Some(key) = key {
            inner
                .by_key
                .entry(key.to_owned())
                .or_insert_with(|| watch::Sender::new(None))
                .send_replace(Some(outcome));
        }
        inner.order.push_back(Forget {
            record: record.map(|record| record.id),
            key: key.map(str::to_owned),
            objects: made,
        });
        inner.forget();
    }

    /// The change of an id or key.
    pub fn find(&self, id_or_key: &str) -> Option<Outcome> {
        let inner = self.inner.lock();
        let by_id = id_or_key.parse().ok().and_then(|id: Uuid| inner.by_id.get(&id).cloned());
        let by_key = || inner.by_key.get(id_or_key).and_then(|outcome| outcome.borrow().clone());
        by_id.map(Outcome::Accepted).or_else(by_key)
    }

    /// A load balancer's change has failed.
    pub fn note_failure(&self, lb: LoadBalancerId, record: &Arc<Record>) {
        self.inner.lock().failures.insert(lb, record.clone());
    }

    /// A load balancer's change has gone well.
    pub fn forget_failure(&self, lb: LoadBalancerId) {
        self.inner.lock().failures.remove(&lb);
    }

    /// Why a load balancer's last change has failed.
    pub fn failure(&self, lb: LoadBalancerId) -> Option<ChangeState> {
        self.inner.lock().failures.get(&lb).map(|record| record.state())
    }

    /// A change was abandoned just before the host ended.
    pub fn abandoned_before_restart(&self, id: Uuid) {
        let record = self.inner.lock().by_id.get(&id).cloned();
        if let Some(record) = record {
            record.abandon();
        }
    }

    /// The change that made an object.
    pub fn maker(&self, object: &Uuid) -> Option<Arc<Record>> {
        self.inner.lock().makers.get(object).cloned()
    }
}

impl Inner {
    fn forget(&mut self) {
        while self.revertible.len() > limits::REVERTIBLE_CHANGES {
            if let Some(record) = self.revertible.pop_front() {
                drop(record.undo.lock().take());
            }
        }
        while self.order.len() > limits::REMEMBERED_CHANGES {
            let Some(oldest) = self.order.pop_front() else { return };
            if let Some(key) = oldest.key {
                self.by_key.remove(&key);
            }
            if let Some(id) = oldest.record {
                self.by_id.remove(&id);
                self.failures.retain(|_, record| record.id != id);
                for object in oldest.objects {
                    if self.makers.get(&object).is_some_and(|record| record.id == id) {
                        self.makers.remove(&object);
                    }
                }
            }
        }
    }
}

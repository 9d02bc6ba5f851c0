//! What the sender of statuses reports, and what follows from it.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Weak},
};

use parking_lot::Mutex;
use tracing::{debug, warn};
use weir_journal::Journal;
use weir_model::{Change, LoadBalancerId, ObjectRef};
use weir_octavia::agent::{AgentError, Events, ObjectKind, StatusUpdate};

use super::{
    Host,
    changes::Record,
    outbox::kind_and_id,
    queue::{Pending, Task},
    version::Made,
};
use crate::{crash, metrics::Deliveries};

/// The dispatcher's owner.
pub struct Delivery {
    pub host: Weak<Host>,
    pub journal: Journal,
    pub counted: Deliveries,
}

impl Events for Delivery {
    fn sending(&self, _records: usize) {
        crash::point(crash::SENDING);
    }

    fn sent(&self, outcome: &Result<(), AgentError>, _records: usize) {
        match outcome {
            Ok(()) => {
                crash::point(crash::SENT);
                self.counted.messages.inc();
            }
            Err(_) => drop(self.counted.failed.inc()),
        }
    }

    fn delivered(&self, seqs: Vec<u64>) {
        crash::point(crash::DELIVERED);
        if let Some(host) = self.host.upgrade() {
            host.verify(&seqs);
        }
        self.journal.delivered(seqs);
    }

    fn missing(&self, update: StatusUpdate) {
        self.counted.unknown.inc();
        if let Some(host) = self.host.upgrade() {
            host.take_out_unknown(&update);
        }
    }
}

/// Updates that are done, while Octavia may still roll them back without anybody saying so.
#[derive(Clone, Default)]
pub struct Unverified(Arc<Mutex<Waiting>>);

#[derive(Default)]
struct Waiting {
    changes: HashMap<LoadBalancerId, Vec<Arc<Change>>>,
    /// Statuses of load balancers themselves, by the outbox's numbers.
    statuses: HashMap<u64, LoadBalancerId>,
    /// Load balancers that are being read from Octavia, while no newer change has come.
    reading: HashSet<LoadBalancerId>,
}

impl Unverified {
    fn push(&self, lb: LoadBalancerId, change: Arc<Change>) {
        self.0.lock().changes.entry(lb).or_default().push(change);
    }

    fn forget(&self, lb: LoadBalancerId) {
        self.0.lock().changes.remove(&lb);
    }

    /// A status of the load balancer itself is on its way: when it has arrived, Octavia's transaction is over, since it
    /// holds the load balancer's row lock.
    pub fn watch(&self, lb: LoadBalancerId, seq: u64) {
        let mut waiting = self.0.lock();
        if waiting.changes.contains_key(&lb) {
            waiting.statuses.insert(seq, lb);
        }
    }

    /// A newer change has come: what is said of the load balancer by now proves nothing about the earlier ones any more.
    fn interrupt(&self, lb: LoadBalancerId) {
        let mut waiting = self.0.lock();
        waiting.reading.remove(&lb);
        waiting.statuses.retain(|_, of| *of != lb);
    }

    fn begin(&self, lb: LoadBalancerId) {
        self.0.lock().reading.insert(lb);
    }

    /// Whether nothing has come in between.
    fn end(&self, lb: LoadBalancerId) -> bool {
        self.0.lock().reading.remove(&lb)
    }

    /// What can be verified now that these statuses have arrived.
    fn take(&self, seqs: &[u64]) -> Vec<(LoadBalancerId, Vec<Arc<Change>>)> {
        let mut waiting = self.0.lock();
        let lbs: Vec<_> = seqs.iter().filter_map(|seq| waiting.statuses.remove(seq)).collect();
        lbs.into_iter().filter_map(|lb| waiting.changes.remove(&lb).map(|changes| (lb, changes))).collect()
    }
}

impl Host {
    /// Remembers a done change that Octavia may still roll back. Of a created object the get socket tells.
    pub(super) fn to_be_verified(&self, lb: LoadBalancerId, pending: &Pending, made: Made) {
        let Task::Change(change) = &pending.task else { return };
        match &**change {
            Change::LoadBalancerUpdate(_)
            | Change::ListenerUpdate(..)
            | Change::PoolUpdate(..)
            | Change::PoolCreate(_, Some(_), _)
            | Change::MemberUpdate(..)
            | Change::MemberBatch(..)
                if made == Made::AsAsked =>
            {
                self.unverified.push(lb, change.clone());
            }
            Change::LoadBalancerDelete(_) => self.unverified.forget(lb),
            _ => {}
        }
    }

    /// Compares what is done with what Octavia has kept, unless newer changes come: they will lead here again.
    fn verify(self: &Arc<Self>, seqs: &[u64]) {
        for (lb, changes) in self.unverified.take(seqs) {
            self.unverified.begin(lb);
            let host = self.clone();
            tokio::spawn(async move { host.verify_one(lb, changes).await });
        }
    }

    async fn verify_one(self: Arc<Self>, lb: LoadBalancerId, changes: Vec<Arc<Change>>) {
        let octavia = {
            // Never closed.
            let _room = self.questions.acquire().await;
            self.agent.load_balancer(lb).await
        };
        let octavia = match octavia {
            Ok(Some(octavia)) => Arc::new(octavia),
            Ok(None) => {
                self.unverified.end(lb);
                return;
            }
            Err(error) => {
                debug!(%lb, code = error.code(), %error, "whether Octavia has kept a change cannot be seen");
                self.unverified.end(lb);
                changes.into_iter().for_each(|change| self.unverified.push(lb, change));
                return;
            }
        };
        self.queues.with(lb, |_, inner| {
            if self.unverified.end(lb) && inner.pending.is_empty() {
                let record = Arc::new(Record::passing("verify", lb, None));
                let pending = Pending { record, task: Task::Verify { changes, octavia } };
                self.queues.push(lb, inner, pending, &[]);
                self.start_worker(lb, inner);
            } else {
                changes.into_iter().for_each(|change| self.unverified.push(lb, change));
            }
        });
    }

    /// Forgets the statuses of a change's objects that are not sent yet: Octavia holds the objects up anew, and they must
    /// not be let go by what was said before.
    pub(super) fn forget_statuses(&self, record: &Record) {
        let Some(lb) = record.lb else { return };
        self.unverified.interrupt(lb);
        for object in record.touched.objects() {
            let (kind, id) = kind_and_id(object);
            self.dispatcher.drop_pending(lb.uuid(), kind, id);
        }
    }

    /// Takes an object out of the rows that Octavia has never come to know.
    fn take_out_unknown(self: &Arc<Self>, update: &StatusUpdate) {
        let object = match update.kind {
            ObjectKind::LoadBalancer => ObjectRef::LoadBalancer(update.id.into()),
            ObjectKind::Listener => ObjectRef::Listener(update.id.into()),
            ObjectKind::Pool => ObjectRef::Pool(update.id.into()),
            ObjectKind::Member => ObjectRef::Member(update.id.into()),
            ObjectKind::HealthMonitor => ObjectRef::HealthMonitor(update.id.into()),
            ObjectKind::L7Policy | ObjectKind::L7Rule => return,
        };
        let lb = update.lb.into();
        let record = Arc::new(Record::own(Record::TAKE_OUT, lb, None));
        warn!(%lb, change = %record.id, object = ?object, "Octavia does not know it: it is taken out");
        // On its way to the journal before the status that led here is noted as delivered.
        match self.write_and_push(lb, record, Task::TakeOut(object)) {
            Ok(accepting) => {
                let host = self.clone();
                tokio::spawn(async move {
                    if let Err(refusal) = host.written(accepting).await {
                        warn!(%lb, object = ?object, %refusal, "what Octavia does not know cannot be taken out");
                    }
                });
            }
            Err(refusal) => {
                warn!(%lb, object = ?object, %refusal, "what Octavia does not know cannot be taken out")
            }
        }
    }
}

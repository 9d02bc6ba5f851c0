//! What the sender of statuses reports, and what follows from it.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Weak},
    time::Duration,
};

use parking_lot::Mutex;
use tokio::time::sleep;
use tracing::{debug, warn};
use uuid::Uuid;
use weir_journal::Journal;
use weir_model::{Change, LoadBalancer, LoadBalancerId, ObjectRef};
use weir_octavia::agent::{AgentError, Events, L7Policy, ObjectKind, StatusUpdate};
use weir_plan::Finding;

use super::{
    Host,
    changes::Record,
    outbox::kind_and_id,
    queue::{Pending, Task},
    version::Made,
};
use crate::{crash, limits, metrics::Deliveries};

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
            host.open.arrived(&seqs);
            host.verify_arrived(&seqs);
        }
        self.journal.delivered(seqs);
    }

    fn l7_policies(&self, lb: Uuid, policies: Vec<L7Policy>) {
        if let Some(host) = self.host.upgrade() {
            host.report_policies(lb.into(), &policies);
        }
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
        let mut waiting = self.0.lock();
        waiting.changes.remove(&lb);
        waiting.reading.remove(&lb);
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
    /// Its own status will lead to all of them.
    fn interrupt(&self, lb: LoadBalancerId) {
        let mut waiting = self.0.lock();
        waiting.reading.remove(&lb);
        waiting.statuses.retain(|_, of| *of != lb);
    }

    /// The load balancers that can be looked at now that these statuses have arrived.
    fn arrived(&self, seqs: &[u64]) -> Vec<LoadBalancerId> {
        let mut waiting = self.0.lock();
        seqs.iter().filter_map(|seq| waiting.statuses.remove(seq)).collect()
    }

    /// Begins to look at a load balancer: its changes, unless there are none or somebody looks at it already.
    fn begin(&self, lb: LoadBalancerId) -> Option<Vec<Arc<Change>>> {
        let mut waiting = self.0.lock();
        let changes = waiting.changes.get(&lb)?.clone();
        waiting.reading.insert(lb).then_some(changes)
    }

    /// Whether nothing has come in between.
    fn is_undisturbed(&self, lb: LoadBalancerId) -> bool {
        self.0.lock().reading.contains(&lb)
    }

    /// The first changes of a load balancer are seen to; later ones stay.
    fn end(&self, lb: LoadBalancerId, seen: usize) {
        let mut waiting = self.0.lock();
        waiting.reading.remove(&lb);
        if let Some(changes) = waiting.changes.get_mut(&lb) {
            changes.drain(..seen.min(changes.len()));
            if changes.is_empty() {
                waiting.changes.remove(&lb);
            }
        }
    }
}

/// Whether a change must be looked at again. Of a created object the get socket tells before its status is sent.
fn may_be_rolled_back(change: &Change) -> bool {
    matches!(
        change,
        Change::LoadBalancerUpdate(_)
            | Change::ListenerUpdate(..)
            | Change::PoolUpdate(..)
            | Change::PoolCreate(_, Some(_), _)
            | Change::MemberUpdate(..)
            | Change::MemberBatch(..)
    )
}

/// The part of [`super::findings`] that reports what Octavia has and OVN cannot serve.
const OCTAVIA: &str = "octavia";

impl Host {
    /// Reports L7 policies as findings.
    fn report_policies(&self, lb: LoadBalancerId, policies: &[L7Policy]) {
        let detail = "Octavia has stored this L7 policy with a fully populated create, and OVN balances on layer 4: its \
                      provisioning status is ERROR and it has no effect, until it is deleted";
        let finding = |policy: &L7Policy| {
            Finding::new("l7-policy-without-effect", ObjectRef::L7Policy(policy.id.into()), detail)
        };
        self.findings.report(lb, OCTAVIA, policies.iter().map(finding).collect());
    }

    /// Remembers a done change that Octavia may still roll back.
    pub(super) fn to_be_verified(&self, lb: LoadBalancerId, pending: &Pending, made: Made) {
        let Task::Change(change) = &pending.task else { return };
        if made == Made::AsAsked && may_be_rolled_back(change) {
            self.unverified.push(lb, change.clone());
        } else if matches!(**change, Change::LoadBalancerDelete(_)) {
            self.unverified.forget(lb);
        }
    }

    /// The same after a restart, for changes that were done before it: whether they have been looked at is not on disk.
    pub(super) fn verify_recovered(self: &Arc<Self>, recent: Vec<(Arc<Record>, Arc<Change>)>) {
        let mut waits: HashMap<LoadBalancerId, Duration> = HashMap::new();
        for (record, change) in recent {
            let Some(lb) = record.lb.filter(|_| may_be_rolled_back(&change)) else { continue };
            let wait = limits::OCTAVIA_COMMIT.saturating_sub(record.age());
            let longest = waits.entry(lb).or_default();
            *longest = wait.max(*longest);
            self.unverified.push(lb, change);
        }
        for (lb, wait) in waits {
            let host = self.clone();
            tokio::spawn(async move {
                sleep(wait).await;
                host.verify(lb).await;
            });
        }
    }

    fn verify_arrived(self: &Arc<Self>, seqs: &[u64]) {
        for lb in self.unverified.arrived(seqs) {
            let host = self.clone();
            tokio::spawn(async move { host.verify(lb).await });
        }
    }

    /// Compares what is done with what Octavia has kept, unless newer changes come: they will lead here again.
    async fn verify(self: Arc<Self>, lb: LoadBalancerId) {
        let Some(changes) = self.unverified.begin(lb) else { return };
        let mut pause = limits::RETRY_MIN;
        while self.unverified.is_undisturbed(lb) {
            let octavia = {
                // Never closed.
                let _room = self.questions.acquire().await;
                self.agent.load_balancer(lb).await
            };
            match octavia {
                Ok(Some(octavia)) => {
                    if self.verify_against(lb, &changes, Arc::new(octavia)) {
                        return;
                    }
                }
                Ok(None) => return self.unverified.end(lb, changes.len()),
                Err(error @ AgentError::Malformed { .. }) => {
                    warn!(%lb, code = error.code(), %error, "whether Octavia has kept changes cannot be seen");
                    return self.unverified.end(lb, changes.len());
                }
                Err(error) => {
                    debug!(%lb, code = error.code(), %error, "whether Octavia has kept changes cannot be seen yet");
                }
            }
            sleep(pause).await;
            pause = (pause * 2).min(limits::RETRY_MAX);
        }
    }

    /// Says whether it is done with; otherwise the host itself has something to do to the load balancer first.
    fn verify_against(
        self: &Arc<Self>,
        lb: LoadBalancerId,
        changes: &[Arc<Change>],
        octavia: Arc<LoadBalancer>,
    ) -> bool {
        self.queues.with(lb, |_, inner| {
            if !self.unverified.is_undisturbed(lb) {
                return true;
            }
            if !inner.pending.is_empty() {
                return false;
            }
            self.unverified.end(lb, changes.len());
            let record = Arc::new(Record::passing("verify", lb, None));
            let task = Task::Verify { changes: changes.to_vec(), octavia };
            self.queues.push(lb, inner, Pending { record, task }, &[]);
            self.start_worker(lb, inner);
            true
        })
    }

    /// Forgets the statuses of a change's objects that are not sent yet: Octavia holds the objects up anew, and they must
    /// not be let go by what was said before.
    pub(super) fn forget_statuses(&self, record: &Record) {
        let Some(lb) = record.lb else { return };
        if record.touched.objects().next().is_some() {
            self.unverified.interrupt(lb);
        }
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

//! The ends of changes: into the journal together with the statuses they let go, then to the dispatcher.

use std::sync::Arc;

use tokio::sync::mpsc;
use tracing::{error, warn};
use uuid::Uuid;
use weir_journal::{Journal, JournalError, OutboxEntry};
use weir_model::{LoadBalancerId, ObjectRef, ProvisioningStatus, Released};
use weir_octavia::{
    ChangeProgress,
    agent::{Dispatcher, ObjectKind, StatusUpdate},
};

use super::{Host, changes::Record, delivery::Unverified, entry, open::Open};
use crate::{crash, limits};

/// A change that has ended.
pub struct End {
    /// The change; its state and detail are read off when the end is written.
    pub record: Arc<Record>,
    /// What it lets go in Octavia.
    pub released: Vec<Released>,
}

/// Takes ends; they are written in the order in which they come.
#[derive(Clone)]
pub struct Outbox {
    ends: mpsc::UnboundedSender<End>,
}

impl Outbox {
    /// Starts the outbox's task; it ends with the last handle.
    pub fn start(journal: Journal, dispatcher: Dispatcher, unverified: Unverified, open: Arc<Open>) -> Self {
        let (ends, queue) = mpsc::unbounded_channel();
        tokio::spawn(Writer { journal, dispatcher, unverified, open }.run(queue));
        Self { ends }
    }

    /// Takes on an end. Never blocks; a broken journal makes it wait, not get lost.
    pub fn end(&self, end: End) {
        if end.record.journaled && self.ends.send(end).is_err() {
            warn!("an end comes after the outbox's; the change is carried out again after the restart");
        }
    }
}

struct Writer {
    journal: Journal,
    dispatcher: Dispatcher,
    unverified: Unverified,
    open: Arc<Open>,
}

impl Writer {
    async fn run(self, mut queue: mpsc::UnboundedReceiver<End>) {
        let mut group = Vec::new();
        while queue.recv_many(&mut group, limits::OUTBOX_GROUP).await > 0 {
            self.write(std::mem::take(&mut group)).await;
        }
    }

    /// Writes ends in one go; whatever a broken journal refuses is written again, in order, when it works.
    async fn write(&self, mut ends: Vec<End>) {
        while !ends.is_empty() {
            let calls: Vec<_> = ends
                .into_iter()
                .map(|end| {
                    // What has been abandoned meanwhile is rolled back by Octavia: nothing waits for a status.
                    let progress = end.record.progress.borrow().clone();
                    let abandoned = progress.state == ChangeProgress::Abandoned && !end.record.rolled_back();
                    let released = if abandoned { &[][..] } else { &end.released };
                    let updates = updates(&end.record, released);
                    let entries = updates.iter().map(outbox_entry).collect();
                    let state = entry::state(progress.state);
                    let call = self.journal.finish(vec![end.record.id], state, progress.detail, entries);
                    (end, updates, call)
                })
                .collect();
            ends = Vec::new();
            for (end, updates, call) in calls {
                match call.await {
                    Ok(seqs) => self.enqueue(&end.record, updates, &seqs),
                    Err(JournalError::Broken(_)) => ends.push(end),
                    Err(error) => {
                        error!(code = error.code(), change = %end.record.id, %error, "a change's end cannot be written");
                        self.dispatcher.enqueue(updates);
                    }
                }
            }
            if !ends.is_empty() {
                self.journal.writable().await;
            }
        }
    }

    fn enqueue(&self, record: &Record, mut updates: Vec<StatusUpdate>, seqs: &[u64]) {
        crash::point(crash::FINISHED);
        if record.progress.borrow().state == ChangeProgress::Abandoned && !record.rolled_back() {
            self.journal.delivered(seqs.to_vec());
            return;
        }
        for (update, seq) in updates.iter_mut().zip(seqs) {
            update.seq = *seq;
            if update.kind == ObjectKind::LoadBalancer {
                self.open.watch(update.lb.into(), *seq);
                self.unverified.watch(update.lb.into(), *seq);
            }
        }
        self.dispatcher.enqueue(updates);
    }
}

impl Host {
    /// Sends what a synchronisation lets go; not from the journal, as it can be asked for again. A change that has come
    /// meanwhile has objects held up anew: then only operating statuses are told.
    pub(super) fn let_go(&self, lb: LoadBalancerId, record: &Record, released: &[Released]) {
        let disturbed = !self.queues.pending(lb).is_empty();
        let mut updates = updates(record, released);
        if disturbed {
            updates.iter_mut().for_each(|update| update.provisioning = None);
        }
        self.dispatcher.enqueue(updates);
    }
}

fn updates(record: &Record, released: &[Released]) -> Vec<StatusUpdate> {
    let Some(lb) = record.lb.or_else(|| load_balancer(released)) else {
        // A member of a pool that nobody knows: it is its own group.
        return released.iter().map(|one| update(kind_and_id(one.object).1, one)).collect();
    };
    released.iter().map(|one| update(lb.uuid(), one)).collect()
}

fn load_balancer(released: &[Released]) -> Option<LoadBalancerId> {
    released.iter().find_map(|one| match one.object {
        ObjectRef::LoadBalancer(id) => Some(id),
        _ => None,
    })
}

fn update(lb: Uuid, released: &Released) -> StatusUpdate {
    let (kind, id) = kind_and_id(released.object);
    let provisioning = match released.provisioning {
        ProvisioningStatus::Active => "ACTIVE",
        ProvisioningStatus::Deleted => "DELETED",
        ProvisioningStatus::Error => "ERROR",
    };
    StatusUpdate {
        seq: 0,
        lb,
        kind,
        id,
        provisioning: Some(provisioning.to_owned()),
        operating: released.operating.map(|status| status.as_str().to_owned()),
        created: released.created,
        deleted: released.provisioning == ProvisioningStatus::Deleted,
    }
}

/// The agent's words for an object.
pub fn kind_and_id(object: ObjectRef) -> (ObjectKind, Uuid) {
    match object {
        ObjectRef::LoadBalancer(id) => (ObjectKind::LoadBalancer, id.uuid()),
        ObjectRef::Listener(id) => (ObjectKind::Listener, id.uuid()),
        ObjectRef::Pool(id) => (ObjectKind::Pool, id.uuid()),
        ObjectRef::Member(id) => (ObjectKind::Member, id.uuid()),
        ObjectRef::HealthMonitor(id) => (ObjectKind::HealthMonitor, id.uuid()),
        ObjectRef::L7Policy(id) => (ObjectKind::L7Policy, id.uuid()),
        ObjectRef::L7Rule(id) => (ObjectKind::L7Rule, id.uuid()),
    }
}

fn outbox_entry(update: &StatusUpdate) -> OutboxEntry {
    OutboxEntry {
        seq: 0,
        lb: update.lb,
        object: format!("{}/{}", update.kind.plural(), update.id),
        // Strings and flags always serialise.
        payload: serde_json::to_vec(update).unwrap_or_default(),
    }
}

/// A status found in the journal.
///
/// # Errors
/// A text that says what cannot be read.
pub fn read(entry: &OutboxEntry) -> Result<StatusUpdate, String> {
    let update: StatusUpdate = serde_json::from_slice(&entry.payload).map_err(|error| error.to_string())?;
    Ok(StatusUpdate { seq: entry.seq, ..update })
}

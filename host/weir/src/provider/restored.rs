//! An older Northbound that was restored. Its rows are consistent and nothing in them looks wrong, but what was done since
//! the backup is missing, and what was removed since is there again. So every load balancer is compared with Octavia.
//!
//! Each host finds it by what it remembers; the host with the background lock does the work, and what it has not done
//! yet is in its journal. A load balancer that this host saw removed, and that Octavia denies twice, is removed again;
//! another one that Octavia does not know stays, as with `weir sync`, and is a finding.

use std::{
    collections::BTreeSet,
    sync::Arc,
    time::{Instant, SystemTime},
};

use parking_lot::Mutex;
use tokio::{
    sync::broadcast::error::{RecvError, TryRecvError},
    time::{MissedTickBehavior, interval},
};
use tracing::{info, warn};
use weir_journal::Note;
use weir_model::{LoadBalancerId, ObjectRef};
use weir_ovsdb::Changed;
use weir_plan::{Finding, keys};

use super::{Host, dirty::Reason, findings::Source, queue::Wish};
use crate::{
    limits,
    northbound::revisions::{self, Older, Revisions},
};

/// The journal's key of the load balancers that are still to be compared.
const NOTE: &str = "northbound-restored";
/// The part that reports a load balancer whose rows came back and that Octavia does not know.
const FINDINGS: Source = "restored";

/// What is still to be done.
#[derive(Default)]
pub struct Restored(Mutex<Left>);

#[derive(Default)]
struct Left {
    /// To be compared with Octavia.
    compare: BTreeSet<LoadBalancerId>,
    /// Seen removed before the older state came back.
    removed: BTreeSet<LoadBalancerId>,
    /// Octavia has denied them once.
    denied: BTreeSet<LoadBalancerId>,
}

impl Host {
    /// Takes on what the journal has kept.
    pub(super) fn recover_revisions(&self, notes: &[Note]) {
        *self.revisions.lock() = Revisions::new(&self.ownership.deployment, notes);
        let left = notes.iter().find(|note| note.key == NOTE);
        if let Some((compare, removed)) = left.and_then(|note| serde_json::from_slice(&note.payload).ok()) {
            *self.restored.0.lock() = Left { compare, removed, denied: BTreeSet::new() };
        }
    }

    /// Follows the revisions of load balancers, for ever.
    pub async fn follow_revisions(self: Arc<Self>) {
        let mut changes = self.northbound.changes();
        let mut status = self.northbound.status();
        self.northbound_is_read().await;
        let left = self.restored.0.lock().compare.clone();
        self.dirty.mark_all(left, Reason::Restored, Instant::now());
        self.find_vanished();
        let mut doubtful = self.all_revisions();
        let mut save = interval(limits::REVISIONS_SAVED);
        save.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            doubtful = self.compare_revisions(doubtful).await;
            tokio::select! {
                changed = changes.recv() => {
                    let mut next = Some(changed);
                    while let Some(changed) = next {
                        match changed {
                            Ok(changed) if !changed.reset => doubtful.extend(self.load_balancers_in(&changed)),
                            Ok(_) | Err(RecvError::Lagged(_)) => doubtful.extend(self.all_revisions()),
                            Err(RecvError::Closed) => return,
                        }
                        next = match changes.try_recv() {
                            Ok(changed) => Some(Ok(changed)),
                            Err(TryRecvError::Lagged(missed)) => Some(Err(RecvError::Lagged(missed))),
                            Err(TryRecvError::Empty | TryRecvError::Closed) => None,
                        };
                    }
                }
                changed = status.changed() => if changed.is_err() { return },
                _ = save.tick() => self.save_revisions(),
            }
        }
    }

    /// Hands what was seen to the journal.
    pub fn save_revisions(&self) {
        let unsaved = self.revisions.lock().unsaved(SystemTime::now());
        for note in unsaved.notes {
            // Its place in the order is taken; what is not on disk is of no use to anybody.
            drop(self.journal.put_note(note));
        }
        self.journal.remove_notes(unsaved.removed);
    }

    fn all_revisions(&self) -> BTreeSet<LoadBalancerId> {
        let replica = self.northbound.replica();
        self.revisions.lock().all(&replica)
    }

    /// The load balancers whose rows a change is of, as they were and as they are.
    fn load_balancers_in(&self, changed: &Changed) -> Vec<LoadBalancerId> {
        let replica = self.northbound.replica();
        let rows = changed.rows.iter().filter(|row| *row.table == *"Load_Balancer");
        let of = rows.flat_map(|row| {
            let before = row.old_map_value("external_ids", keys::LB).and_then(|id| id.parse().ok());
            let now = replica.get(&row.table, &row.id).and_then(revisions::of);
            [before, now]
        });
        of.flatten().collect()
    }

    /// Load balancers whose rows went while this host was away: another host may have been called to remove them, or they
    /// are lost.
    fn find_vanished(&self) {
        let vanished: Vec<LoadBalancerId> = {
            let replica = self.northbound.replica();
            let revisions = self.revisions.lock();
            revisions.present().filter(|lb| !revisions.has_rows(&replica, *lb)).collect()
        };
        self.index.remember(&vanished);
        self.dirty.mark_all(vanished, Reason::All, Instant::now());
    }

    /// Compares revisions with what was seen, and remembers them. Gives those that cannot be compared yet.
    async fn compare_revisions(&self, of: BTreeSet<LoadBalancerId>) -> BTreeSet<LoadBalancerId> {
        let status = self.northbound.status().borrow().clone();
        if !status.synced {
            return of;
        }
        let find = || {
            let replica = self.northbound.replica();
            let revisions = self.revisions.lock();
            let server = status.server.as_ref().and_then(|server| revisions.older_server(server));
            server.into_iter().chain(revisions.older(&replica, &of)).collect::<Vec<_>>()
        };
        if !find().is_empty() {
            // A relay may only have been late: what the server had committed is in the replica after an answer.
            if self.committer.catch_up("compare revisions").await.is_err() {
                return of;
            }
            let older = find();
            if !older.is_empty() {
                self.northbound_is_older(&older);
            }
        }
        let replica = self.northbound.replica();
        let mut revisions = self.revisions.lock();
        revisions.take(&replica, &of, SystemTime::now());
        if let Some(server) = &status.server {
            revisions.take_server(server);
        }
        BTreeSet::new()
    }

    fn northbound_is_older(&self, older: &[Older]) {
        let all = self.all_revisions();
        let Some(why) = older.first() else { return };
        warn!(
            reason = why.why,
            load_balancers = all.len(),
            "Northbound holds an older state than before, comparing all load balancers with Octavia"
        );
        self.metrics.restored.inc();
        let removed = older.iter().filter_map(|older| older.returned);
        {
            let mut left = self.restored.0.lock();
            left.compare.extend(&all);
            left.removed.extend(removed);
            left.denied.clear();
            self.save_left(&left);
        }
        // One that was removed while it was not seen has rows again, and its memory must not say otherwise.
        let replica = self.northbound.replica();
        self.revisions.lock().take(&replica, &all, SystemTime::now());
        drop(replica);
        self.dirty.mark_all(all, Reason::Restored, Instant::now());
    }

    fn save_left(&self, left: &Left) {
        if left.compare.is_empty() {
            return self.journal.remove_notes(vec![NOTE.to_owned()]);
        }
        let payload = serde_json::to_vec(&(&left.compare, &left.removed)).unwrap_or_default();
        drop(self.journal.put_note(Note { key: NOTE.to_owned(), payload }));
    }

    /// A load balancer is as Octavia says, or may not be made so.
    pub(super) fn compared(&self, lb: LoadBalancerId) {
        let mut left = self.restored.0.lock();
        if left.compare.remove(&lb) {
            left.removed.remove(&lb);
            left.denied.remove(&lb);
            // Comparing some of them twice after a restart is harmless: not each one is written down.
            if left.compare.is_empty() {
                self.save_left(&left);
                info!("all load balancers are compared with Octavia after an older Northbound was restored");
            }
        }
    }

    /// What becomes of a load balancer with rows that Octavia does not know; `None` where that cannot be said yet, or it
    /// stays.
    pub(super) fn wish_for_denied(&self, lb: LoadBalancerId) -> Option<Wish> {
        let mut left = self.restored.0.lock();
        if left.denied.insert(lb) {
            // A create that Octavia has not committed yet is denied too.
            self.dirty.mark_at(lb, &[Reason::Restored].into(), Instant::now() + limits::SYNC_AGAIN);
            return None;
        }
        if left.removed.contains(&lb) {
            warn!(%lb, "load balancer had been removed before the Northbound was restored, removing it again");
            return Some(Wish::Nothing);
        }
        drop(left);
        let finding = Finding::new(
            "unknown-to-octavia",
            ObjectRef::LoadBalancer(lb),
            "an older Northbound was restored, and Octavia does not know this load balancer; `weir sync --remove-leaked` \
             removes it",
        );
        self.findings.report(lb, FINDINGS, vec![finding]);
        self.compared(lb);
        None
    }

    /// Octavia knows a load balancer.
    pub(super) fn not_denied(&self, lb: LoadBalancerId) {
        self.findings.report(lb, FINDINGS, Vec::new());
    }

    /// For `/readyz`: whether no comparison is under way, and words.
    pub(super) fn restored_in_words(&self) -> (bool, String) {
        let left = self.restored.0.lock().compare.len();
        match (left, self.holds_lock()) {
            (0, _) => (true, "no older state was restored".to_owned()),
            (left, true) => {
                let words = "an older state was restored; load balancers to be compared with Octavia";
                (false, format!("{words}: {left}"))
            }
            // That host has seen the same, and says so.
            (_, false) => (true, "an older state was restored; the host with the lock sees to it".to_owned()),
        }
    }
}

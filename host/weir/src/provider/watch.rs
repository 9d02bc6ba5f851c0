//! Follows the Northbound and the lock, and has what they concern looked at.
//!
//! Only the host that holds the lock does so. What happened while nobody held it, or while this host was not connected, is
//! found by looking at everything once.

use std::{collections::BTreeSet, sync::Arc, time::Instant};

use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tracing::info;
use weir_model::LoadBalancerId;
use weir_ovsdb::{Changed, Replica, RowChanged};
use weir_plan::{Topology, keys, recording::Key};

use super::{Host, background::RelayLog, dirty::Reason, findings};
use crate::{
    limits,
    northbound::{affected::affected, rows, topology::ReplicaTopology},
};

impl Host {
    /// Whether this host does the work that nobody has called for.
    pub(super) fn holds_lock(&self) -> bool {
        self.northbound.status().borrow().holds(limits::BACKGROUND_LOCK)
    }

    /// Follows the Northbound, for ever.
    pub async fn watch(self: Arc<Self>) {
        let mut changes = self.northbound.changes();
        let mut status = self.northbound.status();
        self.northbound.lock(limits::BACKGROUND_LOCK).await;
        let (mut holding, mut relay) = (false, RelayLog::default());
        loop {
            let holds = {
                let status = status.borrow_and_update();
                relay.observe(&status);
                status.holds(limits::BACKGROUND_LOCK)
            };
            if holds != holding {
                holding = holds;
                self.lock_changed(holds);
            }
            self.look_at_due();
            let room = self.looks.available_permits() > 0;
            let due = self.dirty.next().filter(|_| room);
            tokio::select! {
                changed = changes.recv() => {
                    let mut batch = Vec::new();
                    let mut missed = false;
                    match changed {
                        Ok(changed) => batch.push(changed),
                        Err(RecvError::Lagged(_)) => missed = true,
                        Err(RecvError::Closed) => return,
                    }
                    while batch.len() < limits::CHANGES_TOGETHER {
                        match changes.try_recv() {
                            Ok(changed) => batch.push(changed),
                            Err(TryRecvError::Lagged(_)) => missed = true,
                            Err(TryRecvError::Empty | TryRecvError::Closed) => break,
                        }
                    }
                    if missed || batch.iter().any(|changed| changed.reset) {
                        self.doubts.clear_all();
                    }
                    if holding {
                        self.changed(&batch, missed);
                    }
                }
                changed = status.changed() => if changed.is_err() { return },
                () = self.dirty.marked.notified() => {}
                () = sleep_until(due) => {}
            }
        }
    }

    fn lock_changed(self: &Arc<Self>, holds: bool) {
        self.index.clear();
        self.gone.lock().clear();
        if holds {
            info!(lock = limits::BACKGROUND_LOCK, "the lock is held: everything is looked at");
            // What was found when the lock was held last; what there still is, is planned again.
            self.findings.retain(findings::PLAN, &self.all());
            self.dirty.start(self.all(), Reason::All, Instant::now());
            self.look_at_all_probes();
        } else {
            info!(lock = limits::BACKGROUND_LOCK, "the lock is lost: nothing is done unasked");
            self.dirty.stop();
            self.drift.clear();
        }
    }

    /// Marks every load balancer that there is, or was.
    pub(super) fn look_at_all(&self, reason: Reason) {
        self.dirty.mark_all(self.all(), reason, Instant::now());
    }

    fn all(&self) -> BTreeSet<LoadBalancerId> {
        let mut all = rows::all(&self.northbound.replica());
        all.extend(self.index.all());
        all
    }

    /// Marks what changes concern.
    fn changed(&self, batch: &[Arc<Changed>], missed: bool) {
        if missed || batch.iter().any(|changed| changed.reset) {
            self.look_at_all(Reason::All);
            return;
        }
        let now = Instant::now();
        let replica = self.northbound.replica();
        let rows = || batch.iter().flat_map(|changed| &changed.rows);
        let affected = affected(&replica, rows());
        // Other drivers' load balancers are none of ours, however often they change.
        let ours: Vec<_> = {
            let is_ours = |row: &&RowChanged| self.says_ours(&replica, row);
            let ours = rows().filter(|row| *row.table == *"Load_Balancer").filter(is_ours);
            ours.filter_map(|row| rows::load_balancer_of(replica.get(&row.table, &row.id)?)).collect()
        };
        let known = affected.load_balancers.into_iter().filter(|lb| self.index.knows(*lb));
        for lb in known.chain(ours) {
            self.dirty.mark(lb, Reason::Rows, now);
        }
        let topology = ReplicaTopology(&replica);
        let (states, keys): (BTreeSet<_>, _) =
            affected.keys.into_iter().partition(|key| matches!(key, Key::PortState(_)));
        for lb in self.index.changed(&keys, &topology) {
            self.dirty.mark(lb, Reason::Network, now);
        }
        // Whether a member's port is up is news of its health, as what probes say.
        let (down, up): (BTreeSet<_>, _) =
            states.into_iter().partition(|key| matches!(key, Key::PortState(port) if topology.is_down(port)));
        for lb in self.index.changed(&up, &topology) {
            self.dirty.mark(lb, Reason::Health, now);
        }
        for lb in self.index.changed(&down, &topology) {
            self.dirty.mark_at(lb, &[Reason::Health].into(), now + limits::PORT_DOWN_SETTLED);
        }
    }

    /// Whether a row says that it is this deployment's.
    fn says_ours(&self, replica: &Replica, changed: &RowChanged) -> bool {
        let now = replica.get(&changed.table, &changed.id);
        let owner = now.and_then(|row| row.map_value("external_ids", keys::OWNER));
        owner == Some(self.ownership.deployment.as_str())
    }

    /// Starts to look at what is due, as far as there is room.
    fn look_at_due(self: &Arc<Self>) {
        for (lb, reasons) in self.dirty.take(Instant::now(), self.looks.available_permits()) {
            // Room is taken here alone, so that what was counted is there.
            let room = self.looks.clone().try_acquire_owned().ok();
            let host = self.clone();
            tokio::spawn(async move {
                host.look_unasked(lb, reasons).await;
                drop(room);
                host.dirty.looked();
            });
        }
    }
}

async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at.into()).await,
        None => std::future::pending().await,
    }
}

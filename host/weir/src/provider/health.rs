//! What members' health does to statuses: nobody calls for it, so Octavia is told operating statuses only.

use std::{collections::BTreeSet, sync::Arc, time::Instant};

use tokio::{
    sync::broadcast::error::{RecvError, TryRecvError},
    time::sleep,
};
use weir_model::{
    HealthMap, LoadBalancer, LoadBalancerId, ObjectRef, OperatingStatus, Released, operating_statuses,
};
use weir_octavia::agent::StatusUpdate;
use weir_ovsdb::RowChanged;
use weir_plan::{Existing, Plan, health_in_rows};

use super::{Host, dirty::Reason, outbox::kind_and_id};
use crate::{
    limits,
    northbound::rows,
    southbound::{self, ReplicaProbes, SERVICE_MONITOR},
};

/// An object and its operating status.
pub type Operating = Vec<(ObjectRef, OperatingStatus)>;

/// The statuses that differ from what the rows say, over a load balancer as it shall be.
pub fn changed(lb: &LoadBalancer, existing: &[Existing], health: &HealthMap) -> Operating {
    if !probes(lb) {
        return Operating::new();
    }
    let before = operating_statuses(lb, &health_in_rows(existing)).objects(lb.id);
    let after = operating_statuses(lb, health).objects(lb.id);
    after.into_iter().zip(before).filter(|(after, before)| after != before).map(|(after, _)| after).collect()
}

/// Whether some pool is probed.
fn probes(lb: &LoadBalancer) -> bool {
    lb.pools.values().any(|pool| pool.probing().is_some())
}

impl Host {
    /// Tells Octavia operating statuses, but for objects that are told of anyway.
    pub(super) fn tell(&self, lb: LoadBalancerId, operating: Operating, released: &[&Released]) {
        let told: BTreeSet<ObjectRef> = released.iter().map(|released| released.object).collect();
        let updates = operating.into_iter().filter(|(object, _)| !told.contains(object));
        self.dispatcher.enqueue(updates.map(|(object, status)| update(lb, object, status)).collect());
    }

    /// Tells Octavia every operating status of a load balancer of ours that is probed.
    pub(super) fn tell_all(&self, lb: LoadBalancerId) {
        let existing = rows::existing(&self.northbound.replica(), lb);
        if !existing.iter().all(|existing| self.ownership.owns_of(lb, &existing.row)) {
            return;
        }
        let (graph, health) = self.graph_and_health(lb);
        if let Some(graph) = graph.filter(probes) {
            self.tell(lb, operating_statuses(&graph, &health).objects(lb), &[]);
        }
    }

    /// Has a load balancer looked at that begins to probe members which others probe already: nothing in the Southbound changes
    /// by that, and before its rows were there nothing said over which transport it would.
    pub(super) fn hear_of_others(&self, lb: LoadBalancerId, plan: &Plan) {
        if !plan.is_empty() {
            // What overlaps with it is found of the others too, now that its rows are there.
            self.dirty.mark_all(plan.overlaps_with.iter().copied(), Reason::Network, Instant::now());
        }
        let southbound = self.southbound.replica();
        let probes = ReplicaProbes(&southbound);
        if plan.newly_probed().any(|port| probes.is_probed(port)) {
            self.dirty.mark(lb, Reason::Health, Instant::now());
        }
    }

    /// Follows the Southbound, for ever: what probes say anew leads to the load balancers that probe it.
    pub async fn follow_probes(self: Arc<Self>) {
        let mut changes = self.southbound.changes();
        self.northbound_is_read().await;
        // What has been said before anybody listened, or while this host was down.
        self.look_at_all_probes();
        loop {
            let mut concerned = BTreeSet::new();
            let mut anything = false;
            match changes.recv().await {
                Ok(changed) if changed.reset => anything = true,
                Ok(changed) => concerned.extend(self.concerned(&changed.rows)),
                Err(RecvError::Lagged(_)) => anything = true,
                Err(RecvError::Closed) => return,
            }
            loop {
                match changes.try_recv() {
                    Ok(changed) if changed.reset => anything = true,
                    Ok(changed) => concerned.extend(self.concerned(&changed.rows)),
                    Err(TryRecvError::Lagged(_)) => anything = true,
                    Err(TryRecvError::Empty | TryRecvError::Closed) => break,
                }
            }
            if anything {
                self.look_at_all_probes();
            } else if concerned.is_empty() {
                continue;
            } else {
                self.dirty.mark_all(concerned, Reason::Health, Instant::now());
            }
            sleep(limits::PROBES_TOGETHER).await;
        }
    }

    /// The load balancers that some rows of the Southbound are about. A row goes when its check or its member goes, which is
    /// planned anyway.
    fn concerned(&self, rows: &[RowChanged]) -> BTreeSet<LoadBalancerId> {
        let (northbound, southbound) = (self.northbound.replica(), self.southbound.replica());
        let rows = rows.iter().filter(|row| *row.table == *SERVICE_MONITOR);
        let rows = rows.filter_map(|row| southbound.get(SERVICE_MONITOR, &row.id));
        rows.flat_map(|row| southbound::probing(&northbound, row)).collect()
    }

    pub(super) fn look_at_all_probes(&self) {
        let concerned: BTreeSet<_> = {
            let (northbound, southbound) = (self.northbound.replica(), self.southbound.replica());
            // Those included of whose members the Southbound says nothing: they are in ERROR without a port. Where it was not
            // read yet, statuses from before a restart, which may be told twice, are not the last word.
            let mut concerned = rows::probed(&northbound);
            if southbound.is_complete() {
                let rows = southbound.rows(SERVICE_MONITOR);
                concerned.extend(rows.flat_map(|(_, row)| southbound::probing(&northbound, row)));
            }
            concerned
        };
        // What was told last is not on disk.
        concerned.iter().for_each(|lb| self.tell_all(*lb));
        self.dirty.mark_all(concerned, Reason::Health, Instant::now());
    }
}

fn update(lb: LoadBalancerId, object: ObjectRef, status: OperatingStatus) -> StatusUpdate {
    let (kind, id) = kind_and_id(object);
    StatusUpdate {
        // Not on disk: it is told again after a restart.
        seq: 0,
        lb: lb.uuid(),
        kind,
        id,
        provisioning: None,
        operating: Some(status.as_str().to_owned()),
        created: false,
        deleted: false,
    }
}

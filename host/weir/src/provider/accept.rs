//! Judging a call. Everything here happens while the load balancer's queue is locked, so calls on one load balancer are
//! judged one after the other, each over what the earlier ones will leave behind.

use std::{pin::Pin, sync::Arc, time::Instant};

use tracing::debug;
use uuid::Uuid;
use weir_journal::JournalError;
use weir_model::{Change, LoadBalancer, LoadBalancerId, ObjectKind, Touched, apply, touched};
use weir_octavia::{CallContext, ChangeProgress, Refusal};
use weir_ovsdb::Replica;
use weir_plan::{Existing, Probes, attach, revision};
use weir_sandbox::Registry;

use super::{
    Host,
    changes::{Record, Undo},
    dirty::Reason,
    entry,
    queue::{Inner, Pending, Ready, Task, pools_made},
};
use crate::{
    crash, fault, limits,
    northbound::{rows, topology::ReplicaTopology},
    overlap::Admission,
    planning::{Planned, Planner},
    plugins::Plugins,
    scrutiny::{self, Scrutiny},
    southbound::ReplicaProbes,
};

/// Whether a failover may make a load balancer of which there is no row.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Rebuild {
    /// There must be something.
    FromRows,
    /// Octavia has said that it knows the load balancer.
    FromNothing,
}

/// A call that has been judged good.
pub struct Judged {
    change: Change,
    before: Option<LoadBalancer>,
    after: Option<LoadBalancer>,
    touched: Touched,
    plan: Option<Planned>,
    registry: Arc<Registry>,
}

/// A change that is on its way to the disk.
pub struct Accepting {
    pending: Pending,
    written: Pin<Box<dyn Future<Output = Result<u64, JournalError>> + Send>>,
}

impl Host {
    /// Judges a change and, if it is good, puts it into its load balancer's queue and on its way to the journal.
    ///
    /// # Errors
    /// A [`Refusal`]; nothing is queued then.
    pub(super) fn accept(
        self: &Arc<Self>,
        change: Change,
        call: &CallContext,
        rebuild: Rebuild,
        admission: &mut Admission,
    ) -> Result<Accepting, Refusal> {
        let Some(lb) = self.target(&change)? else {
            // Only deletes get here: of a member whose pool is not in the rows, of an L7 policy or rule. Octavia is told that
            // the object is gone.
            let nothing = Undo { before: None, after: None };
            let record = Arc::new(Record::new(call, None, touched(&change, None, None), true, nothing));
            let pending = Pending { record, task: Task::Change(Arc::new(change)) };
            return self.write_down(pending, call.idempotency_key.as_deref());
        };
        self.queues.with(lb, |_, inner| {
            if inner.pending.len() >= limits::PENDING_PER_LOAD_BALANCER
                || self.queues.waiting() >= limits::PENDING
            {
                return Err(Refusal::unavailable(
                    "too-many-pending",
                    "too many changes wait for the Northbound",
                ));
            }
            let judged = self.judge(lb, change, inner, rebuild, admission)?;
            let lost = judged.change.is_delete() && judged.before == judged.after;
            let undo = Undo { before: judged.before.map(Arc::new), after: judged.after.map(Arc::new) };
            let after = undo.after.clone();
            let record = Arc::new(Record::new(call, Some(lb), judged.touched, lost, undo));
            let pools = pools_made(&judged.change);
            let pending = Pending { record, task: Task::Change(Arc::new(judged.change)) };
            let accepting = self.write_down(pending.clone(), call.idempotency_key.as_deref());
            let accepting = accepting.inspect_err(|_| self.dirty.mark(lb, Reason::All, Instant::now()))?;
            self.open.begin(lb, Instant::now());
            let registry = judged.registry;
            inner.ready =
                judged.plan.map(|Planned { plan, unsettled, .. }| Ready { plan, after, unsettled, registry });
            self.queues.push(lb, inner, pending, &pools);
            Ok(accepting)
        })
    }

    /// Starts writing a change down. Its place among the changes of its load balancer is taken with this.
    pub(super) fn write_down(&self, pending: Pending, key: Option<&str>) -> Result<Accepting, Refusal> {
        crash::point(crash::JUDGED);
        let entry = entry::entry(&pending.record, key, &pending.task).map_err(|error| {
            Refusal::driver("change-unwritable", format!("the change cannot be kept: {error}"))
        })?;
        let written: Pin<Box<dyn Future<Output = _> + Send>> = match entry {
            Some(entry) => Box::pin(self.journal.accept(entry)),
            None => Box::pin(std::future::ready(Ok(0))),
        };
        Ok(Accepting { pending, written })
    }

    /// Waits until a change is on disk, and lets it be carried out.
    ///
    /// # Errors
    /// A [`Refusal`] when it cannot be written; the change is then forgotten.
    pub(super) async fn written(self: &Arc<Self>, accepting: Accepting) -> Result<Arc<Record>, Refusal> {
        let Accepting { pending, written } = accepting;
        let record = pending.record.clone();
        if let Err(error) = written.await {
            if let Some(lb) = record.lb {
                self.queues.remove(lb, &[pending]);
                self.dirty.mark(lb, Reason::All, Instant::now());
            }
            record.finish(ChangeProgress::Failed, Some(error.to_string()));
            return Err(fault::of_journal(&error));
        }
        crash::point(crash::ACCEPTED);
        record.set_durable();
        debug!(change = %record.id, method = record.method, "accepted");
        match record.lb {
            Some(lb) => {
                self.forget_statuses(&record);
                self.queues.with(lb, |_, inner| self.start_worker(lb, inner));
            }
            None => self.end_lost(pending),
        }
        Ok(record)
    }

    /// The load balancer a change is for; `None` where a delete has nothing to delete.
    pub(super) fn target(&self, change: &Change) -> Result<Option<LoadBalancerId>, Refusal> {
        let replica = self.northbound.replica();
        if !replica.is_complete() {
            return Err(not_synced());
        }
        if let Some(lb) = change.loadbalancer_id() {
            return Ok(Some(lb));
        }
        let Some(pool) = change.pool_id() else { return Ok(None) };
        let in_rows = rows::load_balancer_of_pool(&replica, pool);
        drop(replica);
        match in_rows.or_else(|| self.queues.load_balancer_of_pool(pool)) {
            Some(lb) => Ok(Some(lb)),
            None if change.is_delete() => Ok(None),
            None => {
                let error = weir_model::ApplyError::NotFound { kind: ObjectKind::Pool, id: pool.uuid() };
                Err(fault::of_apply(change, &error))
            }
        }
    }

    fn judge(
        &self,
        lb: LoadBalancerId,
        mut change: Change,
        inner: &Inner,
        rebuild: Rebuild,
        admission: &mut Admission,
    ) -> Result<Judged, Refusal> {
        let replica = self.northbound.replica();
        let plugins = &self.in_use.plugins(&replica);
        let existing = rows::existing(&replica, lb);
        let topology = ReplicaTopology(&replica);
        let mut graph = rows::decoded(&existing, lb, &plugins.words).map(|decoded| decoded.lb);
        let unreadable = graph.is_none() && !existing.is_empty();
        for pending in &inner.pending {
            // It was judged good when it came; if the rows have moved away under it, its worker says so.
            let _ = pending.apply(&mut graph);
        }
        let before = graph.clone();
        if rebuild == Rebuild::FromNothing && before.is_none() {
            let touched = touched(&change, None, None);
            let registry = plugins.registry.clone();
            return Ok(Judged { change, before, after: None, touched, plan: None, registry });
        }
        let whole = matches!(change, Change::LoadBalancerDelete(_) | Change::LoadBalancerCreate(_));
        if unreadable && before.is_none() && !whole {
            // A delete of something in it finds nothing to delete: the rest of it is not to go for that.
            return Err(fault::of_unreadable(lb));
        }
        attach::fill_change_subnets(&mut change, graph.as_ref(), &topology);
        apply(&mut graph, &change).map_err(|error| fault::of_apply(&change, &error))?;
        if let Some(graph) = &mut graph {
            attach::fill_subnets(graph, &topology);
        }
        if let Change::LoadBalancerCreate(lb) = &change {
            scrutiny::judge_flavor(&lb.flavor, &plugins.capabilities)?;
        }
        // What somebody wants gone goes, whatever a plugin thinks of the rest, or if it thinks at all.
        let scrutiny = match change.is_delete() {
            true => Scrutiny::Accepted,
            false => Scrutiny::ChangesSince(before.as_ref()),
        };
        let mut plan = self.plan(&replica, plugins, lb, graph.as_ref(), &existing, scrutiny)?;
        if !change.is_delete() {
            // After the plugins: that a kind of monitor is not supported is the better answer.
            scrutiny::judge_subnets(before.as_ref(), graph.as_ref())?;
            admission.judge(lb, &plan.overlaps, before.as_ref())?;
        }
        if self.neutron.is_none() && !change.is_delete() {
            scrutiny::judge_sources(before.as_ref(), graph.as_ref(), &plan.plan.sourceless)?;
        }
        // While something is under way the rows are between two states.
        self.note(lb, &mut plan, &existing, inner.is_idle().then_some(&**plugins));
        let plan = inner.pending.is_empty().then_some(plan);
        let touched = touched(&change, before.as_ref(), graph.as_ref());
        let registry = plugins.registry.clone();
        Ok(Judged { change, before, after: graph, touched, plan, registry })
    }
}

impl Host {
    /// Plans a load balancer.
    pub(super) fn plan(
        &self,
        replica: &Replica,
        plugins: &Plugins,
        lb: LoadBalancerId,
        wanted: Option<&LoadBalancer>,
        existing: &[Existing],
        scrutiny: Scrutiny<'_>,
    ) -> Result<Planned, Refusal> {
        let southbound = self.southbound.replica();
        let probes = ReplicaProbes(&southbound);
        let mut planned = self.planner(replica, &probes, plugins).plan(lb, wanted, existing, scrutiny)?;
        revision::continue_after(&mut planned.plan, existing, self.revisions.lock().last(lb));
        Ok(planned)
    }

    /// A planner with this host's settings.
    pub(super) fn planner<'a>(
        &'a self,
        replica: &'a Replica,
        probes: &'a dyn Probes,
        plugins: &'a Plugins,
    ) -> Planner<'a> {
        Planner { replica, probes, plugins, ownership: &self.ownership, policy: &self.policy }
    }
}

/// Before the first full read nothing can be judged.
pub fn not_synced() -> Refusal {
    Refusal::unavailable("northbound-not-read", "the provider has not yet read the OVN Northbound; try again")
}

/// The objects that a change makes, for finding a repeated create's first answer.
pub fn objects_made(change: &Change) -> Vec<Uuid> {
    match change {
        Change::LoadBalancerCreate(lb) => {
            let pools = lb.pools.values().flat_map(|pool| {
                let monitor = pool.monitor.iter().map(|monitor| monitor.id.uuid());
                let members = pool.members.keys().map(|member| member.uuid());
                std::iter::once(pool.id.uuid()).chain(members).chain(monitor)
            });
            let listeners = lb.listeners.keys().map(|listener| listener.uuid());
            std::iter::once(lb.id.uuid()).chain(listeners).chain(pools).collect()
        }
        Change::ListenerCreate(_, listener) => vec![listener.id.uuid()],
        Change::PoolCreate(_, _, pool) => vec![pool.id.uuid()],
        Change::MemberCreate(_, member) => vec![member.id.uuid()],
        Change::HealthMonitorCreate(_, monitor) => vec![monitor.id.uuid()],
        _ => Vec::new(),
    }
}

/// The object that a create names.
pub fn object_of(change: &Change) -> Option<Uuid> {
    objects_made(change).first().copied()
}

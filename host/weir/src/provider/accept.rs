//! Judging a call. Everything here happens while the load balancer's queue is locked, so calls on one load balancer are
//! judged one after the other, each over what the earlier ones will leave behind.

use std::{pin::Pin, sync::Arc};

use tracing::debug;
use uuid::Uuid;
use weir_journal::JournalError;
use weir_model::{Change, LoadBalancer, LoadBalancerId, MemberId, ObjectKind, Pool, Touched, apply, touched};
use weir_octavia::{CallContext, ChangeProgress, Refusal};
use weir_ovsdb::Replica;
use weir_plan::{Existing, Plan, Unit, UnitKey, attach, check, compile, diff, units};

use super::{
    Host,
    changes::{Record, Undo},
    entry, fault,
    queue::{Inner, Pending, Ready, Task, pools_made},
    surroundings,
};
use crate::{
    crash, limits,
    northbound::{rows, topology::ReplicaTopology},
    plugins::{self, Answers, Plugins},
};

/// What must be to the plugins' liking.
#[derive(Clone, Copy)]
pub enum Scrutiny<'a> {
    /// Nothing: what a plugin refuses stays as it is.
    Nothing,
    /// All that differs from this.
    ChangesSince(Option<&'a LoadBalancer>),
}

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
    plan: Option<Plan>,
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
    ) -> Result<Accepting, Refusal> {
        let Some(lb) = self.target(&change)? else {
            // Only a delete of a member gets here, of a pool that is not in the rows: Octavia is told that it is gone.
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
            let judged = self.judge(lb, change, inner, rebuild)?;
            let lost = judged.change.is_delete() && judged.before == judged.after;
            let undo = Undo { before: judged.before.map(Arc::new), after: judged.after.map(Arc::new) };
            let after = undo.after.clone();
            let record = Arc::new(Record::new(call, Some(lb), judged.touched, lost, undo));
            let pools = pools_made(&judged.change);
            let pending = Pending { record, task: Task::Change(Arc::new(judged.change)) };
            let accepting = self.write_down(pending.clone(), call.idempotency_key.as_deref())?;
            inner.ready = judged.plan.map(|plan| Ready { plan, after });
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
    fn target(&self, change: &Change) -> Result<Option<LoadBalancerId>, Refusal> {
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
    ) -> Result<Judged, Refusal> {
        let replica = self.northbound.replica();
        let environment = self.environment(&replica);
        let plugins = &environment.plugins;
        let existing = rows::existing(&replica, lb);
        let topology = ReplicaTopology(&replica);
        let mut graph = rows::decoded(&existing, lb, &plugins.words).map(|decoded| decoded.lb);
        for pending in &inner.pending {
            // It was judged good when it came; if the rows have moved away under it, its worker says so.
            let _ = pending.apply(&mut graph);
        }
        let before = graph.clone();
        if rebuild == Rebuild::FromNothing && before.is_none() {
            let touched = touched(&change, None, None);
            return Ok(Judged { change, before, after: None, touched, plan: None });
        }
        attach::fill_change_subnets(&mut change, graph.as_ref(), &topology);
        apply(&mut graph, &change).map_err(|error| fault::of_apply(&change, &error))?;
        if let Some(graph) = &mut graph {
            attach::fill_subnets(graph, &topology);
        }
        let scrutiny = Scrutiny::ChangesSince(before.as_ref());
        let plan = self.plan(&replica, plugins, lb, graph.as_ref(), &existing, scrutiny)?;
        let plan = inner.pending.is_empty().then_some(plan);
        let touched = touched(&change, before.as_ref(), graph.as_ref());
        Ok(Judged { change, before, after: graph, touched, plan })
    }

    /// Plans a load balancer.
    pub(super) fn plan(
        &self,
        replica: &Replica,
        plugins: &Plugins,
        lb: LoadBalancerId,
        wanted: Option<&LoadBalancer>,
        existing: &[Existing],
        scrutiny: Scrutiny<'_>,
    ) -> Result<Plan, Refusal> {
        let topology = ReplicaTopology(replica);
        let around = surroundings(&topology, plugins, &self.ownership);
        let rows = match wanted {
            Some(graph) => {
                let changed = |pool: &Pool| match scrutiny {
                    Scrutiny::Nothing => false,
                    Scrutiny::ChangesSince(before) => has_new_members(pool, before),
                };
                let answers = plugins::ask(plugins, graph, changed);
                if let Scrutiny::ChangesSince(before) = scrutiny {
                    judge_changes(graph, before, &answers)?;
                }
                compile(graph, &answers.translations, existing, around)
                    .map_err(|error| fault::of_plan(&error))?
            }
            None => Vec::new(),
        };
        let taken = |uuid: &Uuid| replica.get("Load_Balancer", uuid).is_some();
        let plan = diff(lb, rows, existing, around, &taken).map_err(|error| fault::of_plan(&error))?;
        check(&plan, existing, &self.ownership).map_err(|error| fault::of_plan(&error))?;
        Ok(plan)
    }
}

/// Before the first full read nothing can be judged.
pub fn not_synced() -> Refusal {
    Refusal::unavailable("northbound-not-read", "the provider has not yet read the OVN Northbound; try again")
}

/// What the call changes must be to the plugins' liking; what it does not touch may be out of order and stays as it is.
fn judge_changes(
    wanted: &LoadBalancer,
    before: Option<&LoadBalancer>,
    answers: &Answers,
) -> Result<(), Refusal> {
    for unit in units(wanted) {
        if before.is_some_and(|before| same_question(&unit, wanted, before)) {
            continue;
        }
        if let Some(problem) = plugins::problem_of(&answers.translations, &unit) {
            return Err(fault::of_problem(&problem));
        }
    }
    for pool in wanted.pools.values() {
        judge_monitor(pool, before)?;
        judge_members(pool, before, answers)?;
    }
    Ok(())
}

fn same_question(unit: &Unit<'_>, wanted: &LoadBalancer, before: &LoadBalancer) -> bool {
    let same_vips = wanted.vip == before.vip && wanted.additional_vips == before.additional_vips;
    let same_pool = unit.pool.is_none_or(|pool| before.pools.get(&pool.id) == Some(pool));
    let same_listener = match unit.key {
        UnitKey::Listener(id) => unit.listener == before.listeners.get(&id),
        UnitKey::Pool(_) => true,
        UnitKey::Empty => before.listeners.is_empty() && before.pools.is_empty(),
    };
    same_vips && same_pool && same_listener
}

fn judge_monitor(pool: &Pool, before: Option<&LoadBalancer>) -> Result<(), Refusal> {
    let before = before.and_then(|lb| lb.pools.get(&pool.id)).and_then(|pool| pool.monitor.as_ref());
    match &pool.monitor {
        Some(monitor) if before != Some(monitor) => Err(Refusal::unsupported(
            "health-monitor-unsupported",
            format!("pool {}: this provider has no health monitors yet (type {})", pool.id, monitor.kind),
        )),
        _ => Ok(()),
    }
}

/// Whether a pool has members that are not as before.
fn has_new_members(pool: &Pool, before: Option<&LoadBalancer>) -> bool {
    pool.members.keys().any(|member| is_new(pool, member, before))
}

fn is_new(pool: &Pool, member: &MemberId, before: Option<&LoadBalancer>) -> bool {
    let old = before.and_then(|lb| lb.pools.get(&pool.id));
    old.and_then(|old| old.members.get(member)) != pool.members.get(member)
}

/// Every bad member of the call at once.
fn judge_members(pool: &Pool, before: Option<&LoadBalancer>, answers: &Answers) -> Result<(), Refusal> {
    let is_new = |member: &MemberId| is_new(pool, member, before);
    let mut bad =
        answers.members.get(&pool.id).into_iter().flatten().filter(|problem| is_new(&problem.member));
    let Some(first) = bad.next() else { return Ok(()) };
    let mut refusal = fault::of_problem(&first.problem);
    let word = |problem: &plugins::MemberProblem| format!("member {} ({}): ", problem.member, problem.socket);
    refusal.user.insert_str(0, &word(first));
    refusal.operator.insert_str(0, &word(first));
    for problem in bad.take(9) {
        refusal.user.push_str(&format!("; {}{}", word(problem), problem.problem.user));
    }
    Err(refusal)
}

/// The objects that a change makes, for finding a repeated create's first answer.
pub fn objects_made(change: &Change) -> Vec<Uuid> {
    match change {
        Change::LoadBalancerCreate(lb) => {
            let pools = lb.pools.values().flat_map(|pool| {
                std::iter::once(pool.id.uuid()).chain(pool.members.keys().map(|member| member.uuid()))
            });
            let listeners = lb.listeners.keys().map(|listener| listener.uuid());
            std::iter::once(lb.id.uuid()).chain(listeners).chain(pools).collect()
        }
        Change::ListenerCreate(_, listener) => vec![listener.id.uuid()],
        Change::PoolCreate(_, _, pool) => vec![pool.id.uuid()],
        Change::MemberCreate(_, member) => vec![member.id.uuid()],
        _ => Vec::new(),
    }
}

/// The object that a create names.
pub fn object_of(change: &Change) -> Option<Uuid> {
    objects_made(change).first().copied()
}

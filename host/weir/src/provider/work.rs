//! Carrying out what is in a queue.

use std::{collections::BTreeSet, sync::Arc, time::Instant};

use tokio::time::sleep;
use tracing::{debug, error, info, warn};
use weir_model::{HealthMap, LoadBalancer, LoadBalancerId, PortId, Released, failed, released};
use weir_octavia::{ChangeProgress, ErrorClass, Refusal};
use weir_plan::{Existing, Plan, attach, withhold_vips};

use super::{
    Host,
    dirty::Reason,
    health::{self, Operating},
    outbox::End,
    queue::{Inner, Pending, Ready, Task},
    version::{Made, Version},
};
use crate::{
    crash, fault, limits,
    northbound::{
        committer::{Asked, CommitError},
        rows,
        topology::ReplicaTopology,
    },
    planning,
    scrutiny::Scrutiny,
};

/// What to do for a batch, and what is said of each of its changes when it is done.
struct Planned {
    plan: Plan,
    fates: Vec<Fate>,
    unsettled: bool,
    /// Statuses that members' health has changed.
    operating: Operating,
    /// The rows as they were read.
    existing: Vec<Existing>,
}

/// What a batch makes of one change.
struct Fate {
    made: Made,
    released: Vec<Released>,
}

/// Why a batch has no plan.
enum NoPlan {
    /// One of its changes does not fit any more.
    Change(usize, String),
    /// All of it together.
    Batch(Refusal),
}

impl Host {
    /// Starts a worker on a locked queue, unless one is at it.
    pub(super) fn start_worker(self: &Arc<Self>, lb: LoadBalancerId, inner: &mut Inner) {
        if !std::mem::replace(&mut inner.working, true) {
            let host = self.clone();
            tokio::spawn(async move { host.work(lb).await });
        }
    }

    async fn work(self: Arc<Self>, lb: LoadBalancerId) {
        self.northbound_is_read().await;
        let mut pause = limits::RETRY_MIN;
        let mut alone = false;
        // When a plugin first failed what is tried now.
        let mut failing = None;
        loop {
            let waited = self.pauses.wait(lb).await;
            let Some((batch, ready)) = self.queues.next(lb) else { return self.tries.end(lb) };
            // What was planned before a pause may be too old.
            let ready = ready.filter(|_| !waited);
            let (mut batch, asked) = self.without_unasked(lb, batch);
            if waited {
                failing = None;
                self.tries.end(lb);
                if self.drop_versions(lb, &batch, "it was paused") {
                    continue;
                }
            }
            // After a failure nobody can be blamed for, the oldest goes alone.
            batch.truncate(if alone { 1 } else { usize::MAX });
            if let Some(oldest) = batch.first() {
                self.tries.trying(lb, &oldest.record, Instant::now());
            }
            let version = self.octavias_version(lb, &batch).await;
            let read_at = self.northbound.replica().read_at();
            // Also what was planned with plugins that are no longer in use is planned again.
            let ready = ready.filter(|ready| {
                let current = Arc::ptr_eq(&ready.registry, &self.registry());
                // Where nothing is to be done, it must be the newest rows that say so.
                !ready.plan.is_empty() && current && pause == limits::RETRY_MIN && version.is_not_needed()
            });
            let planned_earlier = ready.is_some();
            let planned = match ready {
                Some(ready) => Ok(self.planned(ready, &batch)),
                None => self.patience.run(|| self.replan(lb, &batch, &version)),
            };
            let mut planned = match planned {
                Ok(planned) => {
                    failing = None;
                    planned
                }
                Err(NoPlan::Change(at, why)) => {
                    let failed: Vec<_> = batch.into_iter().skip(at).take(1).collect();
                    self.fail(lb, &failed, &why);
                    failing = None;
                    continue;
                }
                Err(NoPlan::Batch(refusal)) if asked == Asked::ByNobody => {
                    self.not_planned(lb, &batch, &refusal.to_string());
                    continue;
                }
                Err(NoPlan::Batch(refusal)) if batch.len() == 1 && passes(&refusal, &mut failing) => {
                    // It was judged good once: a plugin that fails now may work again soon.
                    debug!(%lb, %refusal, "planned again");
                    self.tries.failed(lb, &refusal.code, refusal.to_string(), Instant::now());
                    sleep(limits::PLUGIN_AGAIN).await;
                    continue;
                }
                Err(NoPlan::Batch(refusal)) if batch.len() == 1 => {
                    self.fail(lb, &batch, &refusal.to_string());
                    (alone, failing) = (false, None);
                    continue;
                }
                Err(NoPlan::Batch(_)) => {
                    alone = true;
                    continue;
                }
            };
            let withheld = self.withhold(lb, &mut planned.plan);
            let committed = self.carry_out(lb, &planned, &batch, asked).await;
            let outdated = planned_earlier || read_at != self.northbound.replica().read_at();
            match committed.map_err(|error| error.of_plan(outdated)) {
                // The same batch is planned again, on the rows that it has created.
                Ok(()) if withheld => debug!(%lb, "created rows get their vips in a second transaction"),
                Ok(()) => {
                    self.hear_of_others(lb, &planned.plan);
                    if asked == Asked::ByNobody {
                        self.repaired(lb, &planned.plan, &batch);
                    }
                    self.unsettled.note(lb, planned.unsettled);
                    self.done(lb, batch, planned.fates, planned.operating);
                    self.doubts.clear(lb);
                    (pause, alone) = (limits::RETRY_MIN, false);
                }
                Err(error @ (CommitError::Refused(_) | CommitError::NotHolder))
                    if asked == Asked::ByNobody =>
                {
                    self.not_repaired(lb, &batch, &error.to_string());
                }
                Err(CommitError::Refused(why)) if batch.len() == 1 => {
                    self.fail(lb, &batch, &why);
                    alone = false;
                }
                Err(CommitError::Refused(_)) => alone = true,
                Err(error) => {
                    debug!(%lb, %error, "planned again");
                    self.tries.failed(lb, error.code(), error.to_string(), Instant::now());
                    match &error {
                        CommitError::Stale(why) => {
                            let Planned { plan, existing, .. } = &planned;
                            self.doubt_replica(lb, &plan.operations, existing, why).await;
                        }
                        _ => self.doubts.clear(lb),
                    }
                    self.drop_versions(lb, &batch, &error.to_string());
                    self.wait_to_retry(&error, pause).await;
                    pause = (pause * 2).min(limits::RETRY_MAX);
                }
            }
        }
    }

    /// Waits for the first full read: without it there is nothing to plan on.
    pub(super) async fn northbound_is_read(&self) {
        if !self.northbound.replica().is_complete() {
            let mut status = self.northbound.status();
            // An error means that the client has ended, and this host with it.
            let _ = status.wait_for(|status| status.synced).await;
        }
    }

    fn replan(&self, lb: LoadBalancerId, batch: &[Pending], version: &Version) -> Result<Planned, NoPlan> {
        let replica = self.northbound.replica();
        let plugins = &self.in_use.plugins(&replica);
        let existing = rows::existing(&replica, lb);
        let mut graph = rows::decoded(&existing, lb, &plugins.words).map(|decoded| decoded.lb);
        let unreadable = graph.is_none() && !existing.is_empty();
        if let (true, Version::Known(octavia)) = (unreadable, version) {
            graph = Some((**octavia).clone());
        }
        let mut fates = Vec::with_capacity(batch.len());
        for (at, pending) in batch.iter().enumerate() {
            let made =
                version.apply(pending, &mut graph).map_err(|error| NoPlan::Change(at, error.to_string()))?;
            let health = graph.as_ref().map(|lb| self.health(&replica, lb)).unwrap_or_default();
            fates.push(Fate::new(pending, made, graph.as_ref(), &health));
        }
        if unreadable && graph.is_none() && !batch.iter().any(Pending::wants_it_gone) {
            return Err(NoPlan::Batch(fault::of_unreadable(lb)));
        }
        if let Some(graph) = &mut graph {
            attach::fill_subnets(graph, &ReplicaTopology(&replica));
        }
        let called = batch.iter().any(|pending| matches!(pending.task, Task::Change(_)));
        let scrutiny = if called { Scrutiny::Accepted } else { Scrutiny::Nothing };
        let plan = self.plan(&replica, plugins, lb, graph.as_ref(), &existing, scrutiny);
        let mut planned = plan.map_err(NoPlan::Batch)?;
        let asked = batch.iter().all(|pending| !pending.is_unasked());
        self.note(lb, &mut planned, &existing, asked.then_some(&**plugins));
        let planning::Planned { plan, unsettled, .. } = planned;
        let operating =
            graph.as_ref().map(|graph| health::changed(graph, &existing, &self.health(&replica, graph)));
        Ok(Planned { plan, fates, unsettled, operating: operating.unwrap_or_default(), existing })
    }

    /// What was planned when the change was judged.
    fn planned(&self, ready: Ready, batch: &[Pending]) -> Planned {
        let after = ready.after.as_deref();
        let replica = self.northbound.replica();
        let health = after.map(|lb| self.health(&replica, lb)).unwrap_or_default();
        let operating = after.map(|lb| health::changed(lb, &rows::existing(&replica, lb.id), &health));
        let fates = batch.iter().map(|pending| Fate::new(pending, Made::AsAsked, after, &health));
        Planned {
            fates: fates.collect(),
            plan: ready.plan,
            unsettled: ready.unsettled,
            operating: operating.unwrap_or_default(),
            existing: Vec::new(),
        }
    }

    /// Takes `vips` out of the rows that a plan creates, where that is configured; says whether there were any.
    fn withhold(&self, lb: LoadBalancerId, plan: &mut Plan) -> bool {
        if !self.withhold_vips {
            return false;
        }
        let replica = self.northbound.replica();
        let words = &self.in_use.plugins(&replica).words;
        withhold_vips(plan, &rows::existing(&replica, lb), words)
    }

    async fn carry_out(
        self: &Arc<Self>,
        lb: LoadBalancerId,
        Planned { plan, existing, .. }: &Planned,
        batch: &[Pending],
        asked: Asked,
    ) -> Result<(), CommitError> {
        for (unit, problem) in &plan.kept {
            warn!(%lb, ?unit, code = problem.code, %problem, "left as it is: its plugin refused or failed");
        }
        if !plan.unresolved.is_empty() {
            info!(%lb, members = ?plan.unresolved, "unresolved-subnet: members are in the VIPs but not attached");
        }
        self.want_sources(lb, &plan.sourceless);
        let cause: Vec<_> = batch.iter().map(cause).collect();
        if plan.is_empty() {
            return match asked {
                // What was read may be old, and the connection dead without anybody knowing.
                Asked::ByCall => self.committer.confirm(lb, existing, &cause.join(" ")).await,
                Asked::ByNobody => Ok(()),
            };
        }
        let (before, adoption) = (self.sources_of(lb), self.is_adoption(lb));
        self.committer.commit(lb, &plan.operations, &cause.join(" "), asked).await?;
        if adoption {
            self.adopted(lb);
        }
        let unused: BTreeSet<_> = before.difference(&self.sources_of(lb)).copied().collect();
        if !unused.is_empty() {
            self.sources_are_unused(lb, unused);
        }
        Ok(())
    }

    /// The batch is in the Northbound.
    fn done(
        self: &Arc<Self>,
        lb: LoadBalancerId,
        batch: Vec<Pending>,
        fates: Vec<Fate>,
        operating: Operating,
    ) {
        if !batch.iter().all(Pending::is_unasked) {
            crash::point(crash::COMMITTED);
        }
        let released: Vec<_> = fates.iter().flat_map(|fate| &fate.released).collect();
        self.tell(lb, operating, &released);
        self.queues.remove(lb, &batch);
        for (pending, fate) in batch.into_iter().zip(fates) {
            let record = &pending.record;
            debug!(%lb, change = %record.id, method = record.method, made = ?fate.made, "carried out");
            let ports = if record.lost { None } else { self.takes_ports(&pending) };
            match fate.made {
                Made::AsAsked => record.finish(ChangeProgress::Committed, None),
                Made::RolledBack => {
                    warn!(%lb, change = %record.id, method = record.method, "Octavia has rolled back an accepted change");
                    record.roll_back();
                }
            }
            self.changes.forget_failure(lb);
            self.to_be_verified(lb, &pending, fate.made);
            self.free_if_taken_back(lb, &pending, fate.made);
            if let Task::Rebuild(_) = pending.task {
                self.let_go(lb, record, &fate.released);
            } else if record.lost {
                self.end_lost(pending);
            } else {
                self.end(pending, fate.released, ports);
            }
        }
    }

    /// Tells the end of a change, of a delete when its ports are freed.
    fn end(self: &Arc<Self>, pending: Pending, released: Vec<Released>, ports: Option<Vec<PortId>>) {
        let Some(ports) = ports else {
            self.outbox.end(End { record: pending.record, released });
            return;
        };
        let host = self.clone();
        tokio::spawn(async move {
            host.before_the_end(pending.record.lb, &ports).await;
            host.outbox.end(End { record: pending.record, released });
        });
    }

    fn fail(&self, lb: LoadBalancerId, batch: &[Pending], why: &str) {
        self.doubts.clear(lb);
        self.queues.remove(lb, batch);
        // What was noted of it leads to rows that never came.
        self.dirty.mark(lb, Reason::All, Instant::now());
        let (graph, health) = self.graph_and_health(lb);
        for pending in batch {
            let record = &pending.record;
            error!(%lb, change = %record.id, method = record.method, request_id = record.request_id, why, "change failed");
            record.finish(ChangeProgress::Failed, Some(why.to_owned()));
            self.changes.note_failure(lb, record);
            let released = match &pending.task {
                Task::Change(_) => failed(&record.touched, graph.as_ref(), &health),
                _ => Vec::new(),
            };
            self.outbox.end(End { record: record.clone(), released });
        }
    }
}

impl Fate {
    fn new(pending: &Pending, made: Made, after: Option<&LoadBalancer>, health: &HealthMap) -> Self {
        let mut released = match &pending.task {
            Task::Change(_) | Task::Rebuild(_) => released(&pending.record.touched, after, health),
            _ => Vec::new(),
        };
        if made == Made::RolledBack {
            // What it was to make is in nobody's books; the rest may be held up all the same.
            released.retain(|one| !pending.record.touched.creates(one.object));
        }
        Self { made, released }
    }
}

/// Whether there is no plan because a plugin fails, and has not done so for too long.
fn passes(refusal: &Refusal, failing: &mut Option<Instant>) -> bool {
    let failed = refusal.error == ErrorClass::DriverError
        && (refusal.code.starts_with("plugin-") || refusal.code == "sandbox-busy");
    failed && failing.get_or_insert_with(Instant::now).elapsed() < limits::PLUGIN_PATIENCE
}

fn cause(pending: &Pending) -> String {
    let record = &pending.record;
    match &record.request_id {
        Some(request) => format!("{} change={} {request}", record.method, record.id),
        None => format!("{} change={}", record.method, record.id),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patience_begins_with_the_first_failure() {
        let busy = Refusal::driver("sandbox-busy", "all places are taken");
        let mut failing = None;
        assert!(passes(&busy, &mut failing));
        let first = failing;
        assert!(first.is_some() && passes(&busy, &mut failing) && failing == first);
        failing = Instant::now().checked_sub(limits::PLUGIN_PATIENCE);
        assert!(!passes(&busy, &mut failing));
        let mut failing = None;
        assert!(!passes(&Refusal::driver("foreign-row", "not ours"), &mut failing) && failing.is_none());
    }
}

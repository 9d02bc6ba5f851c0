//! Carrying out what is in a queue.

use std::{sync::Arc, time::Duration};

use tokio::time::sleep;
use tracing::{debug, error, info, warn};
use weir_model::LoadBalancerId;
use weir_octavia::{ChangeProgress, Refusal};
use weir_plan::{Plan, attach};

use super::{
    Host,
    accept::Scrutiny,
    queue::{Inner, Pending},
};
use crate::{
    limits,
    northbound::{committer::CommitError, rows, topology::ReplicaTopology},
};

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
        let mut pause = limits::RETRY_MIN;
        let mut alone = false;
        while let Some((mut batch, ready)) = self.queues.next(lb) {
            // After a failure nobody can be blamed for, the oldest goes alone.
            batch.truncate(if alone { 1 } else { usize::MAX });
            let planned = match ready.filter(|_| pause == limits::RETRY_MIN) {
                Some(plan) => Ok(plan),
                None => self.patience.run(|| self.replan(lb, &batch)),
            };
            let plan = match planned {
                Ok(plan) => plan,
                Err(NoPlan::Change(at, why)) => {
                    let failed: Vec<_> = batch.into_iter().skip(at).take(1).collect();
                    self.fail(lb, &failed, &why);
                    continue;
                }
                Err(NoPlan::Batch(refusal)) if batch.len() == 1 => {
                    self.fail(lb, &batch, &refusal.to_string());
                    alone = false;
                    continue;
                }
                Err(NoPlan::Batch(_)) => {
                    alone = true;
                    continue;
                }
            };
            match self.carry_out(lb, &plan, &batch).await {
                Ok(()) => {
                    self.queues.finish(lb, &batch, ChangeProgress::Committed, None);
                    (pause, alone) = (limits::RETRY_MIN, false);
                }
                Err(CommitError::Refused(why)) if batch.len() == 1 => {
                    self.fail(lb, &batch, &why);
                    alone = false;
                }
                Err(CommitError::Refused(_)) => alone = true,
                Err(error) => {
                    debug!(%lb, %error, "planned again");
                    self.wait_to_retry(&error, pause).await;
                    pause = (pause * 2).min(limits::RETRY_MAX);
                }
            }
        }
    }

    fn replan(&self, lb: LoadBalancerId, batch: &[Pending]) -> Result<Plan, NoPlan> {
        let replica = self.northbound.replica();
        let environment = self.environment(&replica);
        let plugins = &environment.plugins;
        let existing = rows::existing(&replica, lb);
        let mut graph = rows::decoded(&existing, lb, &plugins.words).map(|decoded| decoded.lb);
        for (at, pending) in batch.iter().enumerate() {
            pending.apply(&mut graph).map_err(|error| NoPlan::Change(at, error.to_string()))?;
        }
        if let Some(graph) = &mut graph {
            attach::fill_subnets(graph, &ReplicaTopology(&replica));
        }
        self.plan(&replica, plugins, lb, graph.as_ref(), &existing, Scrutiny::Nothing).map_err(NoPlan::Batch)
    }

    async fn carry_out(&self, lb: LoadBalancerId, plan: &Plan, batch: &[Pending]) -> Result<(), CommitError> {
        for (unit, problem) in &plan.kept {
            warn!(%lb, ?unit, code = problem.code, %problem, "left as it is: its plugin refused or failed");
        }
        if !plan.unresolved.is_empty() {
            info!(%lb, members = ?plan.unresolved, "unresolved-subnet: members are in the VIPs but not attached");
        }
        if plan.is_empty() {
            return Ok(());
        }
        let cause: Vec<_> = batch.iter().map(cause).collect();
        self.committer.commit(lb, &plan.operations, &cause.join(" ")).await
    }

    /// A stale plan is made again at once, then with growing pauses; without connection it waits for the next full read.
    async fn wait_to_retry(&self, error: &CommitError, pause: Duration) {
        if let CommitError::Connection(_) = error {
            let mut status = self.northbound.status();
            // An error means that the client has ended, and this host with it.
            let _ = status.wait_for(|status| status.synced).await;
        }
        sleep(pause).await;
    }

    fn fail(&self, lb: LoadBalancerId, failed: &[Pending], why: &str) {
        for pending in failed {
            let record = &pending.record;
            error!(%lb, change = %record.id, method = record.method, request_id = record.request_id, why, "change failed");
        }
        self.queues.finish(lb, failed, ChangeProgress::Failed, Some(why));
    }
}

fn cause(pending: &Pending) -> String {
    let record = &pending.record;
    match &record.request_id {
        Some(request) => format!("{} change={} {request}", record.method, record.id),
        None => format!("{} change={}", record.method, record.id),
    }
}

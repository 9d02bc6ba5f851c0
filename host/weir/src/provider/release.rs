//! Giving load balancers back while the host runs: between calls, never beside one.

use std::sync::Arc;

use tokio::time::sleep;
use tracing::{info, warn};
use weir_model::LoadBalancerId;
use weir_octavia::{Refusal, ReleaseRequest};

use super::{Host, accept};
use crate::{
    limits,
    northbound::{
        committer::{Asked, CommitError},
        rows,
    },
    release::{Judged, Line, Outcome, Report, judge},
    southbound::ReplicaProbes,
};

impl Host {
    /// Makes load balancers' rows as the reference driver would have made them, without any key of ours.
    ///
    /// # Errors
    /// A [`Refusal`]: the Northbound was not read yet, or the one load balancer asked for is not there.
    pub(super) async fn release(self: &Arc<Self>, request: ReleaseRequest) -> Result<Report, Refusal> {
        let wanted = {
            let replica = self.northbound.replica();
            if !replica.is_complete() {
                return Err(accept::not_synced());
            }
            match request.lb {
                Some(lb) if rows::existing(&replica, lb).is_empty() => {
                    let text = format!("load balancer {lb} is not known");
                    return Err(Refusal::not_found("load-balancer-not-found", text));
                }
                Some(lb) => vec![lb],
                None => rows::ours(&replica, &self.ownership),
            }
        };
        let mut report = Report { dry_run: request.dry_run, loadbalancers: Vec::new() };
        for lb in wanted {
            report.loadbalancers.push(self.release_one(request, lb).await);
        }
        Ok(report)
    }

    async fn release_one(self: &Arc<Self>, request: ReleaseRequest, lb: LoadBalancerId) -> Line {
        let failed = |why: String| Line { id: lb, outcome: Outcome::Failed { why }, losses: Vec::new() };
        if !request.dry_run && self.pauses.hold(lb) {
            return failed("it is paused".to_owned());
        }
        for _ in 0..limits::SYNC_TRIES {
            // What is accepted is carried out first.
            if !request.dry_run && !self.queues.is_idle(lb) {
                sleep(limits::OCTAVIA_LOOK).await;
                continue;
            }
            let read_at = self.northbound.replica().read_at();
            let release = match self.patience.run(|| self.judge_release(lb, request.force)) {
                Judged::Goes(release) => release,
                Judged::Stays(outcome, losses) => return Line { id: lb, outcome, losses },
            };
            let operations = &release.plan.operations;
            let outcome = Outcome::Released { operations: operations.len() };
            if !request.dry_run {
                let committed = self.committer.commit(lb, operations, "release", Asked::ByCall).await;
                let outdated = read_at != self.northbound.replica().read_at();
                match committed.map_err(|error| error.of_plan(outdated)) {
                    Ok(()) => self.let_go_of(lb),
                    Err(error @ (CommitError::Stale(_) | CommitError::Outdated(_))) => {
                        if let CommitError::Stale(why) = &error {
                            self.doubt_replica(lb, operations, &[], why).await;
                        }
                        info!(%lb, %error, "its release is planned again");
                        sleep(limits::OCTAVIA_LOOK).await;
                        continue;
                    }
                    Err(error) => return failed(error.to_string()),
                }
            }
            return Line { id: lb, outcome, losses: release.losses };
        }
        Line { id: lb, outcome: Outcome::Busy, losses: Vec::new() }
    }

    fn judge_release(&self, lb: LoadBalancerId, force: bool) -> Judged {
        let replica = self.northbound.replica();
        let plugins = self.in_use.plugins(&replica);
        let southbound = self.southbound.replica();
        let probes = ReplicaProbes(&southbound);
        judge(&self.planner(&replica, &probes, &plugins), lb, force)
    }

    /// Forgets a load balancer that is somebody else's from now on.
    fn let_go_of(&self, lb: LoadBalancerId) {
        warn!(%lb, "released: it is the reference driver's from now on");
        self.index.forget(lb);
        self.findings.forget(lb);
        self.forget_drift(lb);
        self.gone.lock().remove(&lb);
        self.remade.lock().remove(&lb);
    }
}

//! `weir sync`: every load balancer against Octavia's version, one by one.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Instant,
};

use serde::Serialize;
use tokio::{task::JoinSet, time::sleep};
use tracing::{info, warn};
use weir_model::{LoadBalancer, LoadBalancerId, ObjectRef, Touched};
use weir_octavia::{ChangeProgress, Refusal, SyncRequest, agent::L7Policy};

use super::{
    Host, accept,
    changes::Record,
    leaked_ports::{PortLine, PortOutcome, Suspects},
    queue::{Pending, Task},
};
use crate::{
    config::Repair,
    limits,
    neutron::{Neutron, provider_is_known},
    northbound::rows,
    scrutiny::Scrutiny,
};

/// What became of a load balancer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "outcome")]
pub enum Outcome {
    /// Its rows were as Octavia says; its statuses were told.
    InOrder,
    /// Its rows were made as Octavia says, or would be.
    Repaired {
        /// How many operations that took.
        operations: usize,
    },
    /// Octavia has denied it twice: nobody wants it.
    Leaked,
    /// Leaked, and taken out.
    Removed,
    /// It belongs to somebody else.
    Foreign,
    /// Changes came again and again.
    Busy,
    /// It could not be done; the others were.
    Failed {
        /// Why.
        why: String,
    },
}

/// One load balancer's line of the report.
#[derive(Clone, Debug, Serialize)]
pub struct Line {
    /// Which one.
    pub id: LoadBalancerId,
    /// What became of it.
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// What a run has found and done.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Nothing was changed.
    pub dry_run: bool,
    /// Every load balancer that was looked at.
    pub loadbalancers: Vec<Line>,
    /// Leaked ones that were left, since a run takes out no more than a few.
    pub kept_back: usize,
    /// What Octavia's API has listed, for those of which the Northbound has nothing.
    pub listed: Listed,
    /// Ports in Neutron that nobody needs.
    pub ports: Vec<PortLine>,
    /// Why Neutron's ports could not be looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ports_failed: Option<String>,
}

/// What became of asking Octavia's API for its list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "state")]
pub enum Listed {
    /// Not asked: `[neutron]` has no credentials, or one load balancer was meant.
    NotAsked,
    /// So many of ours.
    Listed {
        /// How many.
        loadbalancers: usize,
    },
    /// It did not answer, or not us.
    Failed {
        /// Why.
        why: String,
    },
}

/// What one look says.
pub(super) enum Look {
    Done(Outcome),
    Denied,
}

impl Host {
    /// Compares load balancers with Octavia's versions, makes their rows so and tells their statuses.
    ///
    /// # Errors
    /// A [`Refusal`]: the Northbound was not read yet, or the one load balancer asked for is not there.
    pub(super) async fn sync(self: &Arc<Self>, request: SyncRequest) -> Result<Report, Refusal> {
        let (all, ours) = {
            let replica = self.northbound.replica();
            if !replica.is_complete() {
                return Err(accept::not_synced());
            }
            (rows::all(&replica), rows::ours(&replica, &self.ownership).len())
        };
        let updated = self.updated_ports(&request).await;
        let neutron = self.neutron.as_ref().filter(|_| request.lb.is_none());
        let (listed, unheld) = self.listed(neutron, ours).await;
        let wanted: BTreeSet<_> = match request.lb {
            // Its rows may be lost.
            Some(only) => [only].into(),
            None => all.iter().copied().chain(unheld).collect(),
        };
        let mut outcomes = self.look_at(wanted.into_iter().collect(), request.dry_run).await;
        // Nobody has anything of those.
        outcomes.retain(|lb, look| all.contains(lb) || !matches!(look, Look::Denied));
        if let (Some(lb), true) = (request.lb, outcomes.is_empty()) {
            return Err(Refusal::not_found(
                "load-balancer-not-found",
                format!("load balancer {lb} is not known"),
            ));
        }
        let (mut suspects, ports_failed) = self.suspects(neutron).await;
        let mut leaked: Vec<_> = denied(&outcomes).collect();
        let mut portless = self.denied_again(suspects.load_balancers()).await;
        if !leaked.is_empty() || !portless.is_empty() {
            // A create that Octavia has not committed yet looks the same.
            sleep(limits::SYNC_AGAIN).await;
            outcomes.extend(self.look_at(std::mem::take(&mut leaked), true).await);
            leaked.extend(denied(&outcomes));
            portless = self.denied_again(portless).await;
        }
        suspects.retain(&portless);
        let most = if request.remove_leaked && !request.dry_run { most_removed(ours) } else { 0 };
        let kept_back = if request.remove_leaked { leaked.len().saturating_sub(most) } else { 0 };
        for lb in leaked.into_iter().take(most) {
            let outcome = match self.take_out_leaked(lb).await {
                Ok(()) => Outcome::Removed,
                Err(why) => Outcome::Failed { why },
            };
            outcomes.insert(lb, Look::Done(outcome));
        }
        let (mut ports, update_failed) = updated;
        ports.extend(self.leaked_ports(neutron, suspects, &request).await);
        let ports_failed = ports_failed.or(update_failed);
        let lines = outcomes.into_iter().map(|(id, look)| match look {
            Look::Done(outcome) => Line { id, outcome },
            Look::Denied => Line { id, outcome: Outcome::Leaked },
        });
        let report = Report {
            dry_run: request.dry_run,
            loadbalancers: lines.collect(),
            kept_back,
            listed,
            ports,
            ports_failed,
        };
        info!(
            load_balancers = report.loadbalancers.len(),
            dry_run = report.dry_run,
            kept_back,
            "compared with Octavia"
        );
        Ok(report)
    }

    /// What Octavia's API lists of ours, but for what is being deleted.
    async fn listed(&self, neutron: Option<&Neutron>, ours: usize) -> (Listed, Vec<LoadBalancerId>) {
        let Some(neutron) = neutron else { return (Listed::NotAsked, Vec::new()) };
        match neutron.client().load_balancers(&self.provider).await {
            Ok(all) if all.is_empty() => {
                // A name that Octavia does not know filters all out.
                let Err(why) = provider_is_known(neutron.client(), &self.provider, ours).await else {
                    return (Listed::Listed { loadbalancers: 0 }, Vec::new());
                };
                warn!(why, "Octavia's API lists no load balancers of the configured provider");
                (Listed::Failed { why }, Vec::new())
            }
            Ok(all) => {
                let listed = Listed::Listed { loadbalancers: all.len() };
                let lasting = all.into_iter().filter(|lb| lb.provisioning_status != "PENDING_DELETE");
                (listed, lasting.map(|lb| lb.id.into()).collect())
            }
            Err(error) => {
                warn!(code = error.code(), %error, "Octavia's API does not list the load balancers");
                (Listed::Failed { why: error.to_string() }, Vec::new())
            }
        }
    }

    /// Ports of earlier releases of the reference driver.
    async fn updated_ports(self: &Arc<Self>, request: &SyncRequest) -> (Vec<PortLine>, Option<String>) {
        let Some(neutron) = &self.neutron else { return Default::default() };
        let mut lines = Vec::new();
        let ended = self.sync_ports(neutron, request.lb, !request.dry_run, &mut lines).await;
        (lines, ended.err().map(|error| error.to_string()))
    }

    async fn suspects(&self, neutron: Option<&Neutron>) -> (Suspects, Option<String>) {
        let Some(neutron) = neutron else { return Default::default() };
        if !self.northbound.status().borrow().synced {
            let why = "the Northbound is away: what it says of ports may be old".to_owned();
            return (Suspects::default(), Some(why));
        }
        match self.suspect_ports(neutron).await {
            Ok(suspects) => (suspects, None),
            Err(error) => (Suspects::default(), Some(error.to_string())),
        }
    }

    /// Those of the load balancers that Octavia denies.
    async fn denied_again(&self, lbs: BTreeSet<LoadBalancerId>) -> BTreeSet<LoadBalancerId> {
        let mut denied = BTreeSet::new();
        for lb in lbs {
            // Never closed.
            let _room = self.questions.acquire().await;
            if matches!(self.agent.load_balancer(lb).await, Ok(None)) {
                denied.insert(lb);
            }
        }
        denied
    }

    /// Lists leaked ports, and frees a few of them where that is asked for.
    async fn leaked_ports(
        &self,
        neutron: Option<&Neutron>,
        suspects: Suspects,
        request: &SyncRequest,
    ) -> Vec<PortLine> {
        let Some(neutron) = neutron else { return Vec::new() };
        let removes = request.remove_leaked && !request.dry_run;
        let most = if removes { most_removed(suspects.all) } else { 0 };
        let mut lines = Vec::new();
        for (n, port) in suspects.into_ports().enumerate() {
            let outcome =
                if n < most { self.free_leaked_port(neutron, &port).await } else { PortOutcome::Leaked };
            lines.push(PortLine { id: port.id, name: port.name, outcome });
        }
        lines
    }

    /// Looks at load balancers, a few at once; one that cannot be dealt with does not hold up the others.
    async fn look_at(
        self: &Arc<Self>,
        all: Vec<LoadBalancerId>,
        dry_run: bool,
    ) -> BTreeMap<LoadBalancerId, Look> {
        let mut outcomes = BTreeMap::new();
        for some in all.chunks(limits::RECONCILE_AT_ONCE) {
            let mut looks = JoinSet::new();
            for lb in some.iter().copied() {
                let host = self.clone();
                looks.spawn(async move { (lb, host.look(lb, dry_run).await) });
            }
            while let Some(look) = looks.join_next().await {
                // One that panicked is missing in the report, and its panic is in the log.
                outcomes.extend(look.ok());
            }
        }
        outcomes
    }

    pub(super) async fn look(self: &Arc<Self>, lb: LoadBalancerId, dry_run: bool) -> Look {
        for _ in 0..limits::SYNC_TRIES {
            let under_way = self.dispatcher.provisioning_under_way(lb.uuid());
            let before = rows::existing(&self.northbound.replica(), lb);
            if before.iter().any(|existing| self.ownership.may_write(lb, &existing.row).is_err()) {
                return Look::Done(Outcome::Foreign);
            }
            if !dry_run && self.pauses.hold(lb) {
                return Look::Done(Outcome::Failed { why: "it is paused".to_owned() });
            }
            let octavia = {
                // Never closed.
                let _room = self.questions.acquire().await;
                self.agent.load_balancer_and_policies(lb).await
            };
            let (octavia, policies) = match octavia {
                Ok(Some((octavia, policies))) => {
                    self.not_denied(lb);
                    (Arc::new(octavia), policies)
                }
                Ok(None) => return Look::Denied,
                Err(error) => return Look::Done(Outcome::Failed { why: error.to_string() }),
            };
            let operations = match self.patience.run(|| self.operations(lb, &octavia)) {
                Ok(operations) => operations,
                Err(refusal) => return Look::Done(Outcome::Failed { why: refusal.to_string() }),
            };
            let outcome = match operations {
                0 => Outcome::InOrder,
                operations => Outcome::Repaired { operations },
            };
            if dry_run {
                return Look::Done(outcome);
            }
            self.dispatcher.note_policies(lb.uuid(), policies.clone());
            // What came in between is not in the version that was read; nor is a create that Octavia has not committed yet, while
            // what a delete has taken away is, until Octavia has heard of it.
            let pushed = self.queues.with(lb, |_, inner| {
                let told = self.open.remaining(lb, Instant::now()).is_none() && !under_way;
                let as_read =
                    inner.pending.is_empty() && rows::existing(&self.northbound.replica(), lb) == before;
                (told && as_read).then(|| {
                    let mut touched = Touched::whole(&octavia);
                    touched.add_without_effect(policies.iter().flat_map(l7_objects));
                    let record = Arc::new(Record::releasing("sync", lb, touched));
                    let task = Task::Rebuild(octavia.clone());
                    self.queues.push(lb, inner, Pending { record: record.clone(), task }, &[]);
                    self.start_worker(lb, inner);
                    record
                })
            });
            if let Some(record) = pushed {
                let progress = record.finished().await;
                match progress.state {
                    ChangeProgress::Committed => {
                        if operations > 0 && self.repair == Repair::On {
                            // A call to another host may have been under way.
                            self.look_again(lb, limits::OCTAVIA_COMMIT);
                        }
                        return Look::Done(outcome);
                    }
                    // Its rows changed just then: Octavia is asked anew.
                    ChangeProgress::Abandoned => {}
                    _ => return Look::Done(Outcome::Failed { why: progress.detail.unwrap_or_default() }),
                }
            }
            sleep(limits::OCTAVIA_LOOK).await;
        }
        Look::Done(Outcome::Busy)
    }

    /// How many operations it takes to make the rows as Octavia says.
    fn operations(&self, lb: LoadBalancerId, octavia: &LoadBalancer) -> Result<usize, Refusal> {
        let replica = self.northbound.replica();
        let plugins = self.in_use.plugins(&replica);
        let existing = rows::existing(&replica, lb);
        let before = rows::graph(rows::decoded(&existing, lb, &plugins.words));
        let mut graph = octavia.clone().with_extra_of(before.as_ref());
        weir_plan::attach::fill_subnets(&mut graph, &crate::northbound::topology::ReplicaTopology(&replica));
        let planned = self.plan(&replica, &plugins, lb, Some(&graph), &existing, Scrutiny::Nothing)?;
        Ok(planned.plan.operations.len())
    }

    async fn take_out_leaked(self: &Arc<Self>, lb: LoadBalancerId) -> Result<(), String> {
        let record = Arc::new(Record::own(Record::TAKE_OUT, lb, None));
        warn!(%lb, change = %record.id, "Octavia has denied it twice: its rows are taken out");
        let task = Task::TakeOut(ObjectRef::LoadBalancer(lb));
        let accepting =
            self.write_and_push(lb, record.clone(), task).map_err(|refusal| refusal.to_string())?;
        self.written(accepting).await.map_err(|refusal| refusal.to_string())?;
        let progress = record.finished().await;
        match progress.state {
            ChangeProgress::Committed => Ok(()),
            _ => Err(progress.detail.unwrap_or_default()),
        }
    }
}

fn l7_objects(policy: &L7Policy) -> impl Iterator<Item = ObjectRef> {
    let rules = policy.rules.iter().map(|rule| ObjectRef::L7Rule((*rule).into()));
    std::iter::once(ObjectRef::L7Policy(policy.id.into())).chain(rules)
}

fn denied(outcomes: &BTreeMap<LoadBalancerId, Look>) -> impl Iterator<Item = LoadBalancerId> {
    outcomes.iter().filter(|(_, look)| matches!(look, Look::Denied)).map(|(lb, _)| *lb)
}

/// How many leaked load balancers a run may take out of so many: should Octavia's answers be wrong, most of them stay.
fn most_removed(all: usize) -> usize {
    (all / limits::SYNC_REMOVES_ONE_OF).max(1)
}

#[cfg(test)]
mod tests {
    use super::most_removed;

    #[test]
    fn a_run_takes_out_a_twentieth_and_at_least_one() {
        for (all, most) in [(0, 1), (1, 1), (19, 1), (20, 1), (39, 1), (40, 2), (1000, 50)] {
            assert_eq!(most_removed(all), most, "{all}");
        }
    }
}

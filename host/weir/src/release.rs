//! `weir release`: gives load balancers back to the reference driver, through the running host, or directly where none runs.

use std::fmt;

use serde::{Deserialize, Serialize};
use tokio::time::{sleep, timeout};
use weir_model::LoadBalancerId;
use weir_octavia::ReleaseRequest;
use weir_ovsdb::Client;
use weir_plan::{Loss, Ownership, Release};

use crate::{
    config::{Config, UnsupportedOptions},
    limits,
    metrics::Metrics,
    northbound::{
        committer::{Asked, CommitError, Committer},
        rows,
    },
    plan::{self, PlanError},
    planning::Planner,
    plugins::{Databases, LoadError, Loader, Plugins, Reader},
    remote::{self, RemoteError},
};

/// Why nothing was released.
#[derive(Debug, thiserror::Error)]
pub enum ReleaseError {
    /// The running host says no, or cannot be asked.
    #[error(transparent)]
    Remote(#[from] RemoteError),
    /// The Northbound or the plugins cannot be read.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// Somebody else may write at the same time.
    #[error(
        "no host listens at {listen}, but {why}; release through the running host: --config names its configuration"
    )]
    Lock {
        /// Where a host would listen.
        listen: String,
        /// Who holds the lock, or why it is not granted.
        why: String,
    },
    /// The host's answer is no report.
    #[error("the host's answer cannot be read: {0}")]
    Answer(#[from] serde_json::Error),
}

/// What became of a load balancer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "outcome")]
pub enum Outcome {
    /// Its rows are as the reference driver makes them, or would be.
    Released {
        /// How many operations that took.
        operations: usize,
    },
    /// `adopt` names it: it would be taken over again at once.
    WouldBeAdopted,
    /// Connections would go elsewhere than now; see `losses`.
    MovesTraffic,
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// Which one.
    pub id: LoadBalancerId,
    /// What became of it.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// What the reference driver cannot have.
    pub losses: Vec<Loss>,
}

/// What a run has found and done.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Nothing was changed.
    pub dry_run: bool,
    /// Every load balancer that was looked at.
    pub loadbalancers: Vec<Line>,
}

/// What a look at a load balancer says.
pub enum Judged {
    /// It can go.
    Goes(Release),
    /// It stays.
    Stays(Outcome, Vec<Loss>),
}

/// Looks whether a load balancer can be given back.
pub fn judge(planner: &Planner<'_>, lb: LoadBalancerId, force: bool) -> Judged {
    let existing = rows::existing(planner.replica, lb);
    if existing.is_empty() || existing.iter().any(|row| !planner.ownership.owns_of(lb, &row.row)) {
        return Judged::Stays(Outcome::Foreign, Vec::new());
    }
    if planner.ownership.adopts(lb) {
        return Judged::Stays(Outcome::WouldBeAdopted, Vec::new());
    }
    match planner.release(lb) {
        Ok(release) if release.moves_traffic() && !force => {
            Judged::Stays(Outcome::MovesTraffic, release.losses)
        }
        Ok(release) => Judged::Goes(release),
        Err(refusal) => Judged::Stays(Outcome::Failed { why: refusal.to_string() }, Vec::new()),
    }
}

/// Gives back one load balancer, or all of this deployment.
///
/// # Errors
/// [`ReleaseError`].
pub async fn release(config: &Config, request: ReleaseRequest) -> Result<Report, ReleaseError> {
    let ReleaseRequest { lb, dry_run, force } = request;
    let only = lb.map(|lb| format!("&lb={lb}")).unwrap_or_default();
    match remote::post(config, &format!("/v1/release?dry_run={dry_run}&force={force}{only}")).await {
        Ok(report) => Ok(serde_json::from_value(report)?),
        // Nobody runs who could write at the same time; should somebody after all, the guards say so.
        Err(RemoteError::NobodyThere { .. }) => directly(config, request).await,
        Err(error) => Err(error.into()),
    }
}

async fn directly(config: &Config, request: ReleaseRequest) -> Result<Report, ReleaseError> {
    let loader = Loader::new(&config.plugins, None).map_err(LoadError::from).map_err(PlanError::from)?;
    let registry = loader.load().map_err(PlanError::from)?.registry;
    let (northbound, southbound) = plan::connect(config).await?;
    if !request.dry_run {
        take_lock(config, &northbound).await?;
    }
    let plugins = Plugins::new(registry, rows::capabilities(&northbound.replica()), &config.defaults);
    let databases = Databases { northbound: &northbound, southbound: &southbound };
    let ownership = config.ownership();
    let committer = Committer::start(northbound.clone(), Metrics::default().transactions.clone());
    let all = databases.read(|replica, _| rows::ours(replica, &ownership));
    if let Some(lb) = request.lb.filter(|lb| rows::existing(&northbound.replica(), *lb).is_empty()) {
        return Err(PlanError::Unknown(lb).into());
    }
    let wanted = request.lb.map_or(all, |lb| vec![lb]);
    let mut report = Report { dry_run: request.dry_run, loadbalancers: Vec::new() };
    for lb in wanted {
        let line =
            one(&databases, &plugins, (&ownership, &config.unsupported_options), &committer, request, lb)
                .await;
        report.loadbalancers.push(line);
    }
    Ok(report)
}

/// Takes the lock of background work as long as this command runs: a host that holds it is alive somewhere and would make the
/// rows its own again.
async fn take_lock(config: &Config, northbound: &Client) -> Result<(), ReleaseError> {
    northbound.lock(limits::BACKGROUND_LOCK).await;
    let mut status = northbound.status();
    let held = status.wait_for(|status| status.holds(limits::BACKGROUND_LOCK) || status.is_relay());
    let why = match timeout(limits::LOCK_ANSWER, held).await {
        Ok(Ok(status)) if !status.is_relay() => return Ok(()),
        Ok(Ok(_)) => "the Northbound is an OVSDB relay, which does not say whether one runs".to_owned(),
        _ => format!(
            "another host, or the reference driver's agent, holds the lock {}",
            limits::BACKGROUND_LOCK
        ),
    };
    Err(ReleaseError::Lock { listen: config.listen.join(", "), why })
}

async fn one(
    databases: &Databases<'_>,
    plugins: &Plugins,
    (ownership, policy): (&Ownership, &UnsupportedOptions),
    committer: &Committer,
    request: ReleaseRequest,
    lb: LoadBalancerId,
) -> Line {
    for _ in 0..limits::SYNC_TRIES {
        let (read_at, judged) = databases.read(|replica, probes| {
            let planner = Planner { replica, probes, plugins, ownership, policy };
            (replica.read_at(), judge(&planner, lb, request.force))
        });
        let release = match judged {
            Judged::Goes(release) => release,
            Judged::Stays(outcome, losses) => return Line { id: lb, outcome, losses },
        };
        let operations = &release.plan.operations;
        let outcome = Outcome::Released { operations: operations.len() };
        if request.dry_run {
            return Line { id: lb, outcome, losses: release.losses };
        }
        let committed = committer.commit(lb, operations, "release", Asked::ByCall);
        let committed = timeout(limits::CHECK, committed).await;
        let read_again = databases.read(|replica, _| replica.read_at()) != read_at;
        match committed.map(|done| done.map_err(|error| error.of_plan(read_again))) {
            Ok(Ok(())) => return Line { id: lb, outcome, losses: release.losses },
            Ok(Err(CommitError::Stale(_) | CommitError::Outdated(_))) => sleep(limits::OCTAVIA_LOOK).await,
            Ok(Err(error)) => {
                return Line {
                    id: lb,
                    outcome: Outcome::Failed { why: error.to_string() },
                    losses: Vec::new(),
                };
            }
            Err(_) => {
                let why = "the Northbound does not answer".to_owned();
                return Line { id: lb, outcome: Outcome::Failed { why }, losses: Vec::new() };
            }
        }
    }
    Line { id: lb, outcome: Outcome::Busy, losses: Vec::new() }
}

impl Report {
    /// Whether all that was asked for has been done, or would be.
    pub fn ok(&self) -> bool {
        self.loadbalancers.iter().all(|line| matches!(line.outcome, Outcome::Released { .. }))
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut released = 0;
        for Line { id, outcome, losses } in &self.loadbalancers {
            match outcome {
                Outcome::Released { operations } => {
                    released += 1;
                    writeln!(f, "{id}: released, {operations} operations")?;
                }
                Outcome::WouldBeAdopted => {
                    writeln!(f, "{id}: not released: `adopt` names it, so it would be taken over again")?;
                }
                Outcome::MovesTraffic => {
                    writeln!(
                        f,
                        "{id}: not released: connections would go elsewhere than now (--force does it)"
                    )?;
                }
                Outcome::Foreign => writeln!(f, "{id}: not released: it is not this deployment's")?,
                Outcome::Busy => writeln!(f, "{id}: not released: changes came again and again")?,
                Outcome::Failed { why } => writeln!(f, "{id}: not released: {why}")?,
            }
            for Loss { object, what, detail, traffic } in losses {
                let mark = if *traffic { "!" } else { "-" };
                writeln!(f, "  {mark} {object}: {what}: {detail}")?;
            }
        }
        let all = self.loadbalancers.len();
        if self.dry_run {
            writeln!(f, "{released} of {all} load balancers would be released (dry run: nothing was changed)")
        } else {
            writeln!(f, "{released} of {all} load balancers are released")
        }
    }
}

//! Octavia's version of a load balancer, for changes that are not carried out as they were asked for: old ones, which
//! Octavia may have rolled back, and a failover, which rebuilds the rows from it.
//!
//! While the transaction around a call may be open, Octavia's version says nothing against the change. So a change in a
//! running host is done as it was asked for until it is [`limits::OCTAVIA_COMMIT`] old. One that a host finds in its
//! journal may have lost its caller: what it is to make must show in Octavia first, or that time must be over.

use std::time::Duration;

use tokio::time::{Instant, sleep};
use tracing::{info, warn};
use weir_model::{ApplyError, Change, LoadBalancer, LoadBalancerId, Settled, has, settle};
use weir_octavia::agent::AgentError;

use super::{
    Host,
    queue::{Pending, Task},
};
use crate::{limits, northbound::rows};

/// What Octavia says of a load balancer.
pub enum Version {
    /// Nobody has asked.
    NotNeeded,
    /// It does not say.
    Unreachable,
    /// It does not know it.
    Unknown,
    /// This.
    Known(Box<LoadBalancer>),
}

/// What has been made of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Made {
    /// It is done.
    AsAsked,
    /// Octavia does not want it any more.
    RolledBack,
}

impl Version {
    /// Whether the batch is carried out as it was asked for.
    pub fn is_not_needed(&self) -> bool {
        matches!(self, Self::NotNeeded)
    }

    /// Does a task to a graph, in the light of what Octavia has.
    ///
    /// # Errors
    /// [`ApplyError`] where it does not fit the graph any more.
    pub fn apply(&self, pending: &Pending, graph: &mut Option<LoadBalancer>) -> Result<Made, ApplyError> {
        let octavia = match self {
            Self::Known(lb) => Some(&**lb),
            Self::Unknown => None,
            Self::NotNeeded | Self::Unreachable => return pending.apply(graph).map(|()| Made::AsAsked),
        };
        let touched = &pending.record.touched;
        match &pending.task {
            Task::Change(change) => {
                if !is_failover(change) && !is_over(pending, octavia) {
                    // Should it be rolled back yet, that shows when its statuses are sent.
                    return pending.apply(graph).map(|()| Made::AsAsked);
                }
                if is_failover(change) && octavia.is_none() {
                    return pending.apply(graph).map(|()| Made::AsAsked);
                }
                settled(settle(graph, change, touched, octavia)?)
            }
            _ => pending.apply(graph).map(|()| Made::AsAsked),
        }
    }
}

fn settled(settled: Settled) -> Result<Made, ApplyError> {
    Ok(match settled {
        Settled::Done => Made::AsAsked,
        Settled::RolledBack => Made::RolledBack,
    })
}

fn is_failover(change: &Change) -> bool {
    matches!(change, Change::LoadBalancerFailover(_))
}

/// Whether the transaction around a change is over.
fn is_over(pending: &Pending, octavia: Option<&LoadBalancer>) -> bool {
    let touched = &pending.record.touched;
    let shown = touched.objects().any(|object| touched.creates(object) && has(octavia, object));
    shown || pending.record.age() >= limits::OCTAVIA_COMMIT
}

/// Whether what a change is to make must show in Octavia before it is carried out. What the rows have already can be
/// looked after when its status is sent.
fn must_show(pending: &Pending, rows: Option<&LoadBalancer>) -> bool {
    let record = &pending.record;
    let makes = |object| record.touched.creates(object) && !has(rows, object);
    record.recovered && record.touched.objects().any(makes)
}

fn wants_version(pending: &Pending, rows: Option<&LoadBalancer>) -> bool {
    match &pending.task {
        Task::Change(change) => {
            is_failover(change) || must_show(pending, rows) || pending.record.age() >= limits::OCTAVIA_COMMIT
        }
        Task::Revert { .. }
        | Task::TakeOut(_)
        | Task::Verify { .. }
        | Task::Rebuild(_)
        | Task::Reconcile
        | Task::Repair { .. } => false,
    }
}

impl Host {
    /// Whether there are rows, and none says what it is of.
    fn is_unreadable(&self, lb: LoadBalancerId) -> bool {
        let replica = self.northbound.replica();
        let existing = rows::existing(&replica, lb);
        !existing.is_empty() && rows::decoded(&existing, lb, &self.in_use.plugins(&replica).words).is_none()
    }

    /// Octavia's version, where something in a batch needs it. An agent that is away is waited for, but not for long.
    pub(super) async fn octavias_version(&self, lb: LoadBalancerId, batch: &[Pending]) -> Version {
        let recovered = batch.iter().any(|pending| pending.record.recovered);
        let rows = if recovered { self.graph(lb) } else { None };
        // Rows that somebody has spoilt: what is done to the load balancer is done to Octavia's version.
        let unreadable = !batch.iter().any(Pending::wants_it_gone) && self.is_unreadable(lb);
        let wants = |pending: &&Pending| {
            wants_version(pending, rows.as_ref()) || unreadable && matches!(pending.task, Task::Change(_))
        };
        let wanting: Vec<_> = batch.iter().filter(wants).collect();
        if wanting.is_empty() {
            return Version::NotNeeded;
        }
        let patient =
            wanting.iter().any(|it| !matches!(&it.task, Task::Change(change) if is_failover(change)));
        let until = Instant::now() + if patient { limits::AGENT_AWAY } else { Duration::ZERO };
        let is_settled = |octavia: Option<&LoadBalancer>| {
            wanting.iter().all(|it| !must_show(it, rows.as_ref()) || is_over(it, octavia))
        };
        let mut pause = limits::RETRY_MIN;
        loop {
            let answer = {
                // Never closed.
                let _room = self.questions.acquire().await;
                self.agent.load_balancer(lb).await
            };
            match answer {
                Ok(Some(version)) if is_settled(Some(&version)) => {
                    self.not_denied(lb);
                    return Version::Known(Box::new(version));
                }
                Ok(None) if is_settled(None) => return Version::Unknown,
                Ok(_) => {}
                Err(error @ AgentError::Malformed { .. }) => {
                    warn!(%lb, code = error.code(), %error, "Octavia's version of a load balancer cannot be read");
                    return Version::Unreachable;
                }
                Err(error) if Instant::now() >= until => {
                    info!(%lb, code = error.code(), %error, "changes are carried out without Octavia's version");
                    return Version::Unreachable;
                }
                Err(_) => {}
            }
            sleep(pause).await;
            pause = (pause * 2).min(limits::OCTAVIA_LOOK);
        }
    }
}

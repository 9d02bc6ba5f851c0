//! What somebody's edits of a load balancer's rows come to: Octavia's word, where it can be had, else what the rows still say.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::time::{sleep, timeout};
use tracing::{debug, info, warn};
use weir_model::LoadBalancerId;
use weir_plan::Topology;

use super::{
    Host,
    dirty::{Reason, Reasons},
    queue::Wish,
    version::Version,
};
use crate::{limits, northbound::topology::ReplicaTopology};

impl Host {
    /// What is to be made of a load balancer whose rows somebody has edited; `None` where that cannot be said yet.
    pub(super) async fn wish_after_edit(&self, lb: LoadBalancerId, reasons: &Reasons) -> Option<Wish> {
        if let Some(remaining) = self.open.remaining(lb, Instant::now()) {
            self.dirty.mark_at(lb, &with(reasons, Reason::Edited), Instant::now() + remaining);
            return None;
        }
        match self.octavia_says(lb).await {
            Version::Known(octavia) => {
                self.not_denied(lb);
                if reasons.contains(&Reason::Again) && self.may_still_go(lb) {
                    self.look_again(lb, limits::REPAIR_AGAIN);
                }
                Some(Wish::Octavias(Arc::new(*octavia)))
            }
            Version::Unknown if self.remade.lock().contains_key(&lb) => {
                warn!(%lb, "made again though it was being deleted: it goes");
                Some(Wish::Nothing)
            }
            Version::Unknown if reasons.contains(&Reason::Restored) => self.wish_for_denied(lb),
            Version::Unreachable => {
                // Until then the rows count.
                let restored = reasons.get(&Reason::Restored).copied();
                let again = [Reason::Edited].into_iter().chain(restored).collect();
                self.dirty.mark_at(lb, &again, self.when_to_ask_again());
                Some(Wish::AsRows)
            }
            Version::Unknown | Version::NotNeeded => Some(Wish::AsRows),
        }
    }

    /// Has a load balancer that is as Octavia said compared with it once more.
    pub(super) fn look_again(&self, lb: LoadBalancerId, after: Duration) {
        self.dirty.mark_at(lb, &[Reason::Again].into(), Instant::now() + after);
    }

    /// Whether Octavia may not have heard yet that a load balancer is gone whose rows were made again: the host that was to
    /// say so may be away.
    fn may_still_go(&self, lb: LoadBalancerId) -> bool {
        let mut remade = self.remade.lock();
        let goes = remade.get(&lb).is_some_and(|since| since.elapsed() < self.unknown_after);
        if !goes {
            remade.remove(&lb);
        }
        goes
    }

    /// The same where all its rows are gone.
    pub(super) async fn wish_after_loss(&self, lb: LoadBalancerId, reasons: &Reasons) -> Option<Wish> {
        let now = Instant::now();
        let since = *self.gone.lock().entry(lb).or_insert(now);
        let wait = self.open.remaining(lb, now).unwrap_or_default();
        let wait = wait.max((since + limits::OCTAVIA_COMMIT).saturating_duration_since(now));
        if !wait.is_zero() {
            debug!(%lb, ?wait, "all its rows are gone");
            self.dirty.mark_at(lb, reasons, now + wait);
            return None;
        }
        if self.dispatcher.provisioning_under_way(lb.uuid()) {
            // What it was deleted for may not have reached Octavia.
            let soon = since.elapsed() < limits::REPAIR_AGAIN;
            let again = if soon { now + limits::AGENT_AWAY } else { self.when_to_ask_again() };
            self.dirty.mark_at(lb, reasons, again);
            return None;
        }
        match self.octavia_says(lb).await {
            Version::Known(octavia) => {
                warn!(%lb, "all its rows are gone, but Octavia knows it: they are made again");
                self.gone.lock().remove(&lb);
                self.remade.lock().insert(lb, Instant::now());
                Some(Wish::Octavias(Arc::new(*octavia)))
            }
            Version::Unknown => {
                info!(%lb, "its rows are gone, and Octavia does not know it");
                self.gone.lock().remove(&lb);
                self.index.forget(lb);
                self.findings.forget(lb);
                self.forget_drift(lb);
                self.compared(lb);
                // What stands for it beside the rows goes.
                let replica = self.northbound.replica();
                let topology = ReplicaTopology(&replica);
                let leaves = !topology.acls(lb).is_empty() || !topology.centralised_for(lb).is_empty();
                leaves.then_some(Wish::Nothing)
            }
            Version::Unreachable | Version::NotNeeded => {
                self.dirty.mark_at(lb, reasons, self.when_to_ask_again());
                None
            }
        }
    }

    /// Of an agent that was away. The more there are to ask for, the less often: looks at others go on meanwhile.
    fn when_to_ask_again(&self) -> Instant {
        let others = u32::try_from(self.dirty.later()).unwrap_or(u32::MAX);
        let all = limits::AGENT_AWAY.saturating_mul(others) / (limits::REPAIR_AT_ONCE as u32 / 2);
        Instant::now() + limits::REPAIR_AGAIN.max(all)
    }

    /// Octavia's version; an agent that is away is waited for, but not for long. Waiting for others who ask does not count.
    async fn octavia_says(&self, lb: LoadBalancerId) -> Version {
        let mut remaining = limits::AGENT_AWAY;
        let mut pause = limits::RETRY_MIN;
        loop {
            // Never closed.
            let room = self.questions.acquire().await;
            let asked = Instant::now();
            let answer = timeout(remaining, self.agent.load_balancer(lb)).await;
            drop(room);
            match answer {
                Ok(Ok(Some(octavia))) => return Version::Known(Box::new(octavia)),
                Ok(Ok(None)) => return Version::Unknown,
                Ok(Err(error)) => debug!(%lb, code = error.code(), %error, "Octavia cannot be asked"),
                Err(_) => debug!(%lb, "Octavia does not answer"),
            }
            remaining = remaining.saturating_sub(asked.elapsed() + pause);
            if remaining.is_zero() {
                return Version::Unreachable;
            }
            sleep(pause).await;
            pause = (pause * 2).min(limits::OCTAVIA_LOOK);
        }
    }
}

fn with(reasons: &Reasons, reason: Reason) -> Reasons {
    reasons.iter().copied().chain([reason]).collect()
}

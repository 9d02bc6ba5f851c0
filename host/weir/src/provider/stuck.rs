//! Load balancers that stay in `PENDING_*` because the host that was to release them is lost with its journal.
//!
//! The host with the background lock asks Octavia's API for this provider's objects that have been in `PENDING_*` for
//! `pending_timeout`. What this host has nothing to do for is synced as `weir sync` does it; a load balancer that its user has
//! deleted is deleted. A paused one is left alone by the host on which it is paused.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use parking_lot::Mutex;
use tokio::{task::JoinHandle, time::sleep};
use tracing::{error, info, warn};
use weir_model::{Change, ListenerId, LoadBalancerId, touched};
use weir_neutron::{Kind, NeutronError, PendingObject};
use weir_octavia::ChangeProgress;

use super::{
    Host,
    changes::Record,
    queue::Task,
    sync::{Look, Outcome},
};
use crate::{config::Repair, limits, neutron::Neutron, northbound::rows};

/// What is known of the last look.
#[derive(Default)]
pub struct Stuck {
    failure: Mutex<Option<String>>,
    found: Mutex<usize>,
    tried: Mutex<HashMap<LoadBalancerId, Tried>>,
    /// Releases under way, also those that are no longer waited for.
    running: Mutex<HashMap<LoadBalancerId, JoinHandle<()>>>,
}

/// When a load balancer is tried again.
#[derive(Clone, Copy)]
struct Tried {
    next: Instant,
    pause: Duration,
}

impl Stuck {
    /// Why Octavia's API could not be asked the last time.
    pub fn failure(&self) -> Option<String> {
        self.failure.lock().clone()
    }

    /// How many load balancers were found when Octavia's API last answered.
    pub fn count(&self) -> usize {
        *self.found.lock()
    }

    fn note(&self, found: Result<&BTreeMap<LoadBalancerId, Pending>, String>) {
        if let Ok(found) = &found {
            *self.found.lock() = found.len();
            self.tried.lock().retain(|lb, _| found.contains_key(lb));
        }
        *self.failure.lock() = found.err();
    }

    /// Whether a load balancer is due; then it is tried again only after a pause, which doubles.
    fn is_due(&self, lb: LoadBalancerId, first: Duration, now: Instant) -> bool {
        let mut tried = self.tried.lock();
        let pause = match tried.get(&lb) {
            Some(last) if now < last.next => return false,
            Some(last) => (last.pause * 2).min(limits::PENDING_AGAIN_MAX),
            None => first,
        };
        tried.insert(lb, Tried { next: now + pause, pause });
        true
    }

    /// Whether a release of a load balancer is under way.
    fn is_running(&self, lb: LoadBalancerId) -> bool {
        let mut running = self.running.lock();
        running.retain(|_, release| !release.is_finished());
        running.contains_key(&lb)
    }
}

/// What Octavia has of a load balancer in `PENDING_*`.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Pending {
    status: String,
    age: Duration,
    /// The load balancer itself is to be deleted.
    deleted: bool,
}

impl Host {
    /// Syncs load balancers that stay in `PENDING_*`, for ever.
    pub async fn release_stuck(self: Arc<Self>) {
        let (Some(neutron), Some(timeout)) = (self.neutron.clone(), self.pending_timeout) else { return };
        if self.repair == Repair::Off {
            return;
        }
        let pause = limits::PENDING_LOOK.min(timeout / 2).max(Duration::from_secs(1));
        loop {
            sleep(pause).await;
            if !self.releases_stuck() {
                self.stuck.note(Ok(&BTreeMap::new()));
                continue;
            }
            match self.stuck_in_octavia(&neutron, timeout).await {
                Ok(found) => {
                    self.stuck.note(Ok(&found));
                    self.release_some(found, timeout).await;
                }
                Err(error) => self.stuck.note(Err(error.to_string())),
            }
        }
    }

    async fn release_some(self: &Arc<Self>, found: BTreeMap<LoadBalancerId, Pending>, timeout: Duration) {
        let mut room = limits::PENDING_SYNCS;
        for (lb, pending) in found {
            if !self.releases_stuck() {
                return;
            }
            // What this host has still to do or to tell releases it in time.
            let busy = self.pauses.hold(lb)
                || !self.queues.is_idle(lb)
                || self.dispatcher.is_waiting(lb.uuid())
                || self.stuck.is_running(lb);
            if busy || room == 0 || !self.stuck.is_due(lb, timeout, Instant::now()) {
                continue;
            }
            room -= 1;
            let Pending { status, age, deleted } = pending;
            let seconds = age.as_secs();
            if self.repair == Repair::Report {
                warn!(%lb, status, seconds, "load balancer is stuck in Octavia (report only)");
                continue;
            }
            warn!(%lb, status, seconds, "load balancer is stuck in Octavia, syncing it");
            self.release_within(lb, deleted, limits::PENDING_SYNC.min(timeout)).await;
        }
    }

    /// Whether this host does it: another one does where this one has lost the lock.
    fn releases_stuck(&self) -> bool {
        self.holds_lock() && self.northbound.status().borrow().synced
    }

    /// Releases a load balancer, and waits for that until the time is over or the lock is lost.
    async fn release_within(self: &Arc<Self>, lb: LoadBalancerId, deleted: bool, within: Duration) {
        let host = self.clone();
        // Where it takes longer it goes on: what was accepted must not be dropped half-way.
        let mut release = tokio::spawn(async move { host.release_stuck_one(lb, deleted).await });
        let mut status = self.northbound.status();
        let lost = status.wait_for(|status| !status.synced || !status.holds(limits::BACKGROUND_LOCK));
        tokio::select! {
            ended = &mut release => {
                if let Err(error) = ended {
                    error!(%lb, %error, "release of a load balancer that is stuck in Octavia has panicked");
                }
                return;
            }
            () = sleep(within) => {
                let seconds = within.as_secs();
                warn!(%lb, seconds, "release of load balancer takes long, going on with the next one");
            }
            _ = lost => info!(%lb, "lost OVSDB lock, no longer waiting for the release of a load balancer"),
        }
        self.stuck.running.lock().insert(lb, release);
    }

    async fn release_stuck_one(self: &Arc<Self>, lb: LoadBalancerId, deleted: bool) {
        let outcome = match deleted {
            true => self.finish_delete(lb).await,
            false => match self.look(lb, false).await {
                Look::Done(Outcome::Failed { why }) => Err(why),
                Look::Done(Outcome::Busy) => Err("changes came again and again".to_owned()),
                Look::Done(_) | Look::Denied => Ok(()),
            },
        };
        match outcome {
            Ok(()) => info!(%lb, "released load balancer that was stuck in Octavia"),
            Err(why) => warn!(%lb, why, "cannot release load balancer that is stuck in Octavia, will retry"),
        }
    }

    /// The load balancers with something that has been in `PENDING_*` for long.
    async fn stuck_in_octavia(
        &self,
        neutron: &Neutron,
        timeout: Duration,
    ) -> Result<BTreeMap<LoadBalancerId, Pending>, NeutronError> {
        let now = SystemTime::now();
        let mut found = BTreeMap::new();
        let mut young = Vec::new();
        for kind in Kind::ALL {
            for object in neutron.client().pending(kind, &self.provider).await? {
                let Some(lb) = self.load_balancer_of(kind, &object).await else { continue };
                let Some(age) = object.age(now) else { continue };
                if age < timeout {
                    young.push(lb);
                    continue;
                }
                let deleted = kind == Kind::LoadBalancer && object.provisioning_status == "PENDING_DELETE";
                let status = format!("{} {}", kind.plural(), object.provisioning_status);
                found.entry(lb).or_insert(Pending { status, age, deleted });
            }
        }
        // Something is under way.
        young.iter().for_each(|lb| drop(found.remove(lb)));
        Ok(found)
    }

    /// The load balancer of an object. Octavia lists children whoever their provider is: those count that the Northbound has.
    async fn load_balancer_of(&self, kind: Kind, object: &PendingObject) -> Option<LoadBalancerId> {
        let lb = match kind {
            Kind::LoadBalancer => return Some(object.id.into()),
            Kind::Listener | Kind::Pool => object.loadbalancers.first()?.id.into(),
            Kind::HealthMonitor => {
                let pool = object.pools.first()?.id.into();
                rows::load_balancer_of_pool(&self.northbound.replica(), pool)?
            }
            Kind::L7Policy => {
                let listener: ListenerId = object.listener_id?.into();
                // Never closed.
                let _room = self.questions.acquire().await;
                self.agent.load_balancer_of_listener(listener).await.ok()??
            }
        };
        let existing = rows::existing(&self.northbound.replica(), lb);
        existing.iter().any(|existing| self.ownership.owns_of(lb, &existing.row)).then_some(lb)
    }

    /// Deletes a load balancer that its user has deleted and whose host is lost.
    async fn finish_delete(self: &Arc<Self>, lb: LoadBalancerId) -> Result<(), String> {
        let existing = rows::existing(&self.northbound.replica(), lb);
        if existing.iter().any(|existing| self.ownership.may_write(lb, &existing.row).is_err()) {
            return Err("its rows are not Weir's".to_owned());
        }
        let octavia = {
            // Never closed.
            let _room = self.questions.acquire().await;
            self.agent.load_balancer(lb).await.map_err(|error| error.to_string())?
        };
        let Some(octavia) = octavia else { return Ok(()) };
        let change = Change::LoadBalancerDelete(lb);
        let touched = touched(&change, Some(&octavia), None);
        let record = Arc::new(Record::own_releasing(change.method(), lb, touched));
        let task = Task::Change(Arc::new(change));
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

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn failed_release_is_tried_again_with_growing_pauses() {
        let stuck = Stuck::default();
        let lb = Uuid::from_u128(1).into();
        let (start, first) = (Instant::now(), Duration::from_secs(600));
        let at = |seconds| start + Duration::from_secs(seconds);
        assert!(stuck.is_due(lb, first, start));
        assert!(!stuck.is_due(lb, first, at(599)));
        assert!(stuck.is_due(lb, first, at(600)));
        assert!(!stuck.is_due(lb, first, at(1799)));
        assert!(stuck.is_due(lb, first, at(1800)));
        assert!(stuck.is_due(lb, first, at(1800 + 2400)));
        assert!(stuck.is_due(lb, first, at(1800 + 2400 + 3600)), "an hour at the most");
        // One that was released begins anew.
        stuck.note(Ok(&BTreeMap::new()));
        assert!(stuck.is_due(lb, first, at(1800 + 2400 + 3601)));
    }

    #[test]
    fn failed_question_keeps_the_last_known_number() {
        let stuck = Stuck::default();
        let lb = Uuid::from_u128(1).into();
        let pending =
            Pending { status: "PENDING_UPDATE".to_owned(), age: Duration::from_secs(700), deleted: false };
        stuck.note(Ok(&[(lb, pending)].into()));
        stuck.note(Err("no answer".to_owned()));
        assert_eq!((stuck.count(), stuck.failure().as_deref()), (1, Some("no answer")));
        stuck.note(Ok(&BTreeMap::new()));
        assert_eq!((stuck.count(), stuck.failure()), (0, None));
    }
}

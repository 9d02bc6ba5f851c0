//! The schedule, driven.

use std::{
    pin::pin,
    sync::{Arc, Weak},
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use tokio::sync::Notify;
use uuid::Uuid;

use super::{
    Agent, BacklogStatus, Events, L7Policy, ObjectKind, StatusUpdate,
    schedule::{Action, Schedule, UNKNOWN_AFTER},
};

/// A message that waits this long for its answer does not make others wait.
const LATE: Duration = Duration::from_secs(5);
/// After looking at what waits, it is not looked at for so many times as long as that took.
const LOOKS: u32 = 9;
/// Less than this is not worth a timer.
const NO_REST: Duration = Duration::from_millis(1);
/// So many times the agent's time limit is waited for the outcome of a message.
const PATIENCE: u32 = 4;

/// Delivers statuses: in order for each object, the last one wins, and nothing is lost while this process lives.
/// Clones are the same dispatcher; it ends when the last one is dropped, and what is under way then never comes as
/// delivered.
#[derive(Clone)]
pub struct Dispatcher(Arc<Inner>);

struct Inner {
    schedule: Mutex<Schedule>,
    changed: Arc<Notify>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.changed.notify_one();
    }
}

/// How statuses are delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DispatcherSettings {
    /// How long the get socket must have denied a created object before the object is given up. It is sooner where
    /// Octavia is known to have rolled back.
    pub unknown_after: Duration,
}

impl Default for DispatcherSettings {
    fn default() -> Self {
        Self { unknown_after: UNKNOWN_AFTER }
    }
}

impl Dispatcher {
    /// Starts the dispatcher in the current tokio runtime.
    pub fn start(agent: Agent, settings: DispatcherSettings, events: Arc<dyn Events>) -> Self {
        let changed = Arc::new(Notify::new());
        let schedule = Mutex::new(Schedule::new(settings.unknown_after));
        let inner = Arc::new(Inner { schedule, changed: changed.clone() });
        tokio::spawn(run(Arc::downgrade(&inner), agent, changed, events));
        Self(inner)
    }

    /// Takes on statuses; those of one call that belong to one load balancer are held together. Never blocks.
    pub fn enqueue(&self, updates: Vec<StatusUpdate>) {
        if !updates.is_empty() {
            self.0.schedule.lock().enqueue(Instant::now(), updates);
            self.0.changed.notify_one();
        }
    }

    /// Takes note of the L7 policies that Octavia holds of a load balancer.
    pub fn note_policies(&self, lb: Uuid, policies: Vec<L7Policy>) {
        self.0.schedule.lock().note_policies(lb, policies);
        self.0.changed.notify_one();
    }

    /// Forgets what is not yet sent of an object; its numbers come as delivered. What is under way may still arrive, but
    /// is not sent again.
    pub fn drop_pending(&self, lb: Uuid, kind: ObjectKind, id: Uuid) {
        self.0.schedule.lock().drop_pending(lb, kind, id);
        self.0.changed.notify_one();
    }

    /// Whether a provisioning status of something in a load balancer has not arrived yet: until then Octavia shows what a
    /// delete has taken away.
    pub fn provisioning_under_way(&self, lb: Uuid) -> bool {
        self.0.schedule.lock().provisioning_under_way(lb)
    }

    /// Whether any status of something in a load balancer has not arrived yet.
    pub fn is_waiting(&self, lb: Uuid) -> bool {
        self.0.schedule.lock().is_waiting(lb)
    }

    /// How many statuses wait.
    pub fn backlog(&self) -> BacklogStatus {
        self.0.schedule.lock().backlog(Instant::now())
    }
}

async fn run(inner: Weak<Inner>, agent: Agent, changed: Arc<Notify>, events: Arc<dyn Events>) {
    loop {
        let Some(dispatcher) = inner.upgrade() else { return };
        let now = Instant::now();
        let (mut actions, wake, delivered, missing, policies) = {
            let mut schedule = dispatcher.schedule.lock();
            let actions: Vec<Action> = std::iter::from_fn(|| schedule.next(now)).collect();
            let (delivered, missing) = (schedule.take_delivered(), schedule.take_missing());
            (actions, schedule.wake_at(now), delivered, missing, schedule.take_policies())
        };
        drop(dispatcher);
        for (lb, policies) in policies {
            events.l7_policies(lb, policies);
        }
        for update in missing {
            let object = format!("{}/{}", update.kind.plural(), update.id);
            tracing::warn!(code = "object-missing", lb = %update.lb, object, "Octavia does not know an object that it created");
            events.missing(update);
        }
        if !delivered.is_empty() {
            events.delivered(delivered);
        }
        for action in actions.drain(..) {
            tokio::spawn(perform(inner.clone(), agent.clone(), events.clone(), action));
        }
        // Looking takes the longer the more waits: with a long queue, what comes meanwhile is looked at together.
        let rest = now.elapsed().saturating_mul(LOOKS);
        if rest > NO_REST {
            tokio::time::sleep(rest).await;
        }
        match wake {
            Some(at) => drop(tokio::time::timeout_at(at.into(), changed.notified()).await),
            None => changed.notified().await,
        }
    }
}

async fn perform(inner: Weak<Inner>, agent: Agent, events: Arc<dyn Events>, action: Action) {
    match action {
        Action::Ask(lb) => {
            let answer = agent.get(ObjectKind::LoadBalancer, lb).await;
            if let Err(error) = &answer {
                tracing::debug!(code = error.code(), %lb, %error, "a load balancer cannot be read");
            }
            let Some(inner) = inner.upgrade() else { return };
            inner.schedule.lock().asked(Instant::now(), lb, answer);
            inner.changed.notify_one();
        }
        Action::Send(number, message) => {
            let records = message.records.len();
            events.sending(records);
            let mut outcome =
                pin!(agent.send_status_within(&message, agent.timeout().saturating_mul(PATIENCE)));
            let result = match tokio::time::timeout(agent.timeout().min(LATE), &mut outcome).await {
                Ok(result) => result,
                Err(_) => {
                    tracing::warn!(
                        code = "agent-late",
                        records,
                        "statuses wait for the driver-agent's answer"
                    );
                    if let Some(inner) = inner.upgrade() {
                        inner.schedule.lock().late(number);
                        inner.changed.notify_one();
                    }
                    outcome.await
                }
            };
            events.sent(&result, records);
            if let Err(error) = &result {
                tracing::warn!(code = error.code(), records, %error, "statuses are not delivered yet");
            }
            let Some(inner) = inner.upgrade() else { return };
            inner.schedule.lock().sent(Instant::now(), number, result);
            inner.changed.notify_one();
        }
    }
}

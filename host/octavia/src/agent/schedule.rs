//! What to send and to ask when: a state machine without I/O and without a clock.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use serde::Serialize;
use uuid::Uuid;

use super::{
    L7Policy, ObjectKind, StatusMessage, StatusUpdate, l7,
    queue::{Pause, Queue, Waiting},
    sending::UnderWay,
};

/// How long the agent must have denied a new object before it is given up, unless the caller says otherwise.
pub(super) const UNKNOWN_AFTER: Duration = Duration::from_secs(15 * 60);

/// What is to be done now.
#[derive(Debug)]
pub(super) enum Action {
    /// Get this load balancer and report by [`Schedule::asked`].
    Ask(Uuid),
    /// Send this message and report by [`Schedule::sent`] with its number; before, where that takes long, by
    /// [`Schedule::late`].
    Send(u64, StatusMessage),
}

/// How many statuses wait.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct BacklogStatus {
    /// Objects with a status not yet delivered.
    pub waiting: usize,
    /// Since when the oldest of them waits.
    pub oldest_age: Option<Duration>,
    /// The last failure's text; it stays after things work again.
    pub last_error: Option<String>,
}

/// See the module. Questions are in `asking`, messages in `sending`.
#[derive(Debug, Default)]
pub(super) struct Schedule {
    pub(super) unknown_after: Duration,
    pub(super) queues: BTreeMap<Uuid, Queue>,
    batch: u64,

    /// Load balancers that may have to be asked for.
    pub(super) unsure: BTreeSet<Uuid>,
    /// Questions under way.
    pub(super) questions: usize,
    /// Of the get socket.
    pub(super) ask_pause: Pause,

    /// The number of the last message.
    pub(super) message: u64,
    pub(super) messages: BTreeMap<u64, UnderWay>,
    /// Of the status socket.
    pub(super) send_pause: Pause,
    /// Messages without a sensible answer, in a row.
    pub(super) malformed: u32,
    /// There are statuses marked [`Waiting::suspect`].
    pub(super) suspects: bool,
    /// Records in a message at present, once it had to be made smaller.
    pub(super) room: Option<usize>,
    /// When the agent last carried out a record.
    pub(super) worked_at: Option<Instant>,

    /// L7 policies of load balancers, as Octavia showed them last.
    policies: BTreeMap<Uuid, Vec<L7Policy>>,
    /// Load balancers of which other policies are known than were reported.
    policies_changed: BTreeSet<Uuid>,

    pub(super) delivered: Vec<u64>,
    pub(super) missing: Vec<StatusUpdate>,
    pub(super) last_error: Option<String>,
}

impl Schedule {
    /// With the time after which an object that Octavia denies is given up.
    pub fn new(unknown_after: Duration) -> Self {
        Self { unknown_after, ..Self::default() }
    }

    /// Takes on statuses that belong together.
    pub fn enqueue(&mut self, now: Instant, updates: Vec<StatusUpdate>) {
        self.batch += 1;
        let lbs: BTreeSet<Uuid> = updates.iter().map(|update| update.lb).collect();
        for update in updates {
            if self.policies.get_mut(&update.lb).is_some_and(|known| l7::forget_deleted(known, &update)) {
                self.policies_changed.insert(update.lb);
            }
            let (lb, waiting) = (update.lb, Waiting::new(update, self.batch, now));
            let queue = self.queues.entry(lb).or_default();
            if waiting.unsure() {
                queue.ask_pause = Pause::default();
                self.unsure.insert(lb);
            }
            queue.push(waiting);
        }
        lbs.into_iter().for_each(|lb| self.release_redirecting_listeners(lb));
    }

    /// Takes note of a load balancer's L7 policies.
    pub fn note_policies(&mut self, lb: Uuid, policies: Vec<L7Policy>) {
        let known = self.policies.get(&lb).map_or(&[] as &[_], Vec::as_slice);
        if policies != known {
            self.policies.insert(lb, policies);
            self.policies_changed.insert(lb);
        }
    }

    pub(super) fn release_redirecting_listeners(&mut self, lb: Uuid) {
        if let (Some(queue), Some(policies)) = (self.queues.get_mut(&lb), self.policies.get(&lb)) {
            l7::release_listeners(queue, lb, policies);
        }
    }

    /// The L7 policies of load balancers where they have changed since the last time.
    pub fn take_policies(&mut self) -> Vec<(Uuid, Vec<L7Policy>)> {
        let changed = std::mem::take(&mut self.policies_changed);
        let policies =
            changed.into_iter().map(|lb| (lb, self.policies.get(&lb).cloned().unwrap_or_default()));
        let policies = policies.collect();
        self.policies.retain(|_, policies| !policies.is_empty());
        policies
    }

    /// Forgets what waits for an object. Its statuses count as delivered.
    pub fn drop_pending(&mut self, lb: Uuid, kind: ObjectKind, id: Uuid) {
        let Some(queue) = self.queues.get_mut(&lb) else { return };
        for statuses in [&mut queue.waiting, &mut queue.sending] {
            self.delivered.extend(statuses.remove(&(kind, id)).into_iter().flat_map(|dropped| dropped.seqs));
        }
        self.tidy(lb);
    }

    /// The next thing to do, until there is none.
    pub fn next(&mut self, now: Instant) -> Option<Action> {
        self.next_question(now).or_else(|| self.next_message(now))
    }

    /// When [`Self::next`] may have something without any report: `None` is never.
    pub fn wake_at(&self, now: Instant) -> Option<Instant> {
        self.question_at(now).into_iter().chain(self.message_at(now)).min()
    }

    pub(super) fn tidy(&mut self, lb: Uuid) {
        if self.queues.get(&lb).is_some_and(Queue::is_empty) {
            self.queues.remove(&lb);
        }
    }

    /// The numbers delivered since the last time.
    pub fn take_delivered(&mut self) -> Vec<u64> {
        std::mem::take(&mut self.delivered)
    }

    /// The new objects that Octavia does not know for good, since the last time; they count as delivered.
    pub fn take_missing(&mut self) -> Vec<StatusUpdate> {
        std::mem::take(&mut self.missing)
    }

    /// Whether a provisioning status of something in a load balancer has not arrived yet.
    pub fn provisioning_under_way(&self, lb: Uuid) -> bool {
        self.queues.get(&lb).is_some_and(|queue| {
            let mut all = queue.waiting.values().chain(queue.sending.values());
            all.any(|waiting| waiting.update.provisioning.is_some())
        })
    }

    /// Whether any status of something in a load balancer has not arrived yet.
    pub fn is_waiting(&self, lb: Uuid) -> bool {
        self.queues.get(&lb).is_some_and(|queue| !queue.is_empty())
    }

    /// How many statuses wait.
    pub fn backlog(&self, now: Instant) -> BacklogStatus {
        let all =
            || self.queues.values().flat_map(|queue| queue.waiting.values().chain(queue.sending.values()));
        BacklogStatus {
            waiting: all().count(),
            oldest_age: all().map(|waiting| now.saturating_duration_since(waiting.since)).max(),
            last_error: self.last_error.clone(),
        }
    }
}

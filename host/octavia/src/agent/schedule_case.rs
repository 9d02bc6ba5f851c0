//! The schedule with a clock of the test's own: what its tests share.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    AgentError, ObjectKind, StatusUpdate,
    schedule::{Action, Schedule, UNKNOWN_AFTER},
};

pub(super) fn update(seq: u64, lb: u128, kind: ObjectKind, id: u128, provisioning: &str) -> StatusUpdate {
    StatusUpdate {
        seq,
        lb: Uuid::from_u128(lb),
        kind,
        id: Uuid::from_u128(id),
        provisioning: Some(provisioning.into()).filter(|status: &String| !status.is_empty()),
        operating: None,
        created: false,
        deleted: provisioning == "DELETED",
    }
}

pub(super) fn created(seq: u64, lb: u128, kind: ObjectKind, id: u128) -> StatusUpdate {
    StatusUpdate { created: true, ..update(seq, lb, kind, id, "ACTIVE") }
}

pub(super) fn operating(seq: u64, lb: u128, kind: ObjectKind, id: u128, status: &str) -> StatusUpdate {
    StatusUpdate { operating: Some(status.into()), ..update(seq, lb, kind, id, "") }
}

pub(super) fn io() -> AgentError {
    AgentError::Io { socket: "status.sock".into(), reason: "connection refused".into() }
}

pub(super) fn timeout() -> AgentError {
    AgentError::Timeout { socket: "status.sock".into(), after: Duration::from_secs(120) }
}

pub(super) fn malformed() -> AgentError {
    AgentError::Malformed { socket: "status.sock".into(), reason: "closed without an answer".into() }
}

pub(super) fn refused(kind: ObjectKind, id: u128) -> AgentError {
    AgentError::Refused { fault: "no row".into(), object: Some(kind), id: Some(Uuid::from_u128(id)) }
}

/// A load balancer with listeners, as the get socket shows it.
pub(super) fn shown(lb: u128, listeners: &[u128]) -> Option<Value> {
    let listeners = listeners.iter().map(|id| json!({"listener_id": Uuid::from_u128(*id)}));
    Some(json!({"loadbalancer_id": Uuid::from_u128(lb), "listeners": listeners.collect::<Vec<_>>()}))
}

/// The schedule and its time.
pub(super) struct Case {
    pub schedule: Schedule,
    pub start: Instant,
    pub now: Instant,
}

impl Case {
    pub fn new() -> Self {
        let start = Instant::now();
        Self { schedule: Schedule::new(UNKNOWN_AFTER), start, now: start }
    }

    pub fn enqueue(&mut self, updates: impl Into<Vec<StatusUpdate>>) {
        self.schedule.enqueue(self.now, updates.into());
    }

    /// Everything to be done now: `ask 1`, or `3: listeners/2 ACTIVE` with the message's number.
    pub fn actions(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.schedule.next(self.now)).map(text).collect()
    }

    /// The time is now when the schedule wants to be asked again.
    pub fn wait(&mut self) -> Duration {
        self.now = self.schedule.wake_at(self.now).expect("it waits for ever");
        self.now - self.start
    }

    /// What is to be done next, however long that takes.
    pub fn next_actions(&mut self) -> Vec<String> {
        loop {
            let actions = self.actions();
            if !actions.is_empty() {
                return actions;
            }
            self.wait();
        }
    }

    pub fn pass(&mut self, time: Duration) {
        self.now += time;
    }

    pub fn sent(&mut self, message: u64, result: Result<(), AgentError>) {
        self.schedule.sent(self.now, message, result);
    }

    pub fn asked(&mut self, lb: u128, answer: Result<Option<Value>, AgentError>) {
        self.schedule.asked(self.now, Uuid::from_u128(lb), answer);
    }

    pub fn missing(&mut self) -> Vec<StatusUpdate> {
        self.schedule.take_missing()
    }

    pub fn delivered(&mut self) -> Vec<u64> {
        let mut seqs = self.schedule.take_delivered();
        seqs.sort_unstable();
        seqs
    }
}

fn text(action: Action) -> String {
    match action {
        Action::Ask(lb) => format!("ask {}", lb.as_u128()),
        Action::Send(number, message) => {
            let record = |record: &super::StatusRecord| {
                let statuses = record.provisioning.iter().chain(&record.operating).cloned();
                let statuses = statuses.collect::<Vec<_>>().join("+");
                format!("{}/{} {statuses}", record.kind.plural(), record.id.as_u128())
            };
            let records = message.records.iter().map(record).collect::<Vec<_>>();
            format!("{number}: {}", records.join(", "))
        }
    }
}

pub(super) const MS: fn(u64) -> Duration = Duration::from_millis;

//! The conditions of `/readyz`, and those that do not make it 503: a task logs when one of these changes.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::time::{MissedTickBehavior, interval};
use tracing::{info, warn};
use weir_octavia::Condition;

use super::Host;
use crate::{limits, northbound::rows};

/// A condition of `/readyz`; `detail` says what is the case either way.
fn condition(name: &str, ok: bool, detail: String) -> Condition {
    Condition { name: name.to_owned(), ok, detail }
}

impl Host {
    /// What must hold for this host to take calls.
    pub(super) fn required_conditions(&self) -> Vec<Condition> {
        let status = self.northbound.status().borrow().clone();
        let read = self.northbound.replica().is_complete();
        let endpoint = status.endpoint.clone().unwrap_or_default();
        let why = status.last_error.unwrap_or_else(|| "not connected yet".to_owned());
        let waiting = self.queues.waiting();
        let journal = self.journal.status();
        let written = match journal.last_error.filter(|_| !journal.writable) {
            Some(error) => error,
            None => format!("{} bytes, {} statuses wait for Octavia", journal.bytes, journal.outbox),
        };
        let served = self.registry().protocols().join(", ");
        let northbound = if read { "the replica is complete".to_owned() } else { why.clone() };
        vec![
            condition("northbound-read", read, northbound),
            condition("northbound-connected", status.synced, if status.synced { endpoint } else { why }),
            condition("plugins-loaded", !self.reloads.beginning(), served),
            condition("journal-writable", journal.writable, written),
            condition("queue", waiting < limits::PENDING, format!("{waiting} changes wait")),
        ]
    }

    /// Conditions that do not make `/readyz` 503: another host would not serve calls better. Each is cheap and never waits.
    pub(super) fn informative_conditions(&self) -> Vec<Condition> {
        let current = self.plugins_standing();
        let suspended = self.plugins_suspended();
        let paused = self.paused_in_words();
        let now = Instant::now();
        let (stuck, why) = self.tries.stuck(now);
        let reach = |name, state: Result<String, String>| {
            condition(name, state.is_ok(), state.unwrap_or_else(|why| why))
        };
        let (current_data, compared) = self.restored_in_words();
        let asked = self.stuck.failure();
        vec![
            condition("plugins-current", current.is_ok(), current.unwrap_or_else(|why| why)),
            reach("plugins-complete", self.plugins_complete()),
            condition("plugins-in-use", suspended.is_empty(), suspended.join("; ")),
            condition("background-lock", self.holds_lock(), self.background_in_words()),
            condition(
                "octavia-api",
                asked.is_none(),
                asked.unwrap_or_else(|| "no question has failed".to_owned()),
            ),
            condition("not-paused", paused.is_ok(), paused.unwrap_or_else(|why| why)),
            self.defaults_condition(),
            condition(
                "changes-stuck",
                stuck == 0,
                if stuck == 0 { why } else { format!("{stuck} changes: {why}") },
            ),
            condition("northbound-current", current_data, compared),
            reach("southbound-connected", self.southbound_reach(now)),
            reach("driver-agent", self.agent_reach(now)),
            reach("neutron", self.neutron_reach(now)),
        ]
    }

    /// Whether the connected OVN has all options of `[defaults]`.
    fn defaults_condition(&self) -> Condition {
        let capabilities = rows::capabilities(&self.northbound.replica());
        let lacking = capabilities.lacking(self.in_use.defaults().keys());
        let detail = match lacking.is_empty() {
            true => "the connected OVN has all options of [defaults]".to_owned(),
            false => {
                format!("the connected OVN is too old for options of [defaults]: {}", lacking.join(", "))
            }
        };
        condition("defaults-supported", lacking.is_empty(), detail)
    }

    /// Logs each change of an informative condition, for ever. What is normal at the start is logged when it lasts longer.
    pub async fn log_conditions(self: Arc<Self>) {
        let mut log = ConditionLog::default();
        let mut ticks = interval(limits::CONDITION_LOOK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            for transition in log.observe(self.informative_conditions(), self.started.elapsed()) {
                match transition {
                    Transition::False(Condition { name, detail, .. }) => {
                        warn!(condition = name, detail, "condition is false");
                    }
                    Transition::True(Condition { name, detail, .. }) => {
                        info!(condition = name, detail, "condition is true again");
                    }
                }
            }
        }
    }
}

/// Conditions that are an ordinary state of a host and not a fault; their own messages log them.
const ORDINARY: [&str; 2] = ["background-lock", "not-paused"];

/// What changed of a condition.
#[derive(Debug, PartialEq, Eq)]
enum Transition {
    False(Condition),
    True(Condition),
}

/// The conditions that were false when they were last observed.
#[derive(Default)]
struct ConditionLog(BTreeMap<String, ()>);

impl ConditionLog {
    /// The changes since the last observation; `uptime` is the time since the host's start.
    fn observe(&mut self, conditions: Vec<Condition>, uptime: Duration) -> Vec<Transition> {
        if uptime < limits::CONDITION_GRACE {
            return Vec::new();
        }
        let mut transitions = Vec::new();
        for condition in conditions {
            if ORDINARY.contains(&condition.name.as_str()) {
                continue;
            }
            if condition.ok {
                if self.0.remove(&condition.name).is_some() {
                    transitions.push(Transition::True(condition));
                }
            } else if self.0.insert(condition.name.clone(), ()).is_none() {
                transitions.push(Transition::False(condition));
            }
        }
        transitions
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LATER: Duration = Duration::from_secs(3600);

    #[test]
    fn condition_that_stays_false_is_logged_once_and_again_when_true() {
        let mut log = ConditionLog::default();
        let down = || condition("agent", false, "refused".to_owned());
        let up = || condition("agent", true, String::new());
        assert_eq!(log.observe(vec![up()], LATER), []);
        assert_eq!(log.observe(vec![down()], LATER), [Transition::False(down())]);
        assert_eq!(log.observe(vec![down()], LATER), []);
        assert_eq!(log.observe(vec![up()], LATER), [Transition::True(up())]);
        assert_eq!(log.observe(vec![up()], LATER), []);
    }

    #[test]
    fn condition_that_is_false_at_the_start_is_logged_after_the_grace() {
        let mut log = ConditionLog::default();
        let down = || vec![condition("agent", false, "refused".to_owned())];
        assert_eq!(log.observe(down(), Duration::ZERO), []);
        assert_eq!(log.observe(down(), limits::CONDITION_GRACE).len(), 1);
    }
}

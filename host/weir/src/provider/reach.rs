//! Whether the parts that calls do not need at once can be reached: the Southbound, Octavia's driver-agent, Neutron.
//!
//! Agent and Neutron are asked for something that does not exist, now and then: without calls nobody would notice that they
//! are away, and the first user who needs them would.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use tokio::time::{sleep, timeout};
use uuid::Uuid;
use weir_octavia::agent::{ObjectKind, StatusMessage};

use super::Host;
use crate::limits;

/// What is known of one of them.
#[derive(Default)]
pub struct Reach(Mutex<State>);

#[derive(Default)]
struct State {
    /// It has answered or failed before.
    known: bool,
    /// Since when it fails, and why it did last.
    away: Option<(Instant, String)>,
}

impl Reach {
    /// It has answered, or not.
    pub fn observe(&self, outcome: Result<(), String>, now: Instant) {
        let mut state = self.0.lock();
        state.known = true;
        state.away = outcome.err().map(|why| (state.away.as_ref().map_or(now, |(since, _)| *since), why));
    }

    /// In words; an error once it has been away for [`limits::AWAY`]: a restart takes a moment.
    pub fn state(&self, now: Instant) -> Result<String, String> {
        let state = self.0.lock();
        match &state.away {
            Some((since, why)) => {
                let away = now.saturating_duration_since(*since);
                let words = format!("away for {} s: {why}", away.as_secs());
                if away < limits::AWAY { Ok(words) } else { Err(words) }
            }
            None if state.known => Ok("answers".to_owned()),
            None => Ok("not asked yet".to_owned()),
        }
    }

    /// When it is asked next.
    fn pause(&self) -> Duration {
        if self.0.lock().away.is_some() { limits::REACH_AGAIN } else { limits::REACH_LOOK }
    }
}

impl Host {
    /// The Southbound, as its connection is.
    pub(super) fn southbound_reach(&self, now: Instant) -> Result<String, String> {
        let status = self.southbound.status().borrow().clone();
        let why = || status.last_error.clone().unwrap_or_else(|| "not connected yet".to_owned());
        self.southbound_reach.observe(if status.synced { Ok(()) } else { Err(why()) }, now);
        let state = self.southbound_reach.state(now);
        state
            .map(|words| status.endpoint.filter(|_| status.synced).unwrap_or(words))
            .map_err(|words| format!("{words}; members are not found dead or alive meanwhile"))
    }

    /// The driver-agent.
    pub(super) fn agent_reach(&self, now: Instant) -> Result<String, String> {
        let state = self.agent_reach.state(now);
        state.map_err(|words| format!("{words}; statuses wait, and Octavia shows PENDING meanwhile"))
    }

    /// Neutron, where it is configured.
    pub(super) fn neutron_reach(&self, now: Instant) -> Result<String, String> {
        if self.neutron.is_none() {
            return Ok("not configured".to_owned());
        }
        let state = self.neutron_reach.state(now);
        state.map_err(|words| format!("{words}; ports are neither created nor deleted meanwhile"))
    }

    /// Asks the driver-agent now and then, for ever.
    pub async fn watch_agent(self: Arc<Self>) {
        loop {
            let asked = timeout(limits::REACH_ANSWER, async {
                self.agent.get(ObjectKind::LoadBalancer, Uuid::nil()).await?;
                // No records: it changes nothing.
                self.agent.send_status(&StatusMessage::default()).await
            });
            let outcome = match asked.await {
                Ok(answer) => answer.map_err(|error| format!("{}: {error}", error.code())),
                Err(_) => Err(format!("no answer within {} s", limits::REACH_ANSWER.as_secs())),
            };
            self.agent_reach.observe(outcome, Instant::now());
            sleep(self.agent_reach.pause()).await;
        }
    }

    /// Asks Neutron now and then, for ever.
    pub async fn watch_neutron(self: Arc<Self>) {
        let Some(neutron) = &self.neutron else { return };
        let client = neutron.client().within(limits::REACH_ANSWER);
        loop {
            sleep(self.neutron_reach.pause()).await;
            let outcome = client.port(Uuid::nil()).await;
            let outcome = outcome.map(drop).map_err(|error| format!("{}: {error}", error.code()));
            self.neutron_reach.observe(outcome, Instant::now());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failure_counts_after_a_moment_and_until_the_next_answer() {
        let (reach, start) = (Reach::default(), Instant::now());
        assert_eq!(reach.state(start), Ok("not asked yet".to_owned()));
        reach.observe(Err("refused".to_owned()), start);
        let late = start + limits::AWAY;
        assert!(reach.state(late - Duration::from_secs(1)).is_ok());
        reach.observe(Err("reset".to_owned()), late);
        assert_eq!(reach.state(late), Err(format!("away for {} s: reset", limits::AWAY.as_secs())));
        reach.observe(Ok(()), late);
        assert_eq!(reach.state(late), Ok("answers".to_owned()));
    }
}

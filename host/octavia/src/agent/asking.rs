//! The schedule's questions: whether Octavia has committed an object, has rolled it back, or still knows one.

use std::{collections::BTreeSet, time::Instant};

use serde_json::Value;
use uuid::Uuid;

use super::{
    AgentError, L7Policy, ObjectKind, l7,
    presence::objects,
    queue::Pause,
    schedule::{Action, Schedule},
};

/// Questions under way at once; the agent forks for each and has 50 places for all providers together.
const QUESTIONS: usize = 8;

impl Schedule {
    pub(super) fn next_question(&mut self, now: Instant) -> Option<Action> {
        let at_once = if self.ask_pause.failing() { 1 } else { QUESTIONS };
        if self.questions >= at_once || self.ask_pause.until(now).is_some() {
            return None;
        }
        let queues = &mut self.queues;
        self.unsure.retain(|lb| queues.get(lb).is_some_and(|queue| queue.asking || queue.unsure()));
        // The one whose last question is longest ago: those that never get an answer must not hold back others.
        let open = self.unsure.iter().filter_map(|lb| Some((lb, queues.get(lb)?)));
        let open = open.filter(|(_, queue)| !queue.asking && queue.ask_pause.until(now).is_none());
        let (lb, _) = open.min_by_key(|(lb, queue)| (queue.asked_at, **lb))?;
        let queue = queues.get_mut(lb)?;
        queue.asking = true;
        queue.asked_at = Some(now);
        queue.asked_after = queue.settled;
        self.questions += 1;
        Some(Action::Ask(*lb))
    }

    /// When there may be a question without any report.
    pub(super) fn question_at(&self, now: Instant) -> Option<Instant> {
        let asks = self.unsure.iter().filter_map(|lb| self.queues.get(lb));
        // A question that could be asked now waits for one under way, or for the socket's pause.
        let mut asks = asks.filter(|queue| !queue.asking && queue.unsure());
        match self.ask_pause.until(now) {
            // While the agent is away nothing happens before that, and much may wait: it is not looked through.
            Some(pause) => asks.next().map(|_| pause),
            None => asks.filter_map(|queue| queue.ask_pause.until(now)).min(),
        }
    }

    /// Reports the answer to [`Action::Ask`].
    pub fn asked(&mut self, now: Instant, lb: Uuid, answer: Result<Option<Value>, AgentError>) {
        self.questions = self.questions.saturating_sub(1);
        let Some(queue) = self.queues.get_mut(&lb) else { return };
        queue.asking = false;
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) => {
                self.last_error = Some(error.to_string());
                let again = std::mem::replace(&mut queue.unanswered, true);
                match error {
                    AgentError::Io { .. } => self.ask_pause.longer(now),
                    // The agent fails to read this load balancer, or everything: what fails again does not slow the rest.
                    AgentError::Malformed { .. } if !again => self.ask_pause.longer(now),
                    _ => {}
                }
                if !matches!(error, AgentError::Io { .. }) {
                    queue.ask_pause.longer(now);
                }
                self.tidy(lb);
                return;
            }
        };
        self.ask_pause = Pause::default();
        queue.unanswered = false;
        let shown = answer.as_ref().map(objects).unwrap_or_default();
        let policies: Vec<L7Policy> = answer.as_ref().map(l7::policies).unwrap_or_default();
        // Octavia was through with all transactions before this one when the question was asked, if with any.
        let settled = queue.asked_after.filter(|_| shown.contains(&(ObjectKind::LoadBalancer, lb)));
        let (mut ended, mut new) = (Vec::new(), BTreeSet::new());
        for (object, waiting) in queue.waiting.iter_mut().filter(|(_, waiting)| waiting.unsure()) {
            if waiting.must_be_known() {
                waiting.confirmed = answer.is_some();
                ended.extend(answer.is_none().then_some(*object));
            } else if shown.contains(object) {
                waiting.confirmed = true;
                waiting.first_absent = None;
                new.insert(*object);
            } else {
                let since = *waiting.first_absent.get_or_insert(now);
                let rolled_back = settled.is_some_and(|settled| waiting.new_in <= settled);
                if rolled_back || now.saturating_duration_since(since) >= self.unknown_after {
                    ended.push(*object);
                    self.missing.push(waiting.update.clone());
                }
            }
        }
        // The call that made the listener could not name them.
        for policy in policies.iter().filter(|policy| new.contains(&(ObjectKind::Listener, policy.listener)))
        {
            l7::tell_error(queue, lb, policy);
        }
        for object in ended {
            self.delivered.extend(queue.waiting.remove(&object).into_iter().flat_map(|ended| ended.seqs));
        }
        if queue.unsure() {
            queue.ask_pause.longer(now);
        } else {
            queue.ask_pause = Pause::default();
        }
        if answer.is_some() {
            self.note_policies(lb, policies);
            self.release_redirecting_listeners(lb);
        }
        self.tidy(lb);
    }
}

//! The way of a call to its acceptance, with Octavia's word on overlaps that refuse it.

use std::{collections::BTreeMap, sync::Arc, time::Instant};

use tokio::time::timeout;
use tracing::debug;
use weir_model::{Change, LoadBalancer, LoadBalancerId, has};
use weir_octavia::{CallContext, Refusal, agent::AgentError};

use super::{
    Host,
    accept::{Accepting, Rebuild},
};
use crate::{
    limits,
    overlap::{Admission, Question},
    scrutiny::NO_SOURCE,
};

/// What Octavia says of a load balancer.
enum Octavia {
    Known(Box<LoadBalancer>),
    /// Octavia has it, and it cannot be read.
    Unreadable,
    Unknown,
    NoAnswer,
}

impl Host {
    /// Accepts a change. One that is refused for what may be otherwise by now, or in Octavia, is judged once more.
    ///
    /// # Errors
    /// A [`Refusal`]; nothing is queued then.
    pub(super) async fn admit(
        self: &Arc<Self>,
        change: Change,
        call: &CallContext,
        rebuild: Rebuild,
    ) -> Result<Accepting, Refusal> {
        let mut admission = Admission::default();
        let accept = |change: Change, admission: &mut Admission| {
            self.patience.run(|| self.accept(change, call, rebuild, admission))
        };
        let mut accepting = accept(change.clone(), &mut admission);
        for _ in 0..limits::OVERLAP_ROUNDS {
            if accepting.is_ok() || !self.overlaps_are_denied(&mut admission).await {
                break;
            }
            accepting = accept(change.clone(), &mut admission);
        }
        // The source that it lacks may just have been made.
        if accepting.as_ref().is_err_and(|refusal| refusal.code == NO_SOURCE) && self.has_caught_up().await {
            accepting = accept(change, &mut admission);
        }
        accepting
    }

    /// Waits, at most for [`limits::CALL_BUDGET`], until the replica has what was committed before.
    async fn has_caught_up(&self) -> bool {
        timeout(limits::CALL_BUDGET, self.committer.catch_up("a call")).await.is_ok_and(|done| done.is_ok())
    }

    /// Asks Octavia about the overlaps of a call that was refused for them. Says whether the call is worth another try: Octavia
    /// denies the other side of each.
    pub(super) async fn overlaps_are_denied(&self, admission: &mut Admission) -> bool {
        let questions = admission.take_questions();
        let until = Instant::now() + limits::OVERLAP_ANSWER;
        let mut answers = BTreeMap::new();
        for question in &questions {
            if !answers.contains_key(&question.of) {
                let answer = match answers.len() < limits::OVERLAP_QUESTIONS {
                    true => self.octavia_on(question.of, until).await,
                    false => Octavia::NoAnswer,
                };
                answers.insert(question.of, answer);
            }
            let Some(answer) = answers.get(&question.of) else { return false };
            if self.is_confirmed(question, answer) {
                return false;
            }
            admission.clear(question);
        }
        !questions.is_empty()
    }

    async fn octavia_on(&self, lb: LoadBalancerId, until: Instant) -> Octavia {
        let ask = async {
            // Never closed.
            let _room = self.questions.acquire().await;
            self.agent.load_balancer(lb).await
        };
        match timeout(until.saturating_duration_since(Instant::now()), ask).await {
            Ok(Ok(Some(known))) => Octavia::Known(Box::new(known)),
            Ok(Ok(None)) => Octavia::Unknown,
            Ok(Err(AgentError::Malformed { .. })) => Octavia::Unreadable,
            Ok(Err(error)) => {
                debug!(%lb, code = error.code(), %error, "cannot ask Octavia about an overlap");
                Octavia::NoAnswer
            }
            Err(_) => Octavia::NoAnswer,
        }
    }

    /// Whether an overlap refuses the call after all.
    fn is_confirmed(&self, question: &Question, answer: &Octavia) -> bool {
        match answer {
            Octavia::Known(octavia) => {
                // What has just been accepted for another load balancer may not show yet.
                let is_open =
                    question.is_about_another() && self.open.remaining(question.of, Instant::now()).is_some();
                is_open || question.existing.is_none_or(|existing| has(Some(octavia), existing))
            }
            Octavia::Unreadable => true,
            // Of another load balancer only Octavia's own word counts; a load balancer whose member is being created is there.
            Octavia::Unknown | Octavia::NoAnswer => !question.is_about_another(),
        }
    }
}

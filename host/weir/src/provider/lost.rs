//! Deletes of what the rows do not have. Octavia alone knows what it holds up for them.

use std::sync::Arc;

use tokio::time::sleep;
use tracing::{debug, warn};
use weir_model::{Change, ListenerId, LoadBalancer, LoadBalancerId, released, touched};
use weir_octavia::{ChangeProgress, agent::AgentError};

use super::{
    Host,
    outbox::End,
    queue::{Pending, Task},
};
use crate::{limits, northbound::rows};

impl Host {
    /// Ends a delete of something that is not in the rows: asks Octavia what is held up, for as long as it takes.
    pub(super) fn end_lost(self: &Arc<Self>, pending: Pending) {
        let host = self.clone();
        tokio::spawn(async move {
            if pending.record.lb.is_none()
                && let Some(lb) = host.is_there_after_all(&pending).await
            {
                host.push(lb, pending);
                return;
            }
            let ports = host.takes_ports(&pending);
            let record = pending.record;
            record.finish(ChangeProgress::Committed, None);
            let mut held_up = record.touched.clone();
            if let Task::Change(change) = &pending.task
                && let Some((listener, lb)) = host.parents_of_l7(change).await
            {
                held_up.add_parents(listener, lb);
            }
            if let Task::Change(change) = &pending.task
                && let Some(octavia) = host.octavias_word(record.lb, change).await
            {
                held_up.extend(touched(change, Some(&octavia), None));
            }
            if let Some(ports) = ports {
                host.before_the_end(record.lb, &ports).await;
            }
            let (rows, health) = record.lb.map(|lb| host.graph_and_health(lb)).unwrap_or_default();
            let released = released(&held_up, rows.as_ref(), &health);
            host.outbox.end(End { record, released });
        });
    }

    /// The load balancer of a member to be deleted whose pool nobody seemed to know, where another host has made both and
    /// this one had not heard of it yet.
    async fn is_there_after_all(&self, pending: &Pending) -> Option<LoadBalancerId> {
        let Task::Change(change) = &pending.task else { return None };
        let Change::MemberDelete(pool, member) = &**change else { return None };
        let mut pause = limits::RETRY_MIN;
        while let Err(error) = self.committer.catch_up(pending.record.method).await {
            debug!(%error, "whether a member is there cannot be said yet");
            sleep(pause).await;
            pause = (pause * 2).min(limits::RETRY_MAX);
        }
        let lb = rows::load_balancer_of_pool(&self.northbound.replica(), *pool)?;
        let graph = self.graph(lb)?;
        graph.pools.get(pool)?.members.contains_key(member).then_some(lb)
    }

    /// The listener and load balancer that Octavia has locked for the delete of an L7 policy or rule.
    async fn parents_of_l7(&self, change: &Change) -> Option<(ListenerId, LoadBalancerId)> {
        if !matches!(change, Change::L7PolicyDelete(..) | Change::L7RuleDelete(..)) {
            return None;
        }
        let mut pause = limits::RETRY_MIN;
        loop {
            // Never closed.
            let room = self.questions.acquire().await;
            let answer = async {
                let listener = match change {
                    Change::L7PolicyDelete(listener, ..) => Some(*listener),
                    Change::L7RuleDelete(policy, _) => self.agent.listener_of_policy(*policy).await?,
                    _ => None,
                };
                let Some(listener) = listener else { return Ok(None) };
                let lb = self.agent.load_balancer_of_listener(listener).await?;
                Ok::<_, AgentError>(lb.map(|lb| (listener, lb)))
            };
            let answer = answer.await;
            drop(room);
            match answer {
                Ok(answer) => return answer,
                Err(error @ AgentError::Malformed { .. }) => {
                    warn!(code = error.code(), %error, "cannot read the parents of an L7 policy from Octavia");
                    return None;
                }
                Err(error) => debug!(code = error.code(), %error, "cannot ask Octavia yet, will retry"),
            }
            sleep(pause).await;
            pause = (pause * 2).min(limits::RETRY_MAX);
        }
    }

    async fn octavias_word(&self, lb: Option<LoadBalancerId>, change: &Change) -> Option<LoadBalancer> {
        let mut pause = limits::RETRY_MIN;
        loop {
            // Never closed.
            let room = self.questions.acquire().await;
            let answer = async {
                let lb = match (lb, change.pool_id()) {
                    (Some(lb), _) => Some(lb),
                    (None, Some(pool)) => self.agent.load_balancer_of_pool(pool).await?,
                    (None, None) => None,
                };
                match lb {
                    Some(lb) => self.agent.load_balancer(lb).await,
                    None => Ok(None),
                }
            };
            let answer = answer.await;
            drop(room);
            match answer {
                Ok(answer) => return answer,
                Err(AgentError::Malformed { .. }) => return None,
                Err(error) => debug!(code = error.code(), %error, "Octavia cannot be asked yet"),
            }
            sleep(pause).await;
            pause = (pause * 2).min(limits::RETRY_MAX);
        }
    }
}

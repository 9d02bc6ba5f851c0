//! Octavia's version of a load balancer.

use serde_json::Value;
use weir_model::{L7PolicyId, ListenerId, LoadBalancer, LoadBalancerId, PoolId};

use super::{Agent, AgentError, L7Policy, ObjectKind, client::malformed, l7};
use crate::body::{BodyError, known};

impl Agent {
    /// The load balancer and its children as Octavia has committed them; `None` if Octavia does not know it.
    ///
    /// For one that was made through this provider it is the graph that the provider calls gave. Statuses are not in it:
    /// one that Octavia is deleting looks as before.
    ///
    /// # Errors
    /// [`AgentError::Io`], [`AgentError::Timeout`]; [`AgentError::Malformed`] naming the field where the answer, or
    /// anything in it, cannot be read.
    pub async fn load_balancer(&self, id: LoadBalancerId) -> Result<Option<LoadBalancer>, AgentError> {
        Ok(self.load_balancer_and_policies(id).await?.map(|(lb, _)| lb))
    }

    /// The same with its L7 policies, which are no part of the graph: OVN cannot serve them.
    ///
    /// # Errors
    /// As [`Self::load_balancer`].
    pub async fn load_balancer_and_policies(
        &self,
        id: LoadBalancerId,
    ) -> Result<Option<(LoadBalancer, Vec<L7Policy>)>, AgentError> {
        let defaults = self.defaults().now();
        let read = |mut answer: Value| {
            let policies = l7::policies(&answer);
            defaults.clear_in_load_balancer(&mut answer);
            Ok((known::load_balancer(&answer, id)?, policies))
        };
        self.read(ObjectKind::LoadBalancer, id.uuid(), read).await
    }

    /// The load balancer that a listener is in; `None` if Octavia does not know the listener.
    ///
    /// # Errors
    /// As [`Self::load_balancer`].
    pub async fn load_balancer_of_listener(
        &self,
        listener: ListenerId,
    ) -> Result<Option<LoadBalancerId>, AgentError> {
        self.read(ObjectKind::Listener, listener.uuid(), |answer| known::load_balancer_of(&answer)).await
    }

    /// The listener of an L7 policy; `None` if Octavia does not know the policy.
    ///
    /// # Errors
    /// As [`Self::load_balancer`].
    pub async fn listener_of_policy(&self, policy: L7PolicyId) -> Result<Option<ListenerId>, AgentError> {
        self.read(ObjectKind::L7Policy, policy.uuid(), |answer| known::listener_of(&answer)).await
    }

    /// The load balancer that a pool is in; `None` if Octavia does not know the pool.
    ///
    /// # Errors
    /// As [`Self::load_balancer`].
    pub async fn load_balancer_of_pool(&self, pool: PoolId) -> Result<Option<LoadBalancerId>, AgentError> {
        self.read(ObjectKind::Pool, pool.uuid(), |answer| known::load_balancer_of_pool(&answer, pool)).await
    }

    async fn read<T>(
        &self,
        kind: ObjectKind,
        id: uuid::Uuid,
        read: impl FnOnce(Value) -> Result<T, BodyError>,
    ) -> Result<Option<T>, AgentError> {
        let Some(answer) = self.get(kind, id).await? else { return Ok(None) };
        let unreadable = |error| malformed(self.get_socket(), format!("{}/{id}: {error}", kind.plural()));
        read(answer).map(Some).map_err(unreadable)
    }
}

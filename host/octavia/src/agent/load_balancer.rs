//! Octavia's version of a load balancer.

use serde_json::Value;
use weir_model::{LoadBalancer, LoadBalancerId, PoolId};

use super::{Agent, AgentError, ObjectKind, client::malformed};
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
        let defaults = self.defaults().now();
        let read = |mut answer: Value| {
            defaults.clear_in_load_balancer(&mut answer);
            known::load_balancer(&answer, id)
        };
        self.read(ObjectKind::LoadBalancer, id.uuid(), read).await
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

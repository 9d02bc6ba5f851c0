//! Objects as Octavia's get socket gives them: octavia-lib's dictionaries with every field, unset ones `null`.

use serde_json::Value;
use weir_model::{ListenerId, LoadBalancer, LoadBalancerId, PoolId};

use super::{
    error::{BodyError, Within, shown},
    fields::{Object, objects, parsed, required},
    graph::{self, same_parent},
    kinds,
    types::Form,
};

/// A load balancer with its children.
pub(crate) fn load_balancer(answer: &Value, id: LoadBalancerId) -> Result<LoadBalancer, BodyError> {
    let map = object(answer)?;
    kinds::LOAD_BALANCER.check(map, Form::Create)?;
    same_parent(map, "loadbalancer_id", id)?;
    let mut lb = graph::load_balancer(map)?;
    // A pool names the first listener that uses it in any way. Which one has it as default pool is said by the listeners,
    // of which, unlike in a create, nothing is left out here.
    for (index, map) in objects(map, "listeners")?.into_iter().enumerate() {
        say_default_pool(&mut lb, map).at(index).within("listeners")?;
    }
    Ok(lb)
}

fn say_default_pool(lb: &mut LoadBalancer, map: &Object) -> Result<(), BodyError> {
    let pool = graph::default_pool_id(map)?.value();
    if let Some(pool) = pool.filter(|pool| !lb.pools.contains_key(pool)) {
        return Err(BodyError::inconsistent("default_pool_id", format!("there is no pool {pool}")));
    }
    if let Some(listener) = lb.listeners.get_mut(&required(parsed(map, "listener_id")?, "listener_id")?) {
        listener.default_pool_id = pool;
        // They are told ERROR; the listener itself is served. As an option of it they would have it refused.
        listener.extra.remove("l7policies");
    }
    Ok(())
}

/// The load balancer that a pool is in. Nothing else of the pool has to be readable.
pub(crate) fn load_balancer_of_pool(answer: &Value, pool: PoolId) -> Result<LoadBalancerId, BodyError> {
    let map = object(answer)?;
    same_parent(map, "pool_id", pool)?;
    required(parsed(map, "loadbalancer_id")?, "loadbalancer_id")
}

/// The load balancer that a listener is in.
pub(crate) fn load_balancer_of(answer: &Value) -> Result<LoadBalancerId, BodyError> {
    required(parsed(object(answer)?, "loadbalancer_id")?, "loadbalancer_id")
}

/// The listener of an L7 policy.
pub(crate) fn listener_of(answer: &Value) -> Result<ListenerId, BodyError> {
    required(parsed(object(answer)?, "listener_id")?, "listener_id")
}

fn object(answer: &Value) -> Result<&Object, BodyError> {
    answer.as_object().ok_or_else(|| BodyError::NotObject(shown(answer)))
}

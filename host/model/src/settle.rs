//! An old change, now that Octavia's version is known.
//!
//! Octavia calls its provider inside an open transaction, which it may roll back after the provider has said yes. So a
//! change that could not be carried out at once, or whose caller may have died, is not carried out as it was asked for:
//! what Octavia has by then wins.

use crate::{
    apply::{ApplyError, apply},
    change::{BatchMember, Change},
    graph::{LoadBalancer, Member, Pool},
    ids::{ListenerId, MemberId, PoolId},
    release::{ObjectRef, Touched, has},
};

/// What became of an old change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settled {
    /// Octavia has it: done as asked for, with Octavia's values.
    Done,
    /// Octavia has rolled it back: the graph holds nothing of it.
    RolledBack,
}

/// Brings a load balancer to where it should be after an old change, whether the rows have it already or not.
///
/// `octavia` is Octavia's version, read well after the change's own transaction must have ended; `None` means that
/// Octavia does not know the load balancer. Octavia shows objects that it is about to delete like any other, so that a
/// delete is always carried out: the status that follows takes the object out of Octavia too.
///
/// # Errors
/// [`ApplyError`] where the change does not fit the graph any more; the graph is then untouched.
pub fn settle(
    graph: &mut Option<LoadBalancer>,
    change: &Change,
    touched: &Touched,
    octavia: Option<&LoadBalancer>,
) -> Result<Settled, ApplyError> {
    if change.is_delete() {
        return apply(graph, change).map(|_| Settled::Done);
    }
    let Some(octavia) = octavia else {
        if let Change::LoadBalancerCreate(lb) = change {
            apply(graph, &Change::LoadBalancerDelete(lb.id))?;
        }
        return Ok(Settled::RolledBack);
    };
    if let Change::LoadBalancerFailover(_) = change {
        *graph = Some(octavia.clone().with_extra_of(graph.as_ref()));
        return Ok(Settled::Done);
    }
    let made: Vec<ObjectRef> = touched.objects().filter(|object| touched.creates(*object)).collect();
    if !made.is_empty() && !made.iter().any(|object| has(Some(octavia), *object)) {
        if let Some(lb) = graph {
            made.iter().for_each(|object| take_out(lb, *object));
            take_values(lb, change, octavia);
            if let Change::MemberBatch(pool, _) = change {
                put_back_members(lb, *pool, octavia);
            }
        }
        return Ok(Settled::RolledBack);
    }
    match apply(graph, change) {
        // The rows have it already, with what later changes made of it.
        Ok(_) | Err(ApplyError::Exists { .. }) => {}
        Err(error) => return Err(error),
    }
    if let Some(lb) = graph {
        take_values(lb, change, octavia);
    }
    Ok(Settled::Done)
}

/// Takes an object, with what is in it, out of a load balancer. A load balancer itself stays.
pub fn take_out(lb: &mut LoadBalancer, object: ObjectRef) {
    match object {
        ObjectRef::LoadBalancer(_) | ObjectRef::L7Policy(_) | ObjectRef::L7Rule(_) => {}
        ObjectRef::Listener(id) => drop(lb.listeners.remove(&id)),
        ObjectRef::Pool(id) => {
            lb.pools.remove(&id);
            for listener in lb.listeners.values_mut().filter(|it| it.default_pool_id == Some(id)) {
                listener.default_pool_id = None;
            }
        }
        ObjectRef::Member(id) => {
            for pool in lb.pools.values_mut() {
                pool.members.remove(&id);
            }
        }
        ObjectRef::HealthMonitor(id) => {
            for pool in lb.pools.values_mut() {
                pool.monitor.take_if(|monitor| monitor.id == id);
            }
        }
    }
}

/// The fields of what a change updates become Octavia's; everything else stays. For looking once more at a change that is
/// done: later ones are not touched.
pub fn take_values(lb: &mut LoadBalancer, change: &Change, octavia: &LoadBalancer) {
    match change {
        Change::LoadBalancerUpdate(patch) => {
            lb.admin_state_up = octavia.admin_state_up;
            for key in patch.extra.keys() {
                match octavia.extra.get(key) {
                    Some(value) => drop(lb.extra.insert(key.clone(), value.clone())),
                    None => drop(lb.extra.remove(key)),
                }
            }
        }
        Change::ListenerUpdate(_, patch) => take_listener(lb, patch.id, octavia),
        Change::PoolCreate(_, Some(listener), _) => take_listener(lb, *listener, octavia),
        Change::PoolUpdate(_, patch) => take_pool(lb, patch.id, octavia),
        Change::HealthMonitorUpdate(pool, patch) => {
            let theirs = octavia.pools.get(pool).and_then(|pool| pool.monitor.as_ref());
            let ours = lb.pools.get_mut(pool).and_then(|pool| pool.monitor.as_mut());
            if let (Some(ours), Some(theirs)) = (ours, theirs.filter(|theirs| theirs.id == patch.id)) {
                ours.clone_from(theirs);
            }
        }
        Change::MemberUpdate(pool, patch) => take_members(lb, *pool, [patch.id], octavia),
        Change::MemberBatch(pool, wanted) => {
            take_members(lb, *pool, wanted.iter().map(|BatchMember { patch, .. }| patch.id), octavia);
        }
        _ => {}
    }
}

fn take_listener(lb: &mut LoadBalancer, id: ListenerId, octavia: &LoadBalancer) {
    if let (Some(listener), Some(theirs)) = (lb.listeners.get_mut(&id), octavia.listeners.get(&id)) {
        listener.clone_from(theirs);
        // A pool that is not here yet comes by a change of its own.
        listener.default_pool_id = theirs.default_pool_id.filter(|pool| lb.pools.contains_key(pool));
    }
}

fn take_pool(lb: &mut LoadBalancer, id: PoolId, octavia: &LoadBalancer) {
    if let (Some(pool), Some(theirs)) = (lb.pools.get_mut(&id), octavia.pools.get(&id)) {
        let (members, monitor) = (std::mem::take(&mut pool.members), pool.monitor.take());
        *pool = Pool { members, monitor, ..theirs.clone() };
    }
}

fn take_members(
    lb: &mut LoadBalancer,
    pool: PoolId,
    ids: impl IntoIterator<Item = MemberId>,
    octavia: &LoadBalancer,
) {
    let (Some(pool), Some(theirs)) = (lb.pools.get_mut(&pool), octavia.pools.get(&pool)) else { return };
    for id in ids {
        if let (Some(member), Some(theirs)) = (pool.members.get_mut(&id), theirs.members.get(&id)) {
            let subnet_id = theirs.subnet_id.or(member.subnet_id);
            *member = Member { subnet_id, ..theirs.clone() };
        }
    }
}

fn put_back_members(lb: &mut LoadBalancer, pool: PoolId, octavia: &LoadBalancer) {
    if let (Some(pool), Some(theirs)) = (lb.pools.get_mut(&pool), octavia.pools.get(&pool)) {
        for (id, member) in &theirs.members {
            pool.members.entry(*id).or_insert_with(|| member.clone());
        }
    }
}

#[cfg(test)]
mod tests;

//! The wanted graph after a change.

use std::collections::{BTreeMap, btree_map::Entry};

use uuid::Uuid;

use crate::{
    change::{
        BatchMember, Change, ExtraPatch, ListenerPatch, MemberPatch, MonitorPatch, ObjectKind, PoolPatch,
    },
    field::Field,
    graph::{Extra, Listener, LoadBalancer, Member, Monitor, Pool},
    ids::{ListenerId, MemberId, PoolId},
};

/// What a change did to the graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applied {
    /// The graph is another one now.
    Changed,
    /// It was as wanted before: an equal create, an update to the same values, a delete of what is gone.
    Unchanged,
}

/// Why a change does not fit the graph. The graph is left as it was.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ApplyError {
    /// The object, or one it names, is not there.
    #[error("{kind} {id} is not known")]
    NotFound {
        /// Of what kind.
        kind: ObjectKind,
        /// Its id.
        id: Uuid,
    },
    /// A create of an object that is there and differs.
    #[error("{kind} {id} exists already and differs from the one to create")]
    Exists {
        /// Of what kind.
        kind: ObjectKind,
        /// Its id.
        id: Uuid,
    },
    /// The same id twice in one call.
    #[error("{field}: {kind} {id} is named twice")]
    Twice {
        /// Where in the body.
        field: String,
        /// Of what kind.
        kind: ObjectKind,
        /// Its id.
        id: Uuid,
    },
}

impl ApplyError {
    /// Stable code for logs, answers and metrics.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotFound { .. } => "not-found",
            Self::Exists { .. } => "exists-and-differs",
            Self::Twice { .. } => "named-twice",
        }
    }
}

/// Applies a change to a load balancer, `None` being "not there".
///
/// # Errors
/// [`ApplyError`]; the graph is untouched then.
pub fn apply(graph: &mut Option<LoadBalancer>, change: &Change) -> Result<Applied, ApplyError> {
    let applied = match change {
        Change::LoadBalancerCreate(wanted) => return create_load_balancer(graph, wanted),
        Change::LoadBalancerDelete(_) => {
            return Ok(if graph.take().is_some() { Applied::Changed } else { Applied::Unchanged });
        }
        _ if graph.is_none() && change.is_delete() => return Ok(Applied::Unchanged),
        _ => {
            let lb = graph.as_mut().ok_or_else(|| missing(change))?;
            apply_inside(lb, change)?
        }
    };
    Ok(if applied { Applied::Changed } else { Applied::Unchanged })
}

fn missing(change: &Change) -> ApplyError {
    match (change.loadbalancer_id(), change.pool_id()) {
        (Some(id), _) => not_found(ObjectKind::LoadBalancer, id.uuid()),
        (None, Some(id)) => not_found(ObjectKind::Pool, id.uuid()),
        (None, None) => not_found(ObjectKind::LoadBalancer, Uuid::nil()),
    }
}

fn not_found(kind: ObjectKind, id: Uuid) -> ApplyError {
    ApplyError::NotFound { kind, id }
}

fn create_load_balancer(
    graph: &mut Option<LoadBalancer>,
    wanted: &LoadBalancer,
) -> Result<Applied, ApplyError> {
    for listener in wanted.listeners.values() {
        check_default_pool(wanted, listener.default_pool_id)?;
    }
    match graph {
        Some(existing) if existing == wanted => Ok(Applied::Unchanged),
        Some(_) => Err(ApplyError::Exists { kind: ObjectKind::LoadBalancer, id: wanted.id.uuid() }),
        None => {
            *graph = Some(wanted.clone());
            Ok(Applied::Changed)
        }
    }
}

fn apply_inside(lb: &mut LoadBalancer, change: &Change) -> Result<bool, ApplyError> {
    match change {
        Change::LoadBalancerCreate(_)
        | Change::LoadBalancerDelete(_)
        | Change::LoadBalancerFailover(_)
        | Change::L7PolicyDelete(..)
        | Change::L7RuleDelete(..) => Ok(false),
        Change::LoadBalancerUpdate(patch) => {
            let changed = patch.admin_state_up.write_or(&mut lb.admin_state_up, true);
            Ok(changed | patch_extra(&mut lb.extra, &patch.extra))
        }
        Change::ListenerCreate(_, listener) => {
            check_default_pool(lb, listener.default_pool_id)?;
            create(&mut lb.listeners, listener.id, listener, ObjectKind::Listener, listener.id.uuid())
        }
        Change::ListenerUpdate(_, patch) => update_listener(lb, patch),
        Change::ListenerDelete(_, id) => Ok(lb.listeners.remove(id).is_some()),
        Change::PoolCreate(_, listener, pool) => create_pool(lb, *listener, pool),
        Change::PoolUpdate(_, patch) => update_pool(lb, patch),
        Change::PoolDelete(_, id) => Ok(delete_pool(lb, *id)),
        Change::MemberCreate(pool, member) => {
            let pool = pool_mut(lb, *pool)?;
            create(&mut pool.members, member.id, member, ObjectKind::Member, member.id.uuid())
        }
        Change::MemberUpdate(pool, patch) => {
            let pool = pool_mut(lb, *pool)?;
            let member = pool
                .members
                .get_mut(&patch.id)
                .ok_or_else(|| not_found(ObjectKind::Member, patch.id.uuid()))?;
            Ok(patch_member(member, patch))
        }
        Change::MemberDelete(pool, id) => {
            Ok(lb.pools.get_mut(pool).is_some_and(|pool| pool.members.remove(id).is_some()))
        }
        Change::MemberBatch(pool, wanted) => replace_members(pool_mut(lb, *pool)?, wanted),
        Change::HealthMonitorCreate(pool, monitor) => create_monitor(pool_mut(lb, *pool)?, monitor),
        Change::HealthMonitorUpdate(pool, patch) => {
            let monitor = pool_mut(lb, *pool)?.monitor.as_mut().filter(|monitor| monitor.id == patch.id);
            let missing = || not_found(ObjectKind::HealthMonitor, patch.id.uuid());
            Ok(patch_monitor(monitor.ok_or_else(missing)?, patch))
        }
        Change::HealthMonitorDelete(pool, id) => {
            let pool = lb.pools.get_mut(pool);
            Ok(pool.is_some_and(|pool| pool.monitor.take_if(|monitor| monitor.id == *id).is_some()))
        }
    }
}

fn create<K: Ord, V: Clone + PartialEq>(
    map: &mut BTreeMap<K, V>,
    key: K,
    wanted: &V,
    kind: ObjectKind,
    id: Uuid,
) -> Result<bool, ApplyError> {
    match map.entry(key) {
        Entry::Vacant(entry) => {
            entry.insert(wanted.clone());
            Ok(true)
        }
        Entry::Occupied(entry) if entry.get() == wanted => Ok(false),
        Entry::Occupied(_) => Err(ApplyError::Exists { kind, id }),
    }
}

fn check_default_pool(lb: &LoadBalancer, pool: Option<PoolId>) -> Result<(), ApplyError> {
    match pool {
        Some(id) if !lb.pools.contains_key(&id) => Err(not_found(ObjectKind::Pool, id.uuid())),
        _ => Ok(()),
    }
}

fn pool_mut(lb: &mut LoadBalancer, id: PoolId) -> Result<&mut Pool, ApplyError> {
    lb.pools.get_mut(&id).ok_or_else(|| not_found(ObjectKind::Pool, id.uuid()))
}

fn listener_mut(lb: &mut LoadBalancer, id: ListenerId) -> Result<&mut Listener, ApplyError> {
    lb.listeners.get_mut(&id).ok_or_else(|| not_found(ObjectKind::Listener, id.uuid()))
}

fn update_listener(lb: &mut LoadBalancer, patch: &ListenerPatch) -> Result<bool, ApplyError> {
    check_default_pool(lb, patch.default_pool_id.clone().value())?;
    let listener = listener_mut(lb, patch.id)?;
    let mut changed = patch.admin_state_up.write_or(&mut listener.admin_state_up, true);
    changed |= patch.default_pool_id.write_to(&mut listener.default_pool_id);
    changed |= patch.allowed_cidrs.write_or(&mut listener.allowed_cidrs, Vec::new());
    Ok(changed | patch_extra(&mut listener.extra, &patch.extra))
}

fn create_pool(lb: &mut LoadBalancer, listener: Option<ListenerId>, pool: &Pool) -> Result<bool, ApplyError> {
    if let Some(id) = listener {
        listener_mut(lb, id)?;
    }
    let mut changed = create(&mut lb.pools, pool.id, pool, ObjectKind::Pool, pool.id.uuid())?;
    if let Some(id) = listener {
        let listener = listener_mut(lb, id)?;
        changed |= listener.default_pool_id != Some(pool.id);
        listener.default_pool_id = Some(pool.id);
    }
    Ok(changed)
}

fn update_pool(lb: &mut LoadBalancer, patch: &PoolPatch) -> Result<bool, ApplyError> {
    let pool = pool_mut(lb, patch.id)?;
    let mut changed = patch.admin_state_up.write_or(&mut pool.admin_state_up, true);
    if let Some(algorithm) = &patch.algorithm {
        changed |= pool.algorithm != *algorithm;
        pool.algorithm.clone_from(algorithm);
    }
    changed |= patch.persistence.write_to(&mut pool.persistence);
    Ok(changed | patch_extra(&mut pool.extra, &patch.extra))
}

fn delete_pool(lb: &mut LoadBalancer, id: PoolId) -> bool {
    for listener in lb.listeners.values_mut().filter(|listener| listener.default_pool_id == Some(id)) {
        listener.default_pool_id = None;
    }
    lb.pools.remove(&id).is_some()
}

fn patch_member(member: &mut Member, patch: &MemberPatch) -> bool {
    let mut changed = patch.admin_state_up.write_or(&mut member.admin_state_up, true);
    changed |= patch.weight.write_or(&mut member.weight, Member::DEFAULT_WEIGHT);
    changed |= patch.backup.write_or(&mut member.backup, false);
    // Octavia never changes it: `null` is what the user has left out, and what it was filled in with stays.
    if let Field::Value(_) = patch.subnet_id {
        changed |= patch.subnet_id.write_to(&mut member.subnet_id);
    }
    changed | patch_extra(&mut member.extra, &patch.extra)
}

fn replace_members(pool: &mut Pool, wanted: &[BatchMember]) -> Result<bool, ApplyError> {
    let mut members: BTreeMap<MemberId, Member> = BTreeMap::new();
    for (index, batch) in wanted.iter().enumerate() {
        let id = batch.patch.id;
        let mut member = match pool.members.get(&id) {
            // Address and port are a member's key in Octavia: with others it is a new member under an old id.
            Some(existing) if existing.address == batch.address && existing.port == batch.port => {
                existing.clone()
            }
            Some(_) => return Err(ApplyError::Exists { kind: ObjectKind::Member, id: id.uuid() }),
            None => Member {
                id,
                address: batch.address,
                port: batch.port,
                subnet_id: None,
                weight: Member::DEFAULT_WEIGHT,
                backup: false,
                admin_state_up: true,
                extra: Extra::new(),
            },
        };
        patch_member(&mut member, &batch.patch);
        if members.insert(id, member).is_some() {
            let field = format!("members[{index}].member_id");
            return Err(ApplyError::Twice { field, kind: ObjectKind::Member, id: id.uuid() });
        }
    }
    let changed = pool.members != members;
    pool.members = members;
    Ok(changed)
}

fn create_monitor(pool: &mut Pool, wanted: &Monitor) -> Result<bool, ApplyError> {
    match &pool.monitor {
        Some(monitor) if monitor == wanted => Ok(false),
        // A pool has one; Octavia itself refuses a second.
        Some(monitor) => Err(ApplyError::Exists { kind: ObjectKind::HealthMonitor, id: monitor.id.uuid() }),
        None => {
            pool.monitor = Some(wanted.clone());
            Ok(true)
        }
    }
}

fn patch_monitor(monitor: &mut Monitor, patch: &MonitorPatch) -> bool {
    let before = monitor.clone();
    if monitor.kind.is_empty() {
        monitor.kind.clone_from(patch.kind.as_ref().unwrap_or(&before.kind));
    }
    monitor.delay = patch.delay.unwrap_or(monitor.delay);
    monitor.timeout = patch.timeout.unwrap_or(monitor.timeout);
    monitor.rise = patch.rise.unwrap_or(monitor.rise);
    patch.fall.write_or(&mut monitor.fall, Monitor::DEFAULT_FALL);
    patch.admin_state_up.write_or(&mut monitor.admin_state_up, true);
    patch_extra(&mut monitor.extra, &patch.extra);
    *monitor != before
}

fn patch_extra(extra: &mut Extra, patch: &ExtraPatch) -> bool {
    let before = extra.clone();
    for (key, value) in patch {
        match value {
            Some(value) => extra.insert(key.clone(), value.clone()),
            None => extra.remove(key),
        };
    }
    *extra != before
}

//! What Octavia waits for after a change: it has put the objects of a call, and their parents, in a pending state, and
//! only the provider lets them go.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::{
    change::Change,
    graph::{LoadBalancer, Pool},
    ids::{HealthMonitorId, L7PolicyId, L7RuleId, ListenerId, LoadBalancerId, MemberId, PoolId},
    status::{HealthMap, OperatingStatus, OperatingStatuses, operating_statuses},
};

/// An object of Octavia's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ObjectRef {
    /// A load balancer.
    LoadBalancer(LoadBalancerId),
    /// A listener.
    Listener(ListenerId),
    /// A pool.
    Pool(PoolId),
    /// A member.
    Member(MemberId),
    /// A health monitor.
    HealthMonitor(HealthMonitorId),
    /// An L7 policy: it exists in Octavia only.
    L7Policy(L7PolicyId),
    /// A rule of an L7 policy.
    L7Rule(L7RuleId),
}

/// Octavia's provisioning statuses that a provider sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ProvisioningStatus {
    /// As wanted.
    Active,
    /// Gone.
    Deleted,
    /// Could not be made as wanted.
    Error,
}

/// The status of one object after a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Released {
    /// Which object.
    pub object: ObjectRef,
    /// Its provisioning status.
    pub provisioning: ProvisioningStatus,
    /// Its operating status; none for an object that is gone.
    pub operating: Option<OperatingStatus>,
    /// The change made it: Octavia may not have committed it yet.
    pub created: bool,
}

/// The objects that Octavia holds up for a change: those it is about (its own) and their parents.
///
/// It is written down when a change is accepted: once the change is carried out, the rows no longer tell what was there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Touched {
    own: BTreeSet<ObjectRef>,
    parents: BTreeSet<ObjectRef>,
    /// Its own ones that were not there before.
    created: BTreeSet<ObjectRef>,
}

impl Touched {
    /// A load balancer with all that is in it.
    pub fn whole(lb: &LoadBalancer) -> Self {
        let mut touched = Self::default();
        touched.all(lb);
        touched
    }

    /// Every object.
    pub fn objects(&self) -> impl Iterator<Item = ObjectRef> {
        self.own.union(&self.parents).copied()
    }

    /// Whether the change makes the object.
    pub fn creates(&self, object: ObjectRef) -> bool {
        self.created.contains(&object)
    }

    /// Adds L7 policies and rules that exist in Octavia and have no effect: their status is ERROR.
    pub fn add_without_effect(&mut self, objects: impl IntoIterator<Item = ObjectRef>) {
        self.parents.extend(objects);
    }

    /// The listener and load balancer of an L7 policy or rule that is deleted, which no row names.
    pub fn add_parents(&mut self, listener: ListenerId, lb: LoadBalancerId) {
        self.parents.extend([ObjectRef::Listener(listener), ObjectRef::LoadBalancer(lb)]);
    }

    /// Takes in what another look at the same change has found.
    pub fn extend(&mut self, other: Self) {
        self.own.extend(other.own);
        self.parents.extend(other.parents);
        self.created.extend(other.created);
    }
}

/// What a done change lets go, children before parents; `after` is the load balancer as the change left it.
pub fn released(touched: &Touched, after: Option<&LoadBalancer>, health: &HealthMap) -> Vec<Released> {
    let statuses = after.map(|lb| operating_statuses(lb, health));
    let status = |object: ObjectRef| {
        let mut operating = statuses.as_ref().and_then(|statuses| operating(statuses, after, object));
        let own = touched.own.contains(&object);
        let without_effect = !own && matches!(object, ObjectRef::L7Policy(_) | ObjectRef::L7Rule(_));
        if without_effect {
            operating = Some(OperatingStatus::Error);
        }
        let provisioning = match operating {
            None if own => ProvisioningStatus::Deleted,
            _ if without_effect => ProvisioningStatus::Error,
            // A parent is never deleted by what happens to its child, also when its rows are lost.
            _ => ProvisioningStatus::Active,
        };
        Released {
            object,
            provisioning,
            operating,
            created: operating.is_some() && touched.created.contains(&object),
        }
    };
    // The order of ObjectRef is parents first.
    let all: BTreeSet<ObjectRef> = touched.objects().collect();
    all.into_iter().rev().map(status).collect()
}

/// What a change lets go that has failed for good: its own objects in error, their parents as they are.
pub fn failed(touched: &Touched, as_it_is: Option<&LoadBalancer>, health: &HealthMap) -> Vec<Released> {
    let statuses = as_it_is.map(|lb| operating_statuses(lb, health));
    let own = touched.own.iter().rev().map(|object| Released {
        object: *object,
        provisioning: ProvisioningStatus::Error,
        operating: Some(OperatingStatus::Error),
        created: touched.created.contains(object),
    });
    let parents = touched.parents.iter().rev().filter(|object| !touched.own.contains(object)).map(|object| {
        let operating = statuses.as_ref().and_then(|statuses| operating(statuses, as_it_is, *object));
        Released { object: *object, provisioning: ProvisioningStatus::Active, operating, created: false }
    });
    own.chain(parents).collect()
}

/// What Octavia holds up for a change that leads from `before` to `after`.
pub fn touched(change: &Change, before: Option<&LoadBalancer>, after: Option<&LoadBalancer>) -> Touched {
    let mut touched = held_up(change, before, after);
    touched.created = match change {
        // Also where the rows have it already: Octavia may still be about to write it down.
        Change::LoadBalancerCreate(_)
        | Change::ListenerCreate(..)
        | Change::PoolCreate(..)
        | Change::MemberCreate(..)
        | Change::HealthMonitorCreate(..) => touched.own.clone(),
        Change::MemberBatch(..) => {
            touched.own.iter().copied().filter(|object| !has(before, *object)).collect()
        }
        _ => BTreeSet::new(),
    };
    touched
}

fn held_up(change: &Change, before: Option<&LoadBalancer>, after: Option<&LoadBalancer>) -> Touched {
    let mut touched = Touched::default();
    let id = change.loadbalancer_id().or(after.or(before).map(|lb| lb.id));
    let either = || before.into_iter().chain(after);
    touched.parents.extend(id.map(ObjectRef::LoadBalancer));
    match change {
        Change::LoadBalancerCreate(lb) => touched.all(lb),
        Change::LoadBalancerDelete(id) => {
            touched.own.insert(ObjectRef::LoadBalancer(*id));
            before.into_iter().for_each(|lb| touched.all(lb));
        }
        Change::LoadBalancerUpdate(_) | Change::LoadBalancerFailover(_) => {
            touched.own.extend(id.map(ObjectRef::LoadBalancer));
        }
        Change::ListenerCreate(_, listener) => touched.listener(listener.id, either()),
        Change::ListenerUpdate(_, patch) => touched.listener(patch.id, either()),
        Change::ListenerDelete(_, id) => touched.listener(*id, either()),
        Change::PoolCreate(_, listener, pool) => {
            touched.parents.extend(listener.map(ObjectRef::Listener));
            touched.pool(pool.id, either());
            touched.inside(pool);
        }
        Change::PoolUpdate(_, patch) => touched.pool(patch.id, either()),
        Change::PoolDelete(_, id) => {
            touched.pool(*id, either());
            let gone = before.and_then(|lb| lb.pools.get(id));
            gone.into_iter().for_each(|pool| touched.inside(pool));
        }
        Change::MemberCreate(pool, member) => touched.members(*pool, [member.id], either()),
        Change::MemberUpdate(pool, patch) => touched.members(*pool, [patch.id], either()),
        Change::MemberDelete(pool, id) => touched.members(*pool, [*id], either()),
        Change::MemberBatch(pool, wanted) => {
            let old =
                before.and_then(|lb| lb.pools.get(pool)).into_iter().flat_map(|pool| pool.members.keys());
            let ids: Vec<_> = wanted.iter().map(|member| member.patch.id).chain(old.copied()).collect();
            touched.members(*pool, ids, either());
        }
        Change::HealthMonitorCreate(pool, monitor) => touched.monitor(*pool, monitor.id, either()),
        Change::HealthMonitorUpdate(pool, patch) => touched.monitor(*pool, patch.id, either()),
        Change::HealthMonitorDelete(pool, id) => touched.monitor(*pool, *id, either()),
        Change::L7PolicyDelete(listener, policy, rules) => {
            touched.own.insert(ObjectRef::L7Policy(*policy));
            touched.own.extend(rules.iter().map(|rule| ObjectRef::L7Rule(*rule)));
            touched.parents.insert(ObjectRef::Listener(*listener));
        }
        Change::L7RuleDelete(policy, rule) => {
            touched.own.insert(ObjectRef::L7Rule(*rule));
            touched.parents.insert(ObjectRef::L7Policy(*policy));
        }
    }
    touched
}

impl Touched {
    fn all(&mut self, lb: &LoadBalancer) {
        self.own.insert(ObjectRef::LoadBalancer(lb.id));
        self.own.extend(lb.listeners.keys().map(|id| ObjectRef::Listener(*id)));
        for pool in lb.pools.values() {
            self.own.insert(ObjectRef::Pool(pool.id));
            self.inside(pool);
        }
    }

    fn inside(&mut self, pool: &Pool) {
        self.own.extend(pool.members.keys().map(|id| ObjectRef::Member(*id)));
        self.own.extend(pool.monitor.iter().map(|monitor| ObjectRef::HealthMonitor(monitor.id)));
    }

    /// A health monitor holds up its pool and that one's listeners; the members' operating status comes or goes with it.
    fn monitor<'a>(
        &mut self,
        pool: PoolId,
        id: HealthMonitorId,
        either: impl Iterator<Item = &'a LoadBalancer> + Clone,
    ) {
        self.own.insert(ObjectRef::HealthMonitor(id));
        self.parents.insert(ObjectRef::Pool(pool));
        let members =
            either.clone().filter_map(|lb| lb.pools.get(&pool)).flat_map(|pool| pool.members.keys());
        self.parents.extend(members.map(|id| ObjectRef::Member(*id)));
        self.listeners_of(pool, either);
    }

    fn listener<'a>(&mut self, id: ListenerId, either: impl Iterator<Item = &'a LoadBalancer>) {
        self.own.insert(ObjectRef::Listener(id));
        let pools = either.filter_map(|lb| lb.listeners.get(&id)?.default_pool_id);
        self.parents.extend(pools.map(ObjectRef::Pool));
    }

    fn pool<'a>(&mut self, id: PoolId, either: impl Iterator<Item = &'a LoadBalancer>) {
        self.own.insert(ObjectRef::Pool(id));
        self.listeners_of(id, either);
    }

    fn members<'a>(
        &mut self,
        pool: PoolId,
        ids: impl IntoIterator<Item = MemberId>,
        either: impl Iterator<Item = &'a LoadBalancer>,
    ) {
        self.own.extend(ids.into_iter().map(ObjectRef::Member));
        self.parents.insert(ObjectRef::Pool(pool));
        self.listeners_of(pool, either);
    }

    fn listeners_of<'a>(&mut self, pool: PoolId, either: impl Iterator<Item = &'a LoadBalancer>) {
        for lb in either {
            self.parents.extend(lb.listeners_of_pool(pool).map(|listener| ObjectRef::Listener(listener.id)));
        }
    }
}

/// Whether a load balancer is, or has, an object.
pub fn has(lb: Option<&LoadBalancer>, object: ObjectRef) -> bool {
    lb.is_some_and(|lb| match object {
        ObjectRef::LoadBalancer(id) => lb.id == id,
        ObjectRef::Listener(id) => lb.listeners.contains_key(&id),
        ObjectRef::Pool(id) => lb.pools.contains_key(&id),
        ObjectRef::Member(id) => lb.pool_of_member(&id).is_some(),
        ObjectRef::HealthMonitor(id) => lb.pool_of_monitor(id).is_some(),
        ObjectRef::L7Policy(_) | ObjectRef::L7Rule(_) => false,
    })
}

fn operating(
    statuses: &OperatingStatuses,
    lb: Option<&LoadBalancer>,
    object: ObjectRef,
) -> Option<OperatingStatus> {
    match object {
        ObjectRef::LoadBalancer(_) => Some(statuses.loadbalancer),
        ObjectRef::Listener(id) => statuses.listeners.get(&id).copied(),
        ObjectRef::Pool(id) => statuses.pools.get(&id).copied(),
        ObjectRef::Member(id) => statuses.members.get(&id).copied(),
        ObjectRef::HealthMonitor(id) => {
            let probes = lb?.pool_of_monitor(id)?.probing().is_some();
            Some(if probes { OperatingStatus::Online } else { OperatingStatus::Offline })
        }
        ObjectRef::L7Policy(_) | ObjectRef::L7Rule(_) => None,
    }
}

#[cfg(test)]
mod tests;

//! Operating statuses, computed over a whole load balancer.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    graph::{LoadBalancer, Member, Pool},
    ids::{ListenerId, LoadBalancerId, MemberId, PoolId},
    release::ObjectRef,
};

/// Octavia's operating statuses that this provider uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum OperatingStatus {
    /// Not probed.
    NoMonitor,
    /// Works.
    Online,
    /// Administratively down, or a pool without members that no enabled listener uses.
    Offline,
    /// Some members do not answer.
    Degraded,
    /// No member answers.
    Error,
    /// Takes no new connections; those it has go on.
    Draining,
}

impl OperatingStatus {
    /// Octavia's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoMonitor => "NO_MONITOR",
            Self::Online => "ONLINE",
            Self::Offline => "OFFLINE",
            Self::Degraded => "DEGRADED",
            Self::Error => "ERROR",
            Self::Draining => "DRAINING",
        }
    }
}

/// What the network last said of a member.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Health {
    /// Nothing: it is not probed, or not yet.
    #[default]
    Unknown,
    /// It answers.
    Online,
    /// It does not.
    Offline,
    /// It has no port in OVN, so it cannot be probed; behind a monitor it then gets no connections.
    NoPort,
    /// Its port in OVN is not up, and no probe has found it offline: OVN would send it connections.
    PortDown,
    /// The last probe found it offline, and no probe is sent now.
    LastOffline,
}

/// The health of a load balancer's members; one that is not named is [`Health::Unknown`].
pub type HealthMap = BTreeMap<MemberId, Health>;

/// The operating status of every object of a load balancer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OperatingStatuses {
    /// Of the load balancer itself.
    pub loadbalancer: OperatingStatus,
    /// Of its listeners.
    pub listeners: BTreeMap<ListenerId, OperatingStatus>,
    /// Of its pools.
    pub pools: BTreeMap<PoolId, OperatingStatus>,
    /// Of the members of all pools.
    pub members: BTreeMap<MemberId, OperatingStatus>,
}

/// Computes the statuses of a load balancer, over all its protocols.
///
/// A member whose pool is not probed is NO_MONITOR; one that is probed is ONLINE until the network says otherwise, since it
/// gets connections until then. An object that is administratively down is OFFLINE. A pool without members is ONLINE where an
/// enabled listener uses it, else OFFLINE. Any other pool is as bad as its members, a listener as its pool, the load balancer
/// as its worst listener; OFFLINE is not handed upwards.
pub fn operating_statuses(lb: &LoadBalancer, health: &HealthMap) -> OperatingStatuses {
    let members = lb.pools.values().flat_map(|pool| pool.members.values().map(move |member| (pool, member)));
    let health = |member: &Member| health.get(&member.id).copied().unwrap_or_default();
    let members: BTreeMap<_, _> =
        members.map(|(pool, member)| (member.id, member_status(pool, member, health(member)))).collect();
    let pools: BTreeMap<_, _> =
        lb.pools.values().map(|pool| (pool.id, pool_status(lb, pool, &members))).collect();
    let listeners: BTreeMap<_, _> = lb
        .listeners
        .values()
        .map(|listener| {
            let pool = listener.default_pool_id.and_then(|id| pools.get(&id).copied());
            (listener.id, if listener.admin_state_up { upwards(pool) } else { OperatingStatus::Offline })
        })
        .collect();
    let loadbalancer = if lb.admin_state_up {
        listeners.values().map(|status| upwards(Some(*status))).max().unwrap_or(OperatingStatus::Online)
    } else {
        OperatingStatus::Offline
    };
    OperatingStatuses { loadbalancer, listeners, pools, members }
}

impl OperatingStatuses {
    /// Every object with its status, children before parents.
    pub fn objects(&self, lb: LoadBalancerId) -> Vec<(ObjectRef, OperatingStatus)> {
        let members = self.members.iter().map(|(id, status)| (ObjectRef::Member(*id), *status));
        let pools = self.pools.iter().map(|(id, status)| (ObjectRef::Pool(*id), *status));
        let listeners = self.listeners.iter().map(|(id, status)| (ObjectRef::Listener(*id), *status));
        let itself = (ObjectRef::LoadBalancer(lb), self.loadbalancer);
        members.chain(pools).chain(listeners).chain([itself]).collect()
    }
}

fn member_status(pool: &Pool, member: &Member, health: Health) -> OperatingStatus {
    match health {
        _ if !member.admin_state_up => OperatingStatus::Offline,
        _ if member.weight == 0 => OperatingStatus::Draining,
        _ if pool.probing().is_none() => OperatingStatus::NoMonitor,
        Health::Offline | Health::NoPort | Health::PortDown | Health::LastOffline => OperatingStatus::Error,
        Health::Online | Health::Unknown => OperatingStatus::Online,
    }
}

fn pool_status(
    lb: &LoadBalancer,
    pool: &Pool,
    members: &BTreeMap<MemberId, OperatingStatus>,
) -> OperatingStatus {
    let in_use = || lb.listeners_of_pool(pool.id).any(|listener| listener.admin_state_up);
    if !pool.admin_state_up || (pool.members.is_empty() && !in_use()) {
        return OperatingStatus::Offline;
    }
    let failed =
        pool.members.keys().filter(|id| members.get(id).copied() == Some(OperatingStatus::Error)).count();
    match failed {
        0 => OperatingStatus::Online,
        n if n == pool.members.len() => OperatingStatus::Error,
        _ => OperatingStatus::Degraded,
    }
}

fn upwards(status: Option<OperatingStatus>) -> OperatingStatus {
    match status {
        Some(status @ (OperatingStatus::Error | OperatingStatus::Degraded)) => status,
        _ => OperatingStatus::Online,
    }
}

//! Operating statuses, computed over a whole load balancer.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    graph::{LoadBalancer, Member, Pool},
    ids::{ListenerId, MemberId, PoolId},
};

/// Octavia's operating statuses that this provider uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum OperatingStatus {
    /// Not probed.
    NoMonitor,
    /// Works.
    Online,
    /// Administratively down, or a pool without members.
    Offline,
    /// Some members do not answer.
    Degraded,
    /// No member answers.
    Error,
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
        }
    }
}

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
/// An object that is administratively down is OFFLINE; a pool without members too. Otherwise a pool is as bad as its
/// members, a listener as its pool, the load balancer as its worst listener; OFFLINE is not handed upwards.
pub fn operating_statuses(lb: &LoadBalancer) -> OperatingStatuses {
    let members = lb.pools.values().flat_map(|pool| pool.members.values());
    let members: BTreeMap<_, _> = members.map(|member| (member.id, member_status(member))).collect();
    let pools: BTreeMap<_, _> =
        lb.pools.values().map(|pool| (pool.id, pool_status(pool, &members))).collect();
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

fn member_status(member: &Member) -> OperatingStatus {
    if member.admin_state_up { OperatingStatus::NoMonitor } else { OperatingStatus::Offline }
}

fn pool_status(pool: &Pool, members: &BTreeMap<MemberId, OperatingStatus>) -> OperatingStatus {
    if !pool.admin_state_up || pool.members.is_empty() {
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

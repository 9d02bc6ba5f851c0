//! What one provider call asks for.

use std::{collections::BTreeMap, fmt, net::IpAddr};

use serde::{Deserialize, Serialize};

use crate::{
    field::Field,
    graph::{Listener, LoadBalancer, Member, Monitor, Persistence, Pool},
    ids::{HealthMonitorId, L7PolicyId, L7RuleId, ListenerId, LoadBalancerId, MemberId, PoolId, SubnetId},
};

/// Options to set (`Some`) or to put back to Octavia's default (`None`), by Octavia's field names.
pub type ExtraPatch = BTreeMap<String, Option<String>>;

/// One provider call that changes a load balancer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Change {
    /// `loadbalancer_create`, also with listeners, pools and members inside.
    LoadBalancerCreate(Box<LoadBalancer>),
    /// `loadbalancer_update`.
    LoadBalancerUpdate(LoadBalancerPatch),
    /// `loadbalancer_delete`. What is inside goes too: Octavia itself refuses to delete a load balancer with children
    /// unless the user said cascade.
    LoadBalancerDelete(LoadBalancerId),
    /// `loadbalancer_failover`: the graph stays, its rows are made again where they are not right.
    LoadBalancerFailover(LoadBalancerId),
    /// `listener_create`.
    ListenerCreate(LoadBalancerId, Listener),
    /// `listener_update`.
    ListenerUpdate(LoadBalancerId, ListenerPatch),
    /// `listener_delete`.
    ListenerDelete(LoadBalancerId, ListenerId),
    /// `pool_create`; becomes the default pool of the listener, if one is named.
    PoolCreate(LoadBalancerId, Option<ListenerId>, Pool),
    /// `pool_update`.
    PoolUpdate(LoadBalancerId, PoolPatch),
    /// `pool_delete`; members go with it, and listeners lose it.
    PoolDelete(LoadBalancerId, PoolId),
    /// `member_create`.
    MemberCreate(PoolId, Member),
    /// `member_update`.
    MemberUpdate(PoolId, MemberPatch),
    /// `member_delete`.
    MemberDelete(PoolId, MemberId),
    /// `member_batch_update`: the complete wanted list; members not in it go.
    MemberBatch(PoolId, Vec<BatchMember>),
    /// `health_monitor_create`.
    HealthMonitorCreate(PoolId, Monitor),
    /// `health_monitor_update`.
    HealthMonitorUpdate(PoolId, MonitorPatch),
    /// `health_monitor_delete`.
    HealthMonitorDelete(PoolId, HealthMonitorId),
    /// `l7policy_delete`, with the policy's rules. No row holds a policy: only Octavia's statuses change.
    L7PolicyDelete(ListenerId, L7PolicyId, Vec<L7RuleId>),
    /// `l7rule_delete`.
    L7RuleDelete(L7PolicyId, L7RuleId),
}

/// Changed fields of a load balancer. Names, descriptions and tags have no place in OVN's rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LoadBalancerPatch {
    /// Which one.
    pub id: LoadBalancerId,
    /// `null` means up.
    pub admin_state_up: Field<bool>,
    /// Further options.
    #[serde(default)]
    pub extra: ExtraPatch,
}

/// Changed fields of a listener.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ListenerPatch {
    /// Which one.
    pub id: ListenerId,
    /// `null` means up.
    pub admin_state_up: Field<bool>,
    /// `null` takes the pool off.
    pub default_pool_id: Field<PoolId>,
    /// `null` means everybody.
    pub allowed_cidrs: Field<Vec<String>>,
    /// Further options.
    pub extra: ExtraPatch,
}

/// Changed fields of a pool.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PoolPatch {
    /// Which one.
    pub id: PoolId,
    /// `null` means up.
    pub admin_state_up: Field<bool>,
    /// Octavia's `lb_algorithm`.
    pub algorithm: Option<String>,
    /// `null` takes it off.
    pub persistence: Field<Persistence>,
    /// Further options.
    pub extra: ExtraPatch,
}

/// Changed fields of a member.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MemberPatch {
    /// Which one.
    pub id: MemberId,
    /// `null` means up.
    pub admin_state_up: Field<bool>,
    /// `null` means 1.
    pub weight: Field<u16>,
    /// `null` means false.
    pub backup: Field<bool>,
    /// `null` forgets it.
    pub subnet_id: Field<SubnetId>,
    /// Further options.
    pub extra: ExtraPatch,
}

/// Changed fields of a health monitor.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MonitorPatch {
    /// Which one.
    pub id: HealthMonitorId,
    /// Its `type`, which never changes: for one whose rows do not say it.
    pub kind: Option<String>,
    /// Seconds between probes.
    pub delay: Option<u32>,
    /// Seconds until a probe has failed.
    pub timeout: Option<u32>,
    /// Octavia's `max_retries`.
    pub rise: Option<u32>,
    /// Octavia's `max_retries_down`; `null` means 3.
    pub fall: Field<u32>,
    /// `null` means up.
    pub admin_state_up: Field<bool>,
    /// Further options.
    pub extra: ExtraPatch,
}

/// A member in a batch: new, or one that is there already and keeps what the batch leaves unset.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BatchMember {
    /// Address, always given.
    pub address: IpAddr,
    /// Port, always given.
    pub port: u16,
    /// Id and everything that may be unset.
    pub patch: MemberPatch,
}

impl Change {
    /// The load balancer, where the call names it; calls on members and health monitors name only their pool.
    pub fn loadbalancer_id(&self) -> Option<LoadBalancerId> {
        match self {
            Self::LoadBalancerCreate(lb) => Some(lb.id),
            Self::LoadBalancerUpdate(patch) => Some(patch.id),
            Self::LoadBalancerDelete(id)
            | Self::LoadBalancerFailover(id)
            | Self::ListenerCreate(id, _)
            | Self::ListenerUpdate(id, _)
            | Self::ListenerDelete(id, _)
            | Self::PoolCreate(id, _, _)
            | Self::PoolUpdate(id, _)
            | Self::PoolDelete(id, _) => Some(*id),
            Self::MemberCreate(..)
            | Self::MemberUpdate(..)
            | Self::MemberDelete(..)
            | Self::MemberBatch(..)
            | Self::HealthMonitorCreate(..)
            | Self::HealthMonitorUpdate(..)
            | Self::HealthMonitorDelete(..)
            | Self::L7PolicyDelete(..)
            | Self::L7RuleDelete(..) => None,
        }
    }

    /// The pool of a member's or health monitor's call.
    pub fn pool_id(&self) -> Option<PoolId> {
        match self {
            Self::MemberCreate(id, _)
            | Self::MemberUpdate(id, _)
            | Self::MemberDelete(id, _)
            | Self::MemberBatch(id, _)
            | Self::HealthMonitorCreate(id, _)
            | Self::HealthMonitorUpdate(id, _)
            | Self::HealthMonitorDelete(id, _) => Some(*id),
            _ => None,
        }
    }

    /// True for a call that is done when its object is not there.
    pub fn is_delete(&self) -> bool {
        matches!(
            self,
            Self::LoadBalancerDelete(_)
                | Self::ListenerDelete(..)
                | Self::PoolDelete(..)
                | Self::MemberDelete(..)
                | Self::HealthMonitorDelete(..)
                | Self::L7PolicyDelete(..)
                | Self::L7RuleDelete(..)
        )
    }

    /// octavia-lib's name of the method.
    pub fn method(&self) -> &'static str {
        match self {
            Self::LoadBalancerCreate(_) => "loadbalancer_create",
            Self::LoadBalancerUpdate(_) => "loadbalancer_update",
            Self::LoadBalancerDelete(_) => "loadbalancer_delete",
            Self::LoadBalancerFailover(_) => "loadbalancer_failover",
            Self::ListenerCreate(..) => "listener_create",
            Self::ListenerUpdate(..) => "listener_update",
            Self::ListenerDelete(..) => "listener_delete",
            Self::PoolCreate(..) => "pool_create",
            Self::PoolUpdate(..) => "pool_update",
            Self::PoolDelete(..) => "pool_delete",
            Self::MemberCreate(..) => "member_create",
            Self::MemberUpdate(..) => "member_update",
            Self::MemberDelete(..) => "member_delete",
            Self::MemberBatch(..) => "member_batch_update",
            Self::HealthMonitorCreate(..) => "health_monitor_create",
            Self::HealthMonitorUpdate(..) => "health_monitor_update",
            Self::HealthMonitorDelete(..) => "health_monitor_delete",
            Self::L7PolicyDelete(..) => "l7policy_delete",
            Self::L7RuleDelete(..) => "l7rule_delete",
        }
    }
}

/// Kinds of Octavia objects, for messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ObjectKind {
    /// A load balancer.
    LoadBalancer,
    /// A listener.
    Listener,
    /// A pool.
    Pool,
    /// A member.
    Member,
    /// A health monitor.
    HealthMonitor,
}

impl fmt::Display for ObjectKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::LoadBalancer => "load balancer",
            Self::Listener => "listener",
            Self::Pool => "pool",
            Self::Member => "member",
            Self::HealthMonitor => "health monitor",
        })
    }
}

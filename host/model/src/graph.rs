//! A load balancer with everything in it, as Octavia wants it.

use std::{collections::BTreeMap, net::IpAddr};

use serde::{Deserialize, Serialize};

use crate::ids::{
    HealthMonitorId, ListenerId, LoadBalancerId, MemberId, NetworkId, PoolId, PortId, SubnetId,
};

/// What the user set beyond Octavia's defaults, under Octavia's own field names; values as JSON text, strings bare.
pub type Extra = BTreeMap<String, String>;

/// A load balancer and all its children.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoadBalancer {
    /// Octavia's id; the `name` of its rows.
    pub id: LoadBalancerId,
    /// Keystone's project id.
    pub project_id: Option<String>,
    /// False takes every VIP off.
    pub admin_state_up: bool,
    /// The VIP.
    pub vip: Vip,
    /// Further VIPs in Octavia's order.
    pub additional_vips: Vec<Vip>,
    /// Listeners by id.
    pub listeners: BTreeMap<ListenerId, Listener>,
    /// Pools by id, also those that no listener uses.
    pub pools: BTreeMap<PoolId, Pool>,
    /// The metadata of its flavor; values as text.
    #[serde(default)]
    pub flavor: BTreeMap<String, String>,
    /// Further options: Octavia's `vip_qos_policy_id`, where the user set it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub extra: Extra,
}

/// An address that clients connect to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vip {
    /// IPv4 or IPv6.
    pub address: IpAddr,
    /// The Neutron port that holds the address.
    pub port_id: Option<PortId>,
    /// The port's network.
    pub network_id: Option<NetworkId>,
    /// The address's subnet.
    pub subnet_id: Option<SubnetId>,
}

/// A port on which every VIP listens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listener {
    /// Octavia's id.
    pub id: ListenerId,
    /// Octavia's word; a plugin says what it means.
    pub protocol: String,
    /// 1 to 65535.
    pub port: u16,
    /// False takes the listener's VIP entries off.
    pub admin_state_up: bool,
    /// The pool that gets the traffic.
    pub default_pool_id: Option<PoolId>,
    /// Client networks allowed; empty means everybody.
    pub allowed_cidrs: Vec<String>,
    /// Further options that are not at Octavia's default.
    pub extra: Extra,
}

/// A set of members and how traffic is spread over them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pool {
    /// Octavia's id.
    pub id: PoolId,
    /// Octavia's word; a plugin says what it means.
    pub protocol: String,
    /// Octavia's `lb_algorithm`; a plugin says what it means.
    pub algorithm: String,
    /// Octavia's `session_persistence`.
    pub persistence: Option<Persistence>,
    /// False takes the pool's members off every VIP.
    pub admin_state_up: bool,
    /// Members by id.
    pub members: BTreeMap<MemberId, Member>,
    /// The pool's health monitor.
    pub monitor: Option<Monitor>,
    /// Further options that are not at Octavia's default.
    pub extra: Extra,
}

/// How a client keeps its member.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Persistence {
    /// Octavia's `type`.
    pub kind: String,
    /// Octavia's `persistence_timeout`, in seconds.
    pub timeout: Option<u32>,
    /// Octavia's `cookie_name` and `persistence_granularity`, where set.
    pub extra: Extra,
}

/// A server behind a pool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Octavia's id.
    pub id: MemberId,
    /// The server's address.
    pub address: IpAddr,
    /// Octavia's `protocol_port`, 1 to 65535.
    pub port: u16,
    /// The Neutron subnet the address is in, where the user named it.
    pub subnet_id: Option<SubnetId>,
    /// 0 to 256; 0 means no new connections.
    pub weight: u16,
    /// Only used while no other member is healthy.
    pub backup: bool,
    /// False takes the member off every VIP.
    pub admin_state_up: bool,
    /// Octavia's `monitor_address`, `monitor_port` and `vnic_type`, where set.
    pub extra: Extra,
}

/// How members are probed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Monitor {
    /// Octavia's id.
    pub id: HealthMonitorId,
    /// Octavia's `type`; empty where the rows of another driver do not say.
    pub kind: String,
    /// Seconds between probes.
    pub delay: u32,
    /// Seconds until a probe has failed.
    pub timeout: u32,
    /// Octavia's `max_retries`: successes until a member is online.
    pub rise: u32,
    /// Octavia's `max_retries_down`: failures until a member is offline.
    pub fall: u32,
    /// False stops the probes.
    pub admin_state_up: bool,
    /// Further options that are not at Octavia's default.
    pub extra: Extra,
}

impl LoadBalancer {
    /// Octavia's version of a load balancer with the further options that the calls gave it: which of Octavia's are the
    /// user's wish, only the calls say.
    #[must_use]
    pub fn with_extra_of(mut self, before: Option<&Self>) -> Self {
        if let Some(before) = before {
            self.extra.clone_from(&before.extra);
        }
        self
    }

    /// The VIP and the additional VIPs, in order.
    pub fn vips(&self) -> impl Iterator<Item = &Vip> {
        std::iter::once(&self.vip).chain(&self.additional_vips)
    }

    /// The pool that holds a member.
    pub fn pool_of_member(&self, id: &MemberId) -> Option<&Pool> {
        self.pools.values().find(|pool| pool.members.contains_key(id))
    }

    /// The pool of a health monitor.
    pub fn pool_of_monitor(&self, id: HealthMonitorId) -> Option<&Pool> {
        self.pools.values().find(|pool| pool.monitor.as_ref().is_some_and(|monitor| monitor.id == id))
    }

    /// The listeners whose default pool is the given one.
    pub fn listeners_of_pool(&self, id: PoolId) -> impl Iterator<Item = &Listener> {
        self.listeners.values().filter(move |listener| listener.default_pool_id == Some(id))
    }
}

impl Pool {
    /// The health monitor, where it probes.
    pub fn probing(&self) -> Option<&Monitor> {
        self.monitor.as_ref().filter(|monitor| monitor.admin_state_up)
    }
}

impl Monitor {
    /// Octavia's default of `max_retries_down`.
    pub const DEFAULT_FALL: u32 = 3;
}

impl Member {
    /// Octavia's default weight.
    pub const DEFAULT_WEIGHT: u16 = 1;
}

//! What plugins say, in this crate's own types, and the units they are asked about.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use weir_model::{Listener, ListenerId, LoadBalancer, Pool, PoolId};

/// One question to a protocol plugin: a listener with its pool, or one of them alone, or neither.
#[derive(Clone, Copy, Debug)]
pub struct Unit<'a> {
    /// Its place in [`Translations`].
    pub key: UnitKey,
    /// The listener.
    pub listener: Option<&'a Listener>,
    /// The listener's default pool, or a pool no listener uses.
    pub pool: Option<&'a Pool>,
}

/// Names a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum UnitKey {
    /// A listener and its pool.
    Listener(ListenerId),
    /// A pool that no listener uses.
    Pool(PoolId),
    /// A load balancer with neither.
    Empty,
}

/// The units of a load balancer: every listener, every pool without listener, or the empty one.
pub fn units(lb: &LoadBalancer) -> Vec<Unit<'_>> {
    let used: BTreeSet<PoolId> = lb.listeners.values().filter_map(|l| l.default_pool_id).collect();
    let listeners = lb.listeners.values().map(|listener| Unit {
        key: UnitKey::Listener(listener.id),
        listener: Some(listener),
        pool: listener.default_pool_id.and_then(|id| lb.pools.get(&id)),
    });
    let alone = lb.pools.values().filter(|pool| !used.contains(&pool.id));
    let alone = alone.map(|pool| Unit { key: UnitKey::Pool(pool.id), listener: None, pool: Some(pool) });
    let mut units: Vec<_> = listeners.chain(alone).collect();
    if units.is_empty() {
        units.push(Unit { key: UnitKey::Empty, listener: None, pool: None });
    }
    units
}

/// A member's share of its pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// Index into the pool's members in id order.
    pub member: u32,
    /// How often it stands among the backends.
    pub copies: u16,
}

/// What an algorithm plugin says of a pool.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Distribution {
    /// What OVN hashes.
    pub selection_fields: BTreeSet<String>,
    /// Options of the row.
    pub options: BTreeMap<String, String>,
    /// Who gets how much.
    pub shares: Vec<Share>,
    /// The plugin that said it, unless it is built in.
    pub plugin: Option<String>,
}

/// One backend of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backend {
    /// Index into the pool's members in id order.
    pub member: u32,
    /// The port it is reached at.
    pub port: u16,
    /// How often it stands in the list.
    pub copies: u16,
}

/// One key of the `vips` column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Index into the load balancer's VIPs: the VIP, then the additional ones.
    pub vip: u32,
    /// The port clients connect to.
    pub port: u16,
    /// Who answers.
    pub backends: Vec<Backend>,
}

/// What a protocol plugin says of a unit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Translation {
    /// OVN's protocol.
    pub transport: String,
    /// The VIP entries.
    pub entries: Vec<Entry>,
    /// Options of the row.
    pub options: BTreeMap<String, String>,
    /// Why there are no backends although there are usable members.
    pub empty_reason: Option<String>,
    /// The plugin that said it, unless it is built in.
    pub plugin: Option<String>,
}

/// What a protocol plugin makes of a pool's health monitor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HealthCheck {
    /// Seconds between two probes.
    pub interval: u32,
    /// Seconds until a probe has failed.
    pub timeout: u32,
    /// Good probes until online.
    pub success: u32,
    /// Bad probes until offline.
    pub failure: u32,
}

/// A plugin's refusal or failure, for one unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Stable kebab-case code.
    pub code: String,
    /// For the user, naming field and value.
    pub user: String,
    /// For the operator.
    pub operator: String,
    /// True where the plugin judged the user's wish, false where the plugin itself failed.
    pub refused: bool,
    /// The operator wants a call to be accepted all the same, where there is something that can be kept.
    pub keep: bool,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.operator.is_empty() { &self.user } else { &self.operator })
    }
}

/// What the plugins said of a whole load balancer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Translations {
    /// By unit; one entry for each of [`units`].
    pub units: BTreeMap<UnitKey, Result<Translation, Problem>>,
    /// By pool; `None` is what a listener without pool, or an empty load balancer, gets.
    pub distributions: BTreeMap<Option<PoolId>, Result<Distribution, Problem>>,
    /// By pool that has a health monitor.
    pub checks: BTreeMap<PoolId, Result<HealthCheck, Problem>>,
}

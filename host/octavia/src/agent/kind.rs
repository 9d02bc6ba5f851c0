//! Kinds of objects.

use serde::{Deserialize, Serialize};

/// A kind of Octavia object, in the order in which the agent handles a message's records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ObjectKind {
    /// A pool's member.
    Member,
    /// A pool's health monitor.
    HealthMonitor,
    /// A pool.
    Pool,
    /// A rule of an L7 policy.
    L7Rule,
    /// A listener's L7 policy.
    L7Policy,
    /// A listener.
    Listener,
    /// A load balancer.
    LoadBalancer,
}

impl ObjectKind {
    /// Every kind, in the agent's order.
    pub const ALL: [Self; 7] = [
        Self::Member,
        Self::HealthMonitor,
        Self::Pool,
        Self::L7Rule,
        Self::L7Policy,
        Self::Listener,
        Self::LoadBalancer,
    ];

    /// The word for several of them: the agent's key.
    pub fn plural(self) -> &'static str {
        match self {
            Self::Member => "members",
            Self::HealthMonitor => "healthmonitors",
            Self::Pool => "pools",
            Self::L7Rule => "l7rules",
            Self::L7Policy => "l7policies",
            Self::Listener => "listeners",
            Self::LoadBalancer => "loadbalancers",
        }
    }

    /// The kind of a plural word.
    pub fn from_plural(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.plural() == word)
    }

    /// The key under which octavia-lib's objects of this kind hold their id.
    pub fn id_key(self) -> &'static str {
        match self {
            Self::Member => "member_id",
            Self::HealthMonitor => "healthmonitor_id",
            Self::Pool => "pool_id",
            Self::L7Rule => "l7rule_id",
            Self::L7Policy => "l7policy_id",
            Self::Listener => "listener_id",
            Self::LoadBalancer => "loadbalancer_id",
        }
    }
}

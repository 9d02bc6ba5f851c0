//! `Load_Balancer` rows (ovn-nb(5)) as this crate sees them.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use uuid::Uuid;

/// One row of the `Load_Balancer` table, with its health checks.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct LoadBalancerRow {
    /// `_uuid`.
    #[serde(rename = "_uuid")]
    pub uuid: Uuid,
    /// Octavia's load balancer id.
    pub name: String,
    /// OVN's transport; the reference leaves it empty while there is no listener.
    pub protocol: Option<String>,
    /// `"VIP:port" -> "ip:port,ip:port"`.
    pub vips: BTreeMap<String, String>,
    /// What is hashed to choose a backend.
    pub selection_fields: BTreeSet<String>,
    /// OVN's options.
    pub options: BTreeMap<String, String>,
    /// See [`crate::keys`].
    pub external_ids: BTreeMap<String, String>,
    /// `"member address" -> "switch port:source address"`, IPv6 in brackets: how health checks reach a member.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub ip_port_mappings: BTreeMap<String, String>,
    /// The rows of `health_check`, by their `vip`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub health_checks: Vec<HealthCheckRow>,
}

/// One row of the `Load_Balancer_Health_Check` table. It lives as long as a load balancer refers to it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct HealthCheckRow {
    /// The key of `vips` whose members are probed.
    pub vip: String,
    /// `_uuid`.
    #[serde(rename = "_uuid")]
    pub uuid: Uuid,
    /// `interval`, `timeout`, `success_count`, `failure_count`.
    pub options: BTreeMap<String, String>,
    /// Which monitor it is for; see [`crate::keys`].
    pub external_ids: BTreeMap<String, String>,
}

/// The switches and routers whose `load_balancer` set names a row.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize)]
pub struct Attached {
    /// `Logical_Switch` rows.
    pub switches: BTreeSet<Uuid>,
    /// `Logical_Router` rows.
    pub routers: BTreeSet<Uuid>,
}

/// A row as the replica holds it, with its attachments.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Existing {
    /// The row.
    #[serde(flatten)]
    pub row: LoadBalancerRow,
    /// Where it is attached.
    pub attached: Attached,
}

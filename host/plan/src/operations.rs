//! What there is to do: a plan and its operations.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use uuid::Uuid;
use weir_model::LoadBalancerId;

use crate::{
    acls::{Acl, ExistingAcl},
    centralised::FloatingIp,
    finding::Finding,
    monitors::Sourceless,
    row::{HealthCheckRow, LoadBalancerRow},
    translation::{Problem, UnitKey},
};

/// Operations that make a load balancer's rows right, in order, to be done in one transaction or not at all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// The load balancer.
    pub lb: LoadBalancerId,
    /// What to do; empty where all is right already.
    pub operations: Vec<Operation>,
    /// Units left as they are since their plugin refused or failed.
    #[serde(skip)]
    pub kept: Vec<(UnitKey, Problem)>,
    /// Members that are in the VIPs but not attached, since nothing tells where their subnet is.
    pub unresolved: Vec<weir_model::MemberId>,
    /// Members behind a monitor that cannot be probed and get no connections: no port of OVN has their address.
    pub without_port: Vec<weir_model::MemberId>,
    /// Subnets whose members are not probed yet for want of a source address.
    pub sourceless: Vec<Sourceless>,
    /// What operators should know of the load balancer.
    pub findings: Vec<Finding>,
    /// Other load balancers that it overlaps with: what is found of them may be otherwise once the plan is carried out.
    #[serde(skip)]
    pub overlaps_with: BTreeSet<LoadBalancerId>,
}

/// One operation of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Operation {
    /// Fails the transaction where somebody has changed the row's `external_ids` since they were read.
    Guard {
        /// The row.
        row: Uuid,
        /// What was read.
        external_ids: BTreeMap<String, String>,
    },
    /// Inserts a row under a uuid of our choice, so that a repeated insert is noticed.
    Insert(LoadBalancerRow),
    /// Changes columns of a row.
    Update(Update),
    /// Deletes a row; its attachments go with it (weak references).
    Delete {
        /// The row.
        row: Uuid,
    },
    /// Inserts a health check and has a load balancer refer to it.
    InsertCheck {
        /// The load balancer's row.
        load_balancer: Uuid,
        /// The health check's.
        check: HealthCheckRow,
    },
    /// Changes a health check.
    UpdateCheck {
        /// The load balancer's row.
        load_balancer: Uuid,
        /// The health check's.
        check: Uuid,
        /// Changed options.
        options: MapPatch,
        /// Changed keys.
        external_ids: MapPatch,
    },
    /// Has a load balancer no longer refer to a health check, which then goes.
    RemoveCheck {
        /// The load balancer's row.
        load_balancer: Uuid,
        /// The health check's.
        check: Uuid,
    },
    /// Adds the row to a `Logical_Switch`'s or `Logical_Router`'s `load_balancer` set.
    Attach {
        /// Whose set.
        to: Holder,
        /// The row.
        row: Uuid,
    },
    /// Takes the row out of such a set.
    Detach {
        /// Whose set.
        from: Holder,
        /// The row.
        row: Uuid,
    },
    /// Puts a rule into a switch.
    InsertAcl(Acl),
    /// Takes a rule out of a switch.
    RemoveAcl(ExistingAcl),
    /// Makes a member's floating IP central or distributed; fails the transaction where somebody has changed it since.
    MemberFloatingIp {
        /// As it was read.
        before: FloatingIp,
        /// As it shall be.
        after: FloatingIp,
    },
}

impl Operation {
    pub(crate) fn guards(&self, uuid: Uuid) -> bool {
        matches!(self, Self::Guard { row, .. } if *row == uuid)
    }
}

/// A row with a `load_balancer` set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Holder {
    /// A `Logical_Switch`.
    Switch(Uuid),
    /// A `Logical_Router`.
    Router(Uuid),
}

/// Changed columns of a row; what is `None` or empty stays.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Update {
    /// The row.
    pub row: Uuid,
    /// New name: somebody renamed the row.
    pub name: Option<String>,
    /// New protocol; empty is none.
    pub protocol: Option<String>,
    /// New selection fields, all of them.
    pub selection_fields: Option<BTreeSet<String>>,
    /// Changed VIP entries.
    pub vips: MapPatch,
    /// Changed options.
    pub options: MapPatch,
    /// Changed keys.
    pub external_ids: MapPatch,
    /// Changed ways to probe members.
    pub ip_port_mappings: MapPatch,
}

/// Changed elements of a map column.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct MapPatch {
    /// Keys to take out.
    pub remove: BTreeSet<String>,
    /// Keys to add, or to give another value.
    pub set: BTreeMap<String, String>,
}

impl MapPatch {
    /// What makes one map another.
    pub fn between(old: &BTreeMap<String, String>, new: &BTreeMap<String, String>) -> Self {
        Self {
            remove: old.keys().filter(|key| !new.contains_key(*key)).cloned().collect(),
            set: new
                .iter()
                .filter(|(k, v)| old.get(*k) != Some(v))
                .map(|(k, v)| (k.clone(), v.clone()))
                .collect(),
        }
    }

    /// True where nothing changes.
    pub fn is_empty(&self) -> bool {
        self.remove.is_empty() && self.set.is_empty()
    }

    /// Does the patch.
    pub fn apply(&self, map: &mut BTreeMap<String, String>) {
        map.retain(|key, _| !self.remove.contains(key));
        map.extend(self.set.iter().map(|(key, value)| (key.clone(), value.clone())));
    }
}

impl Plan {
    /// True where every row is right already.
    pub fn is_empty(&self) -> bool {
        self.operations.is_empty()
    }

    /// The switch ports of members that will be probed and were not.
    pub fn newly_probed(&self) -> impl Iterator<Item = &str> {
        let mappings = self.operations.iter().filter_map(|operation| match operation {
            Operation::Insert(row) => Some(&row.ip_port_mappings),
            Operation::Update(update) => Some(&update.ip_port_mappings.set),
            _ => None,
        });
        // A port's name is a UUID, so the first colon ends it.
        mappings.flat_map(BTreeMap::values).filter_map(|to| Some(to.split_once(':')?.0))
    }
}

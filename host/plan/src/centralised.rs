//! Members' own floating IPs, made central while a load balancer of theirs has a floating IP too.
//!
//! A distributed floating IP (`external_mac` and `logical_port` on its `NAT` row, ovn-nb(5)) is translated where its port
//! is. Connections to a load balancer's floating IP come in by the gateway, and before OVN 23.09 the answers of a member
//! with a distributed floating IP go out where the member is, past the gateway that knows the connection. So both columns are
//! cleared, as the reference driver does: the one exception to never writing to Neutron's rows.
//!
//! What was cleared stands in two keys of ours on the row: [`keys::CENTRALISED`] names the load balancers that need it, and
//! [`keys::DISTRIBUTED`] what the columns were, which come back with the last of them. Neutron looks for a row to make
//! distributed again by its `logical_port`, and finds none while it is cleared; a floating IP that it gives to a member it
//! makes central itself, and then there is nothing to clear and nothing to bring back. What it writes anew all the same is
//! looked at again.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use uuid::Uuid;
use weir_model::{LoadBalancer, LoadBalancerId};

use crate::{
    fronts::fronts, keys, monitors::port_of, operations::Operation, python_json, surroundings::Surroundings,
    topology::FLOATING_IP_PORT,
};

/// A floating IP of a member: a `NAT` row as far as it matters here.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct FloatingIp {
    /// `_uuid`.
    #[serde(rename = "_uuid")]
    pub uuid: Uuid,
    /// `external_mac`.
    pub external_mac: Option<String>,
    /// `logical_port`.
    pub logical_port: Option<String>,
    /// `external_ids`.
    pub external_ids: BTreeMap<String, String>,
}

/// What [`keys::DISTRIBUTED`] says.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Distributed {
    external_mac: String,
    logical_port: String,
}

/// Makes floating IPs of a load balancer's members central or distributed; none where all are as they should be.
pub fn centralise(
    lb: LoadBalancerId,
    wanted: Option<&LoadBalancer>,
    around: Surroundings<'_>,
) -> Vec<Operation> {
    let central = wanted.map(|lb| to_be_central(lb, around)).unwrap_or_default();
    let mut operations = Vec::new();
    let mut change = |before: FloatingIp, after: FloatingIp| {
        if before != after {
            operations.push(Operation::MemberFloatingIp { before, after });
        }
    };
    for marked in around.topology.centralised_for(lb) {
        if !central.contains_key(&marked.uuid) {
            change(marked.clone(), marked.release(lb));
        }
    }
    for floating in central.into_values() {
        change(floating.clone(), floating.centralise(lb));
    }
    operations
}

/// Leaves floating IPs central that are so for a load balancer, and forgets that it was done here: for giving it back to the
/// reference driver, which has them central too.
pub fn leave_central(lb: LoadBalancerId, around: Surroundings<'_>) -> Vec<Operation> {
    let leave = |before: FloatingIp| {
        let columns = (before.external_mac.clone(), before.logical_port.clone());
        let mut after = before.clone().release(lb);
        (after.external_mac, after.logical_port) = columns;
        Operation::MemberFloatingIp { before, after }
    };
    around.topology.centralised_for(lb).into_iter().map(leave).collect()
}

/// The floating IPs of the members, where they must not be distributed.
fn to_be_central(lb: &LoadBalancer, around: Surroundings<'_>) -> BTreeMap<Uuid, FloatingIp> {
    let topology = around.topology;
    if !around.capabilities.centralise_members || fronts(lb, topology).iter().all(|front| !front.floating) {
        return BTreeMap::new();
    }
    let members = lb.pools.values().flat_map(|pool| pool.members.values());
    let floating = members.filter_map(|member| {
        let port = port_of(lb, member, topology)?;
        Some(topology.member_floating_ips(port.parse().ok()?, &member.address))
    });
    floating.flatten().map(|floating| (floating.uuid, floating)).collect()
}

impl FloatingIp {
    /// The load balancers that it is central for.
    fn central_for(&self) -> BTreeSet<String> {
        let list = self.external_ids.get(keys::CENTRALISED).map(String::as_str).unwrap_or_default();
        list.split_whitespace().map(str::to_owned).collect()
    }

    fn set_central_for(&mut self, lbs: BTreeSet<String>) {
        let list = lbs.into_iter().collect::<Vec<_>>().join(" ");
        self.external_ids.insert(keys::CENTRALISED.to_owned(), list);
    }

    fn centralise(mut self, lb: LoadBalancerId) -> Self {
        let mut lbs = self.central_for();
        if let (Some(external_mac), Some(logical_port)) = (&self.external_mac, &self.logical_port) {
            let (external_mac, logical_port) = (external_mac.clone(), logical_port.clone());
            let was = python_json::to_string(&Distributed { external_mac, logical_port });
            self.external_ids.insert(keys::DISTRIBUTED.to_owned(), was);
            (self.external_mac, self.logical_port) = (None, None);
        } else if lbs.is_empty() {
            // It never was distributed.
            return self;
        }
        if lbs.insert(lb.to_string()) {
            self.set_central_for(lbs);
        }
        self
    }

    fn release(mut self, lb: LoadBalancerId) -> Self {
        let mut lbs = self.central_for();
        lbs.remove(&lb.to_string());
        if !lbs.is_empty() {
            self.set_central_for(lbs);
            return self;
        }
        self.external_ids.remove(keys::CENTRALISED);
        let was = self.external_ids.remove(keys::DISTRIBUTED);
        let was = was.and_then(|was| serde_json::from_str::<Distributed>(&was).ok());
        let port = self.external_ids.get(FLOATING_IP_PORT);
        let was = was.filter(|was: &Distributed| Some(&was.logical_port) == port);
        // What Neutron has written in the meantime stands.
        if let (Some(was), None, None) = (was, &self.external_mac, &self.logical_port) {
            (self.external_mac, self.logical_port) = (Some(was.external_mac), Some(was.logical_port));
        }
        self
    }

    /// Whether another state of the row differs only in what may be written: the two columns and our two keys.
    pub(crate) fn differs_only_in_ours(&self, after: &Self) -> bool {
        let rest = |ids: &BTreeMap<String, String>| {
            let mut ids = ids.clone();
            ids.retain(|key, _| ![keys::CENTRALISED, keys::DISTRIBUTED].contains(&key.as_str()));
            ids
        };
        let same = self.external_mac == after.external_mac && self.logical_port == after.logical_port;
        let whole = after.external_mac.is_some() == after.logical_port.is_some();
        self.uuid == after.uuid && rest(&self.external_ids) == rest(&after.external_ids) && (same || whole)
    }
}

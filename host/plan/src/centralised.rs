//! Members' own floating IPs, made central where a distributed one breaks something.
//!
//! A distributed floating IP (`external_mac` and `logical_port` on its `NAT` row, ovn-nb(5)) is translated where its port
//! is. Connections to a load balancer's floating IP come in by the gateway, and before OVN 23.09 the answers of a member
//! with a distributed floating IP go out where the member is, past the gateway that knows the connection. So both columns are
//! cleared as long as the load balancer has a floating IP, as the reference driver does.
//!
//! From OVN 23.09 on routers redirect the answers of every backend to the gateway (ovn-northd(8), table of the gateway
//! redirect). Then the member's own floating IP is dead at the member's port: its answers pass the gateway, which does not know
//! the connection. So both columns are cleared as long as the member is in `vips`. A disabled member is not: nothing redirects
//! its answers. A backup member counts as being there, since it steps in without a change. A member whose floating IP is
//! distributed has it on a router in its subnet, and that router has every load balancer of the member. Where the member's port
//! is not known (the member names no subnet), the routers of the load balancer are asked for floating IPs of its address. What
//! such a clearing cuts is said by a change, so a load balancer that was there before begins with its first one
//! ([`keys::CENTRAL_MEMBERS`]).
//!
//! `NAT` rows are Neutron's: this is the one exception to never writing to them. What was cleared stands in two keys of ours on
//! the row: [`keys::CENTRALISED`] names the load balancers that need it, and
//! [`keys::DISTRIBUTED`] what the columns were, which come back with the last of them. Neutron looks for a row to make
//! distributed again by its `logical_port`, and finds none while it is cleared; a floating IP that it gives to a member it
//! makes central itself, and then there is nothing to clear and nothing to bring back. What it writes anew all the same is
//! looked at again.

use std::{
    cell::LazyCell,
    collections::{BTreeMap, BTreeSet},
};

use serde::{Deserialize, Serialize};
use uuid::Uuid;
use weir_model::{LoadBalancer, LoadBalancerId, Member, PoolId};

use crate::{
    attach, compile::Wanted, fronts::fronts, keys, monitors::port_of, operations::Operation, python_json,
    row::Existing, surroundings::Surroundings, topology::FLOATING_IP_PORT,
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

/// What becomes of floating IPs of members.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MemberFloatingIps {
    /// Those that would break something are central.
    #[default]
    Central,
    /// They stay as Neutron makes them.
    Distributed,
}

/// Whether the members of a load balancer have central floating IPs as long as they are members: on an OVN that wants it, from
/// its first change on. `changes`: it is planned for a change.
pub fn covers_members(existing: &[Existing], changes: bool, around: Surroundings<'_>) -> bool {
    let said = |existing: &Existing| existing.row.external_ids.contains_key(keys::CENTRAL_MEMBERS);
    let central = around.ownership.member_floating_ips == MemberFloatingIps::Central;
    let wants_it = around.capabilities.redirects_backends && central;
    existing.iter().any(said) || (wants_it && (changes || existing.is_empty()))
}

/// Writes into a row that the members' floating IPs are central.
pub fn mark(wanted: &mut Wanted) {
    wanted.external_ids.insert(keys::CENTRAL_MEMBERS.to_owned(), "true".to_owned());
}

/// Makes floating IPs of a load balancer's members central or distributed; none where all are as they should be. `covered` is
/// [`covers_members`].
pub fn centralise(
    lb: LoadBalancerId,
    wanted: Option<&LoadBalancer>,
    covered: bool,
    around: Surroundings<'_>,
) -> Vec<Operation> {
    let central = wanted.map(|lb| to_be_central(lb, covered, around)).unwrap_or_default();
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

/// What giving a load balancer back to the reference driver does to floating IPs of its members. Beside a floating IP of the
/// load balancer that driver has them central too: they stay so, and that it was done here is forgotten. Without one they become
/// distributed again.
pub fn give_back(lb: &LoadBalancer, around: Surroundings<'_>) -> Vec<Operation> {
    let stays = has_floating_ip(lb, around);
    let give_back = |before: FloatingIp| {
        let columns = (before.external_mac.clone(), before.logical_port.clone());
        let mut after = before.clone().release(lb.id);
        if stays {
            (after.external_mac, after.logical_port) = columns;
            // Nor does another load balancer's end bring it back.
            after.external_ids.remove(keys::DISTRIBUTED);
        }
        Operation::MemberFloatingIp { before, after }
    };
    around.topology.centralised_for(lb.id).into_iter().map(give_back).collect()
}

fn has_floating_ip(lb: &LoadBalancer, around: Surroundings<'_>) -> bool {
    fronts(lb, around.topology).iter().any(|front| front.floating)
}

/// The floating IPs of the members, where they must not be distributed.
fn to_be_central(lb: &LoadBalancer, covered: bool, around: Surroundings<'_>) -> BTreeMap<Uuid, FloatingIp> {
    let topology = around.topology;
    let wanted = match around.ownership.member_floating_ips {
        MemberFloatingIps::Distributed => false,
        MemberFloatingIps::Central if around.capabilities.redirects_backends => covered,
        MemberFloatingIps::Central => has_floating_ip(lb, around),
    };
    if !wanted {
        return BTreeMap::new();
    }
    // These routers redirect the members' answers. An address is one port's on each of them.
    let routers = LazyCell::new(|| {
        let members = lb.pools.values().flat_map(|pool| pool.members.values());
        attach::place(lb, members, topology).lr_ref
    });
    let floating = members_in_vips(lb).map(|member| {
        match port_of(lb, member, topology).and_then(|port| port.parse().ok()) {
            Some(port) => topology.member_floating_ips(port, &member.address),
            // Its port is not known, as where the member names no subnet.
            None => {
                let of_router = |router| topology.router_floating_ips(router, &member.address);
                routers.iter().flat_map(of_router).collect()
            }
        }
    });
    floating.flatten().map(|floating| (floating.uuid, floating)).collect()
}

/// The members that are in `vips`, or step in there when others fail; those with weight 0 drain there.
fn members_in_vips(lb: &LoadBalancer) -> impl Iterator<Item = &Member> {
    let listeners = lb.listeners.values().filter(|listener| lb.admin_state_up && listener.admin_state_up);
    let pools: BTreeSet<PoolId> = listeners.filter_map(|listener| listener.default_pool_id).collect();
    let pools = pools.into_iter().filter_map(|id| lb.pools.get(&id)).filter(|pool| pool.admin_state_up);
    let members = pools.flat_map(|pool| pool.members.values()).filter(|member| member.admin_state_up);
    members.filter(|member| lb.vips().any(|vip| vip.address.is_ipv4() == member.address.is_ipv4()))
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

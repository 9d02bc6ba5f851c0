//! Overlaps: objects of a load balancer that keep each other, or objects of other load balancers, from working.
//!
//! Everything that overlaps is a [`Finding`]. Some of it is also a reason to refuse the call that brings it about; whether a
//! call does is the caller's to say, who knows what was there before.

mod addresses;
mod monitors;
mod routers;

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

pub use monitors::endpoints;
use weir_model::{ListenerId, LoadBalancer, LoadBalancerId, Member, NetworkId, ObjectRef, Pool, PortId, Vip};

use crate::{
    attach::member_switch,
    compile::Wanted,
    finding::Finding,
    keys,
    topology::{Topology, switch_name},
};

/// Code: another load balancer's listener has the same network, address, transport and port number.
pub const VIP_IN_USE: &str = "vip-in-use";
/// Code: a member's address is the VIP of a load balancer; OVN balances a connection only once.
pub const MEMBER_IS_VIP: &str = "member-is-vip";
/// Code: two members of a pool have the same address and port number.
pub const DUPLICATE_MEMBER: &str = "duplicate-member";
/// Code: no member can have this address.
pub const IMPOSSIBLE_ADDRESS: &str = "impossible-member-address";
/// Code: no router reaches all members of a VIP outside.
pub const SEVERAL_ROUTERS: &str = "members-behind-several-routers";
/// Code: monitors with different numbers probe one endpoint.
pub const MONITORS_DIFFER: &str = "monitors-differ";

/// A VIP of another load balancer, as its rows say.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VipHolder {
    /// The load balancer.
    pub lb: LoadBalancerId,
    /// The VIP's Neutron port.
    pub port: Option<PortId>,
    /// The VIP's network, where a row says it.
    pub network: Option<NetworkId>,
    /// The listeners of the load balancer.
    pub listeners: BTreeSet<ListensOn>,
}

/// A listener, as a row says.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ListensOn {
    /// OVN's transport.
    pub transport: String,
    /// The port number.
    pub number: u16,
    /// Octavia's id.
    pub listener: ListenerId,
}

/// A health check of another load balancer, as its rows say.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EndpointCheck {
    /// The load balancer.
    pub lb: LoadBalancerId,
    /// What is probed.
    pub endpoint: Endpoint,
    /// The options of the check.
    pub options: BTreeMap<String, String>,
}

/// What OVN probes once, however many load balancers ask for it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Endpoint {
    /// The name of the switch port.
    pub port: String,
    /// The address.
    pub address: IpAddr,
    /// The port number.
    pub number: u16,
    /// OVN's transport.
    pub transport: String,
}

/// One overlap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overlap {
    /// For operators.
    pub finding: Finding,
    /// What it overlaps with.
    pub with: With,
    /// A call that brings it about is refused.
    pub refused: bool,
}

impl Overlap {
    /// The other load balancer, where it is not within one.
    pub fn other(&self) -> Option<LoadBalancerId> {
        match self.with {
            With::Other(other, _) => Some(other),
            With::Itself | With::Own(_) => None,
        }
    }
}

/// What an object overlaps with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum With {
    /// Nothing: the object alone is at fault.
    Itself,
    /// Another object of the same load balancer.
    Own(ObjectRef),
    /// Another load balancer, and its listener where the overlap is with one.
    Other(LoadBalancerId, Option<ListenerId>),
}

/// The listeners that the keys of a row name.
pub fn listens_on<'a>(
    transport: &'a str,
    external_ids: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> impl Iterator<Item = ListensOn> {
    external_ids.into_iter().filter_map(move |(key, value)| {
        let id = key.strip_prefix(keys::LISTENER)?;
        let listener = id.strip_suffix(keys::DOWN).unwrap_or(id).parse().ok()?;
        let number = value.split_once(':')?.0.parse().ok()?;
        Some(ListensOn { transport: transport.to_owned(), number, listener })
    })
}

/// All overlaps of a load balancer that is to have these rows.
pub fn overlaps(lb: &LoadBalancer, rows: &[Wanted], topology: &dyn Topology) -> Vec<Overlap> {
    let mut found = Vec::new();
    listeners(lb, rows, topology, &mut found);
    for pool in lb.pools.values() {
        duplicates(pool, &mut found);
        for member in pool.members.values() {
            addresses::impossible(member, topology, &mut found);
            member_is_vip(lb, member, topology, &mut found);
        }
    }
    routers::several(lb, topology, &mut found);
    monitors::differing(lb, rows, topology, &mut found);
    found
}

fn listeners(lb: &LoadBalancer, rows: &[Wanted], topology: &dyn Topology, found: &mut Vec<Overlap>) {
    for vip in lb.vips() {
        for holder in topology.vips_at(&vip.address, lb.id) {
            if !is_same_vip(vip, &holder, topology) {
                continue;
            }
            for row in rows {
                let ids = row.external_ids.iter().map(|(key, value)| (key.as_str(), value.as_str()));
                for own in listens_on(&row.protocol, ids) {
                    let same = |other: &&ListensOn| {
                        (&*other.transport, other.number) == (&*own.transport, own.number)
                    };
                    let Some(other) = holder.listeners.iter().find(same) else { continue };
                    let detail = format!(
                        "listener {}: {} over {} is in use by listener {} of load balancer {}; choose another port number or VIP",
                        own.listener,
                        keys::socket(&vip.address, own.number),
                        own.transport,
                        other.listener,
                        holder.lb
                    );
                    found.push(Overlap {
                        finding: Finding::new(VIP_IN_USE, ObjectRef::Listener(own.listener), detail),
                        with: With::Other(holder.lb, Some(other.listener)),
                        refused: true,
                    });
                }
            }
        }
    }
}

/// Whether two VIPs with one address are the same one. Tenants' addresses overlap, so without their networks nothing is said.
fn is_same_vip(vip: &Vip, holder: &VipHolder, topology: &dyn Topology) -> bool {
    if vip.port_id.is_some() && vip.port_id == holder.port {
        return true;
    }
    let switch = place(holder.network, holder.port, topology);
    switch.is_some() && switch == place(vip.network_id, vip.port_id, topology)
}

/// The name of the switch of a network, or of a port where the network is not known.
fn place(network: Option<NetworkId>, port: Option<PortId>, topology: &dyn Topology) -> Option<String> {
    network.map(switch_name).or_else(|| Some(topology.port(port?)?.switch.name))
}

fn duplicates(pool: &Pool, found: &mut Vec<Overlap>) {
    let mut seen = BTreeMap::new();
    for member in pool.members.values() {
        let Some(first) = seen.insert((member.address, member.port), member.id) else { continue };
        let detail = format!(
            "member {}: {} is member {} of pool {} already; a member is given once, in one spelling",
            member.id,
            keys::socket(&member.address, member.port),
            first,
            pool.id
        );
        found.push(Overlap {
            finding: Finding::new(DUPLICATE_MEMBER, ObjectRef::Member(member.id), detail),
            with: With::Own(ObjectRef::Member(first)),
            refused: true,
        });
    }
}

fn member_is_vip(lb: &LoadBalancer, member: &Member, topology: &dyn Topology, found: &mut Vec<Overlap>) {
    let own = lb.vips().any(|vip| vip.address == member.address);
    if !own && !topology.is_vip(&member.address) {
        return;
    }
    let switch = member.subnet_id.and_then(|subnet| member_switch(lb, subnet, topology));
    let Some(switch) = switch.map(|(switch, _)| switch.name) else { return };
    let on_own = |vip: &Vip| {
        vip.address == member.address
            && (vip.subnet_id == member.subnet_id
                || place(vip.network_id, vip.port_id, topology).as_ref() == Some(&switch))
    };
    let of = if lb.vips().any(on_own) {
        With::Itself
    } else {
        let holders = topology.vips_at(&member.address, lb.id);
        match holders
            .into_iter()
            .find(|holder| place(holder.network, holder.port, topology).as_ref() == Some(&switch))
        {
            Some(holder) => With::Other(holder.lb, None),
            None => return,
        }
    };
    let named = match of {
        With::Other(other, _) => other,
        _ => lb.id,
    };
    let detail = format!(
        "member {}: {} is the VIP of load balancer {named}; OVN balances a connection only once, so name the servers behind it",
        member.id, member.address
    );
    found.push(Overlap {
        finding: Finding::new(MEMBER_IS_VIP, ObjectRef::Member(member.id), detail),
        with: of,
        refused: true,
    });
}

//! Which switches and routers a row belongs on.
//!
//! * The switch of each VIP and of each member's subnet, unless it is a provider network; counted in `ls_refs`.
//! * Every router with an interface on such a switch in that very subnet; named in `lr_ref`.
//! * Every switch such a router serves in the VIPs' IP version, its gateway ports left out; not counted.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use ipnet::IpNet;
use weir_model::{Change, LoadBalancer, Member, MemberId, SubnetId, Vip};

use crate::{
    row::Attached,
    topology::{RouterPort, RouterRef, Switch, Topology, switch_name},
};

/// Where one row belongs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The rows to attach to.
    pub attached: Attached,
    /// Value of `ls_refs`: how many VIPs and members are on a switch.
    pub ls_refs: BTreeMap<String, u32>,
    /// Value of `lr_ref`.
    pub lr_ref: BTreeSet<RouterRef>,
    /// Members whose subnet nothing tells: in the VIPs, but not attached.
    pub unresolved: Vec<MemberId>,
}

/// Places a row with the given members.
pub fn place<'a>(
    lb: &LoadBalancer,
    members: impl Iterator<Item = &'a Member>,
    topology: &dyn Topology,
) -> Place {
    let mut place = Place::default();
    let mut subnets: BTreeMap<SubnetId, Option<(Switch, Vec<IpNet>)>> = BTreeMap::new();
    for vip in lb.vips() {
        if let Some((switch, cidrs)) = vip_switch(vip, topology) {
            place.count(&switch);
            place.routers(&switch, &cidrs, topology);
        }
    }
    for member in members {
        let found = member.subnet_id.and_then(|id| {
            let first_time = !subnets.contains_key(&id);
            let found = subnets.entry(id).or_insert_with(|| member_switch(lb, id, topology)).clone();
            found.map(|found| (found, first_time))
        });
        match found {
            Some(((switch, cidrs), first_time)) => {
                place.count(&switch);
                if first_time {
                    place.routers(&switch, &cidrs, topology);
                }
            }
            None => place.unresolved.push(member.id),
        }
    }
    place.switches_of_routers(lb, topology);
    place
}

impl Place {
    fn count(&mut self, switch: &Switch) {
        if switch.provider {
            return;
        }
        *self.ls_refs.entry(switch.name.clone()).or_default() += 1;
        self.attached.switches.insert(switch.uuid);
    }

    fn routers(&mut self, switch: &Switch, cidrs: &[IpNet], topology: &dyn Topology) {
        for router in serving(switch, cidrs, topology) {
            self.attached.routers.insert(router.uuid);
            self.lr_ref.insert(router);
        }
    }

    fn switches_of_routers(&mut self, lb: &LoadBalancer, topology: &dyn Topology) {
        let vip_is = |v4: bool| lb.vips().any(|vip| vip.address.is_ipv4() == v4);
        for router in &self.lr_ref {
            for port in topology.ports_of(router) {
                let Some(first) = port.networks.first() else { continue };
                if port.gateway || !vip_is(first.addr().is_ipv4()) {
                    continue;
                }
                if let Some(switch) = port.switch_name.and_then(|name| topology.switch(&name)) {
                    self.attached.switches.insert(switch.uuid);
                }
            }
        }
    }
}

/// The routers with an interface on a switch in one of these subnets.
pub(crate) fn serving(
    switch: &Switch,
    cidrs: &[IpNet],
    topology: &dyn Topology,
) -> impl Iterator<Item = RouterRef> {
    let serves = |port: &RouterPort| {
        port.networks.iter().any(|network| cidrs.iter().any(|cidr| cidr.trunc() == network.trunc()))
    };
    let ports = topology.router_ports_on(switch).into_iter();
    ports.filter(move |port| port.interface && serves(port)).map(|port| port.router)
}

/// The switch of a VIP, by its port, else by its network, and its subnet's CIDRs.
pub(crate) fn vip_switch(vip: &Vip, topology: &dyn Topology) -> Option<(Switch, Vec<IpNet>)> {
    let port = vip.port_id.and_then(|id| topology.port(id));
    let subnet = vip.subnet_id.and_then(|id| topology.subnet(id));
    let mut cidrs = subnet.as_ref().map(|subnet| subnet.cidrs.clone()).unwrap_or_default();
    cidrs.retain(|cidr| cidr.contains(&vip.address));
    if let Some(port) = &port {
        cidrs.extend(port.cidrs.iter().filter(|cidr| cidr.contains(&vip.address)));
    }
    let switch = port
        .map(|port| port.switch)
        .or_else(|| vip.network_id.and_then(|id| topology.switch(&switch_name(id))))
        .or_else(|| subnet.and_then(|subnet| subnet.switch))?;
    Some((switch, cidrs))
}

/// The switch of a member's subnet: from the topology, else the VIP that is in the same subnet.
pub(crate) fn member_switch(
    lb: &LoadBalancer,
    id: SubnetId,
    topology: &dyn Topology,
) -> Option<(Switch, Vec<IpNet>)> {
    let subnet = topology.subnet(id);
    if let Some((switch, cidrs)) = subnet.and_then(|subnet| Some((subnet.switch?, subnet.cidrs))) {
        return Some((switch, cidrs));
    }
    let vip = lb.vips().find(|vip| vip.subnet_id == Some(id))?;
    vip_switch(vip, topology)
}

/// The subnets of a load balancer's VIPs. Only these are looked at for members whose subnet the user did not name:
/// tenants' addresses overlap.
fn vip_subnets(lb: &LoadBalancer, topology: &dyn Topology) -> Vec<(SubnetId, Vec<IpNet>)> {
    let subnets = lb.vips().filter_map(|vip| {
        let id = vip.subnet_id.or_else(|| subnet_by_members(lb, vip, topology))?;
        let known = topology.subnet(id).map(|subnet| subnet.cidrs).unwrap_or_default();
        let cidrs = if known.is_empty() { vip_switch(vip, topology).map(|(_, cidrs)| cidrs)? } else { known };
        Some((id, cidrs))
    });
    subnets.collect()
}

/// The subnet of a VIP that was taken over from a driver which does not write it down: one that members name, on the VIP's
/// switch and with its address.
fn subnet_by_members(lb: &LoadBalancer, vip: &Vip, topology: &dyn Topology) -> Option<SubnetId> {
    let (switch, _) = vip_switch(vip, topology)?;
    let named: BTreeSet<_> = lb
        .pools
        .values()
        .flat_map(|pool| pool.members.values())
        .filter_map(|member| member.subnet_id)
        .collect();
    named.into_iter().find(|id| {
        topology.subnet(*id).is_some_and(|subnet| {
            subnet.switch.is_some_and(|of| of.uuid == switch.uuid)
                && subnet.cidrs.iter().any(|cidr| cidr.contains(&vip.address))
        })
    })
}

fn subnet_of(address: &IpAddr, subnets: &[(SubnetId, Vec<IpNet>)]) -> Option<SubnetId> {
    subnets.iter().find(|(_, cidrs)| cidrs.iter().any(|cidr| cidr.contains(address))).map(|(id, _)| *id)
}

/// Gives members without a subnet the VIP's, where their address lies in it.
pub fn fill_subnets(lb: &mut LoadBalancer, topology: &dyn Topology) {
    let missing = |member: &Member| member.subnet_id.is_none();
    if !lb.pools.values().flat_map(|pool| pool.members.values()).any(missing) {
        return;
    }
    let subnets = vip_subnets(lb, topology);
    let members = lb.pools.values_mut().flat_map(|pool| pool.members.values_mut());
    for member in members.filter(|member| missing(member)) {
        member.subnet_id = subnet_of(&member.address, &subnets);
    }
}

/// The same for the objects of a create, so that a repeated one is found equal to what it made.
pub fn fill_change_subnets(change: &mut Change, lb: Option<&LoadBalancer>, topology: &dyn Topology) {
    match (change, lb) {
        (Change::LoadBalancerCreate(lb), _) => fill_subnets(lb, topology),
        (Change::MemberCreate(_, member), Some(lb)) if member.subnet_id.is_none() => {
            member.subnet_id = subnet_of(&member.address, &vip_subnets(lb, topology));
        }
        _ => {}
    }
}

//! Whether anything answers for a VIP on its network.
//!
//! In OVN it is a router that answers ARP and neighbor discovery for a VIP, and that sends what was balanced on to the members.
//! Without a router nothing does: a switch answers for no VIP, and leaves the destination MAC as it is when it balances.
//! By default a router answers for the VIPs in the subnets of its own port only (ovn-nb(5), `Load_Balancer`,
//! `neighbor_responder`), so a VIP in another subnet of the external network is dead from outside.

use std::{collections::BTreeMap, net::IpAddr};

use weir_model::{LoadBalancer, LoadBalancerId, NEIGHBOR_RESPONDER, ObjectRef};

use crate::{
    attach::{Place, vip_switch},
    compile::managed_options,
    finding::Finding,
    row::Existing,
    surroundings::Surroundings,
    topology::{RouterPort, Topology},
};

/// The code of a finding: no router has a port on a VIP's network.
pub const NO_ROUTER: &str = "no-router";

/// The code of a finding: the routers' ports on a VIP's network are in other subnets than the VIP.
pub const OTHER_SUBNET: &str = "vip-outside-router-subnets";

/// The value of the option with which routers answer for all VIPs.
const ALL: &str = "all";

/// Why nothing answers for a VIP on its network by default.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unanswered {
    /// No router of the load balancer has a port on the VIP's network.
    NoRouter,
    /// A gateway port is there, in another subnet.
    OutsideGateway,
    /// Only interfaces are there, in other subnets.
    OutsideInterfaces,
}

/// The VIPs that nothing answers for by default, where a row is attached like this.
pub(crate) fn unanswered(
    lb: &LoadBalancer,
    place: &Place,
    topology: &dyn Topology,
) -> BTreeMap<IpAddr, Unanswered> {
    let found = lb.vips().filter_map(|vip| {
        // Of a network that the Northbound does not have nothing can be said.
        let (switch, _) = vip_switch(vip, topology)?;
        let mut ports = topology.router_ports_on(&switch);
        ports.retain(|port| place.attached.routers.contains(&port.router.uuid));
        let inside = |port: &RouterPort| port.networks.iter().any(|network| network.contains(&vip.address));
        let why = if ports.is_empty() {
            Unanswered::NoRouter
        } else if ports.iter().any(inside) {
            return None;
        } else if ports.iter().any(|port| port.gateway) {
            Unanswered::OutsideGateway
        } else {
            Unanswered::OutsideInterfaces
        };
        Some((vip.address, why))
    });
    found.collect()
}

/// The option with which the router of the external network answers for a VIP in another of its subnets; `None` where no VIP needs
/// it, the connected OVN does not have it, or the flavor or an operator has decided.
pub(crate) fn option(
    unanswered: &BTreeMap<IpAddr, Unanswered>,
    options: &BTreeMap<String, String>,
    existing: &[Existing],
    around: Surroundings<'_>,
) -> Option<(String, String)> {
    let needed = unanswered.values().any(|why| *why == Unanswered::OutsideGateway);
    let missing = around.capabilities.missing_options.contains_key(NEIGHBOR_RESPONDER);
    let decided = options.contains_key(NEIGHBOR_RESPONDER) || by_operator(existing, around).is_some();
    (needed && !missing && !decided).then(|| (NEIGHBOR_RESPONDER.to_owned(), ALL.to_owned()))
}

/// Leaves those VIPs that nothing answers for with the row's options either.
pub(crate) fn still_unanswered(
    mut unanswered: BTreeMap<IpAddr, Unanswered>,
    options: &BTreeMap<String, String>,
    existing: &[Existing],
    around: Surroundings<'_>,
) -> BTreeMap<IpAddr, Unanswered> {
    let set = options.get(NEIGHBOR_RESPONDER).or_else(|| by_operator(existing, around));
    if set.is_some_and(|set| set == ALL) {
        unanswered.retain(|_, why| *why != Unanswered::OutsideGateway);
    }
    unanswered
}

/// What operators should know of VIPs that nothing answers for.
pub(crate) fn findings(lb: LoadBalancerId, unanswered: &BTreeMap<IpAddr, Unanswered>) -> Vec<Finding> {
    let finding = |(vip, why): (&IpAddr, &Unanswered)| {
        let (code, detail) = match why {
            Unanswered::NoRouter => (
                NO_ROUTER,
                format!(
                    "VIP {vip} is on a network that no router of the load balancer has a port on, so nothing answers ARP or neighbor \
                     discovery for it there; connect the network to a router, which needs no gateway"
                ),
            ),
            Unanswered::OutsideGateway => (
                OTHER_SUBNET,
                format!(
                    "VIP {vip} is in no subnet of the router's gateway port, so nothing answers ARP or neighbor discovery for it; \
                     take an address of the gateway's subnet, or have neighbor_responder be all (OVN 22.06)"
                ),
            ),
            Unanswered::OutsideInterfaces => (
                OTHER_SUBNET,
                format!(
                    "VIP {vip} is in no subnet that a router has an interface in, so nothing answers ARP or neighbor discovery for \
                     it; give the router an interface in the VIP's subnet"
                ),
            ),
        };
        Finding::new(code, ObjectRef::LoadBalancer(lb), detail)
    };
    unanswered.iter().map(finding).collect()
}

/// The option's value that an operator has set on a row by hand, which stays.
fn by_operator<'e>(existing: &'e [Existing], around: Surroundings<'_>) -> Option<&'e String> {
    existing.iter().find_map(|existing| {
        let set = existing.row.options.get(NEIGHBOR_RESPONDER)?;
        let ours = managed_options(&existing.row, around.words).any(|(key, _)| key == NEIGHBOR_RESPONDER);
        (!ours).then_some(set)
    })
}

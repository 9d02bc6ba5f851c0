//! Members behind several routers of one VIP outside.
//!
//! A VIP on a network where routers have their gateways is answered by one of them. A member that only another router reaches
//! gets no connections.

use std::collections::{BTreeMap, BTreeSet};

use weir_model::{LoadBalancer, ObjectRef, SubnetId};

use super::{Overlap, SEVERAL_ROUTERS, With};
use crate::{
    attach::{member_switch, serving, vip_switch},
    finding::Finding,
    topology::Topology,
};

/// How many subnets a text names.
const NAMED: usize = 4;

pub(super) fn several(lb: &LoadBalancer, topology: &dyn Topology, found: &mut Vec<Overlap>) {
    for vip in lb.vips() {
        let Some((switch, _)) = vip_switch(vip, topology) else { continue };
        let gateways: BTreeSet<_> = topology
            .router_ports_on(&switch)
            .into_iter()
            .filter(|port| port.gateway)
            .map(|port| port.router)
            .collect();
        if gateways.len() < 2 {
            continue;
        }
        let members = lb.pools.values().flat_map(|pool| pool.members.values());
        let subnets: BTreeSet<SubnetId> = members.filter_map(|member| member.subnet_id).collect();
        let mut behind = BTreeMap::new();
        for subnet in subnets {
            let Some((switch, cidrs)) = member_switch(lb, subnet, topology) else { continue };
            let routers: BTreeSet<_> =
                serving(&switch, &cidrs, topology).filter(|router| gateways.contains(router)).collect();
            if !routers.is_empty() {
                behind.insert(subnet, routers);
            }
        }
        let mut sets = behind.values().cloned();
        let Some(first) = sets.next() else { continue };
        if !sets.fold(first, |common, routers| &common & &routers).is_empty() {
            continue;
        }
        let named = |(subnet, routers): (&SubnetId, &BTreeSet<crate::topology::RouterRef>)| {
            let routers: Vec<_> = routers.iter().map(|router| router.name.as_str()).collect();
            format!("subnet {subnet} behind {}", routers.join(" and "))
        };
        let mut texts: Vec<_> = behind.iter().take(NAMED).map(named).collect();
        if behind.len() > NAMED {
            texts.push(format!("{} more", behind.len() - NAMED));
        }
        let detail = format!(
            "no router reaches all members from VIP {} outside ({}): members behind the router that does not answer for the VIP get no connections from outside; use one router, or one load balancer for each",
            vip.address,
            texts.join(", ")
        );
        found.push(Overlap {
            finding: Finding::new(SEVERAL_ROUTERS, ObjectRef::LoadBalancer(lb.id), detail),
            with: With::Itself,
            refused: false,
        });
    }
}

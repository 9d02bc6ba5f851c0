//! A small network.

use std::net::IpAddr;

use super::*;

/// A public and a private network joined by one router.
pub struct Net;

impl Net {
    fn switch_of(network: &str) -> Switch {
        let uuid: NetworkId = id(network);
        Switch { uuid: uuid.uuid(), name: format!("neutron-{network}"), provider: false }
    }
    fn router() -> RouterRef {
        RouterRef { name: format!("neutron-{ROUTER}"), uuid: id::<PortId>(ROUTER).uuid() }
    }
}

impl Topology for Net {
    fn switch(&self, name: &str) -> Option<Switch> {
        [PUBLIC, PRIVATE].map(Net::switch_of).into_iter().find(|switch| switch.name == name)
    }
    fn port(&self, _: PortId) -> Option<Port> {
        None
    }
    fn router_ports_on(&self, switch: &Switch) -> Vec<RouterPort> {
        self.ports_of(&Net::router())
            .into_iter()
            .filter(|p| p.switch_name.as_ref() == Some(&switch.name))
            .collect()
    }
    fn ports_of(&self, _: &RouterRef) -> Vec<RouterPort> {
        let port = |cidr: &str, network: &str, gateway: bool| RouterPort {
            router: Net::router(),
            networks: vec![cidr.parse().unwrap()],
            switch_name: Some(format!("neutron-{network}")),
            gateway,
            interface: !gateway,
            peer: Some(format!("to {network} {cidr}")),
        };
        vec![
            port("10.10.10.1/24", PRIVATE, false),
            port("fd00:10::1/64", PRIVATE, false),
            port("172.24.4.2/24", PUBLIC, true),
        ]
    }
    fn subnet(&self, subnet: SubnetId) -> Option<Subnet> {
        let (network, cidr) = match subnet.to_string().as_str() {
            PUBLIC_SUBNET => (PUBLIC, "172.24.4.0/24"),
            PRIVATE_SUBNET => (PRIVATE, "10.10.10.0/24"),
            PRIVATE_SUBNET6 => (PRIVATE, "fd00:10::/64"),
            _ => return None,
        };
        Some(Subnet { switch: Some(Net::switch_of(network)), cidrs: vec![cidr.parse().unwrap()] })
    }
    fn floating_ips(&self, port: PortId, address: &IpAddr) -> Vec<IpAddr> {
        // Every IPv4 address of a port with an odd id has one.
        let floating = port.uuid().as_u128() % 2 == 1 && address.is_ipv4();
        floating.then(|| "172.24.4.200".parse().unwrap()).into_iter().collect()
    }
    fn member_floating_ips(&self, _: PortId, _: &IpAddr) -> Vec<FloatingIp> {
        Vec::new()
    }
    fn centralised_for(&self, _: LoadBalancerId) -> Vec<FloatingIp> {
        Vec::new()
    }
    fn port_at(&self, switch: &Switch, cidrs: &[IpNet], address: &IpAddr) -> Option<String> {
        cidrs.iter().any(|cidr| cidr.contains(address)).then(|| format!("{}/{address}", switch.name))
    }
    fn source_of(&self, subnet: SubnetId, _: &Switch, ipv4: bool) -> Option<IpAddr> {
        match (subnet.to_string().as_str(), ipv4) {
            (PRIVATE_SUBNET, true) => Some("10.10.10.100".parse().unwrap()),
            (PRIVATE_SUBNET6, false) => Some("fd00:10::100".parse().unwrap()),
            (PUBLIC_SUBNET, true) => Some("172.24.4.100".parse().unwrap()),
            _ => None,
        }
    }
    fn acls(&self, _: LoadBalancerId) -> Vec<ExistingAcl> {
        Vec::new()
    }
}

/// The network with the rules that stand in its switches.
pub struct Around<'n>(pub &'n Northbound);

impl Topology for Around<'_> {
    fn switch(&self, name: &str) -> Option<Switch> {
        Net.switch(name)
    }
    fn port(&self, id: PortId) -> Option<Port> {
        Net.port(id)
    }
    fn router_ports_on(&self, switch: &Switch) -> Vec<RouterPort> {
        Net.router_ports_on(switch)
    }
    fn ports_of(&self, router: &RouterRef) -> Vec<RouterPort> {
        Net.ports_of(router)
    }
    fn subnet(&self, subnet: SubnetId) -> Option<Subnet> {
        Net.subnet(subnet)
    }
    fn floating_ips(&self, port: PortId, address: &IpAddr) -> Vec<IpAddr> {
        Net.floating_ips(port, address)
    }
    fn member_floating_ips(&self, port: PortId, address: &IpAddr) -> Vec<FloatingIp> {
        Net.member_floating_ips(port, address)
    }
    fn centralised_for(&self, lb: LoadBalancerId) -> Vec<FloatingIp> {
        Net.centralised_for(lb)
    }
    fn port_at(&self, switch: &Switch, cidrs: &[IpNet], address: &IpAddr) -> Option<String> {
        let has_one = !self.0.portless.contains(address);
        Net.port_at(switch, cidrs, address).filter(|_| has_one)
    }
    fn source_of(&self, subnet: SubnetId, switch: &Switch, ipv4: bool) -> Option<IpAddr> {
        let has_one = !self.0.sourceless.contains(&subnet);
        Net.source_of(subnet, switch, ipv4).filter(|_| has_one)
    }
    fn acls(&self, _: LoadBalancerId) -> Vec<ExistingAcl> {
        // Returns more than was asked for: the planner must filter by load balancer.
        self.0.acls.iter().cloned().collect()
    }
}

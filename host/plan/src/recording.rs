//! What a plan has looked up in the network, so that it can be made again when one of the answers becomes another.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    hash::{DefaultHasher, Hash, Hasher},
    net::IpAddr,
};

use ipnet::IpNet;
use uuid::Uuid;
use weir_model::{LoadBalancerId, PortId, SubnetId};

use crate::{
    acls::ExistingAcl,
    centralised::FloatingIp,
    overlap::{EndpointCheck, VipHolder},
    topology::{Port, RouterPort, RouterRef, Subnet, Switch, Topology},
};

/// A question to the network.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lookup {
    /// [`Topology::switch`].
    Switch(String),
    /// [`Topology::port`].
    Port(PortId),
    /// [`Topology::router_ports_on`].
    RouterPortsOn(Switch),
    /// [`Topology::ports_of`].
    PortsOf(RouterRef),
    /// [`Topology::subnet`].
    Subnet(SubnetId),
    /// [`Topology::floating_ips`].
    FloatingIps(PortId, IpAddr),
    /// [`Topology::member_floating_ips`].
    MemberFloatingIps(PortId, IpAddr),
    /// [`Topology::router_floating_ips`].
    RouterFloatingIps(RouterRef, IpAddr),
    /// [`Topology::centralised_for`].
    CentralisedFor(LoadBalancerId),
    /// [`Topology::port_at`].
    PortAt(Switch, Vec<IpNet>, IpAddr),
    /// [`Topology::is_down`].
    IsDown(String),
    /// [`Topology::source_of`].
    SourceOf(SubnetId, Switch, bool),
    /// [`Topology::acls`].
    Acls(LoadBalancerId),
    /// [`Topology::vips_at`].
    VipsAt(IpAddr, LoadBalancerId),
    /// [`Topology::checks_on`], where there were any: most members are probed by one load balancer.
    ChecksOn(IpAddr, LoadBalancerId),
}

/// What a change in the network is about: questions with this key may have another answer now.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Key {
    /// A switch's name.
    Switch(String),
    /// A port's id.
    Port(PortId),
    /// The name of a switch that routers have ports on.
    RouterPortsOn(String),
    /// A router's row.
    Router(Uuid),
    /// A subnet.
    Subnet(SubnetId),
    /// The floating IPs of a port.
    FloatingIps(PortId),
    /// An address that floating IPs stand for, on some router.
    LogicalIp(IpAddr),
    /// The floating IPs that were made central for a load balancer.
    CentralisedFor(LoadBalancerId),
    /// An address on some switch.
    Address(IpAddr),
    /// Whether a switch port, by its name, is up.
    PortState(String),
    /// The port that health checks of a subnet are sent from.
    Source(SubnetId),
    /// The rules of switches for a load balancer.
    Acls(LoadBalancerId),
    /// An address that is a VIP.
    Vip(IpAddr),
    /// An address that is probed.
    Probed(IpAddr),
}

impl Lookup {
    /// The key of the changes that may change the answer.
    pub fn key(&self) -> Key {
        match self {
            Self::Switch(name) => Key::Switch(name.clone()),
            Self::Port(id) => Key::Port(*id),
            Self::RouterPortsOn(switch) => Key::RouterPortsOn(switch.name.clone()),
            Self::PortsOf(router) => Key::Router(router.uuid),
            Self::Subnet(id) => Key::Subnet(*id),
            Self::FloatingIps(port, _) | Self::MemberFloatingIps(port, _) => Key::FloatingIps(*port),
            Self::RouterFloatingIps(_, address) => Key::LogicalIp(*address),
            Self::CentralisedFor(lb) => Key::CentralisedFor(*lb),
            Self::PortAt(_, _, address) => Key::Address(*address),
            Self::IsDown(port) => Key::PortState(port.clone()),
            Self::SourceOf(subnet, _, _) => Key::Source(*subnet),
            Self::Acls(lb) => Key::Acls(*lb),
            Self::VipsAt(address, _) => Key::Vip(*address),
            Self::ChecksOn(address, _) => Key::Probed(*address),
        }
    }

    /// Asks again.
    pub fn answer(&self, topology: &dyn Topology) -> Fingerprint {
        match self {
            Self::Switch(name) => fingerprint(&topology.switch(name)),
            Self::Port(id) => fingerprint(&topology.port(*id)),
            Self::RouterPortsOn(switch) => fingerprint(&topology.router_ports_on(switch)),
            Self::PortsOf(router) => fingerprint(&topology.ports_of(router)),
            Self::Subnet(id) => fingerprint(&topology.subnet(*id)),
            Self::FloatingIps(port, address) => fingerprint(&topology.floating_ips(*port, address)),
            Self::MemberFloatingIps(port, address) => {
                fingerprint(&topology.member_floating_ips(*port, address))
            }
            Self::RouterFloatingIps(router, address) => {
                fingerprint(&topology.router_floating_ips(router, address))
            }
            Self::CentralisedFor(lb) => fingerprint(&topology.centralised_for(*lb)),
            Self::PortAt(switch, cidrs, address) => fingerprint(&topology.port_at(switch, cidrs, address)),
            Self::IsDown(port) => fingerprint(&topology.is_down(port)),
            Self::SourceOf(subnet, switch, ipv4) => fingerprint(&topology.source_of(*subnet, switch, *ipv4)),
            Self::Acls(lb) => fingerprint(&topology.acls(*lb)),
            Self::VipsAt(address, except) => fingerprint(&topology.vips_at(address, *except)),
            Self::ChecksOn(address, except) => fingerprint(&topology.checks_on(address, *except)),
        }
    }
}

/// Stands for a value, within one process: equal values have equal ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint(u64);

/// The fingerprint of a value.
pub fn fingerprint(value: &impl Hash) -> Fingerprint {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    Fingerprint(hasher.finish())
}

/// Questions with the fingerprints of their answers, also where nothing was found.
pub type Lookups = BTreeMap<Lookup, Fingerprint>;

/// A network that notes what it is asked.
pub struct Recording<'a> {
    topology: &'a dyn Topology,
    lookups: RefCell<Lookups>,
}

impl<'a> Recording<'a> {
    /// Answers as `topology` does.
    pub fn new(topology: &'a dyn Topology) -> Self {
        Self { topology, lookups: RefCell::default() }
    }

    /// What was asked.
    pub fn into_lookups(self) -> Lookups {
        self.lookups.into_inner()
    }

    fn note<T: Hash>(&self, lookup: Lookup, answer: T) -> T {
        self.lookups.borrow_mut().insert(lookup, fingerprint(&answer));
        answer
    }
}

impl Topology for Recording<'_> {
    fn switch(&self, name: &str) -> Option<Switch> {
        self.note(Lookup::Switch(name.to_owned()), self.topology.switch(name))
    }

    fn port(&self, id: PortId) -> Option<Port> {
        self.note(Lookup::Port(id), self.topology.port(id))
    }

    fn router_ports_on(&self, switch: &Switch) -> Vec<RouterPort> {
        self.note(Lookup::RouterPortsOn(switch.clone()), self.topology.router_ports_on(switch))
    }

    fn ports_of(&self, router: &RouterRef) -> Vec<RouterPort> {
        self.note(Lookup::PortsOf(router.clone()), self.topology.ports_of(router))
    }

    fn subnet(&self, id: SubnetId) -> Option<Subnet> {
        self.note(Lookup::Subnet(id), self.topology.subnet(id))
    }

    fn floating_ips(&self, port: PortId, address: &IpAddr) -> Vec<IpAddr> {
        self.note(Lookup::FloatingIps(port, *address), self.topology.floating_ips(port, address))
    }

    fn member_floating_ips(&self, port: PortId, address: &IpAddr) -> Vec<FloatingIp> {
        let answer = self.topology.member_floating_ips(port, address);
        self.note(Lookup::MemberFloatingIps(port, *address), answer)
    }

    fn router_floating_ips(&self, router: &RouterRef, address: &IpAddr) -> Vec<FloatingIp> {
        let answer = self.topology.router_floating_ips(router, address);
        self.note(Lookup::RouterFloatingIps(router.clone(), *address), answer)
    }

    fn centralised_for(&self, lb: LoadBalancerId) -> Vec<FloatingIp> {
        self.note(Lookup::CentralisedFor(lb), self.topology.centralised_for(lb))
    }

    fn port_at(&self, switch: &Switch, cidrs: &[IpNet], address: &IpAddr) -> Option<String> {
        let lookup = Lookup::PortAt(switch.clone(), cidrs.to_vec(), *address);
        self.note(lookup, self.topology.port_at(switch, cidrs, address))
    }

    fn is_down(&self, port: &str) -> bool {
        self.note(Lookup::IsDown(port.to_owned()), self.topology.is_down(port))
    }

    fn source_of(&self, subnet: SubnetId, switch: &Switch, ipv4: bool) -> Option<IpAddr> {
        let lookup = Lookup::SourceOf(subnet, switch.clone(), ipv4);
        self.note(lookup, self.topology.source_of(subnet, switch, ipv4))
    }

    fn acls(&self, lb: LoadBalancerId) -> Vec<ExistingAcl> {
        self.note(Lookup::Acls(lb), self.topology.acls(lb))
    }

    fn vips_at(&self, address: &IpAddr, except: LoadBalancerId) -> Vec<VipHolder> {
        self.note(Lookup::VipsAt(*address, except), self.topology.vips_at(address, except))
    }

    fn is_vip(&self, address: &IpAddr) -> bool {
        self.topology.is_vip(address)
    }

    fn checks_on(&self, address: &IpAddr, except: LoadBalancerId) -> Vec<EndpointCheck> {
        match self.topology.checks_on(address, except) {
            none if none.is_empty() => none,
            some => self.note(Lookup::ChecksOn(*address, except), some),
        }
    }
}

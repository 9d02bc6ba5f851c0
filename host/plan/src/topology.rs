//! The network around load balancers, as far as attaching them needs it. The replica implements [`Topology`] with its
//! indexes; tests implement it with a table.

use std::net::IpAddr;

use ipnet::IpNet;
use uuid::Uuid;
use weir_model::{LoadBalancerId, NetworkId, PortId, SubnetId};

use crate::acls::ExistingAcl;
use crate::centralised::FloatingIp;
use crate::overlap::{EndpointCheck, VipHolder};

/// A `Logical_Switch`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Switch {
    /// `_uuid`.
    pub uuid: Uuid,
    /// `neutron-<network id>`.
    pub name: String,
    /// A provider network (`neutron:provnet-physical-network`): load balancers on it would catch traffic that only
    /// passes, so it does not get them for a VIP's or a member's sake; only where one of their routers has an interface on it.
    pub provider: bool,
}

/// A `Logical_Switch_Port` and where it is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Port {
    /// Its switch.
    pub switch: Switch,
    /// `neutron:cidrs`: its addresses with their subnets' prefix lengths.
    pub cidrs: Vec<IpNet>,
}

/// A `Logical_Router`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RouterRef {
    /// `neutron-<router id>`.
    pub name: String,
    /// `_uuid`.
    pub uuid: Uuid,
}

/// A `Logical_Router_Port` and the router it belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RouterPort {
    /// Its router.
    pub router: RouterRef,
    /// Addresses with prefix lengths, the first one deciding its IP version.
    pub networks: Vec<IpNet>,
    /// `neutron:network_name`: the switch it connects.
    pub switch_name: Option<String>,
    /// The router's way outside (`gateway_chassis` or `ha_chassis_group`).
    pub gateway: bool,
    /// A Neutron router interface, not a gateway (`neutron:device_owner` of the switch's side).
    pub interface: bool,
    /// The name of the switch's port that is wired to it.
    pub peer: Option<String>,
}

/// Where a Neutron subnet is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Subnet {
    /// The switch of its network, where the replica tells it.
    pub switch: Option<Switch>,
    /// Its CIDR; more than one where a router port serves several subnets and does not say which is which.
    pub cidrs: Vec<IpNet>,
}

/// Look-ups in the network.
pub trait Topology {
    /// A switch by its name.
    fn switch(&self, name: &str) -> Option<Switch>;
    /// A switch port by its name, which is the Neutron port's id.
    fn port(&self, id: PortId) -> Option<Port>;
    /// The router ports that are connected to a switch.
    fn router_ports_on(&self, switch: &Switch) -> Vec<RouterPort>;
    /// All ports of a router.
    fn ports_of(&self, router: &RouterRef) -> Vec<RouterPort>;
    /// A subnet, from the DHCP options and the router port that name it, else from the port that health checks of it are sent from.
    fn subnet(&self, id: SubnetId) -> Option<Subnet>;
    /// The floating IPs that stand for an address of a port, in order.
    fn floating_ips(&self, port: PortId, address: &IpAddr) -> Vec<IpAddr>;
    /// The floating IPs of a member: those that stand for an address of its port.
    fn member_floating_ips(&self, port: PortId, address: &IpAddr) -> Vec<FloatingIp>;
    /// The floating IPs of a router that stand for an address, whichever port has it.
    fn router_floating_ips(&self, _router: &RouterRef, _address: &IpAddr) -> Vec<FloatingIp> {
        Vec::new()
    }
    /// The floating IPs that were made central for a load balancer.
    fn centralised_for(&self, lb: LoadBalancerId) -> Vec<FloatingIp>;
    /// The name of the switch port that holds an address of a subnet with these CIDRs.
    fn port_at(&self, switch: &Switch, cidrs: &[IpNet], address: &IpAddr) -> Option<String>;
    /// Whether a switch port, by its name, is an ordinary one (its type is empty) that OVN says is not up: no chassis has it,
    /// or its machine is off. False where OVN says nothing.
    fn is_down(&self, _port: &str) -> bool {
        false
    }
    /// The address from which health checks are sent into a subnet: that of the port which [`source_port_name`] names.
    fn source_of(&self, subnet: SubnetId, switch: &Switch, ipv4: bool) -> Option<IpAddr>;
    /// The rules of switches that say they are for a load balancer, in order; one in several switches is told for each.
    fn acls(&self, lb: LoadBalancerId) -> Vec<ExistingAcl>;
    /// The VIPs of other load balancers that have an address, in order, on whatever network.
    fn vips_at(&self, _address: &IpAddr, _except: LoadBalancerId) -> Vec<VipHolder> {
        Vec::new()
    }
    /// Whether some load balancer has a VIP with an address, on whatever network.
    fn is_vip(&self, _address: &IpAddr) -> bool {
        false
    }
    /// What other load balancers probe at an address, in order, on whatever network.
    fn checks_on(&self, _address: &IpAddr, _except: LoadBalancerId) -> Vec<EndpointCheck> {
        Vec::new()
    }
}

/// How the name of a network's switch begins.
pub const SWITCH_PREFIX: &str = "neutron-";

/// On a floating IP's `external_ids`: the Neutron port it stands for.
pub const FLOATING_IP_PORT: &str = "neutron:fip_port_id";

/// On a provider network's switch (`external_ids`).
pub const PROVIDER_KEY: &str = "neutron:provnet-physical-network";

/// How the name of a port begins that health checks are sent from; its subnet's id follows.
pub const SOURCE_PORT_PREFIX: &str = "ovn-lb-hm-";

/// The device owner of such a port.
pub const SOURCE_PORT_OWNER: &str = "ovn-lb-hm:distributed";

/// Neutron's name of the port whose address health checks of a subnet are sent from; the reference driver's.
pub fn source_port_name(subnet: SubnetId) -> String {
    format!("{SOURCE_PORT_PREFIX}{subnet}")
}

/// The name Neutron gives to a network's switch.
pub fn switch_name(network: NetworkId) -> String {
    format!("{SWITCH_PREFIX}{network}")
}

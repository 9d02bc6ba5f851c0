//! The network, from the replica's indexes. Keys are those that Neutron's ML2/OVN driver writes.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use ipnet::IpNet;
use uuid::Uuid;
use weir_model::{LoadBalancerId, PortId, SubnetId};
use weir_ovsdb::{Datum, Replica, Row};
use weir_plan::{
    Acl, EndpointCheck, ExistingAcl, FloatingIp, Port, RouterPort, RouterRef, Subnet, Switch, Topology,
    VipHolder, acls,
    topology::{SOURCE_PORT_OWNER, source_port_name},
};

use super::{monitor, overlap};

/// A table that came with OVN 26.03, from which on health checks may be sent from a router's address in the subnet, and no
/// port has to be made for them. Unproven: such an OVN was not to be had for Weir's tests, which have only its schema.
const ROUTERS_ARE_SOURCES_WITH: &str = "Logical_Switch_Port_Health_Check";

/// The replica as a network.
pub struct ReplicaTopology<'r>(pub &'r Replica);

impl Topology for ReplicaTopology<'_> {
    fn switch(&self, name: &str) -> Option<Switch> {
        self.0.find("Logical_Switch", &monitor::by_name(), name).next().map(|(uuid, row)| switch(uuid, row))
    }

    fn port(&self, id: PortId) -> Option<Port> {
        let (uuid, row) = self.0.find("Logical_Switch_Port", &monitor::by_name(), &id.to_string()).next()?;
        Some(Port {
            switch: self.switch_of(&uuid)?,
            cidrs: networks(row.map_value("external_ids", monitor::CIDRS)),
        })
    }

    fn router_ports_on(&self, switch: &Switch) -> Vec<RouterPort> {
        let ports = self.0.find("Logical_Router_Port", &monitor::by_network_name(), &switch.name);
        ports.filter_map(|(uuid, row)| self.router_port(&uuid, row)).collect()
    }

    fn ports_of(&self, router: &RouterRef) -> Vec<RouterPort> {
        let ports = self.0.get("Logical_Router", &router.uuid).and_then(|router| router.get("ports"));
        let ports = ports.into_iter().flat_map(|ports| ports.uuids());
        ports.filter_map(|uuid| self.router_port(&uuid, self.0.get("Logical_Router_Port", &uuid)?)).collect()
    }

    fn subnet(&self, id: SubnetId) -> Option<Subnet> {
        let name = id.to_string();
        let mut subnet: Option<Subnet> = None;
        let dhcp = self.0.find("DHCP_Options", &monitor::by_subnet("subnet_id"), &name);
        let dhcp: BTreeMap<Uuid, &Row> = dhcp.collect();
        let port =
            self.0.find("Logical_Router_Port", &monitor::by_subnet("neutron:subnet_ids"), &name).next();
        if let Some((_, row)) = port {
            let subnet = subnet.get_or_insert_default();
            subnet.switch =
                row.map_value("external_ids", "neutron:network_name").and_then(|name| self.switch(name));
            subnet.cidrs = port_networks(row);
        }
        for (uuid, row) in dhcp {
            let subnet = subnet.get_or_insert_default();
            // The DHCP options have exactly this subnet's CIDR; a router port may serve several.
            if let Some(cidr) = row.str("cidr").and_then(|cidr| cidr.parse().ok()) {
                subnet.cidrs = vec![cidr];
            }
            if subnet.switch.is_none() {
                subnet.switch = self.switch_with_dhcp(&uuid);
            }
        }
        if subnet.as_ref().is_some_and(|subnet| subnet.switch.is_some()) {
            return subnet;
        }
        self.subnet_of_source_port(id).or(subnet)
    }

    fn floating_ips(&self, port: PortId, address: &IpAddr) -> Vec<IpAddr> {
        let rows = self.nat_of(port, address);
        let mut found: Vec<_> = rows.filter_map(|(_, row)| address_in(row, "external_ip")).collect();
        found.sort_unstable();
        found.dedup();
        found
    }

    fn member_floating_ips(&self, port: PortId, address: &IpAddr) -> Vec<FloatingIp> {
        sorted(self.nat_of(port, address).map(floating_ip))
    }

    fn router_floating_ips(&self, router: &RouterRef, address: &IpAddr) -> Vec<FloatingIp> {
        let router = self.0.get("Logical_Router", &router.uuid);
        let of_router: BTreeSet<Uuid> =
            router.and_then(|row| row.get("nat")).into_iter().flat_map(Datum::uuids).collect();
        let rows = self.0.find("NAT", &monitor::by_logical_ip(), &address.to_string());
        let rows = rows.filter(|(uuid, row)| {
            // Neutron's own: others are not written to.
            let neutrons = row.map_value("external_ids", monitor::FLOATING_IP_PORT).is_some();
            neutrons && row.str("type") == Some("dnat_and_snat") && of_router.contains(uuid)
        });
        sorted(rows.map(floating_ip))
    }

    fn centralised_for(&self, lb: LoadBalancerId) -> Vec<FloatingIp> {
        sorted(self.0.find("NAT", &monitor::by_centralised_for(), &lb.to_string()).map(floating_ip))
    }

    fn port_at(&self, switch: &Switch, cidrs: &[IpNet], address: &IpAddr) -> Option<String> {
        let mut lengths: Vec<_> =
            cidrs.iter().filter(|cidr| cidr.contains(address)).map(IpNet::prefix_len).collect();
        lengths.sort_unstable();
        lengths.dedup();
        lengths.into_iter().find_map(|length| {
            let key = format!("{address}/{length}");
            let ports = self.0.find("Logical_Switch_Port", &monitor::by_cidr(), &key);
            let mut names: Vec<_> = ports
                // OVN probes no port that is down by somebody's will, and gives it no connections.
                .filter(|(_, row)| row.get("enabled").and_then(weir_ovsdb::Datum::as_bool) != Some(false))
                .filter(|(uuid, _)| self.switch_of(uuid).is_some_and(|on| on.uuid == switch.uuid))
                .filter_map(|(_, row)| row.str("name").map(str::to_owned))
                .collect();
            names.sort_unstable();
            names.into_iter().next()
        })
    }

    fn is_down(&self, port: &str) -> bool {
        let row = self.0.find("Logical_Switch_Port", &monitor::by_name(), port).next();
        row.is_some_and(|(_, row)| {
            row.str("type").is_none_or(str::is_empty) && row.get("up").and_then(Datum::as_bool) == Some(false)
        })
    }

    fn source_of(&self, subnet: SubnetId, switch: &Switch, ipv4: bool) -> Option<IpAddr> {
        let routers = self.0.schema().is_some_and(|schema| schema.has_table(ROUTERS_ARE_SOURCES_WITH));
        if let Some(address) = routers.then(|| self.router_in(subnet, switch, ipv4)).flatten() {
            return Some(address);
        }
        let name = source_port_name(subnet);
        let ports = self.0.find("Logical_Switch_Port", &monitor::by_port_name(), &name);
        let mut addresses: Vec<_> = ports
            .filter(|(uuid, _)| self.switch_of(uuid).is_some_and(|on| on.uuid == switch.uuid))
            .flat_map(|(_, row)| networks(row.map_value("external_ids", monitor::CIDRS)))
            .map(|network| network.addr())
            .filter(|address| address.is_ipv4() == ipv4)
            .collect();
        addresses.sort_unstable();
        addresses.into_iter().next()
    }

    fn acls(&self, lb: LoadBalancerId) -> Vec<ExistingAcl> {
        let by_key = self.0.find("ACL", &monitor::by_our_key(), &lb.to_string());
        let by_name = self.0.find("ACL", &monitor::by_name(), &acls::name(lb));
        let rows: BTreeMap<Uuid, &Row> = by_key.chain(by_name).collect();
        rows.into_iter().flat_map(|(uuid, row)| self.acl(uuid, row)).collect()
    }

    fn vips_at(&self, address: &IpAddr, except: LoadBalancerId) -> Vec<VipHolder> {
        overlap::vips_at(self.0, address, except)
    }

    fn is_vip(&self, address: &IpAddr) -> bool {
        overlap::is_vip(self.0, address)
    }

    fn checks_on(&self, address: &IpAddr, except: LoadBalancerId) -> Vec<EndpointCheck> {
        overlap::checks_on(self.0, address, except)
    }
}

impl ReplicaTopology<'_> {
    /// The project of a switch port, by its name.
    pub fn project_of(&self, port: &str) -> Option<String> {
        let (_, row) = self.0.find("Logical_Switch_Port", &monitor::by_name(), port).next()?;
        row.map_value("external_ids", "neutron:project_id").map(str::to_owned)
    }

    /// The Neutron network that a switch port, by its name, is on.
    pub fn network_of(&self, port: &str) -> Option<Uuid> {
        let (uuid, _) = self.0.find("Logical_Switch_Port", &monitor::by_name(), port).next()?;
        self.switch_of(&uuid)?.name.strip_prefix("neutron-")?.parse().ok()
    }

    /// The floating IPs that stand for an address of a port.
    fn nat_of(&self, port: PortId, address: &IpAddr) -> impl Iterator<Item = (Uuid, &Row)> {
        let rows = self.0.find("NAT", &monitor::by_floating_ip_port(), &port.to_string());
        rows.filter(|(_, row)| {
            row.str("type") == Some("dnat_and_snat")
                && address_in(row, "logical_ip").as_ref() == Some(address)
        })
    }

    /// A subnet as the port says that health checks of it are sent from: all that the Northbound has of a subnet without DHCP and
    /// router. Ports are named by their users, so type and owner count too.
    fn subnet_of_source_port(&self, id: SubnetId) -> Option<Subnet> {
        let ports = self.0.find("Logical_Switch_Port", &monitor::by_port_name(), &source_port_name(id));
        let ports = ports.filter(|(_, row)| {
            row.str("type") == Some("localport")
                && row.map_value("external_ids", monitor::DEVICE_OWNER) == Some(SOURCE_PORT_OWNER)
        });
        let subnets = ports.filter_map(|(uuid, row)| {
            let cidrs =
                networks(row.map_value("external_ids", monitor::CIDRS)).iter().map(IpNet::trunc).collect();
            Some((row.str("name")?.to_owned(), Subnet { switch: Some(self.switch_of(&uuid)?), cidrs }))
        });
        subnets.min_by(|one, other| one.0.cmp(&other.0)).map(|(_, subnet)| subnet)
    }

    /// The address of a router in a subnet, the lowest where it has several.
    fn router_in(&self, subnet: SubnetId, switch: &Switch, ipv4: bool) -> Option<IpAddr> {
        let cidrs = self.subnet(subnet)?.cidrs;
        let id = subnet.to_string();
        let ports = self.0.find("Logical_Router_Port", &monitor::by_subnet(monitor::SUBNETS), &id);
        let here = |port: &RouterPort| port.interface && port.switch_name.as_ref() == Some(&switch.name);
        let ports = ports.filter_map(|(uuid, row)| self.router_port(&uuid, row)).filter(here);
        let networks = ports.flat_map(|port| port.networks);
        let inside = networks.filter(|network| {
            network.addr().is_ipv4() == ipv4 && cidrs.iter().any(|cidr| cidr.trunc() == network.trunc())
        });
        inside.map(|network| network.addr()).min()
    }

    fn switch_of(&self, port: &Uuid) -> Option<Switch> {
        self.0.find_references("Logical_Switch", "ports", port).next().map(|(uuid, row)| switch(uuid, row))
    }

    fn acl(&self, uuid: Uuid, row: &Row) -> impl Iterator<Item = ExistingAcl> {
        let text = |column: &str| row.str(column).unwrap_or_default().to_owned();
        let switches = self.0.find_references("Logical_Switch", "acls", &uuid);
        switches.map(move |(switch, _)| ExistingAcl {
            uuid,
            acl: Acl {
                switch,
                direction: text("direction"),
                priority: row.get("priority").and_then(Datum::as_int).unwrap_or_default(),
                matches: text("match"),
                action: text("action"),
                name: text("name"),
                external_ids: row.get("external_ids").map(Datum::string_map).unwrap_or_default(),
            },
        })
    }

    fn switch_with_dhcp(&self, dhcp: &Uuid) -> Option<Switch> {
        ["dhcpv4_options", "dhcpv6_options"].into_iter().find_map(|column| {
            let (port, _) = self.0.find_references("Logical_Switch_Port", column, dhcp).next()?;
            self.switch_of(&port)
        })
    }

    fn router_port(&self, uuid: &Uuid, row: &Row) -> Option<RouterPort> {
        let (router, router_row) = self.0.find_references("Logical_Router", "ports", uuid).next()?;
        let name = row.str("name").unwrap_or_default();
        let peer = self.0.find("Logical_Switch_Port", &monitor::by_router_port(), name).next();
        let owner = peer.and_then(|(_, port)| port.map_value("external_ids", monitor::DEVICE_OWNER));
        let peer = peer.and_then(|(_, port)| port.str("name")).map(str::to_owned);
        let has = |column: &str| row.get(column).is_some_and(|datum| !datum.is_empty());
        Some(RouterPort {
            router: RouterRef { name: router_row.str("name").unwrap_or_default().to_owned(), uuid: router },
            networks: port_networks(row),
            switch_name: row.map_value("external_ids", "neutron:network_name").map(str::to_owned),
            gateway: has("gateway_chassis") || has("ha_chassis_group"),
            interface: owner.is_some_and(|owner| owner.starts_with("network:router_interface")),
            peer,
        })
    }
}

fn address_in(row: &Row, column: &str) -> Option<IpAddr> {
    row.str(column)?.parse().ok()
}

fn floating_ip((uuid, row): (Uuid, &Row)) -> FloatingIp {
    FloatingIp {
        uuid,
        external_mac: row.str("external_mac").map(str::to_owned),
        logical_port: row.str("logical_port").map(str::to_owned),
        external_ids: row.get("external_ids").map(weir_ovsdb::Datum::string_map).unwrap_or_default(),
    }
}

fn sorted(found: impl Iterator<Item = FloatingIp>) -> Vec<FloatingIp> {
    let mut found: Vec<_> = found.collect();
    found.sort_unstable();
    found
}

fn switch(uuid: Uuid, row: &Row) -> Switch {
    Switch {
        uuid,
        name: row.str("name").unwrap_or_default().to_owned(),
        provider: row.map_value("external_ids", "neutron:provnet-physical-network").is_some(),
    }
}

fn port_networks(row: &Row) -> Vec<IpNet> {
    let networks = row.get("networks").into_iter().flat_map(|networks| networks.strings());
    networks.filter_map(|network| network.parse().ok()).collect()
}

fn networks(text: Option<&str>) -> Vec<IpNet> {
    text.unwrap_or_default().split_whitespace().filter_map(|network| network.parse().ok()).collect()
}

//! What a change of the replica is about: load balancers' own rows, and questions to the network that may have other answers
//! now. Nothing is looked through: every step is a look-up in an index or a row's own column.
//!
//! The replica may have gone on since the change. That does no harm: what came after is told by a change of its own.

use std::{collections::BTreeSet, net::IpAddr};

use ipnet::IpNet;
use uuid::Uuid;
use weir_model::LoadBalancerId;
use weir_ovsdb::{Replica, Row, RowChanged};
use weir_plan::{
    acls, keys,
    recording::Key,
    topology::{PROVIDER_KEY, SOURCE_PORT_PREFIX},
};

use super::{monitor, overlap, rows};

/// What may be otherwise now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Affected {
    /// Load balancers whose own rows or attachments changed.
    pub load_balancers: BTreeSet<LoadBalancerId>,
    /// Questions to the network.
    pub keys: BTreeSet<Key>,
}

/// Reads off what changed rows are about.
pub fn affected<'c>(replica: &Replica, changed: impl IntoIterator<Item = &'c RowChanged>) -> Affected {
    let mut look = Look { replica, found: Affected::default() };
    for changed in changed {
        let now = replica.get(&changed.table, &changed.id);
        match &*changed.table {
            "Load_Balancer" => look.load_balancer(changed, now),
            "Load_Balancer_Health_Check" => look.health_check(changed),
            "Logical_Switch" => look.switch(changed, now),
            "Logical_Switch_Port" => look.switch_port(changed, now),
            "Logical_Router" => look.router(changed, now),
            "Logical_Router_Port" => look.router_port(changed, now),
            "NAT" => look.nat(changed, now),
            "ACL" => look.acl(changed, now),
            "DHCP_Options" => look.dhcp_options(changed, now),
            _ => {}
        }
    }
    look.found
}

struct Look<'r> {
    replica: &'r Replica,
    found: Affected,
}

/// The old and the new value of a string column.
fn strings<'a>(changed: &'a RowChanged, now: Option<&'a Row>, column: &str) -> impl Iterator<Item = &'a str> {
    [changed.old_str(column), now.and_then(|row| row.str(column))].into_iter().flatten()
}

/// The old and the new value of a key in `external_ids`.
fn ids<'a>(changed: &'a RowChanged, now: Option<&'a Row>, key: &str) -> impl Iterator<Item = &'a str> {
    values(changed, now, "external_ids", key)
}

/// The old and the new value of a key.
fn values<'a>(
    changed: &'a RowChanged,
    now: Option<&'a Row>,
    column: &str,
    key: &str,
) -> impl Iterator<Item = &'a str> {
    [changed.old_map_value(column, key), now.and_then(|row| row.map_value(column, key))].into_iter().flatten()
}

/// The addresses of a `neutron:cidrs`.
fn addresses(cidrs: &str) -> impl Iterator<Item = IpAddr> {
    cidrs.split_whitespace().filter_map(|cidr| Some(cidr.parse::<IpNet>().ok()?.addr()))
}

/// The keys of a row's `ip_port_mappings`.
fn mapped(row: &Row) -> impl Iterator<Item = &str> {
    row.get("ip_port_mappings").into_iter().flat_map(weir_ovsdb::Datum::string_pairs).map(|(key, _)| key)
}

impl Look<'_> {
    fn key(&mut self, key: Key) {
        self.found.keys.insert(key);
    }

    fn load_balancer(&mut self, changed: &RowChanged, now: Option<&Row>) {
        let named = strings(changed, now, "name").chain(ids(changed, now, keys::LB));
        self.found.load_balancers.extend(named.filter_map(|id| id.parse::<LoadBalancerId>().ok()));
        if ["external_ids", "protocol", "name"].iter().any(|column| changed.touches(column)) {
            let vips = ids(changed, now, keys::VIP).chain(ids(changed, now, keys::ADDITIONAL_VIPS));
            self.found.keys.extend(vips.flat_map(overlap::addresses).map(Key::Vip));
        }
        self.probed(changed.keys_moved("ip_port_mappings", now));
        let of_another = changed.old_map_value("external_ids", keys::LB)
            != now.and_then(|row| row.map_value("external_ids", keys::LB));
        let otherwise = ["protocol", "name", "vips", "health_check"];
        if of_another || otherwise.iter().any(|column| changed.touches(column)) {
            self.probed(now.into_iter().flat_map(mapped));
        }
    }

    /// Addresses that are probed otherwise than before, as keys of `ip_port_mappings`.
    fn probed<'a>(&mut self, mapped: impl IntoIterator<Item = &'a str>) {
        let addresses = mapped.into_iter().filter_map(|key| key.trim_matches(['[', ']']).parse().ok());
        self.found.keys.extend(addresses.map(Key::Probed));
    }

    fn health_check(&mut self, changed: &RowChanged) {
        let holders = self.replica.find_references("Load_Balancer", "health_check", &changed.id);
        for (_, row) in holders {
            self.found.load_balancers.extend(rows::load_balancer_of(row));
            self.probed(mapped(row));
        }
    }

    /// Elements that came to or left a `load_balancer` set.
    fn attachments(&mut self, changed: &RowChanged, now: Option<&Row>) {
        for row in changed.references_moved("load_balancer", now) {
            // One that is gone is told by its own change.
            let row = self.replica.get("Load_Balancer", &row);
            self.found.load_balancers.extend(row.and_then(rows::load_balancer_of));
        }
    }

    fn switch(&mut self, changed: &RowChanged, now: Option<&Row>) {
        self.attachments(changed, now);
        for acl in changed.references_moved("acls", now) {
            // One that is gone is told by its own change.
            let row = self.replica.get("ACL", &acl);
            let lb = row.and_then(|row| row.map_value("external_ids", keys::LB));
            let named = row.and_then(|row| row.str("name"));
            self.acl_of(lb, named);
        }
        for port in changed.references_moved("ports", now) {
            self.port_on_switch(&port);
        }
        let provider_now = now.and_then(|row| row.map_value("external_ids", PROVIDER_KEY));
        let provider = changed.touches("external_ids")
            && changed.old_map_value("external_ids", PROVIDER_KEY) != provider_now;
        let came_or_went = now.is_none() || changed.touches("name");
        if came_or_went || provider {
            strings(changed, now, "name").for_each(|name| self.key(Key::Switch(name.to_owned())));
            // What is said of its ports says what switch it is.
            let ports = now.and_then(|row| row.get("ports")).into_iter().flat_map(|ports| ports.uuids());
            ports.for_each(|port| self.port_on_switch(&port));
            for name in strings(changed, now, "name") {
                self.key(Key::RouterPortsOn(name.to_owned()));
                self.subnets_of_switch(name);
            }
        }
    }

    /// Subnets whose switch a router port names.
    fn subnets_of_switch(&mut self, name: &str) {
        for (_, port) in self.replica.find("Logical_Router_Port", &monitor::by_network_name(), name) {
            let subnets = port.map_value("external_ids", monitor::SUBNETS).unwrap_or_default();
            self.subnets(subnets);
        }
    }

    /// A port came to or left a switch.
    fn port_on_switch(&mut self, port: &Uuid) {
        // One that is gone is told by its own change.
        let Some(row) = self.replica.get("Logical_Switch_Port", port) else { return };
        row.str("name").into_iter().for_each(|name| self.port_named(name));
        let get = |key| row.map_value("external_ids", key);
        get(monitor::CIDRS).into_iter().for_each(|cidrs| self.addresses(cidrs));
        get(monitor::PORT_NAME).into_iter().for_each(|name| self.source(name));
        for column in monitor::DHCP_COLUMNS {
            let options = row.get(column).into_iter().flat_map(|options| options.uuids());
            options.for_each(|options| self.dhcp(&options));
        }
    }

    fn port_named(&mut self, name: &str) {
        if let Ok(id) = name.parse() {
            self.key(Key::Port(id));
        }
    }

    fn addresses(&mut self, cidrs: &str) {
        self.found.keys.extend(addresses(cidrs).map(Key::Address));
    }

    fn source(&mut self, port_name: &str) {
        if let Some(subnet) = port_name.strip_prefix(SOURCE_PORT_PREFIX).and_then(|id| id.parse().ok()) {
            self.key(Key::Source(subnet));
            // Without DHCP and router this port is what says where the subnet is.
            self.key(Key::Subnet(subnet));
        }
    }

    fn subnets(&mut self, list: &str) {
        for subnet in list.split_whitespace().filter_map(|id| id.parse().ok()) {
            self.key(Key::Subnet(subnet));
            // A router in it may be where its members are probed from.
            self.key(Key::Source(subnet));
        }
    }

    /// Ports that refer to DHCP options say where their subnet is.
    fn dhcp(&mut self, options: &Uuid) {
        let row = self.replica.get("DHCP_Options", options);
        let subnet = row.and_then(|row| row.map_value("external_ids", monitor::DHCP_SUBNET));
        subnet.into_iter().for_each(|subnet| self.subnets(subnet));
    }

    fn switch_port(&mut self, changed: &RowChanged, now: Option<&Row>) {
        let any = |columns: &[&str]| columns.iter().any(|column| changed.touches(column));
        if any(&["name", "type", "up"]) {
            strings(changed, now, "name").for_each(|name| self.key(Key::PortState(name.to_owned())));
            // Every machine that starts or stops does this, and nothing else depends on it.
            if !any(&[
                "name",
                "type",
                "enabled",
                "options",
                "external_ids",
                "dhcpv4_options",
                "dhcpv6_options",
            ]) {
                return;
            }
        }
        strings(changed, now, "name").for_each(|name| self.port_named(name));
        if any(&["external_ids", "name", "enabled", "type"]) {
            ids(changed, now, monitor::CIDRS).for_each(|cidrs| self.addresses(cidrs));
            ids(changed, now, monitor::PORT_NAME).for_each(|name| self.source(name));
        }
        for column in monitor::DHCP_COLUMNS {
            changed.references_moved(column, now).iter().for_each(|options| self.dhcp(options));
        }
        // The other side of a router's port says whether that is an interface.
        for port in values(changed, now, "options", monitor::ROUTER_PORT) {
            for (uuid, row) in self.replica.find("Logical_Router_Port", &monitor::by_name(), port) {
                self.port_of_router(&uuid, row);
            }
        }
    }

    fn router(&mut self, changed: &RowChanged, now: Option<&Row>) {
        self.attachments(changed, now);
        for nat in changed.references_moved("nat", now) {
            // One that is gone is told by its own change.
            let address = self.replica.get("NAT", &nat).and_then(|row| row.str("logical_ip"));
            self.logical_ips(address);
        }
        let mut ports = changed.references_moved("ports", now);
        if changed.touches("name") {
            // What is said of its ports names it.
            ports.extend(now.and_then(|row| row.get("ports")).into_iter().flat_map(|ports| ports.uuids()));
        }
        if !ports.is_empty() || changed.touches("name") {
            self.key(Key::Router(changed.id));
        }
        for port in ports {
            // One that is gone is told by its own change.
            if let Some(row) = self.replica.get("Logical_Router_Port", &port) {
                self.port_of_router(&port, row);
            }
        }
    }

    /// A router's port is not as it was, or the router is not.
    fn port_of_router(&mut self, port: &Uuid, row: &Row) {
        if let Some(switch) = row.map_value("external_ids", monitor::NETWORK_NAME) {
            self.key(Key::RouterPortsOn(switch.to_owned()));
        }
        row.map_value("external_ids", monitor::SUBNETS).into_iter().for_each(|subnets| self.subnets(subnets));
        for (router, _) in self.replica.find_references("Logical_Router", "ports", port) {
            self.key(Key::Router(router));
        }
    }

    fn router_port(&mut self, changed: &RowChanged, now: Option<&Row>) {
        for switch in ids(changed, now, monitor::NETWORK_NAME) {
            self.key(Key::RouterPortsOn(switch.to_owned()));
        }
        ids(changed, now, monitor::SUBNETS).for_each(|subnets| self.subnets(subnets));
        for (router, _) in self.replica.find_references("Logical_Router", "ports", &changed.id) {
            self.key(Key::Router(router));
        }
    }

    /// Addresses that floating IPs stand for.
    fn logical_ips<'a>(&mut self, addresses: impl IntoIterator<Item = &'a str>) {
        let addresses = addresses.into_iter().filter_map(|address| address.parse().ok());
        self.found.keys.extend(addresses.map(Key::LogicalIp));
    }

    fn nat(&mut self, changed: &RowChanged, now: Option<&Row>) {
        self.logical_ips(strings(changed, now, "logical_ip"));
        for port in ids(changed, now, monitor::FLOATING_IP_PORT).filter_map(|port| port.parse().ok()) {
            self.key(Key::FloatingIps(port));
        }
        for lbs in ids(changed, now, keys::CENTRALISED) {
            let lbs = lbs.split_whitespace().filter_map(|id| id.parse().ok());
            self.found.keys.extend(lbs.map(Key::CentralisedFor));
        }
    }

    fn acl(&mut self, changed: &RowChanged, now: Option<&Row>) {
        ids(changed, now, keys::LB).for_each(|lb| self.acl_of(Some(lb), None));
        strings(changed, now, "name").for_each(|name| self.acl_of(None, Some(name)));
        // Where neither has changed.
        let lb = now.and_then(|row| row.map_value("external_ids", keys::LB));
        self.acl_of(lb, now.and_then(|row| row.str("name")));
    }

    fn acl_of(&mut self, lb: Option<&str>, name: Option<&str>) {
        let lb = lb.and_then(|lb| lb.parse().ok());
        self.found.keys.extend(lb.map(Key::Acls));
        self.found.keys.extend(name.and_then(acls::load_balancer_in).map(Key::Acls));
    }

    fn dhcp_options(&mut self, changed: &RowChanged, now: Option<&Row>) {
        ids(changed, now, monitor::DHCP_SUBNET).for_each(|subnet| self.subnets(subnet));
    }
}

#[cfg(test)]
mod tests;

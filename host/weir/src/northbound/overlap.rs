//! What rows of other load balancers say of an address: VIPs and health checks, by the replica's indexes.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use uuid::Uuid;
use weir_model::{LoadBalancerId, NetworkId, PortId};
use weir_ovsdb::{Datum, Replica, Row};
use weir_plan::{
    EndpointCheck, VipHolder, keys,
    keys::LoadBalancerKey,
    overlap::{endpoints, listens_on},
};

use super::{monitor, rows};

/// The VIPs of other load balancers that have an address, in order.
pub fn vips_at(replica: &Replica, address: &IpAddr, except: LoadBalancerId) -> Vec<VipHolder> {
    let mut found: BTreeMap<LoadBalancerId, VipHolder> = BTreeMap::new();
    for row in rows_with_vip(replica, address) {
        let Some(lb) = rows::load_balancer_of(row).filter(|lb| *lb != except) else { continue };
        let holder = found.entry(lb).or_insert_with(|| VipHolder {
            lb,
            port: None,
            network: None,
            listeners: BTreeSet::new(),
        });
        let (port, network) = port_and_network(row, address);
        holder.port = holder.port.or(port);
        holder.network = holder.network.or(network);
        let ids = row.get("external_ids").into_iter().flat_map(Datum::string_pairs);
        holder.listeners.extend(listens_on(transport(row), ids));
    }
    found.into_values().collect()
}

/// Whether some load balancer has a VIP with an address.
pub fn is_vip(replica: &Replica, address: &IpAddr) -> bool {
    rows_with_vip(replica, address).next().is_some()
}

/// What other load balancers probe at an address, in order.
pub fn checks_on(replica: &Replica, address: &IpAddr, except: LoadBalancerId) -> Vec<EndpointCheck> {
    let mut found = BTreeSet::new();
    let key = keys::bracketed(address);
    for (_, row) in replica.find("Load_Balancer", &monitor::by_probed_address(), &key) {
        let Some(lb) = rows::load_balancer_of(row).filter(|lb| *lb != except) else { continue };
        let references: Vec<Uuid> = row.get("health_check").into_iter().flat_map(Datum::uuids).collect();
        let checks = references
            .iter()
            .filter_map(|uuid| replica.get("Load_Balancer_Health_Check", uuid))
            .filter_map(|check| Some((check.str("vip")?, check)));
        let vips = |vip: &str| row.map_value("vips", vip);
        let mappings = |address: &str| row.map_value("ip_port_mappings", address);
        for (endpoint, check) in endpoints(transport(row), checks, vips, mappings) {
            if endpoint.address == *address {
                let options = check.get("options").map(Datum::string_map).unwrap_or_default();
                found.insert(EndpointCheck { lb, endpoint, options });
            }
        }
    }
    found.into_iter().collect()
}

/// The addresses of a row's VIPs, by the values of its two keys.
pub fn addresses(values: &str) -> impl Iterator<Item = IpAddr> {
    values.split(',').filter_map(|address| address.parse().ok())
}

fn rows_with_vip<'r>(replica: &'r Replica, address: &IpAddr) -> impl Iterator<Item = &'r Row> {
    let text = address.to_string();
    let found: BTreeMap<Uuid, &Row> = [monitor::by_vip(), monitor::by_additional_vip()]
        .iter()
        .flat_map(|index| replica.find("Load_Balancer", index, &text))
        .collect();
    found.into_values().filter(|row| row.map_value("external_ids", keys::DEVICE_OWNER).is_none())
}

/// Empty on a row that the reference driver has made and that has no listener yet.
fn transport(row: &Row) -> &str {
    row.str("protocol").unwrap_or_default()
}

fn port_and_network(row: &Row, address: &IpAddr) -> (Option<PortId>, Option<NetworkId>) {
    let get = |key: &str| row.map_value("external_ids", key).unwrap_or_default();
    let place: LoadBalancerKey = serde_json::from_str(get(keys::LOADBALANCER)).unwrap_or_default();
    let is_it = |text: &str| text.parse().ok() == Some(*address);
    if is_it(get(keys::VIP)) {
        return (get(keys::VIP_PORT).parse().ok(), place.network);
    }
    let at = get(keys::ADDITIONAL_VIPS).split(',').position(is_it).unwrap_or(usize::MAX);
    let port = get(keys::ADDITIONAL_VIP_PORTS).split(',').nth(at).and_then(|port| port.parse().ok());
    (port, place.additional.get(at).map_or(place.network, |(network, _)| *network))
}

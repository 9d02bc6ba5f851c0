//! The OVN Southbound, as far as Weir reads it: what `ovn-controller` says of probed members (`Service_Monitor`, ovn-sb(5)).

use std::net::IpAddr;

use weir_model::{Health, LoadBalancerId};
use weir_ovsdb::{Index, Replica, Row, TableSpec};
use weir_plan::{Probes, keys};

use crate::northbound::{monitor::by_probed_address, rows::load_balancer_of};

/// The only table that is monitored.
pub const SERVICE_MONITOR: &str = "Service_Monitor";

fn by_port() -> Index {
    Index::Column("logical_port".to_owned())
}

/// The tables of `OVN_Southbound` that Weir monitors.
pub fn tables() -> Vec<TableSpec> {
    let columns = ["ip", "protocol", "port", "logical_port", "status"];
    vec![TableSpec {
        name: SERVICE_MONITOR.to_owned(),
        columns: columns.map(str::to_owned).to_vec(),
        indexes: vec![by_port()],
        any_of: Vec::new(),
    }]
}

/// The replica as what probes said last.
pub struct ReplicaProbes<'r>(pub &'r Replica);

impl Probes for ReplicaProbes<'_> {
    fn are_known(&self) -> bool {
        self.0.is_complete()
    }

    fn health(&self, port: &str, address: &IpAddr, number: u16, transport: &str) -> Health {
        let mut rows = self.0.find(SERVICE_MONITOR, &by_port(), port);
        let found = rows.find(|(_, row)| {
            address_of(row).as_ref() == Some(address)
                && row.get("port").and_then(weir_ovsdb::Datum::as_int) == Some(i64::from(number))
                && row.str("protocol") == Some(transport)
        });
        match found.and_then(|(_, row)| row.str("status")) {
            Some("online") => Health::Online,
            Some("offline" | "error") => Health::Offline,
            // Not probed yet.
            _ => Health::Unknown,
        }
    }
}

impl ReplicaProbes<'_> {
    /// Whether somebody probes a switch port.
    pub fn is_probed(&self, port: &str) -> bool {
        self.0.find(SERVICE_MONITOR, &by_port(), port).next().is_some()
    }
}

fn address_of(row: &Row) -> Option<IpAddr> {
    row.str("ip")?.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

/// The load balancers of the Northbound that probe what a row is about.
pub fn probing(northbound: &Replica, row: &Row) -> Vec<LoadBalancerId> {
    let (Some(address), Some(port)) = (address_of(row), row.str("logical_port")) else { return Vec::new() };
    let key = keys::bracketed(&address);
    let by_this_port = format!("{port}:");
    let rows = northbound.find("Load_Balancer", &by_probed_address(), &key).filter(|(_, row)| {
        row.map_value("ip_port_mappings", &key).is_some_and(|to| to.starts_with(&by_this_port))
    });
    let mut found: Vec<_> = rows.filter_map(|(_, row)| load_balancer_of(row)).collect();
    found.sort_unstable();
    found.dedup();
    found
}

//! Monitors with different numbers on one endpoint: OVN probes it once, with the numbers of one of them.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
};

use weir_model::{HealthMonitorId, LoadBalancer, ObjectRef};

use super::{Endpoint, EndpointCheck, MONITORS_DIFFER, Overlap, With};
use crate::{compile::Wanted, finding::Finding, keys, topology::Topology};

/// The endpoints that the health checks of a row probe, each with the options of its check.
///
/// `checks` are pairs of a check's `vip` and its options.
pub fn endpoints<'a, T: Copy + 'a>(
    transport: &'a str,
    checks: impl Iterator<Item = (&'a str, T)> + 'a,
    vips: impl Fn(&str) -> Option<&'a str> + 'a,
    mappings: impl Fn(&str) -> Option<&'a str> + 'a,
) -> impl Iterator<Item = (Endpoint, T)> + 'a {
    checks.flat_map(move |(vip, of)| {
        let backends: BTreeSet<_> = vips(vip).into_iter().flat_map(|backends| backends.split(',')).collect();
        let at = |backend: &str| {
            let at: SocketAddr = backend.parse().ok()?;
            let (port, _) = mappings(&keys::bracketed(&at.ip()))?.split_once(':')?;
            Some(Endpoint {
                port: port.to_owned(),
                address: at.ip(),
                number: at.port(),
                transport: transport.to_owned(),
            })
        };
        backends.into_iter().filter_map(at).map(|endpoint| (endpoint, of)).collect::<Vec<_>>()
    })
}

pub(super) fn differing(
    lb: &LoadBalancer,
    rows: &[Wanted],
    topology: &dyn Topology,
    found: &mut Vec<Overlap>,
) {
    let mut own: BTreeMap<Endpoint, (&BTreeMap<String, String>, Option<HealthMonitorId>)> = BTreeMap::new();
    let mut told: BTreeSet<(Option<HealthMonitorId>, Option<HealthMonitorId>)> = BTreeSet::new();
    for row in rows {
        let checks = row.checks.rows.iter().map(|(vip, check)| (vip.as_str(), check));
        let vips = |vip: &str| row.vips.get(vip).map(String::as_str);
        let mappings = |address: &str| row.checks.mappings.get(address).map(String::as_str);
        for (endpoint, check) in endpoints(&row.protocol, checks, vips, mappings) {
            let monitor = check.external_ids.get(keys::CHECK_MONITOR).and_then(|id| id.parse().ok());
            match own.get(&endpoint) {
                None => drop(own.insert(endpoint, (&check.options, monitor))),
                Some((options, first)) if **options != check.options && told.insert((*first, monitor)) => {
                    let other = first.map(|id| format!("health monitor {id}")).unwrap_or_default();
                    let with = first.map_or(With::Itself, |id| With::Own(ObjectRef::HealthMonitor(id)));
                    found.push(overlap(lb, monitor, &endpoint, &other, with));
                }
                Some(_) => {}
            }
        }
    }
    let mut others = BTreeSet::new();
    let addresses: BTreeSet<_> = own.keys().map(|endpoint| endpoint.address).collect();
    for check in addresses.iter().flat_map(|address| topology.checks_on(address, lb.id)) {
        let EndpointCheck { lb: other, endpoint, options } = check;
        let Some((own, monitor)) = own.get(&endpoint) else { continue };
        if **own != options && others.insert((other, *monitor)) {
            let named = format!("that of load balancer {other}");
            found.push(overlap(lb, *monitor, &endpoint, &named, With::Other(other, None)));
        }
    }
}

fn overlap(
    lb: &LoadBalancer,
    monitor: Option<HealthMonitorId>,
    endpoint: &Endpoint,
    other: &str,
    with: With,
) -> Overlap {
    let object = monitor.map_or(ObjectRef::LoadBalancer(lb.id), ObjectRef::HealthMonitor);
    let detail = format!(
        "{} over {} is probed with other numbers than those of {other}, but OVN probes it once, with the numbers of one of them; give both the same delay, timeout and retries",
        keys::socket(&endpoint.address, endpoint.number),
        endpoint.transport
    );
    Overlap { finding: Finding::new(MONITORS_DIFFER, object, detail), with, refused: false }
}

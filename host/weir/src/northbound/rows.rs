//! `Load_Balancer` rows of the replica.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use uuid::Uuid;
use weir_model::{FLAVOR_KEYS, LoadBalancer, LoadBalancerId, PoolId};
use weir_ovsdb::{Replica, Row};
use weir_plan::{
    Attached, Capabilities, Decoded, Existing, HealthCheckRow, LoadBalancerRow, Ownership, Words, decode,
    keys,
};

use super::{monitor, topology::ReplicaTopology};

/// The first column that came into the schema after OVN 23.06 (7.1.0; 23.06 has 7.0.4). Routers redirect the answers of backends
/// to their gateway since 23.09, without a change of the schema for it: where this column is, they do.
const SINCE: (&str, &str) = ("Logical_Router_Port", "status");

/// What the connected server's schema can hold.
pub fn capabilities(replica: &Replica) -> Capabilities {
    let values = |column: &str| -> BTreeSet<String> {
        let schema = replica.schema();
        let values = schema.and_then(|schema| schema.enum_values("Load_Balancer", column));
        values.into_iter().flatten().map(str::to_owned).collect()
    };
    Capabilities {
        protocols: values("protocol"),
        selection_fields: values("selection_fields"),
        missing_options: missing_options(replica),
        redirects_backends: replica.schema().is_some_and(|schema| schema.has_column(SINCE.0, SINCE.1)),
    }
}

/// Flavor keys whose option the connected OVN does not have.
fn missing_options(replica: &Replica) -> BTreeMap<&'static str, &'static str> {
    let Some(schema) = replica.schema() else { return BTreeMap::new() };
    let gated = FLAVOR_KEYS.iter().filter_map(|key| Some((key, key.since?)));
    let missing = gated.filter(|(_, since)| !schema.has_column(since.table, since.column));
    missing.map(|(key, since)| (key.name, since.release)).collect()
}

/// The rows of a load balancer with their attachments: those with its name, those that say it in a key of ours, and those
/// with its uuids: somebody may have renamed them. A row that says another one in our key is that one's, whatever its name.
pub fn existing(replica: &Replica, id: LoadBalancerId) -> Vec<Existing> {
    let text = id.to_string();
    let by_name = replica.find("Load_Balancer", &monitor::by_name(), &text);
    let by_key = replica.find("Load_Balancer", &monitor::by_our_key(), &text);
    let mut found: BTreeMap<Uuid, &Row> = by_name.chain(by_key).collect();
    for n in 0.. {
        let uuid = weir_plan::diff::row_uuid(id, n);
        match replica.get("Load_Balancer", &uuid) {
            Some(row) => drop(found.insert(uuid, row)),
            None if n > 0 => break,
            None => {}
        }
    }
    let rows = found.into_iter().filter(|(_, row)| {
        let is_mine = in_our_key(row).is_none_or(|other| other == id);
        is_mine && row.map_value("external_ids", keys::DEVICE_OWNER).is_none()
    });
    rows.map(|(uuid, row)| Existing {
        row: load_balancer_row(replica, uuid, row),
        attached: attached(replica, &uuid),
    })
    .collect()
}

fn in_our_key(row: &Row) -> Option<LoadBalancerId> {
    row.map_value("external_ids", keys::LB)?.parse().ok()
}

/// The load balancer that a row is of: our key says it, else its name.
pub fn load_balancer_of(row: &Row) -> Option<LoadBalancerId> {
    in_our_key(row).or_else(|| row.str("name")?.parse().ok())
}

/// The load balancer as its rows say.
pub fn decoded(existing: &[Existing], id: LoadBalancerId, words: &Words) -> Option<Decoded> {
    decode(id, existing.iter().map(|existing| &existing.row), words)
}

/// The load balancer of a pool.
pub fn load_balancer_of_pool(replica: &Replica, pool: PoolId) -> Option<LoadBalancerId> {
    [true, false].into_iter().find_map(|up| {
        let key = keys::object(keys::POOL, pool, up);
        replica
            .find("Load_Balancer", &monitor::by_external_id_key(), &key)
            .find_map(|(_, row)| load_balancer_of(row))
    })
}

/// Every load balancer of the replica: rows that have Octavia's form, a name that is an id and a VIP, or say it in our key.
pub fn all(replica: &Replica) -> BTreeSet<LoadBalancerId> {
    let rows = replica.rows("Load_Balancer").filter(|(_, row)| {
        let has = |key| row.map_value("external_ids", key).is_some();
        (has(keys::VIP) || has(keys::LB)) && !has(keys::DEVICE_OWNER)
    });
    rows.filter_map(|(_, row)| load_balancer_of(row)).collect()
}

/// Every load balancer with a health monitor, also where its members cannot be probed.
pub fn probed(replica: &Replica) -> BTreeSet<LoadBalancerId> {
    let is_probed = |row: &Row| row.map_value("external_ids", keys::HEALTH_MONITORS).is_some();
    let rows = replica.rows("Load_Balancer").filter(|(_, row)| is_probed(row));
    rows.filter_map(|(_, row)| load_balancer_of(row)).collect()
}

/// Every load balancer that this deployment has written, in order.
pub fn ours(replica: &Replica, ownership: &Ownership) -> Vec<LoadBalancerId> {
    let ours = |lb: &LoadBalancerId| {
        existing(replica, *lb).iter().any(|existing| ownership.owns_of(*lb, &existing.row))
    };
    all(replica).into_iter().filter(ours).collect()
}

/// The addresses that health checks are sent from, each on its network: those of tenants overlap.
pub struct ProbeSources(BTreeSet<(Option<Uuid>, IpAddr)>);

impl ProbeSources {
    /// Those of all rows.
    pub fn of(replica: &Replica) -> Self {
        Self::of_each(replica, replica.rows("Load_Balancer").map(|(_, row)| row))
    }

    /// Those of the rows of load balancers for which `counts` holds.
    pub fn of_rows(replica: &Replica, counts: impl Fn(LoadBalancerId, &LoadBalancerRow) -> bool) -> Self {
        let counting = replica.rows("Load_Balancer").filter(|(uuid, row)| {
            let lb = load_balancer_of(row);
            lb.is_some_and(|lb| counts(lb, &load_balancer_row(replica, **uuid, row)))
        });
        Self::of_each(replica, counting.map(|(_, row)| row))
    }

    fn of_each<'r>(replica: &'r Replica, rows: impl Iterator<Item = &'r Row>) -> Self {
        let topology = ReplicaTopology(replica);
        let rows = rows.filter_map(|row| row.get("ip_port_mappings"));
        let mappings = rows.flat_map(weir_ovsdb::Datum::string_map).map(|(_, value)| value);
        let on_network = |mapping: String| {
            let (port, _) = mapping.split_once(':')?;
            Some((topology.network_of(port), source(&mapping)?))
        };
        Self(mappings.filter_map(on_network).collect())
    }

    /// Whether checks are sent from an address on a network. One whose member's port is gone counts on every network.
    pub fn contains(&self, network: Uuid, address: IpAddr) -> bool {
        self.0.contains(&(Some(network), address)) || self.0.contains(&(None, address))
    }
}

/// The addresses that health checks of these rows are sent from.
pub fn sources(existing: &[Existing]) -> BTreeSet<IpAddr> {
    existing
        .iter()
        .flat_map(|row| row.row.ip_port_mappings.values())
        .filter_map(|value| source(value))
        .collect()
}

fn source(mapping: &str) -> Option<IpAddr> {
    // The port's name is a UUID, so the first colon ends it.
    let (_, source) = mapping.split_once(':')?;
    source.trim_matches(['[', ']']).parse().ok()
}

fn load_balancer_row(replica: &Replica, uuid: Uuid, row: &Row) -> LoadBalancerRow {
    let map = |column: &str| row.get(column).map(weir_ovsdb::Datum::string_map).unwrap_or_default();
    let fields = row.get("selection_fields").into_iter().flat_map(|fields| fields.strings());
    LoadBalancerRow {
        uuid,
        name: row.str("name").unwrap_or_default().to_owned(),
        protocol: row.str("protocol").map(str::to_owned),
        vips: map("vips"),
        selection_fields: fields.map(str::to_owned).collect(),
        options: map("options"),
        external_ids: map("external_ids"),
        ip_port_mappings: map("ip_port_mappings"),
        health_checks: health_checks(replica, row),
    }
}

fn health_checks(replica: &Replica, row: &Row) -> Vec<HealthCheckRow> {
    let uuids = row.get("health_check").into_iter().flat_map(|checks| checks.uuids());
    let mut checks: Vec<_> = uuids
        .filter_map(|uuid| {
            let check = replica.get("Load_Balancer_Health_Check", &uuid)?;
            let map = |column: &str| check.get(column).map(weir_ovsdb::Datum::string_map).unwrap_or_default();
            Some(HealthCheckRow {
                vip: check.str("vip").unwrap_or_default().to_owned(),
                uuid,
                options: map("options"),
                external_ids: map("external_ids"),
            })
        })
        .collect();
    checks.sort_unstable();
    checks
}

fn attached(replica: &Replica, row: &Uuid) -> Attached {
    let holders =
        |table: &str| replica.find_references(table, "load_balancer", row).map(|(uuid, _)| uuid).collect();
    Attached { switches: holders("Logical_Switch"), routers: holders("Logical_Router") }
}

/// A graph and what of its rows could not be read.
pub fn graph(decoded: Option<Decoded>) -> Option<LoadBalancer> {
    decoded.map(|decoded| decoded.lb)
}

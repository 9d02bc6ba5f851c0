//! A row as it shall stand, given the one that stands.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;
use weir_model::LoadBalancerId;

use crate::{
    compile::{Wanted, managed_options},
    keys,
    monitors::Check,
    row::{HealthCheckRow, LoadBalancerRow},
    surroundings::Surroundings,
};

/// The row as it shall stand: ours where it is managed, as it was where it is somebody else's, and in the old order where
/// only the order of a list differs.
pub(crate) fn settle(
    lb: LoadBalancerId,
    uuid: Uuid,
    wanted: &Wanted,
    old: Option<&LoadBalancerRow>,
    around: Surroundings<'_>,
) -> LoadBalancerRow {
    let mut row = LoadBalancerRow {
        uuid,
        name: lb.to_string(),
        protocol: Some(wanted.protocol.clone()),
        vips: wanted.vips.clone(),
        selection_fields: wanted.selection_fields.clone(),
        options: wanted.options.clone(),
        external_ids: wanted.external_ids.clone(),
        ip_port_mappings: wanted.checks.mappings.clone(),
        health_checks: settle_checks(uuid, wanted, old),
    };
    if around.capabilities.selection_fields.is_empty() {
        row.selection_fields.clear();
    }
    if let Some(old) = old {
        let managed: BTreeSet<_> = managed_options(old, around.words).map(|(key, _)| key).collect();
        let foreign = old.options.iter().filter(|(key, _)| !managed.contains(key));
        row.options.extend(foreign.map(|(key, value)| (key.clone(), value.clone())));
        let foreign = old.external_ids.iter().filter(|(key, _)| !keys::is_managed(key));
        row.external_ids.extend(foreign.map(|(key, value)| (key.clone(), value.clone())));
        keep_order(&old.vips, &mut row.vips, |_| true);
        keep_order(&old.external_ids, &mut row.external_ids, |key| {
            key.starts_with(keys::POOL) || key == keys::LR_REF
        });
        keep_json(&old.external_ids, &mut row.external_ids);
    }
    row
}

/// The health checks as they shall stand: a check that is there for a VIP entry keeps its row.
fn settle_checks(lb_row: Uuid, wanted: &Wanted, old: Option<&LoadBalancerRow>) -> Vec<HealthCheckRow> {
    let existing = old.map(|old| old.health_checks.as_slice()).unwrap_or_default();
    let mut used: BTreeSet<Uuid> = BTreeSet::new();
    let checks = wanted.checks.rows.iter().map(|(vip, Check { options, external_ids })| {
        let same = |check: &&HealthCheckRow| check.vip == *vip && !used.contains(&check.uuid);
        let of_monitor = |check: &&HealthCheckRow| {
            check.external_ids.get(keys::CHECK_MONITOR) == external_ids.get(keys::CHECK_MONITOR)
        };
        let before = existing.iter().filter(same).find(of_monitor).or_else(|| existing.iter().find(same));
        let uuid = before.map_or_else(|| check_uuid(lb_row, vip, existing), |before| before.uuid);
        used.insert(uuid);
        HealthCheckRow {
            vip: vip.clone(),
            uuid,
            options: options.clone(),
            external_ids: external_ids.clone(),
        }
    });
    checks.collect()
}

/// A uuid for a new check, derived as those of the rows are.
fn check_uuid(lb_row: Uuid, vip: &str, existing: &[HealthCheckRow]) -> Uuid {
    let uuids = (0..u32::MAX).map(|n| Uuid::new_v5(&lb_row, format!("{vip} {n}").as_bytes()));
    let mut free = uuids.filter(|uuid| existing.iter().all(|check| check.uuid != *uuid));
    free.next().unwrap_or(lb_row)
}

/// Keeps an old comma list that has the same elements in another order: rewriting it would only disturb traffic.
fn keep_order(
    old: &BTreeMap<String, String>,
    new: &mut BTreeMap<String, String>,
    applies: impl Fn(&str) -> bool,
) {
    for (key, value) in new.iter_mut().filter(|(key, _)| applies(key)) {
        let Some(before) = old.get(key).filter(|before| *before != value && before.len() == value.len())
        else {
            continue;
        };
        let sorted = |list: &str| {
            let mut elements: Vec<_> = list.split(',').map(str::to_owned).collect();
            elements.sort_unstable();
            elements
        };
        if sorted(before) == sorted(value) {
            value.clone_from(before);
        }
    }
}

/// Keeps an old JSON value that says the same.
fn keep_json(old: &BTreeMap<String, String>, new: &mut BTreeMap<String, String>) {
    for key in [keys::LS_REFS, keys::MEMBER_STATUS, keys::HEALTH_MONITORS] {
        if let (Some(before), Some(value)) = (old.get(key), new.get_mut(key))
            && before != value
            && let (Ok(a), Ok(b)) = (parse(before), parse(value))
            && a == b
        {
            value.clone_from(before);
        }
    }
}

fn parse(text: &str) -> serde_json::Result<serde_json::Value> {
    serde_json::from_str(text)
}

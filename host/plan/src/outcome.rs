//! What a plan leads to.

use uuid::Uuid;

use crate::{
    operations::{Holder, MapPatch, Operation, Plan, Update},
    row::{Attached, Existing, HealthCheckRow, LoadBalancerRow},
};

/// The rows of the load balancer after its plan, where nobody else writes in between; in order of their uuids.
pub fn outcome(plan: &Plan, existing: &[Existing]) -> Vec<Existing> {
    let mut rows = existing.to_vec();
    for operation in &plan.operations {
        match operation {
            // Rules and floating IPs are no part of the rows.
            Operation::Guard { .. }
            | Operation::InsertAcl(_)
            | Operation::RemoveAcl(_)
            | Operation::MemberFloatingIp { .. } => {}
            Operation::Insert(row) => {
                rows.push(Existing { row: row.clone(), attached: Attached::default() });
            }
            Operation::Update(update) => {
                if let Some(row) = rows.iter_mut().find(|existing| existing.row.uuid == update.row) {
                    apply(update, &mut row.row);
                }
            }
            Operation::InsertCheck { load_balancer, check } => {
                if let Some(checks) = checks_of(&mut rows, load_balancer) {
                    checks.push(check.clone());
                }
            }
            Operation::UpdateCheck { load_balancer, check, options, external_ids } => {
                let checks = checks_of(&mut rows, load_balancer);
                if let Some(row) = checks.into_iter().flatten().find(|row| row.uuid == *check) {
                    options.apply(&mut row.options);
                    external_ids.apply(&mut row.external_ids);
                }
            }
            Operation::RemoveCheck { load_balancer, check } => {
                if let Some(checks) = checks_of(&mut rows, load_balancer) {
                    checks.retain(|row| row.uuid != *check);
                }
            }
            Operation::Delete { row } => rows.retain(|existing| existing.row.uuid != *row),
            Operation::Attach { to, row } => {
                if let Some(existing) = rows.iter_mut().find(|existing| existing.row.uuid == *row) {
                    match to {
                        Holder::Switch(uuid) => existing.attached.switches.insert(*uuid),
                        Holder::Router(uuid) => existing.attached.routers.insert(*uuid),
                    };
                }
            }
            Operation::Detach { from, row } => {
                if let Some(existing) = rows.iter_mut().find(|existing| existing.row.uuid == *row) {
                    match from {
                        Holder::Switch(uuid) => existing.attached.switches.remove(uuid),
                        Holder::Router(uuid) => existing.attached.routers.remove(uuid),
                    };
                }
            }
        }
    }
    rows.sort_by_key(|existing| existing.row.uuid);
    rows.iter_mut().for_each(|existing| existing.row.health_checks.sort_unstable());
    rows
}

fn checks_of<'r>(rows: &'r mut [Existing], load_balancer: &Uuid) -> Option<&'r mut Vec<HealthCheckRow>> {
    let existing = rows.iter_mut().find(|existing| existing.row.uuid == *load_balancer)?;
    Some(&mut existing.row.health_checks)
}

fn apply(update: &Update, row: &mut LoadBalancerRow) {
    let Update { row: _, name, protocol, selection_fields, vips, options, external_ids, ip_port_mappings } =
        update;
    row.name = name.clone().unwrap_or(std::mem::take(&mut row.name));
    row.protocol = protocol.clone().or(row.protocol.take()).filter(|protocol| !protocol.is_empty());
    row.selection_fields = selection_fields.clone().unwrap_or(std::mem::take(&mut row.selection_fields));
    let maps: [(&MapPatch, _); 4] = [
        (vips, &mut row.vips),
        (options, &mut row.options),
        (external_ids, &mut row.external_ids),
        (ip_port_mappings, &mut row.ip_port_mappings),
    ];
    maps.into_iter().for_each(|(patch, map)| patch.apply(map));
}

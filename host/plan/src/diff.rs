//! Wanted rows against existing ones: the smallest set of operations.

use std::collections::BTreeSet;

use uuid::Uuid;
use weir_model::LoadBalancerId;

use crate::{
    acls, adopted,
    compile::Wanted,
    decode::objects,
    edited,
    error::PlanError,
    operations::{Holder, MapPatch, Operation, Plan, Update},
    reachability, revision,
    row::{Existing, LoadBalancerRow},
    settle::settle,
    surroundings::Surroundings,
};

/// The plan that makes `existing` what is wanted; no wanted row means that the load balancer goes.
///
/// `taken` says whether some row in the table, of whatever load balancer, has a uuid.
///
/// # Errors
/// [`PlanError::Foreign`] where one of the existing rows is not ours to write.
pub fn diff(
    lb: LoadBalancerId,
    wanted: Vec<Wanted>,
    existing: &[Existing],
    around: Surroundings<'_>,
    taken: &dyn Fn(&Uuid) -> bool,
) -> Result<Plan, PlanError> {
    existing.iter().try_for_each(|existing| around.ownership.may_write(lb, &existing.row))?;
    let settle = |uuid: Uuid, wanted: &Wanted, before: Option<&Existing>| {
        let row = settle(lb, uuid, wanted, before.map(|existing| &existing.row), around);
        let left = before.and_then(|existing| adopted::left(&row, wanted, existing, around));
        let stays = left.is_some();
        let mut row = left.unwrap_or(row);
        edited::mark(&mut row, around.words);
        Settled { row, stays }
    };
    Ok(plan(lb, wanted, existing, around, &settle, taken))
}

/// A row as it shall stand.
pub(crate) struct Settled {
    pub row: LoadBalancerRow,
    /// Its attachments stay as they are.
    pub stays: bool,
}

type Settle<'s> = &'s dyn Fn(Uuid, &Wanted, Option<&Existing>) -> Settled;

/// The plan for rows that are settled one by one.
pub(crate) fn plan(
    lb: LoadBalancerId,
    wanted: Vec<Wanted>,
    existing: &[Existing],
    around: Surroundings<'_>,
    settle: Settle<'_>,
    taken: &dyn Fn(&Uuid) -> bool,
) -> Plan {
    let mut plan = Plan {
        lb,
        operations: Vec::new(),
        kept: Vec::new(),
        unresolved: Vec::new(),
        without_port: Vec::new(),
        sourceless: Vec::new(),
        findings: Vec::new(),
        overlaps_with: BTreeSet::new(),
    };
    let (matched, leftover) = assign(&wanted, existing);
    let mut used: BTreeSet<Uuid> = existing.iter().map(|existing| existing.row.uuid).collect();
    let revision = revision::next(existing);
    let mut changes = Vec::new();
    let mut rules = BTreeSet::new();
    for (mut wanted, existing) in wanted.into_iter().zip(matched) {
        plan.kept.append(&mut wanted.kept);
        rules.append(&mut wanted.acls);
        plan.unresolved.extend(wanted.place.unresolved.iter().copied());
        plan.without_port.extend(wanted.checks.without_port.iter().copied());
        plan.sourceless.extend(wanted.checks.sourceless.iter().copied());
        plan.findings.extend(reachability::findings(lb, &wanted.unanswered));
        let (uuid, before) = match existing {
            Some(existing) => (existing.row.uuid, Some(existing)),
            None => (free_uuid(lb, &mut used, taken), None),
        };
        let settled = settle(uuid, &wanted, before);
        row_operations(settled, &wanted, before, revision, &mut plan.operations, &mut changes);
    }
    for existing in leftover {
        plan.operations.push(guard(&existing.row));
        changes.push(Operation::Delete { row: existing.row.uuid });
    }
    let mut rules = acls::operations(lb, rules, around);
    if !rules.is_empty() {
        // They follow from the rows as much as attachments do.
        let unguarded =
            |row: &&Existing| !plan.operations.iter().any(|operation| operation.guards(row.row.uuid));
        let guards: Vec<_> = existing.iter().filter(unguarded).map(|existing| guard(&existing.row)).collect();
        plan.operations.extend(guards);
    }
    plan.operations.append(&mut changes);
    plan.operations.append(&mut rules);
    plan.findings.sort_unstable();
    plan.findings.dedup();
    plan.sourceless.sort_unstable();
    plan.sourceless.dedup();
    plan
}

/// The n-th uuid of a load balancer's rows: UUIDv5 of its id.
pub fn row_uuid(lb: LoadBalancerId, n: u32) -> Uuid {
    Uuid::new_v5(&lb.uuid(), n.to_string().as_bytes())
}

fn free_uuid(lb: LoadBalancerId, used: &mut BTreeSet<Uuid>, taken: &dyn Fn(&Uuid) -> bool) -> Uuid {
    let free = (0..u32::MAX).map(|n| row_uuid(lb, n)).find(|uuid| !used.contains(uuid) && !taken(uuid));
    let uuid = free.unwrap_or_else(|| row_uuid(lb, u32::MAX));
    used.insert(uuid);
    uuid
}

/// The existing row for each wanted one, and the rows nobody wants: the row that shares most objects, then one of the
/// same protocol, then any.
fn assign<'e>(wanted: &[Wanted], existing: &'e [Existing]) -> (Vec<Option<&'e Existing>>, Vec<&'e Existing>) {
    let mut candidates: Vec<_> = wanted
        .iter()
        .enumerate()
        .flat_map(|(index, wanted)| {
            let objects_wanted = objects(&wanted.external_ids);
            existing.iter().map(move |existing| {
                let shared = objects(&existing.row.external_ids).intersection(&objects_wanted).count();
                let protocol = existing.row.protocol.as_ref() == Some(&wanted.protocol);
                let fields = existing.row.selection_fields == wanted.selection_fields;
                (std::cmp::Reverse((shared, protocol, fields)), index, existing.row.uuid, existing)
            })
        })
        .collect();
    candidates.sort_by(|a, b| (&a.0, a.1, a.2).cmp(&(&b.0, b.1, b.2)));
    let mut matched = vec![None; wanted.len()];
    let mut used = BTreeSet::new();
    for (_, index, uuid, existing) in candidates {
        if let Some(place @ None) = matched.get_mut(index)
            && used.insert(uuid)
        {
            *place = Some(existing);
        }
    }
    let leftover = existing.iter().filter(|existing| !used.contains(&existing.row.uuid)).collect();
    (matched, leftover)
}

fn guard(row: &LoadBalancerRow) -> Operation {
    Operation::Guard { row: row.uuid, external_ids: row.external_ids.clone() }
}

fn row_operations(
    Settled { mut row, stays }: Settled,
    wanted: &Wanted,
    before: Option<&Existing>,
    revision: u64,
    guards: &mut Vec<Operation>,
    changes: &mut Vec<Operation>,
) {
    let uuid = row.uuid;
    let none = Default::default();
    let attached = before.map_or(&none, |existing| &existing.attached);
    let at = changes.len();
    match before {
        None => {
            revision::set(&mut row, revision);
            changes.push(Operation::Insert(row));
        }
        Some(Existing { row: old, .. }) => {
            if let Some(as_it_was) = revision::of_row(old) {
                revision::set(&mut row, as_it_was);
            }
            let mut checks = Vec::new();
            check_operations(old, &row, &mut checks);
            if !checks.is_empty() || update(old, &row).is_some() {
                revision::set(&mut row, revision);
            }
            changes.extend(update(old, &row).map(Operation::Update));
            changes.append(&mut checks);
        }
    }
    let place = if stays { attached } else { &wanted.place.attached };
    let sets = [
        (&attached.switches, &place.switches, Holder::Switch as fn(Uuid) -> Holder),
        (&attached.routers, &place.routers, Holder::Router),
    ];
    for (old, new, holder) in sets {
        changes.extend(new.difference(old).map(|to| Operation::Attach { to: holder(*to), row: uuid }));
        changes.extend(old.difference(new).map(|from| Operation::Detach { from: holder(*from), row: uuid }));
    }
    if let (Some(existing), true) = (before, changes.len() > at) {
        guards.push(guard(&existing.row));
    }
}

fn check_operations(old: &LoadBalancerRow, new: &LoadBalancerRow, changes: &mut Vec<Operation>) {
    let load_balancer = old.uuid;
    for check in &new.health_checks {
        match old.health_checks.iter().find(|before| before.uuid == check.uuid) {
            None => changes.push(Operation::InsertCheck { load_balancer, check: check.clone() }),
            Some(before) => {
                let options = MapPatch::between(&before.options, &check.options);
                let external_ids = MapPatch::between(&before.external_ids, &check.external_ids);
                if !(options.is_empty() && external_ids.is_empty()) {
                    let check = check.uuid;
                    changes.push(Operation::UpdateCheck { load_balancer, check, options, external_ids });
                }
            }
        }
    }
    let gone =
        old.health_checks.iter().filter(|before| new.health_checks.iter().all(|c| c.uuid != before.uuid));
    changes.extend(gone.map(|check| Operation::RemoveCheck { load_balancer, check: check.uuid }));
}

fn update(old: &LoadBalancerRow, new: &LoadBalancerRow) -> Option<Update> {
    let update = Update {
        row: old.uuid,
        name: (old.name != new.name).then(|| new.name.clone()),
        protocol: (old.protocol != new.protocol).then(|| new.protocol.clone().unwrap_or_default()),
        selection_fields: (old.selection_fields != new.selection_fields)
            .then(|| new.selection_fields.clone()),
        vips: MapPatch::between(&old.vips, &new.vips),
        options: MapPatch::between(&old.options, &new.options),
        external_ids: MapPatch::between(&old.external_ids, &new.external_ids),
        ip_port_mappings: MapPatch::between(&old.ip_port_mappings, &new.ip_port_mappings),
    };
    (update != Update { row: old.uuid, ..Update::default() }).then_some(update)
}

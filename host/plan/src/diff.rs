//! Wanted rows against existing ones: the smallest set of operations.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use uuid::Uuid;
use weir_model::LoadBalancerId;

use crate::{
    acls::{self, Acl, ExistingAcl},
    centralised::FloatingIp,
    compile::{Wanted, managed_options, seen},
    decode::objects,
    edited,
    error::PlanError,
    keys,
    monitors::{Check, Sourceless},
    row::{Existing, HealthCheckRow, LoadBalancerRow},
    surroundings::Surroundings,
    translation::{Problem, UnitKey},
};

/// Operations that make a load balancer's rows right, in order, to be done in one transaction or not at all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// The load balancer.
    pub lb: LoadBalancerId,
    /// What to do; empty where all is right already.
    pub operations: Vec<Operation>,
    /// Units left as they are since their plugin refused or failed.
    #[serde(skip)]
    pub kept: Vec<(UnitKey, Problem)>,
    /// Members that are in the VIPs but not attached, since nothing tells where their subnet is.
    pub unresolved: Vec<weir_model::MemberId>,
    /// Members behind a monitor that cannot be probed and get no connections: no port of OVN has their address.
    pub without_port: Vec<weir_model::MemberId>,
    /// Subnets whose members are not probed yet for want of a source address.
    pub sourceless: Vec<Sourceless>,
}

/// One operation of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Operation {
    /// Fails the transaction where somebody has changed the row's `external_ids` since they were read.
    Guard {
        /// The row.
        row: Uuid,
        /// What was read.
        external_ids: BTreeMap<String, String>,
    },
    /// Inserts a row under a uuid of our choice, so that a repeated insert is noticed.
    Insert(LoadBalancerRow),
    /// Changes columns of a row.
    Update(Update),
    /// Deletes a row; its attachments go with it (weak references).
    Delete {
        /// The row.
        row: Uuid,
    },
    /// Inserts a health check and has a load balancer refer to it.
    InsertCheck {
        /// The load balancer's row.
        load_balancer: Uuid,
        /// The health check's.
        check: HealthCheckRow,
    },
    /// Changes a health check.
    UpdateCheck {
        /// The load balancer's row.
        load_balancer: Uuid,
        /// The health check's.
        check: Uuid,
        /// Changed options.
        options: MapPatch,
        /// Changed keys.
        external_ids: MapPatch,
    },
    /// Has a load balancer no longer refer to a health check, which then goes.
    RemoveCheck {
        /// The load balancer's row.
        load_balancer: Uuid,
        /// The health check's.
        check: Uuid,
    },
    /// Adds the row to a `Logical_Switch`'s or `Logical_Router`'s `load_balancer` set.
    Attach {
        /// Whose set.
        to: Holder,
        /// The row.
        row: Uuid,
    },
    /// Takes the row out of such a set.
    Detach {
        /// Whose set.
        from: Holder,
        /// The row.
        row: Uuid,
    },
    /// Puts a rule into a switch.
    InsertAcl(Acl),
    /// Takes a rule out of a switch.
    RemoveAcl(ExistingAcl),
    /// Makes a member's floating IP central or distributed; fails the transaction where somebody has changed it since.
    MemberFloatingIp {
        /// As it was read.
        before: FloatingIp,
        /// As it shall be.
        after: FloatingIp,
    },
}

impl Operation {
    fn guards(&self, uuid: Uuid) -> bool {
        matches!(self, Self::Guard { row, .. } if *row == uuid)
    }
}

/// A row with a `load_balancer` set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Holder {
    /// A `Logical_Switch`.
    Switch(Uuid),
    /// A `Logical_Router`.
    Router(Uuid),
}

/// Changed columns of a row; what is `None` or empty stays.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Update {
    /// The row.
    pub row: Uuid,
    /// New name: somebody renamed the row.
    pub name: Option<String>,
    /// New protocol.
    pub protocol: Option<String>,
    /// New selection fields, all of them.
    pub selection_fields: Option<BTreeSet<String>>,
    /// Changed VIP entries.
    pub vips: MapPatch,
    /// Changed options.
    pub options: MapPatch,
    /// Changed keys.
    pub external_ids: MapPatch,
    /// Changed ways to probe members.
    pub ip_port_mappings: MapPatch,
}

/// Changed elements of a map column.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct MapPatch {
    /// Keys to take out.
    pub remove: BTreeSet<String>,
    /// Keys to add, or to give another value.
    pub set: BTreeMap<String, String>,
}

impl MapPatch {
    /// What makes one map another.
    pub fn between(old: &BTreeMap<String, String>, new: &BTreeMap<String, String>) -> Self {
        Self {
            remove: old.keys().filter(|key| !new.contains_key(*key)).cloned().collect(),
            set: new
                .iter()
                .filter(|(k, v)| old.get(*k) != Some(v))
                .map(|(k, v)| (k.clone(), v.clone()))
                .collect(),
        }
    }

    /// True where nothing changes.
    pub fn is_empty(&self) -> bool {
        self.remove.is_empty() && self.set.is_empty()
    }

    /// Does the patch.
    pub fn apply(&self, map: &mut BTreeMap<String, String>) {
        map.retain(|key, _| !self.remove.contains(key));
        map.extend(self.set.iter().map(|(key, value)| (key.clone(), value.clone())));
    }
}

impl Plan {
    /// True where every row is right already.
    pub fn is_empty(&self) -> bool {
        self.operations.is_empty()
    }
}

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
    let mut plan = Plan {
        lb,
        operations: Vec::new(),
        kept: Vec::new(),
        unresolved: Vec::new(),
        without_port: Vec::new(),
        sourceless: Vec::new(),
    };
    let (matched, leftover) = assign(&wanted, existing);
    let mut used: BTreeSet<Uuid> = existing.iter().map(|existing| existing.row.uuid).collect();
    let mut changes = Vec::new();
    let mut rules = BTreeSet::new();
    for (mut wanted, existing) in wanted.into_iter().zip(matched) {
        plan.kept.append(&mut wanted.kept);
        rules.append(&mut wanted.acls);
        plan.unresolved.extend(wanted.place.unresolved.iter().copied());
        plan.without_port.extend(wanted.checks.without_port.iter().copied());
        plan.sourceless.extend(wanted.checks.sourceless.iter().copied());
        let (uuid, before) = match existing {
            Some(existing) => (existing.row.uuid, Some(existing)),
            None => (free_uuid(lb, &mut used, taken), None),
        };
        row_operations(lb, uuid, &wanted, before, around, &mut plan.operations, &mut changes);
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
    plan.sourceless.sort_unstable();
    plan.sourceless.dedup();
    Ok(plan)
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
    lb: LoadBalancerId,
    uuid: Uuid,
    wanted: &Wanted,
    before: Option<&Existing>,
    around: Surroundings<'_>,
    guards: &mut Vec<Operation>,
    changes: &mut Vec<Operation>,
) {
    let row = settle(lb, uuid, wanted, before.map(|existing| &existing.row), around);
    let none = Default::default();
    let attached = before.map_or(&none, |existing| &existing.attached);
    let at = changes.len();
    match before {
        None => changes.push(Operation::Insert(row)),
        Some(Existing { row: old, .. }) => {
            changes.extend(update(old, &row).map(Operation::Update));
            check_operations(old, &row, changes);
        }
    }
    let place = &wanted.place.attached;
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

/// The row as it shall stand: ours where it is managed, as it was where it is somebody else's, and in the old order where
/// only the order of a list differs.
fn settle(
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
    let hash = seen(&row, around.words);
    row.external_ids.insert(keys::SEEN.to_owned(), hash);
    let hash = edited::own(&row.external_ids);
    row.external_ids.insert(keys::OWN.to_owned(), hash);
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

fn update(old: &LoadBalancerRow, new: &LoadBalancerRow) -> Option<Update> {
    let update = Update {
        row: old.uuid,
        name: (old.name != new.name).then(|| new.name.clone()),
        protocol: (old.protocol != new.protocol).then(|| new.protocol.clone()).flatten(),
        selection_fields: (old.selection_fields != new.selection_fields)
            .then(|| new.selection_fields.clone()),
        vips: MapPatch::between(&old.vips, &new.vips),
        options: MapPatch::between(&old.options, &new.options),
        external_ids: MapPatch::between(&old.external_ids, &new.external_ids),
        ip_port_mappings: MapPatch::between(&old.ip_port_mappings, &new.ip_port_mappings),
    };
    (update != Update { row: old.uuid, ..Update::default() }).then_some(update)
}

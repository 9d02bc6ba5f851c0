//! The plan checker: what must hold of every plan, whatever the planner thinks. It runs before anything is sent.

use std::collections::BTreeSet;

use uuid::Uuid;
use weir_model::LoadBalancerId;

use crate::{
    error::PlanError,
    keys,
    operations::{Operation, Plan},
    ownership::Ownership,
    row::{Existing, HealthCheckRow},
};

/// Checks a plan against the rows it was made from.
///
/// # Errors
/// [`PlanError::Unsound`] naming the first thing that is wrong.
pub fn check(plan: &Plan, existing: &[Existing], ownership: &Ownership) -> Result<(), PlanError> {
    let unsound = |why: String| PlanError::Unsound { lb: plan.lb, why };
    let known: BTreeSet<Uuid> = existing.iter().map(|existing| existing.row.uuid).collect();
    let mut guarded = BTreeSet::new();
    let mut inserted = BTreeSet::new();
    let mut deleted = BTreeSet::new();
    for operation in &plan.operations {
        match operation {
            Operation::Guard { row, .. } => drop(guarded.insert(*row)),
            Operation::Insert(row) => {
                if known.contains(&row.uuid) || !inserted.insert(row.uuid) {
                    return Err(unsound(format!("row {} is inserted but is there", row.uuid)));
                }
                if row.name != plan.lb.to_string() || !ownership.owns(row) {
                    return Err(unsound(format!("row {} is inserted for somebody else", row.uuid)));
                }
                well_formed(plan.lb, row.vips.iter())?;
                row.health_checks.iter().try_for_each(|check| checked_vip(plan.lb, check))?;
            }
            Operation::Update(update) => {
                must_be_guarded(plan.lb, update.row, &known, &guarded)?;
                well_formed(plan.lb, update.vips.set.iter())?;
                let touched = update.external_ids.remove.iter().chain(update.external_ids.set.keys());
                if let Some(key) = touched.into_iter().find(|key| !keys::is_managed(key)) {
                    return Err(unsound(format!("key {key:?} of row {} is not ours", update.row)));
                }
            }
            Operation::Delete { row } => {
                must_be_guarded(plan.lb, *row, &known, &guarded)?;
                deleted.insert(*row);
            }
            Operation::InsertCheck { load_balancer, check } => {
                must_be_guarded(plan.lb, *load_balancer, &known, &guarded)?;
                checked_vip(plan.lb, check)?;
            }
            Operation::UpdateCheck { load_balancer, check, .. }
            | Operation::RemoveCheck { load_balancer, check } => {
                must_be_guarded(plan.lb, *load_balancer, &known, &guarded)?;
                let of_row = existing.iter().filter(|existing| existing.row.uuid == *load_balancer);
                if !of_row.flat_map(|existing| &existing.row.health_checks).any(|row| row.uuid == *check) {
                    return Err(unsound(format!("health check {check} is not of row {load_balancer}")));
                }
            }
            // See below.
            Operation::InsertAcl(_) | Operation::RemoveAcl(_) => {}
            Operation::MemberFloatingIp { before, after } => {
                if !before.differs_only_in_ours(after) {
                    return Err(unsound(format!("too much of floating IP {} is changed", before.uuid)));
                }
            }
            Operation::Attach { row, .. } | Operation::Detach { from: _, row } => {
                if !inserted.contains(row) {
                    must_be_guarded(plan.lb, *row, &known, &guarded)?;
                }
            }
        }
    }
    check_acls(plan, existing, &guarded, ownership)?;
    if let Some(row) = deleted.intersection(&inserted).next() {
        return Err(unsound(format!("row {row} is deleted and inserted at once")));
    }
    Ok(())
}

/// Rules are the deployment's own, for this load balancer, and follow from all of its rows.
fn check_acls(
    plan: &Plan,
    existing: &[Existing],
    guarded: &BTreeSet<Uuid>,
    ownership: &Ownership,
) -> Result<(), PlanError> {
    let rules = plan.operations.iter().filter_map(|operation| match operation {
        Operation::InsertAcl(acl) => Some(acl),
        Operation::RemoveAcl(existing) => Some(&existing.acl),
        _ => None,
    });
    for acl in rules {
        if !acl.is_of(plan.lb, ownership) {
            let why = format!("the rule {:?} of switch {} is not ours", acl.matches, acl.switch);
            return Err(PlanError::Unsound { lb: plan.lb, why });
        }
        let unguarded = existing.iter().map(|existing| existing.row.uuid).find(|row| !guarded.contains(row));
        if let Some(row) = unguarded {
            let why = format!("rules change, but row {row} is not guarded");
            return Err(PlanError::Unsound { lb: plan.lb, why });
        }
    }
    Ok(())
}

fn must_be_guarded(
    lb: LoadBalancerId,
    row: Uuid,
    known: &BTreeSet<Uuid>,
    guarded: &BTreeSet<Uuid>,
) -> Result<(), PlanError> {
    if known.contains(&row) && guarded.contains(&row) {
        return Ok(());
    }
    Err(PlanError::Unsound { lb, why: format!("row {row} is changed but was not read or not guarded") })
}

fn checked_vip(lb: LoadBalancerId, check: &HealthCheckRow) -> Result<(), PlanError> {
    let nobody = String::new();
    // The reference's, for a pool without listener.
    if !check.vip.is_empty() {
        well_formed(lb, std::iter::once((&check.vip, &check.vip)))?;
    }
    match check.external_ids.get(keys::CHECK_MONITOR).unwrap_or(&nobody).is_empty() {
        true => {
            Err(PlanError::Unsound { lb, why: format!("the health check of {:?} has no monitor", check.vip) })
        }
        false => Ok(()),
    }
}

fn well_formed<'a>(
    lb: LoadBalancerId,
    vips: impl Iterator<Item = (&'a String, &'a String)>,
) -> Result<(), PlanError> {
    for (vip, backends) in vips {
        let bad = |text: &str| text.parse::<std::net::SocketAddr>().map_or(true, |socket| socket.port() == 0);
        // Nobody: what comes is refused.
        let backends = Some(backends.split(',')).filter(|_| !backends.is_empty()).into_iter().flatten();
        if let Some(text) = std::iter::once(vip.as_str()).chain(backends).find(|text| bad(text)) {
            return Err(PlanError::Unsound { lb, why: format!("{text:?} is not an address and port") });
        }
    }
    Ok(())
}

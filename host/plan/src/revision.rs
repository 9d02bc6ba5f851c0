//! The revision of a load balancer's rows: a count of its writes, in the rows themselves.
//!
//! Every plan that changes a row gives the row the load balancer's next revision, in the same operation, so it costs no
//! write of its own; guards compare it with everything else in `external_ids`, so two hosts never give the same one to
//! two states of a row. It is no part of what a row should be: no plan is made for its sake, and neither hash covers it.
//!
//! A host that remembers revisions sees by them that the database holds an older state than it did.

use crate::{
    keys,
    operations::{Operation, Plan},
    row::{Existing, LoadBalancerRow},
};

/// The revision of a row; `None` where nobody has written one.
pub fn of_row(row: &LoadBalancerRow) -> Option<u64> {
    parse(row.external_ids.get(keys::REVISION)?)
}

/// Reads a revision.
pub fn parse(text: &str) -> Option<u64> {
    text.parse().ok()
}

/// The revision of a load balancer: the highest of its rows.
pub fn of_rows(existing: &[Existing]) -> Option<u64> {
    existing.iter().filter_map(|existing| of_row(&existing.row)).max()
}

/// The revision that comes after a load balancer's own.
pub(crate) fn next(existing: &[Existing]) -> u64 {
    of_rows(existing).unwrap_or_default().saturating_add(1)
}

/// Gives a row that is ours a revision.
pub(crate) fn set(row: &mut LoadBalancerRow, revision: u64) {
    // A row that is given back has no keys of ours.
    if row.external_ids.contains_key(keys::OWNER) {
        row.external_ids.insert(keys::REVISION.to_owned(), revision.to_string());
    }
}

/// Lets the rows of a load balancer that has none with a revision continue after the revision it had before: its rows
/// were all gone, or were another driver's meanwhile.
pub fn continue_after(plan: &mut Plan, existing: &[Existing], before: u64) {
    if of_rows(existing).is_some() {
        return;
    }
    for operation in &mut plan.operations {
        let keys = match operation {
            Operation::Insert(row) => &mut row.external_ids,
            Operation::Update(update) => &mut update.external_ids.set,
            _ => continue,
        };
        if let Some(revision) = keys.get_mut(keys::REVISION) {
            *revision = before.saturating_add(1).to_string();
        }
    }
}

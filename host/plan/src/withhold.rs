//! Rows that are created without their `vips`, which follow in a transaction of their own: for watchers that react to
//! updates of `vips` alone.

use std::collections::BTreeSet;

use crate::{
    edited,
    operations::{Operation, Plan},
    row::Existing,
    words::Words,
};

/// Takes `vips` out of the rows that a plan inserts; says whether there were any. What is planned after its commit adds them.
///
/// A row keeps them where the plan takes one of them from a row that serves it now: nothing that is served is interrupted.
pub fn withhold_vips(plan: &mut Plan, existing: &[Existing], words: &Words) -> bool {
    let served: BTreeSet<String> = plan
        .operations
        .iter()
        .flat_map(|operation| match operation {
            Operation::Update(update) => update.vips.remove.iter().cloned().collect(),
            Operation::Delete { row } => {
                let deleted = existing.iter().filter(|existing| existing.row.uuid == *row);
                deleted.flat_map(|existing| existing.row.vips.keys().cloned()).collect()
            }
            _ => Vec::new(),
        })
        .collect();
    let mut withheld = false;
    for operation in &mut plan.operations {
        let Operation::Insert(row) = operation else { continue };
        if row.vips.is_empty() || row.vips.keys().any(|vip| served.contains(vip)) {
            continue;
        }
        row.vips.clear();
        edited::mark(row, words);
        withheld = true;
    }
    withheld
}

//! A guard that fails although the replica shows no newer row: the replica is wrong.
//!
//! A server tells every edit before it answers a transaction that meets it. So a guard may fail once for an edit that is
//! on its way behind another server's answer (a relay), but where it fails again and none of the rows that it names has
//! changed in the replica, the replica lacks an edit for good, and every further plan would be made on the same rows.

use std::{
    collections::{BTreeMap, HashMap},
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use uuid::Uuid;
use weir_model::LoadBalancerId;
use weir_ovsdb::{Replica, Row};
use weir_plan::{Existing, Operation};

use crate::limits;

/// Rows as the replica has them; `None` where it has none.
type Rows = BTreeMap<(&'static str, Uuid), Option<Row>>;

/// What the last failed guard of each load balancer has shown. It outlives a worker: a task that rests on Octavia's version is
/// given up at its first failure and comes again as another one.
#[derive(Default)]
pub struct Doubts(Mutex<HashMap<LoadBalancerId, Rows>>);

impl Doubts {
    /// A guard of these operations, or of these rows, has failed. Says whether that proves the replica wrong.
    pub fn guard_failed(
        &self,
        lb: LoadBalancerId,
        replica: &Replica,
        operations: &[Operation],
        existing: &[Existing],
    ) -> bool {
        let rows: Rows = named(operations, existing)
            .map(|(table, uuid)| ((table, uuid), replica.get(table, &uuid).cloned()))
            .collect();
        self.0.lock().insert(lb, rows.clone()) == Some(rows)
    }

    /// The operations were committed, or failed for another reason.
    pub fn clear(&self, lb: LoadBalancerId) {
        self.0.lock().remove(&lb);
    }

    /// The replica was read again.
    pub fn clear_all(&self) {
        self.0.lock().clear();
    }
}

/// The rows that guards and inserts name; those that were read where there is nothing to do.
fn named<'a>(
    operations: &'a [Operation],
    existing: &'a [Existing],
) -> impl Iterator<Item = (&'static str, Uuid)> + use<'a> {
    const ROWS: &str = "Load_Balancer";
    const CHECKS: &str = "Load_Balancer_Health_Check";
    let in_operations = operations.iter().flat_map(|operation| match operation {
        Operation::Guard { row, .. } => vec![(ROWS, *row)],
        Operation::Insert(row) => {
            let checks = row.health_checks.iter().map(|check| (CHECKS, check.uuid));
            checks.chain([(ROWS, row.uuid)]).collect()
        }
        Operation::InsertCheck { check, .. } => vec![(CHECKS, check.uuid)],
        Operation::MemberFloatingIp { before, .. } => vec![("NAT", before.uuid)],
        _ => Vec::new(),
    });
    let read = existing.iter().filter(|_| operations.is_empty());
    in_operations.chain(read.map(|existing| (ROWS, existing.row.uuid)))
}

/// How often the replica may be read anew: reading a large Northbound costs the server and everybody else.
#[derive(Default)]
pub struct Rereads(Mutex<Option<Reread>>);

struct Reread {
    at: Instant,
    pause: Duration,
}

impl Rereads {
    /// Whether the replica may be read anew at `now`; the next time is some time later then, and later each time.
    pub fn allow(&self, now: Instant) -> bool {
        let mut last = self.0.lock();
        let pause = match &*last {
            Some(last) if now < last.at + last.pause => return false,
            Some(last) if now < last.at + limits::REREAD_PAUSE_MAX => {
                (last.pause * 2).min(limits::REREAD_PAUSE_MAX)
            }
            _ => limits::REREAD_PAUSE,
        };
        *last = Some(Reread { at: now, pause });
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rereads_in_a_row_come_at_growing_intervals() {
        let (rereads, start) = (Rereads::default(), Instant::now());
        let second = Duration::from_secs(1);
        assert!(rereads.allow(start));
        assert!(!rereads.allow(start + limits::REREAD_PAUSE - second));
        let next = start + limits::REREAD_PAUSE;
        assert!(rereads.allow(next));
        assert!(!rereads.allow(next + 2 * limits::REREAD_PAUSE - second));
        let late = next + limits::REREAD_PAUSE_MAX;
        assert!(rereads.allow(late), "what was long ago does not count");
        assert!(rereads.allow(late + limits::REREAD_PAUSE));
    }
}

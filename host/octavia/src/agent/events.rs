//! What the dispatcher tells its owner.

use uuid::Uuid;

use super::{AgentError, L7Policy, StatusUpdate};

/// What the dispatcher tells its owner.
///
/// The methods are called from the dispatcher's tasks: they must neither block nor panic. `sending` and `sent` may be
/// called for several messages at the same time; `delivered` and `missing` are called one after the other.
pub trait Events: Send + Sync + 'static {
    /// A message with this many records is about to be sent.
    fn sending(&self, records: usize) {
        let _ = records;
    }

    /// The outcome of sending a message with this many records is known, and nothing has been made of it yet. Comes once
    /// for each `sending`, in another order where a later message passes an earlier one.
    fn sent(&self, outcome: &Result<(), AgentError>, records: usize) {
        let _ = (outcome, records);
    }

    /// The L7 policies that Octavia holds of a load balancer are these now; none has an effect. Comes when they change.
    fn l7_policies(&self, lb: Uuid, policies: Vec<L7Policy>) {
        let _ = (lb, policies);
    }

    /// These statuses are delivered, superseded, dropped or given up, by the outbox's numbers. Each number comes once.
    fn delivered(&self, seqs: Vec<u64>);

    /// Octavia will never know this created object: it has rolled back the transaction that created it, or has denied
    /// the object for as long as [`DispatcherSettings`](super::DispatcherSettings) say. Comes just before the status's
    /// numbers come as delivered.
    fn missing(&self, update: StatusUpdate);
}

//! What happens between two tries of a change.

use std::time::{Duration, Instant};

use tokio::time::sleep;
use tracing::warn;
use weir_model::LoadBalancerId;
use weir_plan::{Existing, Operation};

use super::Host;
use crate::northbound::committer::CommitError;

impl Host {
    /// A guard of a plan has failed. Where the replica is wrong, it is read in full again.
    pub(super) async fn doubt_replica(
        &self,
        lb: LoadBalancerId,
        operations: &[Operation],
        existing: &[Existing],
        why: &str,
    ) {
        let proven = self.doubts.guard_failed(lb, &self.northbound.replica(), operations, existing);
        if proven && self.rereads.allow(Instant::now()) {
            self.metrics.transactions.rereads.inc();
            warn!(%lb, why, "replica lacks an edit that the Northbound has, reading it anew");
            self.northbound.reread().await;
            self.doubts.clear_all();
        }
    }

    /// A stale plan is made again at once, then with growing pauses; without connection it waits for the next full read.
    pub(super) async fn wait_to_retry(&self, error: &CommitError, pause: Duration) {
        if let CommitError::Connection(_) = error {
            let mut status = self.northbound.status();
            // An error means that the client has ended, and this host with it.
            let _ = status.wait_for(|status| status.synced).await;
        }
        sleep(pause).await;
    }
}

//! A failover to another flavor.

use std::sync::Arc;

use tokio::time::sleep;
use tracing::{info, warn};
use weir_model::LoadBalancerId;

use super::{
    Host,
    sync::{Look, Outcome},
};
use crate::limits;

impl Host {
    /// Makes a load balancer as Octavia says once the transaction around the failover is over: Octavia may store the new flavor
    /// only in it. A call has asked for this, so it needs neither the lock nor leave to repair.
    pub(super) fn take_new_flavor(self: &Arc<Self>, lb: LoadBalancerId) {
        let host = self.clone();
        tokio::spawn(async move {
            sleep(limits::OCTAVIA_COMMIT).await;
            match host.look(lb, false).await {
                Look::Done(Outcome::Failed { why }) => {
                    warn!(%lb, why, "failover cannot take its new flavor; `weir sync` does");
                }
                Look::Done(Outcome::Busy) => {
                    warn!(%lb, "failover cannot take its new flavor; `weir sync` does")
                }
                _ => info!(%lb, "failover has taken its new flavor"),
            }
        });
    }
}

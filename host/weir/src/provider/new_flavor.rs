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
            let mut warned = false;
            loop {
                sleep(limits::OCTAVIA_COMMIT).await;
                let why = match host.look(lb, false).await {
                    Look::Done(Outcome::Failed { why }) => why,
                    Look::Done(Outcome::Busy) => "changes came again and again".to_owned(),
                    Look::Done(Outcome::Foreign) | Look::Denied => {
                        return info!(%lb, "load balancer of a failover to another flavor is gone");
                    }
                    Look::Done(_) => return info!(%lb, "failover has taken its new flavor"),
                };
                // It is paused, say, or the driver-agent is away.
                if !std::mem::replace(&mut warned, true) {
                    warn!(%lb, why, "failover cannot take its new flavor yet, will retry");
                }
            }
        });
    }
}

//! Load balancers with a call around which Octavia's transaction may still be open: what the get socket says of them may lack
//! what has been accepted.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use weir_model::LoadBalancerId;

use crate::limits;

/// The load balancers.
#[derive(Default)]
pub struct Open(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    /// When the last call was accepted.
    calls: HashMap<LoadBalancerId, Instant>,
    /// Statuses of load balancers themselves, by the outbox's numbers, with the call that they were for.
    statuses: HashMap<u64, (LoadBalancerId, Instant)>,
}

impl Open {
    /// A call was accepted.
    pub fn begin(&self, lb: LoadBalancerId, accepted: Instant) {
        let mut inner = self.0.lock();
        if inner.calls.len() >= limits::REMEMBERED_CHANGES {
            inner.calls.retain(|_, at| at.elapsed() < limits::OCTAVIA_COMMIT);
        }
        inner.calls.insert(lb, accepted);
    }

    /// A status of the load balancer itself is on its way: it arrives only when Octavia's transaction is over, which holds
    /// the load balancer's row lock.
    pub fn watch(&self, lb: LoadBalancerId, seq: u64) {
        let mut inner = self.0.lock();
        if let Some(accepted) = inner.calls.get(&lb).copied() {
            inner.statuses.insert(seq, (lb, accepted));
        }
    }

    /// These statuses have arrived, or will never be sent.
    pub fn arrived(&self, seqs: &[u64]) {
        let mut inner = self.0.lock();
        for seq in seqs {
            if let Some((lb, accepted)) = inner.statuses.remove(seq)
                && inner.calls.get(&lb) == Some(&accepted)
            {
                inner.calls.remove(&lb);
            }
        }
    }

    /// How long it may still take until Octavia's word is to be had.
    pub fn remaining(&self, lb: LoadBalancerId, now: Instant) -> Option<Duration> {
        let accepted = *self.0.lock().calls.get(&lb)?;
        let over = accepted + limits::OCTAVIA_COMMIT;
        (over > now).then(|| over - now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_that_arrives_ends_its_own_call_and_no_later_one() {
        let (open, now) = (Open::default(), Instant::now());
        let lb: LoadBalancerId = uuid::Uuid::from_u128(1).into();
        open.begin(lb, now);
        open.watch(lb, 1);
        let later = now + Duration::from_secs(1);
        open.begin(lb, later);
        open.watch(lb, 2);
        open.arrived(&[1]);
        assert_eq!(open.remaining(lb, later), Some(limits::OCTAVIA_COMMIT));
        open.arrived(&[2]);
        assert_eq!(open.remaining(lb, later), None);
        open.begin(lb, now);
        assert_eq!(open.remaining(lb, now + limits::OCTAVIA_COMMIT), None, "no transaction takes that long");
    }
}

//! Load balancers that would look otherwise if all plugins worked: they are planned again until they do.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use weir_model::LoadBalancerId;

use super::Host;
use crate::limits;

/// The load balancers, each with its next try.
#[derive(Default)]
pub struct Unsettled(Mutex<BTreeMap<LoadBalancerId, Try>>);

struct Try {
    at: Instant,
    pause: Duration,
}

impl Unsettled {
    /// Notes how a load balancer was planned.
    pub fn note(&self, lb: LoadBalancerId, unsettled: bool) {
        let mut all = self.0.lock();
        if unsettled {
            let pause = limits::UNSETTLED_MIN;
            all.entry(lb).or_insert_with(|| Try { at: Instant::now() + pause, pause });
        } else {
            all.remove(&lb);
        }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.0.lock().len()
    }

    /// Those whose time has come; each pause is twice the one before.
    fn due(&self, now: Instant) -> Vec<LoadBalancerId> {
        let mut all = self.0.lock();
        let due = all.iter_mut().filter(|(_, next)| next.at <= now);
        let due = due.map(|(lb, next)| {
            next.pause = (next.pause * 2).min(limits::UNSETTLED_MAX);
            next.at = now + next.pause;
            *lb
        });
        due.collect()
    }

    fn forget(&self, lb: LoadBalancerId) {
        self.0.lock().remove(&lb);
    }
}

impl Host {
    /// Plans unsettled load balancers again, for ever.
    pub async fn settle(self: Arc<Self>) {
        loop {
            tokio::time::sleep(limits::UNSETTLED_MIN).await;
            let due = self.unsettled.due(Instant::now());
            // What is under way is planned anyway.
            let idle = |lb: &LoadBalancerId| self.queues.pending(*lb).is_empty();
            let due: Vec<_> = due.into_iter().filter(idle).collect();
            let (there, gone): (Vec<_>, Vec<_>) = due.into_iter().partition(|lb| self.graph(*lb).is_some());
            gone.into_iter().for_each(|lb| self.unsettled.forget(lb));
            if !there.is_empty() {
                self.reconcile_all(there);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_and_end_with_a_good_plan() {
        let unsettled = Unsettled::default();
        let lb: LoadBalancerId = "10000000-0000-4000-8000-000000000001".parse().unwrap();
        let mut now = Instant::now();
        unsettled.note(lb, true);
        assert!(unsettled.due(now).is_empty());
        let mut pause = limits::UNSETTLED_MIN;
        now += pause + Duration::from_secs(1);
        for _ in 0..12 {
            assert_eq!(unsettled.due(now), [lb]);
            // A bad plan in between changes nothing.
            unsettled.note(lb, true);
            pause = (pause * 2).min(limits::UNSETTLED_MAX);
            assert!(unsettled.due(now + pause - Duration::from_millis(1)).is_empty());
            now += pause;
        }
        assert_eq!(pause, limits::UNSETTLED_MAX);
        unsettled.note(lb, false);
        assert_eq!(unsettled.count(), 0);
    }
}

//! Changes that are tried: since when, and why they are not done. One that is tried for [`limits::STUCK`] is stuck; its
//! objects stay PENDING in Octavia.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use tracing::warn;
use uuid::Uuid;
use weir_model::LoadBalancerId;

use super::changes::Record;
use crate::limits;

/// Names at most so many stuck load balancers: an answer must stay readable.
const NAMED: usize = 5;

/// The changes that workers try, by load balancer: the oldest of each queue.
#[derive(Default)]
pub struct Tries(Mutex<HashMap<LoadBalancerId, Try>>);

struct Try {
    change: Uuid,
    method: &'static str,
    since: Instant,
    /// Why the last try failed.
    error: Option<String>,
    warned: bool,
}

impl Tries {
    /// A worker tries a change, now or still.
    pub fn trying(&self, lb: LoadBalancerId, record: &Record, now: Instant) {
        let fresh =
            || Try { change: record.id, method: record.method, since: now, error: None, warned: false };
        let mut tries = self.0.lock();
        let one = tries.entry(lb).or_insert_with(fresh);
        if one.change != record.id {
            *one = fresh();
        }
    }

    /// A try has failed, and is made again.
    pub fn failed(&self, lb: LoadBalancerId, code: &str, error: String, now: Instant) {
        let mut tries = self.0.lock();
        let Some(one) = tries.get_mut(&lb) else { return };
        let seconds = now.saturating_duration_since(one.since).as_secs();
        if seconds >= limits::STUCK.as_secs() && !std::mem::replace(&mut one.warned, true) {
            warn!(%lb, change = %one.change, method = one.method, seconds, code, error, "change is stuck, still retrying");
        }
        one.error = Some(error);
    }

    /// Nothing of the load balancer is tried any more, or it waits on purpose.
    pub fn end(&self, lb: LoadBalancerId) {
        self.0.lock().remove(&lb);
    }

    /// The stuck ones: how many, and a few of them in words.
    pub fn stuck(&self, now: Instant) -> (usize, String) {
        let tries = self.0.lock();
        let age = |one: &Try| now.saturating_duration_since(one.since);
        let mut stuck: Vec<(Duration, LoadBalancerId, &Try)> = tries
            .iter()
            .map(|(lb, one)| (age(one), *lb, one))
            .filter(|(age, ..)| *age >= limits::STUCK)
            .collect();
        stuck.sort_by_key(|(age, lb, _)| (std::cmp::Reverse(*age), *lb));
        let words = stuck.iter().take(NAMED).map(|(age, lb, one)| {
            let why = one.error.as_deref().unwrap_or("no answer yet");
            format!("{} of load balancer {lb} for {} s: {why}", one.method, age.as_secs())
        });
        let words: Vec<_> = words.collect();
        (stuck.len(), words.join("; "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn change_tried_for_a_minute_is_stuck_until_another_is_tried() {
        let (tries, start) = (Tries::default(), Instant::now());
        let lb: LoadBalancerId = Uuid::from_u128(1).into();
        let record = Record::passing("member_create", lb, None);
        tries.trying(lb, &record, start);
        let late = start + limits::STUCK;
        assert_eq!(tries.stuck(late - Duration::from_secs(1)).0, 0);
        tries.trying(lb, &record, late);
        tries.failed(lb, "stale", "the rows have changed".to_owned(), late);
        let (count, words) = tries.stuck(late);
        assert_eq!(count, 1);
        assert!(words.contains("member_create") && words.contains("the rows have changed"), "{words}");
        tries.trying(lb, &Record::passing("member_create", lb, None), late);
        assert_eq!(tries.stuck(late).0, 0, "it is another one's turn");
        tries.end(lb);
        assert_eq!(tries.stuck(late + limits::STUCK).0, 0);
    }
}

//! What is counted of a plugin's calls.

use std::collections::BTreeMap;
use std::time::Duration;

use parking_lot::Mutex;

use crate::Failure;

/// Calls whose latency is remembered.
const REMEMBERED: usize = 1024;

/// What a plugin's calls have been so far.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct Stats {
    /// Calls, refused and failed ones included.
    pub calls: u64,
    /// Calls that the plugin refused.
    pub refusals: u64,
    /// Calls that failed.
    pub failures: u64,
    /// The failures by their code.
    pub failures_by_code: BTreeMap<&'static str, u64>,
    /// Calls that were not made, since the plugin was out of use.
    pub turned_away: u64,
    /// Time that all calls took together.
    pub seconds: f64,
    /// Fuel that all calls used together.
    pub fuel: u64,
    /// Log lines that were dropped, since the plugin logs too much.
    pub log_lines_dropped: u64,
    /// The last failure, in words.
    pub last_error: Option<String>,
    /// Median latency of the last 1024 calls, instantiation and checks included. Zero before the first.
    pub p50: Duration,
    /// Latency that one of a hundred of the last 1024 calls exceeded.
    pub p99: Duration,
    /// Most fuel that one call used.
    pub fuel_max: u64,
    /// Most linear memory that one call had, in bytes.
    pub memory_max: usize,
}

#[derive(Default)]
pub(crate) struct Counters(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    /// Everything but the percentiles.
    stats: Stats,
    /// A ring of the last latencies; `next` is the oldest once it is full.
    latencies: Vec<Duration>,
    next: usize,
}

impl Counters {
    pub fn called(&self, latency: Duration, fuel: u64, memory: usize) {
        let mut inner = self.0.lock();
        inner.stats.calls += 1;
        inner.stats.seconds += latency.as_secs_f64();
        inner.stats.fuel = inner.stats.fuel.saturating_add(fuel);
        inner.stats.fuel_max = inner.stats.fuel_max.max(fuel);
        inner.stats.memory_max = inner.stats.memory_max.max(memory);
        let next = inner.next;
        match inner.latencies.get_mut(next) {
            Some(place) => *place = latency,
            None => inner.latencies.push(latency),
        }
        inner.next = (next + 1) % REMEMBERED;
    }

    pub fn refused(&self) {
        self.0.lock().stats.refusals += 1;
    }

    pub fn failed(&self, failure: &Failure) {
        let mut inner = self.0.lock();
        inner.stats.failures += 1;
        *inner.stats.failures_by_code.entry(failure.code()).or_default() += 1;
        inner.stats.last_error = Some(failure.to_string());
    }

    pub fn turned_away(&self) {
        self.0.lock().stats.turned_away += 1;
    }

    pub fn reset(&self) {
        *self.0.lock() = Inner::default();
    }

    pub fn read(&self) -> Stats {
        let (mut stats, mut latencies) = {
            let inner = self.0.lock();
            (inner.stats.clone(), inner.latencies.clone())
        };
        latencies.sort_unstable();
        let at = |percent: usize| {
            let rank = (latencies.len() * percent).div_ceil(100).saturating_sub(1);
            latencies.get(rank).copied().unwrap_or_default()
        };
        stats.p50 = at(50);
        stats.p99 = at(99);
        stats
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_the_last_calls() {
        let counters = Counters::default();
        for _ in 0..REMEMBERED {
            counters.called(Duration::from_secs(9), 1, 1);
        }
        for n in 1..=REMEMBERED as u64 {
            counters.called(Duration::from_micros(n), n, 1);
        }
        let stats = counters.read();
        assert_eq!(stats.calls, 2 * REMEMBERED as u64);
        assert_eq!(stats.fuel_max, REMEMBERED as u64);
        assert_eq!(stats.p50, Duration::from_micros(512));
        assert_eq!(stats.p99, Duration::from_micros(1014));
    }

    #[test]
    fn nothing_called_is_nothing_counted() {
        assert_eq!(Counters::default().read(), Stats::default());
    }

    #[test]
    fn one_call_is_every_percentile() {
        let counters = Counters::default();
        counters.called(Duration::from_micros(7), 1, 1);
        assert_eq!(counters.read().p50, Duration::from_micros(7));
        assert_eq!(counters.read().p99, Duration::from_micros(7));
    }
}

//! How much of the host's log a plugin gets, over all its calls.

use std::time::Instant;

use parking_lot::Mutex;

/// Lines that a plugin may write at once.
const BURST: f64 = 200.0;
/// Lines that it may write a second, lastingly.
const RATE: f64 = 20.0;

/// A plugin's share of the log.
#[derive(Debug)]
pub(crate) struct LogBudget(Mutex<Inner>);

#[derive(Debug)]
struct Inner {
    left: f64,
    at: Instant,
    dropped: u64,
    /// Since the last line that was written.
    unsaid: u64,
}

impl Default for LogBudget {
    fn default() -> LogBudget {
        LogBudget(Mutex::new(Inner { left: BURST, at: Instant::now(), dropped: 0, unsaid: 0 }))
    }
}

impl LogBudget {
    /// Whether a line may be written, and then how many were dropped since the last one.
    pub fn take(&self, now: Instant) -> Option<u64> {
        let mut inner = self.0.lock();
        let passed = now.saturating_duration_since(inner.at).as_secs_f64();
        inner.left = (inner.left + passed * RATE).min(BURST);
        inner.at = now;
        if inner.left < 1.0 {
            inner.dropped += 1;
            inner.unsaid += 1;
            return None;
        }
        inner.left -= 1.0;
        Some(std::mem::take(&mut inner.unsaid))
    }

    /// Lines dropped so far.
    pub fn dropped(&self) -> u64 {
        self.0.lock().dropped
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_burst_then_a_trickle_and_what_was_dropped_is_said() {
        let (budget, now) = (LogBudget::default(), Instant::now());
        let at_once = (0..1000).filter(|_| budget.take(now).is_some()).count();
        assert_eq!((at_once, budget.dropped()), (200, 800));
        let later = now + Duration::from_secs(1);
        assert_eq!(budget.take(later), Some(800));
        assert_eq!(budget.take(later), Some(0));
        let rest = (0..1000).filter(|_| budget.take(later).is_some()).count();
        assert_eq!(rest, 18);
    }
}

//! Where to run plugin calls.
//!
//! A call takes tens of microseconds, and handing the thread's other work over to a new thread (`block_in_place`) costs
//! about as much. So calls run where they are, until one turns out to be slow; then, for a while, others are kept out of
//! the way. A slow call is bounded by the plugins' deadline in any case.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

/// Longer than this is slow.
const SLOW: Duration = Duration::from_millis(5);

/// How long caution lasts after a slow call, in seconds.
const CAUTION: u64 = 10;

/// Remembers slow calls.
pub struct Patience {
    start: Instant,
    /// Until when to be cautious, in seconds since `start`.
    until: AtomicU64,
}

impl Default for Patience {
    fn default() -> Self {
        Self { start: Instant::now(), until: AtomicU64::new(0) }
    }
}

impl Patience {
    /// Runs something that calls plugins.
    pub fn run<T>(&self, work: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let now = start.duration_since(self.start).as_secs();
        let result =
            if now < self.until.load(Ordering::Relaxed) { tokio::task::block_in_place(work) } else { work() };
        if start.elapsed() > SLOW {
            self.until.store(now + CAUTION, Ordering::Relaxed);
        }
        result
    }
}

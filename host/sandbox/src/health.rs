//! Whether a plugin is in use: one that keeps failing is not asked for a while.
//!
//! After so many failures in a row it is suspended; its calls fail at once, with the reason. After a pause one call is let
//! through: if that succeeds the plugin is back, else the pause doubles.

use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// The first pause. Short, so that one user's poison does not keep the plugin from everybody else.
const PAUSE_MIN: Duration = Duration::from_secs(1);
/// The longest pause.
const PAUSE_MAX: Duration = Duration::from_secs(60);

/// A plugin that is out of use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suspended {
    /// Since when.
    pub since: Instant,
    /// When a call is let through again.
    pub until: Instant,
    /// The failure that put it out of use, or the last one since.
    pub reason: String,
    pause: Duration,
}

#[derive(Debug)]
pub(crate) struct Health {
    after: u32,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    in_a_row: u32,
    suspended: Option<Suspended>,
}

impl Health {
    /// Suspends after so many failures in a row; 0 is never.
    pub fn new(after: u32) -> Health {
        Health { after, inner: Mutex::default() }
    }

    /// Whether a call may be made. In each pause's end one may; the others wait for its outcome.
    pub fn admit(&self, now: Instant) -> Result<(), Suspended> {
        let mut inner = self.inner.lock();
        match &mut inner.suspended {
            Some(suspended) if now < suspended.until => Err(suspended.clone()),
            Some(suspended) => {
                suspended.until = now + suspended.pause;
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// A call succeeded. True if that brings the plugin back.
    pub fn worked(&self) -> bool {
        let mut inner = self.inner.lock();
        inner.in_a_row = 0;
        inner.suspended.take().is_some()
    }

    /// A call failed. True if that puts the plugin out of use.
    pub fn failed(&self, now: Instant, reason: &str) -> bool {
        let mut inner = self.inner.lock();
        inner.in_a_row = inner.in_a_row.saturating_add(1);
        if let Some(suspended) = &mut inner.suspended {
            suspended.pause = (suspended.pause * 2).min(PAUSE_MAX);
            suspended.until = now + suspended.pause;
            reason.clone_into(&mut suspended.reason);
            return false;
        }
        let out = self.after > 0 && inner.in_a_row >= self.after;
        if out {
            inner.suspended = Some(Suspended {
                since: now,
                until: now + PAUSE_MIN,
                reason: reason.to_owned(),
                pause: PAUSE_MIN,
            });
        }
        out
    }

    /// If it is out of use: since when, until when, why.
    pub fn suspended(&self) -> Option<Suspended> {
        self.inner.lock().suspended.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_failures_in_a_row_count() {
        let (health, now) = (Health::new(3), Instant::now());
        assert!(!health.failed(now, "a") && !health.failed(now, "b"));
        assert!(!health.worked());
        assert!(!health.failed(now, "c") && !health.failed(now, "d"));
        assert!(health.admit(now).is_ok());
        assert!(health.failed(now, "e"));
        assert_eq!(health.admit(now).unwrap_err().reason, "e");
    }

    #[test]
    fn one_call_is_let_through_after_each_pause_and_pauses_double() {
        let (health, mut now) = (Health::new(1), Instant::now());
        assert!(health.failed(now, "first"));
        let mut expected = PAUSE_MIN;
        for _ in 0..10 {
            assert!(health.admit(now + expected - Duration::from_millis(1)).is_err());
            now += expected;
            assert!(health.admit(now).is_ok());
            assert!(health.admit(now).is_err(), "a second one at the same time");
            assert!(!health.failed(now, "again"));
            expected = (expected * 2).min(PAUSE_MAX);
        }
        assert_eq!(expected, PAUSE_MAX);
        assert!(health.worked());
        assert!(health.admit(now).is_ok() && health.suspended().is_none());
    }

    #[test]
    fn a_call_whose_outcome_never_came_does_not_block_for_ever() {
        let (health, now) = (Health::new(1), Instant::now());
        health.failed(now, "x");
        assert!(health.admit(now + PAUSE_MIN).is_ok());
        assert!(health.admit(now + PAUSE_MIN * 2).is_ok());
    }

    #[test]
    fn never_is_never() {
        let (health, now) = (Health::new(0), Instant::now());
        assert!((0..1000).all(|_| !health.failed(now, "x")));
        assert!(health.admit(now).is_ok());
    }
}

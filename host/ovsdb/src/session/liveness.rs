//! When a server that does not answer is given up.
//!
//! | while | given up | limit |
//! |---|---|---|
//! | nothing came on the connection yet, and there are other endpoints | after silence | [`Patience::first_answer`] |
//! | schema and data are read | after silence | [`SessionConfig::read_timeout`](super::SessionConfig) |
//! | the replica follows, nothing is asked | after silence, an echo and silence | twice `probe_interval` |
//! | a transaction waits for its answer | after silence, an echo and silence | twice [`QUIET`] |
//! | the same, and echoes are answered | in any case | [`ANSWER`] |
//!
//! The limits of transactions double each time a server was given up by them, until it answers one in time: a slow server
//! is one that answers in the end. A `probe_interval` of zero switches all of this off.

use std::time::{Duration, Instant};

use super::{Output, Pending, Reason, Session, State};

/// Silence after which a server that owes us the answer to a transaction is probed, and after which again it is given up.
/// ovsdb-server answers in milliseconds; what makes it silent longer (a large first read of another client, compaction)
/// is seldom, and costs a reconnect that resumes.
pub const QUIET: Duration = Duration::from_secs(2);

/// A transaction that has no answer for so long will hardly get one, although the server answers echoes: it has lost its
/// storage or the majority of its cluster without knowing.
pub const ANSWER: Duration = Duration::from_secs(10);

/// What a new connection is granted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Patience {
    /// How often the limits of transactions are doubled.
    pub doublings: u32,
    /// How long the first byte may take; `None` for as long as schema and data may.
    pub first_answer: Option<Duration>,
}

/// What a session has noticed of its connection.
#[derive(Debug)]
pub(super) struct Liveness {
    pub(super) last_received: Instant,
    /// When the echo was sent that nothing has come after.
    pub(super) probed: Option<Instant>,
    /// Whether anything came at all.
    heard: bool,
    patience: Patience,
}

impl Liveness {
    pub(super) fn new(now: Instant, patience: Patience) -> Self {
        Self { last_received: now, probed: None, heard: false, patience }
    }

    pub(super) fn heard(&mut self, now: Instant) {
        self.last_received = now;
        self.probed = None;
        self.heard = true;
    }

    /// A transaction was answered after so long.
    pub(super) fn answered(&mut self, after: Duration) {
        if after <= QUIET {
            self.patience.doublings = 0;
        }
    }

    fn doubled(&self, limit: Duration, max: Duration) -> Duration {
        let doubled = 2_u32.checked_pow(self.patience.doublings).and_then(|times| limit.checked_mul(times));
        doubled.unwrap_or(max).min(max)
    }
}

/// What is to be done about a silent server, and when.
enum Measure {
    Probe,
    GiveUp(Reason),
}

impl<T> Session<T> {
    /// When to say [`Input::Tick`](super::Input::Tick).
    pub fn deadline(&self) -> Option<Instant> {
        let lock = self.locks.next_request().filter(|_| self.is_synced());
        self.measure().map(|(at, _)| at).into_iter().chain(lock).min()
    }

    /// How often the limits of transactions are to be doubled on this server's next connection.
    pub fn doublings(&self) -> u32 {
        self.liveness.patience.doublings
    }

    pub(super) fn tick(&mut self, now: Instant, out: &mut Vec<Output<T>>) {
        match self.measure() {
            Some((at, Measure::Probe)) if at <= now => {
                self.liveness.probed = Some(now);
                self.request(Pending::Ignored, "echo", "[]", out);
            }
            Some((at, Measure::GiveUp(reason))) if at <= now => {
                if self.is_synced() && self.unanswered_since().is_some() {
                    let patience = &mut self.liveness.patience;
                    patience.doublings = patience.doublings.saturating_add(1);
                }
                return self.close(reason, out);
            }
            _ => {}
        }
        if self.is_synced() {
            for name in self.locks.take_refused(now) {
                // Whatever it was refused for: the server may believe that we are in its queue.
                self.request_unlock(&name, out);
                self.request_lock(name, out);
            }
        }
    }

    /// Since when the oldest transaction waits for its answer.
    fn unanswered_since(&self) -> Option<Instant> {
        self.pending.values().find_map(|pending| match pending {
            Pending::Transact { sent, .. } => Some(*sent),
            _ => None,
        })
    }

    /// The next measure, and when it is due.
    fn measure(&self) -> Option<(Instant, Measure)> {
        let interval = self.config.probe_interval;
        if interval.is_zero() {
            return None;
        }
        let Liveness { last_received, probed, heard, patience } = self.liveness;
        match self.state {
            State::Down | State::Closing => None,
            State::Asking | State::Reading => {
                let first = patience.first_answer.filter(|_| !heard);
                let limit =
                    first.map_or(self.config.read_timeout, |limit| limit.min(self.config.read_timeout));
                Some((last_received.checked_add(limit)?, Measure::GiveUp(Reason::Inactive)))
            }
            State::Following => {
                let since = self.unanswered_since();
                let quiet = self.liveness.doubled(QUIET, interval);
                let (silent, measure) = match probed {
                    None => {
                        let asked = since.and_then(|since| since.max(last_received).checked_add(quiet));
                        (asked.into_iter().chain(last_received.checked_add(interval)).min()?, Measure::Probe)
                    }
                    Some(probed) => {
                        // The echo of a long silence may be older than the transaction.
                        let due = since.and_then(|since| since.checked_add(quiet));
                        let asked = due.and_then(|due| probed.max(due).checked_add(quiet));
                        let at = asked.into_iter().chain(probed.checked_add(interval)).min()?;
                        (at, Measure::GiveUp(Reason::Inactive))
                    }
                };
                let longest = self.liveness.doubled(ANSWER, ANSWER.max(interval.saturating_mul(5)));
                let unanswered = since.and_then(|since| since.checked_add(longest));
                match unanswered.filter(|at| *at <= silent) {
                    Some(at) => Some((at, Measure::GiveUp(Reason::Unanswered))),
                    None => Some((silent, measure)),
                }
            }
        }
    }
}

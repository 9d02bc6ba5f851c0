//! When to connect where, as a state machine that is told the time.
//!
//! Endpoints are tried in order, each following at once on the failure of the one before. Only when all were tried in
//! vain there is a pause, which doubles from round to round. A connection that was of use for a while starts over.
//!
//! Pauses begin shorter where some server answered but was not fit: that is a cluster electing its leader, which takes
//! about its election timer (1 s unless set otherwise), and asking again costs it little.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::session::Patience;

/// The first pause, as in OVS.
pub const BACKOFF_MIN: Duration = Duration::from_secs(1);

/// The first pause after a round in which a server answered.
pub const BACKOFF_MIN_ANSWERED: Duration = Duration::from_millis(250);

/// How long a server may be silent after connecting, where there are others to try. Doubles from round to round: a busy
/// server is waited for in the end.
pub const FIRST_ANSWER: Duration = Duration::from_secs(4);

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Connect to the endpoint of this number.
    Connect(usize),
    /// Wait until then and ask again.
    Wait(Instant),
}

/// How a connection, or the attempt to make one, ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// The server answered that it is not fit, e.g. not the leader.
    Unfit,
    /// Anything else.
    Failed,
}

/// The state machine.
#[derive(Debug, Clone)]
pub struct Reconnect {
    endpoints: usize,
    next: usize,
    /// Endpoints tried in vain since the last pause.
    tried: usize,
    /// Whether one of them answered.
    answered: bool,
    /// Rounds in vain: how often the pause was doubled.
    rounds: u32,
    backoff_max: Duration,
    not_before: Option<Instant>,
    active_since: Option<Instant>,
    /// How often each endpoint's limits are doubled that are not the default.
    doublings: BTreeMap<usize, u32>,
}

impl Reconnect {
    /// For this many endpoints; pauses grow to `backoff_max`, which counts as [`BACKOFF_MIN`] when it is less.
    pub fn new(endpoints: usize, backoff_max: Duration) -> Self {
        Self {
            endpoints: endpoints.max(1),
            next: 0,
            tried: 0,
            answered: false,
            rounds: 0,
            backoff_max: backoff_max.max(BACKOFF_MIN),
            not_before: None,
            active_since: None,
            doublings: BTreeMap::new(),
        }
    }

    /// What to do at `now`, while there is no connection.
    pub fn action(&self, now: Instant) -> Action {
        match self.not_before {
            Some(until) if now < until => Action::Wait(until),
            _ => Action::Connect(self.next),
        }
    }

    /// The connection is of use: its replica follows the server.
    pub fn active(&mut self, now: Instant) {
        self.active_since.get_or_insert(now);
    }

    /// What the connection is granted that is made now.
    pub fn patience(&self) -> Patience {
        Patience {
            doublings: self.doublings.get(&self.next).copied().unwrap_or(0),
            first_answer: (self.endpoints > 1).then(|| self.doubled(FIRST_ANSWER)),
        }
    }

    /// How often the limits of the endpoint that is connected are to be doubled next time.
    pub fn double(&mut self, doublings: u32) {
        self.doublings.insert(self.next, doublings);
    }

    /// The connection, or the attempt to make one, has ended.
    pub fn ended(&mut self, now: Instant, ending: Ending) {
        self.not_before = None;
        self.next = (self.next + 1) % self.endpoints;
        // A server that is of use only for moments does not make a new round, or it would be asked without end.
        let enough = self.pause(BACKOFF_MIN);
        if self.active_since.take().is_some_and(|since| now.saturating_duration_since(since) >= enough) {
            (self.tried, self.answered, self.rounds) = (0, false, 0);
            return;
        }
        self.tried += 1;
        self.answered |= ending == Ending::Unfit;
        if self.tried >= self.endpoints {
            let first = if self.answered { BACKOFF_MIN_ANSWERED } else { BACKOFF_MIN };
            self.not_before = Some(now + self.pause(first));
            (self.tried, self.answered, self.rounds) = (0, false, self.rounds.saturating_add(1));
        }
    }

    fn pause(&self, first: Duration) -> Duration {
        self.doubled(first).min(self.backoff_max)
    }

    fn doubled(&self, first: Duration) -> Duration {
        2_u32.checked_pow(self.rounds).and_then(|times| first.checked_mul(times)).unwrap_or(Duration::MAX)
    }
}

#[cfg(test)]
mod tests;

//! The locks of a connection (RFC 7047, section 4.1.8).
//!
//! A lock belongs to the connection, not to the monitor: a canceled monitor leaves it where it is, and the server refuses
//! to be asked for it twice.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// The pause before a refused lock is asked for again; doubles to [`RETRY_MAX`].
const RETRY_MIN: Duration = Duration::from_millis(250);
/// See [`RETRY_MIN`]. A server that refuses for good costs two small requests a minute.
const RETRY_MAX: Duration = Duration::from_secs(30);

/// How a wanted lock stands on this connection.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Standing {
    /// Not asked for.
    #[default]
    Free,
    /// Requested; another client may hold it.
    Waiting,
    /// This connection holds it.
    Held,
    /// The server has refused to queue us; it is asked again then.
    Refused { again: Option<Instant> },
}

#[derive(Debug, Default)]
struct Lock {
    standing: Standing,
    /// Refusals in a row.
    refusals: u32,
}

/// The locks that are wanted.
#[derive(Debug, Default)]
pub(super) struct Locks(BTreeMap<String, Lock>);

impl Locks {
    /// True when it was not wanted before.
    pub(super) fn want(&mut self, name: &str) -> bool {
        if self.0.contains_key(name) {
            return false;
        }
        self.0.insert(name.to_owned(), Lock::default());
        true
    }

    /// True when this connection has asked for it.
    pub(super) fn give_up(&mut self, name: &str) -> bool {
        self.0.remove(name).is_some_and(|lock| lock.standing != Standing::Free)
    }

    /// Those that this connection has not asked for yet; from now on it has.
    pub(super) fn take_free(&mut self) -> Vec<String> {
        self.take(|standing| standing == Standing::Free)
    }

    /// Those that the server has refused, and that are to be asked for again by `now`; from now on they are.
    pub(super) fn take_refused(&mut self, now: Instant) -> Vec<String> {
        self.take(
            |standing| matches!(standing, Standing::Refused { again } if again.is_none_or(|at| at <= now)),
        )
    }

    fn take(&mut self, wanted: impl Fn(Standing) -> bool) -> Vec<String> {
        let locks = self.0.iter_mut().filter(|(_, lock)| wanted(lock.standing));
        locks
            .map(|(name, lock)| {
                lock.standing = Standing::Waiting;
                name.clone()
            })
            .collect()
    }

    /// When the next refused lock is to be asked for again.
    pub(super) fn next_request(&self) -> Option<Instant> {
        let refused = self.0.values().filter_map(|lock| match lock.standing {
            Standing::Refused { again } => again,
            _ => None,
        });
        refused.min()
    }

    /// The server has told whether we hold it. True when this is news, or the first good answer after a refusal.
    pub(super) fn told(&mut self, name: &str, held: bool) -> bool {
        let Some(lock) = self.0.get_mut(name) else { return false };
        let standing = if held { Standing::Held } else { Standing::Waiting };
        let was_held = std::mem::replace(&mut lock.standing, standing) == Standing::Held;
        was_held != held || std::mem::take(&mut lock.refusals) > 0
    }

    /// The server has refused to queue us. Gives whether it was held until now; `None` when it is not wanted any more.
    pub(super) fn refused(&mut self, name: &str, now: Instant) -> Option<bool> {
        let lock = self.0.get_mut(name)?;
        let pause = 2_u32.checked_pow(lock.refusals).and_then(|times| RETRY_MIN.checked_mul(times));
        lock.refusals = lock.refusals.saturating_add(1);
        let again = now.checked_add(pause.unwrap_or(RETRY_MAX).min(RETRY_MAX));
        Some(std::mem::replace(&mut lock.standing, Standing::Refused { again }) == Standing::Held)
    }

    /// All are lost with the connection; gives those that were held, or refused.
    pub(super) fn lost_all(&mut self) -> impl Iterator<Item = String> + use<'_> {
        self.0.iter_mut().filter_map(|(name, lock)| {
            let lost = std::mem::take(lock);
            (lost.standing == Standing::Held || lost.refusals > 0).then(|| name.clone())
        })
    }
}

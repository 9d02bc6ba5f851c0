//! Load balancers that are to be looked at, each when its time has come: what happens to one within a short time is looked
//! at once, and where somebody fights with us the pauses grow.

use std::{
    collections::{BTreeSet, HashMap},
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use tokio::sync::Notify;
use weir_model::LoadBalancerId;

use crate::limits;

/// Why a load balancer is to be looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// All are looked at: the lock was gained, the Northbound was read anew, work goes on after a pause.
    All,
    /// Its rows or attachments changed; perhaps by our own hand.
    Rows,
    /// The network around it changed.
    Network,
    /// Members' health changed.
    Health,
    /// Other plugins are in use.
    Plugins,
    /// Somebody else edited its rows, whatever they look like by now.
    Edited,
    /// It was made as Octavia says while a call may have been under way: once more.
    Again,
    /// The Northbound holds an older state than it did, which shows in no row.
    Restored,
    /// What Octavia says of it cannot be made: what its rows say counts.
    AsRows,
}

impl Reason {
    /// Whether Octavia is asked, whatever the rows look like.
    pub fn asks_octavia(&self) -> bool {
        matches!(self, Self::Edited | Self::Again | Self::Restored)
    }
}

/// Why, in all.
pub type Reasons = BTreeSet<Reason>;

/// The load balancers to be looked at.
#[derive(Default)]
pub struct Dirty {
    inner: Mutex<Inner>,
    /// Something was marked.
    pub marked: Notify,
}

#[derive(Default)]
struct Inner {
    /// Somebody takes what is marked.
    active: bool,
    marks: HashMap<LoadBalancerId, Mark>,
    order: BTreeSet<(Instant, LoadBalancerId)>,
    /// Marks that come at a later time.
    later: BTreeSet<(Instant, LoadBalancerId, Reason)>,
    fights: HashMap<LoadBalancerId, Fight>,
    /// Marks that nothing else shows, kept until marks count again.
    kept: BTreeSet<(Instant, LoadBalancerId, Reason)>,
    /// How many are being looked at.
    looking: usize,
}

struct Mark {
    reasons: Reasons,
    since: Instant,
    due: Instant,
}

/// Repairs of one load balancer that follow each other.
struct Fight {
    pause: Duration,
    /// Not looked at before.
    until: Instant,
}

impl Dirty {
    /// From now on marks count, until [`Self::stop`]. `all` are marked in the same moment: nobody sees that nothing is to
    /// be looked at before.
    pub fn start(&self, all: impl IntoIterator<Item = LoadBalancerId>, reason: Reason, now: Instant) {
        let mut inner = self.inner.lock();
        inner.active = true;
        all.into_iter().for_each(|lb| inner.mark(lb, reason, now, now));
        let kept = std::mem::take(&mut inner.kept);
        inner.later.extend(kept);
        drop(inner);
        self.marked.notify_one();
    }

    /// Marks are for nothing from now on, and forgotten, but for those by which Octavia is asked: what somebody has edited
    /// may not show any more.
    pub fn stop(&self) {
        let mut inner = self.inner.lock();
        let marks = inner.marks.iter();
        let marked = marks.flat_map(|(lb, mark)| mark.reasons.iter().map(|reason| (mark.due, *lb, *reason)));
        let all = marked.chain(inner.later.iter().copied());
        let mut kept: BTreeSet<_> = all.filter(|(.., reason)| reason.asks_octavia()).collect();
        kept.extend(&inner.kept);
        // Looks under way come to their end.
        *inner = Inner { looking: inner.looking, kept, ..Inner::default() };
    }

    /// Whether marks count.
    pub fn is_active(&self) -> bool {
        self.inner.lock().active
    }

    /// Marks a load balancer: it is looked at when nothing has happened to it for a moment, but before long.
    pub fn mark(&self, lb: LoadBalancerId, reason: Reason, now: Instant) {
        self.inner.lock().mark(lb, reason, now, now + limits::REPAIR_QUIET);
        self.marked.notify_one();
    }

    /// Marks many load balancers that can be looked at as soon as there is room.
    pub fn mark_all(&self, all: impl IntoIterator<Item = LoadBalancerId>, reason: Reason, now: Instant) {
        let mut inner = self.inner.lock();
        all.into_iter().for_each(|lb| inner.mark(lb, reason, now, now));
        drop(inner);
        self.marked.notify_one();
    }

    /// Marks a load balancer at a later time.
    pub fn mark_at(&self, lb: LoadBalancerId, reasons: &Reasons, at: Instant) {
        let mut inner = self.inner.lock();
        if inner.active {
            inner.later.extend(reasons.iter().map(|reason| (at, lb, *reason)));
        } else {
            let asking = reasons.iter().filter(|reason| reason.asks_octavia());
            inner.kept.extend(asking.map(|reason| (at, lb, *reason)));
        }
        drop(inner);
        self.marked.notify_one();
    }

    /// Takes load balancers whose time has come, `room` at the most. Each is to be given to [`Self::looked`] in the end.
    pub fn take(&self, now: Instant, room: usize) -> Vec<(LoadBalancerId, Reasons)> {
        let mut inner = self.inner.lock();
        while let Some((_, lb, reason)) = inner.later.first().copied().filter(|(at, ..)| *at <= now) {
            inner.later.pop_first();
            inner.mark(lb, reason, now, now);
        }
        let mut taken = Vec::new();
        while taken.len() < room {
            let Some((due, lb)) = inner.order.first().copied().filter(|(due, _)| *due <= now) else { break };
            inner.order.remove(&(due, lb));
            if let Some(mark) = inner.marks.remove(&lb) {
                taken.push((lb, mark.reasons));
            }
        }
        inner.looking += taken.len();
        taken
    }

    /// One that was taken has been looked at.
    pub fn looked(&self) {
        let mut inner = self.inner.lock();
        inner.looking = inner.looking.saturating_sub(1);
        drop(inner);
        self.marked.notify_one();
    }

    /// When the next one's time comes.
    pub fn next(&self) -> Option<Instant> {
        let inner = self.inner.lock();
        let marked = inner.order.first().map(|(due, _)| *due);
        let later = inner.later.first().map(|(at, ..)| *at);
        marked.into_iter().chain(later).min()
    }

    /// How many there are, those included that are being looked at.
    pub fn count(&self) -> usize {
        let inner = self.inner.lock();
        inner.marks.len() + inner.looking
    }

    /// How many marks come at a later time.
    pub fn later(&self) -> usize {
        self.inner.lock().later.len()
    }

    /// A load balancer had to be put right after an edit: if that comes again soon, it waits longer.
    pub fn repaired(&self, lb: LoadBalancerId, now: Instant) {
        let mut inner = self.inner.lock();
        inner.fights.retain(|_, fight| now < fight.until + limits::REPAIR_PEACE);
        let fight = inner.fights.entry(lb).or_insert(Fight { pause: limits::REPAIR_QUIET / 2, until: now });
        fight.pause = (fight.pause * 2).min(limits::REPAIR_PAUSE_MAX);
        fight.until = now + fight.pause;
    }
}

impl Inner {
    fn mark(&mut self, lb: LoadBalancerId, reason: Reason, now: Instant, at: Instant) {
        if !self.active {
            // A look that was under way when marks ceased to count.
            if reason.asks_octavia() {
                self.kept.insert((at, lb, reason));
            }
            return;
        }
        let not_before = self.fights.get(&lb).map(|fight| fight.until);
        let mark =
            self.marks.entry(lb).or_insert_with(|| Mark { reasons: Reasons::new(), since: now, due: at });
        self.order.remove(&(mark.due, lb));
        mark.reasons.insert(reason);
        let soon = at.min(mark.since + limits::REPAIR_QUIET_MAX);
        mark.due = not_before.map_or(soon, |not_before| soon.max(not_before));
        self.order.insert((mark.due, lb));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lb(n: u128) -> LoadBalancerId {
        uuid::Uuid::from_u128(n).into()
    }

    fn dirty() -> Dirty {
        let dirty = Dirty::default();
        dirty.start([], Reason::All, Instant::now());
        dirty
    }

    const MOMENT: Duration = Duration::from_millis(1);

    #[test]
    fn a_storm_is_looked_at_once_and_before_long() {
        let (dirty, start) = (dirty(), Instant::now());
        let mut now = start;
        while now < start + limits::REPAIR_QUIET_MAX - MOMENT {
            dirty.mark(lb(1), Reason::Rows, now);
            assert_eq!(dirty.take(now, 10), []);
            now += limits::REPAIR_QUIET / 2;
        }
        dirty.mark(lb(1), Reason::Network, now);
        assert_eq!(dirty.count(), 1);
        let due = dirty.next().unwrap();
        assert!(due <= start + limits::REPAIR_QUIET_MAX);
        assert_eq!(dirty.take(due, 10), [(lb(1), [Reason::Rows, Reason::Network].into())]);
        assert_eq!(dirty.next(), None);
    }

    #[test]
    fn what_is_being_looked_at_counts_until_it_has_been() {
        let (dirty, now) = (Dirty::default(), Instant::now());
        dirty.start([lb(1), lb(2)], Reason::All, now);
        assert_eq!(dirty.count(), 2);
        assert_eq!(dirty.take(now, 2).len(), 2);
        assert_eq!(dirty.count(), 2);
        dirty.looked();
        assert_eq!(dirty.count(), 1);
        dirty.stop();
        assert_eq!(dirty.count(), 1, "a look does not end with the lock");
        dirty.looked();
        assert_eq!(dirty.count(), 0);
    }

    #[test]
    fn that_octavia_is_to_be_asked_outlives_the_lock() {
        let (dirty, now) = (dirty(), Instant::now());
        dirty.mark(lb(1), Reason::Edited, now);
        dirty.mark(lb(2), Reason::Rows, now);
        dirty.mark_at(lb(3), &[Reason::Again, Reason::Network].into(), now + limits::OCTAVIA_COMMIT);
        dirty.stop();
        // A look that was under way.
        dirty.mark_at(lb(4), &[Reason::Edited, Reason::Network].into(), now);
        assert_eq!((dirty.next(), dirty.count()), (None, 0));
        dirty.start([lb(1)], Reason::All, now);
        let taken: std::collections::BTreeMap<_, _> = dirty.take(now, 10).into_iter().collect();
        assert_eq!(taken, [(lb(1), [Reason::All].into()), (lb(4), [Reason::Edited].into())].into());
        let take = |at| dirty.take(at, 10);
        assert_eq!(take(now + limits::REPAIR_QUIET), [(lb(1), [Reason::Edited].into())]);
        // In its own time.
        assert_eq!(take(now + limits::OCTAVIA_COMMIT - MOMENT), []);
        assert_eq!(take(now + limits::OCTAVIA_COMMIT), [(lb(3), [Reason::Again].into())]);
    }

    #[test]
    fn one_at_a_time_where_there_is_room_for_one() {
        let (dirty, now) = (dirty(), Instant::now());
        dirty.mark_all((1..=3).map(lb), Reason::All, now);
        let taken: Vec<_> = (0..4).map(|_| dirty.take(now, 1).len()).collect();
        assert_eq!(taken, [1, 1, 1, 0]);
    }

    #[test]
    fn a_mark_for_later_comes_then_and_not_with_others() {
        let (dirty, now) = (dirty(), Instant::now());
        let late = now + limits::OCTAVIA_COMMIT;
        dirty.mark_at(lb(1), &[Reason::Again].into(), late);
        assert_eq!(dirty.next(), Some(late));
        dirty.mark(lb(1), Reason::Rows, now);
        assert_eq!(dirty.take(now + limits::REPAIR_QUIET, 1), [(lb(1), [Reason::Rows].into())]);
        assert_eq!(dirty.take(late - MOMENT, 1), []);
        assert_eq!(dirty.take(late, 1), [(lb(1), [Reason::Again].into())]);
    }

    #[test]
    fn pauses_of_a_fight_grow_and_end_with_peace() {
        let (dirty, mut now) = (dirty(), Instant::now());
        let mut pause = limits::REPAIR_QUIET;
        for _ in 0..12 {
            dirty.repaired(lb(1), now);
            dirty.mark(lb(1), Reason::Rows, now);
            dirty.mark(lb(2), Reason::Rows, now);
            let others = dirty.take(now + limits::REPAIR_QUIET, 10);
            assert!(others.iter().any(|(other, _)| *other == lb(2)), "others do not wait");
            if pause > limits::REPAIR_QUIET {
                assert_eq!(dirty.take(now + pause - MOMENT, 10), []);
                assert_eq!(dirty.take(now + pause, 10).len(), 1);
            }
            now += pause;
            pause = (pause * 2).min(limits::REPAIR_PAUSE_MAX);
        }
        now += limits::REPAIR_PAUSE_MAX + limits::REPAIR_PEACE;
        dirty.repaired(lb(2), now);
        dirty.mark(lb(1), Reason::Rows, now);
        assert_eq!(dirty.take(now + limits::REPAIR_QUIET, 10).len(), 1);
    }
}

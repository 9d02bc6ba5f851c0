//! What waits for one object, and for one load balancer.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use uuid::Uuid;

use super::{ObjectKind, StatusRecord, StatusUpdate};

/// The first pause before something is tried again; doubles to [`PAUSE_MAX`].
pub(super) const PAUSE_MIN: Duration = Duration::from_millis(50);
/// See [`PAUSE_MIN`].
pub(super) const PAUSE_MAX: Duration = Duration::from_secs(5);
/// How long the other statuses that came with a new object's wait for it, so that a load balancer is not ACTIVE before
/// its new child is. Longer than any transaction of Octavia's API; a rolled back one must not hold the rest for long.
pub(super) const HOLD: Duration = Duration::from_secs(10);

/// A pause that doubles.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Pause {
    last: Option<Duration>,
    until: Option<Instant>,
}

impl Pause {
    pub fn longer(&mut self, now: Instant) {
        let next = self.last.map_or(PAUSE_MIN, |last| (last * 2).min(PAUSE_MAX));
        *self = Self { last: Some(next), until: Some(now + next) };
    }

    /// The time when it ends, while that is to come.
    pub fn until(&self, now: Instant) -> Option<Instant> {
        self.until.filter(|until| *until > now)
    }

    /// Whether what it is for failed the last time.
    pub fn failing(&self) -> bool {
        self.last.is_some()
    }
}

/// The statuses of one object, made one.
#[derive(Clone, Debug)]
pub(super) struct Waiting {
    pub update: StatusUpdate,
    /// The outbox's numbers of all statuses in it.
    pub seqs: Vec<u64>,
    /// The numbers of the calls in which they came, ascending: statuses with a number in common are held together.
    pub batches: Vec<u64>,
    /// The last of them that said that the object is new.
    pub new_in: u64,
    pub since: Instant,
    /// The get socket has shown what there is to be shown before sending.
    pub confirmed: bool,
    pub pause: Pause,
    /// When it was refused first and last.
    pub refused: Option<(Instant, Instant)>,
    pub first_absent: Option<Instant>,
    /// A message with nothing but this got no sensible answer.
    pub suspect: bool,
    /// Others do get one: sent by itself from now on, so that they are not held back.
    pub alone: bool,
}

impl Waiting {
    pub fn new(mut update: StatusUpdate, batch: u64, now: Instant) -> Self {
        if update.deleted {
            update.provisioning.get_or_insert_with(|| "DELETED".to_owned());
        }
        Self {
            seqs: vec![update.seq],
            batches: vec![batch],
            new_in: if update.created { batch } else { 0 },
            update,
            since: now,
            confirmed: false,
            pause: Pause::default(),
            refused: None,
            first_absent: None,
            suspect: false,
            alone: false,
        }
    }

    /// A status that is not in the outbox: it is sent with another one's, and found out again as long as that one waits.
    pub fn beside(other: &Self, update: StatusUpdate) -> Self {
        let batches = other.batches.clone();
        Self { seqs: Vec::new(), batches, ..Self::new(update, 0, other.since) }
    }

    /// Whether a new object has to show first.
    pub fn must_show(&self) -> bool {
        self.update.created && !self.update.deleted && !self.confirmed
    }

    /// Whether a deleted load balancer has to be known still: sending DELETED again after it is gone is an error.
    pub fn must_be_known(&self) -> bool {
        self.update.deleted && self.update.kind == ObjectKind::LoadBalancer && !self.confirmed
    }

    /// Whether the get socket has to be asked first.
    pub fn unsure(&self) -> bool {
        self.must_show() || self.must_be_known()
    }

    /// This one and, over it, a newer one.
    pub fn then(mut self, newer: Self) -> Self {
        let new = newer.update;
        let old = &mut self.update;
        let again = new.created && (!old.created || old.deleted);
        self.confirmed = self.confirmed && !again && !new.deleted;
        if again {
            self.first_absent = None;
        }
        if new.created {
            self.new_in = newer.new_in;
        }
        if new.provisioning.is_some() {
            self.refused = None;
            old.deleted = new.deleted;
        }
        old.deleted |= new.deleted;
        old.created |= new.created;
        old.provisioning = new.provisioning.or(old.provisioning.take());
        old.operating = new.operating.or(old.operating.take());
        old.seq = new.seq;
        self.seqs.extend(newer.seqs);
        self.batches.extend(newer.batches);
        self.pause = Pause::default();
        self
    }

    pub fn record(&self) -> StatusRecord {
        StatusRecord {
            kind: self.update.kind,
            id: self.update.id,
            provisioning: self.update.provisioning.clone(),
            operating: self.update.operating.clone(),
        }
    }
}

/// The key of an object within its load balancer, in the agent's order.
pub(super) type Object = (ObjectKind, Uuid);

/// What waits for one load balancer.
#[derive(Debug, Default)]
pub(super) struct Queue {
    pub waiting: BTreeMap<Object, Waiting>,
    /// In the message under way; one that is dropped meanwhile is not here any more.
    pub sending: BTreeMap<Object, Waiting>,
    /// A message about this load balancer is under way: a second one could overtake it.
    pub busy: bool,
    /// How often a message about it was late since one last arrived.
    pub late: u32,
    pub pause: Pause,
    /// The get socket is being asked.
    pub asking: bool,
    pub ask_pause: Pause,
    pub asked_at: Option<Instant>,
    /// The last question got no sensible answer.
    pub unanswered: bool,
    /// Octavia's transactions in which objects of batches up to this one were created are over.
    pub settled: Option<u64>,
    /// That number when the last question was begun.
    pub asked_after: Option<u64>,
}

impl Queue {
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.sending.is_empty() && !self.busy && !self.asking
    }

    pub fn unsure(&self) -> bool {
        self.waiting.values().any(Waiting::unsure)
    }

    /// Takes on a status, over what waits for its object.
    pub fn push(&mut self, newer: Waiting) {
        let object = (newer.update.kind, newer.update.id);
        let merged = match self.waiting.remove(&object) {
            Some(older) => older.then(newer),
            None => newer,
        };
        self.waiting.insert(object, merged);
    }

    /// The agent has carried out a status.
    ///
    /// During a call that creates something Octavia's API holds a lock on the load balancer's row. What has written that
    /// row was enqueued after the call had begun, and so waited for the end of its transaction.
    pub fn settle(&mut self, sent: &Waiting) {
        let update = &sent.update;
        let own = update.kind == ObjectKind::LoadBalancer && update.id == update.lb && !update.deleted;
        let mut words = [&update.provisioning, &update.operating].into_iter().flatten();
        if !own || words.all(String::is_empty) {
            return;
        }
        self.settled = self.settled.max(sent.batches.last().copied());
        let now_known = |waiting: &Waiting| waiting.must_show() && Some(waiting.new_in) <= self.settled;
        if self.waiting.values().any(now_known) {
            self.ask_pause = Pause::default();
        }
    }

    /// Puts back what was under way, under what came meanwhile.
    pub fn put_back(&mut self, mut older: Waiting) {
        let object = (older.update.kind, older.update.id);
        if older.update.deleted {
            // It may have arrived: look again.
            older.confirmed = false;
        }
        let merged = match self.waiting.remove(&object) {
            Some(newer) => older.then(newer),
            None => older,
        };
        self.waiting.insert(object, merged);
    }

    /// The batches that wait for a new object, with the time when they no longer do.
    pub fn holds(&self, now: Instant) -> BTreeMap<u64, Instant> {
        let mut holds = BTreeMap::new();
        for waiting in self.waiting.values().filter(|waiting| waiting.must_show()) {
            let until = waiting.since + HOLD;
            if until > now {
                for batch in &waiting.batches {
                    let last = holds.entry(*batch).or_insert(until);
                    *last = until.max(*last);
                }
            }
        }
        holds
    }

    /// The objects whose statuses can be sent now, in the agent's order.
    pub fn ready(&self, now: Instant) -> impl Iterator<Item = (&Object, &Waiting)> {
        let holds = self.holds(now);
        self.waiting.iter().filter(move |(_, waiting)| {
            let held = || !holds.is_empty() && waiting.batches.iter().any(|batch| holds.contains_key(batch));
            !waiting.unsure() && waiting.pause.until(now).is_none() && !held()
        })
    }

    /// When something not ready now may become so of itself.
    pub fn wake_at(&self, now: Instant) -> Option<Instant> {
        let pauses = self.waiting.values().filter(|waiting| !waiting.unsure());
        let pauses = pauses.filter_map(|waiting| waiting.pause.until(now));
        pauses.chain(self.holds(now).into_values()).min()
    }
}

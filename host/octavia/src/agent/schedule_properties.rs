//! Whatever fails: in the end Octavia has the last status of each object, got them in order, every number is handed back
//! once, and an object is called missing if and only if Octavia has rolled it back.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use proptest::prelude::*;
use serde_json::json;
use uuid::Uuid;

use super::{
    AgentError, ObjectKind, StatusMessage,
    schedule::{Action, Schedule, UNKNOWN_AFTER},
    schedule_case::{io, malformed, refused, timeout, update},
};

/// What may happen next.
#[derive(Clone, Debug)]
enum Event {
    /// A status of an object of a load balancer.
    Enqueue { lb: u128, object: u8, created: Option<Fate> },
    /// Octavia ends the transaction in which an object is created.
    End { lb: u128, object: u8 },
    /// The oldest request under way ends in this manner.
    Answer(Outcome),
    /// The newest does.
    AnswerNewest(Outcome),
    /// The oldest message under way takes long.
    Late,
    /// Time passes.
    Pass(u64),
}

#[derive(Clone, Copy, Debug)]
enum Fate {
    Committed,
    RolledBack,
}

#[derive(Clone, Copy, Debug)]
enum Outcome {
    Works,
    /// The agent was quick with its work, and slow with its answer.
    WorkedEarly,
    /// Nothing was applied.
    Lost,
    TimedOut,
    /// All of it was applied, and the answer was lost.
    AppliedAndLost,
    HungUp,
    /// The record at this place fails.
    Refuses(usize),
}

fn outcome() -> impl Strategy<Value = Outcome> {
    prop_oneof![
        6 => Just(Outcome::Works),
        2 => Just(Outcome::WorkedEarly),
        1 => Just(Outcome::Lost),
        1 => Just(Outcome::TimedOut),
        1 => Just(Outcome::AppliedAndLost),
        1 => Just(Outcome::HungUp),
        2 => (0usize..4).prop_map(Outcome::Refuses),
    ]
}

fn event() -> impl Strategy<Value = Event> {
    let fate =
        prop_oneof![2 => Just(None), 1 => Just(Some(Fate::Committed)), 1 => Just(Some(Fate::RolledBack))];
    prop_oneof![
        6 => (1u128..4, 0u8..4, fate).prop_map(|(lb, object, created)| Event::Enqueue { lb, object, created }),
        3 => (1u128..4, 0u8..4).prop_map(|(lb, object)| Event::End { lb, object }),
        6 => outcome().prop_map(Event::Answer),
        3 => outcome().prop_map(Event::AnswerNewest),
        1 => Just(Event::Late),
        4 => (0u64..20_000).prop_map(Event::Pass),
    ]
}

type Id = (ObjectKind, u128);

fn object(lb: u128, object: u8) -> Id {
    match object {
        0 => (ObjectKind::LoadBalancer, lb),
        1 => (ObjectKind::Listener, lb * 10 + 1),
        2 => (ObjectKind::Pool, lb * 10 + 2),
        _ => (ObjectKind::Member, lb * 10 + 3),
    }
}

/// Octavia's database.
#[derive(Clone, Default)]
struct Octavia {
    /// In a transaction that is still open.
    open: BTreeMap<Id, Fate>,
    committed: BTreeSet<Id>,
    rolled_back: BTreeSet<Id>,
    statuses: BTreeMap<Id, u64>,
}

impl Octavia {
    fn end(&mut self, id: Id) {
        match self.open.remove(&id) {
            Some(Fate::Committed) => drop(self.committed.insert(id)),
            Some(Fate::RolledBack) => drop(self.rolled_back.insert(id)),
            None => {}
        }
    }

    fn shown(&self, lb: u128) -> Option<serde_json::Value> {
        let committed = |which| {
            let (kind, id) = object(lb, which);
            self.committed.contains(&(kind, id)).then(|| json!({kind.id_key(): Uuid::from_u128(id)}))
        };
        let children: Vec<_> = (1..4).filter_map(committed).collect();
        committed(0).map(|own| json!([own, children]))
    }
}

struct World {
    schedule: Schedule,
    now: Instant,
    octavia: Octavia,
    /// Each with the database as it was when it was begun.
    under_way: Vec<(Action, Octavia)>,
    last: BTreeMap<Id, u64>,
    seq: u64,
    back: Vec<u64>,
    missing: Vec<Id>,
}

impl World {
    fn new() -> Self {
        Self {
            schedule: Schedule::new(UNKNOWN_AFTER),
            now: Instant::now(),
            octavia: Octavia::default(),
            under_way: Vec::new(),
            last: BTreeMap::new(),
            seq: 0,
            back: Vec::new(),
            missing: Vec::new(),
        }
    }

    fn step(&mut self) {
        while let Some(action) = self.schedule.next(self.now) {
            self.under_way.push((action, self.octavia.clone()));
            assert!(self.under_way.len() < 100, "without end");
        }
        self.back.extend(self.schedule.take_delivered());
        let missing = self.schedule.take_missing();
        self.missing.extend(missing.into_iter().map(|update| (update.kind, update.id.as_u128())));
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Enqueue { lb, object: which, created } => self.enqueue(lb, object(lb, which), created),
            Event::End { lb, object: which } => self.octavia.end(object(lb, which)),
            Event::Answer(outcome) => {
                if !self.under_way.is_empty() {
                    let begun = self.under_way.remove(0);
                    self.answer(begun, outcome);
                }
            }
            Event::AnswerNewest(outcome) => {
                if let Some(begun) = self.under_way.pop() {
                    self.answer(begun, outcome);
                }
            }
            Event::Late => {
                let message = self.under_way.iter().find_map(|(action, _)| match action {
                    Action::Send(number, _) => Some(*number),
                    Action::Ask(_) => None,
                });
                message.into_iter().for_each(|number| self.schedule.late(number));
            }
            Event::Pass(millis) => self.now += Duration::from_millis(millis),
        }
        self.step();
    }

    fn enqueue(&mut self, lb: u128, id: Id, created: Option<Fate>) {
        if self.octavia.rolled_back.contains(&id) {
            return;
        }
        // Load balancers are there, sooner or later: only in them something is known to be rolled back.
        let fate = created.map(|fate| if id.0 == ObjectKind::LoadBalancer { Fate::Committed } else { fate });
        let known = self.octavia.committed.contains(&id) || self.octavia.open.contains_key(&id);
        self.seq += 1;
        let mut status = update(self.seq, lb, id.0, id.1, &self.seq.to_string());
        status.created = created.is_some() && !self.octavia.committed.contains(&id);
        match fate {
            Some(fate) if !known => drop(self.octavia.open.insert(id, fate)),
            None if !known => drop(self.octavia.committed.insert(id)),
            _ => {}
        }
        self.last.insert(id, self.seq);
        self.schedule.enqueue(self.now, vec![status]);
    }

    fn answer(&mut self, (action, then): (Action, Octavia), outcome: Outcome) {
        match action {
            Action::Ask(lb) => {
                let answer = match outcome {
                    Outcome::Works | Outcome::Refuses(_) => Ok(self.octavia.shown(lb.as_u128())),
                    Outcome::WorkedEarly => Ok(then.shown(lb.as_u128())),
                    Outcome::Lost | Outcome::AppliedAndLost => Err(io()),
                    Outcome::TimedOut => Err(timeout()),
                    Outcome::HungUp => Err(malformed()),
                };
                self.schedule.asked(self.now, lb, answer);
            }
            Action::Send(number, message) => {
                let result = self.apply(&message, &then, outcome);
                self.schedule.sent(self.now, number, result);
            }
        }
    }

    fn apply(&mut self, message: &StatusMessage, then: &Octavia, outcome: Outcome) -> Result<(), AgentError> {
        assert!(message.records.is_sorted_by_key(|record| record.kind));
        let refuses = match outcome {
            Outcome::Refuses(at) => Some(at % message.records.len()),
            _ => None,
        };
        for (at, record) in message.records.iter().enumerate() {
            if refuses == Some(at) {
                return Err(refused(record.kind, record.id.as_u128()));
            }
            if matches!(outcome, Outcome::Lost | Outcome::TimedOut | Outcome::HungUp) {
                continue;
            }
            let id = (record.kind, record.id.as_u128());
            // A status of an object that is not committed yet would be lost.
            assert!(self.octavia.committed.contains(&id), "{record:?} too early");
            if record.kind == ObjectKind::LoadBalancer {
                // It waits for the row that was locked when the message was begun.
                let locked = (1..4).map(|which| object(id.1, which)).filter(|id| then.open.contains_key(id));
                locked.for_each(|id| self.octavia.end(id));
            }
            let status: u64 = record.provisioning.as_ref().unwrap().parse().unwrap();
            let before = self.octavia.statuses.insert(id, status);
            assert!(before.is_none_or(|before| before <= status), "{status} after {before:?}");
        }
        match outcome {
            Outcome::Lost | Outcome::AppliedAndLost => Err(io()),
            Outcome::TimedOut => Err(timeout()),
            Outcome::HungUp => Err(malformed()),
            Outcome::Works | Outcome::WorkedEarly | Outcome::Refuses(_) => Ok(()),
        }
    }

    /// Everything works from now on.
    fn end(&mut self) {
        let open: Vec<_> = self.octavia.open.keys().copied().collect();
        open.into_iter().for_each(|id| self.octavia.end(id));
        // A load balancer is there before its children are.
        self.octavia.committed.extend((1..4).map(|lb| object(lb, 0)));
        for _ in 0..5_000 {
            self.step();
            while let Some(begun) = self.under_way.pop() {
                self.answer(begun, Outcome::Works);
                self.step();
            }
            match self.schedule.wake_at(self.now) {
                Some(at) => self.now = at,
                None => return,
            }
        }
        panic!("it does not end");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2_000) })]
    #[test]
    fn the_last_status_arrives(events in proptest::collection::vec(event(), 0..80)) {
        let mut world = World::new();
        for event in events {
            world.happen(event);
        }
        world.end();
        let rolled_back = &world.octavia.rolled_back;
        world.last.retain(|id, _| !rolled_back.contains(id));
        prop_assert_eq!(&world.octavia.statuses, &world.last);
        world.missing.sort_unstable();
        prop_assert_eq!(world.missing, rolled_back.iter().copied().collect::<Vec<_>>());
        world.back.sort_unstable();
        prop_assert_eq!(world.back, (1..=world.seq).collect::<Vec<_>>());
        prop_assert_eq!(world.schedule.backlog(world.now).waiting, 0);
    }
}

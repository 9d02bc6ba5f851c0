//! The schedule's messages: what goes together, and what becomes of it.

use std::{
    cmp::Ordering,
    collections::BTreeSet,
    time::{Duration, Instant},
};

use uuid::Uuid;

use super::{
    AgentError, StatusMessage,
    queue::{Object, Pause, Waiting},
    schedule::{Action, Schedule},
};

/// Records in a message: each is a database transaction of Octavia's, so that a message of these takes about a second.
const RECORDS: usize = 200;
/// Messages under way at once: a second one passes one that waits for a row lock.
const MESSAGES: usize = 2;
/// Further messages under way whose answer is late. The agent has 50 places for all providers together.
const LATE: usize = 8;
/// A message that gets no sensible answer this often is made smaller, to find the record to blame.
const MALFORMED: u32 = 3;
/// How long the agent must have refused a status, while it takes others, before it is given up.
pub(super) const GIVE_UP: Duration = Duration::from_secs(15 * 60);

/// A message under way.
#[derive(Debug)]
pub(super) struct UnderWay {
    /// Load balancer and object of each record.
    records: Vec<(Uuid, Object)>,
    since: Instant,
    /// It is of a load balancer whose last message was late.
    slow: bool,
    late: bool,
}

/// What could be sent now for one load balancer.
struct Ready {
    late: u32,
    since: Instant,
    lb: Uuid,
    objects: Vec<(Object, Company)>,
}

/// With which others a record may be in a message.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Company {
    Any,
    None,
    /// None, and after all others: whether it or the agent is to blame is not known yet.
    Last,
}

impl Company {
    fn of(waiting: &Waiting) -> Self {
        match (waiting.alone, waiting.suspect) {
            (true, _) => Self::None,
            (false, true) => Self::Last,
            (false, false) => Self::Any,
        }
    }
}

fn lbs(records: &[(Uuid, Object)]) -> BTreeSet<Uuid> {
    records.iter().map(|(lb, _)| *lb).collect()
}

impl Schedule {
    pub(super) fn next_message(&mut self, now: Instant) -> Option<Action> {
        let at_once = if self.send_pause.failing() { 1 } else { MESSAGES };
        let late = self.messages.values().filter(|message| message.late).count();
        let under_way = self.messages.len() - late.min(LATE);
        if under_way >= at_once || self.send_pause.until(now).is_some() {
            return None;
        }
        let (mut slow, mut others): (Vec<_>, Vec<_>) = self.ready(now).partition(|ready| ready.late > 0);
        // The load balancer that waits longest comes first; of the slow ones, the one that was late less often.
        others.sort_by_key(|ready| (ready.since, ready.lb));
        slow.sort_by_key(|ready| (ready.late, ready.since, ready.lb));
        // A slow one is alone, so that it makes nobody else wait, and leaves a place free.
        slow.truncate(1);
        if late >= LATE || self.messages.values().any(|message| message.slow && !message.late) {
            slow.clear();
        }
        let slow_now = !slow.is_empty() && (others.is_empty() || under_way > 0);
        let chosen = self.choose(if slow_now { slow } else { others });
        if chosen.is_empty() { None } else { Some(self.send(now, chosen, slow_now)) }
    }

    fn ready(&self, now: Instant) -> impl Iterator<Item = Ready> {
        let free =
            self.queues.iter().filter(move |(_, queue)| !queue.busy && queue.pause.until(now).is_none());
        free.filter_map(move |(lb, queue)| {
            let since = queue.ready(now).map(|(_, waiting)| waiting.since).min()?;
            let objects = queue.ready(now).map(|(object, waiting)| (*object, Company::of(waiting)));
            let objects = objects.collect();
            Some(Ready { late: queue.late, since, lb: *lb, objects })
        })
    }

    /// As much as has room in a message, in the agent's order.
    fn choose(&self, ready: Vec<Ready>) -> Vec<(Uuid, Object)> {
        let room = self.room.unwrap_or(RECORDS);
        let all = ready.into_iter().flat_map(|ready| {
            ready.objects.into_iter().map(move |(object, company)| (ready.lb, object, company))
        });
        let (last, first): (Vec<_>, Vec<_>) = all.partition(|(_, _, company)| *company == Company::Last);
        let mut chosen = Vec::new();
        for (lb, object, company) in first.into_iter().chain(last) {
            if company == Company::Any && chosen.len() < room {
                chosen.push((lb, object));
            } else if company != Company::Any && chosen.is_empty() {
                return vec![(lb, object)];
            }
        }
        chosen.sort_by_key(|(_, (kind, _))| *kind);
        chosen
    }

    fn send(&mut self, now: Instant, chosen: Vec<(Uuid, Object)>, slow: bool) -> Action {
        let mut records = Vec::with_capacity(chosen.len());
        for (lb, object) in &chosen {
            let Some(queue) = self.queues.get_mut(lb) else { continue };
            let Some(waiting) = queue.waiting.remove(object) else { continue };
            queue.busy = true;
            records.push(waiting.record());
            queue.sending.insert(*object, waiting);
        }
        self.message += 1;
        self.messages.insert(self.message, UnderWay { records: chosen, since: now, slow, late: false });
        Action::Send(self.message, StatusMessage { records })
    }

    /// When there may be a message without any report.
    pub(super) fn message_at(&self, now: Instant) -> Option<Instant> {
        let mut sends = self.queues.values().filter(|queue| !queue.busy && !queue.waiting.is_empty());
        let pause = self.send_pause.until(now);
        if pause.is_some() {
            // While the agent is away nothing happens before that, and much may wait: it is not looked through.
            return pause.filter(|_| sends.next().is_some());
        }
        let sends = sends.filter_map(|queue| {
            let pause = queue.pause.until(now);
            match queue.ready(now).next() {
                Some(_) => pause,
                None => queue.wake_at(now).map(|at| pause.map_or(at, |pause| pause.max(at))),
            }
        });
        sends.min()
    }

    /// Reports that [`Action::Send`] has no outcome yet: it waits for a row that somebody has locked. Which one is not
    /// known, so that each of its load balancers is alone from now on.
    pub fn late(&mut self, message: u64) {
        let Some(message) = self.messages.get_mut(&message).filter(|message| !message.late) else { return };
        message.late = true;
        for lb in lbs(&message.records) {
            if let Some(queue) = self.queues.get_mut(&lb) {
                queue.late += 1;
            }
        }
    }

    /// Reports what became of [`Action::Send`].
    pub fn sent(&mut self, now: Instant, message: u64, result: Result<(), AgentError>) {
        if matches!(result, Err(AgentError::Timeout { .. })) {
            self.late(message);
        }
        let Some(sent) = self.messages.remove(&message) else { return };
        let records = &sent.records;
        if let Err(error) = &result {
            self.last_error = Some(error.to_string());
        }
        match result {
            Ok(()) => {
                self.works();
                self.room = self.room.map(|room| room * 2).filter(|room| *room < RECORDS);
                records.iter().for_each(|(lb, object)| self.arrived(now, *lb, object));
            }
            Err(AgentError::Refused { fault, object, id }) => {
                self.works();
                let named = |(_, (kind, of)): &(Uuid, Object)| Some(*kind) == object && Some(*of) == id;
                match if records.len() == 1 { Some(0) } else { records.iter().position(named) } {
                    Some(at) => self.failed_at(now, &sent, at, &fault),
                    None => self.nameless(now, records),
                }
            }
            Err(AgentError::Malformed { .. }) => {
                let alone = records.iter().all(|(lb, object)| self.is_alone(*lb, object));
                if !alone {
                    self.malformed += 1;
                }
                if alone || self.malformed >= MALFORMED {
                    self.nameless(now, records);
                } else {
                    self.send_pause.longer(now);
                    records.iter().for_each(|(lb, object)| self.back(*lb, object, |_| {}));
                }
            }
            Err(AgentError::Io { .. }) => {
                self.send_pause.longer(now);
                records.iter().for_each(|(lb, object)| self.back(*lb, object, |_| {}));
            }
            Err(AgentError::Timeout { .. }) => {
                records.iter().for_each(|(lb, object)| self.back(*lb, object, |_| {}));
                for lb in lbs(records) {
                    self.queues.entry(lb).and_modify(|queue| queue.pause.longer(now));
                }
            }
        }
        for lb in lbs(records) {
            if let Some(queue) = self.queues.get_mut(&lb) {
                queue.busy = false;
            }
            self.tidy(lb);
        }
    }

    /// The agent has carried out the records before this one, and none from it on.
    fn failed_at(&mut self, now: Instant, sent: &UnderWay, at: usize, fault: &str) {
        for (n, (lb, object)) in sent.records.iter().enumerate() {
            match n.cmp(&at) {
                Ordering::Less => self.arrived(now, *lb, object),
                Ordering::Equal => {
                    // While Octavia's database is away everything is refused. It is this status only if others are taken
                    // between two refusals of it.
                    let worked = |last| self.worked_at.is_some_and(|at| last < at && at <= sent.since);
                    let definite = n > 0 || self.last_refusal(*lb, object).is_some_and(worked);
                    self.refused(now, *lb, object, definite, fault);
                    if let Some(queue) = self.queues.get_mut(lb).filter(|_| sent.late) {
                        // This is the one that made the rest wait.
                        queue.late = queue.late.max(1);
                    }
                }
                Ordering::Greater => self.back(*lb, object, |_| {}),
            }
        }
    }

    /// The agent gave a sensible answer.
    fn works(&mut self) {
        self.send_pause = Pause::default();
        self.malformed = 0;
        if std::mem::take(&mut self.suspects) {
            // It is they, not the agent.
            let waiting = self.queues.values_mut().flat_map(|queue| queue.waiting.values_mut());
            waiting.filter(|waiting| waiting.suspect).for_each(|waiting| waiting.alone = true);
        }
    }

    fn is_alone(&self, lb: Uuid, object: &Object) -> bool {
        let sent = self.queues.get(&lb).and_then(|queue| queue.sending.get(object));
        sent.is_some_and(|sent| sent.alone)
    }

    /// A failure that names no record: several become smaller messages, until a single one is to blame, or the agent.
    fn nameless(&mut self, now: Instant, records: &[(Uuid, Object)]) {
        let alone = records.iter().all(|(lb, object)| self.is_alone(*lb, object));
        if !alone {
            self.room = Some((records.len() / 2).max(1));
            self.send_pause.longer(now);
        }
        let single = records.len() == 1;
        self.suspects |= single && !alone;
        for (lb, object) in records {
            self.back(*lb, object, |waiting| {
                if single {
                    waiting.suspect = true;
                    waiting.pause.longer(now);
                }
            });
        }
    }

    /// The agent has carried out a record.
    fn arrived(&mut self, now: Instant, lb: Uuid, object: &Object) {
        self.worked_at = Some(now);
        let Some(queue) = self.queues.get_mut(&lb) else { return };
        (queue.late, queue.pause) = (0, Pause::default());
        let Some(sent) = queue.sending.remove(object) else { return };
        queue.settle(&sent);
        self.delivered.extend(sent.seqs);
    }

    fn last_refusal(&self, lb: Uuid, object: &Object) -> Option<Instant> {
        Some(self.queues.get(&lb)?.sending.get(object)?.refused?.1)
    }

    fn refused(&mut self, now: Instant, lb: Uuid, object: &Object, definite: bool, fault: &str) {
        let Some(sent) = self.queues.get(&lb).and_then(|queue| queue.sending.get(object)) else { return };
        let first = sent.refused.map_or(now, |(first, _)| first);
        if !definite || now.saturating_duration_since(first) < GIVE_UP {
            self.back(lb, object, |waiting| {
                waiting.refused = Some((first, now));
                waiting.pause.longer(now);
            });
            return;
        }
        let (kind, id) = (object.0.plural(), object.1);
        tracing::error!(code = "status-given-up", %lb, object = %format!("{kind}/{id}"), fault, "Octavia refuses a status for good");
        let sent = self.queues.get_mut(&lb).and_then(|queue| queue.sending.remove(object));
        self.delivered.extend(sent.into_iter().flat_map(|sent| sent.seqs));
    }

    fn back(&mut self, lb: Uuid, object: &Object, change: impl FnOnce(&mut Waiting)) {
        let Some(queue) = self.queues.get_mut(&lb) else { return };
        let Some(mut waiting) = queue.sending.remove(object) else { return };
        change(&mut waiting);
        queue.put_back(waiting);
        if queue.unsure() {
            self.unsure.insert(lb);
        }
    }
}

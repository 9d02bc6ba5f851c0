//! The revisions of load balancers as this host has seen them last, to tell when the Northbound holds an older state.
//!
//! `ovsdb-client restore` is one ordinary transaction, and a file that was put back is an ordinary database: what they
//! hold is consistent in itself. Only who remembers knows better.

use std::{
    collections::{BTreeSet, HashMap},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use uuid::Uuid;
use weir_journal::Note;
use weir_model::LoadBalancerId;
use weir_ovsdb::{Replica, Row, session::ServerState};
use weir_plan::{keys, revision};

use super::monitor::by_our_key;
use crate::limits;

/// What is to be written into the journal, and the keys of what goes from it.
#[derive(Default)]
pub struct Unsaved {
    /// Notes.
    pub notes: Vec<Note>,
    /// Keys of notes.
    pub removed: Vec<String>,
}

const PREFIX: &str = "revision/";
const SERVER: &str = "northbound-server";

/// What was seen of a load balancer last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Seen {
    revision: u64,
    /// When its rows went, in milliseconds of Unix time.
    gone: Option<u64>,
}

/// What the replica has of a load balancer.
enum Rows {
    Absent,
    /// The revision; `None` where no row has one.
    Present(Option<u64>),
}

/// A sign that the Northbound holds an older state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Older {
    /// In words.
    pub why: String,
    /// A load balancer that had been removed, and is there again.
    pub returned: Option<LoadBalancerId>,
}

impl Older {
    fn because(why: String) -> Self {
        Self { why, returned: None }
    }
}

/// The memory.
#[derive(Default)]
pub struct Revisions {
    deployment: String,
    seen: HashMap<LoadBalancerId, Seen>,
    cluster: Option<Uuid>,
    index: Option<i64>,
    unsaved: BTreeSet<LoadBalancerId>,
    server_unsaved: bool,
}

impl Revisions {
    /// What the journal has kept.
    pub fn new(deployment: &str, notes: &[Note]) -> Self {
        let mut this = Self { deployment: deployment.to_owned(), ..Self::default() };
        for Note { key, payload } in notes {
            let lb = key.strip_prefix(PREFIX).and_then(|id| id.parse().ok());
            if let (Some(lb), Some(seen)) = (lb, decode(payload)) {
                this.seen.insert(lb, seen);
            }
        }
        let server = notes.iter().find(|note| note.key == SERVER);
        let server = server.and_then(|note| serde_json::from_slice(&note.payload).ok());
        (this.cluster, this.index) = server.unwrap_or_default();
        this
    }

    /// The revision that a load balancer had last; 0 where none was seen.
    pub fn last(&self, lb: LoadBalancerId) -> u64 {
        self.seen.get(&lb).map_or(0, |seen| seen.revision)
    }

    /// The load balancers that had rows when they were looked at last.
    pub fn present(&self) -> impl Iterator<Item = LoadBalancerId> {
        self.seen.iter().filter(|(_, seen)| seen.gone.is_none()).map(|(lb, _)| *lb)
    }

    /// The load balancers whose rows in the replica are older than was seen.
    pub fn older(&self, replica: &Replica, of: &BTreeSet<LoadBalancerId>) -> Vec<Older> {
        let older = of.iter().filter_map(|lb| {
            let seen = self.seen.get(lb)?;
            let Rows::Present(Some(revision)) = self.rows(replica, *lb) else { return None };
            if seen.gone.is_some() && revision <= seen.revision {
                let why = format!("load balancer {lb}, which was removed, is there again as it was");
                return Some(Older { why, returned: Some(*lb) });
            }
            (revision < seen.revision).then(|| {
                let seen = seen.revision;
                Older::because(format!(
                    "load balancer {lb} has revision {revision}, but {seen} was seen already"
                ))
            })
        });
        older.collect()
    }

    /// Whether the server's database is another one than was seen.
    pub fn older_server(&self, server: &ServerState) -> Option<Older> {
        let (cluster, seen) = (server.cluster?, self.cluster?);
        if cluster != seen {
            return Some(Older::because(format!("its cluster is {cluster}, and was {seen}")));
        }
        let (index, seen) = (server.index?, self.index?);
        (index < seen)
            .then(|| Older::because(format!("its cluster is at index {index}, but {seen} was seen already")))
    }

    /// Remembers what the replica has.
    pub fn take(&mut self, replica: &Replica, of: &BTreeSet<LoadBalancerId>, now: SystemTime) {
        for lb in of {
            let before = self.seen.get(lb).copied();
            let after = match self.rows(replica, *lb) {
                Rows::Present(Some(revision)) => Some(Seen { revision, gone: None }),
                // Written by a host that does not count: nothing can be said of it.
                Rows::Present(None) => None,
                Rows::Absent => {
                    before.map(|seen| Seen { gone: seen.gone.or_else(|| Some(milliseconds(now))), ..seen })
                }
            };
            if before != after {
                match after {
                    Some(seen) => drop(self.seen.insert(*lb, seen)),
                    None => drop(self.seen.remove(lb)),
                }
                self.unsaved.insert(*lb);
            }
        }
    }

    /// Remembers the server.
    pub fn take_server(&mut self, server: &ServerState) {
        if (self.cluster, self.index) != (server.cluster, server.index) {
            (self.cluster, self.index) = (server.cluster, server.index);
            self.server_unsaved = true;
        }
    }

    /// What is to be kept since the last time. What went long ago is forgotten.
    pub fn unsaved(&mut self, now: SystemTime) -> Unsaved {
        self.forget_old(now);
        let mut unsaved = Unsaved::default();
        for lb in std::mem::take(&mut self.unsaved) {
            let key = format!("{PREFIX}{lb}");
            match self.seen.get(&lb) {
                Some(seen) => unsaved.notes.push(Note { key, payload: encode(seen) }),
                None => unsaved.removed.push(key),
            }
        }
        if std::mem::take(&mut self.server_unsaved) {
            let payload = serde_json::to_vec(&(self.cluster, self.index)).unwrap_or_default();
            unsaved.notes.push(Note { key: SERVER.to_owned(), payload });
        }
        unsaved
    }

    fn forget_old(&mut self, now: SystemTime) {
        let gone = |seen: &HashMap<LoadBalancerId, Seen>| -> Vec<(u64, LoadBalancerId)> {
            seen.iter().filter_map(|(lb, seen)| Some((seen.gone?, *lb))).collect()
        };
        let mut gone = gone(&self.seen);
        let before = milliseconds(now.checked_sub(limits::REMOVED_REMEMBERED).unwrap_or(UNIX_EPOCH));
        gone.sort_unstable();
        let too_many = gone.len().saturating_sub(limits::REMOVED_REMEMBERED_MAX);
        for (n, (at, lb)) in gone.into_iter().enumerate() {
            if n < too_many || at < before {
                self.seen.remove(&lb);
                self.unsaved.insert(lb);
            }
        }
    }

    /// Every load balancer that the replica or the memory has.
    pub fn all(&self, replica: &Replica) -> BTreeSet<LoadBalancerId> {
        let rows = replica.rows("Load_Balancer").filter(|(_, row)| self.is_ours(row));
        rows.filter_map(|(_, row)| of(row)).chain(self.seen.keys().copied()).collect()
    }

    /// Whether the replica has rows of a load balancer that are ours.
    pub fn has_rows(&self, replica: &Replica, lb: LoadBalancerId) -> bool {
        !matches!(self.rows(replica, lb), Rows::Absent)
    }

    fn rows(&self, replica: &Replica, lb: LoadBalancerId) -> Rows {
        let rows = replica.find("Load_Balancer", &by_our_key(), &lb.to_string());
        let mut ours = rows.filter(|(_, row)| self.is_ours(row)).peekable();
        if ours.peek().is_none() {
            return Rows::Absent;
        }
        let revision = |row: &Row| revision::parse(row.map_value("external_ids", keys::REVISION)?);
        Rows::Present(ours.filter_map(|(_, row)| revision(row)).max())
    }

    fn is_ours(&self, row: &Row) -> bool {
        row.map_value("external_ids", keys::OWNER) == Some(self.deployment.as_str())
    }
}

/// The load balancer that our key names.
pub fn of(row: &Row) -> Option<LoadBalancerId> {
    row.map_value("external_ids", keys::LB)?.parse().ok()
}

fn milliseconds(time: SystemTime) -> u64 {
    let since: Duration = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

fn encode(seen: &Seen) -> Vec<u8> {
    [seen.revision, seen.gone.unwrap_or_default()].iter().flat_map(|number| number.to_le_bytes()).collect()
}

fn decode(bytes: &[u8]) -> Option<Seen> {
    let (revision, gone) = bytes.split_at_checked(8)?;
    let number = |bytes: &[u8]| Some(u64::from_le_bytes(bytes.try_into().ok()?));
    Some(Seen { revision: number(revision)?, gone: Some(number(gone)?).filter(|gone| *gone > 0) })
}

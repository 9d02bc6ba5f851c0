//! What is kept.

use std::{path::PathBuf, time::Duration};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Where the journal is and how much it keeps.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The file; made with mode 0600 if it is not there. Its folder must exist.
    pub path: PathBuf,
    /// Changes that may be pending at once.
    pub max_pending: usize,
    /// Bytes of entries, finished ones and undelivered statuses included. The file is somewhat larger.
    pub max_bytes: u64,
    /// How long a finished change, or an abandoned key, is remembered.
    pub keep_finished: Duration,
    /// How many finished changes, and how many abandoned keys, are remembered at most.
    pub keep_finished_max: usize,
}

/// How far a change has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Accepted, not yet finished.
    Pending,
    /// Done.
    Committed,
    /// Given up for a lasting reason.
    Failed,
    /// Taken back at the caller's wish.
    Abandoned,
}

/// An accepted change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangeEntry {
    /// The change's id, chosen by the caller.
    pub id: Uuid,
    /// The call's idempotency key. No two entries have the same.
    pub key: Option<String>,
    /// The load balancer, where the change names one.
    pub lb: Option<Uuid>,
    /// The provider method.
    pub method: String,
    /// Octavia's request id.
    pub request_id: Option<String>,
    /// When it was accepted, in milliseconds of Unix time.
    pub accepted_ms: u64,
    /// The change itself; opaque here.
    pub payload: Vec<u8>,
    /// How far it has come. An accepted entry starts as pending, whatever stands here.
    pub state: State,
    /// Why it ended so, given with its end.
    pub detail: Option<String>,
    /// Its place in the order of acceptance, given by the journal; whatever the caller writes here is ignored.
    pub seq: u64,
}

/// A status to be delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutboxEntry {
    /// Its place in the order of statuses, given by the journal; whatever the caller writes here is ignored.
    pub seq: u64,
    /// The load balancer.
    pub lb: Uuid,
    /// The object, like `listeners/<id>`; opaque here.
    pub object: String,
    /// The status; opaque here.
    pub payload: Vec<u8>,
}

/// Something to be remembered over a restart, under a key of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// Identifies it; a later note under the same key replaces an earlier one.
    pub key: String,
    /// Its content; opaque here.
    pub payload: Vec<u8>,
}

/// What was found in the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovered {
    /// Accepted and not finished, in the order of acceptance.
    pub pending: Vec<ChangeEntry>,
    /// Finished and still remembered, in the order of acceptance.
    pub finished: Vec<ChangeEntry>,
    /// Statuses not known to be delivered, in order.
    pub outbox: Vec<OutboxEntry>,
    /// Keys abandoned before any call used them.
    pub tombstones: Vec<String>,
    /// Notes not removed yet, sorted by key.
    pub notes: Vec<Note>,
}

/// How the journal is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct JournalStatus {
    /// False from a failed write until one works again.
    pub writable: bool,
    /// Changes accepted and not finished.
    pub pending: usize,
    /// Changes finished and still remembered.
    pub finished: usize,
    /// Statuses not delivered.
    pub outbox: usize,
    /// Notes not removed yet.
    pub notes: usize,
    /// Bytes of all entries.
    pub bytes: u64,
    /// Write transactions so far.
    pub transactions: u64,
    /// Changes accepted so far.
    pub accepted: u64,
    /// The last failure's text; it stays after things work again.
    pub last_error: Option<String>,
}

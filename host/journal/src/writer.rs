//! The thread that owns the file.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError},
    },
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use parking_lot::Mutex;
use tokio::sync::{oneshot, watch};
use uuid::Uuid;

use crate::{
    entry::{ChangeEntry, JournalStatus, Note, OutboxEntry, Recovered, Settings, State},
    error::JournalError,
    index::{Doubt, Index},
    store::{Opener, Store},
};

/// Calls that share a transaction at most: beyond this the fsync is a small part of it.
const GROUP: usize = 1_024;
/// Delivered statuses wait this long for a transaction to go with. Sending one twice is harmless, so a crash meanwhile is.
const DELIVERED_WAIT: Duration = Duration::from_millis(500);
/// How often an idle journal looks for entries to clean.
const CLEAN_EVERY: Duration = Duration::from_secs(60);
/// The first and the longest pause between two attempts to open a broken journal.
const PROBE_MIN: Duration = Duration::from_millis(50);
const PROBE_MAX: Duration = Duration::from_secs(2);

/// Where a call's answer goes.
pub(crate) type Reply<T> = oneshot::Sender<Result<T, JournalError>>;

/// A call.
pub(crate) enum Call {
    Accept(Box<ChangeEntry>, Reply<u64>),
    Finish {
        ids: Vec<Uuid>,
        state: State,
        detail: Option<String>,
        outbox: Vec<OutboxEntry>,
        reply: Reply<Vec<u64>>,
    },
    Tombstone(String, Reply<()>),
    Delivered(Vec<u64>),
    PutNote(Note, Reply<()>),
    RemoveNotes(Vec<String>),
}

/// An answer that waits for the transaction.
enum Answer {
    Accept(Result<u64, JournalError>, Reply<u64>),
    Finish(Result<Vec<u64>, JournalError>, Reply<Vec<u64>>),
    Tombstone(Result<(), JournalError>, Reply<()>),
    PutNote(Reply<()>),
}

/// What the handle sees of the writer.
pub(crate) struct Shared {
    pub status: Mutex<JournalStatus>,
    pub writable: watch::Sender<bool>,
}

pub(crate) struct Writer {
    settings: Settings,
    path: PathBuf,
    opener: Opener,
    shared: Arc<Shared>,
    /// None while broken.
    store: Option<Store>,
    index: Index,
    doubt: Doubt,
    /// Delivered, and still in the file.
    delivered: Vec<u64>,
    /// Removed notes that are still in the file.
    removed_notes: Vec<String>,
    /// Since when one of those waits for a transaction.
    delivered_since: Option<Instant>,
    cleaned: Instant,
    probe_at: Instant,
    probe_pause: Duration,
    transactions: u64,
    accepted: u64,
    last_error: Option<String>,
}

fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

impl Writer {
    pub fn open(settings: Settings, opener: Opener) -> Result<(Self, Recovered, Arc<Shared>), JournalError> {
        let (store, content) = Store::open(&opener, &settings.path)?;
        let (index, recovered) = Index::new(content, &Doubt::default());
        let shared = Arc::new(Shared {
            status: Mutex::new(JournalStatus::default()),
            writable: watch::Sender::new(true),
        });
        let now = Instant::now();
        let writer = Self {
            path: settings.path.clone(),
            settings,
            opener,
            shared: shared.clone(),
            store: Some(store),
            index,
            doubt: Doubt::default(),
            delivered: Vec::new(),
            removed_notes: Vec::new(),
            delivered_since: None,
            cleaned: now,
            probe_at: now,
            probe_pause: PROBE_MIN,
            transactions: 0,
            accepted: 0,
            last_error: None,
        };
        writer.publish();
        Ok((writer, recovered, shared))
    }

    /// Works until all handles are gone.
    pub fn run(mut self, calls: &Receiver<Call>) {
        loop {
            let first = match calls.recv_timeout(self.pause()) {
                Ok(call) => Some(call),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => break,
            };
            let group: Vec<Call> = first.into_iter().chain(calls.try_iter()).take(GROUP).collect();
            self.turn(group);
        }
        self.delivered_since = None;
        self.turn(Vec::new());
    }

    fn pause(&self) -> Duration {
        let now = Instant::now();
        let mut until = self.cleaned + CLEAN_EVERY;
        if self.store.is_none() {
            until = until.min(self.probe_at);
        } else if let Some(since) = self.delivered_since {
            until = until.min(since + DELIVERED_WAIT);
        }
        until.saturating_duration_since(now)
    }

    fn turn(&mut self, group: Vec<Call>) {
        if self.store.is_none() && Instant::now() >= self.probe_at {
            self.reopen();
        }
        if self.store.is_none() {
            self.refuse(group);
            return;
        }
        let now_ms = now_ms();
        let mut answers = Vec::with_capacity(group.len());
        let mut accepted = 0;
        for call in group {
            match call {
                Call::Accept(entry, reply) => {
                    let result = self.index.accept(*entry, &self.settings);
                    accepted += u64::from(result.is_ok());
                    answers.push(Answer::Accept(result, reply));
                }
                Call::Finish { ids, state, detail, outbox, reply } => {
                    let result = self.index.finish(&ids, state, detail.as_deref(), outbox, now_ms);
                    answers.push(Answer::Finish(result, reply));
                }
                Call::Tombstone(key, reply) => {
                    answers.push(Answer::Tombstone(self.index.tombstone(key, now_ms), reply));
                }
                Call::Delivered(seqs) => self.note_delivered(seqs),
                Call::PutNote(note, reply) => {
                    // A removal that came before is in the same transaction, or a former one.
                    self.removed_notes.retain(|key| *key != note.key);
                    self.index.put_note(note);
                    answers.push(Answer::PutNote(reply));
                }
                Call::RemoveNotes(keys) => self.remove_notes(keys),
            }
        }
        let waited = self.delivered_since.is_none_or(|since| since.elapsed() >= DELIVERED_WAIT);
        if answers.is_empty() && !waited {
            self.publish();
            return;
        }
        self.index.clean(&self.settings, now_ms);
        self.cleaned = Instant::now();
        let result = self.commit();
        if result.is_ok() {
            self.accepted = self.accepted.saturating_add(accepted);
        }
        self.publish();
        for answer in answers {
            answer.send(result.as_ref().err());
        }
    }

    /// Writes what the index gathered. After a failure the journal is broken.
    fn commit(&mut self) -> Result<(), JournalError> {
        let writes = self.index.take_writes();
        let doubt = self.index.take_doubt();
        let Some(store) = &self.store else { return Err(self.broken()) };
        if writes.is_empty() {
            return Ok(());
        }
        let (change, outbox) = self.index.next();
        let written = store.write(|tables| {
            writes.iter().try_for_each(|write| write.apply(tables))?;
            tables.put_next(change, outbox)
        });
        match written {
            Ok(()) => {
                self.transactions = self.transactions.saturating_add(1);
                self.delivered.clear();
                self.removed_notes.clear();
                self.delivered_since = None;
                Ok(())
            }
            Err(error) => {
                tracing::error!(code = "journal-broken", path = %self.path.display(), error, "the journal cannot be written");
                self.doubt = doubt;
                // redb refuses everything after a failed write until it is opened again.
                self.store = None;
                self.last_error = Some(error);
                self.probe_pause = PROBE_MIN;
                self.probe_at = Instant::now() + PROBE_MIN;
                Err(self.broken())
            }
        }
    }

    /// Opens the file again, undoes what is in doubt, and only then counts it as working.
    fn reopen(&mut self) {
        let opened = Store::open(&self.opener, &self.path).map_err(|error| error.to_string());
        let opened = opened.and_then(|(store, content)| {
            let (mut index, _) = Index::new(content, &self.doubt);
            for seq in &self.delivered {
                index.delivered(*seq);
            }
            self.removed_notes.iter().for_each(|key| index.remove_note(key));
            let (writes, (change, outbox)) = (index.take_writes(), index.next());
            // Also without anything to undo: this shows that writing works.
            store.write(|tables| {
                writes.iter().try_for_each(|write| write.apply(tables))?;
                tables.put_next(change, outbox)
            })?;
            Ok((store, index))
        });
        match opened {
            Ok((store, index)) => {
                tracing::info!(path = %self.path.display(), "the journal works again");
                self.store = Some(store);
                self.index = index;
                self.doubt = Doubt::default();
                self.transactions = self.transactions.saturating_add(1);
                self.delivered.clear();
                self.removed_notes.clear();
                self.delivered_since = None;
            }
            Err(error) => {
                tracing::warn!(code = "journal-broken", path = %self.path.display(), error, "the journal is still broken");
                self.last_error = Some(error);
                self.probe_pause = (self.probe_pause * 2).min(PROBE_MAX);
                self.probe_at = Instant::now() + self.probe_pause;
            }
        }
        self.publish();
    }

    fn refuse(&mut self, group: Vec<Call>) {
        let broken = self.broken();
        for call in group {
            match call {
                Call::Accept(_, reply) => drop(reply.send(Err(broken.clone()))),
                Call::Finish { reply, .. } => drop(reply.send(Err(broken.clone()))),
                Call::Tombstone(_, reply) => drop(reply.send(Err(broken.clone()))),
                Call::Delivered(seqs) => self.note_delivered(seqs),
                Call::PutNote(_, reply) => drop(reply.send(Err(broken.clone()))),
                Call::RemoveNotes(keys) => self.remove_notes(keys),
            }
        }
        self.publish();
    }

    fn note_delivered(&mut self, seqs: Vec<u64>) {
        for seq in &seqs {
            self.index.delivered(*seq);
        }
        self.delivered.extend(seqs);
        self.delivered_since.get_or_insert_with(Instant::now);
    }

    fn remove_notes(&mut self, keys: Vec<String>) {
        for key in &keys {
            self.index.remove_note(key);
        }
        self.removed_notes.extend(keys);
        self.delivered_since.get_or_insert_with(Instant::now);
    }

    fn broken(&self) -> JournalError {
        JournalError::Broken(self.last_error.clone().unwrap_or_else(|| "it is closed".into()))
    }

    fn publish(&self) {
        let writable = self.store.is_some();
        let mut status = JournalStatus {
            writable,
            transactions: self.transactions,
            accepted: self.accepted,
            last_error: self.last_error.clone(),
            ..JournalStatus::default()
        };
        self.index.describe(&mut status);
        *self.shared.status.lock() = status;
        self.shared.writable.send_if_modified(|was| std::mem::replace(was, writable) != writable);
    }
}

impl Answer {
    /// A caller that has gone away needs no answer.
    fn send(self, failure: Option<&JournalError>) {
        fn with<T>(
            result: Result<T, JournalError>,
            failure: Option<&JournalError>,
        ) -> Result<T, JournalError> {
            match (result, failure) {
                (Ok(_), Some(failure)) => Err(failure.clone()),
                (result, _) => result,
            }
        }
        match self {
            Self::Accept(result, reply) => drop(reply.send(with(result, failure))),
            Self::Finish(result, reply) => drop(reply.send(with(result, failure))),
            Self::Tombstone(result, reply) => drop(reply.send(with(result, failure))),
            Self::PutNote(reply) => drop(reply.send(with(Ok(()), failure))),
        }
    }
}

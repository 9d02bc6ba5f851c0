//! The file: its tables and how entries stand in them.

use std::{
    fs::{File, OpenOptions},
    os::unix::fs::OpenOptionsExt,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
};

use redb::backends::FileBackend;
use redb::{
    Builder, Database, DatabaseError, ReadableDatabase, ReadableTable, StorageError, TableDefinition,
    WriteTransaction,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    entry::{ChangeEntry, Note, OutboxEntry, State},
    error::JournalError,
};

/// The version of what stands below; another one is refused.
const FORMAT: u64 = 1;
/// Read-ahead is not needed: everything is read once, at the start.
const CACHE: usize = 4 * 1024 * 1024;

/// Everything of a change but its payload, as JSON, so that its end does not write the payload again.
const CHANGES: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("changes");
/// The payloads of changes.
const PAYLOADS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("payloads");
/// Load balancer, object, payload.
const OUTBOX: TableDefinition<'_, u64, (u128, &str, &[u8])> = TableDefinition::new("outbox");
/// Abandoned keys, with the time in milliseconds of Unix time.
const TOMBSTONES: TableDefinition<'_, &str, u64> = TableDefinition::new("tombstones");
/// Notes by their keys. A host that does not know of them leaves them alone.
const NOTES: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("notes");
/// `format`, and the next numbers: those of removed entries are not given again.
const META: TableDefinition<'_, &str, u64> = TableDefinition::new("meta");

/// How the database is opened. A function, since it has to be opened again after every failure; tests give one whose
/// storage fails at will.
pub(crate) type Opener = Box<dyn Fn() -> Result<Database, DatabaseError> + Send>;

/// A change as it stands in `changes`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Header {
    pub id: Uuid,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lb: Option<Uuid>,
    pub method: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    pub accepted_ms: u64,
    pub state: State,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Zero while it is pending.
    #[serde(default)]
    pub finished_ms: u64,
}

impl Header {
    fn entry(self, seq: u64, payload: Vec<u8>) -> ChangeEntry {
        let Self { id, key, lb, method, request_id, accepted_ms, state, detail, finished_ms: _ } = self;
        ChangeEntry { id, key, lb, method, request_id, accepted_ms, payload, state, detail, seq }
    }
}

/// Everything in the file.
#[derive(Default)]
pub(crate) struct Content {
    /// With the time of the end, in milliseconds of Unix time.
    pub changes: Vec<(ChangeEntry, u64)>,
    pub outbox: Vec<OutboxEntry>,
    pub tombstones: Vec<(String, u64)>,
    pub notes: Vec<Note>,
    pub next_change: u64,
    pub next_outbox: u64,
}

/// The opener of a journal's file.
pub(crate) fn file_opener(path: &Path) -> Opener {
    let path = path.to_owned();
    Box::new(move || {
        let new = !path.try_exists()?;
        // Payloads may hold what tenants regard as theirs: nobody else needs to read them.
        let file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(&path)?;
        if new {
            // Without this a crash of the machine could lose the file's name although its content was synchronised.
            let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
            File::open(parent.unwrap_or_else(|| Path::new(".")))?.sync_all()?;
        }
        Builder::new().set_cache_size(CACHE).create_with_backend(FileBackend::new(file)?)
    })
}

/// The open file.
pub(crate) struct Store(Database);

impl Store {
    /// Opens the file and reads everything.
    pub fn open(opener: &Opener, path: &Path) -> Result<(Self, Content), JournalError> {
        let corrupt = |reason: String| JournalError::Corrupt { path: path.to_owned(), reason };
        let open = || -> Result<(Database, Content), JournalError> {
            let database = opener().map_err(|error| open_error(path, error))?;
            let format = prepare(&database).map_err(|error| write_error(path, &error))?;
            if format != FORMAT {
                return Err(JournalError::Format { path: path.to_owned(), found: format, expected: FORMAT });
            }
            let content = read(&database).map_err(|error| corrupt(error.to_string()))?;
            Ok((database, content))
        };
        // A damaged file can make redb panic; for us it is just unreadable.
        let opened = catch_unwind(AssertUnwindSafe(open));
        let (database, content) =
            opened.unwrap_or_else(|_| Err(corrupt("its structure is damaged".into())))?;
        Ok((Self(database), content))
    }

    /// Makes one durable transaction: all of `work` or, as far as anybody is told, nothing.
    pub fn write(&self, work: impl FnOnce(&mut Tables<'_>) -> Result<(), redb::Error>) -> Result<(), String> {
        let write = || -> Result<(), redb::Error> {
            let transaction = self.0.begin_write()?;
            work(&mut Tables::open(&transaction)?)?;
            transaction.commit()?;
            Ok(())
        };
        match catch_unwind(AssertUnwindSafe(write)) {
            Ok(result) => result.map_err(|error| error.to_string()),
            Err(_) => Err("the database failed inside a transaction".into()),
        }
    }
}

fn open_error(path: &Path, error: DatabaseError) -> JournalError {
    let path = path.to_owned();
    match error {
        DatabaseError::DatabaseAlreadyOpen => JournalError::InUse { path },
        DatabaseError::Storage(StorageError::Io(error))
            if !matches!(
                error.kind(),
                std::io::ErrorKind::InvalidData | std::io::ErrorKind::UnexpectedEof
            ) =>
        {
            JournalError::Open { path, reason: error.to_string() }
        }
        error => JournalError::Corrupt { path, reason: error.to_string() },
    }
}

fn write_error(path: &Path, error: &redb::Error) -> JournalError {
    let (path, reason) = (path.to_owned(), error.to_string());
    match error {
        redb::Error::Io(_) | redb::Error::Backend(_) | redb::Error::PreviousIo => {
            JournalError::Open { path, reason }
        }
        _ => JournalError::Corrupt { path, reason },
    }
}

/// Makes the tables in a new file. Answers the format of the file.
fn prepare(database: &Database) -> Result<u64, redb::Error> {
    let transaction = database.begin_write()?;
    let format = {
        let mut meta = transaction.open_table(META)?;
        let found = meta.get("format")?.map(|value| value.value());
        if found.is_none() {
            meta.insert("format", FORMAT)?;
        }
        found.unwrap_or(FORMAT)
    };
    if format == FORMAT {
        Tables::open(&transaction)?;
        transaction.commit()?;
    } else {
        transaction.abort()?;
    }
    Ok(format)
}

fn read(database: &Database) -> Result<Content, redb::Error> {
    let unreadable = |what: String| redb::Error::Corrupted(what);
    let transaction = database.begin_read()?;
    let mut content = Content::default();
    let payloads = transaction.open_table(PAYLOADS)?;
    for row in transaction.open_table(CHANGES)?.iter()? {
        let (seq, header) = row?;
        let seq = seq.value();
        let header: Header = serde_json::from_slice(header.value())
            .map_err(|error| unreadable(format!("change number {seq}: {error}")))?;
        let payload =
            payloads.get(seq)?.ok_or_else(|| unreadable(format!("change number {seq} has no payload")))?;
        let finished_ms = header.finished_ms;
        content.changes.push((header.entry(seq, payload.value().to_vec()), finished_ms));
    }
    for row in transaction.open_table(OUTBOX)?.iter()? {
        let (seq, row) = row?;
        let (lb, object, payload) = row.value();
        let (lb, object, payload) = (Uuid::from_u128(lb), object.to_owned(), payload.to_vec());
        content.outbox.push(OutboxEntry { seq: seq.value(), lb, object, payload });
    }
    for row in transaction.open_table(TOMBSTONES)?.iter()? {
        let (key, at) = row?;
        content.tombstones.push((key.value().to_owned(), at.value()));
    }
    for row in transaction.open_table(NOTES)?.iter()? {
        let (key, payload) = row?;
        content.notes.push(Note { key: key.value().to_owned(), payload: payload.value().to_vec() });
    }
    let meta = transaction.open_table(META)?;
    content.next_change = meta.get("next-change")?.map_or(1, |value| value.value());
    content.next_outbox = meta.get("next-outbox")?.map_or(1, |value| value.value());
    Ok(content)
}

/// The tables within a transaction.
pub(crate) struct Tables<'txn> {
    changes: redb::Table<'txn, u64, &'static [u8]>,
    payloads: redb::Table<'txn, u64, &'static [u8]>,
    outbox: redb::Table<'txn, u64, (u128, &'static str, &'static [u8])>,
    tombstones: redb::Table<'txn, &'static str, u64>,
    notes: redb::Table<'txn, &'static str, &'static [u8]>,
    meta: redb::Table<'txn, &'static str, u64>,
}

impl<'txn> Tables<'txn> {
    fn open(transaction: &'txn WriteTransaction) -> Result<Self, redb::Error> {
        Ok(Self {
            changes: transaction.open_table(CHANGES)?,
            payloads: transaction.open_table(PAYLOADS)?,
            outbox: transaction.open_table(OUTBOX)?,
            tombstones: transaction.open_table(TOMBSTONES)?,
            notes: transaction.open_table(NOTES)?,
            meta: transaction.open_table(META)?,
        })
    }

    pub fn put_header(&mut self, seq: u64, header: &Header) -> Result<(), redb::Error> {
        // Strings, numbers and options always serialise.
        let bytes = serde_json::to_vec(header).map_err(|error| redb::Error::Corrupted(error.to_string()))?;
        self.changes.insert(seq, bytes.as_slice())?;
        Ok(())
    }

    pub fn put_payload(&mut self, seq: u64, payload: &[u8]) -> Result<(), redb::Error> {
        self.payloads.insert(seq, payload)?;
        Ok(())
    }

    pub fn remove_change(&mut self, seq: u64) -> Result<(), redb::Error> {
        self.changes.remove(seq)?;
        self.payloads.remove(seq)?;
        Ok(())
    }

    pub fn put_status(&mut self, entry: &OutboxEntry) -> Result<(), redb::Error> {
        self.outbox
            .insert(entry.seq, (entry.lb.as_u128(), entry.object.as_str(), entry.payload.as_slice()))?;
        Ok(())
    }

    pub fn remove_status(&mut self, seq: u64) -> Result<(), redb::Error> {
        self.outbox.remove(seq)?;
        Ok(())
    }

    pub fn put_tombstone(&mut self, key: &str, at_ms: u64) -> Result<(), redb::Error> {
        self.tombstones.insert(key, at_ms)?;
        Ok(())
    }

    pub fn remove_tombstone(&mut self, key: &str) -> Result<(), redb::Error> {
        self.tombstones.remove(key)?;
        Ok(())
    }

    pub fn put_note(&mut self, key: &str, payload: &[u8]) -> Result<(), redb::Error> {
        self.notes.insert(key, payload)?;
        Ok(())
    }

    pub fn remove_note(&mut self, key: &str) -> Result<(), redb::Error> {
        self.notes.remove(key)?;
        Ok(())
    }

    pub fn put_next(&mut self, change: u64, outbox: u64) -> Result<(), redb::Error> {
        self.meta.insert("next-change", change)?;
        self.meta.insert("next-outbox", outbox)?;
        Ok(())
    }
}

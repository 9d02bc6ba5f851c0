//! What the writer knows of the file without reading it, and which writes a call needs. No I/O, no clock.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    time::Duration,
};

use uuid::Uuid;

use crate::{
    entry::{ChangeEntry, JournalStatus, Note, OutboxEntry, Recovered, Settings, State},
    error::JournalError,
    store::{Content, Header, Tables},
};

/// Entries removed in one transaction at most, so that cleaning never makes a call wait for long.
const CLEAN_AT_ONCE: usize = 1_000;
/// What an entry costs besides its strings and its payload, roughly.
const ENTRY_BYTES: u64 = 256;

/// One write of a transaction.
pub(crate) enum Write {
    Header(u64, Header),
    Payload(u64, Vec<u8>),
    RemoveChange(u64),
    Status(OutboxEntry),
    RemoveStatus(u64),
    Tombstone(String, u64),
    RemoveTombstone(String),
    Note(Note),
    RemoveNote(String),
}

impl Write {
    pub fn apply(&self, tables: &mut Tables<'_>) -> Result<(), redb::Error> {
        match self {
            Self::Header(seq, header) => tables.put_header(*seq, header),
            Self::Payload(seq, payload) => tables.put_payload(*seq, payload),
            Self::RemoveChange(seq) => tables.remove_change(*seq),
            Self::Status(entry) => tables.put_status(entry),
            Self::RemoveStatus(seq) => tables.remove_status(*seq),
            Self::Tombstone(key, at) => tables.put_tombstone(key, *at),
            Self::RemoveTombstone(key) => tables.remove_tombstone(key),
            Self::Note(Note { key, payload }) => tables.put_note(key, payload),
            Self::RemoveNote(key) => tables.remove_note(key),
        }
    }
}

/// What a transaction that failed may have left in the file although its callers were told that it failed.
#[derive(Default)]
pub(crate) struct Doubt {
    accepted: Vec<Uuid>,
    statuses: Vec<(u64, String)>,
    /// Headers as they were, the oldest first.
    before: Vec<(u64, Header)>,
}

struct Slot {
    header: Header,
    bytes: u64,
}

/// See the module.
#[derive(Default)]
pub(crate) struct Index {
    changes: BTreeMap<u64, Slot>,
    by_id: HashMap<Uuid, u64>,
    by_key: HashMap<String, u64>,
    /// (end in milliseconds, sequence number): the oldest first.
    finished: BTreeSet<(u64, u64)>,
    finished_bytes: u64,
    outbox: BTreeMap<u64, u64>,
    tombstones: HashMap<String, u64>,
    tombstones_by_age: BTreeSet<(u64, String)>,
    notes: HashMap<String, u64>,
    bytes: u64,
    next_change: u64,
    next_outbox: u64,
    /// The writes of the transaction being put together.
    writes: Vec<Write>,
    /// How to tell what of it is in the file, should it fail.
    doubt: Doubt,
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn length(text: &str) -> u64 {
    text.len() as u64
}

fn change_bytes(header: &Header, payload: usize) -> u64 {
    let strings = [&header.key, &header.request_id, &header.detail];
    let strings: u64 = strings.into_iter().flatten().map(|text| length(text)).sum();
    ENTRY_BYTES + strings + length(&header.method) + payload as u64
}

fn status_bytes(entry: &OutboxEntry) -> u64 {
    ENTRY_BYTES + length(&entry.object) + entry.payload.len() as u64
}

fn note_bytes(note: &Note) -> u64 {
    ENTRY_BYTES + length(&note.key) + note.payload.len() as u64
}

fn header(entry: &ChangeEntry, finished_ms: u64) -> Header {
    Header {
        id: entry.id,
        key: entry.key.clone(),
        lb: entry.lb,
        method: entry.method.clone(),
        request_id: entry.request_id.clone(),
        accepted_ms: entry.accepted_ms,
        state: entry.state,
        detail: entry.detail.clone(),
        finished_ms,
    }
}

impl Index {
    /// The index of a file's content, and the content for the host. Undoes what stands in doubt: the writes for that are
    /// in [`Self::take_writes`].
    pub fn new(mut content: Content, doubt: &Doubt) -> (Self, Recovered) {
        let mut index = Self {
            next_change: content.next_change.max(1),
            next_outbox: content.next_outbox.max(1),
            ..Self::default()
        };
        let mut writes = Vec::new();
        content.changes.retain(|(entry, _)| {
            let doubtful = doubt.accepted.contains(&entry.id);
            writes.extend(doubtful.then_some(Write::RemoveChange(entry.seq)));
            !doubtful
        });
        content.outbox.retain(|entry| {
            let doubtful =
                doubt.statuses.iter().any(|(seq, object)| *seq == entry.seq && *object == entry.object);
            writes.extend(doubtful.then_some(Write::RemoveStatus(entry.seq)));
            !doubtful
        });
        let mut recovered = Recovered::default();
        for (mut entry, mut finished_ms) in content.changes {
            let before = doubt.before.iter().find(|(seq, before)| *seq == entry.seq && before.id == entry.id);
            if let Some((seq, before)) = before {
                (entry.state, entry.detail) = (before.state, before.detail.clone());
                finished_ms = before.finished_ms;
                writes.push(Write::Header(*seq, before.clone()));
            }
            let header = header(&entry, finished_ms);
            let bytes = change_bytes(&header, entry.payload.len());
            index.next_change = index.next_change.max(entry.seq.saturating_add(1));
            index.put(entry.seq, Slot { header, bytes });
            match entry.state {
                State::Pending => recovered.pending.push(entry),
                State::Committed | State::Failed | State::Abandoned => recovered.finished.push(entry),
            }
        }
        for entry in &content.outbox {
            index.next_outbox = index.next_outbox.max(entry.seq.saturating_add(1));
            index.put_status(entry);
        }
        recovered.outbox = content.outbox;
        for (key, at) in content.tombstones {
            index.put_tombstone(key.clone(), at);
            recovered.tombstones.push(key);
        }
        for note in &content.notes {
            index.count_note(note);
        }
        recovered.notes = content.notes;
        index.writes = writes;
        (index, recovered)
    }

    /// The next free numbers of changes and of statuses.
    pub fn next(&self) -> (u64, u64) {
        (self.next_change, self.next_outbox)
    }

    /// The writes gathered since the last time.
    pub fn take_writes(&mut self) -> Vec<Write> {
        std::mem::take(&mut self.writes)
    }

    /// What stands in doubt if the writes gathered since the last time fail.
    pub fn take_doubt(&mut self) -> Doubt {
        std::mem::take(&mut self.doubt)
    }

    /// The counts.
    pub fn describe(&self, status: &mut JournalStatus) {
        status.finished = self.finished.len();
        status.pending = self.changes.len().saturating_sub(status.finished);
        status.outbox = self.outbox.len();
        status.notes = self.notes.len();
        status.bytes = self.bytes;
    }

    /// Takes on a change. Answers its number.
    pub fn accept(&mut self, mut entry: ChangeEntry, settings: &Settings) -> Result<u64, JournalError> {
        if self.by_id.contains_key(&entry.id) {
            return Err(JournalError::Duplicate(entry.id));
        }
        if let Some(key) = &entry.key {
            if self.tombstones.contains_key(key) {
                return Err(JournalError::KeyAbandoned(key.clone()));
            }
            if self.by_key.contains_key(key) {
                return Err(JournalError::KeyUsed(key.clone()));
            }
        }
        entry.state = State::Pending;
        let pending = self.changes.len().saturating_sub(self.finished.len());
        if pending >= settings.max_pending {
            return Err(JournalError::Full(format!("{pending} changes are pending")));
        }
        let header = header(&entry, 0);
        let bytes = change_bytes(&header, entry.payload.len());
        let lasting = self.bytes.saturating_sub(self.finished_bytes).saturating_add(bytes);
        if lasting > settings.max_bytes {
            return Err(JournalError::Full(format!("{lasting} bytes where {} may be", settings.max_bytes)));
        }
        while self.bytes.saturating_add(bytes) > settings.max_bytes && self.forget_oldest() {}
        let seq = self.next_change;
        self.next_change = seq.saturating_add(1);
        self.doubt.accepted.push(entry.id);
        self.writes.push(Write::Header(seq, header.clone()));
        self.writes.push(Write::Payload(seq, entry.payload));
        self.put(seq, Slot { header, bytes });
        Ok(seq)
    }

    /// Ends changes and takes on statuses. Answers the statuses' numbers.
    pub fn finish(
        &mut self,
        ids: &[Uuid],
        state: State,
        detail: Option<&str>,
        outbox: Vec<OutboxEntry>,
        now_ms: u64,
    ) -> Result<Vec<u64>, JournalError> {
        let found = ids.iter().map(|id| self.by_id.get(id).copied().ok_or(JournalError::Unknown(*id)));
        let found: Vec<u64> = found.collect::<Result<_, _>>()?;
        for seq in found {
            let Some(Slot { mut header, bytes }) = self.remove(seq) else { continue };
            self.doubt.before.push((seq, header.clone()));
            let payload = bytes.saturating_sub(change_bytes(&header, 0));
            header.state = state;
            header.detail = detail.map(str::to_owned);
            header.finished_ms = if state == State::Pending { 0 } else { now_ms.max(1) };
            self.writes.push(Write::Header(seq, header.clone()));
            let bytes = change_bytes(&header, 0).saturating_add(payload);
            self.put(seq, Slot { header, bytes });
        }
        let mut seqs = Vec::with_capacity(outbox.len());
        for mut entry in outbox {
            entry.seq = self.next_outbox;
            self.next_outbox = entry.seq.saturating_add(1);
            self.doubt.statuses.push((entry.seq, entry.object.clone()));
            self.put_status(&entry);
            seqs.push(entry.seq);
            self.writes.push(Write::Status(entry));
        }
        Ok(seqs)
    }

    /// Abandons a key that no change has.
    pub fn tombstone(&mut self, key: String, now_ms: u64) -> Result<(), JournalError> {
        if self.by_key.contains_key(&key) {
            return Err(JournalError::KeyUsed(key));
        }
        if !self.tombstones.contains_key(&key) {
            self.writes.push(Write::Tombstone(key.clone(), now_ms));
            self.put_tombstone(key, now_ms);
        }
        Ok(())
    }

    /// Removes a status, if it is there.
    pub fn delivered(&mut self, seq: u64) {
        if let Some(bytes) = self.outbox.remove(&seq) {
            self.bytes = self.bytes.saturating_sub(bytes);
            self.writes.push(Write::RemoveStatus(seq));
        }
    }

    /// Takes on a note.
    pub fn put_note(&mut self, note: Note) {
        self.count_note(&note);
        self.writes.push(Write::Note(note));
    }

    /// Removes a note, if it is there.
    pub fn remove_note(&mut self, key: &str) {
        if let Some(bytes) = self.notes.remove(key) {
            self.bytes = self.bytes.saturating_sub(bytes);
            self.writes.push(Write::RemoveNote(key.to_owned()));
        }
    }

    /// Removes what need not be remembered any longer, some of it at a time.
    pub fn clean(&mut self, settings: &Settings, now_ms: u64) {
        let before = now_ms.saturating_sub(millis(settings.keep_finished));
        for _ in 0..CLEAN_AT_ONCE {
            let Some((at, _)) = self.finished.first() else { break };
            if *at >= before && self.finished.len() <= settings.keep_finished_max {
                break;
            }
            self.forget_oldest();
        }
        for _ in 0..CLEAN_AT_ONCE {
            let Some((at, key)) = self.tombstones_by_age.first().cloned() else { break };
            if at >= before && self.tombstones.len() <= settings.keep_finished_max {
                break;
            }
            self.tombstones_by_age.remove(&(at, key.clone()));
            self.tombstones.remove(&key);
            self.bytes = self.bytes.saturating_sub(ENTRY_BYTES + length(&key));
            self.writes.push(Write::RemoveTombstone(key));
        }
    }

    fn forget_oldest(&mut self) -> bool {
        let Some((_, seq)) = self.finished.first().copied() else { return false };
        self.remove(seq);
        self.writes.push(Write::RemoveChange(seq));
        true
    }

    fn put(&mut self, seq: u64, slot: Slot) {
        self.by_id.insert(slot.header.id, seq);
        if let Some(key) = &slot.header.key {
            self.by_key.insert(key.clone(), seq);
        }
        if slot.header.state != State::Pending {
            self.finished.insert((slot.header.finished_ms, seq));
            self.finished_bytes = self.finished_bytes.saturating_add(slot.bytes);
        }
        self.bytes = self.bytes.saturating_add(slot.bytes);
        self.changes.insert(seq, slot);
    }

    fn remove(&mut self, seq: u64) -> Option<Slot> {
        let slot = self.changes.remove(&seq)?;
        self.by_id.remove(&slot.header.id);
        if let Some(key) = &slot.header.key {
            self.by_key.remove(key);
        }
        if self.finished.remove(&(slot.header.finished_ms, seq)) {
            self.finished_bytes = self.finished_bytes.saturating_sub(slot.bytes);
        }
        self.bytes = self.bytes.saturating_sub(slot.bytes);
        Some(slot)
    }

    fn put_status(&mut self, entry: &OutboxEntry) {
        let bytes = status_bytes(entry);
        self.outbox.insert(entry.seq, bytes);
        self.bytes = self.bytes.saturating_add(bytes);
    }

    fn count_note(&mut self, note: &Note) {
        let bytes = note_bytes(note);
        let before = self.notes.insert(note.key.clone(), bytes).unwrap_or_default();
        self.bytes = self.bytes.saturating_sub(before).saturating_add(bytes);
    }

    fn put_tombstone(&mut self, key: String, at_ms: u64) {
        self.bytes = self.bytes.saturating_add(ENTRY_BYTES + length(&key));
        self.tombstones_by_age.insert((at_ms, key.clone()));
        self.tombstones.insert(key, at_ms);
    }
}

//! The handle.

use std::{
    sync::{
        Arc,
        mpsc::{Sender, channel},
    },
    thread::JoinHandle,
};

use tokio::sync::oneshot;
use uuid::Uuid;

use crate::{
    entry::{ChangeEntry, JournalStatus, Note, OutboxEntry, Recovered, Settings, State},
    error::JournalError,
    store::{Opener, file_opener},
    writer::{Call, Reply, Shared, Writer},
};

/// The journal. Clones are the same journal; the file is closed when the last one is dropped, which waits for the last
/// transaction.
#[derive(Clone)]
pub struct Journal(Arc<Inner>);

struct Inner {
    /// None only while dropping.
    calls: Option<Sender<Call>>,
    thread: Option<JoinHandle<()>>,
    shared: Arc<Shared>,
    #[cfg(test)]
    sent: std::sync::atomic::AtomicUsize,
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.calls = None;
        if let Some(thread) = self.thread.take() {
            // The thread catches what redb throws; a panic of its own has been printed by the panic hook.
            drop(thread.join());
        }
    }
}

impl Journal {
    /// Opens or makes the file and reads what is in it. Blocks.
    ///
    /// # Errors
    /// [`JournalError::InUse`], [`JournalError::Corrupt`], [`JournalError::Format`] or [`JournalError::Open`].
    pub fn open(settings: Settings) -> Result<(Self, Recovered), JournalError> {
        let opener = file_opener(&settings.path);
        Self::open_with(settings, opener)
    }

    pub(crate) fn open_with(settings: Settings, opener: Opener) -> Result<(Self, Recovered), JournalError> {
        let path = settings.path.clone();
        let (writer, recovered, shared) = Writer::open(settings, opener)?;
        let (calls, received) = channel();
        let thread = std::thread::Builder::new()
            .name("journal".into())
            .spawn(move || writer.run(&received))
            .map_err(|error| JournalError::Open { path, reason: error.to_string() })?;
        let inner = Inner {
            calls: Some(calls),
            thread: Some(thread),
            shared,
            #[cfg(test)]
            sent: 0.into(),
        };
        Ok((Self(Arc::new(inner)), recovered))
    }

    /// Writes down an accepted change as pending. It is on disk when the future gives its number; its place in the order
    /// is taken at once, also when nobody waits.
    ///
    /// # Errors
    /// [`JournalError::Full`], [`JournalError::Broken`], [`JournalError::Duplicate`], [`JournalError::KeyUsed`] or
    /// [`JournalError::KeyAbandoned`]; the change is then not in the journal.
    pub fn accept(
        &self,
        entry: ChangeEntry,
    ) -> impl Future<Output = Result<u64, JournalError>> + Send + use<> {
        answered(self.call(|reply| Call::Accept(Box::new(entry), reply)))
    }

    /// Ends changes and writes down the statuses to be delivered, both or neither. Either list may be empty; a change that
    /// has ended may end anew (an abandoned one after its commit). Answers the statuses' numbers, in their order.
    ///
    /// Statuses are taken on also when the journal is full. The place in the order is taken at once.
    ///
    /// # Errors
    /// [`JournalError::Broken`] or [`JournalError::Unknown`]; nothing is then written, and after the former the caller
    /// calls again.
    pub fn finish(
        &self,
        ids: Vec<Uuid>,
        state: State,
        detail: Option<String>,
        outbox: Vec<OutboxEntry>,
    ) -> impl Future<Output = Result<Vec<u64>, JournalError>> + Send + use<> {
        answered(self.call(|reply| Call::Finish { ids, state, detail, outbox, reply }))
    }

    /// Abandons a key that no call has used: [`Self::accept`] refuses it from now on.
    ///
    /// # Errors
    /// [`JournalError::Broken`], or [`JournalError::KeyUsed`] when a change has the key.
    pub async fn tombstone(&self, key: String) -> Result<(), JournalError> {
        answered(self.call(|reply| Call::Tombstone(key, reply))).await
    }

    /// Removes statuses. Soon on disk; until then a crash brings them back.
    pub fn delivered(&self, seqs: Vec<u64>) {
        if let Some(calls) = self.0.calls.as_ref().filter(|_| !seqs.is_empty()) {
            // The thread ends after the last handle; had it died, the statuses would be sent once more.
            drop(calls.send(Call::Delivered(seqs)));
        }
    }

    /// Writes down a note, in place of an earlier one under the same key. It is on disk when the future is done; its place
    /// in the order is taken at once. Notes are taken on also when the journal is full.
    ///
    /// # Errors
    /// [`JournalError::Broken`]; the note may then be found after a restart all the same.
    pub fn put_note(&self, note: Note) -> impl Future<Output = Result<(), JournalError>> + Send + use<> {
        answered(self.call(|reply| Call::PutNote(note, reply)))
    }

    /// Removes notes. Soon on disk; until then a crash brings them back.
    pub fn remove_notes(&self, keys: Vec<String>) {
        if let Some(calls) = self.0.calls.as_ref().filter(|_| !keys.is_empty()) {
            // The thread ends after the last handle; had it died, the notes would be found once more.
            drop(calls.send(Call::RemoveNotes(keys)));
        }
    }

    /// How the journal is. Never blocks on the disk.
    pub fn status(&self) -> JournalStatus {
        self.0.shared.status.lock().clone()
    }

    /// Waits until the journal can be written. Returns at once when it can.
    pub async fn writable(&self) {
        // The sender lives as long as this handle, so this is no error.
        drop(self.0.shared.writable.subscribe().wait_for(|writable| *writable).await);
    }

    /// Calls sent so far.
    #[cfg(test)]
    pub(crate) fn sent(&self) -> usize {
        self.0.sent.load(std::sync::atomic::Ordering::SeqCst)
    }

    /// Sends a call now; the answer comes later.
    fn call<T>(&self, call: impl FnOnce(Reply<T>) -> Call) -> Answer<T> {
        let (reply, answer) = oneshot::channel();
        if let Some(calls) = &self.0.calls {
            // A thread that has ended drops the reply: the caller is told by `answered`.
            drop(calls.send(call(reply)));
        }
        #[cfg(test)]
        self.0.sent.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        answer
    }
}

type Answer<T> = oneshot::Receiver<Result<T, JournalError>>;

async fn answered<T>(answer: Answer<T>) -> Result<T, JournalError> {
    answer.await.map_err(|_| JournalError::Broken("its thread has ended".into()))?
}

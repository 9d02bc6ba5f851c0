//! Behaviour when the disk fails, on a storage that fails at will.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use parking_lot::{Condvar, Mutex};
use redb::{Builder, Database, DatabaseError, StorageBackend, backends::InMemoryBackend};
use uuid::Uuid;

use crate::{
    Journal, JournalError, State,
    tests::{change, ids, note, settings, status},
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Works,
    /// Writes fail, as on a full disk.
    Full,
    /// A transaction is written whole, and then its fsync reports an error.
    SyncFails,
    /// fsync waits.
    Stopped,
}

/// A disk whose content outlives the database.
#[derive(Debug)]
struct Disk {
    content: InMemoryBackend,
    mode: Mutex<Mode>,
    changed: Condvar,
    syncs: AtomicU64,
    /// The database's header, at the start, was written after the last fsync: a commit.
    header_written: AtomicBool,
}

#[derive(Clone, Debug)]
struct Faulty(Arc<Disk>);

impl Faulty {
    fn new() -> Self {
        Self(Arc::new(Disk {
            content: InMemoryBackend::new(),
            mode: Mutex::new(Mode::Works),
            changed: Condvar::new(),
            syncs: AtomicU64::new(0),
            header_written: AtomicBool::new(false),
        }))
    }

    fn set(&self, mode: Mode) {
        *self.0.mode.lock() = mode;
        self.0.changed.notify_all();
    }

    fn open(&self) -> (Journal, crate::Recovered) {
        let disk = self.clone();
        let opener =
            move || -> Result<Database, DatabaseError> { Builder::new().create_with_backend(disk.clone()) };
        let folder = std::path::Path::new("/nowhere");
        Journal::open_with(settings(folder), Box::new(opener)).unwrap()
    }
}

fn no_space() -> std::io::Error {
    std::io::Error::new(std::io::ErrorKind::StorageFull, "no space left on device")
}

impl StorageBackend for Faulty {
    fn len(&self) -> Result<u64, std::io::Error> {
        self.0.content.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<(), std::io::Error> {
        self.0.content.read(offset, out)
    }

    fn set_len(&self, len: u64) -> Result<(), std::io::Error> {
        self.0.content.set_len(len)
    }

    fn sync_data(&self) -> Result<(), std::io::Error> {
        self.0.syncs.fetch_add(1, Ordering::SeqCst);
        let mut mode = self.0.mode.lock();
        while *mode == Mode::Stopped {
            self.0.changed.wait(&mut mode);
        }
        let commit = self.0.header_written.swap(false, Ordering::SeqCst);
        if commit && *mode == Mode::SyncFails {
            Err(std::io::Error::other("the disk is gone"))
        } else {
            Ok(())
        }
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<(), std::io::Error> {
        if *self.0.mode.lock() == Mode::Full {
            return Err(no_space());
        }
        self.0.header_written.fetch_or(offset == 0, Ordering::SeqCst);
        self.0.content.write(offset, data)
    }
}

#[tokio::test]
async fn a_full_disk_refuses_calls_keeps_what_was_accepted_and_works_again_by_itself() {
    let disk = Faulty::new();
    let (journal, _) = disk.open();
    journal.accept(change(1)).await.unwrap();
    disk.set(Mode::Full);
    for n in 2..5 {
        let error = journal.accept(change(n)).await.unwrap_err();
        assert_eq!(error.code(), "journal-broken", "{error}");
    }
    let ended = vec![Uuid::from_u128(1)];
    let error = journal.finish(ended, State::Committed, None, vec![status("x")]).await.unwrap_err();
    assert_eq!(error.code(), "journal-broken");
    assert!(!journal.status().writable);
    assert!(journal.status().last_error.unwrap().contains("no space left"));

    disk.set(Mode::Works);
    journal.writable().await;
    let status = journal.status();
    assert_eq!((status.writable, status.pending, status.finished, status.outbox), (true, 1, 0, 0));
    assert_eq!(journal.accept(change(2)).await.unwrap(), 2);
    drop(journal);
    let (_, recovered) = disk.open();
    assert_eq!(ids(&recovered.pending), [1, 2]);
    assert!(recovered.outbox.is_empty());
}

#[tokio::test]
async fn what_a_failed_fsync_left_behind_is_undone() {
    let disk = Faulty::new();
    let (journal, _) = disk.open();
    journal.accept(change(1)).await.unwrap();
    journal.finish(vec![], State::Committed, None, vec![status("kept")]).await.unwrap();
    disk.set(Mode::SyncFails);
    // One transaction with an acceptance, an end and a status, all of it in the file, and nothing of it promised.
    let first = Uuid::from_u128(1);
    let (accepted, ended) = tokio::join!(
        journal.accept(change(2)),
        journal.finish(vec![first], State::Committed, None, vec![status("refused")]),
    );
    assert!(matches!(accepted, Err(JournalError::Broken(_))));
    assert!(matches!(ended, Err(JournalError::Broken(_))));

    disk.set(Mode::Works);
    journal.writable().await;
    drop(journal);
    let (journal, recovered) = disk.open();
    assert_eq!((ids(&recovered.pending), ids(&recovered.finished)), (vec![1], vec![]));
    assert_eq!(recovered.outbox.iter().map(|entry| entry.object.as_str()).collect::<Vec<_>>(), ["kept"]);
    // The refused call comes again.
    journal.accept(change(2)).await.unwrap();
}

#[tokio::test]
async fn deliveries_while_the_disk_fails_are_remembered() {
    let disk = Faulty::new();
    let (journal, _) = disk.open();
    let seqs = journal.finish(vec![], State::Committed, None, vec![status("a"), status("b")]).await.unwrap();
    disk.set(Mode::Full);
    journal.accept(change(1)).await.unwrap_err();
    journal.delivered(seqs);
    // The call before this one has been taken up.
    journal.accept(change(1)).await.unwrap_err();
    disk.set(Mode::Works);
    journal.writable().await;
    drop(journal);
    assert!(disk.open().1.outbox.is_empty());
}

#[tokio::test]
async fn notes_removed_while_the_disk_fails_are_gone_when_it_works_again() {
    let disk = Faulty::new();
    let (journal, _) = disk.open();
    journal.put_note(note("a", "1")).await.unwrap();
    journal.put_note(note("b", "1")).await.unwrap();
    disk.set(Mode::Full);
    let error = journal.put_note(note("c", "1")).await.unwrap_err();
    assert_eq!(error.code(), "journal-broken");
    journal.remove_notes(vec!["a".into(), "c".into()]);
    // The call before this one has been taken up.
    journal.accept(change(1)).await.unwrap_err();
    disk.set(Mode::Works);
    journal.writable().await;
    assert_eq!(journal.status().notes, 1);
    drop(journal);
    assert_eq!(disk.open().1.notes, [note("b", "1")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_wait_together_share_one_fsync() {
    let disk = Faulty::new();
    let (journal, _) = disk.open();
    let syncs = disk.0.syncs.load(Ordering::SeqCst);
    disk.set(Mode::Stopped);
    let accept = |n| {
        let journal = journal.clone();
        tokio::spawn(async move { journal.accept(change(n)).await })
    };
    let first = accept(1000);
    // The first one is within its fsync once that is counted; all others then wait behind it.
    while disk.0.syncs.load(Ordering::SeqCst) == syncs {
        tokio::task::yield_now().await;
    }
    let others: Vec<_> = (0..64).map(accept).collect();
    while journal.sent() < 65 {
        tokio::task::yield_now().await;
    }
    disk.set(Mode::Works);
    first.await.unwrap().unwrap();
    for other in others {
        other.await.unwrap().unwrap();
    }
    let status = journal.status();
    assert_eq!((status.accepted, status.transactions), (65, 2));
    assert_eq!(disk.0.syncs.load(Ordering::SeqCst) - syncs, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_goes_away_does_not_disturb_the_others() {
    let disk = Faulty::new();
    let (journal, _) = disk.open();
    let syncs = disk.0.syncs.load(Ordering::SeqCst);
    disk.set(Mode::Stopped);
    let gone = tokio::spawn({
        let journal = journal.clone();
        async move { journal.accept(change(1)).await }
    });
    while disk.0.syncs.load(Ordering::SeqCst) == syncs {
        tokio::task::yield_now().await;
    }
    gone.abort();
    disk.set(Mode::Works);
    journal.accept(change(2)).await.unwrap();
    assert_eq!(journal.status().accepted, 2);
}

//! Behaviour on a real file.

use std::{path::Path, time::Duration};

use uuid::Uuid;

use crate::{ChangeEntry, Journal, JournalError, Note, OutboxEntry, Recovered, Settings, State};

pub(crate) fn settings(folder: &Path) -> Settings {
    Settings {
        path: folder.join("journal.redb"),
        max_pending: 1_000,
        max_bytes: 64 * 1024 * 1024,
        keep_finished: Duration::from_secs(3_600),
        keep_finished_max: 1_000,
    }
}

pub(crate) fn change(n: u128) -> ChangeEntry {
    ChangeEntry {
        id: Uuid::from_u128(n),
        key: Some(format!("key-{n}")),
        lb: Some(Uuid::from_u128(9)),
        method: "listener_create".into(),
        request_id: Some("req-1".into()),
        accepted_ms: 1_700_000_000_000,
        payload: format!("payload {n}").into_bytes(),
        state: State::Pending,
        detail: None,
        seq: 0,
    }
}

pub(crate) fn status(object: &str) -> OutboxEntry {
    OutboxEntry { seq: 0, lb: Uuid::from_u128(9), object: object.into(), payload: b"{}".to_vec() }
}

pub(crate) fn note(key: &str, payload: &str) -> Note {
    Note { key: key.into(), payload: payload.as_bytes().to_vec() }
}

pub(crate) fn ids(entries: &[ChangeEntry]) -> Vec<u128> {
    entries.iter().map(|entry| entry.id.as_u128()).collect()
}

fn reopen(journal: Journal, settings: &Settings) -> (Journal, Recovered) {
    drop(journal);
    Journal::open(settings.clone()).unwrap()
}

#[tokio::test]
async fn what_was_accepted_is_there_again_as_it_was_and_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(folder.path());
    let (journal, recovered) = Journal::open(settings.clone()).unwrap();
    assert_eq!(recovered, Recovered::default());
    for (n, seq) in [(7, 1), (3, 2), (5, 3)] {
        assert_eq!(journal.accept(change(n)).await.unwrap(), seq);
    }
    let (_journal, recovered) = reopen(journal, &settings);
    let expected: Vec<_> =
        [(7, 1), (3, 2), (5, 3)].map(|(n, seq)| ChangeEntry { seq, ..change(n) }).into_iter().collect();
    assert_eq!(recovered.pending, expected);
}

#[tokio::test]
async fn an_end_and_its_statuses_are_written_together_and_statuses_go_when_delivered() {
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(folder.path());
    let (journal, _) = Journal::open(settings.clone()).unwrap();
    journal.accept(change(1)).await.unwrap();
    journal.accept(change(2)).await.unwrap();
    let ended = vec![Uuid::from_u128(1)];
    let statuses = vec![status("listeners/a"), status("loadbalancers/b"), status("pools/c")];
    let seqs = journal.finish(ended, State::Failed, Some("no such pool".into()), statuses).await.unwrap();
    assert_eq!(seqs, [1, 2, 3]);
    journal.delivered(vec![2]);

    let (journal, recovered) = reopen(journal, &settings);
    assert_eq!(ids(&recovered.pending), [2]);
    assert_eq!(ids(&recovered.finished), [1]);
    assert_eq!(recovered.finished[0].state, State::Failed);
    assert_eq!(recovered.finished[0].detail.as_deref(), Some("no such pool"));
    assert_eq!(recovered.finished[0].payload, b"payload 1");
    let left: Vec<_> = recovered.outbox.iter().map(|entry| (entry.seq, entry.object.as_str())).collect();
    assert_eq!(left, [(1, "listeners/a"), (3, "pools/c")]);
    assert_eq!(recovered.outbox[0], OutboxEntry { seq: 1, ..status("listeners/a") });
    // Numbers are not given twice, also when the highest are gone.
    journal.delivered(vec![1, 3]);
    let (journal, _) = reopen(journal, &settings);
    assert_eq!(journal.status().outbox, 0);
    assert_eq!(journal.finish(vec![], State::Committed, None, vec![status("x")]).await.unwrap(), [4]);
}

#[tokio::test]
async fn an_unknown_change_ends_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, _) = Journal::open(settings(folder.path())).unwrap();
    journal.accept(change(1)).await.unwrap();
    let both = vec![Uuid::from_u128(1), Uuid::from_u128(2)];
    let error = journal.finish(both, State::Committed, None, vec![status("x")]).await.unwrap_err();
    assert_eq!(error, JournalError::Unknown(Uuid::from_u128(2)));
    let status = journal.status();
    assert_eq!((status.pending, status.finished, status.outbox), (1, 0, 0));
}

#[tokio::test]
async fn ids_and_keys_are_used_once_and_an_abandoned_key_never() {
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(folder.path());
    let (journal, _) = Journal::open(settings.clone()).unwrap();
    journal.accept(change(1)).await.unwrap();
    journal.tombstone("key-2".into()).await.unwrap();
    journal.tombstone("key-2".into()).await.unwrap();
    let mut journal = Some(journal);
    for _restart in 0..2 {
        let open = journal.take().unwrap();
        assert_eq!(open.accept(change(1)).await.unwrap_err().code(), "journal-duplicate");
        let same_key = ChangeEntry { key: Some("key-1".into()), ..change(3) };
        assert_eq!(open.accept(same_key).await.unwrap_err().code(), "journal-key-used");
        assert_eq!(open.tombstone("key-1".into()).await.unwrap_err().code(), "journal-key-used");
        assert_eq!(open.accept(change(2)).await.unwrap_err().code(), "journal-key-abandoned");
        journal = Some(reopen(open, &settings).0);
    }
    drop(journal);
    let (_, recovered) = Journal::open(settings).unwrap();
    assert_eq!(recovered.tombstones, ["key-2"]);
    assert_eq!(ids(&recovered.pending), [1]);
}

#[tokio::test]
async fn a_full_journal_refuses_and_takes_on_again_when_a_change_has_ended() {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings { max_pending: 2, ..settings(folder.path()) };
    let (journal, _) = Journal::open(settings.clone()).unwrap();
    journal.accept(change(1)).await.unwrap();
    journal.accept(change(2)).await.unwrap();
    assert_eq!(journal.accept(change(3)).await.unwrap_err().code(), "journal-full");
    journal.finish(vec![Uuid::from_u128(1)], State::Committed, None, vec![]).await.unwrap();
    journal.accept(change(3)).await.unwrap();
    let (_, recovered) = reopen(journal, &settings);
    assert_eq!(ids(&recovered.pending), [2, 3]);
}

#[tokio::test]
async fn finished_changes_make_room_before_a_call_is_refused_for_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings { max_bytes: 10_000, ..settings(folder.path()) };
    let (journal, _) = Journal::open(settings.clone()).unwrap();
    let large = |n| ChangeEntry { payload: vec![b'x'; 4_000], ..change(n) };
    journal.accept(large(1)).await.unwrap();
    journal.accept(large(2)).await.unwrap();
    assert_eq!(journal.accept(large(3)).await.unwrap_err().code(), "journal-full");
    journal.finish(vec![Uuid::from_u128(2)], State::Committed, None, vec![]).await.unwrap();
    journal.accept(large(3)).await.unwrap();
    assert!(journal.status().bytes <= 10_000);
    // A status is taken on in any case.
    let large_status = OutboxEntry { payload: vec![b'x'; 20_000], ..status("x") };
    journal.finish(vec![], State::Committed, None, vec![large_status]).await.unwrap();
    let (_, recovered) = reopen(journal, &settings);
    assert_eq!((ids(&recovered.pending), ids(&recovered.finished)), (vec![1, 3], vec![]));
}

#[tokio::test]
async fn old_and_too_many_finished_changes_are_forgotten_pending_ones_never() {
    let folder = tempfile::tempdir().unwrap();
    let keep_two = Settings { keep_finished_max: 2, ..settings(folder.path()) };
    let (journal, _) = Journal::open(keep_two.clone()).unwrap();
    for n in 1..=5 {
        journal.accept(change(n)).await.unwrap();
        journal.tombstone(format!("gone-{n}")).await.unwrap();
    }
    for n in [4, 2, 1, 3] {
        journal.finish(vec![Uuid::from_u128(n)], State::Committed, None, vec![]).await.unwrap();
    }
    let (journal, recovered) = reopen(journal, &keep_two);
    assert_eq!(ids(&recovered.pending), [5]);
    assert_eq!(recovered.finished.len(), 2);
    assert_eq!(recovered.tombstones.len(), 2);
    // A forgotten id and key are free again.
    let kept = ids(&recovered.finished);
    let forgotten = [1, 2, 3, 4].into_iter().find(|id| !kept.contains(id)).unwrap();
    journal.accept(change(forgotten)).await.unwrap();
    drop(journal);

    let keep_nothing = Settings { keep_finished: Duration::ZERO, ..keep_two };
    let (journal, _) = Journal::open(keep_nothing.clone()).unwrap();
    // What ends within the same millisecond as the cleaning stays until the next one.
    while journal.status().finished > 0 {
        journal.finish(vec![], State::Committed, None, vec![status("x")]).await.unwrap();
    }
    let (_, recovered) = reopen(journal, &keep_nothing);
    assert_eq!((ids(&recovered.pending), ids(&recovered.finished)), (vec![5, forgotten], vec![]));
}

#[test]
fn two_users_of_one_file_are_told_so() {
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(folder.path());
    let (_journal, _) = Journal::open(settings.clone()).unwrap();
    let error = Journal::open(settings.clone()).err().unwrap();
    assert_eq!(error, JournalError::InUse { path: settings.path.clone() });
    assert!(error.to_string().contains(settings.path.to_str().unwrap()));
}

#[test]
fn a_file_that_is_no_journal_is_named_and_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(folder.path());
    let text = "not a database ".repeat(1_000);
    std::fs::write(&settings.path, &text).unwrap();
    let error = Journal::open(settings.clone()).err().unwrap();
    assert_eq!(error.code(), "journal-corrupt");
    assert!(error.to_string().contains(settings.path.to_str().unwrap()), "{error}");
    assert_eq!(std::fs::read_to_string(&settings.path).unwrap(), text);
}

#[tokio::test]
async fn a_damaged_journal_is_an_error_never_a_panic_and_never_wrong_entries() {
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(folder.path());
    let (journal, _) = Journal::open(settings.clone()).unwrap();
    for n in 0..50 {
        journal.accept(ChangeEntry { payload: vec![n as u8; 500], ..change(n) }).await.unwrap();
    }
    drop(journal);
    let good = std::fs::read(&settings.path).unwrap();
    let mut damaged_seen = 0;
    for at in (0..good.len()).step_by(4_096) {
        let mut bytes = good.clone();
        let end = (at + 512).min(bytes.len());
        bytes[at..end].fill(0xa5);
        std::fs::write(&settings.path, &bytes).unwrap();
        match Journal::open(settings.clone()) {
            Err(error) => {
                assert_eq!(error.code(), "journal-corrupt", "{error}");
                damaged_seen += 1;
            }
            Ok((_, recovered)) => {
                // Damage in unused pages.
                for entry in recovered.pending {
                    assert_eq!(entry.payload.len(), 500);
                }
            }
        }
    }
    assert!(damaged_seen > 0);
}

#[test]
fn a_missing_folder_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(&folder.path().join("not-there"));
    let error = Journal::open(settings).err().unwrap();
    assert_eq!(error.code(), "journal-open");
    assert!(error.to_string().contains("not-there"), "{error}");
}

#[tokio::test]
async fn the_file_is_for_its_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(folder.path());
    let (_journal, _) = Journal::open(settings.clone()).unwrap();
    assert_eq!(std::fs::metadata(&settings.path).unwrap().permissions().mode() & 0o777, 0o600);
}

#[tokio::test]
async fn notes_survive_a_restart_until_they_are_removed() {
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(folder.path());
    let (journal, _) = Journal::open(settings.clone()).unwrap();
    for (key, payload) in [("b", "1"), ("a", "2"), ("b", "longer"), ("c", "3")] {
        journal.put_note(note(key, payload)).await.unwrap();
    }
    let bytes = journal.status().bytes;
    journal.remove_notes(vec!["c".into(), "unknown".into()]);
    let (journal, recovered) = reopen(journal, &settings);
    assert_eq!(recovered.notes, [note("a", "2"), note("b", "longer")]);
    let status = journal.status();
    assert_eq!(status.notes, 2);
    assert!(status.bytes < bytes, "{} {bytes}", status.bytes);
    // A note that is put after its removal stays.
    journal.remove_notes(vec!["a".into(), "b".into()]);
    journal.put_note(note("a", "again")).await.unwrap();
    let (journal, recovered) = reopen(journal, &settings);
    assert_eq!(recovered.notes, [note("a", "again")]);
    journal.remove_notes(vec!["a".into()]);
    let (journal, recovered) = reopen(journal, &settings);
    assert_eq!((recovered.notes, journal.status().bytes), (vec![], 0));
}

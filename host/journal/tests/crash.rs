//! kill -9 at random instants: what was acknowledged is there, in order, once.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::print_stdout)]

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use uuid::Uuid;
use weir_journal::{ChangeEntry, Journal, OutboxEntry, Settings, State};

const FILE: &str = "WEIR_JOURNAL_CRASH_FILE";

fn settings(path: &Path) -> Settings {
    Settings {
        path: path.to_owned(),
        max_pending: 1_000_000,
        max_bytes: 1 << 30,
        keep_finished: Duration::from_secs(3_600),
        keep_finished_max: 1_000_000,
    }
}

fn change(id: Uuid) -> ChangeEntry {
    ChangeEntry {
        id,
        key: None,
        lb: None,
        method: "member_create".into(),
        request_id: None,
        accepted_ms: 1,
        payload: id.as_bytes().repeat(20),
        state: State::Pending,
        detail: None,
        seq: 0,
    }
}

/// The process that is killed: this test program again, in the first of its tests.
fn spawn(path: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "what_was_acknowledged_survives_kill_9", "--nocapture", "--test-threads=1"])
        .env(FILE, path)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Accepts and ends in several tasks, and prints what was acknowledged, until it is killed.
fn work(path: &Path) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).build().unwrap();
    let (journal, _) = Journal::open(settings(path)).unwrap();
    let (failed, mut failure) = tokio::sync::mpsc::channel::<()>(1);
    for _ in 0..8 {
        let (journal, failed) = (journal.clone(), failed.clone());
        runtime.spawn(async move {
            let _failed = failed;
            loop {
                let id = Uuid::new_v4();
                let seq = journal.accept(change(id)).await.unwrap();
                println!("\nack {id} {seq}");
                if seq % 3 == 0 {
                    let status = OutboxEntry {
                        seq: 0,
                        lb: id,
                        object: "members/x".into(),
                        payload: id.as_bytes().to_vec(),
                    };
                    let seqs = journal.finish(vec![id], State::Committed, None, vec![status]).await.unwrap();
                    println!("\nend {id} {}", seqs[0]);
                }
            }
        });
    }
    drop(failed);
    // Ends only when all tasks have panicked.
    runtime.block_on(failure.recv());
}

#[test]
fn what_was_acknowledged_survives_kill_9() {
    if let Some(path) = std::env::var_os(FILE) {
        return work(Path::new(&path));
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.redb");
    let mut acknowledged: BTreeMap<u64, Uuid> = BTreeMap::new();
    let mut ended: BTreeMap<Uuid, u64> = BTreeMap::new();
    // Killed after so many acknowledgements, the first time while the file is being made.
    for lines in [0, 1, 2, 3, 7, 20, 50, 90, 131, 200] {
        let mut child = spawn(&path);
        let mut output = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut read = |line: &str| {
            // The test harness prints its own lines, and the last one may be cut.
            let words: Vec<&str> = line.split(' ').collect();
            match words.as_slice() {
                ["ack", id, seq] => drop(acknowledged.insert(seq.parse().unwrap(), id.parse().unwrap())),
                ["end", id, seq] => drop(ended.insert(id.parse().unwrap(), seq.parse().unwrap())),
                _ => return 0,
            }
            1
        };
        let mut seen = 0;
        while seen < lines {
            seen += read(&output.next().expect("the child ended by itself").unwrap());
        }
        child.kill().unwrap();
        child.wait().unwrap();
        // What it had printed by then was acknowledged too.
        let rest: Vec<String> = output.map_while(Result::ok).collect();
        for line in &rest {
            read(line);
        }
    }

    let (_journal, recovered) = Journal::open(settings(&path)).unwrap();
    let mut found: BTreeMap<u64, Uuid> = BTreeMap::new();
    let mut by_id: BTreeMap<Uuid, State> = BTreeMap::new();
    for entry in recovered.pending.iter().chain(&recovered.finished) {
        assert_eq!(entry.payload, entry.id.as_bytes().repeat(20));
        assert!(found.insert(entry.seq, entry.id).is_none(), "number {} is there twice", entry.seq);
        assert!(by_id.insert(entry.id, entry.state).is_none(), "change {} is there twice", entry.id);
    }
    assert!(acknowledged.len() > 200, "{}", acknowledged.len());
    for (seq, id) in &acknowledged {
        assert_eq!(found.get(seq), Some(id), "number {seq} is lost or another change");
    }
    assert!(recovered.pending.is_sorted_by_key(|entry| entry.seq));
    assert!(recovered.outbox.is_sorted_by_key(|entry| entry.seq));
    let outbox: BTreeMap<Uuid, u64> = recovered.outbox.iter().map(|entry| (entry.lb, entry.seq)).collect();
    assert_eq!(outbox.len(), recovered.outbox.len(), "a status is there twice");
    for (id, seq) in &ended {
        assert_eq!(by_id.get(id), Some(&State::Committed));
        assert_eq!(outbox.get(id), Some(seq));
    }
    // An end and its status are there both or neither.
    for (id, state) in &by_id {
        assert_eq!(*state == State::Committed, outbox.contains_key(id));
    }
}

#[test]
fn another_process_is_told_that_the_file_is_in_use() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.redb");
    let mut child = spawn(&path);
    let mut output = BufReader::new(child.stdout.take().unwrap()).lines();
    while !output.next().expect("the child ended by itself").unwrap().starts_with("ack") {}
    let error = Journal::open(settings(&path)).err().unwrap();
    assert_eq!(error.code(), "journal-in-use");
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!Journal::open(settings(&path)).unwrap().1.pending.is_empty());
}

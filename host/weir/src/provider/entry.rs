//! A change as it stands in the journal.

use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde::{Deserialize, Serialize};
use uuid::Uuid;
use weir_journal::{ChangeEntry, State};
use weir_model::{Change, LoadBalancer, ObjectRef, Touched};
use weir_octavia::ChangeProgress;

use super::{
    changes::{Record, Undo},
    queue::Task,
};

/// What is kept besides the journal's own columns. Unknown keys are ignored, so that an older host can go on.
#[derive(Serialize, Deserialize)]
struct Payload<T> {
    task: T,
    #[serde(default)]
    touched: Touched,
    #[serde(default)]
    lost: bool,
}

/// A task as it is written.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Written<'a> {
    Change(&'a Change),
    Revert { of: Uuid, before: Option<&'a LoadBalancer>, after: Option<&'a LoadBalancer> },
    TakeOut(ObjectRef),
}

/// The same as it is read.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Read {
    Change(Change),
    Revert { of: Uuid, before: Option<LoadBalancer>, after: Option<LoadBalancer> },
    TakeOut(ObjectRef),
}

/// What is written down for a task; `None` for one that is not kept.
///
/// # Errors
/// A text; values of these types always serialise.
pub fn entry(record: &Record, key: Option<&str>, task: &Task) -> Result<Option<ChangeEntry>, String> {
    let written = match task {
        Task::Change(change) => Written::Change(change),
        Task::Revert { of, undo } => {
            Written::Revert { of: *of, before: undo.before.as_deref(), after: undo.after.as_deref() }
        }
        Task::TakeOut(object) => Written::TakeOut(*object),
        Task::Reconcile | Task::Rebuild(_) | Task::Repair { .. } | Task::Verify { .. } => return Ok(None),
    };
    let payload = Payload { task: written, touched: record.touched.clone(), lost: record.lost };
    let payload = serde_json::to_vec(&payload).map_err(|error| error.to_string())?;
    Ok(Some(ChangeEntry {
        id: record.id,
        key: key.map(str::to_owned),
        lb: record.lb.map(|lb| lb.uuid()),
        method: record.method.to_owned(),
        request_id: record.request_id.clone(),
        accepted_ms: millis(record.accepted),
        payload,
        state: State::Pending,
        detail: None,
        seq: 0,
    }))
}

/// The record and the task of an entry.
///
/// # Errors
/// A text that says what cannot be read.
pub fn read(entry: &ChangeEntry) -> Result<(Arc<Record>, Task), String> {
    let payload: Payload<Read> = serde_json::from_slice(&entry.payload).map_err(|error| error.to_string())?;
    let (method, task) = match payload.task {
        Read::Change(change) => (change.method(), Task::Change(Arc::new(change))),
        Read::Revert { of, before, after } => {
            let undo = Undo { before: before.map(Arc::new), after: after.map(Arc::new) };
            (Record::ABANDON, Task::Revert { of, undo })
        }
        Read::TakeOut(object) => (Record::TAKE_OUT, Task::TakeOut(object)),
    };
    let record = record_of(entry, method, payload.touched, payload.lost);
    Ok((Arc::new(record), task))
}

/// The record of an entry that has ended, enough to answer questions about it, and the change it was about.
pub fn ended(entry: &ChangeEntry) -> (Arc<Record>, Option<Arc<Change>>) {
    let task = serde_json::from_slice::<Payload<Read>>(&entry.payload).map(|payload| payload.task);
    let (method, change) = match task {
        Ok(Read::Change(change)) => (change.method(), Some(Arc::new(change))),
        Ok(Read::Revert { .. }) => (Record::ABANDON, None),
        Ok(Read::TakeOut(_)) => (Record::TAKE_OUT, None),
        Err(_) => ("unknown", None),
    };
    let record = record_of(entry, method, Touched::default(), false);
    let state = progress(entry.state);
    record.finish(state, entry.detail.clone());
    // The first answer is gone; this is the best one now.
    let _ = record.answered.set(state == ChangeProgress::Committed);
    (Arc::new(record), change)
}

fn record_of(entry: &ChangeEntry, method: &'static str, touched: Touched, lost: bool) -> Record {
    let accepted = UNIX_EPOCH.checked_add(Duration::from_millis(entry.accepted_ms)).unwrap_or(UNIX_EPOCH);
    let lb = entry.lb.map(Into::into);
    let mut record = Record::recovered(entry.id, method, lb, entry.request_id.clone(), touched);
    (record.lost, record.accepted) = (lost, accepted);
    record
}

fn millis(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// The journal's word for a state.
pub fn state(progress: ChangeProgress) -> State {
    match progress {
        ChangeProgress::Pending => State::Pending,
        ChangeProgress::Committed => State::Committed,
        ChangeProgress::Failed => State::Failed,
        ChangeProgress::Abandoned => State::Abandoned,
    }
}

fn progress(state: State) -> ChangeProgress {
    match state {
        State::Pending => ChangeProgress::Pending,
        State::Committed => ChangeProgress::Committed,
        State::Failed => ChangeProgress::Failed,
        State::Abandoned => ChangeProgress::Abandoned,
    }
}

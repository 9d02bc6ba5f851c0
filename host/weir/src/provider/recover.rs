//! What the journal holds at the start goes on where it was.

use std::{sync::Arc, time::Instant};

use tracing::{error, info};
use weir_journal::{ChangeEntry, Recovered, State};

use super::{
    Host,
    changes::{Outcome, Record},
    entry, outbox,
    queue::{Pending, Task, pools_made},
};
use crate::limits;

impl Host {
    /// Takes on what was found in the journal. Changes are carried out once the Northbound has been read.
    pub fn recover(self: &Arc<Self>, recovered: Recovered) {
        let Recovered { pending, finished, outbox, tombstones, notes } = recovered;
        self.cleanups.recover(&notes);
        self.recover_missing(&notes);
        self.recover_revisions(&notes);
        if !pending.is_empty() || !outbox.is_empty() {
            info!(changes = pending.len(), statuses = outbox.len(), "the journal has work left");
        }
        let mut recent = Vec::new();
        for entry in &finished {
            let (record, change) = entry::ended(entry);
            if let Some(change) = change.filter(|_| entry.state == State::Committed)
                && record.age() < limits::VERIFY_AFTER_RESTART
            {
                recent.push((record.clone(), change));
            }
            self.recover_open(&record);
            if let (State::Failed, Some(lb)) = (entry.state, record.lb) {
                self.changes.note_failure(lb, &record);
            }
            self.changes.settle(entry.key.as_deref(), Some(Outcome::Accepted(record)), Vec::new());
        }
        for key in &tombstones {
            self.changes.settle(Some(key), Some(Outcome::Abandoned), Vec::new());
        }
        let mut statuses = Vec::with_capacity(outbox.len());
        for entry in &outbox {
            match outbox::read(entry) {
                Ok(update) => statuses.push(update),
                Err(error) => {
                    error!(object = entry.object, error, "a status in the journal cannot be read");
                    self.journal.delivered(vec![entry.seq]);
                }
            }
        }
        self.dispatcher.enqueue(statuses);
        for entry in &pending {
            self.recover_change(entry);
        }
        self.verify_recovered(recent);
    }

    /// Octavia's transaction around a recent call may still be open.
    fn recover_open(&self, record: &Record) {
        if let (Some(lb), Some(accepted)) = (record.lb, Instant::now().checked_sub(record.age())) {
            self.open.begin(lb, accepted);
        }
    }

    fn recover_change(self: &Arc<Self>, entry: &ChangeEntry) {
        let (record, task) = match entry::read(entry) {
            Ok(read) => read,
            Err(error) => {
                error!(change = %entry.id, method = entry.method, error, "a change in the journal cannot be read");
                let detail = Some(format!("it cannot be read: {error}"));
                // The future only waits; the end is on its way already.
                drop(self.journal.finish(vec![entry.id], State::Failed, detail, Vec::new()));
                return;
            }
        };
        if let Task::Revert { of, .. } = &task {
            self.changes.abandoned_before_restart(*of);
        }
        self.changes.settle(entry.key.as_deref(), Some(Outcome::Accepted(record.clone())), Vec::new());
        let pending = Pending { record: record.clone(), task };
        let Some(lb) = record.lb else {
            self.end_lost(pending);
            return;
        };
        let pools = match &pending.task {
            Task::Change(change) => pools_made(change),
            _ => Vec::new(),
        };
        self.recover_open(&record);
        self.queues.with(lb, |_, inner| {
            self.queues.push(lb, inner, pending, &pools);
            self.start_worker(lb, inner);
        });
    }
}

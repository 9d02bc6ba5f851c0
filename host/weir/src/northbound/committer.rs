//! Many load balancers' operations in few transactions.
//!
//! Whatever is waiting when a transaction slot comes free goes into one transaction. Alone, a change is sent at once;
//! under load changes of many load balancers share one, which a RAFT cluster rewards. When a shared transaction fails,
//! the reply names the operation: that load balancer is taken out and the rest is sent again.

use std::{collections::VecDeque, ops::Range, sync::Arc};

use tokio::sync::{Semaphore, mpsc, oneshot};
use weir_model::LoadBalancerId;
use weir_ovsdb::{Client, Operation as Ovsdb, TransactError};
use weir_plan::{Existing, Operation};

use super::transaction;
use crate::{limits, metrics::Transactions};

/// Why a load balancer's operations were not committed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommitError {
    /// The rows are not as they were read: read again, plan again.
    #[error("the rows have changed meanwhile: {0}")]
    Stale(String),
    /// The Northbound refused what was planned before it was read in full again, perhaps on a schema that an upgrade of OVN
    /// has replaced: plan again.
    #[error("it was planned before the Northbound was read again: {0}")]
    Outdated(String),
    /// No connection, or it broke before the answer: whether it was committed shows when the rows are read again.
    #[error("{0}")]
    Connection(String),
    /// The Northbound refused it, and would again.
    #[error("the Northbound refused it: {0}")]
    Refused(String),
    /// Unasked work, and this host does not hold the lock (any more).
    #[error("another host has the lock for work in the background")]
    NotHolder,
}

impl CommitError {
    /// Stable code for logs, answers and metrics.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Stale(_) => "stale",
            Self::Outdated(_) => "outdated",
            Self::Connection(_) => "northbound-away",
            Self::Refused(_) => "northbound-refused",
            Self::NotHolder => "lock-not-held",
        }
    }

    /// What was refused may be accepted when it is planned again, where the plan is `outdated`: it was made before the last full
    /// read.
    pub fn of_plan(self, outdated: bool) -> Self {
        match self {
            Self::Refused(why) if outdated => Self::Outdated(why),
            other => other,
        }
    }
}

/// Who wants something committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// Somebody has called for it.
    ByCall,
    /// Nobody: it is committed only while this host holds the lock, and never in one transaction with what calls want.
    ByNobody,
}

/// One load balancer's operations, all or nothing.
struct Job {
    asked: Asked,
    operations: Vec<Ovsdb>,
    bytes: usize,
    cause: String,
    reply: oneshot::Sender<Result<(), CommitError>>,
}

/// Hands operations to the Northbound.
#[derive(Clone)]
pub struct Committer {
    jobs: mpsc::UnboundedSender<Job>,
}

impl Committer {
    /// Starts the committer's task; it ends with the last handle.
    pub fn start(client: Client, counted: Transactions) -> Self {
        let (jobs, queue) = mpsc::unbounded_channel();
        tokio::spawn(run(client, queue, counted));
        Self { jobs }
    }

    /// Commits a load balancer's operations; `cause` goes into the transaction's comment.
    ///
    /// # Errors
    /// [`CommitError`]. After [`CommitError::Connection`] the operations may have been committed.
    pub async fn commit(
        &self,
        lb: LoadBalancerId,
        operations: &[Operation],
        cause: &str,
        asked: Asked,
    ) -> Result<(), CommitError> {
        let bytes = operations.iter().map(size).sum();
        let operations = operations.iter().flat_map(transaction::operations).collect();
        self.send(operations, bytes, format!("lb={lb} {cause}"), asked).await
    }

    /// Has the server say that the rows of a load balancer are those that were read, also where there were none.
    ///
    /// # Errors
    /// [`CommitError`].
    pub async fn confirm(
        &self,
        lb: LoadBalancerId,
        rows: &[Existing],
        cause: &str,
    ) -> Result<(), CommitError> {
        let operations = transaction::unchanged(lb, rows);
        let size = |row: &Existing| {
            size(&Operation::Guard { row: row.row.uuid, external_ids: row.row.external_ids.clone() })
        };
        let bytes = rows.iter().map(size).sum();
        self.send(operations, bytes, format!("lb={lb} {cause}"), Asked::ByCall).await
    }

    /// Has the server answer: what had been committed before is in the replica then.
    ///
    /// # Errors
    /// [`CommitError`].
    pub async fn catch_up(&self, cause: &str) -> Result<(), CommitError> {
        self.send(Vec::new(), 0, cause.to_owned(), Asked::ByCall).await
    }

    async fn send(
        &self,
        operations: Vec<Ovsdb>,
        bytes: usize,
        cause: String,
        asked: Asked,
    ) -> Result<(), CommitError> {
        let (reply, answer) = oneshot::channel();
        let job = Job { asked, operations, bytes, cause, reply };
        let gone = || CommitError::Connection("the host is stopping".to_owned());
        self.jobs.send(job).map_err(|_| gone())?;
        answer.await.unwrap_or_else(|_| Err(gone()))
    }
}

/// Roughly how many bytes an operation takes.
fn size(operation: &Operation) -> usize {
    let map = |map: &std::collections::BTreeMap<String, String>| -> usize {
        map.iter().map(|(key, value)| key.len() + value.len() + 8).sum()
    };
    100 + match operation {
        Operation::Guard { external_ids, .. } => map(external_ids),
        Operation::Insert(row) => map(&row.vips) + map(&row.external_ids),
        Operation::Update(update) => {
            map(&update.vips.set) + map(&update.external_ids.set) + map(&update.ip_port_mappings.set)
        }
        Operation::InsertCheck { check, .. } => map(&check.options) + map(&check.external_ids),
        Operation::UpdateCheck { options, external_ids, .. } => map(&options.set) + map(&external_ids.set),
        Operation::InsertAcl(acl) => acl.matches.len() + map(&acl.external_ids),
        Operation::MemberFloatingIp { before, after } => map(&before.external_ids) + map(&after.external_ids),
        Operation::RemoveAcl(_)
        | Operation::Delete { .. }
        | Operation::RemoveCheck { .. }
        | Operation::Attach { .. }
        | Operation::Detach { .. } => 0,
    }
}

async fn run(client: Client, mut queue: mpsc::UnboundedReceiver<Job>, counted: Transactions) {
    let slots = Arc::new(Semaphore::new(limits::TRANSACTIONS_IN_FLIGHT));
    let mut left_over: Option<Job> = None;
    loop {
        let Ok(slot) = slots.clone().acquire_owned().await else { return };
        let first = match left_over.take() {
            Some(job) => job,
            None => match queue.recv().await {
                Some(job) => job,
                None => return,
            },
        };
        let mut bytes = first.bytes;
        let mut batch = vec![first];
        while batch.len() < limits::BATCH_LOAD_BALANCERS {
            let Ok(job) = queue.try_recv() else { break };
            if bytes + job.bytes > limits::BATCH_BYTES || batch.iter().any(|other| other.asked != job.asked) {
                left_over = Some(job);
                break;
            }
            bytes += job.bytes;
            batch.push(job);
        }
        let (client, counted) = (client.clone(), counted.clone());
        tokio::spawn(async move {
            commit(&client, batch, &counted).await;
            drop(slot);
        });
    }
}

/// Commits a batch; takes out what fails and sends the rest again.
async fn commit(client: &Client, batch: Vec<Job>, counted: &Transactions) {
    let mut batches = VecDeque::from([batch]);
    while let Some(mut batch) = batches.pop_front() {
        if batch.is_empty() {
            continue;
        }
        let (operations, ranges) = join(&batch);
        counted.sent.inc();
        counted.changes.inc_by(batch.len() as u64);
        let error = match client.transact(operations).await {
            Ok(_) => {
                answer(batch, &Ok(()));
                continue;
            }
            Err(error) => error,
        };
        counted.failed.inc();
        if matches!(&error, TransactError::Operation { error, .. } if error == "not owner") {
            answer(batch, &Err(CommitError::NotHolder));
            continue;
        }
        let culprit = match &error {
            TransactError::Operation { index, .. } => ranges.iter().position(|range| range.contains(index)),
            _ => None,
        };
        match (culprit, &error) {
            (Some(at), _) => {
                let job = batch.remove(at);
                answer(vec![job], &Err(outcome(&error)));
                batches.push_front(batch);
            }
            // The commit as a whole failed, and nobody says whose fault it is.
            (
                None,
                TransactError::Operation { .. }
                | TransactError::Refused { .. }
                | TransactError::TooLarge { .. },
            ) if batch.len() > 1 => {
                let second = batch.split_off(batch.len() / 2);
                batches.push_front(second);
                batches.push_front(batch);
            }
            _ => answer(batch, &Err(outcome(&error))),
        }
    }
}

/// The transaction of a batch, and which of its operations are whose.
fn join(batch: &[Job]) -> (Vec<Ovsdb>, Vec<Range<usize>>) {
    let mut operations = Vec::with_capacity(batch.iter().map(|job| job.operations.len()).sum::<usize>() + 2);
    let mut ranges = Vec::with_capacity(batch.len());
    if batch.iter().any(|job| job.asked == Asked::ByNobody) {
        operations.push(Ovsdb::assert(limits::BACKGROUND_LOCK));
    }
    for job in batch {
        let start = operations.len();
        operations.extend(job.operations.iter().cloned());
        ranges.push(start..operations.len());
    }
    let causes: Vec<_> = batch.iter().map(|job| job.cause.as_str()).collect();
    operations.push(Ovsdb::comment(format!("weir: {}", causes.join("; "))));
    (operations, ranges)
}

fn answer(batch: Vec<Job>, outcome: &Result<(), CommitError>) {
    for job in batch {
        // Nobody waits any more where the host is stopping.
        let _ = job.reply.send(outcome.clone());
    }
}

fn outcome(error: &TransactError) -> CommitError {
    match error {
        TransactError::NotConnected | TransactError::Unknown | TransactError::Malformed(_) => {
            CommitError::Connection(error.to_string())
        }
        TransactError::Operation { error: name, .. } if name == "timed out" || name == "duplicate uuid" => {
            CommitError::Stale(error.to_string())
        }
        // What a server says that cannot write now (disk, leadership): it is worth another try.
        TransactError::Operation { error: name, .. }
            if matches!(
                name.as_str(),
                "I/O error" | "not leader" | "canceled" | "aborted" | "resources exhausted"
            ) =>
        {
            CommitError::Connection(error.to_string())
        }
        TransactError::Refused { error: name, .. } if name != "permission error" => {
            CommitError::Connection(error.to_string())
        }
        TransactError::Operation { .. } | TransactError::Refused { .. } | TransactError::TooLarge { .. } => {
            CommitError::Refused(error.to_string())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusal_of_an_outdated_plan_is_planned_again() {
        let refused =
            || CommitError::Refused("No column selection_fields in table Load_Balancer.".to_owned());
        assert_eq!(refused().of_plan(true).code(), "outdated");
        assert_eq!(refused().of_plan(false).code(), "northbound-refused");
        assert_eq!(CommitError::Stale("guard".to_owned()).of_plan(true).code(), "stale");
    }
}

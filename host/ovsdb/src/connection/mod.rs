//! The client: a task that keeps a connection, and handles to it.

mod endpoint;
mod task;
mod tls;
mod transport;

pub use endpoint::{Endpoint, EndpointError};
pub use tls::TlsFiles;
pub use transport::ConnectError;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{RwLock, RwLockReadGuard};
use tokio::sync::{broadcast, mpsc, oneshot, watch};

use crate::replica::{Changed, Replica, TableSpec};
use crate::session::{Model, ServerState, Session, SessionConfig};
use crate::transaction::{Operation, OperationResult, TransactError, encode_params};

/// Commands waiting for the task; more make their callers wait.
const COMMANDS: usize = 1024;
/// Changes kept for a slow receiver before it learns that it lagged.
const CHANGES: usize = 4096;

/// How to reach a database and what to copy of it.
#[derive(Debug, Clone)]
pub struct ClientConfig {
    /// The servers, tried in order.
    pub endpoints: Vec<Endpoint>,
    /// For `ssl:` endpoints.
    pub tls: Option<TlsFiles>,
    /// The database's name, e.g. `OVN_Northbound`.
    pub database: String,
    /// Use only the leader of a cluster.
    pub leader_only: bool,
    /// What to monitor.
    pub tables: Vec<TableSpec>,
    /// Silence after which the server is probed, and after which again it is given up; zero never does either. While a
    /// transaction waits for its answer, limits are shorter: see [`crate::session::QUIET`] and [`crate::session::ANSWER`].
    pub probe_interval: Duration,
    /// For the connection itself, TLS included. Where there are several endpoints, it and the server's first byte have
    /// [`crate::reconnect::FIRST_ANSWER`] at first.
    pub connect_timeout: Duration,
    /// Silence after which a server is given up that has not told schema and data yet. It is one thread: it may be busy for
    /// long with what it is to tell, with other clients' first reads, or with a conversion.
    pub read_timeout: Duration,
    /// The longest pause between rounds of attempts; pauses start at 1 s and double.
    pub backoff_max: Duration,
    /// Longest message in bytes, both ways. The first read of a database is one message.
    pub max_message: usize,
}

impl ClientConfig {
    /// A configuration with usual values: leader only, probe after 60 s, 10 s to connect, silence up to 180 s before the
    /// first read, pauses up to 8 s, messages up to 1 GiB.
    pub fn new(endpoints: Vec<Endpoint>, database: impl Into<String>, tables: Vec<TableSpec>) -> Self {
        Self {
            endpoints,
            tls: None,
            database: database.into(),
            leader_only: true,
            tables,
            probe_interval: Duration::from_secs(60),
            connect_timeout: Duration::from_secs(10),
            read_timeout: Duration::from_secs(180),
            backoff_max: Duration::from_secs(8),
            max_message: 1 << 30,
        }
    }
}

/// The connection's state.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Status {
    /// The replica follows the server, transactions are taken.
    pub synced: bool,
    /// The endpoint that is connected, or being connected.
    pub endpoint: Option<String>,
    /// What the server says of the database, where it says anything.
    pub server: Option<ServerState>,
    /// Why the last connection ended or could not be made, with its code; kept after the next one succeeded.
    pub last_error: Option<String>,
    /// Connections that were of use and ended.
    pub reconnects: u64,
    /// Failed attempts since the last connection that was of use.
    pub failures: u64,
    /// The locks this connection holds. They outlive an online conversion, during which nothing is synced.
    pub locks: BTreeSet<String>,
    /// Locks that the server refuses to queue us for, with its words. They are asked for again.
    pub lock_errors: BTreeMap<String, String>,
}

impl Status {
    /// True when the lock is held and its assertion can succeed now.
    pub fn holds(&self, lock: &str) -> bool {
        self.synced && self.locks.contains(lock)
    }

    /// True when the server is a relay: it takes transactions for the server behind it, but no locks.
    pub fn is_relay(&self) -> bool {
        self.server.as_ref().is_some_and(|server| server.model == Model::Relay)
    }
}

pub(crate) enum Command {
    Transact { ticket: Ticket, params: String, count: usize },
    Lock(String),
    Unlock(String),
    Reread,
}

pub(crate) type Ticket = oneshot::Sender<Result<Vec<OperationResult>, TransactError>>;

/// A handle to a database. Clones share one connection, which ends when the last of them is dropped.
#[derive(Clone)]
pub struct Client {
    commands: mpsc::Sender<Command>,
    replica: Arc<RwLock<Replica>>,
    status: watch::Receiver<Status>,
    changes: broadcast::WeakSender<Arc<Changed>>,
    database: Arc<str>,
    max_message: usize,
}

impl std::fmt::Debug for Client {
    /// Without the replica, which may be large.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client")
            .field("database", &self.database)
            .field("status", &*self.status.borrow())
            .finish()
    }
}

impl Client {
    /// Starts to connect, and returns. Needs a tokio runtime with time and network.
    pub fn connect(config: ClientConfig) -> Client {
        let replica = Arc::new(RwLock::new(Replica::new()));
        let (commands, inbox) = mpsc::channel(COMMANDS);
        let (status_sender, status) = watch::channel(Status::default());
        let (changes, _) = broadcast::channel(CHANGES);
        let session = Session::new(
            SessionConfig {
                database: config.database.clone(),
                leader_only: config.leader_only,
                tables: config.tables.clone(),
                probe_interval: config.probe_interval,
                read_timeout: config.read_timeout,
                max_message: config.max_message,
            },
            replica.clone(),
            Instant::now(),
        );
        let client = Client {
            commands,
            replica,
            status,
            changes: changes.downgrade(),
            database: Arc::from(config.database.as_str()),
            max_message: config.max_message,
        };
        tokio::spawn(task::Task::new(config, session, inbox, status_sender, changes).run());
        client
    }

    /// The replica. Hold the guard for short: the connection waits for it. Never across an await.
    pub fn replica(&self) -> RwLockReadGuard<'_, Replica> {
        self.replica.read()
    }

    /// Runs a transaction. Many may be under way at once; the server takes them in the order in which they were sent.
    /// When this returns a result, the transaction's own changes are in the replica.
    ///
    /// There is no time limit; dropping the future gives up the reply, not the transaction.
    pub async fn transact(&self, operations: Vec<Operation>) -> Result<Vec<OperationResult>, TransactError> {
        if !self.status.borrow().synced {
            return Err(TransactError::NotConnected);
        }
        let params = encode_params(&self.database, &operations)?;
        if params.len() > self.max_message {
            return Err(TransactError::TooLarge { size: params.len(), max: self.max_message });
        }
        let (ticket, reply) = oneshot::channel();
        self.commands
            .send(Command::Transact { ticket, params, count: operations.len() })
            .await
            .map_err(|_| TransactError::NotConnected)?;
        reply.await.unwrap_or(Err(TransactError::Unknown))
    }

    /// Asks for a lock (RFC 7047, section 4.1.8) on this connection and each that follows, but not of a relay, whose locks
    /// the server behind it does not know; [`Status::locks`] tells whether it is held. Guard what depends on it by [`Operation::assert`].
    pub async fn lock(&self, name: impl Into<String>) {
        // Without a task there is nothing to lock.
        let _ = self.commands.send(Command::Lock(name.into())).await;
    }

    /// Gives a lock up.
    pub async fn unlock(&self, name: impl Into<String>) {
        let _ = self.commands.send(Command::Unlock(name.into())).await;
    }

    /// Requests a full read of the replica, over the same connection where there is one, for a caller with proof that it
    /// differs from the server's content. The replica is not synchronised until the read is complete.
    pub async fn reread(&self) {
        // Without a task there is nothing to read.
        let _ = self.commands.send(Command::Reread).await;
    }

    /// The connection's state, now and as it changes.
    pub fn status(&self) -> watch::Receiver<Status> {
        self.status.clone()
    }

    /// Waits until the replica follows the server.
    pub async fn synced(&self) {
        let mut status = self.status.clone();
        if status.wait_for(|status| status.synced).await.is_err() {
            // The runtime is shutting down: it will never be.
            std::future::pending::<()>().await;
        }
    }

    /// The changes of the replica from now on. A receiver that is too slow learns how many it missed, and must then look
    /// at the whole replica.
    pub fn changes(&self) -> broadcast::Receiver<Arc<Changed>> {
        match self.changes.upgrade() {
            Some(changes) => changes.subscribe(),
            // The task is gone; a closed channel says so.
            None => broadcast::channel(1).1,
        }
    }
}

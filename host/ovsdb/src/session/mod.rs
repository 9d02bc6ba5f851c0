//! One database over one connection after the other, as a state machine without I/O: it is told what happens and when,
//! and says what to send.
//!
//! After a connection is made it asks three things at once: the `_Server` database (is this server fit?), to be told of
//! database changes, and the schema. When the server is fit it monitors, resuming after the last transaction it has seen
//! where the server can, and reading everything anew where it cannot. Modelled on OVS's `ovsdb-cs`.

mod following;
mod handshake;
mod liveness;
mod locks;
mod message;
mod requests;
mod server;

pub use liveness::{ANSWER, Patience, QUIET};
pub use server::{Model, ServerState, Unfit};

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::RwLock;
use serde_json::Value;
use uuid::Uuid;

use crate::replica::{Changed, Layout, Replica, ReplicaError, TableSpec};
use crate::schema::SchemaError;
use crate::transaction::{OperationResult, TransactError};
use liveness::Liveness;
use locks::Locks;
use message::{Id, Incoming};
use server::History;

/// What a session is to do.
#[derive(Debug, Clone)]
pub struct SessionConfig {
    /// The database's name.
    pub database: String,
    /// Accept only the leader of a cluster.
    pub leader_only: bool,
    /// What to monitor.
    pub tables: Vec<TableSpec>,
    /// Silence after which the server is probed, and after which again it is given up; zero never does either, see
    /// [`Patience`].
    pub probe_interval: Duration,
    /// Silence after which a server is given up that has not told schema and data yet.
    pub read_timeout: Duration,
    /// Longest request, in bytes.
    pub max_message: usize,
}

/// What happened. `T` is the caller's handle of a transaction.
#[derive(Debug)]
pub enum Input<T> {
    /// A connection was made.
    Connected(Patience),
    /// Bytes came that do not yet make a message. (They show that the server is alive.)
    Received,
    /// A message came.
    Message(Value),
    /// The connection is gone.
    Disconnected,
    /// The time asked for by [`Session::deadline`] has come.
    Tick,
    /// A transaction, its `params` serialised by [`crate::transaction::encode_params`].
    Transact {
        /// Given back with the reply.
        ticket: T,
        /// The serialised `params`.
        params: String,
        /// Number of operations.
        count: usize,
    },
    /// Ask for a lock (RFC 7047, section 4.1.8), on this connection and each that follows.
    Lock(String),
    /// Give it up.
    Unlock(String),
    /// The replica differs from the server's content: start a full read.
    Reread,
}

/// What is to be done, in this order.
#[derive(Debug, PartialEq, Eq)]
pub enum Output<T> {
    /// Send these bytes.
    Send(String),
    /// Close the connection, then say [`Input::Disconnected`].
    Disconnect(Reason),
    /// The replica is that of the server now, and follows it.
    Synced,
    /// The replica does not follow the server any more.
    Unsynced,
    /// The replica changed.
    Changed(Changed),
    /// A transaction has ended. Its own changes are in the replica.
    Reply {
        /// The handle given with it.
        ticket: T,
        /// How it ended.
        result: Result<Vec<OperationResult>, TransactError>,
    },
    /// A lock was obtained or lost.
    Lock {
        /// The lock's name.
        name: String,
        /// Whether this connection holds it.
        held: bool,
    },
    /// The server refuses to queue us for a lock. It is asked again.
    LockRefused {
        /// The lock's name.
        name: String,
        /// The server's words.
        error: String,
    },
}

/// Why a session wants its connection closed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// This server must not be used (now); another may.
    #[error("{0}")]
    Unfit(#[from] Unfit),
    /// No sign of life.
    #[error("the server is silent")]
    Inactive,
    /// Echoes are answered, a transaction is not.
    #[error("the server does not answer a transaction")]
    Unanswered,
    /// The schema cannot be had.
    #[error("get_schema: {0}")]
    NoSchema(String),
    /// The schema cannot be understood.
    #[error(transparent)]
    BadSchema(#[from] SchemaError),
    /// All monitor methods were refused.
    #[error("monitor: {0}")]
    NoMonitor(String),
    /// An update cannot be applied; everything will be read anew.
    #[error(transparent)]
    BadUpdate(#[from] ReplicaError),
    /// Not a message of the protocol.
    #[error("malformed message: {0}")]
    Malformed(String),
}

impl Reason {
    /// A stable word for logs and metrics.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unfit(unfit) => unfit.code(),
            Self::Inactive => "inactive",
            Self::Unanswered => "transaction-unanswered",
            Self::NoSchema(_) => "no-schema",
            Self::BadSchema(error) => error.code(),
            Self::NoMonitor(_) => "no-monitor",
            Self::BadUpdate(error) => error.code(),
            Self::Malformed(_) => "malformed-message",
        }
    }
}

/// How changes are asked for, best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Method {
    CondSince,
    Cond,
    Plain,
}

/// What a request of ours was.
#[derive(Debug)]
enum Pending<T> {
    ServerMonitor,
    Schema,
    Monitor(Method),
    Transact {
        ticket: T,
        count: usize,
        sent: Instant,
        /// The monitor by which its changes were to come.
        monitor: u64,
    },
    Lock(String),
    /// The reply does not matter.
    Ignored,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Down,
    /// Server state and schema are asked for.
    Asking,
    /// The monitor is asked for.
    Reading,
    /// The replica follows.
    Following,
    /// A disconnect was asked for; whatever still comes is not looked at.
    Closing,
}

/// Where to resume after a reconnect.
#[derive(Debug, Clone, Copy)]
struct Resume {
    cluster: Option<Uuid>,
    last_transaction: Uuid,
}

/// The state machine.
#[derive(Debug)]
pub struct Session<T> {
    config: SessionConfig,
    replica: Arc<RwLock<Replica>>,
    state: State,
    /// The server's state; `None` until it answered.
    server: Option<ServerAnswer>,
    layout: Option<Arc<Layout>>,
    history: History,
    resume: Option<Resume>,
    locks: Locks,
    pending: BTreeMap<u64, Pending<T>>,
    next_id: u64,
    /// Names the data monitor; a fresh one each time, so that late updates of a canceled one are told apart.
    monitor: u64,
    method: Method,
    liveness: Liveness,
}

#[derive(Debug, Clone)]
enum ServerAnswer {
    /// A server without a `_Server` database (before OVS 2.9): taken as it is.
    Plain,
    State(ServerState),
}

impl<T> Session<T> {
    /// A session that keeps `replica`. Nobody else may write to it.
    pub fn new(config: SessionConfig, replica: Arc<RwLock<Replica>>, now: Instant) -> Self {
        Self {
            config,
            replica,
            state: State::Down,
            server: None,
            layout: None,
            history: History::default(),
            resume: None,
            locks: Locks::default(),
            pending: BTreeMap::new(),
            next_id: 0,
            monitor: 0,
            method: Method::CondSince,
            liveness: Liveness::new(now, Patience::default()),
        }
    }

    /// True while the replica follows the server.
    pub fn is_synced(&self) -> bool {
        self.state == State::Following
    }

    /// The connected server's state, where it tells one.
    pub fn server(&self) -> Option<&ServerState> {
        let Some(ServerAnswer::State(state)) = &self.server else { return None };
        Some(state)
    }

    /// Tells the session what happened at `now`; gives what is to be done.
    pub fn step(&mut self, now: Instant, input: Input<T>) -> Vec<Output<T>> {
        let mut out = Vec::new();
        match input {
            Input::Connected(patience) => self.connected(now, patience, &mut out),
            Input::Received => self.liveness.heard(now),
            Input::Message(message) => {
                self.liveness.heard(now);
                if !matches!(self.state, State::Down | State::Closing) {
                    self.message(message, &mut out);
                }
            }
            Input::Disconnected => self.disconnected(&mut out),
            Input::Tick => self.tick(now, &mut out),
            Input::Reread => self.reread(&mut out),
            Input::Transact { ticket, params, count } => self.transact(now, ticket, &params, count, &mut out),
            Input::Lock(name) => {
                if self.locks.want(&name) {
                    self.request_locks(&mut out);
                }
            }
            Input::Unlock(name) => {
                if self.locks.give_up(&name) {
                    self.request_unlock(&name, &mut out);
                }
            }
        }
        out
    }

    fn disconnected(&mut self, out: &mut Vec<Output<T>>) {
        self.lost(out);
        self.state = State::Down;
        for pending in std::mem::take(&mut self.pending).into_values() {
            if let Pending::Transact { ticket, .. } = pending {
                out.push(Output::Reply { ticket, result: Err(TransactError::Unknown) });
            }
        }
    }

    fn unsynced(&mut self, out: &mut Vec<Output<T>>) {
        if self.is_synced() {
            out.push(Output::Unsynced);
        }
    }

    /// The connection ends, and the locks with it.
    fn lost(&mut self, out: &mut Vec<Output<T>>) {
        self.unsynced(out);
        out.extend(self.locks.lost_all().map(|name| Output::Lock { name, held: false }));
    }

    fn close(&mut self, reason: Reason, out: &mut Vec<Output<T>>) {
        if self.state == State::Closing {
            return;
        }
        self.lost(out);
        if matches!(reason, Reason::BadUpdate(_)) {
            self.resume = None;
        }
        self.state = State::Closing;
        out.push(Output::Disconnect(reason));
    }

    fn message(&mut self, message: Value, out: &mut Vec<Output<T>>) {
        match message::parse(message) {
            Ok(Incoming::Reply { id: Id::Number(id), result, error }) => match self.pending.remove(&id) {
                Some(pending) => self.reply(pending, result, error, out),
                None => self.close(Reason::Malformed(format!("reply to {id}, which was not asked")), out),
            },
            Ok(Incoming::Reply { id: Id::Other(id), .. }) => {
                self.close(Reason::Malformed(format!("reply to {id}, which was not asked")), out);
            }
            Ok(Incoming::Request { id, method, params }) => {
                out.push(Output::Send(message::answer(&id, &method, params)));
            }
            Ok(Incoming::Notification { method, params }) => self.notification(&method, params, out),
            Err(problem) => self.close(Reason::Malformed(problem), out),
        }
    }
}

#[cfg(test)]
mod tests;

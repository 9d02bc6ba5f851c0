//! The `_Server` database (ovsdb-server(5)): which servers may be used.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::Value;
use uuid::Uuid;

use crate::value::{Row, ValueError};

/// The columns of table `Database` that matter.
pub(super) const COLUMNS: [&str; 7] = ["name", "model", "connected", "leader", "cid", "sid", "index"];

/// How a database is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Model {
    /// One server, or an active one with backups.
    Standalone,
    /// A RAFT cluster.
    Clustered,
    /// A copy kept by a relay.
    Relay,
}

/// What a server says of the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerState {
    /// How it is stored.
    pub model: Model,
    /// In contact with its storage: for a cluster, with a majority.
    pub connected: bool,
    /// Leader of the cluster; always for a standalone server, never for a relay.
    pub leader: bool,
    /// The cluster's identity.
    pub cluster: Option<Uuid>,
    /// The server's identity within the cluster.
    pub server: Option<Uuid>,
    /// The log entry that clients of this server see.
    pub index: Option<i64>,
}

/// Why a server must not be used now.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// It does not have the database.
    #[error("the server does not have the database")]
    NoDatabase,
    /// It has lost its cluster or source.
    #[error("the server is not connected to its cluster or source")]
    NotConnected,
    /// It does not lead, and only the leader will do.
    #[error("the server is not the leader")]
    NotLeader,
    /// It shows older data than was seen already.
    #[error("the server shows index {index}, but {seen} was seen already")]
    Stale {
        /// What it shows.
        index: i64,
        /// What was seen.
        seen: i64,
    },
    /// Its state cannot be understood.
    #[error("table Database of _Server: {0}")]
    Malformed(#[from] ValueError),
}

impl Unfit {
    /// A stable word for logs and metrics.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoDatabase => "no-database",
            Self::NotConnected => "server-not-connected",
            Self::NotLeader => "not-leader",
            Self::Stale { .. } => "stale-server",
            Self::Malformed(_) => "bad-server-state",
        }
    }
}

/// Where for so long only servers are found that show older data, the cluster itself was put back: a server that is only
/// late has caught up by then, and a former leader has stepped down.
const STALE: Duration = Duration::from_secs(60);

/// The highest index seen of each cluster. Another cluster's indexes say nothing about this one's.
#[derive(Debug, Default)]
pub(super) struct History(BTreeMap<Uuid, Seen>);

#[derive(Debug)]
struct Seen {
    index: i64,
    /// Since when only older data is found.
    stale: Option<Instant>,
}

impl ServerState {
    /// The state of `database` from an initial or later update; `None` when it does not speak of it, an error when the
    /// database is gone.
    pub(super) fn from_updates(database: &str, updates: &Value) -> Option<Result<Self, Unfit>> {
        let rows = updates.get("Database")?.as_object()?;
        let is_ours = |row: &&Value| row.get("name").and_then(Value::as_str) == Some(database);
        if let Some(row) = rows.values().filter_map(|update| update.get("new")).find(is_ours) {
            return Some(Self::from_row(row));
        }
        let gone = rows.values().filter_map(|update| update.get("old")).any(|row| is_ours(&row));
        gone.then_some(Err(Unfit::NoDatabase))
    }

    fn from_row(row: &Value) -> Result<Self, Unfit> {
        let row = Row::from_json(row.clone())?;
        let flag = |column: &str| row.get(column).and_then(|datum| datum.as_bool()).unwrap_or(false);
        let uuid = |column: &str| row.get(column).and_then(|datum| datum.as_uuid());
        Ok(Self {
            model: match row.str("model") {
                Some("clustered") => Model::Clustered,
                Some("relay") => Model::Relay,
                _ => Model::Standalone,
            },
            connected: flag("connected"),
            leader: flag("leader"),
            cluster: uuid("cid"),
            server: uuid("sid"),
            index: row.get("index").and_then(|datum| datum.as_int()),
        })
    }

    /// Whether this server may be used, remembering how far it is.
    pub(super) fn check(&self, leader_only: bool, history: &mut History, now: Instant) -> Result<(), Unfit> {
        if self.model != Model::Standalone && !self.connected {
            return Err(Unfit::NotConnected);
        }
        if self.model != Model::Clustered {
            return Ok(());
        }
        if leader_only && !self.leader {
            return Err(Unfit::NotLeader);
        }
        let (Some(cluster), Some(index)) = (self.cluster, self.index) else { return Ok(()) };
        let seen = history.0.entry(cluster).or_insert(Seen { index, stale: None });
        if index < seen.index {
            let since = *seen.stale.get_or_insert(now);
            if now.saturating_duration_since(since) < STALE {
                return Err(Unfit::Stale { index, seen: seen.index });
            }
        }
        *seen = Seen { index, stale: None };
        Ok(())
    }
}

use serde::ser::{Serialize, SerializeMap, Serializer};
use uuid::Uuid;

use super::{Condition, Mutation};
use crate::value::Row;

/// One operation of a transaction (RFC 7047, section 5.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operation {
    /// Adds a row (5.2.1).
    Insert {
        /// Into which table.
        table: String,
        /// Its columns; the others get their defaults.
        row: Row,
        /// The identity it shall have (ovsdb-server(7), 5.2.1; OVS 2.13 and later). An identity that is taken is the
        /// error `duplicate uuid`.
        uuid: Option<Uuid>,
        /// A name for references from the same transaction.
        uuid_name: Option<String>,
    },
    /// Reads rows (5.2.2).
    Select {
        /// From which table.
        table: String,
        /// Which rows; all when empty.
        conditions: Vec<Condition>,
        /// Which columns; all when `None`.
        columns: Option<Vec<String>>,
    },
    /// Sets columns (5.2.3).
    Update {
        /// In which table.
        table: String,
        /// Which rows; all when empty.
        conditions: Vec<Condition>,
        /// The columns to set.
        row: Row,
    },
    /// Changes columns in place (5.2.4).
    Mutate {
        /// In which table.
        table: String,
        /// Which rows; all when empty.
        conditions: Vec<Condition>,
        /// The changes.
        mutations: Vec<Mutation>,
    },
    /// Deletes rows (5.2.5).
    Delete {
        /// From which table.
        table: String,
        /// Which rows; all when empty.
        conditions: Vec<Condition>,
    },
    /// Fails with `timed out` unless the columns of the selected rows are as given (5.2.6).
    Wait {
        /// In which table.
        table: String,
        /// Which rows.
        conditions: Vec<Condition>,
        /// Which columns are compared.
        columns: Vec<String>,
        /// Equal or not.
        until: Until,
        /// The rows to compare with.
        rows: Vec<Row>,
        /// How long to wait, in milliseconds; 0 checks once. `None` waits for ever.
        timeout_ms: Option<u64>,
    },
    /// Makes the commit durable (5.2.7): a standalone server syncs its file only then.
    Commit {
        /// Whether to sync.
        durable: bool,
    },
    /// Undoes the transaction (5.2.8).
    Abort,
    /// Text for the server's log (5.2.9).
    Comment {
        /// The text.
        comment: String,
    },
    /// Fails with `not owner` unless this connection holds the lock (5.2.10).
    Assert {
        /// The lock's name.
        lock: String,
    },
}

/// What a `wait` waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
}

impl Operation {
    /// Adds a row.
    pub fn insert(table: impl Into<String>, row: Row) -> Self {
        Self::Insert { table: table.into(), row, uuid: None, uuid_name: None }
    }

    /// Gives an inserted row its identity. Other operations stay as they are.
    #[must_use]
    pub fn with_uuid(mut self, id: Uuid) -> Self {
        if let Self::Insert { uuid, .. } = &mut self {
            *uuid = Some(id);
        }
        self
    }

    /// Names an inserted row for references from the same transaction. Other operations stay as they are.
    #[must_use]
    pub fn with_name(mut self, name: impl Into<String>) -> Self {
        if let Self::Insert { uuid_name, .. } = &mut self {
            *uuid_name = Some(name.into());
        }
        self
    }

    /// Reads columns of rows.
    pub fn select(
        table: impl Into<String>,
        conditions: Vec<Condition>,
        columns: Option<Vec<String>>,
    ) -> Self {
        Self::Select { table: table.into(), conditions, columns }
    }

    /// Sets columns.
    pub fn update(table: impl Into<String>, conditions: Vec<Condition>, row: Row) -> Self {
        Self::Update { table: table.into(), conditions, row }
    }

    /// Changes columns in place.
    pub fn mutate(table: impl Into<String>, conditions: Vec<Condition>, mutations: Vec<Mutation>) -> Self {
        Self::Mutate { table: table.into(), conditions, mutations }
    }

    /// Deletes rows.
    pub fn delete(table: impl Into<String>, conditions: Vec<Condition>) -> Self {
        Self::Delete { table: table.into(), conditions }
    }

    /// Fails unless the columns of the selected rows are as given.
    pub fn wait(
        table: impl Into<String>,
        conditions: Vec<Condition>,
        columns: Vec<String>,
        until: Until,
        rows: Vec<Row>,
        timeout_ms: Option<u64>,
    ) -> Self {
        Self::Wait { table: table.into(), conditions, columns, until, rows, timeout_ms }
    }

    /// The guard "the row still has these values", checked once. It fails too when the row is gone.
    pub fn guard(table: impl Into<String>, id: Uuid, row: Row) -> Self {
        let columns = row.iter().map(|(name, _)| name.to_owned()).collect();
        Self::wait(table, vec![Condition::by_uuid(id)], columns, Until::Equal, vec![row], Some(0))
    }

    /// Makes the commit durable or not.
    pub fn commit(durable: bool) -> Self {
        Self::Commit { durable }
    }

    /// Text for the server's log.
    pub fn comment(text: impl Into<String>) -> Self {
        Self::Comment { comment: text.into() }
    }

    /// Fails unless this connection holds the lock.
    pub fn assert(lock: impl Into<String>) -> Self {
        Self::Assert { lock: lock.into() }
    }
}

impl Serialize for Operation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_map(None)?;
        match self {
            Self::Insert { table, row, uuid, uuid_name } => {
                head(&mut object, "insert", table)?;
                object.serialize_entry("row", row)?;
                if let Some(id) = uuid {
                    object
                        .serialize_entry("uuid", id.hyphenated().encode_lower(&mut Uuid::encode_buffer()))?;
                }
                if let Some(name) = uuid_name {
                    object.serialize_entry("uuid-name", name)?;
                }
            }
            Self::Select { table, conditions, columns } => {
                head(&mut object, "select", table)?;
                object.serialize_entry("where", conditions)?;
                if let Some(columns) = columns {
                    object.serialize_entry("columns", columns)?;
                }
            }
            Self::Update { table, conditions, row } => {
                head(&mut object, "update", table)?;
                object.serialize_entry("where", conditions)?;
                object.serialize_entry("row", row)?;
            }
            Self::Mutate { table, conditions, mutations } => {
                head(&mut object, "mutate", table)?;
                object.serialize_entry("where", conditions)?;
                object.serialize_entry("mutations", mutations)?;
            }
            Self::Delete { table, conditions } => {
                head(&mut object, "delete", table)?;
                object.serialize_entry("where", conditions)?;
            }
            Self::Wait { table, conditions, columns, until, rows, timeout_ms } => {
                head(&mut object, "wait", table)?;
                object.serialize_entry("where", conditions)?;
                object.serialize_entry("columns", columns)?;
                object.serialize_entry("until", if *until == Until::Equal { "==" } else { "!=" })?;
                object.serialize_entry("rows", rows)?;
                if let Some(timeout) = timeout_ms {
                    object.serialize_entry("timeout", timeout)?;
                }
            }
            Self::Commit { durable } => {
                object.serialize_entry("op", "commit")?;
                object.serialize_entry("durable", durable)?;
            }
            Self::Abort => object.serialize_entry("op", "abort")?,
            Self::Comment { comment } => {
                object.serialize_entry("op", "comment")?;
                object.serialize_entry("comment", comment)?;
            }
            Self::Assert { lock } => {
                object.serialize_entry("op", "assert")?;
                object.serialize_entry("lock", lock)?;
            }
        }
        object.end()
    }
}

fn head<M: SerializeMap>(object: &mut M, word: &str, table: &str) -> Result<(), M::Error> {
    object.serialize_entry("op", word)?;
    object.serialize_entry("table", table)
}

//! The replica: the monitored tables of a database, kept by the server's updates.
//!
//! Every message is applied whole or not at all. It is first staged, which decodes and checks it against the replica
//! without changing anything (so readers need not wait), then committed, which cannot fail.

mod change;
mod index;
mod layout;
mod stage;
mod table;

pub use change::{Before, RowChanged, Was};
pub use index::Index;
pub use layout::{Layout, TableSpec};

use std::sync::Arc;

use serde_json::Value;
use uuid::Uuid;

use crate::schema::Schema;
use crate::value::{Row, ValueError};
use table::TableData;

pub(crate) use stage::Staged;

/// The notations of changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// `update` (RFC 7047, section 4.1.6): old and new rows.
    Update,
    /// `update2` and `update3` (ovsdb-server(7), 4.1.14): differences.
    Update2,
}

/// A message that contradicts the schema or the replica. The replica is as it was.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReplicaError {
    /// Not the structure of an update.
    #[error("malformed update: {0}")]
    Malformed(String),
    /// A table or column that was not asked for.
    #[error("update of {0}, which is not monitored")]
    NotMonitored(String),
    /// A value that its column cannot have.
    #[error("table {table}, row {row}: {source}")]
    Value {
        /// The table.
        table: String,
        /// The row.
        row: String,
        /// What is wrong; names the column.
        source: ValueError,
    },
    /// A change of a row that is not there, or an insert of one that is.
    #[error("table {table}, row {row}: {problem}")]
    Inconsistent {
        /// The table.
        table: String,
        /// The row.
        row: Uuid,
        /// Which contradiction.
        problem: &'static str,
    },
}

impl ReplicaError {
    /// A stable word for logs and metrics.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Malformed(_) => "update-malformed",
            Self::NotMonitored(_) => "update-not-monitored",
            Self::Value { .. } => "update-bad-value",
            Self::Inconsistent { .. } => "update-inconsistent",
        }
    }
}

/// What a message changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// The replica's generation after it.
    pub generation: u64,
    /// The rows inserted, changed or deleted. Empty when `reset`.
    pub rows: Vec<RowChanged>,
    /// The whole replica was read anew: any row may have changed.
    pub reset: bool,
}

/// The local copy.
#[derive(Debug, Default)]
pub struct Replica {
    layout: Option<Arc<Layout>>,
    tables: Vec<TableData>,
    generation: u64,
    /// The generation of the last complete read.
    read_at: u64,
}

impl Replica {
    /// An empty replica.
    pub fn new() -> Self {
        Self::default()
    }

    /// True once the monitored tables were read. Stays true while the connection is down: then it may be stale.
    pub fn is_complete(&self) -> bool {
        self.layout.is_some()
    }

    /// Counts the messages applied.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// The generation of the last complete read: another one means that the schema may be another one too.
    pub fn read_at(&self) -> u64 {
        self.read_at
    }

    /// The server's schema, as of the last complete read.
    pub fn schema(&self) -> Option<&Schema> {
        self.layout.as_ref().map(|layout| &*layout.schema)
    }

    /// A row.
    pub fn get(&self, table: &str, id: &Uuid) -> Option<&Row> {
        self.table(table)?.rows.get(id)
    }

    /// All rows of a table, in order of their UUIDs; none when the table is not monitored or the server lacks it.
    pub fn rows(&self, table: &str) -> impl Iterator<Item = (&Uuid, &Row)> + use<'_> {
        self.table(table).into_iter().flat_map(|table| table.rows.iter())
    }

    /// Number of rows of a table.
    pub fn count(&self, table: &str) -> usize {
        self.table(table).map_or(0, |table| table.rows.len())
    }

    /// The rows that have `value` under `index` (for [`Index::References`], the text of a UUID), in order of their UUIDs.
    /// An index that was not declared in the [`TableSpec`] is answered by reading the whole table.
    pub fn find<'a>(
        &'a self,
        table: &str,
        index: &Index,
        value: &str,
    ) -> impl Iterator<Item = (Uuid, &'a Row)> + use<'a> {
        self.table(table).map(|table| table.find(index, value)).unwrap_or_default().into_iter()
    }

    /// The rows whose set `column` has the element `id`.
    pub fn find_references<'a>(
        &'a self,
        table: &str,
        column: &str,
        id: &Uuid,
    ) -> impl Iterator<Item = (Uuid, &'a Row)> + use<'a> {
        self.table(table).map(|table| table.find_references(column, id)).unwrap_or_default().into_iter()
    }

    /// The layout of the last complete read.
    pub fn layout(&self) -> Option<&Arc<Layout>> {
        self.layout.as_ref()
    }

    fn table(&self, name: &str) -> Option<&TableData> {
        let at = self.layout.as_ref()?.position(name)?;
        self.tables.get(at)
    }

    /// Decodes and checks a change.
    pub(crate) fn stage(&self, dialect: Dialect, updates: Value) -> Result<Staged, ReplicaError> {
        let layout =
            self.layout.as_ref().ok_or_else(|| ReplicaError::Malformed("nothing is monitored".to_owned()))?;
        stage::stage(layout, &self.tables, dialect, updates)
    }

    /// Applies what was staged against this very replica.
    pub(crate) fn commit(&mut self, staged: Staged) -> Changed {
        let mut rows = Vec::with_capacity(staged.rows.len());
        for row in staged.rows {
            if let Some(table) = self.tables.get_mut(row.table) {
                let before = table.apply(row.id, row.change);
                rows.push(RowChanged { table: table.layout.name.clone(), id: row.id, before });
            }
        }
        self.generation += 1;
        Changed { generation: self.generation, rows, reset: false }
    }

    /// Builds a replica from a complete read, to take this one's place by [`Replica::replace`].
    pub(crate) fn build(
        layout: &Arc<Layout>,
        dialect: Dialect,
        updates: Value,
    ) -> Result<Self, ReplicaError> {
        let tables = layout.tables.iter().map(|table| TableData::new(table.clone())).collect();
        let mut fresh = Self { layout: Some(layout.clone()), tables, generation: 0, read_at: 0 };
        let staged = fresh.stage(dialect, updates)?;
        fresh.commit(staged);
        Ok(fresh)
    }

    /// Takes over a complete read. The old content is returned, so that it is freed outside of the caller's lock.
    pub(crate) fn replace(&mut self, mut fresh: Self) -> (Changed, Self) {
        fresh.generation = self.generation + 1;
        fresh.read_at = fresh.generation;
        let old = std::mem::replace(self, fresh);
        (Changed { generation: self.generation, rows: Vec::new(), reset: true }, old)
    }
}

#[cfg(test)]
mod tests;

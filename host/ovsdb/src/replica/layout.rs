use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::Index;
use crate::schema::{Column, Schema};
use crate::transaction::Condition;
use crate::value::{Datum, Row};

/// What to monitor of a table. A table or column that the server lacks is left out, not an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableSpec {
    /// The table.
    pub name: String,
    /// Its columns to monitor; all of them when empty.
    pub columns: Vec<String>,
    /// The indexes to keep.
    pub indexes: Vec<Index>,
    /// The rows to monitor: those for which any of these holds; all of them when empty. A server without `monitor_cond`
    /// tells all the same.
    pub any_of: Vec<Condition>,
}

/// What is monitored of a database with a certain schema.
#[derive(Debug, PartialEq, Eq)]
pub struct Layout {
    pub(super) schema: Arc<Schema>,
    /// Sorted by name.
    pub(super) tables: Vec<Arc<TableLayout>>,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct TableLayout {
    pub(super) name: Arc<str>,
    /// Sorted by name; rows hold their values at the same positions.
    pub(super) columns: Vec<ColumnLayout>,
    pub(super) indexes: Vec<Index>,
    any_of: Vec<Condition>,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct ColumnLayout {
    pub(super) name: Arc<str>,
    pub(super) column: Column,
    pub(super) default: Datum,
}

impl Layout {
    /// What of `specs` the schema has.
    pub fn new(schema: Schema, specs: &[TableSpec]) -> Self {
        let mut tables: Vec<_> =
            specs.iter().filter_map(|spec| TableLayout::new(&schema, spec)).map(Arc::new).collect();
        tables.sort_by(|a, b| a.name.cmp(&b.name));
        tables.dedup_by(|a, b| a.name == b.name);
        Self { schema: Arc::new(schema), tables }
    }

    pub(super) fn position(&self, table: &str) -> Option<usize> {
        self.tables.binary_search_by(|layout| (*layout.name).cmp(table)).ok()
    }

    /// The monitor requests: without conditions what `monitor`, `monitor_cond` and `monitor_cond_since` all understand, with
    /// them what the last two do.
    pub fn monitor_requests(&self, conditions: bool) -> Value {
        let mut requests = Map::new();
        for table in &self.tables {
            let columns: Vec<&str> = table.columns.iter().map(|column| &*column.name).collect();
            let request = match conditions && !table.any_of.is_empty() {
                true => json!([{ "columns": columns, "where": table.any_of }]),
                false => json!([{ "columns": columns }]),
            };
            requests.insert(table.name.to_string(), request);
        }
        Value::Object(requests)
    }
}

impl TableLayout {
    fn new(schema: &Schema, spec: &TableSpec) -> Option<Self> {
        let table = schema.tables.get(&spec.name)?;
        let wanted = |name: &String| spec.columns.is_empty() || spec.columns.contains(name);
        let columns = table
            .columns
            .iter()
            .filter(|(name, _)| wanted(name))
            .map(|(name, column)| ColumnLayout {
                name: Arc::from(name.as_str()),
                column: column.clone(),
                default: column.default(),
            })
            .collect();
        Some(Self {
            name: Arc::from(spec.name.as_str()),
            columns,
            indexes: spec.indexes.clone(),
            // Of a column that the server lacks nothing can be asked.
            any_of: spec
                .any_of
                .iter()
                .filter(|any| table.columns.contains_key(&any.column))
                .cloned()
                .collect(),
        })
    }

    pub(super) fn position(&self, column: &str) -> Option<usize> {
        self.columns.binary_search_by(|layout| (*layout.name).cmp(column)).ok()
    }

    /// A row of defaults.
    pub(super) fn default_row(&self) -> Row {
        Row::from_sorted(
            self.columns.iter().map(|column| (column.name.clone(), column.default.clone())).collect(),
        )
    }
}

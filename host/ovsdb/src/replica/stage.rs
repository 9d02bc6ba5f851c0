use serde_json::{Map, Value};
use uuid::Uuid;

use super::change::{ColumnChange, RowChange};
use super::layout::{Layout, TableLayout};
use super::table::TableData;
use super::{Dialect, ReplicaError};
use crate::value::{Datum, Row, ValueError, parse_uuid, shown};

/// A checked message.
#[derive(Debug)]
pub(crate) struct Staged {
    pub(super) rows: Vec<StagedRow>,
}

#[derive(Debug)]
pub(super) struct StagedRow {
    /// Position of the table.
    pub(super) table: usize,
    pub(super) id: Uuid,
    pub(super) change: RowChange,
}

pub(super) fn stage(
    layout: &Layout,
    tables: &[TableData],
    dialect: Dialect,
    updates: Value,
) -> Result<Staged, ReplicaError> {
    let mut rows = Vec::new();
    for (name, table_updates) in object(updates)? {
        let position =
            layout.position(&name).ok_or_else(|| ReplicaError::NotMonitored(format!("table {name}")))?;
        let table =
            tables.get(position).ok_or_else(|| ReplicaError::NotMonitored(format!("table {name}")))?;
        for (id, update) in object(table_updates)? {
            let place = Place { layout: &table.layout, id: &id };
            let id = parse_uuid(&id).map_err(|error| place.value(error))?;
            let members = object(update)?;
            let present = table.rows.contains_key(&id);
            let change = match dialect {
                Dialect::Update => place.update(members)?,
                Dialect::Update2 => place.update2(members)?,
            };
            let Some((change, must_be_present)) = change else { continue };
            if present != must_be_present {
                let problem =
                    if present { "inserted, but it is there" } else { "changed, but it is not there" };
                return Err(ReplicaError::Inconsistent { table: name, row: id, problem });
            }
            rows.push(StagedRow { table: position, id, change });
        }
    }
    Ok(Staged { rows })
}

fn object(json: Value) -> Result<Map<String, Value>, ReplicaError> {
    match json {
        Value::Object(object) => Ok(object),
        other => Err(ReplicaError::Malformed(shown(&other))),
    }
}

/// The row that is being decoded.
struct Place<'a> {
    layout: &'a TableLayout,
    id: &'a str,
}

impl Place<'_> {
    fn value(&self, source: ValueError) -> ReplicaError {
        ReplicaError::Value { table: self.layout.name.to_string(), row: self.id.to_owned(), source }
    }

    /// RFC 7047, section 4.1.6. The second part tells whether the row must be there.
    fn update(&self, mut members: Map<String, Value>) -> Result<Option<(RowChange, bool)>, ReplicaError> {
        let had_old = members.get("old").is_some_and(|old| !old.is_null());
        match members.remove("new").filter(|new| !new.is_null()) {
            Some(new) => Ok(Some((RowChange::Put(self.row(new)?), had_old))),
            None if had_old => Ok(Some((RowChange::Delete, true))),
            None => Err(ReplicaError::Malformed(shown(&Value::Object(members)))),
        }
    }

    /// ovsdb-server(7), section 4.1.14.
    fn update2(&self, members: Map<String, Value>) -> Result<Option<(RowChange, bool)>, ReplicaError> {
        let mut members = members.into_iter();
        let (Some((word, body)), None) = (members.next(), members.next()) else {
            return Err(ReplicaError::Malformed(format!("row {} without its one change", self.id)));
        };
        match word.as_str() {
            "initial" | "insert" => Ok(Some((RowChange::Put(self.row(body)?), false))),
            "modify" => Ok(Some((self.difference(body)?, true))),
            "delete" => Ok(Some((RowChange::Delete, true))),
            _ => Err(ReplicaError::Malformed(format!("row {}: unknown change {word}", self.id))),
        }
    }

    /// A whole row; what is left out has its default.
    fn row(&self, json: Value) -> Result<Row, ReplicaError> {
        let mut row = self.layout.default_row();
        for (name, value) in object(json)? {
            if let Some((position, datum)) = self.column(&name, value)?
                && let Some(slot) = row.at_mut(position)
            {
                *slot = datum;
            }
        }
        Ok(row)
    }

    fn difference(&self, json: Value) -> Result<RowChange, ReplicaError> {
        let mut columns = Vec::new();
        for (name, value) in object(json)? {
            let Some((position, datum)) = self.column(&name, value)? else { continue };
            let single = self.layout.columns.get(position).is_some_and(|column| column.column.is_single());
            let change = match datum {
                datum if single => ColumnChange::Replace(datum),
                Datum::Set(set) => ColumnChange::Toggle(set),
                Datum::Map(map) => ColumnChange::Merge(map),
            };
            columns.push((position, change));
        }
        Ok(RowChange::Modify(columns))
    }

    /// A column's position and checked value; `None` for the columns every row has.
    fn column(&self, name: &str, value: Value) -> Result<Option<(usize, Datum)>, ReplicaError> {
        let Some(position) = self.layout.position(name) else {
            if name == "_uuid" || name == "_version" {
                return Ok(None);
            }
            return Err(ReplicaError::NotMonitored(format!("column {name} of table {}", self.layout.name)));
        };
        let wrong = |error: ValueError| self.value(error.in_column(name));
        let datum = Datum::from_json(value).map_err(wrong)?;
        let Some(layout) = self.layout.columns.get(position) else { return Ok(None) };
        layout.column.check(datum).map(|datum| Some((position, datum))).map_err(wrong)
    }
}

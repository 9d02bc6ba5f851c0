//! The reply to `get_schema` (RFC 7047, sections 3.2 and 4.1.2): tables, columns and their types.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::value::{Atom, Datum, ValueError, excerpt, shown};

/// A schema that cannot be understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("schema: {at}: {problem}")]
pub struct SchemaError {
    /// Table and column.
    pub at: String,
    /// What is wrong there.
    pub problem: String,
}

impl SchemaError {
    /// A stable word for logs and metrics.
    pub fn code(&self) -> &'static str {
        "bad-schema"
    }
}

/// A database's schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schema {
    /// The database's name.
    pub name: String,
    /// Its version, empty when the server tells none.
    pub version: String,
    /// Tables by name.
    pub tables: BTreeMap<String, Table>,
}

/// A table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// Columns by name, without `_uuid` and `_version`.
    pub columns: BTreeMap<String, Column>,
    /// True when rows live without being referenced.
    pub is_root: bool,
}

/// A column's type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Type of the elements, or of a map's keys.
    pub key: BaseType,
    /// Type of a map's values; `None` when it is not a map.
    pub value: Option<BaseType>,
    /// 0 for optionals, sets and maps that may be empty, else 1.
    pub min: u64,
    /// Most elements; `None` for no limit.
    pub max: Option<u64>,
}

/// The type of an atom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseType {
    /// What kind of atom.
    pub kind: Kind,
    /// The only values allowed; empty when any is.
    pub enumeration: BTreeSet<Atom>,
    /// The table a UUID refers to.
    pub ref_table: Option<String>,
}

/// Kinds of atoms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// 64-bit integer.
    Integer,
    /// Real number.
    Real,
    /// Boolean.
    Boolean,
    /// String.
    String,
    /// UUID.
    Uuid,
}

impl Schema {
    /// Parses the result of `get_schema`.
    pub fn from_json(json: &Value) -> Result<Self, SchemaError> {
        let text = |key: &str| json.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let tables = json.get("tables").and_then(Value::as_object).ok_or_else(|| wrong("", "no tables"))?;
        let tables = tables
            .iter()
            .map(|(name, table)| Ok((name.clone(), parse_table(name, table)?)))
            .collect::<Result<_, SchemaError>>()?;
        Ok(Self { name: text("name"), version: text("version"), tables })
    }

    /// True when the database has the table.
    pub fn has_table(&self, table: &str) -> bool {
        self.tables.contains_key(table)
    }

    /// A column's type.
    pub fn column(&self, table: &str, column: &str) -> Option<&Column> {
        self.tables.get(table)?.columns.get(column)
    }

    /// True when the table has the column.
    pub fn has_column(&self, table: &str, column: &str) -> bool {
        self.column(table, column).is_some()
    }

    /// The strings a column's elements (or a map's keys) may be; `None` when the column is missing or takes any.
    pub fn enum_values(&self, table: &str, column: &str) -> Option<BTreeSet<&str>> {
        let values = &self.column(table, column)?.key.enumeration;
        (!values.is_empty()).then(|| values.iter().filter_map(Atom::as_str).collect())
    }
}

impl Column {
    /// True for a scalar or an optional. Their difference in `update2` is the new value itself.
    pub fn is_single(&self) -> bool {
        self.max.is_some_and(|max| max <= 1)
    }

    /// True for a map.
    pub fn is_map(&self) -> bool {
        self.value.is_some()
    }

    /// The value of a column that an insert leaves out (RFC 7047, section 5.2.1). `update2` leaves such columns out too.
    pub fn default(&self) -> Datum {
        match (&self.value, self.min) {
            (None, 0) => Datum::empty_set(),
            (Some(_), 0) => Datum::empty_map(),
            (None, _) => Datum::scalar(self.key.kind.default()),
            (Some(value), _) => Datum::map([(self.key.kind.default(), value.kind.default())]),
        }
    }
}

impl Kind {
    fn default(self) -> Atom {
        match self {
            Self::Integer => Atom::Integer(0),
            // A server writes 0.0 as 0, so this is what it would be decoded to.
            Self::Real => Atom::Integer(0),
            Self::Boolean => Atom::Boolean(false),
            Self::String => Atom::String(String::new()),
            Self::Uuid => Atom::Uuid(uuid::Uuid::nil()),
        }
    }

    fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "integer" => Self::Integer,
            "real" => Self::Real,
            "boolean" => Self::Boolean,
            "string" => Self::String,
            "uuid" => Self::Uuid,
            _ => return None,
        })
    }
}

fn wrong(at: &str, problem: impl Into<String>) -> SchemaError {
    SchemaError { at: at.to_owned(), problem: problem.into() }
}

fn parse_table(name: &str, json: &Value) -> Result<Table, SchemaError> {
    let columns = json.get("columns").and_then(Value::as_object).ok_or_else(|| wrong(name, "no columns"))?;
    let columns = columns
        .iter()
        .map(|(column, json)| {
            let at = format!("{name}.{column}");
            let json = json.get("type").ok_or_else(|| wrong(&at, "no type"))?;
            Ok((column.clone(), parse_column(&at, json)?))
        })
        .collect::<Result<_, SchemaError>>()?;
    Ok(Table { columns, is_root: json.get("isRoot").and_then(Value::as_bool).unwrap_or(false) })
}

fn parse_column(at: &str, json: &Value) -> Result<Column, SchemaError> {
    if json.is_string() {
        return Ok(Column { key: parse_base(at, json)?, value: None, min: 1, max: Some(1) });
    }
    let key = json.get("key").ok_or_else(|| wrong(at, format!("not a type: {}", shown(json))))?;
    let value = json.get("value").map(|value| parse_base(at, value)).transpose()?;
    let min = match json.get("min") {
        None => 1,
        Some(min) => min.as_u64().filter(|min| *min <= 1).ok_or_else(|| wrong(at, "min is not 0 or 1"))?,
    };
    let max = match json.get("max") {
        None => Some(1),
        Some(Value::String(word)) if word == "unlimited" => None,
        Some(max) => {
            Some(max.as_u64().filter(|max| *max >= 1).ok_or_else(|| wrong(at, "max is not a number"))?)
        }
    };
    Ok(Column { key: parse_base(at, key)?, value, min, max })
}

fn parse_base(at: &str, json: &Value) -> Result<BaseType, SchemaError> {
    let name = json.as_str().or_else(|| json.get("type").and_then(Value::as_str));
    let kind =
        name.and_then(Kind::parse).ok_or_else(|| wrong(at, format!("not a base type: {}", shown(json))))?;
    let enumeration = match json.get("enum") {
        None => BTreeSet::new(),
        Some(values) => match Datum::from_json(values.clone()) {
            Ok(Datum::Set(set)) => set,
            Ok(Datum::Map(_)) => return Err(wrong(at, "enum is a map")),
            Err(error) => return Err(wrong(at, error.to_string())),
        },
    };
    let ref_table = json.get("refTable").and_then(Value::as_str).map(str::to_owned);
    Ok(BaseType { kind, enumeration, ref_table })
}

impl Column {
    /// Checks that a decoded value has the column's shape and kinds.
    pub(crate) fn check(&self, datum: Datum) -> Result<Datum, ValueError> {
        match (datum, &self.value) {
            (Datum::Set(set), None) => {
                if set.iter().all(|atom| self.key.kind.holds(atom)) {
                    Ok(Datum::Set(set))
                } else {
                    Err(ValueError::NotAValue(excerpt(&format!(
                        "{set:?} is not a set of {:?}",
                        self.key.kind
                    ))))
                }
            }
            (Datum::Map(map), Some(value)) => {
                if map.iter().all(|(k, v)| self.key.kind.holds(k) && value.kind.holds(v)) {
                    Ok(Datum::Map(map))
                } else {
                    Err(ValueError::NotAValue(excerpt(&format!("{map:?} has other types than the schema"))))
                }
            }
            (datum, _) => Err(ValueError::NotAValue(excerpt(&format!(
                "{datum:?}: set where a map is due, or the reverse"
            )))),
        }
    }
}

impl Kind {
    fn holds(self, atom: &Atom) -> bool {
        matches!(
            (self, atom),
            (Self::Integer | Self::Real, Atom::Integer(_))
                | (Self::Real, Atom::Real(_))
                | (Self::Boolean, Atom::Boolean(_))
                | (Self::String, Atom::String(_))
                | (Self::Uuid, Atom::Uuid(_))
        )
    }
}

#[cfg(test)]
mod tests;

//! Values of the protocol (RFC 7047, sections 3.1 and 5.1): atoms, sets, maps and rows.
//!
//! Decoding follows the shape of the JSON, not the schema: a bare atom and `["set", [atom]]` are the same value.

mod atom;
mod datum;
mod row;

pub use atom::{Atom, Real};
pub use datum::Datum;
pub use row::Row;

use serde_json::Value;
use uuid::Uuid;

/// A piece of JSON that is not a value of the protocol.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ValueError {
    /// Neither an atom nor a set nor a map.
    #[error("not an OVSDB value: {0}")]
    NotAValue(String),
    /// Not an atom where one is needed (inside a set or a map).
    #[error("not an OVSDB atom: {0}")]
    NotAnAtom(String),
    /// A number beyond what OVSDB can hold.
    #[error("number out of range: {0}")]
    Number(String),
    /// Text that is not a UUID in its canonical form.
    #[error("not a uuid: {0}")]
    Uuid(String),
    /// A set or map names an element or key twice.
    #[error("duplicate element or key: {0}")]
    Duplicate(String),
    /// A row that is not a JSON object.
    #[error("not a row: {0}")]
    NotARow(String),
    /// The same errors, with the column they were found in.
    #[error("column {column}: {source}")]
    Column {
        /// The column's name.
        column: String,
        /// What is wrong with its value.
        source: Box<ValueError>,
    },
}

impl ValueError {
    /// A stable word for logs and metrics.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotAValue(_) => "not-a-value",
            Self::NotAnAtom(_) => "not-an-atom",
            Self::Number(_) => "number-out-of-range",
            Self::Uuid(_) => "bad-uuid",
            Self::Duplicate(_) => "duplicate-element",
            Self::NotARow(_) => "not-a-row",
            Self::Column { source, .. } => source.code(),
        }
    }

    /// The same error, naming the column.
    #[must_use]
    pub fn in_column(self, column: &str) -> Self {
        Self::Column { column: column.to_owned(), source: Box::new(self) }
    }
}

/// Parses the canonical text form of a UUID, the only one servers write. Other forms are refused so that one row cannot
/// be named twice in a message.
pub fn parse_uuid(text: &str) -> Result<Uuid, ValueError> {
    if text.len() != 36 || text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Err(ValueError::Uuid(excerpt(text)));
    }
    Uuid::try_parse(text).map_err(|_| ValueError::Uuid(excerpt(text)))
}

/// A value as text, short enough for an error message.
pub(crate) fn shown(value: &Value) -> String {
    excerpt(&value.to_string())
}

pub(crate) fn excerpt(text: &str) -> String {
    const LIMIT: usize = 120;
    match text.char_indices().nth(LIMIT) {
        Some((end, _)) => format!("{}...", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests;

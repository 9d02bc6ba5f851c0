use std::sync::Arc;

use serde::ser::{Serialize, Serializer};
use serde_json::Value;

use super::{Datum, ValueError, shown};

/// Columns by name, sorted. Rows of a replica hold every monitored column of their table; rows of a request hold what was
/// put in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Row {
    columns: Vec<(Arc<str>, Datum)>,
}

impl Row {
    /// A row without columns.
    pub fn new() -> Self {
        Self::default()
    }

    /// The value of a column.
    pub fn get(&self, column: &str) -> Option<&Datum> {
        let at = self.position(column).ok()?;
        self.columns.get(at).map(|(_, datum)| datum)
    }

    /// Sets a column.
    pub fn set(&mut self, column: impl Into<Arc<str>>, value: impl Into<Datum>) {
        let column = column.into();
        let value = value.into();
        match self.position(&column) {
            Ok(at) => {
                if let Some(slot) = self.columns.get_mut(at) {
                    slot.1 = value;
                }
            }
            Err(at) => self.columns.insert(at, (column, value)),
        }
    }

    /// The same row with a column set.
    #[must_use]
    pub fn with(mut self, column: impl Into<Arc<str>>, value: impl Into<Datum>) -> Self {
        self.set(column, value);
        self
    }

    /// The columns in order of their names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Datum)> {
        self.columns.iter().map(|(name, datum)| (&**name, datum))
    }

    /// Number of columns.
    pub fn len(&self) -> usize {
        self.columns.len()
    }

    /// True when there is no column.
    pub fn is_empty(&self) -> bool {
        self.columns.is_empty()
    }

    /// The string value of a string column.
    pub fn str(&self, column: &str) -> Option<&str> {
        self.get(column)?.as_str()
    }

    /// The value under a key of a map column.
    pub fn map_value(&self, column: &str, key: &str) -> Option<&str> {
        self.get(column)?.map_get(key)
    }

    /// Decodes a JSON object.
    pub fn from_json(json: Value) -> Result<Self, ValueError> {
        let Value::Object(object) = json else {
            return Err(ValueError::NotARow(shown(&json)));
        };
        object
            .into_iter()
            .map(|(name, value)| match Datum::from_json(value) {
                Ok(datum) => Ok((Arc::from(name), datum)),
                Err(error) => Err(error.in_column(&name)),
            })
            .collect()
    }

    fn position(&self, column: &str) -> Result<usize, usize> {
        self.columns.binary_search_by(|(name, _)| (**name).cmp(column))
    }

    /// The value at a position known from the table's layout.
    pub(crate) fn at(&self, position: usize) -> Option<&Datum> {
        self.columns.get(position).map(|(_, datum)| datum)
    }

    pub(crate) fn at_mut(&mut self, position: usize) -> Option<&mut Datum> {
        self.columns.get_mut(position).map(|(_, datum)| datum)
    }

    /// The caller gives the columns sorted by name and without repetition.
    pub(crate) fn from_sorted(columns: Vec<(Arc<str>, Datum)>) -> Self {
        debug_assert!(columns.is_sorted_by(|a, b| a.0 < b.0));
        Self { columns }
    }
}

impl FromIterator<(Arc<str>, Datum)> for Row {
    fn from_iter<I: IntoIterator<Item = (Arc<str>, Datum)>>(columns: I) -> Self {
        let mut row = Self::new();
        for (name, datum) in columns {
            row.set(name, datum);
        }
        row
    }
}

impl Serialize for Row {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

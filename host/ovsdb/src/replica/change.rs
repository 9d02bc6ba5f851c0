use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use uuid::Uuid;

use crate::value::{Atom, Datum, Row};

/// A row that a message inserted, changed or deleted, with what it was before. What it is now stands in the replica.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowChanged {
    /// The table.
    pub table: Arc<str>,
    /// The row.
    pub id: Uuid,
    /// What it was.
    pub before: Before,
}

/// What a changed row was before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Before {
    /// Not there.
    Absent,
    /// This: the row was deleted, or written anew as a whole.
    Row(Row),
    /// The same but for these columns, by name.
    Columns(Vec<(Arc<str>, Was)>),
}

/// What a changed column was before: only what the change tells, so that an element more in a long set costs little.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Was {
    /// This value.
    Value(Datum),
    /// The same set without the elements that came, and with those that went.
    Set {
        /// What it did not have.
        came: Vec<Atom>,
        /// What it had.
        went: Vec<Atom>,
    },
    /// The same map but for these keys, with their values; `None` where it did not have the key.
    Map(BTreeMap<Atom, Option<Atom>>),
}

impl RowChanged {
    /// Whether a column is not as it was, as far as the message tells: all of a row that came, went or was written anew.
    pub fn touches(&self, column: &str) -> bool {
        match &self.before {
            Before::Absent | Before::Row(_) => true,
            Before::Columns(columns) => columns.iter().any(|(name, _)| &**name == column),
        }
    }

    /// The string that a column held, where it is another one now or the row is gone.
    pub fn old_str(&self, column: &str) -> Option<&str> {
        match &self.before {
            Before::Absent => None,
            Before::Row(row) => row.str(column),
            Before::Columns(_) => match self.was(column)? {
                Was::Value(datum) => datum.as_str(),
                Was::Set { .. } | Was::Map(_) => None,
            },
        }
    }

    /// The value that a map column had under a key, where it is another one now or the row is gone.
    pub fn old_map_value(&self, column: &str, key: &str) -> Option<&str> {
        match &self.before {
            Before::Absent => None,
            Before::Row(row) => row.map_value(column, key),
            Before::Columns(_) => match self.was(column)? {
                Was::Value(datum) => datum.map_get(key),
                Was::Map(map) => {
                    map.iter().find(|(known, _)| known.as_str() == Some(key))?.1.as_ref()?.as_str()
                }
                Was::Set { .. } => None,
            },
        }
    }

    /// The rows that a set column refers to now and did not before, or the other way round. `now` is the row as the replica
    /// has it.
    pub fn references_moved(&self, column: &str, now: Option<&Row>) -> BTreeSet<Uuid> {
        let of = |row: &Row| -> BTreeSet<Uuid> {
            row.get(column).map(|datum| datum.uuids().collect()).unwrap_or_default()
        };
        let now = now.map(of).unwrap_or_default();
        match &self.before {
            Before::Absent => now,
            Before::Row(row) => of(row).symmetric_difference(&now).copied().collect(),
            Before::Columns(_) => match self.was(column) {
                None | Some(Was::Map(_)) => BTreeSet::new(),
                Some(Was::Value(datum)) => {
                    datum.uuids().collect::<BTreeSet<_>>().symmetric_difference(&now).copied().collect()
                }
                Some(Was::Set { came, went }) => came.iter().chain(went).filter_map(Atom::as_uuid).collect(),
            },
        }
    }

    /// The keys of a map column that came, went or may have another value. `now` is the row as the replica has it.
    pub fn keys_moved<'a>(&'a self, column: &str, now: Option<&'a Row>) -> BTreeSet<&'a str> {
        let of = |datum: &'a Datum| datum.string_pairs().map(|(key, _)| key);
        let of_row = |row: Option<&'a Row>| row.and_then(|row| row.get(column)).into_iter().flat_map(of);
        match &self.before {
            Before::Absent => of_row(now).collect(),
            Before::Row(row) => of_row(Some(row)).chain(of_row(now)).collect(),
            Before::Columns(_) => match self.was(column) {
                None | Some(Was::Set { .. }) => BTreeSet::new(),
                Some(Was::Value(datum)) => of(datum).chain(of_row(now)).collect(),
                Some(Was::Map(map)) => map.keys().filter_map(Atom::as_str).collect(),
            },
        }
    }

    fn was(&self, column: &str) -> Option<&Was> {
        let Before::Columns(columns) = &self.before else { return None };
        columns.iter().find(|(name, _)| &**name == column).map(|(_, was)| was)
    }
}

/// A checked change of a row.
#[derive(Debug)]
pub(super) enum RowChange {
    /// Inserted, or replaced as a whole.
    Put(Row),
    /// Columns by position.
    Modify(Vec<(usize, ColumnChange)>),
    Delete,
}

/// A checked change of a column (ovsdb-server(7), 4.1.14).
#[derive(Debug)]
pub(super) enum ColumnChange {
    /// The new value.
    Replace(Datum),
    /// Elements that only one of the old and the new set has.
    Toggle(BTreeSet<Atom>),
    /// Pairs that only one of the two maps has; of a key in both, the new pair.
    Merge(BTreeMap<Atom, Atom>),
}

/// Applies the difference of two sets, telling of each element whether it comes.
pub(super) fn toggle(
    set: &mut BTreeSet<Atom>,
    difference: BTreeSet<Atom>,
    mut follow: impl FnMut(&Atom, bool),
) {
    for atom in difference {
        if set.remove(&atom) {
            follow(&atom, false);
        } else {
            follow(&atom, true);
            set.insert(atom);
        }
    }
}

/// Applies the difference of two maps: an equal pair goes, any other comes or takes the old one's place. Gives what was
/// under the keys before.
pub(super) fn merge(
    map: &mut BTreeMap<Atom, Atom>,
    difference: BTreeMap<Atom, Atom>,
) -> BTreeMap<Atom, Option<Atom>> {
    let mut was = BTreeMap::new();
    for (key, value) in difference {
        let old =
            if map.get(&key) == Some(&value) { map.remove(&key) } else { map.insert(key.clone(), value) };
        was.insert(key, old);
    }
    was
}

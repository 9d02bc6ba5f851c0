use std::collections::{BTreeMap, BTreeSet};

use crate::value::{Atom, Datum, Row};

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

/// Applies the difference of two maps: an equal pair goes, any other comes or takes the old one's place.
pub(super) fn merge(map: &mut BTreeMap<Atom, Atom>, difference: BTreeMap<Atom, Atom>) {
    for (key, value) in difference {
        if map.get(&key) == Some(&value) {
            map.remove(&key);
        } else {
            map.insert(key, value);
        }
    }
}

use std::collections::{BTreeSet, HashMap};
use std::hash::Hash;

use uuid::Uuid;

use super::layout::TableLayout;
use crate::value::{Atom, Datum, Row};

/// A secondary index of a table.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Index {
    /// The strings of a column.
    Column(String),
    /// The value under one key of a map column.
    MapKey {
        /// The map column.
        column: String,
        /// The key.
        key: String,
        /// Where to split the value: with `Some(' ')` a row with "a b" is found under "a" and under "b".
        separator: Option<char>,
    },
    /// The keys of a map column, whatever their values.
    MapKeys(String),
    /// The UUIDs of a set column: which rows refer to a row.
    References(String),
}

impl Index {
    pub(super) fn column(&self) -> &str {
        match self {
            Self::Column(column)
            | Self::MapKey { column, .. }
            | Self::MapKeys(column)
            | Self::References(column) => column,
        }
    }

    /// The texts under which a column's value is found; none for references.
    pub(super) fn texts<'a>(&self, datum: &'a Datum) -> Vec<&'a str> {
        match self {
            Self::Column(_) => datum.strings().collect(),
            Self::MapKey { key, separator, .. } => match (datum.map_get(key), separator) {
                (None, _) => Vec::new(),
                (Some(value), None) => vec![value],
                (Some(value), Some(separator)) => {
                    value.split(*separator).filter(|part| !part.is_empty()).collect()
                }
            },
            Self::MapKeys(_) => datum.string_pairs().map(|(key, _)| key).collect(),
            Self::References(_) => Vec::new(),
        }
    }
}

/// An index with its content.
#[derive(Debug)]
pub(super) struct Store {
    pub(super) index: Index,
    /// The column's position in rows.
    pub(super) position: usize,
    texts: Postings<Box<str>>,
    references: Postings<Uuid>,
}

#[derive(Debug)]
struct Postings<K>(HashMap<K, BTreeSet<Uuid>>);

impl<K: Hash + Eq> Postings<K> {
    fn add(&mut self, key: K, row: Uuid) {
        self.0.entry(key).or_default().insert(row);
    }

    fn remove<Q: Hash + Eq + ?Sized>(&mut self, key: &Q, row: Uuid)
    where
        K: std::borrow::Borrow<Q>,
    {
        if let Some(rows) = self.0.get_mut(key) {
            rows.remove(&row);
            if rows.is_empty() {
                self.0.remove(key);
            }
        }
    }
}

impl Store {
    /// `None` when the server lacks the column.
    pub(super) fn new(layout: &TableLayout, index: &Index) -> Option<Self> {
        let position = layout.position(index.column())?;
        Some(Self {
            index: index.clone(),
            position,
            texts: Postings(HashMap::new()),
            references: Postings(HashMap::new()),
        })
    }

    pub(super) fn add_row(&mut self, id: Uuid, row: &Row) {
        if let Some(datum) = row.at(self.position) {
            self.add(id, datum);
        }
    }

    pub(super) fn remove_row(&mut self, id: Uuid, row: &Row) {
        if let Some(datum) = row.at(self.position) {
            self.remove(id, datum);
        }
    }

    pub(super) fn add(&mut self, id: Uuid, datum: &Datum) {
        if self.is_references() {
            datum.uuids().for_each(|target| self.references.add(target, id));
        } else {
            self.index.texts(datum).into_iter().for_each(|text| self.texts.add(Box::from(text), id));
        }
    }

    pub(super) fn remove(&mut self, id: Uuid, datum: &Datum) {
        if self.is_references() {
            datum.uuids().for_each(|target| self.references.remove(&target, id));
        } else {
            self.index.texts(datum).into_iter().for_each(|text| self.texts.remove(text, id));
        }
    }

    /// Follows single elements that come to or leave a set, so that a change of a large set costs only its difference.
    pub(super) fn element(&mut self, id: Uuid, atom: &Atom, comes: bool) {
        match (&self.index, atom) {
            (Index::References(_), Atom::Uuid(target)) if comes => self.references.add(*target, id),
            (Index::References(_), Atom::Uuid(target)) => self.references.remove(target, id),
            (Index::Column(_), Atom::String(text)) if comes => self.texts.add(Box::from(text.as_str()), id),
            (Index::Column(_), Atom::String(text)) => self.texts.remove(text.as_str(), id),
            _ => {}
        }
    }

    pub(super) fn find_text(&self, value: &str) -> Option<&BTreeSet<Uuid>> {
        self.texts.0.get(value)
    }

    pub(super) fn find_reference(&self, target: &Uuid) -> Option<&BTreeSet<Uuid>> {
        self.references.0.get(target)
    }

    fn is_references(&self) -> bool {
        matches!(self.index, Index::References(_))
    }
}

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use uuid::Uuid;

use super::change::{Before, ColumnChange, RowChange, Was, merge, toggle};
use super::index::{Index, Store};
use super::layout::TableLayout;
use crate::value::{Datum, Row, parse_uuid};

#[derive(Debug)]
pub(super) struct TableData {
    pub(super) layout: Arc<TableLayout>,
    pub(super) rows: BTreeMap<Uuid, Row>,
    stores: Vec<Store>,
}

impl TableData {
    pub(super) fn new(layout: Arc<TableLayout>) -> Self {
        let stores = layout.indexes.iter().filter_map(|index| Store::new(&layout, index)).collect();
        Self { layout, rows: BTreeMap::new(), stores }
    }

    /// Does a change; gives what was before.
    pub(super) fn apply(&mut self, id: Uuid, change: RowChange) -> Before {
        match change {
            RowChange::Put(row) => {
                for store in &mut self.stores {
                    if let Some(old) = self.rows.get(&id) {
                        store.remove_row(id, old);
                    }
                    store.add_row(id, &row);
                }
                self.rows.insert(id, row).map_or(Before::Absent, Before::Row)
            }
            RowChange::Modify(columns) => {
                let mut before = Vec::with_capacity(columns.len());
                if let Some(row) = self.rows.get_mut(&id) {
                    for (position, change) in columns {
                        let name = self.layout.columns.get(position).map(|column| column.name.clone());
                        if let (Some(datum), Some(name)) = (row.at_mut(position), name) {
                            before.push((name, modify(&mut self.stores, id, position, datum, change)));
                        }
                    }
                }
                Before::Columns(before)
            }
            RowChange::Delete => match self.rows.remove(&id) {
                Some(old) => {
                    for store in &mut self.stores {
                        store.remove_row(id, &old);
                    }
                    Before::Row(old)
                }
                None => Before::Absent,
            },
        }
    }

    pub(super) fn find(&self, index: &Index, value: &str) -> Vec<(Uuid, &Row)> {
        if let Index::References(column) = index {
            return parse_uuid(value).map(|id| self.find_references(column, &id)).unwrap_or_default();
        }
        match self.stores.iter().find(|store| store.index == *index) {
            Some(store) => self.resolve(store.find_text(value)),
            None => self.scan(index.column(), |datum| index.texts(datum).contains(&value)),
        }
    }

    pub(super) fn find_references(&self, column: &str, id: &Uuid) -> Vec<(Uuid, &Row)> {
        let store = self.stores.iter().find(|store| match &store.index {
            Index::References(indexed) => indexed == column,
            _ => false,
        });
        match store {
            Some(store) => self.resolve(store.find_reference(id)),
            None => self.scan(column, |datum| datum.uuids().any(|target| target == *id)),
        }
    }

    fn resolve(&self, ids: Option<&BTreeSet<Uuid>>) -> Vec<(Uuid, &Row)> {
        ids.into_iter().flatten().filter_map(|id| Some((*id, self.rows.get(id)?))).collect()
    }

    fn scan(&self, column: &str, found: impl Fn(&Datum) -> bool) -> Vec<(Uuid, &Row)> {
        self.rows
            .iter()
            .filter(|(_, row)| row.get(column).is_some_and(&found))
            .map(|(id, row)| (*id, row))
            .collect()
    }
}

fn modify(stores: &mut [Store], id: Uuid, position: usize, datum: &mut Datum, change: ColumnChange) -> Was {
    let mut stores: Vec<&mut Store> = stores.iter_mut().filter(|store| store.position == position).collect();
    match (change, datum) {
        (ColumnChange::Toggle(difference), Datum::Set(set)) => {
            let (mut came, mut went) = (Vec::new(), Vec::new());
            toggle(set, difference, |atom, comes| {
                for store in &mut stores {
                    store.element(id, atom, comes);
                }
                if comes { &mut came } else { &mut went }.push(atom.clone());
            });
            Was::Set { came, went }
        }
        (change, datum) => {
            for store in &mut stores {
                store.remove(id, datum);
            }
            let was = match (change, &mut *datum) {
                (ColumnChange::Replace(new), datum) => Was::Value(std::mem::replace(datum, new)),
                (ColumnChange::Merge(difference), Datum::Map(map)) => Was::Map(merge(map, difference)),
                // Staging has checked the shapes.
                (_, datum) => Was::Value(datum.clone()),
            };
            for store in &mut stores {
                store.add(id, datum);
            }
            was
        }
    }
}

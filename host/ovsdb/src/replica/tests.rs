use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::transaction::Condition;
use crate::value::{Atom, Datum};

const A: &str = "00000000-0000-0000-0000-00000000000a";
const B: &str = "00000000-0000-0000-0000-00000000000b";

fn id(text: &str) -> Uuid {
    text.parse().unwrap()
}

fn ids_index() -> Index {
    Index::MapKey { column: "map".into(), key: "ids".into(), separator: Some(' ') }
}

fn layout() -> Arc<Layout> {
    let schema = json!({ "name": "db", "tables": { "T": { "columns": {
        "name": { "type": "string" },
        "opt": { "type": { "key": "string", "min": 0, "max": 1 } },
        "set": { "type": { "key": "uuid", "min": 0, "max": "unlimited" } },
        "map": { "type": { "key": "string", "value": "string", "min": 0, "max": "unlimited" } },
        "unwatched": { "type": "string" } } } } });
    let spec = TableSpec {
        name: "T".into(),
        columns: ["name", "opt", "set", "map", "absent"].map(String::from).to_vec(),
        indexes: vec![
            Index::Column("name".into()),
            ids_index(),
            Index::References("set".into()),
            Index::Column("absent".into()),
        ],
        any_of: vec![Condition::eq("name", "a"), Condition::eq("absent", "a")],
    };
    let absent = TableSpec { name: "Absent".into(), columns: vec![], indexes: vec![], any_of: vec![] };
    Arc::new(Layout::new(Schema::from_json(&schema).unwrap(), &[spec, absent]))
}

fn replica(updates: Value) -> Replica {
    Replica::build(&layout(), Dialect::Update2, updates).unwrap()
}

fn apply(replica: &mut Replica, dialect: Dialect, updates: Value) -> Result<Changed, ReplicaError> {
    let staged = replica.stage(dialect, updates)?;
    Ok(replica.commit(staged))
}

#[test]
fn only_what_the_server_has_is_monitored() {
    let columns =
        json!({ "T": [{ "columns": ["map", "name", "opt", "set"], "where": [["name", "==", "a"]] }] });
    assert_eq!(layout().monitor_requests(true), columns);
    let plain = json!({ "T": [{ "columns": ["map", "name", "opt", "set"] }] });
    assert_eq!(layout().monitor_requests(false), plain);
}

#[test]
fn left_out_columns_have_their_defaults() {
    let replica = replica(json!({ "T": { A: { "initial": { "name": "a" } } } }));
    let row = replica.get("T", &id(A)).unwrap();
    assert_eq!(row.str("name"), Some("a"));
    assert_eq!(row.get("opt"), Some(&Datum::empty_set()));
    assert_eq!(row.get("map"), Some(&Datum::empty_map()));
    assert_eq!(row.get("unwatched"), None);
}

#[test]
fn plain_updates_replace_rows() {
    let mut replica = replica(json!({}));
    let changed =
        apply(&mut replica, Dialect::Update, json!({ "T": { A: { "new": { "name": "a" } } } })).unwrap();
    let inserted = RowChanged { table: "T".into(), id: id(A), before: Before::Absent };
    assert_eq!(changed, Changed { generation: 2, rows: vec![inserted], reset: false });
    apply(
        &mut replica,
        Dialect::Update,
        json!({ "T": { A: { "old": { "name": "a" }, "new": { "name": "b" } } } }),
    )
    .unwrap();
    assert_eq!(replica.find("T", &Index::Column("name".into()), "a").count(), 0);
    assert_eq!(replica.find("T", &Index::Column("name".into()), "b").count(), 1);
    apply(&mut replica, Dialect::Update, json!({ "T": { A: { "old": { "name": "b" } } } })).unwrap();
    assert_eq!(replica.count("T"), 0);
    assert_eq!(replica.find("T", &Index::Column("name".into()), "b").count(), 0);
}

#[test]
fn a_single_column_takes_the_new_value() {
    let mut replica = replica(json!({ "T": { A: { "initial": { "opt": "x", "name": "n" } } } }));
    let mut modify = |row: Value| {
        apply(&mut replica, Dialect::Update2, json!({ "T": { A: { "modify": row } } })).unwrap();
        replica.get("T", &id(A)).unwrap().get("opt").cloned().unwrap()
    };
    assert_eq!(modify(json!({ "opt": "y" })), Datum::scalar("y"));
    assert_eq!(modify(json!({ "opt": ["set", []] })), Datum::empty_set());
    assert_eq!(modify(json!({ "opt": ["set", ["z"]] })), Datum::scalar("z"));
    // A column without change is not sent, so an equal value is a value, not a removal.
    assert_eq!(modify(json!({ "opt": "z" })), Datum::scalar("z"));
}

#[test]
fn a_value_is_found_under_each_of_its_parts() {
    let mut replica = replica(json!({ "T": {
        A: { "initial": { "map": ["map", [["ids", "a  b"], ["other", "c"]]] } },
        B: { "initial": { "map": ["map", [["ids", "b"]]] } } } }));
    let found = |replica: &Replica, value: &str| {
        replica.find("T", &ids_index(), value).map(|(id, _)| id).collect::<Vec<_>>()
    };
    assert_eq!(found(&replica, "a"), [id(A)]);
    assert_eq!(found(&replica, "b"), [id(A), id(B)]);
    assert!(
        found(&replica, "c").is_empty()
            && found(&replica, "").is_empty()
            && found(&replica, "a  b").is_empty()
    );
    apply(
        &mut replica,
        Dialect::Update2,
        json!({ "T": { A: { "modify": { "map": ["map", [["ids", "c"]]] } } } }),
    )
    .unwrap();
    assert!(found(&replica, "a").is_empty());
    assert_eq!(found(&replica, "c"), [id(A)]);
    assert_eq!(found(&replica, "b"), [id(B)]);
}

#[test]
fn a_bad_message_changes_nothing() {
    let mut replica = replica(json!({ "T": { A: { "initial": { "name": "a" } } } }));
    let before = format!("{replica:?}");
    let bad = [
        (json!({ "T": { B: { "insert": { "name": 5 } } } }), "update-bad-value"),
        (json!({ "T": { B: { "insert": { "name": ["bag"] } } } }), "update-bad-value"),
        (json!({ "T": { A: { "modify": { "map": ["set", []] } } } }), "update-bad-value"),
        (json!({ "T": { A: { "modify": { "set": ["map", []] } } } }), "update-bad-value"),
        (json!({ "T": { "not-a-uuid": { "delete": null } } }), "update-bad-value"),
        (json!({ "T": { B: { "insert": { "unwatched": "x" } } } }), "update-not-monitored"),
        (json!({ "Absent": { B: { "insert": {} } } }), "update-not-monitored"),
        (json!({ "T": { A: { "insert": {} } } }), "update-inconsistent"),
        (json!({ "T": { B: { "modify": {} } } }), "update-inconsistent"),
        (json!({ "T": { B: { "delete": null } } }), "update-inconsistent"),
        (json!({ "T": { B: { "replace": {} } } }), "update-malformed"),
        (json!({ "T": { B: {} } }), "update-malformed"),
        (json!({ "T": { B: { "insert": {}, "delete": null } } }), "update-malformed"),
        (json!({ "T": [] }), "update-malformed"),
        (json!([]), "update-malformed"),
    ];
    for (mut updates, code) in bad {
        assert_eq!(
            apply(&mut replica, Dialect::Update2, updates.clone()).map_err(|error| error.code()),
            Err(code),
            "{updates}"
        );
        // The same with a good change before it.
        if let Some(table) = updates.get_mut("T").and_then(Value::as_object_mut) {
            table
                .entry("00000000-0000-0000-0000-000000000001")
                .or_insert(json!({ "insert": { "name": "good" } }));
            assert!(apply(&mut replica, Dialect::Update2, updates).is_err());
        }
        assert_eq!(format!("{replica:?}"), before);
    }
    let error = apply(&mut replica, Dialect::Update2, json!({ "T": { B: { "insert": { "name": 5 } } } }))
        .unwrap_err();
    let text = error.to_string();
    assert!(text.contains("table T") && text.contains(B) && text.contains("column name"), "{text}");
}

#[test]
fn plain_updates_must_fit_too() {
    let mut replica = replica(json!({ "T": { A: { "initial": {} } } }));
    for updates in [
        json!({ "T": { A: { "new": {} } } }),
        json!({ "T": { B: { "old": {}, "new": {} } } }),
        json!({ "T": { B: { "old": {} } } }),
        json!({ "T": { A: {} } }),
    ] {
        assert!(apply(&mut replica, Dialect::Update, updates).is_err());
    }
    assert_eq!(replica.count("T"), 1);
}

type ModelRow = (String, BTreeSet<Uuid>, BTreeMap<String, String>);
type Model = BTreeMap<Uuid, ModelRow>;

fn small_uuid() -> impl Strategy<Value = Uuid> {
    (0..5_u128).prop_map(Uuid::from_u128)
}

fn any_model() -> impl Strategy<Value = Model> {
    let row = (
        "[ab]",
        prop::collection::btree_set(small_uuid(), 0..4),
        prop::collection::btree_map(prop_oneof![Just("ids".to_owned()), "[ab]"], "[ab]( [ab])?", 0..3),
    );
    prop::collection::btree_map(small_uuid(), row, 0..4)
}

/// The difference as ovsdb-server(7), 4.1.14 words it.
fn difference(old: &Model, new: &Model) -> Value {
    let mut rows = serde_json::Map::new();
    for id in old.keys().chain(new.keys()).collect::<BTreeSet<_>>() {
        let update = match (old.get(id), new.get(id)) {
            (Some(_), None) => json!({ "delete": null }),
            (None, Some((name, set, map))) => {
                json!({ "insert": { "name": name, "set": Datum::set(set), "map": Datum::map(map) } })
            }
            (Some(old), Some(new)) if old != new => {
                let mut row = Row::new();
                if old.0 != new.0 {
                    row.set("name", &new.0);
                }
                let set: Vec<_> = old.1.symmetric_difference(&new.1).collect();
                if !set.is_empty() {
                    row.set("set", Datum::set(set));
                }
                let mut map = BTreeMap::new();
                for key in old.2.keys().chain(new.2.keys()) {
                    match (old.2.get(key), new.2.get(key)) {
                        (Some(value), None) | (None, Some(value)) => drop(map.insert(key, value)),
                        (Some(was), Some(is)) if was != is => drop(map.insert(key, is)),
                        _ => {}
                    }
                }
                if !map.is_empty() {
                    row.set("map", Datum::map(map));
                }
                json!({ "modify": row })
            }
            _ => continue,
        };
        rows.insert(id.to_string(), update);
    }
    if rows.is_empty() { json!({}) } else { json!({ "T": rows }) }
}

fn check(replica: &Replica, model: &Model) {
    assert_eq!(replica.count("T"), model.len());
    for (id, (name, set, map)) in model {
        let row = replica.get("T", id).unwrap();
        assert_eq!(row.str("name"), Some(name.as_str()));
        assert_eq!(row.get("set"), Some(&Datum::set(set)));
        assert_eq!(row.get("map"), Some(&Datum::map(map)));
    }
    let ids = |found: &mut dyn Iterator<Item = (Uuid, &Row)>| found.map(|(id, _)| id).collect::<Vec<_>>();
    let having = |holds: &dyn Fn(&ModelRow) -> bool| {
        model.iter().filter(|(_, row)| holds(row)).map(|(id, _)| *id).collect::<Vec<_>>()
    };
    for text in ["a", "b"] {
        let by_name = Index::Column("name".into());
        assert_eq!(ids(&mut replica.find("T", &by_name, text)), having(&|row| row.0 == text));
        let has =
            |row: &ModelRow| row.2.get("ids").is_some_and(|value| value.split(' ').any(|part| part == text));
        assert_eq!(ids(&mut replica.find("T", &ids_index(), text)), having(&has));
        let undeclared = Index::MapKey { column: "map".into(), key: "ids".into(), separator: None };
        let is = |row: &ModelRow| row.2.get("ids").is_some_and(|value| value == text);
        assert_eq!(ids(&mut replica.find("T", &undeclared, text)), having(&is));
    }
    for target in (0..5).map(Uuid::from_u128) {
        let expected = having(&|row| row.1.contains(&target));
        assert_eq!(ids(&mut replica.find_references("T", "set", &target)), expected);
        let index = Index::References("set".into());
        assert_eq!(ids(&mut replica.find("T", &index, &target.to_string())), expected);
    }
}

proptest! {
    #[test]
    fn differences_lead_to_the_servers_state(states in prop::collection::vec(any_model(), 1..6)) {
        let mut replica = replica(json!({}));
        let mut old = Model::new();
        for (number, new) in states.into_iter().enumerate() {
            let changed = apply(&mut replica, Dialect::Update2, difference(&old, &new)).unwrap();
            prop_assert_eq!(changed.generation, number as u64 + 2);
            let touched: BTreeSet<Uuid> = changed.rows.iter().map(|row| row.id).collect();
            let differing: BTreeSet<Uuid> = old.keys().chain(new.keys()).filter(|id| old.get(id) != new.get(id)).copied().collect();
            prop_assert_eq!(touched, differing);
            check(&replica, &new);
            for changed in &changed.rows {
                tells_what_was(changed, replica.get("T", &changed.id), old.get(&changed.id), new.get(&changed.id));
            }
            old = new;
        }
    }
}

/// Of every column and key that is not as it was, the old value is told, and of no other.
fn tells_what_was(changed: &RowChanged, row: Option<&Row>, old: Option<&ModelRow>, new: Option<&ModelRow>) {
    let differs = |part: &dyn Fn(&ModelRow) -> Option<String>| old.and_then(part) != new.and_then(part);
    let name = |row: &ModelRow| Some(row.0.clone());
    let old_name = old.and_then(name).filter(|_| differs(&name));
    assert_eq!(changed.old_str("name"), old_name.as_deref());
    for key in ["ids", "a"] {
        let value = |row: &ModelRow| row.2.get(key).cloned();
        let old_value = old.and_then(value);
        let told = changed.old_map_value("map", key);
        // A row that is gone tells all of it.
        let expected = old_value.filter(|_| differs(&value) || new.is_none());
        assert_eq!(told, expected.as_deref(), "{key}");
    }
    let elements = |row: Option<&ModelRow>| row.map(|row| row.1.clone()).unwrap_or_default();
    let moved = elements(old).symmetric_difference(&elements(new)).copied().collect();
    assert_eq!(changed.references_moved("set", row), moved);
    if let (Some(old), Some(new)) = (old, new) {
        assert_eq!(changed.touches("name"), old.0 != new.0);
        assert_eq!(changed.touches("set"), old.1 != new.1);
        assert_eq!(changed.touches("map"), old.2 != new.2);
    }
}

#[test]
fn a_real_column_may_be_told_in_integers() {
    let schema =
        json!({ "tables": { "T": { "columns": { "r": { "type": "real" }, "i": { "type": "integer" } } } } });
    let spec = TableSpec { name: "T".into(), columns: vec![], indexes: vec![], any_of: vec![] };
    let layout = Arc::new(Layout::new(Schema::from_json(&schema).unwrap(), &[spec]));
    let replica =
        Replica::build(&layout, Dialect::Update2, json!({ "T": { A: { "initial": { "r": 1 } } } })).unwrap();
    let row = replica.get("T", &id(A)).unwrap();
    assert_eq!(row.get("r").unwrap().as_real(), Some(1.0));
    assert_eq!(row.get("i"), Some(&Datum::scalar(Atom::Integer(0))));
    assert!(
        Replica::build(&layout, Dialect::Update2, json!({ "T": { A: { "initial": { "i": 1.5 } } } }))
            .is_err()
    );
}

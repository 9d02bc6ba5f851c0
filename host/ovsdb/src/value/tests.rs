use proptest::prelude::*;
use serde_json::json;

use super::*;

fn any_atom() -> impl Strategy<Value = Atom> {
    prop_oneof![
        any::<i64>().prop_map(Atom::Integer),
        any::<f64>().prop_filter_map("finite", Real::new).prop_map(Atom::Real),
        any::<bool>().prop_map(Atom::Boolean),
        ".*".prop_map(Atom::String),
        any::<u128>().prop_map(|bits| Atom::Uuid(Uuid::from_u128(bits))),
        "[a-z_][a-z0-9_]*".prop_map(Atom::NamedUuid),
    ]
}

fn any_datum() -> impl Strategy<Value = Datum> {
    prop_oneof![
        prop::collection::btree_set(any_atom(), 0..6).prop_map(Datum::Set),
        prop::collection::btree_map(any_atom(), any_atom(), 0..6).prop_map(Datum::Map),
    ]
}

proptest! {
    #[test]
    fn a_value_survives_the_wire(datum in any_datum()) {
        let text = serde_json::to_string(&datum).unwrap();
        let read = Datum::from_json(serde_json::from_str(&text).unwrap()).unwrap();
        prop_assert_eq!(read, datum);
    }

    #[test]
    fn a_row_survives_the_wire(columns in prop::collection::btree_map("[a-z]{1,3}", any_datum(), 0..5)) {
        let row: Row = columns.into_iter().map(|(name, datum)| (name.into(), datum)).collect();
        let text = serde_json::to_string(&row).unwrap();
        prop_assert_eq!(Row::from_json(serde_json::from_str(&text).unwrap()).unwrap(), row);
    }
}

#[test]
fn shapes_are_written_as_the_protocol_has_them() {
    let id = Uuid::from_u128(1);
    for (datum, expected) in [
        (Datum::empty_set(), json!(["set", []])),
        (Datum::empty_map(), json!(["map", []])),
        (Datum::scalar("x"), json!("x")),
        (Datum::scalar(true), json!(true)),
        (Datum::set([2, 1]), json!(["set", [1, 2]])),
        (Datum::scalar(id), json!(["uuid", "00000000-0000-0000-0000-000000000001"])),
        (Datum::named_uuid("row"), json!(["named-uuid", "row"])),
        (Datum::map([("k", "v")]), json!(["map", [["k", "v"]]])),
    ] {
        assert_eq!(serde_json::to_value(&datum).unwrap(), expected);
    }
}

#[test]
fn a_set_of_one_is_a_scalar() {
    assert_eq!(Datum::from_json(json!(["set", ["x"]])).unwrap(), Datum::from_json(json!("x")).unwrap());
}

#[test]
fn what_is_no_value_is_refused_with_its_cause() {
    for (json, code) in [
        (json!(null), "not-an-atom"),
        (json!({}), "not-an-atom"),
        (json!([]), "not-a-value"),
        (json!(["set"]), "not-a-value"),
        (json!(["set", 1]), "not-a-value"),
        (json!(["bag", []]), "not-a-value"),
        (json!(["set", [["set", []]]]), "not-an-atom"),
        (json!(["set", [1, 1]]), "duplicate-element"),
        (json!(["map", [["k", 1], ["k", 2]]]), "duplicate-element"),
        (json!(["map", [["k"]]]), "not-a-value"),
        (json!(["map", ["k"]]), "not-a-value"),
        (json!(["uuid", 5]), "not-an-atom"),
        (json!(["uuid", "00000000000000000000000000000001"]), "bad-uuid"),
        (json!(["uuid", "0000000A-0000-0000-0000-000000000001"]), "bad-uuid"),
        (json!(9_223_372_036_854_775_808_u64), "number-out-of-range"),
    ] {
        assert_eq!(Datum::from_json(json.clone()).map_err(|error| error.code()), Err(code), "{json}");
    }
    let error = Row::from_json(json!({ "vips": ["bag"] })).unwrap_err();
    assert!(error.to_string().starts_with("column vips: "), "{error}");
}

#[test]
fn accessors_see_only_their_own_kind() {
    assert_eq!(Datum::scalar("x").as_str(), Some("x"));
    assert_eq!(Datum::set(["x", "y"]).as_str(), None);
    assert_eq!(Datum::empty_set().as_str(), None);
    assert_eq!(Datum::scalar(3).as_int(), Some(3));
    assert_eq!(Datum::scalar(3).as_bool(), None);
    assert_eq!(Datum::map([("k", "v")]).map_get("k"), Some("v"));
    assert_eq!(Datum::map([("k", 1)]).map_get("k"), None);
    assert_eq!(Datum::set(["k"]).map_get("k"), None);
    assert_eq!(Datum::set(["b", "a"]).strings().collect::<Vec<_>>(), ["a", "b"]);
}

#[test]
fn negative_zero_is_zero() {
    assert_eq!(Real::new(-0.0), Real::new(0.0));
    assert_eq!(Real::new(f64::NAN), None);
}

use serde_json::json;

use super::*;

fn column(json: Value) -> Result<Column, SchemaError> {
    let schema = json!({ "name": "db", "version": "1.0.0", "tables": { "t": { "columns": { "c": { "type": json } } } } });
    Schema::from_json(&schema).map(|schema| schema.column("t", "c").unwrap().clone())
}

#[test]
fn defaults_follow_the_type() {
    for (json, default) in [
        (json!("string"), Datum::scalar("")),
        (json!("boolean"), Datum::scalar(false)),
        (json!("integer"), Datum::scalar(0)),
        (json!({ "key": "uuid", "min": 1, "max": 1 }), Datum::scalar(uuid::Uuid::nil())),
        (json!({ "key": "string", "min": 0 }), Datum::empty_set()),
        (json!({ "key": "string", "min": 0, "max": "unlimited" }), Datum::empty_set()),
        (json!({ "key": "string", "value": "string", "min": 0, "max": "unlimited" }), Datum::empty_map()),
        (json!({ "key": "string", "value": "integer" }), Datum::map([("", 0)])),
    ] {
        assert_eq!(column(json.clone()).unwrap().default(), default, "{json}");
    }
}

#[test]
fn single_columns_are_told_from_collections() {
    let is_single = |json| column(json).unwrap().is_single();
    assert!(is_single(json!("string")));
    assert!(is_single(json!({ "key": "string", "min": 0, "max": 1 })));
    assert!(!is_single(json!({ "key": "string", "min": 0, "max": 2 })));
    assert!(!is_single(json!({ "key": "string", "min": 0, "max": "unlimited" })));
}

#[test]
fn enumerations_are_told() {
    let json = json!({ "tables": { "t": { "columns": {
        "several": { "type": { "key": { "type": "string", "enum": ["set", ["tcp", "udp"]] }, "min": 0 } },
        "one": { "type": { "key": { "type": "string", "enum": "tcp" } } },
        "any": { "type": "string" } } } } });
    let schema = Schema::from_json(&json).unwrap();
    assert_eq!(schema.enum_values("t", "several"), Some(BTreeSet::from(["tcp", "udp"])));
    assert_eq!(schema.enum_values("t", "one"), Some(BTreeSet::from(["tcp"])));
    assert_eq!(schema.enum_values("t", "any"), None);
    assert_eq!(schema.enum_values("t", "missing"), None);
    assert!(schema.has_table("t") && !schema.has_table("u") && !schema.has_column("u", "any"));
}

#[test]
fn an_error_names_the_column() {
    for json in [
        json!("text"),
        json!({}),
        json!(5),
        json!({ "key": "string", "max": 0 }),
        json!({ "key": "string", "min": 2 }),
    ] {
        assert_eq!(column(json.clone()).map_err(|error| error.at), Err("t.c".to_owned()), "{json}");
    }
    assert!(Schema::from_json(&json!(null)).is_err());
}

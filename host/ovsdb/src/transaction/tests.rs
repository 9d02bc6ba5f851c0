use serde_json::{Value, json};

use super::*;
use crate::value::{Datum, Row};
use uuid::Uuid;

const ID: Uuid = Uuid::from_u128(1);
const ID_TEXT: &str = "00000000-0000-0000-0000-000000000001";

#[test]
fn operations_are_written_as_the_protocol_has_them() {
    let row = || Row::new().with("name", "x");
    let by_id = || vec![Condition::by_uuid(ID)];
    let where_id = json!([["_uuid", "==", ["uuid", ID_TEXT]]]);
    let operations = [
        (
            Operation::insert("T", row()).with_uuid(ID),
            json!({ "op": "insert", "table": "T", "row": { "name": "x" }, "uuid": ID_TEXT }),
        ),
        (
            Operation::insert("T", row()).with_name("n"),
            json!({ "op": "insert", "table": "T", "row": { "name": "x" }, "uuid-name": "n" }),
        ),
        (
            Operation::update("T", by_id(), row()),
            json!({ "op": "update", "table": "T", "where": where_id, "row": { "name": "x" } }),
        ),
        (
            Operation::mutate(
                "T",
                by_id(),
                vec![Mutation::insert("s", Datum::set(["a"])), Mutation::delete("m", Datum::set(["a", "b"]))],
            ),
            json!({ "op": "mutate", "table": "T", "where": where_id, "mutations": [["s", "insert", "a"], ["m", "delete", ["set", ["a", "b"]]]] }),
        ),
        (
            Operation::delete(
                "T",
                vec![Condition::includes("m", Datum::map([("k", "v")])), Condition::by_name("n")],
            ),
            json!({ "op": "delete", "table": "T", "where": [["m", "includes", ["map", [["k", "v"]]]], ["_uuid", "==", ["named-uuid", "n"]]] }),
        ),
        (
            Operation::guard("T", ID, row()),
            json!({ "op": "wait", "table": "T", "where": where_id, "columns": ["name"], "until": "==", "rows": [{ "name": "x" }], "timeout": 0 }),
        ),
        (Operation::select("T", vec![], None), json!({ "op": "select", "table": "T", "where": [] })),
        (Operation::assert("l"), json!({ "op": "assert", "lock": "l" })),
        (Operation::comment("c"), json!({ "op": "comment", "comment": "c" })),
        (Operation::commit(true), json!({ "op": "commit", "durable": true })),
        (Operation::Abort, json!({ "op": "abort" })),
    ];
    for (operation, expected) in &operations {
        assert_eq!(serde_json::to_value(operation).unwrap(), *expected);
    }
    let params = encode_params("DB", &operations.map(|(operation, _)| operation)[7..9]).unwrap();
    assert_eq!(params, r#"["DB",{"op":"assert","lock":"l"},{"op":"comment","comment":"c"}]"#);
}

#[test]
fn results_stand_by_operation() {
    let reply = json!([{ "uuid": ["uuid", ID_TEXT] }, { "count": 2 }, {}, { "rows": [{ "name": "x" }] }]);
    let results = parse_reply(4, reply, Value::Null).unwrap();
    assert_eq!(results[0].uuid, Some(ID));
    assert_eq!(results[1].count, Some(2));
    assert_eq!(results[2], OperationResult::default());
    assert_eq!(results[3].rows.as_ref().unwrap()[0].str("name"), Some("x"));
}

#[test]
fn the_failing_operation_is_named() {
    let failed = |reply| match parse_reply(2, reply, Value::Null) {
        Err(TransactError::Operation { index, error, details }) => (index, error, details),
        other => panic!("{other:?}"),
    };
    let error = json!({ "error": "timed out", "details": "no" });
    assert_eq!(failed(json!([error, null])), (0, "timed out".into(), "no".into()));
    assert_eq!(failed(json!([{}, error])), (1, "timed out".into(), "no".into()));
    assert_eq!(failed(json!([{}, {}, { "error": "constraint violation" }])).0, 2, "the commit failed");
}

#[test]
fn a_reply_to_something_else_is_no_success() {
    for reply in [
        json!(null),
        json!({}),
        json!([{}]),
        json!([{}, {}, {}]),
        json!([{}, null]),
        json!([{}, { "uuid": 5, "rows": [1] }]),
    ] {
        let error = parse_reply(2, reply.clone(), Value::Null).unwrap_err();
        assert!(matches!(error, TransactError::Malformed(_)), "{reply}: {error}");
        assert!(!error.nothing_committed());
    }
    let refused = parse_reply(1, Value::Null, json!("canceled")).unwrap_err();
    assert_eq!(refused, TransactError::Refused { error: "canceled".into(), details: String::new() });
    assert!(refused.nothing_committed());
}

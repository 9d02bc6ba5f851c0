//! JSON-RPC 1.0 as OVSDB uses it (RFC 7047, section 4).

use serde_json::{Value, json};

use crate::value::shown;

/// Names the monitor of the `_Server` database.
pub(super) const SERVER_MONITOR: &str = "server";

/// What came.
#[derive(Debug)]
pub(super) enum Incoming {
    Reply { id: Id, result: Value, error: Value },
    Request { id: Value, method: String, params: Value },
    Notification { method: String, params: Value },
}

/// The id of a reply; ours are numbers.
#[derive(Debug)]
pub(super) enum Id {
    Number(u64),
    Other(Value),
}

pub(super) fn parse(message: Value) -> Result<Incoming, String> {
    let Value::Object(mut members) = message else {
        return Err(shown(&message));
    };
    let id = members.remove("id").unwrap_or(Value::Null);
    match members.remove("method") {
        Some(Value::String(method)) => {
            let params = members.remove("params").unwrap_or(Value::Null);
            Ok(if id.is_null() {
                Incoming::Notification { method, params }
            } else {
                Incoming::Request { id, method, params }
            })
        }
        Some(Value::Null) | None if !id.is_null() => Ok(Incoming::Reply {
            id: id.as_u64().map_or(Id::Other(id), Id::Number),
            result: members.remove("result").unwrap_or(Value::Null),
            error: members.remove("error").unwrap_or(Value::Null),
        }),
        _ => Err(shown(&Value::Object(members))),
    }
}

/// A request; `params` is serialised already.
pub(super) fn request(id: u64, method: &str, params: &str) -> String {
    use std::fmt::Write as _;

    let mut text = String::with_capacity(params.len() + method.len() + 48);
    // Writing to a string cannot fail.
    let _ = write!(text, r#"{{"id":{id},"method":"{method}","params":{params}}}"#);
    text
}

/// The answer to a request of the server: `echo` gives back its parameters (RFC 7047, section 4.1.11).
pub(super) fn answer(id: &Value, method: &str, params: Value) -> String {
    if method == "echo" {
        json!({ "id": id, "result": params, "error": null }).to_string()
    } else {
        json!({ "id": id, "result": null, "error": "unknown method" }).to_string()
    }
}

/// The elements of an array; none for anything else.
pub(super) fn array(value: Value) -> Vec<Value> {
    match value {
        Value::Array(items) => items,
        _ => Vec::new(),
    }
}

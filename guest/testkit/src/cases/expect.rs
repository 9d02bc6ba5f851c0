//! What is expected, and where an answer differs.

use crate::json::Value;

/// How a part of an answer is compared.
enum Shape {
    /// As a whole.
    Whole,
    /// As a whole, in any order.
    Set,
    /// The named fields only.
    Object(&'static [(&'static str, Shape)]),
    /// As many items, each by its shape.
    List(&'static Shape),
}

use Shape::{List, Object, Set, Whole};

const DESCRIPTION: Shape = Object(&[
    ("name", Whole),
    ("version", Whole),
    ("protocols", Whole),
    ("algorithms", Whole),
    ("fallback", Whole),
    ("config_schema", Whole),
    ("options", Set),
]);
const BACKENDS: Shape = List(&Object(&[("member", Whole), ("port", Whole), ("copies", Whole)]));
const TRANSLATION: Shape = Object(&[
    ("transport", Whole),
    ("entries", List(&Object(&[("vip", Whole), ("port", Whole), ("backends", BACKENDS)]))),
    ("options", Set),
    ("empty_reason", Whole),
]);
const DISTRIBUTION: Shape = Object(&[
    ("selection_fields", Set),
    ("options", Set),
    ("shares", List(&Object(&[("member", Whole), ("copies", Whole)]))),
]);
const HEALTH_CHECK: Shape =
    Object(&[("interval_s", Whole), ("timeout_s", Whole), ("success", Whole), ("failure", Whole)]);
const REFUSAL: Shape = Object(&[
    ("code", Whole),
    ("field", Whole),
    ("user", Whole),
    ("user_contains", Whole),
    ("operator", Whole),
]);
const MEMBERS: Shape = List(&Object(&[
    ("member", Whole),
    ("code", Whole),
    ("field", Whole),
    ("user", Whole),
    ("user_contains", Whole),
    ("operator", Whole),
]));

fn shape(call: &str) -> &'static Shape {
    match call {
        "describe" => &DESCRIPTION,
        "translate" => &TRANSLATION,
        "distribute" => &DISTRIBUTION,
        "plan-monitor" => &HEALTH_CHECK,
        "check-members" => &MEMBERS,
        _ => &Object(&[]),
    }
}

/// A field whose value is another than expected.
pub(super) struct Difference {
    pub field: String,
    pub expected: String,
    pub got: String,
}

/// Whether an answer to `call` can be expected so.
pub(super) fn check(call: &str, expect: &Value) -> Result<(), String> {
    match expect.get("refused") {
        Some(refused) => {
            super::Fields::of("expect", expect, &["refused"])?;
            fits("expect.refused", &REFUSAL, refused)
        }
        None => fits("expect", shape(call), expect),
    }
}

fn fits(path: &str, shape: &Shape, value: &Value) -> Result<(), String> {
    match (shape, value) {
        (Whole | Set, _) => Ok(()),
        (Object(shapes), _) => {
            let keys: Vec<_> = shapes.iter().map(|(key, _)| *key).collect();
            super::Fields::of(path, value, &keys)?;
            for (key, shape) in *shapes {
                if let Some(value) = value.get(key) {
                    fits(&format!("{path}.{key}"), shape, value)?;
                }
            }
            Ok(())
        }
        (List(shape), Value::List(items)) => {
            (0..).zip(items).try_for_each(|(n, item)| fits(&format!("{path}[{n}]"), shape, item))
        }
        (List(_), other) => Err(format!("{path} must be a list, not {}", other.kind())),
    }
}

pub(super) fn differences(call: &str, expect: &Value, got: &Value) -> Vec<Difference> {
    let mut found = vec![];
    let difference = |field: &str, expected: &Value, got: &Value| Difference {
        field: field.to_owned(),
        expected: expected.to_string(),
        got: got.to_string(),
    };
    match (expect.get("refused"), got.get("refused")) {
        (Some(expected), Some(got)) => compare("refused", &REFUSAL, expected, got, &mut found),
        (None, None) => compare("", shape(call), expect, got, &mut found),
        (Some(_), None) => found.push(difference("refused", expect, got)),
        (None, Some(_)) => found.push(difference("accepted", expect, got)),
    }
    found
}

fn compare(path: &str, shape: &Shape, expected: &Value, got: &Value, found: &mut Vec<Difference>) {
    match (shape, expected, got) {
        (Object(shapes), Value::Object(_), Value::Object(_)) => {
            for (key, shape) in *shapes {
                let Some(expected) = expected.get(key) else { continue };
                let path = if path.is_empty() { (*key).to_owned() } else { format!("{path}.{key}") };
                let none = Value::Null;
                if *key == "user_contains" {
                    contains(&path, expected, got.get("user").unwrap_or(&none), found);
                } else {
                    compare(&path, shape, expected, got.get(key).unwrap_or(&none), found);
                }
            }
        }
        (List(shape), Value::List(expected), Value::List(got)) if expected.len() == got.len() => {
            for (n, (expected, got)) in expected.iter().zip(got).enumerate() {
                compare(&format!("{path}[{n}]"), shape, expected, got, found);
            }
        }
        (Set, ..) if sorted(expected) == sorted(got) => {}
        _ if expected == got => {}
        _ => found.push(Difference {
            field: if path.is_empty() { "the answer".to_owned() } else { path.to_owned() },
            expected: expected.to_string(),
            got: got.to_string(),
        }),
    }
}

fn contains(path: &str, expected: &Value, got: &Value, found: &mut Vec<Difference>) {
    if let (Value::Text(part), Value::Text(whole)) = (expected, got)
        && whole.contains(part.as_str())
    {
        return;
    }
    let (expected, got) = (format!("a sentence with {expected}"), got.to_string());
    found.push(Difference { field: path.to_owned(), expected, got });
}

/// What a value holds, in one order.
fn sorted(value: &Value) -> Vec<String> {
    let mut all: Vec<_> = match value {
        Value::List(items) => items.iter().map(Value::to_string).collect(),
        Value::Object(fields) => fields.iter().map(|(k, v)| format!("{k:?}: {v}")).collect(),
        other => vec![other.to_string()],
    };
    all.sort();
    all
}

//! Options that the model carries by Octavia's names, without knowing them.

use serde_json::Value;
use weir_model::{Extra, ExtraPatch};

use super::{fields::Object, types::Kind};

/// The options of an object that are not at Octavia's default.
pub fn extras(kind: &Kind, map: &Object) -> Extra {
    given(kind, map).filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

/// The options that an update touches.
pub fn extra_patch(kind: &Kind, map: &Object) -> ExtraPatch {
    given(kind, map).map(|(name, value)| (name.to_owned(), value)).collect()
}

/// The options that are there: their text, or `None` at the default.
fn given<'a>(kind: &'a Kind, map: &'a Object) -> impl Iterator<Item = (&'static str, Option<String>)> + 'a {
    kind.fields.iter().filter_map(|field| {
        let default = field.extra?;
        let value = map.get(field.name)?;
        Some((field.name, (!default.is(value)).then(|| words(field.name, value))))
    })
}

fn words(name: &str, value: &Value) -> String {
    match value {
        // Policies have a table of their own in Octavia; here only that there are some matters.
        Value::Array(policies) if name == "l7policies" => format!("{} policies", policies.len()),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

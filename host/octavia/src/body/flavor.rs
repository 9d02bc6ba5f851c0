//! A flavor's metadata: [`FLAVOR_KEYS`] says which keys there are.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use weir_model::{FLAVOR_KEYS, FlavorKey};

use super::{
    error::{BodyError, Within, shown},
    fields::{Object, object},
};

/// What `get_supported_flavor_metadata` answers: `{key: description}`.
pub(crate) fn supported() -> Value {
    FLAVOR_KEYS.iter().map(|key| (key.name.to_owned(), json!(key.description))).collect::<Object>().into()
}

/// The metadata in a field, as OVN wants it.
///
/// # Errors
/// A key that this provider does not have, or a value that it cannot have.
pub fn checked(map: &Object, field: &str) -> Result<BTreeMap<String, String>, BodyError> {
    let Some(metadata) = object(map, field)?.value() else { return Ok(BTreeMap::new()) };
    let read = |(name, value): (&String, &Value)| {
        let key = FlavorKey::named(name).ok_or_else(|| unknown(name))?;
        let value = text(value).and_then(|text| key.read(&text)).ok_or_else(|| unsuitable(key, value))?;
        Ok((name.clone(), value))
    };
    // `null` is a key left out.
    metadata.iter().filter(|(_, value)| !value.is_null()).map(read).collect::<Result<_, _>>().within(field)
}

/// What this provider has of the metadata of a load balancer that is in Octavia already, be it from another provider.
pub fn known(map: &Object) -> BTreeMap<String, String> {
    let Some(Value::Object(metadata)) = map.get("flavor") else { return BTreeMap::new() };
    let read =
        |(name, value): (&String, &Value)| Some((name.clone(), FlavorKey::named(name)?.read(&text(value)?)?));
    metadata.iter().filter_map(read).collect()
}

/// Flavors hold JSON: a number or a truth value may be one, or a text.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        _ => None,
    }
}

fn unknown(name: &str) -> BodyError {
    let all: Vec<_> = FLAVOR_KEYS.iter().map(|key| key.name).collect();
    let field: String = name.chars().filter(|c| !c.is_control()).take(64).collect();
    BodyError::Unsupported {
        code: "unsupported-flavor-key",
        field,
        reason: format!("this provider has no such flavor metadata; choose among {}", all.join(", ")),
    }
}

fn unsuitable(key: &FlavorKey, value: &Value) -> BodyError {
    BodyError::Unsupported {
        code: "unsupported-flavor-value",
        field: key.name.to_owned(),
        reason: format!("expected {}, got {}", key.expected, shown(value)),
    }
}

//! `[defaults]`: a flavor's keys for a whole deployment.

use std::{collections::BTreeMap, ops::Deref};

use serde::{Deserialize, Serialize};
use weir_model::{FLAVOR_KEYS, FlavorKey};

/// Options by their names, as OVN wants them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "BTreeMap<String, toml::Value>")]
pub struct Defaults(BTreeMap<String, String>);

impl Deref for Defaults {
    type Target = BTreeMap<String, String>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl TryFrom<BTreeMap<String, toml::Value>> for Defaults {
    type Error = String;

    fn try_from(table: BTreeMap<String, toml::Value>) -> Result<Self, String> {
        table.into_iter().map(|(name, value)| read(name, &value)).collect::<Result<_, _>>().map(Self)
    }
}

fn read(name: String, value: &toml::Value) -> Result<(String, String), String> {
    let key = FlavorKey::named(&name).ok_or_else(|| {
        let all: Vec<_> = FLAVOR_KEYS.iter().map(|key| key.name).collect();
        format!("defaults.{name}: unknown key, expected one of {}", all.join(", "))
    })?;
    let text = match value {
        toml::Value::String(text) => Some(text.clone()),
        toml::Value::Boolean(_) | toml::Value::Integer(_) => Some(value.to_string()),
        _ => None,
    };
    match text.and_then(|text| key.read(&text)) {
        Some(read) => Ok((name, read)),
        None => Err(format!("defaults.{name} = {value}: expected {}", key.expected)),
    }
}

//! What an operator may say.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;
use weir_guest::Refusal;

use crate::cidr::Cidr;
use crate::ports::Ports;
use crate::rules::Rules;

/// What a configuration looks like. A schema tells a number from a text; that a range's first port is not above its last,
/// and that a network is one, [`Config::read`] says.
pub const SCHEMA: &str = include_str!("schema.json");

/// Rules as they are written, for all projects or for one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Written {
    /// Ports that listeners may have; none: any.
    pub ports: Option<Vec<Ports>>,
    /// Ports that they may not have, even where they are among the former.
    pub denied_ports: Option<Vec<Ports>>,
    /// Networks that members must be in one of; none: any.
    pub member_cidrs: Option<Vec<Cidr>>,
    /// Networks that they must not be in, even where they are in one of the former.
    pub denied_member_cidrs: Option<Vec<Cidr>>,
    /// Most enabled members of a pool; none: any number.
    pub max_members: Option<u32>,
}

/// The configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Config {
    general: Written,
    /// By project id: what is said here stands in the place of what is said in general.
    projects: BTreeMap<String, Written>,
}

impl Config {
    /// From JSON; an empty text is no configuration, and allows all.
    pub fn read(text: &str) -> Result<Config, Refusal> {
        if text.is_empty() {
            return Ok(Config::default());
        }
        let value: Value = serde_json::from_str(text).map_err(|e| wrong("", &e.to_string()))?;
        let Value::Object(mut object) = value else { return Err(wrong("", "an object is needed")) };
        let projects = object.remove("projects").unwrap_or_else(|| Value::Object(serde_json::Map::new()));
        let Value::Object(projects) = projects else { return Err(wrong("projects", "an object is needed")) };
        let mut config = Config { general: written("", Value::Object(object))?, projects: BTreeMap::new() };
        for (id, value) in projects {
            let rules = written(&format!("projects.{id}"), value)?;
            config.projects.insert(id, rules);
        }
        Ok(config)
    }

    /// The rules that hold for a project.
    pub fn rules(&self, project: &str) -> Rules<'_> {
        Rules::of(&self.general, self.projects.get_key_value(project))
    }
}

fn written(place: &str, value: Value) -> Result<Written, Refusal> {
    let rules: Written = serde_json::from_value(value).map_err(|e| wrong(place, &e.to_string()))?;
    // An empty list of what is allowed allows nothing. Nobody means that, and it would refuse every call.
    for (key, empty) in [
        ("ports", rules.ports.as_ref().is_some_and(Vec::is_empty)),
        ("member_cidrs", rules.member_cidrs.as_ref().is_some_and(Vec::is_empty)),
        ("max_members", rules.max_members == Some(0)),
    ] {
        if empty {
            return Err(wrong(place, &format!("{key} allows nothing; leave it out to allow all")));
        }
    }
    Ok(rules)
}

fn wrong(place: &str, why: &str) -> Refusal {
    let place = if place.is_empty() { "the configuration" } else { place };
    Refusal::new("invalid-config", "config", format!("{place}: {why}"))
}

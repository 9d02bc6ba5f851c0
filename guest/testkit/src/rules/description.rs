//! What a plugin says of itself.

use weir_guest::Description;

use super::{Fault, text};
use crate::json::{self, Value};

/// Longest configuration schema, in bytes.
const SCHEMA: usize = 64 << 10;
/// Most words of a list.
const LIST: usize = 64;

pub(crate) fn check(of: &Description) -> Vec<Fault> {
    let mut faults = vec![];
    if !text::is_kebab(&of.name) {
        faults.push(Fault::new(
            "a plugin's name is kebab-case, at most 64 characters",
            "a name like `my-protocol`",
            format!("{:?}", of.name),
            "lower case, digits and hyphens; the file's and the crate's name do not matter",
        ));
    }
    if of.version.is_empty() {
        faults.push(Fault::new(
            "a plugin has a version",
            "a version",
            "an empty one",
            "env!(\"CARGO_PKG_VERSION\") is the crate's",
        ));
    }
    for (what, words) in
        [("protocols", &of.protocols), ("algorithms", &of.algorithms), ("options", &of.options)]
    {
        let twice = (1..).zip(words).find(|(after, word)| words.iter().skip(*after).any(|w| w == *word));
        let bad = words.iter().find(|word| !text::is_word(word));
        if let Some(word) = bad.or(twice.map(|(_, word)| word)) {
            faults.push(Fault::new(
                "lists of a description hold words, each once",
                "letters, digits, `_`, `-`, `.`; at most 64",
                format!("{word:?} in {what}"),
                "Octavia's words are spelled as Octavia spells them",
            ));
        }
        if words.len() > LIST {
            faults.push(Fault::new(
                "lists of a description have at most 64 words",
                "64 or fewer",
                format!("{} {what}", words.len()),
                "a plugin that serves that much is several plugins",
            ));
        }
    }
    if of.protocols.is_empty() && of.algorithms.is_empty() {
        faults.push(Fault::new(
            "a plugin serves a protocol or an algorithm",
            "a word in `protocols` or `algorithms`",
            "none",
            "name what the plugin is asked for, in Octavia's spelling",
        ));
    }
    if !of.config_schema.is_empty() {
        let schema = json::parse(&of.config_schema);
        if of.config_schema.len() > SCHEMA || !matches!(schema, Ok(Value::Object(_))) {
            let got = match schema {
                Err(error) => error.to_string(),
                Ok(value) => format!("{} of {} bytes", value.kind(), of.config_schema.len()),
            };
            faults.push(Fault::new(
                "config-schema is a JSON Schema of at most 64 KiB, or empty",
                "an object in JSON",
                got,
                "leave it empty for a plugin without configuration",
            ));
        }
    }
    faults
}

/// Whether the schema of a plugin's configuration says that it cannot be left empty.
pub(crate) fn needs_config(of: &Description) -> bool {
    let schema = json::parse(&of.config_schema);
    matches!(schema.as_ref().map(|s| s.get("required")), Ok(Some(Value::List(list))) if !list.is_empty())
}

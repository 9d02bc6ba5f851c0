//! Words and sentences.

use super::Bad;
use crate::Description;

/// Longest word: a name, a key, a code, a protocol.
const WORD: usize = 64;
/// Longest sentence: a reason, a refusal's words.
const SENTENCE: usize = 2048;
/// Longest option value.
const VALUE: usize = 256;
/// Longest configuration schema.
const SCHEMA: usize = 64 << 10;
/// Most words of a list in a description.
const LIST: usize = 64;

/// A word as schemas and Octavia have them: letters, digits, `_`, `-`, `.`.
pub(super) fn word(what: &str, text: &str) -> Result<(), Bad> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    if text.is_empty() || text.len() > WORD || !text.chars().all(fits) {
        return Err(format!("{what} is not a word: {:?}", crate::state::clip(text, WORD)));
    }
    Ok(())
}

pub(super) fn sentence(what: &str, text: &str) -> Result<(), Bad> {
    if text.len() > SENTENCE {
        return Err(format!("{what} is longer than {SENTENCE} bytes"));
    }
    Ok(())
}

/// Options: each key once and among `granted`, values short and printable.
pub(super) fn options(pairs: &[(String, String)], granted: &[String]) -> Result<(), Bad> {
    let mut seen = std::collections::BTreeSet::new();
    for (key, value) in pairs {
        word("an option", key)?;
        if !granted.contains(key) {
            return Err(format!("option {key} is not among those that the plugin may set"));
        }
        if !seen.insert(key) {
            return Err(format!("option {key} stands twice"));
        }
        if value.len() > VALUE || !value.chars().all(|c| c.is_ascii_graphic() || c == ' ') {
            return Err(format!("option {key} has a value that is too long or not printable"));
        }
    }
    Ok(())
}

/// One of what the schema has, where the host has said what it has.
pub(super) fn known(kind: &str, text: &str, capabilities: &[String]) -> Result<(), Bad> {
    word(kind, text)?;
    let mut said = capabilities.iter().filter_map(|c| c.strip_prefix(kind)?.strip_prefix(':')).peekable();
    if said.peek().is_some() && !said.any(|c| c == text) {
        return Err(format!("the schema has no {kind} {text}"));
    }
    Ok(())
}

/// What a plugin says of itself.
pub(crate) fn description(of: &Description, protocol: bool, algorithm: bool) -> Result<(), Bad> {
    let kebab = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    word("name", &of.name)?;
    if !of.name.chars().all(kebab) {
        return Err(format!("name {} is not kebab-case", of.name));
    }
    sentence("version", &of.version)?;
    if of.config_schema.len() > SCHEMA {
        return Err(format!("config-schema is longer than {SCHEMA} bytes"));
    }
    for (what, words) in
        [("protocols", &of.protocols), ("algorithms", &of.algorithms), ("options", &of.options)]
    {
        if words.len() > LIST {
            return Err(format!("{what} has more than {LIST} words"));
        }
        for (index, each) in words.iter().enumerate() {
            word(what, each)?;
            if words.iter().take(index).any(|w| w == each) {
                return Err(format!("{what} has {each} twice"));
            }
        }
    }
    // Serving a word without the interface, and the other way round, can only be an oversight.
    for (interface, exported, words) in
        [("protocol", protocol, &of.protocols), ("algorithm", algorithm, &of.algorithms)]
    {
        if exported == words.is_empty() {
            return Err(if exported {
                format!("it exports {interface} but names no {interface}s")
            } else {
                format!("it names {interface}s but does not export {interface}")
            });
        }
    }
    Ok(())
}

//! A configuration against the schema that its plugin describes.

use jsonschema::PatternOptions;
use serde_json::Value;

use super::Bad;
use crate::state::clip;

/// Mistakes that are told at once.
const MISTAKES: usize = 5;
/// Longest value that is repeated in a message, in bytes.
const VALUE: usize = 128;

/// Whether a configuration (JSON, or empty) is as a JSON Schema says. Without a schema anything is, without a
/// configuration too: the plugin itself judges both.
///
/// Schemas come from plugins: patterns run in linear time, and nothing is fetched for a `$ref`.
pub(crate) fn schema(schema: &str, config: &str) -> Result<(), Bad> {
    if schema.trim().is_empty() || config.is_empty() {
        return Ok(());
    }
    let schema: Value =
        serde_json::from_str(schema).map_err(|e| format!("the plugin's config-schema is no JSON: {e}"))?;
    let validator = jsonschema::options()
        .with_pattern_options(PatternOptions::regex())
        .build(&schema)
        .map_err(|e| format!("the plugin's config-schema is no JSON Schema: {e}"))?;
    let config: Value = serde_json::from_str(config).map_err(|e| format!("no JSON: {e}"))?;
    let mistake = |error: jsonschema::ValidationError<'_>| {
        let place = error.instance_path().to_string();
        let place = if place.is_empty() { "/".to_owned() } else { place };
        format!("{}: {}", clip(&place, VALUE), clip(&error.to_string(), 2 * VALUE))
    };
    let mistakes: Vec<_> = validator.iter_errors(&config).take(MISTAKES).map(mistake).collect();
    if mistakes.is_empty() { Ok(()) } else { Err(mistakes.join("; ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCHEMA: &str = r#"{
        "type": "object", "additionalProperties": false,
        "properties": { "ports": { "type": "array", "items": { "type": "integer", "maximum": 65535 } } }
    }"#;

    #[test]
    fn a_mistake_is_named_with_its_place_and_value() {
        assert_eq!(schema(SCHEMA, r#"{"ports":[80]}"#), Ok(()));
        let error = schema(SCHEMA, r#"{"ports":[80,70000],"prots":1}"#).unwrap_err();
        assert!(error.contains("/ports/1: 70000"), "{error}");
        assert!(error.contains("prots"), "{error}");
    }

    #[test]
    fn without_a_schema_or_a_configuration_nothing_is_wrong_here() {
        assert_eq!(schema("", r#"{"a":1}"#), Ok(()));
        assert_eq!(schema(SCHEMA, ""), Ok(()));
    }

    #[test]
    fn a_schema_that_is_none_is_the_plugins_mistake() {
        assert!(schema("{", "{}").unwrap_err().contains("config-schema is no JSON"));
        assert!(schema(r#"{"type":5}"#, "{}").unwrap_err().contains("no JSON Schema"));
        // Nothing is fetched.
        assert!(schema(r#"{"$ref":"http://127.0.0.1:9/x"}"#, "{}").is_err());
    }
}

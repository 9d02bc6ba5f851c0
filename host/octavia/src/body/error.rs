//! What is wrong with a body.

use serde_json::Value;

use crate::refusal::{ErrorClass, Refusal};

/// The longest piece of a value that a message repeats, in characters.
const SHOWN: usize = 32;

/// What is wrong with a body. No message holds more of it than a shortened scalar.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// Not JSON at all.
    #[error("the body is not JSON: {0}")]
    NotJson(String),
    /// JSON, but not an object.
    #[error("the body must be a JSON object, got {0}")]
    NotObject(String),
    /// A field of another type, or out of its range.
    #[error("{field}: expected {expected}, got {got}")]
    WrongType {
        /// Full path.
        field: String,
        /// In words.
        expected: String,
        /// The value, shortened.
        got: String,
    },
    /// A field that has to be there.
    #[error("{field}: required")]
    Missing {
        /// Full path.
        field: String,
    },
    /// An id twice.
    #[error("{field}: {id} is named twice")]
    Twice {
        /// Full path of the second one.
        field: String,
        /// The id.
        id: String,
    },
    /// Fields that contradict each other.
    #[error("{field}: {reason}")]
    Inconsistent {
        /// Full path.
        field: String,
        /// In words.
        reason: String,
    },
    /// Well-formed, but an action that this provider does not have.
    #[error("{reason}")]
    NotImplemented {
        /// Stable code.
        code: &'static str,
        /// In words.
        reason: String,
    },
    /// Well-formed, but nothing this provider could honour.
    #[error("{field}: {reason}")]
    Unsupported {
        /// Stable code.
        code: &'static str,
        /// Full path.
        field: String,
        /// In words.
        reason: String,
    },
}

impl BodyError {
    /// Stable code for logs, answers and metrics.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotJson(_) => "malformed-json",
            Self::NotObject(_) => "not-an-object",
            Self::WrongType { .. } => "wrong-type",
            Self::Missing { .. } => "missing-field",
            Self::Twice { .. } => "named-twice",
            Self::Inconsistent { .. } => "inconsistent-fields",
            Self::NotImplemented { code, .. } | Self::Unsupported { code, .. } => code,
        }
    }

    /// A value that is not what it should be.
    pub(crate) fn wrong_type(expected: impl Into<String>, got: &Value) -> Self {
        Self::WrongType { field: String::new(), expected: expected.into(), got: shown(got) }
    }

    /// An IPv6 address with a zone.
    pub(crate) fn scoped_address(got: &Value) -> Self {
        Self::Unsupported {
            code: "scoped-address",
            field: String::new(),
            reason: format!(
                "{} names a zone after %, which is an interface of one machine; give the address without it",
                shown(got)
            ),
        }
    }

    pub(crate) fn missing(field: &str) -> Self {
        Self::Missing { field: field.to_owned() }
    }

    pub(crate) fn inconsistent(field: &str, reason: impl Into<String>) -> Self {
        Self::Inconsistent { field: field.to_owned(), reason: reason.into() }
    }

    /// The error seen one level further out.
    fn within(mut self, outer: &str) -> Self {
        match &mut self {
            Self::NotJson(_) | Self::NotObject(_) | Self::NotImplemented { .. } => {}
            Self::WrongType { field, .. }
            | Self::Missing { field }
            | Self::Twice { field, .. }
            | Self::Inconsistent { field, .. }
            | Self::Unsupported { field, .. } => {
                let dot = if field.is_empty() || field.starts_with('[') { "" } else { "." };
                *field = format!("{outer}{dot}{field}");
            }
        }
        self
    }
}

/// Adds the outer parts of a field's path to an error on its way out, so that no path is built when all is well.
pub(crate) trait Within {
    /// Inside a field.
    fn within(self, outer: &str) -> Self;
    /// Inside an element of a list.
    fn at(self, index: usize) -> Self;
}

impl<T> Within for Result<T, BodyError> {
    fn within(self, outer: &str) -> Self {
        self.map_err(|error| error.within(outer))
    }

    fn at(self, index: usize) -> Self {
        self.map_err(|error| error.within(&format!("[{index}]")))
    }
}

impl From<BodyError> for Refusal {
    fn from(error: BodyError) -> Self {
        let class = match error {
            BodyError::Unsupported { .. } => ErrorClass::UnsupportedOptionError,
            BodyError::NotImplemented { .. } => ErrorClass::NotImplementedError,
            _ => ErrorClass::Malformed,
        };
        Refusal::new(class, error.code(), error.to_string())
    }
}

/// A value as a message may show it: scalars shortened, lists and objects only by kind.
pub(crate) fn shown(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        // A key or certificate that strayed into another field.
        Value::String(text) if text.contains("-----BEGIN") => "a PEM text".to_owned(),
        Value::String(text) => {
            let short: String = text.chars().take(SHOWN).collect();
            let dots = if short.len() < text.len() { "..." } else { "" };
            format!("{:?}", short + dots)
        }
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "an object".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_path_grows_outwards() {
        let error: Result<(), _> = Err(BodyError::missing("address"));
        let error = error.at(2).within("members").within("pool").unwrap_err();
        assert_eq!(error.to_string(), "pool.members[2].address: required");
    }

    #[test]
    fn long_values_and_keys_are_not_repeated() {
        let long = "x".repeat(500);
        assert!(shown(&json!(long)).len() < 50);
        assert_eq!(shown(&json!("-----BEGIN PRIVATE KEY-----abc")), "a PEM text");
        assert_eq!(shown(&json!({"private_key": "secret"})), "an object");
        assert_eq!(shown(&json!(["secret"])), "a list");
        assert_eq!(shown(&json!("80x")), "\"80x\"");
    }
}

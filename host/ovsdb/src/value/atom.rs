use std::cmp::Ordering;

use serde::ser::{Serialize, SerializeTuple, Serializer};
use serde_json::Value;
use uuid::Uuid;

use super::{ValueError, parse_uuid, shown};

/// A finite number with a total order, so that it can stand in sets. Negative zero equals zero.
#[derive(Debug, Clone, Copy)]
pub struct Real(f64);

impl Real {
    /// `None` for infinities and NaN, which JSON cannot carry.
    pub fn new(value: f64) -> Option<Self> {
        // Adding zero turns -0.0 into 0.0.
        value.is_finite().then_some(Self(value + 0.0))
    }

    /// The number.
    pub fn get(self) -> f64 {
        self.0
    }
}

impl PartialEq for Real {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}
impl Eq for Real {}
impl PartialOrd for Real {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Real {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.total_cmp(&other.0)
    }
}

/// An atom (RFC 7047, section 5.1).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Atom {
    /// A 64-bit integer.
    Integer(i64),
    /// A real number that is not written as an integer. (A server writes 1.0 as `1`.)
    Real(Real),
    /// A boolean.
    Boolean(bool),
    /// A string.
    String(String),
    /// The identity of a row.
    Uuid(Uuid),
    /// A row inserted in the same transaction under this name; only in requests.
    NamedUuid(String),
}

impl Atom {
    /// Decodes one atom, taking strings out of the JSON without copying.
    pub fn from_json(json: Value) -> Result<Self, ValueError> {
        match json {
            Value::String(text) => Ok(Self::String(text)),
            Value::Bool(value) => Ok(Self::Boolean(value)),
            Value::Number(number) => match number.as_i64() {
                Some(value) => Ok(Self::Integer(value)),
                None if number.is_f64() => number
                    .as_f64()
                    .and_then(Real::new)
                    .map(Self::Real)
                    .ok_or_else(|| ValueError::Number(number.to_string())),
                None => Err(ValueError::Number(number.to_string())),
            },
            Value::Array(items) => match items.as_slice() {
                [Value::String(tag), Value::String(text)] if tag == "uuid" => {
                    parse_uuid(text).map(Self::Uuid)
                }
                [Value::String(tag), Value::String(text)] if tag == "named-uuid" => {
                    Ok(Self::NamedUuid(text.clone()))
                }
                _ => Err(ValueError::NotAnAtom(shown(&Value::Array(items)))),
            },
            other => Err(ValueError::NotAnAtom(shown(&other))),
        }
    }

    /// The text of a string atom.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// The UUID of a UUID atom.
    pub fn as_uuid(&self) -> Option<Uuid> {
        match self {
            Self::Uuid(id) => Some(*id),
            _ => None,
        }
    }
}

impl Serialize for Atom {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Integer(value) => serializer.serialize_i64(*value),
            Self::Real(value) => serializer.serialize_f64(value.get()),
            Self::Boolean(value) => serializer.serialize_bool(*value),
            Self::String(text) => serializer.serialize_str(text),
            Self::Uuid(id) => {
                tagged(serializer, "uuid", id.hyphenated().encode_lower(&mut Uuid::encode_buffer()))
            }
            Self::NamedUuid(name) => tagged(serializer, "named-uuid", name),
        }
    }
}

fn tagged<S: Serializer>(serializer: S, tag: &str, text: &str) -> Result<S::Ok, S::Error> {
    let mut pair = serializer.serialize_tuple(2)?;
    pair.serialize_element(tag)?;
    pair.serialize_element(text)?;
    pair.end()
}

impl From<i64> for Atom {
    fn from(value: i64) -> Self {
        Self::Integer(value)
    }
}
impl From<bool> for Atom {
    fn from(value: bool) -> Self {
        Self::Boolean(value)
    }
}
impl From<&str> for Atom {
    fn from(value: &str) -> Self {
        Self::String(value.to_owned())
    }
}
impl From<&String> for Atom {
    fn from(value: &String) -> Self {
        Self::String(value.clone())
    }
}
impl From<String> for Atom {
    fn from(value: String) -> Self {
        Self::String(value)
    }
}
impl From<Uuid> for Atom {
    fn from(value: Uuid) -> Self {
        Self::Uuid(value)
    }
}
impl From<&Uuid> for Atom {
    fn from(value: &Uuid) -> Self {
        Self::Uuid(*value)
    }
}

use std::collections::{BTreeMap, BTreeSet};

use serde::ser::{Serialize, SerializeTuple, Serializer};
use serde_json::Value;
use uuid::Uuid;

use super::{Atom, ValueError, shown};

/// A column's value. A scalar is a set of one, an empty optional a set of none.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Datum {
    /// A scalar, an optional or a set.
    Set(BTreeSet<Atom>),
    /// A map.
    Map(BTreeMap<Atom, Atom>),
}

impl Datum {
    /// The empty set (also: an optional without value).
    pub const fn empty_set() -> Self {
        Self::Set(BTreeSet::new())
    }

    /// The empty map.
    pub const fn empty_map() -> Self {
        Self::Map(BTreeMap::new())
    }

    /// A scalar.
    pub fn scalar(atom: impl Into<Atom>) -> Self {
        Self::Set(BTreeSet::from([atom.into()]))
    }

    /// A set of the given atoms.
    pub fn set<A: Into<Atom>>(atoms: impl IntoIterator<Item = A>) -> Self {
        Self::Set(atoms.into_iter().map(Into::into).collect())
    }

    /// A map of the given pairs; the last pair of a repeated key stands.
    pub fn map<K: Into<Atom>, V: Into<Atom>>(pairs: impl IntoIterator<Item = (K, V)>) -> Self {
        Self::Map(pairs.into_iter().map(|(key, value)| (key.into(), value.into())).collect())
    }

    /// A reference to a row inserted in the same transaction with that name.
    pub fn named_uuid(name: impl Into<String>) -> Self {
        Self::scalar(Atom::NamedUuid(name.into()))
    }

    /// Decodes a value, taking strings out of the JSON without copying.
    pub fn from_json(json: Value) -> Result<Self, ValueError> {
        let Value::Array(mut items) = json else {
            return Atom::from_json(json).map(Self::scalar);
        };
        match items.as_mut_slice() {
            [Value::String(tag), Value::Array(elements)] if tag == "set" => {
                decode_set(std::mem::take(elements)).map(Self::Set)
            }
            [Value::String(tag), Value::Array(pairs)] if tag == "map" => {
                decode_map(std::mem::take(pairs)).map(Self::Map)
            }
            [Value::String(tag), _] if tag == "uuid" || tag == "named-uuid" => {
                Atom::from_json(Value::Array(items)).map(Self::scalar)
            }
            _ => Err(ValueError::NotAValue(shown(&Value::Array(items)))),
        }
    }

    /// The only element of a set of one.
    pub fn as_atom(&self) -> Option<&Atom> {
        match self {
            Self::Set(set) if set.len() == 1 => set.first(),
            _ => None,
        }
    }

    /// The text of a string scalar.
    pub fn as_str(&self) -> Option<&str> {
        self.as_atom()?.as_str()
    }

    /// The UUID of a reference scalar.
    pub fn as_uuid(&self) -> Option<Uuid> {
        self.as_atom()?.as_uuid()
    }

    /// A boolean scalar.
    pub fn as_bool(&self) -> Option<bool> {
        match self.as_atom()? {
            Atom::Boolean(value) => Some(*value),
            _ => None,
        }
    }

    /// An integer scalar.
    pub fn as_int(&self) -> Option<i64> {
        match self.as_atom()? {
            Atom::Integer(value) => Some(*value),
            _ => None,
        }
    }

    /// A number scalar, whether the server wrote it as an integer or not.
    pub fn as_real(&self) -> Option<f64> {
        match self.as_atom()? {
            Atom::Real(value) => Some(value.get()),
            #[allow(clippy::cast_precision_loss)]
            Atom::Integer(value) => Some(*value as f64),
            _ => None,
        }
    }

    /// The elements of a set, in order; nothing for a map.
    pub fn atoms(&self) -> impl Iterator<Item = &Atom> {
        match self {
            Self::Set(set) => Some(set.iter()),
            Self::Map(_) => None,
        }
        .into_iter()
        .flatten()
    }

    /// The strings of a set, in order.
    pub fn strings(&self) -> impl Iterator<Item = &str> {
        self.atoms().filter_map(Atom::as_str)
    }

    /// The UUIDs of a set, in order.
    pub fn uuids(&self) -> impl Iterator<Item = Uuid> {
        self.atoms().filter_map(Atom::as_uuid)
    }

    /// The string value of a string key of a map.
    pub fn map_get(&self, key: &str) -> Option<&str> {
        match self {
            Self::Map(map) => map.get(&Atom::String(key.to_owned())).and_then(Atom::as_str),
            Self::Set(_) => None,
        }
    }

    /// The pairs of a map whose key and value are strings.
    pub fn string_pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        match self {
            Self::Map(map) => Some(map.iter()),
            Self::Set(_) => None,
        }
        .into_iter()
        .flatten()
        .filter_map(|(key, value)| Some((key.as_str()?, value.as_str()?)))
    }

    /// The same as an owned map.
    pub fn string_map(&self) -> BTreeMap<String, String> {
        self.string_pairs().map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
    }

    /// Number of elements or pairs.
    pub fn len(&self) -> usize {
        match self {
            Self::Set(set) => set.len(),
            Self::Map(map) => map.len(),
        }
    }

    /// True for the empty set and the empty map.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

fn decode_set(elements: Vec<Value>) -> Result<BTreeSet<Atom>, ValueError> {
    let mut set = BTreeSet::new();
    for element in elements {
        let atom = Atom::from_json(element)?;
        if let Some(twice) = set.replace(atom) {
            return Err(ValueError::Duplicate(super::excerpt(&format!("{twice:?}"))));
        }
    }
    Ok(set)
}

fn decode_map(pairs: Vec<Value>) -> Result<BTreeMap<Atom, Atom>, ValueError> {
    let mut map = BTreeMap::new();
    for pair in pairs {
        let Value::Array(pair) = pair else {
            return Err(ValueError::NotAValue(shown(&pair)));
        };
        let [key, value] =
            <[Value; 2]>::try_from(pair).map_err(|pair| ValueError::NotAValue(shown(&Value::Array(pair))))?;
        let key = Atom::from_json(key)?;
        if map.contains_key(&key) {
            return Err(ValueError::Duplicate(super::excerpt(&format!("{key:?}"))));
        }
        map.insert(key, Atom::from_json(value)?);
    }
    Ok(map)
}

impl Serialize for Datum {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if let Some(atom) = self.as_atom() {
            return atom.serialize(serializer);
        }
        let mut tagged = serializer.serialize_tuple(2)?;
        match self {
            Self::Set(set) => {
                tagged.serialize_element("set")?;
                tagged.serialize_element(set)?;
            }
            Self::Map(map) => {
                tagged.serialize_element("map")?;
                tagged.serialize_element(&Pairs(map))?;
            }
        }
        tagged.end()
    }
}

struct Pairs<'a>(&'a BTreeMap<Atom, Atom>);

impl Serialize for Pairs<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0)
    }
}

impl<A: Into<Atom>> From<A> for Datum {
    fn from(value: A) -> Self {
        Self::scalar(value)
    }
}
impl From<BTreeMap<String, String>> for Datum {
    fn from(value: BTreeMap<String, String>) -> Self {
        Self::map(value)
    }
}
impl From<&BTreeMap<String, String>> for Datum {
    fn from(value: &BTreeMap<String, String>) -> Self {
        Self::map(value)
    }
}
impl From<BTreeSet<Atom>> for Datum {
    fn from(value: BTreeSet<Atom>) -> Self {
        Self::Set(value)
    }
}

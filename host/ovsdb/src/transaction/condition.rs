use serde::ser::{Serialize, SerializeTuple, Serializer};
use uuid::Uuid;

use crate::value::Datum;

/// A condition of a `where` clause (RFC 7047, section 5.1). All conditions of a clause must hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// The column.
    pub column: String,
    /// How it is compared.
    pub function: Function,
    /// What it is compared with.
    pub value: Datum,
}

/// The comparison of a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Function {
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
    /// `includes`: the column has all elements or pairs of the value.
    Includes,
    /// `excludes`: the column has none of them.
    Excludes,
    /// `<`, numbers only.
    Less,
    /// `<=`, numbers only.
    LessOrEqual,
    /// `>=`, numbers only.
    GreaterOrEqual,
    /// `>`, numbers only.
    Greater,
}

impl Function {
    fn word(self) -> &'static str {
        match self {
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::Includes => "includes",
            Self::Excludes => "excludes",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::GreaterOrEqual => ">=",
            Self::Greater => ">",
        }
    }
}

impl Condition {
    /// Any comparison.
    pub fn new(column: impl Into<String>, function: Function, value: impl Into<Datum>) -> Self {
        Self { column: column.into(), function, value: value.into() }
    }

    /// The row with this identity.
    pub fn by_uuid(id: Uuid) -> Self {
        Self::eq("_uuid", id)
    }

    /// The row inserted under this name by an earlier operation of the transaction.
    pub fn by_name(uuid_name: impl Into<String>) -> Self {
        Self::eq("_uuid", Datum::named_uuid(uuid_name))
    }

    /// The column equals the value.
    pub fn eq(column: impl Into<String>, value: impl Into<Datum>) -> Self {
        Self::new(column, Function::Equal, value)
    }

    /// The column differs from the value.
    pub fn ne(column: impl Into<String>, value: impl Into<Datum>) -> Self {
        Self::new(column, Function::NotEqual, value)
    }

    /// The column has all elements or pairs of the value.
    pub fn includes(column: impl Into<String>, value: impl Into<Datum>) -> Self {
        Self::new(column, Function::Includes, value)
    }

    /// The column has none of the elements or pairs of the value.
    pub fn excludes(column: impl Into<String>, value: impl Into<Datum>) -> Self {
        Self::new(column, Function::Excludes, value)
    }
}

impl Serialize for Condition {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        triple(serializer, &self.column, self.function.word(), &self.value)
    }
}

/// A change of a column in place (RFC 7047, section 5.1). Elements that are there already, or not there, are no error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mutation {
    /// The column.
    pub column: String,
    /// What is done to it.
    pub mutator: Mutator,
    /// With what.
    pub value: Datum,
}

/// What a mutation does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mutator {
    /// `insert`: elements of a set, pairs of a map (a key that is there keeps its value).
    Insert,
    /// `delete`: elements of a set; of a map, keys (given as a set) or exact pairs (given as a map).
    Delete,
    /// `+=`, numbers only.
    Add,
    /// `-=`, numbers only.
    Subtract,
}

impl Mutation {
    /// Adds elements or pairs.
    pub fn insert(column: impl Into<String>, value: impl Into<Datum>) -> Self {
        Self { column: column.into(), mutator: Mutator::Insert, value: value.into() }
    }

    /// Takes elements, pairs or keys out.
    pub fn delete(column: impl Into<String>, value: impl Into<Datum>) -> Self {
        Self { column: column.into(), mutator: Mutator::Delete, value: value.into() }
    }

    /// Adds to a number.
    pub fn add(column: impl Into<String>, value: impl Into<Datum>) -> Self {
        Self { column: column.into(), mutator: Mutator::Add, value: value.into() }
    }

    /// Subtracts from a number.
    pub fn subtract(column: impl Into<String>, value: impl Into<Datum>) -> Self {
        Self { column: column.into(), mutator: Mutator::Subtract, value: value.into() }
    }
}

impl Serialize for Mutation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let word = match self.mutator {
            Mutator::Insert => "insert",
            Mutator::Delete => "delete",
            Mutator::Add => "+=",
            Mutator::Subtract => "-=",
        };
        triple(serializer, &self.column, word, &self.value)
    }
}

fn triple<S: Serializer>(serializer: S, column: &str, word: &str, value: &Datum) -> Result<S::Ok, S::Error> {
    let mut triple = serializer.serialize_tuple(3)?;
    triple.serialize_element(column)?;
    triple.serialize_element(word)?;
    triple.serialize_element(value)?;
    triple.end()
}

//! Transactions (RFC 7047, sections 4.1.3 and 5.2): operations, conditions, results.

mod condition;
mod error;
mod operation;
mod reply;

pub use condition::{Condition, Function, Mutation, Mutator};
pub use error::TransactError;
pub use operation::{Operation, Until};
pub use reply::{OperationResult, parse_reply};

/// The `params` of a `transact` request, serialised: `["DATABASE", operation, ...]`.
pub fn encode_params(database: &str, operations: &[Operation]) -> Result<String, TransactError> {
    use serde::ser::{SerializeSeq, Serializer};

    let mut bytes = Vec::with_capacity(256 * operations.len() + 32);
    let mut serializer = serde_json::Serializer::new(&mut bytes);
    let written = serializer.serialize_seq(Some(operations.len() + 1)).and_then(|mut params| {
        params.serialize_element(database)?;
        for operation in operations {
            params.serialize_element(operation)?;
        }
        params.end()
    });
    written.map_err(|error| TransactError::Malformed(error.to_string()))?;
    String::from_utf8(bytes).map_err(|error| TransactError::Malformed(error.to_string()))
}

#[cfg(test)]
mod tests;

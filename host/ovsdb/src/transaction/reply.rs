use serde_json::Value;
use uuid::Uuid;

use super::TransactError;
use crate::value::{Datum, Row, shown};

/// What an operation answered. Which members are there depends on the operation (RFC 7047, section 5.2).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OperationResult {
    /// Rows that update, mutate or delete selected.
    pub count: Option<u64>,
    /// Identity of the inserted row.
    pub uuid: Option<Uuid>,
    /// What select read.
    pub rows: Option<Vec<Row>>,
}

/// Reads the reply to a transaction of `count` operations.
pub fn parse_reply(count: usize, result: Value, error: Value) -> Result<Vec<OperationResult>, TransactError> {
    if !error.is_null() {
        let (error, details) = error_words(&error);
        return Err(TransactError::Refused { error, details });
    }
    let Value::Array(elements) = result else {
        return Err(TransactError::Malformed(shown(&result)));
    };
    if let Some((index, element)) =
        elements.iter().enumerate().find(|(_, element)| element.get("error").is_some())
    {
        let (error, details) = error_words(element);
        return Err(TransactError::Operation { index, error, details });
    }
    if elements.len() != count {
        return Err(TransactError::Malformed(format!("{} results for {count} operations", elements.len())));
    }
    elements.into_iter().map(parse_element).collect()
}

/// An error is an object of `error` and `details`, or (as in `canceled`) bare text.
fn error_words(json: &Value) -> (String, String) {
    let text = |key: &str| json.get(key).and_then(Value::as_str).map(str::to_owned);
    let error = text("error").or_else(|| json.as_str().map(str::to_owned)).unwrap_or_else(|| shown(json));
    (error, text("details").unwrap_or_default())
}

fn parse_element(element: Value) -> Result<OperationResult, TransactError> {
    let Value::Object(mut object) = element else {
        return Err(TransactError::Malformed(shown(&element)));
    };
    let malformed = |error: crate::value::ValueError| TransactError::Malformed(error.to_string());
    let uuid = object.remove("uuid").map(Datum::from_json).transpose().map_err(malformed)?;
    let rows = match object.remove("rows") {
        Some(Value::Array(rows)) => {
            Some(rows.into_iter().map(Row::from_json).collect::<Result<_, _>>().map_err(malformed)?)
        }
        _ => None,
    };
    Ok(OperationResult {
        count: object.get("count").and_then(Value::as_u64),
        uuid: uuid.and_then(|uuid| uuid.as_uuid()),
        rows,
    })
}

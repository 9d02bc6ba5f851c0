//! Answers of the API document.

use serde_json::{Map, Value, json};

/// An answer whose body has one of the schemas.
pub fn json_answer(description: &str, schema: &str) -> Value {
    json!({
        "description": description,
        "content": { "application/json": { "schema": { "$ref": format!("#/components/schemas/{schema}") } } },
    })
}

/// An answer in the one form of all errors.
pub fn error(description: &str) -> Value {
    json_answer(description, "Error")
}

/// Errors by HTTP status, and whatever else.
pub fn errors(statuses: &[&str]) -> Map<String, Value> {
    let mut answers: Map<_, _> =
        statuses.iter().map(|status| ((*status).to_owned(), error(meaning(status)))).collect();
    answers.insert("default".to_owned(), json!({ "$ref": "#/components/responses/Error" }));
    answers
}

fn meaning(status: &str) -> &'static str {
    match status {
        "400" => {
            "Malformed or of a wrong type, or a query parameter that this path does not take; user_fault_string names it."
        }
        "401" => "The token is missing or wrong.",
        "404" => "Not known.",
        "409" => "Conflict: an address is in use.",
        "408" => "The body did not arrive in time.",
        "413" => "The body is too large.",
        "422" => "UnsupportedOptionError.",
        "501" => "NotImplementedError.",
        "503" => "The host cannot accept now.",
        _ => "DriverError.",
    }
}

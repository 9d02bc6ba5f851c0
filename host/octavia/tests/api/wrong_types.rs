//! A wrong type in every place of every recorded body.

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::recorder::{Answer, driver, recorded};

/// Fields that are never looked at: what may hold keys, and of an object that is on its way out or only for
/// information all but its ids.
fn ignored(method: &str, path: &str) -> bool {
    let Some((object, inner)) = path.split_once('.') else { return false };
    let ids: &[&str] = match object.trim_start_matches("old_") {
        "loadbalancer" => &["loadbalancer_id"],
        "listener" => &["listener_id", "loadbalancer_id"],
        "pool" => &["pool_id", "loadbalancer_id"],
        "member" => &["member_id", "pool_id"],
        "healthmonitor" => &["healthmonitor_id", "pool_id"],
        "l7policy" => &["l7policy_id", "listener_id"],
        "l7rule" => &["l7rule_id", "l7policy_id"],
        _ => &[],
    };
    let refused = method.starts_with("l7") && !method.ends_with("_delete");
    let ids_only = !refused && (object.starts_with("old_") || method.ends_with("_delete"));
    path.contains("container_data") || ids_only && !ids.contains(&inner)
}

/// A field that is used if it can be: what kind a monitor was.
const HINT: &str = "old_healthmonitor.type";

/// Fields that are objects of any kind.
const MAPS: [&str; 5] =
    ["flavor", "availability_zone", "insert_headers", "flavor_metadata", "availability_zone_metadata"];

/// Fields that may be a name too.
const PROFILES: [&str; 2] = ["flavor", "availability_zone"];

fn places(value: &Value, pointer: &str, path: &str, found: &mut Vec<(String, String)>) {
    if !path.is_empty() && path != HINT {
        found.push((pointer.to_owned(), path.to_owned()));
    }
    match value {
        // What is in a map of any kind has no type.
        Value::Object(_) if MAPS.iter().any(|map| path.ends_with(map)) => {}
        Value::Object(map) => {
            for (key, inner) in map {
                let dot = if path.is_empty() { "" } else { "." };
                places(inner, &format!("{pointer}/{key}"), &format!("{path}{dot}{key}"), found);
            }
        }
        Value::Array(list) => {
            for (index, inner) in list.iter().enumerate() {
                places(inner, &format!("{pointer}/{index}"), &format!("{path}[{index}]"), found);
            }
        }
        _ => {}
    }
}

#[tokio::test]
async fn every_wrong_type_is_refused_by_its_name() {
    let mut checked = 0;
    for (label, method, args) in recorded() {
        let mut found = Vec::new();
        places(&args, "", "", &mut found);
        for (pointer, path) in found.into_iter().filter(|(_, path)| !ignored(&method, path)) {
            // No field of any object may be a list of lists, and none but maps may be this object.
            let mut wrong = vec![json!([["x"]])];
            let name = path.rsplit('.').next().unwrap();
            match args.pointer(&pointer).unwrap() {
                Value::String(_) => wrong.extend([json!(true), json!(7), json!({ "k": 1 })]),
                Value::Number(_) => wrong.extend([json!("x"), json!(true), json!({})]),
                Value::Bool(_) => wrong.extend([json!("true"), json!(1), json!({})]),
                Value::Object(_) if PROFILES.contains(&name) => wrong.push(json!(1)),
                Value::Object(_) => wrong.extend([json!("x"), json!(1)]),
                Value::Array(_) => wrong.extend([json!("x"), json!({})]),
                Value::Null => {}
            }
            if name.ends_with("_id") && name != "project_id" || name.ends_with("address") {
                wrong.extend([json!("x"), json!("")]);
            }
            for wrong in wrong {
                let mut args = args.clone();
                *args.pointer_mut(&pointer).unwrap() = wrong.clone();
                let answer = driver(&method, &args).await.expect_err(&format!("{label}: {path} = {wrong}"));
                let (code, text) = answer.error();
                let context = format!("{label}: {path} = {wrong}: {text}");
                assert_eq!(
                    (answer.status, code.as_str()),
                    (StatusCode::BAD_REQUEST, "wrong-type"),
                    "{context}"
                );
                assert!(text.starts_with(&path), "{context}");
                checked += 1;
            }
        }
    }
    assert!(checked > 4_000, "{checked}");
}

#[tokio::test]
async fn what_is_not_looked_at_makes_no_difference() {
    let mut checked = 0;
    for (label, method, args) in recorded() {
        let outcome = |answer: Result<_, Answer>| answer.map_err(|answer| answer.text);
        let wanted = outcome(driver(&method, &args).await);
        let mut found = Vec::new();
        places(&args, "", "", &mut found);
        for (pointer, path) in found.into_iter().filter(|(_, path)| ignored(&method, path)) {
            let mut args = args.clone();
            *args.pointer_mut(&pointer).unwrap() = json!([["x"]]);
            assert_eq!(outcome(driver(&method, &args).await), wanted, "{label}: {path}");
            checked += 1;
        }
    }
    assert!(checked > 500, "{checked}");
}

#[tokio::test]
async fn nothing_of_a_key_is_repeated() {
    let secret = "-----BEGIN PRIVATE KEY-----\nMIIEvQ-marker";
    for (_, method, args) in recorded() {
        let mut found = Vec::new();
        places(&args, "", "", &mut found);
        for (pointer, _) in found {
            let mut args = args.clone();
            *args.pointer_mut(&pointer).unwrap() = json!(secret);
            if let Err(answer) = driver(&method, &args).await {
                assert!(!answer.text.contains("marker"), "{}", answer.text);
            }
        }
    }
}

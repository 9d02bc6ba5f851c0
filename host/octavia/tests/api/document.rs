//! The API document.

use std::{collections::BTreeSet, path::PathBuf, sync::Arc};

use axum::{
    body::Body,
    http::{Method, Request},
};
use serde_json::Value;
use weir_octavia::{METHODS, openapi};

use crate::recorder::{LB, Recorder, api, get, recorded, send};

#[tokio::test]
async fn the_document_checked_in_is_the_one_served() {
    let served = get(&Arc::new(Recorder::default()), "/openapi.json").await.json();
    assert_eq!(served, openapi());
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("openapi.json");
    let text = serde_json::to_string_pretty(&served).unwrap() + "\n";
    if std::env::var_os("WEIR_BLESS").is_some_and(|bless| bless == "1") {
        std::fs::write(&file, &text).unwrap();
    }
    let checked_in = std::fs::read_to_string(&file).unwrap();
    assert!(checked_in == text, "openapi.json is not what the code says: run this test with WEIR_BLESS=1");
}

#[tokio::test]
async fn every_operation_of_the_document_is_served_and_no_other() {
    let document = openapi();
    let recorder = Arc::new(Recorder::default());
    let verbs = [Method::GET, Method::POST, Method::PUT, Method::DELETE, Method::PATCH];
    for (path, item) in document["paths"].as_object().unwrap() {
        for verb in &verbs {
            let described = item.get(verb.as_str().to_lowercase()).is_some();
            let request =
                Request::builder().method(verb).uri(path.replace("{id}", LB)).body(Body::empty()).unwrap();
            let answer = send(api(&recorder), request).await;
            let there =
                !answer.text.contains("\"method-not-allowed\"") && !answer.text.contains("\"unknown-path\"");
            assert_eq!(there, described, "{verb} {path}");
        }
    }
}

#[test]
fn every_method_and_path_of_the_contract_is_described() {
    let document = openapi();
    for method in METHODS {
        let path = format!("/v1/driver/{}", method.name);
        let operation = &document["paths"][&path]["post"];
        assert_eq!(operation["operationId"], method.name);
        assert!(operation["requestBody"]["content"]["application/json"]["schema"].is_object());
        assert!(operation["responses"]["400"].is_object(), "{path}");
    }
    for path in [
        "/v1/loadbalancers",
        "/v1/loadbalancers/{id}",
        "/v1/loadbalancers/{id}/reconcile",
        "/v1/loadbalancers/{id}/pause",
        "/v1/loadbalancers/{id}/resume",
        "/v1/pause",
        "/v1/resume",
        "/v1/changes/{id}",
        "/v1/plugins",
        "/healthz",
        "/readyz",
        "/metrics",
        "/openapi.json",
    ] {
        assert!(document["paths"][path].is_object(), "{path}");
    }
}

#[test]
fn every_reference_leads_somewhere() {
    fn references<'a>(value: &'a Value, found: &mut BTreeSet<&'a str>) {
        match value {
            Value::Object(map) => {
                found.extend(map.get("$ref").and_then(Value::as_str));
                map.values().for_each(|inner| references(inner, found));
            }
            Value::Array(list) => list.iter().for_each(|inner| references(inner, found)),
            _ => {}
        }
    }
    let document = openapi();
    let mut found = BTreeSet::new();
    references(&document, &mut found);
    assert!(found.len() > 10, "{found:?}");
    for reference in found {
        assert!(document.pointer(reference.strip_prefix('#').unwrap()).is_some(), "{reference}");
    }
}

/// The objects of the recorded bodies have no field that the document lacks.
#[test]
fn every_recorded_field_is_described() {
    let document = openapi();
    let resolve = |mut schema: Value| {
        loop {
            let next = schema
                .get("$ref")
                .or_else(|| schema.pointer("/allOf/0/$ref"))
                .or_else(|| schema.pointer("/oneOf/0/$ref"));
            match next.and_then(Value::as_str) {
                Some(reference) => schema = document.pointer(&reference[1..]).unwrap().clone(),
                None => match schema.pointer("/oneOf/0") {
                    Some(inner) => schema = inner.clone(),
                    None => return schema,
                },
            }
        }
    };
    fn walk(value: &Value, schema: Value, resolve: &dyn Fn(Value) -> Value, path: &str) {
        let schema = resolve(schema);
        match value {
            Value::Object(map) if schema.get("properties").is_some() => {
                for (key, inner) in map {
                    let property = schema["properties"].get(key).unwrap_or_else(|| panic!("{path}.{key}"));
                    walk(inner, property.clone(), resolve, &format!("{path}.{key}"));
                }
            }
            Value::Array(list) if schema.get("items").is_some() => {
                list.iter().for_each(|inner| walk(inner, schema["items"].clone(), resolve, path));
            }
            _ => {}
        }
    }
    for (label, method, args) in recorded() {
        let schema = document["paths"][format!("/v1/driver/{method}")]["post"]["requestBody"]["content"]["application/json"]["schema"].clone();
        walk(&args, schema, &resolve, &label);
    }
}

//! The read API, and paths that are not there.

use std::sync::Arc;

use axum::{
    body::Body,
    http::{Method, Request, StatusCode, header::CONTENT_TYPE},
};
use serde_json::json;

use crate::recorder::{LB, POOL, Recorder, api, get, post, send};

#[tokio::test]
async fn load_balancers_and_plugins() {
    let recorder = Arc::new(Recorder::default());
    assert_eq!(get(&recorder, "/v1/loadbalancers").await.json(), json!([]));
    assert_eq!(get(&recorder, &format!("/v1/loadbalancers/{LB}")).await.json(), json!({ "id": LB }));
    assert_eq!(get(&recorder, "/v1/plugins").await.json(), json!([{ "name": "tcp" }]));
    let answer = get(&recorder, &format!("/v1/loadbalancers/{POOL}")).await;
    assert_eq!(
        (answer.status, answer.error().0.as_str()),
        (StatusCode::NOT_FOUND, "load-balancer-not-found")
    );
    assert_eq!(get(&recorder, "/v1/loadbalancers/x").await.error().0, "bad-id");
}

#[tokio::test]
async fn plugin_sets_are_reloaded_and_confirmed() {
    let recorder = Arc::new(Recorder::default());
    let answer = post(&recorder, "/v1/plugins/reload", "").await;
    assert_eq!(answer.json(), json!({ "outcome": "unchanged" }));
    let answer = post(&recorder, "/v1/plugins/confirm/waiting", "").await;
    assert_eq!(answer.json(), json!({ "outcome": "swapped", "set": "waiting" }));
    let answer = post(&recorder, "/v1/plugins/confirm/other", "").await;
    assert_eq!((answer.status, answer.error().0.as_str()), (StatusCode::NOT_FOUND, "plugin-set-not-found"));
}

#[tokio::test]
async fn reconcile_for_real_and_dry() {
    let recorder = Arc::new(Recorder::default());
    for (query, dry_run) in [("", false), ("?dry_run=true", true), ("?dry_run=false", false)] {
        let answer = post(&recorder, &format!("/v1/loadbalancers/{LB}/reconcile{query}"), "").await;
        assert_eq!(answer.json(), json!({ "operations": [] }));
        assert_eq!(recorder.reconciled.lock().unwrap().pop(), Some((LB.parse().unwrap(), dry_run)));
    }
    let answer = post(&recorder, &format!("/v1/loadbalancers/{LB}/reconcile?dry_run=yes"), "").await;
    assert_eq!(answer.error().0, "bad-query");
    assert!(recorder.reconciled.lock().unwrap().is_empty());
}

#[tokio::test]
async fn unknown_query_parameter_is_refused_before_anything_is_done() {
    let recorder = Arc::new(Recorder::default());
    for path in ["sync", "release", "pause", "resume", "plugins/reload"] {
        let answer = post(&recorder, &format!("/v1/{path}?dryrun=true"), "").await;
        assert_eq!(
            (answer.status, answer.error().0.as_str()),
            (StatusCode::BAD_REQUEST, "bad-query"),
            "{path}"
        );
    }
    let answer = post(&recorder, &format!("/v1/loadbalancers/{LB}/reconcile?dryRun=true"), "").await;
    assert_eq!(answer.error().0, "bad-query");
    assert!(recorder.reconciled.lock().unwrap().is_empty());
    let answer = post(&recorder, "/v1/driver/loadbalancer_failover?dry_run=true", "").await;
    assert_eq!(answer.error().0, "bad-query");
    assert_eq!(get(&recorder, "/v1/loadbalancers?limit=1").await.error().0, "bad-query");
    // Probes and scrapers add names of their own.
    for path in ["/healthz?t=1", "/readyz?t=1", "/metrics?collect[]=all"] {
        assert_eq!(get(&recorder, path).await.status, StatusCode::OK, "{path}");
    }
}

#[tokio::test]
async fn changes_by_id_or_key() {
    let recorder = Arc::new(Recorder::default());
    let answer = get(&recorder, "/v1/changes/key%201%2Fa").await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(
        (answer.json()["state"].as_str(), answer.json()["id"].as_str()),
        (Some("pending"), Some("key 1/a"))
    );
    let answer = get(&recorder, "/v1/changes/other").await;
    assert_eq!((answer.status, answer.error().0.as_str()), (StatusCode::NOT_FOUND, "change-not-found"));
    let answer =
        send(api(&recorder), Request::delete("/v1/changes/other").body(Body::empty()).unwrap()).await;
    assert_eq!((answer.status, answer.json()["state"].as_str()), (StatusCode::OK, Some("abandoned")));
    let long = format!("/v1/changes/{}", "k".repeat(129));
    assert_eq!(get(&recorder, &long).await.error().0, "bad-idempotency-key");
    assert_eq!(get(&recorder, "/v1/changes/%7f").await.error().0, "bad-idempotency-key");
    assert_eq!(get(&recorder, "/v1/changes/%ff").await.error().0, "bad-path");
}

#[tokio::test]
async fn health_and_readiness() {
    let recorder = Arc::new(Recorder::default());
    assert_eq!(get(&recorder, "/healthz").await.status, StatusCode::OK);
    let answer = get(&recorder, "/readyz").await;
    assert_eq!((answer.status, answer.json()["ready"].as_bool()), (StatusCode::OK, Some(true)));
    let unready = Arc::new(Recorder { unready: true, ..Recorder::default() });
    let answer = get(&unready, "/readyz").await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    let wanted = json!({ "ready": false, "conditions": [{ "name": "replica-synced", "ok": false, "detail": "as told" }] });
    assert_eq!(answer.json(), wanted);
    assert_eq!(get(&unready, "/healthz").await.status, StatusCode::OK);
}

#[tokio::test]
async fn metrics_are_open_metrics() {
    let answer = get(&Arc::new(Recorder::default()), "/metrics").await;
    assert_eq!(answer.headers[CONTENT_TYPE], "application/openmetrics-text; version=1.0.0; charset=utf-8");
    assert_eq!(answer.text, "# EOF\n");
}

#[tokio::test]
async fn what_is_not_there_is_an_error_in_json() {
    let recorder = Arc::new(Recorder::default());
    for (method, path, status, code) in [
        (Method::POST, "/v1/driver/loadbalancer_explode", 404, "unknown-method"),
        (Method::POST, "/v1/driver/", 404, "unknown-path"),
        (Method::GET, "/v1/driver/listener_create", 405, "method-not-allowed"),
        (Method::PUT, "/v1/driver/listener_create", 405, "method-not-allowed"),
        (Method::DELETE, "/v1/loadbalancers", 405, "method-not-allowed"),
        (Method::PATCH, "/v1/changes/a", 405, "method-not-allowed"),
        (Method::GET, "/", 404, "unknown-path"),
        (Method::GET, "/v2/loadbalancers", 404, "unknown-path"),
    ] {
        let answer =
            send(api(&recorder), Request::builder().method(&method).uri(path).body(Body::empty()).unwrap())
                .await;
        assert_eq!((answer.status.as_u16(), answer.error().0.as_str()), (status, code), "{method} {path}");
    }
}

#[tokio::test]
async fn one_load_balancer_or_all_are_paused_and_resumed() {
    let recorder = Arc::new(Recorder::default());
    for (path, of, paused) in [
        (format!("/v1/loadbalancers/{LB}/pause"), json!(LB), true),
        (format!("/v1/loadbalancers/{LB}/resume"), json!(LB), false),
        ("/v1/pause".to_owned(), json!(null), true),
        ("/v1/resume".to_owned(), json!(null), false),
    ] {
        let answer = post(&recorder, &path, "").await;
        assert_eq!(answer.json(), json!({ "of": of, "paused": paused }), "{path}");
    }
    assert_eq!(post(&recorder, "/v1/loadbalancers/x/pause", "").await.error().0, "bad-id");
}

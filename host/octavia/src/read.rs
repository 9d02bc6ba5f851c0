//! The read API and what stands beside it.

use std::sync::Arc;

use axum::{
    Json,
    extract::{RawQuery, State},
    http::{
        StatusCode,
        header::{CONTENT_TYPE, HeaderValue},
    },
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};
use weir_model::LoadBalancerId;

use crate::{
    call::{Segment, checked_key},
    provider::{ChangeState, Readiness},
    query,
    refusal::Refusal,
    routes::Api,
};

const OPEN_METRICS: HeaderValue =
    HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");

pub(crate) async fn load_balancers(State(api): State<Arc<Api>>) -> Json<Value> {
    Json(api.provider.load_balancers())
}

pub(crate) async fn load_balancer(
    State(api): State<Arc<Api>>,
    Segment(id): Segment,
) -> Result<Json<Value>, Refusal> {
    let id = load_balancer_id(&id)?;
    api.provider.load_balancer(id).map(Json).ok_or_else(|| {
        Refusal::not_found("load-balancer-not-found", format!("load balancer {id} is not known"))
    })
}

pub(crate) async fn reconcile(
    State(api): State<Arc<Api>>,
    Segment(id): Segment,
    RawQuery(query): RawQuery,
) -> Result<Json<Value>, Refusal> {
    let dry_run = query::dry_run(query.as_deref().unwrap_or_default())?;
    api.provider.reconcile(load_balancer_id(&id)?, dry_run).await.map(Json)
}

pub(crate) async fn pause(State(api): State<Arc<Api>>, Segment(id): Segment) -> Result<Json<Value>, Refusal> {
    api.provider.pause(Some(load_balancer_id(&id)?), true).await.map(Json)
}

pub(crate) async fn resume(
    State(api): State<Arc<Api>>,
    Segment(id): Segment,
) -> Result<Json<Value>, Refusal> {
    api.provider.pause(Some(load_balancer_id(&id)?), false).await.map(Json)
}

pub(crate) async fn pause_all(State(api): State<Arc<Api>>) -> Result<Json<Value>, Refusal> {
    api.provider.pause(None, true).await.map(Json)
}

pub(crate) async fn resume_all(State(api): State<Arc<Api>>) -> Result<Json<Value>, Refusal> {
    api.provider.pause(None, false).await.map(Json)
}

pub(crate) async fn sync(
    State(api): State<Arc<Api>>,
    RawQuery(query): RawQuery,
) -> Result<Json<Value>, Refusal> {
    let request = query::sync(query.as_deref().unwrap_or_default())?;
    api.provider.sync(request).await.map(Json)
}

pub(crate) async fn release(
    State(api): State<Arc<Api>>,
    RawQuery(query): RawQuery,
) -> Result<Json<Value>, Refusal> {
    let request = query::release(query.as_deref().unwrap_or_default())?;
    api.provider.release(request).await.map(Json)
}

pub(crate) async fn change_state(
    State(api): State<Arc<Api>>,
    Segment(key): Segment,
) -> Result<Json<ChangeState>, Refusal> {
    let key = checked_key(key.as_bytes())?;
    api.provider
        .change_state(&key)
        .await
        .map(Json)
        .ok_or_else(|| Refusal::not_found("change-not-found", "no such change was accepted"))
}

pub(crate) async fn abandon(
    State(api): State<Arc<Api>>,
    Segment(key): Segment,
) -> Result<Json<ChangeState>, Refusal> {
    api.provider.abandon(&checked_key(key.as_bytes())?).await.map(Json)
}

pub(crate) async fn plugins(State(api): State<Arc<Api>>) -> Json<Value> {
    Json(api.provider.plugins())
}

pub(crate) async fn plugins_reload(State(api): State<Arc<Api>>) -> Result<Json<Value>, Refusal> {
    api.provider.plugins_reload().await.map(Json)
}

pub(crate) async fn plugins_confirm(
    State(api): State<Arc<Api>>,
    Segment(set): Segment,
) -> Result<Json<Value>, Refusal> {
    api.provider.plugins_confirm(&checked_key(set.as_bytes())?).await.map(Json)
}

pub(crate) async fn healthz() -> Json<Value> {
    Json(json!({ "ok": true }))
}

pub(crate) async fn readyz(State(api): State<Arc<Api>>) -> (StatusCode, Json<Readiness>) {
    let readiness = api.provider.readiness();
    (if readiness.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }, Json(readiness))
}

pub(crate) async fn metrics(State(api): State<Arc<Api>>) -> Response {
    ([(CONTENT_TYPE, OPEN_METRICS)], api.provider.metrics()).into_response()
}

pub(crate) async fn openapi() -> Json<Value> {
    Json(crate::openapi::document())
}

pub(crate) fn load_balancer_id(text: &str) -> Result<LoadBalancerId, Refusal> {
    text.parse().map_err(|_| Refusal::malformed("bad-id", "a load balancer's id is a UUID"))
}

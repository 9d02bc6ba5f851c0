//! `POST /v1/driver/{method}`.

use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use axum::{
    Json,
    body::Body,
    extract::{FromRequestParts, Path, State},
    http::{HeaderMap, header::CONTENT_LENGTH, request::Parts},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde_json::json;
use tracing::{
    Instrument, Span,
    field::{Empty, display},
    info,
};

use crate::{
    body::{
        Object, check_arguments, created_load_balancer,
        defaults::{self, OctaviaDefaults},
        flavor, parse, zone,
    },
    methods::{Answer, DriverMethod, METHODS},
    provider::{Accepted, CallContext},
    refusal::{ErrorClass, Refusal},
    routes::Api,
    vip_ports::VipPortRequest,
};

/// The longest idempotency key or request id, in characters.
const LONGEST_KEY: usize = 128;

/// How long a body may take to arrive. Octavia sends it in one go; a slow one only holds a connection.
const BODY_TIME: Duration = Duration::from_secs(30);

/// Answers one driver call.
pub(crate) async fn driver(
    State(api): State<Arc<Api>>,
    Segment(name): Segment,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let method = printable(&name);
    let span =
        tracing::info_span!("call", method, request_id = request_id(&headers), loadbalancer_id = Empty,);
    logged(call(&api, &name, &headers, body)).instrument(span).await
}

/// One line a call, in its span.
async fn logged(call: impl Future<Output = Result<Response, Refusal>>) -> Response {
    let start = Instant::now();
    let answer = call.await;
    // To a microsecond.
    let milliseconds = start.elapsed().as_micros() as f64 / 1e3;
    match answer {
        Ok(response) => {
            let accepted = response.extensions().get::<Accepted>();
            let change = accepted.map(|accepted| &*accepted.change);
            let committed = accepted.map(|accepted| accepted.committed);
            info!(change, committed, milliseconds, "call answered");
            response
        }
        Err(refusal) => {
            info!(code = %refusal.code, milliseconds, "call refused: {}", refusal.operator);
            refusal.into_response()
        }
    }
}

async fn call(api: &Api, name: &str, headers: &HeaderMap, body: Body) -> Result<Response, Refusal> {
    let body = read_body(headers, body, api.max_body).await?;
    let method = METHODS.iter().find(|method| method.name == name).ok_or_else(|| {
        Refusal::not_found("unknown-method", format!("there is no driver method {:?}", printable(name)))
    })?;
    let args = parse(method, &body)?;
    drop(body);
    let created = created_load_balancer(method, &args);
    let answer = answer(api, method, headers, args).await;
    // Whatever a create is refused for, Octavia rolls it back and never deletes the load balancer.
    if let (Err(refusal), Some(lb)) = (&answer, created) {
        api.provider.create_refused(lb, refusal);
    }
    answer
}

/// Answers a call whose body is a JSON object.
async fn answer(
    api: &Api,
    method: &DriverMethod,
    headers: &HeaderMap,
    mut args: Object,
) -> Result<Response, Refusal> {
    let context = context(method, headers)?;
    refuse_expired(headers, SystemTime::now())?;
    check_arguments(method, &args)?;
    match sent_defaults(headers)? {
        Some(sent) => {
            api.provider.learn_defaults(&sent);
            sent.clear_in_call(method, &mut args);
        }
        None => api.provider.known_defaults().clear_in_call(method, &mut args),
    }
    let change = match method.answer {
        Answer::Change(read) => read(&args)?,
        Answer::VipPorts => return vip_ports(api, &args, context).await,
        Answer::NotImplemented(code, text) => return Err(Refusal::not_implemented(code, text)),
        Answer::Unsupported(code, text) => return Err(Refusal::unsupported(code, text)),
        Answer::Result(result) => return Ok(Json(json!({ "result": result() })).into_response()),
        Answer::Flavor => {
            api.provider.check_flavor(&flavor::checked(&args, "flavor_metadata")?)?;
            return Ok(Json(json!({})).into_response());
        }
        Answer::Zone => {
            zone::validate(&args)?;
            return Ok(Json(json!({})).into_response());
        }
    };
    drop(args);
    if let Some(lb) = change.loadbalancer_id() {
        Span::current().record("loadbalancer_id", display(lb));
    }
    let accepted = api.provider.change(change, context).await?;
    let mut response = Json(&accepted).into_response();
    response.extensions_mut().insert(accepted);
    Ok(response)
}

async fn vip_ports(api: &Api, args: &Object, context: CallContext) -> Result<Response, Refusal> {
    let request = VipPortRequest::read(args);
    if let Ok(request) = &request {
        api.provider.vip_ports_wanted(request);
    }
    if !api.provider.makes_vip_ports() {
        return Err(Refusal::vip_port_by_octavia());
    }
    let request = request?;
    Span::current().record("loadbalancer_id", display(request.loadbalancer_id));
    let made = api.provider.create_vip_port(request, context).await?;
    Ok(Json(made.answer(args)).into_response())
}

async fn read_body(headers: &HeaderMap, body: Body, most: usize) -> Result<Bytes, Refusal> {
    let announced =
        headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|length| length > most) {
        drain(body, most).await;
        return Err(too_large(most));
    }
    match tokio::time::timeout(BODY_TIME, Limited::new(body, most).collect()).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large(most)),
        Ok(Err(_)) => Err(Refusal::malformed("body-unreadable", "the body broke off")),
        Err(_) => Err(Refusal::new(ErrorClass::TimedOut, "body-timeout", "the body did not arrive in time")),
    }
}

/// Takes in some of a body that is too large: most clients read the answer only when they have sent it all.
async fn drain(mut body: Body, most: usize) {
    let mut left = most.saturating_mul(4);
    let reading = async {
        while let Some(Ok(frame)) = body.frame().await {
            let length = frame.data_ref().map_or(0, Bytes::len);
            match left.checked_sub(length) {
                Some(rest) => left = rest,
                None => return,
            }
        }
    };
    // Whether it ended or not, the answer is the same.
    tokio::time::timeout(BODY_TIME, reading).await.unwrap_or_default();
}

fn too_large(most: usize) -> Refusal {
    Refusal::new(ErrorClass::TooLarge, "body-too-large", format!("the body is larger than {most} bytes"))
}

fn context(method: &DriverMethod, headers: &HeaderMap) -> Result<CallContext, Refusal> {
    let idempotency_key = match headers.get("idempotency-key") {
        None => None,
        Some(key) => Some(checked_key(key.as_bytes())?),
    };
    let request_id = request_id(headers).map(str::to_owned);
    Ok(CallContext { idempotency_key, request_id, method: method.name })
}

fn request_id(headers: &HeaderMap) -> Option<&str> {
    let id = headers.get("x-openstack-request-id").and_then(|id| id.to_str().ok());
    id.filter(|id| is_key(id.as_bytes()))
}

/// The values that Octavia fills into objects whose user names none; `None` from a driver that does not send them.
fn sent_defaults(headers: &HeaderMap) -> Result<Option<OctaviaDefaults>, Refusal> {
    headers.get(defaults::HEADER).map(|header| OctaviaDefaults::parse(header.as_bytes())).transpose()
}

/// Refuses a call whose caller has given up already: it has told Octavia so, and Octavia rolls back.
fn refuse_expired(headers: &HeaderMap, now: SystemTime) -> Result<(), Refusal> {
    let Some(expires) = headers.get("weir-expires") else { return Ok(()) };
    let seconds = expires.to_str().ok().and_then(|text| text.parse::<f64>().ok());
    let expires = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()).ok_or_else(|| {
        Refusal::malformed("bad-expiry", format!("Weir-Expires: {expires:?} is no time in seconds"))
    })?;
    if now.duration_since(UNIX_EPOCH).is_ok_and(|now| now > expires) {
        return Err(Refusal::unavailable("call-expired", "the call came too late: its caller has given up"));
    }
    Ok(())
}

/// An idempotency key, or a change's id, that can be one.
pub(crate) fn checked_key(key: &[u8]) -> Result<String, Refusal> {
    let text = std::str::from_utf8(key).ok().filter(|_| is_key(key)).ok_or_else(|| {
        let text = format!("an idempotency key has 1 to {LONGEST_KEY} printable ASCII characters");
        Refusal::malformed("bad-idempotency-key", text)
    })?;
    Ok(text.to_owned())
}

fn is_key(key: &[u8]) -> bool {
    (1..=LONGEST_KEY).contains(&key.len()) && key.iter().all(|byte| (b' '..=b'~').contains(byte))
}

/// A caller's word as a log line may hold it.
fn printable(word: &str) -> String {
    word.chars().filter(|c| c.is_ascii_graphic()).take(64).collect()
}

/// The variable part of a path, decoded.
pub(crate) struct Segment(pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for Segment {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let path = Path::<String>::from_request_parts(parts, state).await;
        path.map(|Path(segment)| Self(segment))
            .map_err(|_| Refusal::malformed("bad-path", "the path is not UTF-8 text"))
    }
}

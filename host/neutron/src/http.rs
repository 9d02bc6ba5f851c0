//! One request and its answer, with a time limit.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::{
    HeaderMap, Method, Request, Uri,
    header::{ACCEPT, CONTENT_TYPE, HeaderValue, USER_AGENT},
};
use hyper_rustls::HttpsConnector;
use hyper_util::{
    client::legacy::{Client as Hyper, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use serde_json::Value;

use crate::{NeutronError, Trust, limits, tls};

/// Sends requests; keeps connections.
#[derive(Clone, Debug)]
pub(crate) struct Http(Hyper<HttpsConnector<HttpConnector>, Full<Bytes>>);

/// One request.
#[derive(Clone)]
pub(crate) struct Ask {
    pub(crate) method: Method,
    /// Without query: this is what errors say.
    pub(crate) url: String,
    /// Encoded, without `?`.
    pub(crate) query: String,
    pub(crate) body: Option<Bytes>,
    pub(crate) token: Option<HeaderValue>,
}

/// An answer, whatever its status.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Http {
    pub(crate) fn new(trust: &Trust) -> Result<Self, NeutronError> {
        let mut connector = HttpConnector::new();
        connector.enforce_http(false);
        connector.set_nodelay(true);
        let connector = hyper_rustls::HttpsConnectorBuilder::new()
            .with_tls_config(tls::client_config(trust)?)
            .https_or_http()
            .enable_http1()
            .wrap_connector(connector);
        let client = Hyper::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(limits::IDLE_TIME)
            .pool_max_idle_per_host(limits::IDLE)
            .build(connector);
        Ok(Self(client))
    }

    /// Sends once. A connection that was idle and closed just then is replaced by hyper where nothing was sent.
    pub(crate) async fn send(&self, ask: &Ask, within: Duration) -> Result<Answer, NeutronError> {
        let started = Instant::now();
        let request = ask.request()?;
        let exchange = async {
            let response = self.0.request(request).await.map_err(|error| {
                if error.is_connect() {
                    NeutronError::Unreachable { url: ask.url.clone(), reason: chain(&error) }
                } else {
                    ask.broken(chain(&error))
                }
            })?;
            let (head, body) = response.into_parts();
            let body = Limited::new(body, limits::ANSWER).collect().await.map_err(|error| {
                if error.is::<LengthLimitError>() {
                    ask.malformed(format!("it is longer than {} bytes", limits::ANSWER))
                } else {
                    ask.broken(chain(&*error))
                }
            })?;
            Ok(Answer { status: head.status.as_u16(), headers: head.headers, body: body.to_bytes() })
        };
        let answer = tokio::time::timeout(within, exchange).await.unwrap_or_else(|_| {
            Err(NeutronError::Timeout { method: ask.method.to_string(), url: ask.url.clone(), after: within })
        });
        let status = answer.as_ref().map_or_else(NeutronError::code, |_| "answered");
        let milliseconds = started.elapsed().as_millis();
        tracing::debug!(method = %ask.method, url = ask.url, status, milliseconds, "asked");
        answer
    }
}

impl Ask {
    fn request(&self) -> Result<Request<Full<Bytes>>, NeutronError> {
        let target =
            if self.query.is_empty() { self.url.clone() } else { format!("{}?{}", self.url, self.query) };
        let uri: Uri = target.parse().map_err(|_| NeutronError::Setting {
            key: "url",
            value: self.url.clone(),
            why: "is not a URL".to_owned(),
        })?;
        let mut request = Request::new(Full::new(self.body.clone().unwrap_or_default()));
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = uri;
        let headers = request.headers_mut();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(USER_AGENT, HeaderValue::from_static(concat!("weir/", env!("CARGO_PKG_VERSION"))));
        if self.body.is_some() {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        if let Some(token) = &self.token {
            headers.insert("x-auth-token", token.clone());
        }
        Ok(request)
    }

    pub(crate) fn broken(&self, reason: String) -> NeutronError {
        NeutronError::Broken { method: self.method.to_string(), url: self.url.clone(), reason }
    }

    pub(crate) fn malformed(&self, reason: String) -> NeutronError {
        NeutronError::Malformed { method: self.method.to_string(), url: self.url.clone(), reason }
    }

    /// The JSON of a good answer.
    pub(crate) fn json(&self, answer: &Answer) -> Result<Value, NeutronError> {
        serde_json::from_slice(&answer.body).map_err(|error| self.malformed(error.to_string()))
    }

    /// What an answer that is not good means.
    pub(crate) fn refusal(&self, answer: &Answer) -> NeutronError {
        let (kind, message) = answer.words();
        let (method, url, status) = (self.method.to_string(), self.url.clone(), answer.status);
        match status {
            401 | 403 => NeutronError::Unauthorized { url, status, message },
            404 => NeutronError::NotFound { url, message },
            409 => NeutronError::Conflict { method, url, kind, message },
            429 | 500 | 502 | 503 | 504 => NeutronError::Busy { method, url, status, message },
            _ => NeutronError::Refused { method, url, status, message },
        }
    }
}

impl Answer {
    pub(crate) fn is_good(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// `Retry-After` in seconds; a date is not followed.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        let text = self.headers.get("retry-after")?.to_str().ok()?;
        text.trim().parse().ok().map(Duration::from_secs)
    }

    /// The server's name of the error and its words: `NeutronError` of Neutron, `error` of Keystone, `faultstring` of Octavia.
    fn words(&self) -> (String, String) {
        let json: Option<Value> = serde_json::from_slice(&self.body).ok();
        let error = json.as_ref().and_then(|json| json.get("NeutronError").or_else(|| json.get("error")));
        let text = |key: &str| error.and_then(|error| error.get(key)).and_then(Value::as_str);
        let kind = text("type").or_else(|| text("title")).unwrap_or("Conflict").to_owned();
        let plain = || String::from_utf8_lossy(&self.body).into_owned();
        let message = text("message")
            .map(str::to_owned)
            .or_else(|| error.and_then(Value::as_str).map(str::to_owned))
            .or_else(|| Some(json.as_ref()?.get("faultstring")?.as_str()?.to_owned()))
            .unwrap_or_else(plain);
        (kind, shortened(&message))
    }
}

/// A server's words as a log line can hold them.
fn shortened(text: &str) -> String {
    let words: Vec<_> = text.split(|c: char| c.is_whitespace() || c.is_control()).collect();
    let line = words.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(limits::MESSAGE) {
        Some((end, _)) => format!("{}...", line.get(..end).unwrap_or_default()),
        None if line.is_empty() => "no reason given".to_owned(),
        None => line,
    }
}

/// An error with its causes: hyper's own words say little.
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(error) = next {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        next = error.source();
    }
    text
}

//! Commands that go through the running host, over its first listener that needs no certificate.

use std::io::ErrorKind;

use http_body_util::{BodyExt, Empty};
use hyper::{Method, Request, body::Bytes, client::conn::http1};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpStream, UnixStream},
};
use weir_octavia::Listen;

use crate::config::Config;

/// Why the host could not be asked.
#[derive(Debug, thiserror::Error)]
pub enum RemoteError {
    /// Every listener wants a certificate.
    #[error("the host listens for TLS only; let it listen at a unix socket too")]
    NoListener,
    /// Nobody listens there: no host runs.
    #[error("{listen}: {why} (is `weir serve` running?)")]
    NobodyThere {
        /// Where it should be.
        listen: String,
        /// Why not.
        why: String,
    },
    /// It cannot be reached, or the connection broke; somebody may run.
    #[error("{listen}: {why} (is `weir serve` running?)")]
    Unreachable {
        /// Where it should be.
        listen: String,
        /// Why not.
        why: String,
    },
    /// The host said no.
    #[error("{code}: {text}")]
    Refused {
        /// Its code.
        code: String,
        /// Its words.
        text: String,
    },
}

/// Posts to the running host; no time limit, since what is asked for may take long.
///
/// # Errors
/// [`RemoteError`].
pub async fn post(config: &Config, path: &str) -> Result<Value, RemoteError> {
    let listeners = config.listen().unwrap_or_default();
    let tls = config.tls().ok().flatten().is_some();
    let usable = listeners.into_iter().find(|listen| !tls || matches!(listen, Listen::Unix(_)));
    let listen = usable.ok_or(RemoteError::NoListener)?;
    let unreachable = |why: String| RemoteError::Unreachable { listen: listen.to_string(), why };
    let refused = |error: std::io::Error| match error.kind() {
        ErrorKind::NotFound | ErrorKind::ConnectionRefused => {
            RemoteError::NobodyThere { listen: listen.to_string(), why: error.to_string() }
        }
        _ => unreachable(error.to_string()),
    };
    let answer = match &listen {
        Listen::Unix(socket) => {
            let stream = UnixStream::connect(socket).await.map_err(refused)?;
            ask(stream, config, path).await
        }
        Listen::Tcp(address) => {
            let stream = TcpStream::connect(address).await.map_err(refused)?;
            ask(stream, config, path).await
        }
    };
    let (ok, body) = answer.map_err(|error| unreachable(error.to_string()))?;
    if ok {
        return Ok(body);
    }
    let text = |key: &str| body.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let words = [text("operator_fault_string"), text("user_fault_string"), body.to_string()];
    let words = words.into_iter().find(|words| !words.is_empty()).unwrap_or_default();
    Err(RemoteError::Refused { code: text("code"), text: words })
}

async fn ask<S>(stream: S, config: &Config, path: &str) -> Result<(bool, Value), hyper::Error>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let connection = tokio::spawn(connection);
    let mut request = Request::new(Empty::<Bytes>::new());
    *request.method_mut() = Method::POST;
    *request.uri_mut() = path.parse().unwrap_or_default();
    let mut header = |name: &'static str, value: &str| {
        // A token that is no header value is refused by the host as a missing one.
        request
            .headers_mut()
            .extend(value.parse().ok().map(|value| (hyper::header::HeaderName::from_static(name), value)));
    };
    header("host", "weir");
    if !config.token.is_empty() {
        header("authorization", &format!("Bearer {}", config.token));
    }
    let answer = sender.send_request(request).await?;
    let ok = answer.status().is_success();
    let body = answer.into_body().collect().await?.to_bytes();
    connection.abort();
    let words = || String::from_utf8_lossy(&body).into_owned().into();
    Ok((ok, serde_json::from_slice(&body).unwrap_or_else(|_| words())))
}

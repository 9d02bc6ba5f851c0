//! Calls over a unix socket.

use std::path::{Path, PathBuf};

use http_body_util::{BodyExt, Full};
use hyper::{Method, Request, body::Bytes, client::conn::http1};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::UnixStream;

/// An answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// The body: JSON, or a string where it is not.
    pub body: Value,
}

impl Answer {
    /// The body of an accepted call that must be committed.
    pub fn committed(self) -> String {
        assert_eq!(self.status, 200, "{}", self.body);
        assert_eq!(self.body["committed"], true, "{}", self.body);
        self.body["change"].as_str().unwrap().to_owned()
    }

    /// Asserts a refusal by status and code; gives the user's text.
    pub fn refused(&self, status: u16, code: &str) -> String {
        assert_eq!((self.status, self.body["code"].as_str()), (status, Some(code)), "{}", self.body);
        self.body["user_fault_string"].as_str().unwrap().to_owned()
    }
}

/// A client of one socket; a connection a request.
#[derive(Clone)]
pub struct Client(PathBuf);

impl Client {
    /// For a socket.
    pub fn new(socket: &Path) -> Self {
        Self(socket.to_owned())
    }

    /// Any request.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Vec<u8>,
    ) -> std::io::Result<Answer> {
        let other = |error: hyper::Error| std::io::Error::other(error);
        let stream = UnixStream::connect(&self.0).await?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(other)?;
        let connection = tokio::spawn(connection);
        let mut request = Request::builder().method(method).uri(path).header("host", "weir");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer =
            sender.send_request(request.body(Full::<Bytes>::from(body)).unwrap()).await.map_err(other)?;
        let status = answer.status().as_u16();
        let body = answer.into_body().collect().await.map_err(other)?.to_bytes();
        connection.abort();
        let body = serde_json::from_slice(&body)
            .unwrap_or_else(|_| String::from_utf8_lossy(&body).into_owned().into());
        Ok(Answer { status, body })
    }

    /// A provider call.
    pub async fn call(&self, method: &str, args: &Value) -> Answer {
        self.call_with_key(method, args, None).await
    }

    /// A provider call with an idempotency key.
    pub async fn call_with_key(&self, method: &str, args: &Value, key: Option<&str>) -> Answer {
        let headers: Vec<_> = key.map(|key| ("idempotency-key", key)).into_iter().collect();
        let body = serde_json::to_vec(args).unwrap();
        self.send(Method::POST, &format!("/v1/driver/{method}"), &headers, body).await.unwrap()
    }

    /// GET.
    pub async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, &[], Vec::new()).await.unwrap()
    }

    /// POST without a body.
    pub async fn post(&self, path: &str) -> Answer {
        self.send(Method::POST, path, &[], Vec::new()).await.unwrap()
    }

    /// DELETE.
    pub async fn delete(&self, path: &str) -> Answer {
        self.send(Method::DELETE, path, &[], Vec::new()).await.unwrap()
    }
}

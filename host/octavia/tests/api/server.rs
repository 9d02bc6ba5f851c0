//! A server on real sockets, and what to say to it.

use std::sync::Arc;

use serde_json::json;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    sync::oneshot,
    task::JoinHandle,
};
use weir_octavia::{ApiSettings, Bound, ServeError, Tls, router, serve};

use crate::recorder::{LB, MAX_BODY, Recorder};

/// A server that runs until its end is sent.
pub struct Server {
    pub end: oneshot::Sender<()>,
    pub served: JoinHandle<Result<(), ServeError>>,
}

pub fn start(recorder: &Arc<Recorder>, sockets: Vec<Bound>, tls: Option<Tls>, token: Option<&str>) -> Server {
    let router =
        router(recorder.clone(), ApiSettings { max_body: MAX_BODY, token: token.map(str::to_owned) });
    let (end, ended) = oneshot::channel::<()>();
    let served = tokio::spawn(serve(sockets, tls, router, async move { ended.await.unwrap() }));
    Server { end, served }
}

/// A request.
pub fn failover() -> String {
    let body = json!({ "loadbalancer_id": LB }).to_string();
    format!(
        "POST /v1/driver/loadbalancer_failover HTTP/1.1\r\nHost: weir\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// One request and its answer on a connection that stays open.
pub async fn exchange(stream: &mut (impl AsyncRead + AsyncWrite + Unpin), request: &str) -> String {
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    loop {
        let mut buffer = [0; 4096];
        let read = stream.read(&mut buffer).await.unwrap();
        assert!(read > 0, "closed after {:?}", String::from_utf8_lossy(&answer));
        answer.extend_from_slice(&buffer[..read]);
        let text = String::from_utf8_lossy(&answer);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
            if body.len() >= length.parse().unwrap() {
                return text.into_owned();
            }
        }
    }
}

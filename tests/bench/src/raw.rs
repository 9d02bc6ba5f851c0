//! The raw client: the operations that Weir sends, recorded once and sent again for other load balancers, one
//! transaction a call, over one pipelined connection.

use std::{collections::HashMap, path::Path, sync::Arc};

use serde::Deserialize;
use serde_json::{Value, value::RawValue};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        UnixListener, UnixStream,
        unix::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::{Mutex, mpsc, oneshot},
};
use weir_ovsdb::stream::Splitter;

use crate::Outcome;

const MAX: usize = 64 << 20;

/// Listens on `socket`, passes everything on to `server`, and keeps the `transact` requests.
pub async fn record(socket: &Path, server: &Path) -> Outcome<Arc<Mutex<Vec<Value>>>> {
    let listener = UnixListener::bind(socket)?;
    let seen = Arc::new(Mutex::new(Vec::new()));
    let (kept, server) = (seen.clone(), server.to_owned());
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let Ok(upstream) = UnixStream::connect(&server).await else { continue };
            let (from_client, to_client) = client.into_split();
            let (from_server, to_server) = upstream.into_split();
            tokio::spawn(pass(from_client, to_server, Some(kept.clone())));
            tokio::spawn(pass(from_server, to_client, None));
        }
    });
    Ok(seen)
}

async fn pass(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, keep: Option<Arc<Mutex<Vec<Value>>>>) {
    let mut splitter = Splitter::new(MAX);
    let mut buffer = vec![0; 65536];
    while let Ok(n @ 1..) = from.read(&mut buffer).await {
        let bytes = buffer.get(..n).unwrap_or_default();
        if let Some(keep) = &keep {
            splitter.push(bytes);
            while let Ok(Some(message)) = splitter.next() {
                let Ok(message) = serde_json::from_slice::<Value>(&message) else { continue };
                if message.get("method") == Some(&Value::from("transact")) {
                    keep.lock().await.extend(message.get("params").cloned());
                }
            }
        }
        if to.write_all(bytes).await.is_err() {
            return;
        }
    }
}

/// A pipelined connection.
#[derive(Clone)]
pub struct Raw {
    requests: mpsc::UnboundedSender<(String, oneshot::Sender<Result<(), String>>)>,
}

#[derive(Deserialize)]
struct Reply<'a> {
    id: Option<Value>,
    method: Option<Value>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
    #[serde(borrow)]
    result: Option<&'a RawValue>,
}

impl Raw {
    /// Connects to a server.
    pub async fn connect(server: &Path) -> Outcome<Self> {
        let (mut reader, mut writer) = UnixStream::connect(server).await?.into_split();
        let (requests, mut queue) =
            mpsc::unbounded_channel::<(String, oneshot::Sender<Result<(), String>>)>();
        tokio::spawn(async move {
            let mut waiting = HashMap::new();
            let mut splitter = Splitter::new(MAX);
            let mut buffer = vec![0; 65536];
            let mut next: u64 = 0;
            loop {
                tokio::select! {
                    request = queue.recv() => {
                        let Some(first) = request else { return };
                        let mut out = String::new();
                        let mut add = |(params, answer): (String, oneshot::Sender<Result<(), String>>)| {
                            next += 1;
                            out.push_str(&format!("{{\"method\":\"transact\",\"id\":{next},\"params\":{params}}}"));
                            waiting.insert(next, answer);
                        };
                        add(first);
                        while let Ok(more) = queue.try_recv() { add(more); }
                        if writer.write_all(out.as_bytes()).await.is_err() { return }
                    }
                    read = reader.read(&mut buffer) => {
                        let Ok(n @ 1..) = read else { return };
                        splitter.push(buffer.get(..n).unwrap_or_default());
                        while let Ok(Some(message)) = splitter.next() {
                            let Ok(reply) = serde_json::from_slice::<Reply<'_>>(&message) else { return };
                            if reply.method.is_some() {
                                let echo = format!("{{\"id\":{},\"result\":[],\"error\":null}}", reply.id.unwrap_or_default());
                                if writer.write_all(echo.as_bytes()).await.is_err() { return }
                                continue;
                            }
                            let Some(answer) = reply.id.and_then(|id| waiting.remove(&id.as_u64()?)) else { continue };
                            let text = reply.result.map_or("", RawValue::get);
                            let failed = reply.error.is_some_and(|error| error.get() != "null") || text.contains("\"error\"");
                            let _ = answer.send(if failed { Err(text.to_owned()) } else { Ok(()) });
                        }
                    }
                }
            }
        });
        Ok(Self { requests })
    }

    /// One transaction.
    pub async fn transact(&self, params: String) -> Outcome<()> {
        let (answer, wait) = oneshot::channel();
        self.requests.send((params, answer))?;
        Ok(wait.await??)
    }
}

//! An agent on Unix sockets: `<decimal length>\n<JSON>` both ways, one exchange a connection.

use std::{
    future::Future,
    path::PathBuf,
    sync::{Arc, atomic::AtomicUsize, atomic::Ordering::SeqCst},
    time::Duration,
};

use serde_json::Value;
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{UnixListener, UnixStream},
    task::JoinHandle,
};
use weir_octavia::agent::{Agent, AgentSockets};

/// What the agent does with a request.
#[derive(Debug)]
pub enum Reply {
    /// Answers.
    Json(Value),
    /// Writes these bytes, and hangs up.
    Bytes(Vec<u8>),
    /// Answers nothing, and keeps the connection as long as the client does.
    Never,
}

/// Says what becomes of a request.
pub trait Answers: Send + Sync + 'static {
    /// On the status socket.
    fn status(&self, message: Value) -> Reply;
    /// On the get socket.
    fn get(&self, request: Value) -> Reply;
}

/// The sockets' folder, and the agent while it runs.
pub struct FakeAgent {
    folder: TempDir,
    tasks: Vec<JoinHandle<()>>,
    /// Requests that were not whole.
    pub halves: Arc<AtomicUsize>,
}

impl FakeAgent {
    /// Nothing listens yet.
    pub fn new() -> Self {
        Self { folder: TempDir::new().unwrap(), tasks: Vec::new(), halves: Arc::default() }
    }

    /// Where a socket is.
    pub fn socket(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A client that waits this long for an answer.
    pub fn client(&self, timeout: Duration) -> Agent {
        let (status, stats, get) =
            (self.socket("status.sock"), self.socket("stats.sock"), self.socket("get.sock"));
        Agent::new(AgentSockets { status, stats, get, timeout })
    }

    /// Starts to listen.
    pub fn start(&mut self, answers: Arc<impl Answers>) {
        let (status, get) = (answers.clone(), answers);
        self.listen("status.sock", move |message| status.status(message));
        self.listen("get.sock", move |request| get.get(request));
    }

    /// Breaks every connection; the sockets are gone.
    pub fn stop(&mut self) {
        self.tasks.drain(..).for_each(|task| task.abort());
        for name in ["status.sock", "get.sock"] {
            std::fs::remove_file(self.socket(name)).unwrap();
        }
    }

    fn listen(&mut self, name: &str, reply: impl Fn(Value) -> Reply + Clone + Send + 'static) {
        let listener = UnixListener::bind(self.socket(name)).unwrap();
        let halves = self.halves.clone();
        self.tasks.push(tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(exchange(stream, reply.clone(), halves.clone()));
            }
        }));
    }
}

async fn exchange(mut stream: UnixStream, reply: impl Fn(Value) -> Reply, halves: Arc<AtomicUsize>) {
    let Some(request) = request(&mut stream).await else {
        halves.fetch_add(1, SeqCst);
        return;
    };
    let bytes = match reply(request) {
        Reply::Json(value) => framed(&value),
        Reply::Bytes(bytes) => bytes,
        Reply::Never => {
            let _ = stream.read(&mut [0]).await;
            return;
        }
    };
    let _ = stream.write_all(&bytes).await;
}

/// A value as it goes over a socket.
pub fn framed(value: &Value) -> Vec<u8> {
    let body = value.to_string();
    format!("{}\n{body}", body.len()).into_bytes()
}

async fn request(stream: &mut UnixStream) -> Option<Value> {
    let mut length = 0;
    loop {
        match stream.read_u8().await.ok()? {
            b'\n' => break,
            digit => length = length * 10 + usize::from(digit - b'0'),
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    serde_json::from_slice(&body).ok()
}

/// Waits until something holds.
pub async fn until<F: Future<Output = bool>>(what: &str, mut holds: impl FnMut() -> F) {
    let waiting = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), waiting).await.unwrap_or_else(|_| panic!("{what}: never"));
}

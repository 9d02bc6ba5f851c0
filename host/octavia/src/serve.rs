//! Connections.

use std::{future::Future, io, net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use axum::Router;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::{GracefulShutdown, Watcher},
    service::TowerToHyperService,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    task::JoinSet,
};
use tower::{Layer, util::MapRequestLayer};

use crate::{
    auth::Transport,
    listen::{Bound, Socket},
    tls::Tls,
};

/// How long a connection may take for the head of a request, and may stay idle between two.
const HEAD_TIME: Duration = Duration::from_secs(75);
/// The most connections at once; further ones wait in the socket's queue.
const CONNECTIONS: usize = 1024;
/// How long running calls may take to finish at the end. A call answers in well under a second.
const LAST_CALLS: Duration = Duration::from_secs(10);
/// The pause after the system refused a connection, mostly for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Why serving ended early.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// There is no socket to serve on.
    #[error("there is no socket to serve on")]
    NoSocket,
    /// Calls were still running when the time for them was over.
    #[error("calls were still running {} s after the end", LAST_CALLS.as_secs())]
    Unfinished,
    /// The task of a socket ended by a fault.
    #[error("a socket's task failed: {0}")]
    Task(#[from] tokio::task::JoinError),
}

impl ServeError {
    /// Stable code for logs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoSocket => "serve-no-socket",
            Self::Unfinished => "serve-unfinished",
            Self::Task(_) => "serve-task-failed",
        }
    }
}

/// Serves until `shutdown` is ready; then takes no more connections and lets running calls finish.
///
/// HTTP/1.1 with keep-alive; with `tls` all TCP sockets, and never the Unix ones, speak TLS. A client has 10 s for a TLS
/// handshake, 75 s for a request's head, idle time included, and 30 s for a body.
///
/// # Errors
/// [`ServeError`]; connections that fail are logged and concern nobody else.
pub async fn serve(
    sockets: Vec<Bound>,
    tls: Option<Tls>,
    router: Router,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), ServeError> {
    if sockets.is_empty() {
        return Err(ServeError::NoSocket);
    }
    let graceful = Arc::new(GracefulShutdown::new());
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    let (end, ended) = watch::channel(());
    let mut tasks = JoinSet::new();
    for socket in sockets {
        let accept = Accept {
            tls: tls.clone(),
            router: router.clone(),
            room: room.clone(),
            graceful: graceful.clone(),
            ended: ended.clone(),
        };
        tasks.spawn(accept.run(socket));
    }
    drop(ended);
    let mut shutdown = pin!(shutdown);
    let result = tokio::select! {
        () = &mut shutdown => Ok(()),
        // A socket's task ends of itself only by a fault.
        Some(task) = tasks.join_next() => task.map_err(ServeError::from),
    };
    drop(end);
    while tasks.join_next().await.is_some() {}
    result?;
    // The sockets' tasks, which had their share of it, are over.
    let graceful = Arc::into_inner(graceful).ok_or(ServeError::Unfinished)?;
    tokio::time::timeout(LAST_CALLS, graceful.shutdown()).await.map_err(|_| ServeError::Unfinished)
}

struct Accept {
    tls: Option<Tls>,
    router: Router,
    room: Arc<Semaphore>,
    graceful: Arc<GracefulShutdown>,
    ended: watch::Receiver<()>,
}

impl Accept {
    async fn run(self, bound: Bound) {
        tokio::select! {
            () = until_end(self.ended.clone()) => {}
            () = self.accept_all(&bound) => {}
        }
    }

    async fn accept_all(&self, bound: &Bound) {
        // The semaphore is never closed.
        while let Ok(room) = self.room.clone().acquire_owned().await {
            let accepted = match &bound.socket {
                Socket::Unix(socket) => {
                    socket.accept().await.map(|(stream, _)| self.connection(stream, Transport::Unix, room))
                }
                Socket::Tcp(socket) => socket.accept().await.map(|(stream, peer)| {
                    if let Err(error) = stream.set_nodelay(true) {
                        tracing::debug!(%error, "a connection is gone already");
                    }
                    match &self.tls {
                        Some(tls) => self.tls_connection(stream, peer, tls.clone(), room),
                        None => self.connection(stream, Transport::Tcp, room),
                    }
                }),
            };
            if let Err(error) = accepted {
                self.refused(bound, &error).await;
            }
        }
    }

    async fn refused(&self, bound: &Bound, error: &io::Error) {
        tracing::warn!(listen = %bound.listen(), %error, "a connection could not be accepted");
        tokio::time::sleep(ACCEPT_PAUSE).await;
    }

    fn connection<S>(&self, stream: S, transport: Transport, room: OwnedSemaphorePermit)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let answers = answers(stream, transport, self.router.clone(), self.graceful.watcher());
        tokio::spawn(async move {
            answers.await;
            drop(room);
        });
    }

    fn tls_connection(&self, stream: TcpStream, peer: SocketAddr, tls: Tls, room: OwnedSemaphorePermit) {
        let (router, watcher, ended) = (self.router.clone(), self.graceful.watcher(), self.ended.clone());
        tokio::spawn(async move {
            let handshake = tokio::select! {
                handshake = tls.handshake(stream) => handshake,
                // No call is lost, and a slow client does not hold up the end.
                () = until_end(ended) => return,
            };
            match handshake {
                Ok(stream) => {
                    let (_, session) = stream.get_ref();
                    // There are none but verified ones: without an authority for clients, none are asked for.
                    let client_verified = session.peer_certificates().is_some();
                    answers(stream, Transport::Tls { client_verified }, router, watcher).await;
                }
                Err(error) => tracing::debug!(%peer, %error, "a TLS handshake failed"),
            }
            drop(room);
        });
    }
}

/// Ready when no more connections are taken: the sender is dropped then.
async fn until_end(mut ended: watch::Receiver<()>) {
    while ended.changed().await.is_ok() {}
}

/// Answers the requests that come in on a connection, until it ends.
fn answers<S>(
    stream: S,
    transport: Transport,
    router: Router,
    watcher: Watcher,
) -> impl Future<Output = ()> + Send + 'static
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mark = MapRequestLayer::new(move |mut request: hyper::Request<hyper::body::Incoming>| {
        request.extensions_mut().insert(transport);
        request
    });
    let service = TowerToHyperService::new(mark.layer(router));
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME)
        .serve_connection(TokioIo::new(stream), service);
    let connection = watcher.watch(connection);
    async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "a connection ended early");
        }
    }
}

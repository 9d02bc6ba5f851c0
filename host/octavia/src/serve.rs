//! Connections.

use std::{future::Future, io, pin::pin, sync::Arc, time::Duration};

use axum::Router;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
    service::TowerToHyperService,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    task::JoinSet,
};
use tower::{Layer, util::MapRequestLayer};

use crate::{
    auth::Transport,
    listen::{Bound, Socket},
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
/// HTTP/1.1 with keep-alive. A client has 75 s for a request's head, idle time included, and 30 s for a body.
///
/// # Errors
/// [`ServeError`]; connections that fail are logged and concern nobody else.
pub async fn serve(
    sockets: Vec<Bound>,
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
        let accept = Accept { router: router.clone(), room: room.clone(), graceful: graceful.clone() };
        tasks.spawn(accept.run(socket, ended.clone()));
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
    router: Router,
    room: Arc<Semaphore>,
    graceful: Arc<GracefulShutdown>,
}

impl Accept {
    async fn run(self, bound: Bound, mut ended: watch::Receiver<()>) {
        tokio::select! {
            // The sender is dropped at the end.
            _ = ended.changed() => {}
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
                Socket::Tcp(socket) => socket.accept().await.map(|(stream, _)| {
                    if let Err(error) = stream.set_nodelay(true) {
                        tracing::debug!(%error, "a connection is gone already");
                    }
                    self.connection(stream, Transport::Tcp, room);
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
        let mark = MapRequestLayer::new(move |mut request: hyper::Request<hyper::body::Incoming>| {
            request.extensions_mut().insert(transport);
            request
        });
        let service = TowerToHyperService::new(mark.layer(self.router.clone()));
        let connection = hyper::server::conn::http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_TIME)
            .serve_connection(TokioIo::new(stream), service);
        let connection = self.graceful.watcher().watch(connection);
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection ended early");
            }
            drop(room);
        });
    }
}

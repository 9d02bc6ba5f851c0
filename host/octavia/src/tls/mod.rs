//! TLS for the TCP sockets: the configuration in use, its renewal, the handshake.
//!
//! Who shows a certificate of the clients' authority is let in without a token (see [`crate::Transport::Tls`]), so that
//! authority must be one that signs nothing but certificates of clients of this API.

mod error;
mod load;
#[cfg(test)]
mod tests;
mod version;

use std::{
    fmt, io,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use rustls::ServerConfig;
use tokio::net::TcpStream;
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use self::version::{Version, versions};

pub use self::error::TlsError;

/// How long a client may take for the handshake.
const HANDSHAKE_TIME: Duration = Duration::from_secs(10);
/// How long the files are taken to be as they were.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The files of the TLS server, in PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsSettings {
    /// The server's certificate, followed by those between it and its authority's.
    pub certificate: PathBuf,
    /// Its private key.
    pub private_key: PathBuf,
    /// Certificates that the clients' must chain to; `None` asks clients for none.
    pub client_ca: Option<PathBuf>,
}

/// A TLS server whose files are loaded; [`crate::serve`] speaks TLS with it.
///
/// Renewed files are loaded when a connection comes in, without a restart. Bad ones are logged once, and the ones before
/// them stay in use. Running connections keep what they began with.
#[derive(Clone)]
pub struct Tls(Arc<State>);

struct State {
    settings: TlsSettings,
    config: Mutex<Arc<ServerConfig>>,
    /// Held while files are looked at or loaded.
    seen: Mutex<Seen>,
}

/// The files as they were last time, good or bad.
struct Seen {
    versions: Vec<Option<Version>>,
    at: Instant,
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The rest holds the private key.
        f.debug_struct("Tls").field("settings", &self.0.settings).finish_non_exhaustive()
    }
}

impl Tls {
    /// Loads the files.
    ///
    /// # Errors
    /// [`TlsError`].
    pub fn load(settings: &TlsSettings) -> Result<Self, TlsError> {
        // Before the files are read: what changes meanwhile is noticed later.
        let versions = versions(settings);
        let config = Mutex::new(Arc::new(load::config(settings)?));
        let seen = Mutex::new(Seen { versions, at: Instant::now() });
        Ok(Self(Arc::new(State { settings: settings.clone(), config, seen })))
    }

    /// The handshake with a client, after a look at the files.
    pub(crate) async fn handshake(&self, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        let handshake = async {
            self.look().await;
            let config = self.0.config.lock().clone();
            TlsAcceptor::from(config).accept(stream).await
        };
        tokio::time::timeout(HANDSHAKE_TIME, handshake).await.unwrap_or_else(|_| {
            let text = format!("not finished within {} s", HANDSHAKE_TIME.as_secs());
            Err(io::Error::new(io::ErrorKind::TimedOut, text))
        })
    }

    async fn look(&self) {
        if self.0.look_is_due() {
            let state = self.0.clone();
            // A file system may hang: only this connection waits for it then.
            let looked = tokio::task::spawn_blocking(move || state.look()).await;
            if let Err(error) = looked {
                tracing::warn!(%error, "the look at the TLS files failed");
            }
        }
    }
}

impl State {
    /// Not if it is locked: then another connection's task is looking, and the others go on with what there is.
    fn look_is_due(&self) -> bool {
        self.seen.try_lock().is_some_and(|seen| seen.at.elapsed() >= LOOK_EVERY)
    }

    fn look(&self) {
        let Some(mut seen) = self.seen.try_lock().filter(|seen| seen.at.elapsed() >= LOOK_EVERY) else {
            return;
        };
        match self.renew(&mut seen) {
            None => {}
            Some(Ok(())) => tracing::info!("renewed TLS files are in use"),
            Some(Err(error)) => tracing::warn!(
                code = error.code(),
                %error,
                "the TLS files have changed and are no good, the former ones stay in use"
            ),
        }
    }

    /// Loads the files if they have changed, for good or bad, since they were last seen.
    fn renew(&self, seen: &mut Seen) -> Option<Result<(), TlsError>> {
        let versions = versions(&self.settings);
        seen.at = Instant::now();
        if versions == seen.versions {
            return None;
        }
        seen.versions = versions;
        Some(load::config(&self.settings).map(|config| *self.config.lock() = Arc::new(config)))
    }
}

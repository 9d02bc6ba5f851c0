use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::TlsConnector;

use super::{Endpoint, TlsFiles, tls};

/// Why a connection could not be made.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The operating system's error.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// Certificates or the handshake.
    #[error("TLS: {0}")]
    Tls(String),
    /// No connection within the time allowed.
    #[error("no connection within {0:?}")]
    Timeout(std::time::Duration),
}

impl ConnectError {
    /// A stable word for logs and metrics.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Io(_) => "connect-io",
            Self::Tls(_) => "connect-tls",
            Self::Timeout(_) => "connect-timeout",
        }
    }
}

/// A byte stream in both directions.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

pub(super) async fn connect(
    endpoint: &Endpoint,
    files: Option<&TlsFiles>,
) -> Result<Box<dyn Stream>, ConnectError> {
    match endpoint {
        Endpoint::Unix(path) => Ok(Box::new(UnixStream::connect(path).await?)),
        Endpoint::Tcp { host, port } => Ok(Box::new(tcp(host, *port).await?)),
        Endpoint::Ssl { host, port } => {
            let files = files.ok_or_else(|| ConnectError::Tls("no CA certificate configured".to_owned()))?;
            let config = tls::client_config(files).await?;
            let socket = tcp(host, *port).await?;
            let connector = TlsConnector::from(Arc::new(config));
            let stream = connector
                .connect(tls::server_name(host), socket)
                .await
                .map_err(|error| ConnectError::Tls(error.to_string()))?;
            Ok(Box::new(stream))
        }
    }
}

async fn tcp(host: &str, port: u16) -> std::io::Result<TcpStream> {
    let socket = TcpStream::connect((host, port)).await?;
    // Small transactions must not wait for the acknowledgement of earlier ones.
    socket.set_nodelay(true)?;
    Ok(socket)
}

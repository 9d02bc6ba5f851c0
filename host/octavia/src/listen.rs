//! The sockets that the API is served on.

use std::{
    fmt, io,
    os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
    str::FromStr,
};

use tokio::net::{TcpListener, UnixListener, UnixStream};

/// The mode of a Unix socket's file: its owner and group may call.
const SOCKET_MODE: u32 = 0o660;

/// Where to listen: `unix:/PATH` or `tcp:HOST:PORT`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Listen {
    /// A Unix socket at this path.
    Unix(PathBuf),
    /// A TCP socket at `HOST:PORT`; an IPv6 address stands in brackets.
    Tcp(String),
}

/// Why a socket cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// Neither `unix:/PATH` nor `tcp:HOST:PORT`.
    #[error("{0:?} is neither unix:/PATH nor tcp:HOST:PORT")]
    Malformed(String),
    /// Another process answers on the socket.
    #[error("{0}: another process listens here")]
    InUse(Listen),
    /// There is a file, and it is no socket.
    #[error("{0}: there is a file that is no socket")]
    NotASocket(Listen),
    /// The system refused.
    #[error("{listen}: {source}")]
    Io {
        /// Where.
        listen: Listen,
        /// Why.
        source: io::Error,
    },
}

impl ListenError {
    /// Stable code for logs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Malformed(_) => "listen-malformed",
            Self::InUse(_) => "listen-in-use",
            Self::NotASocket(_) => "listen-not-a-socket",
            Self::Io { .. } => "listen-failed",
        }
    }
}

impl FromStr for Listen {
    type Err = ListenError;

    fn from_str(text: &str) -> Result<Self, ListenError> {
        let malformed = || ListenError::Malformed(text.to_owned());
        match text.split_once(':') {
            Some(("unix", path)) if path.starts_with('/') && !path.ends_with('/') => {
                Ok(Self::Unix(path.into()))
            }
            Some(("tcp", address)) => {
                let (host, port) = address.rsplit_once(':').ok_or_else(malformed)?;
                let bracketed = host.starts_with('[') && host.ends_with(']');
                let good = !host.is_empty()
                    && (bracketed || !host.contains(':'))
                    && port.bytes().all(|byte| byte.is_ascii_digit())
                    && port.parse::<u16>().is_ok();
                if good { Ok(Self::Tcp(address.to_owned())) } else { Err(malformed()) }
            }
            _ => Err(malformed()),
        }
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
            Self::Tcp(address) => write!(f, "tcp:{address}"),
        }
    }
}

/// A socket that takes connections; [`crate::serve`] answers them.
#[derive(Debug)]
pub struct Bound {
    listen: Listen,
    pub(crate) socket: Socket,
    /// Removes the file of a Unix socket when dropped.
    _file: Option<SocketFile>,
}

#[derive(Debug)]
pub(crate) enum Socket {
    Unix(UnixListener),
    Tcp(TcpListener),
}

impl Bound {
    /// Where it listens, with the port that the system chose.
    pub fn listen(&self) -> &Listen {
        &self.listen
    }
}

/// Binds a socket. Clients can connect from now on and wait for [`crate::serve`].
///
/// For a Unix socket the folder is made where it is missing, and a socket file on which nobody answers is replaced.
///
/// # Errors
/// [`ListenError`].
pub async fn bind(listen: &Listen) -> Result<Bound, ListenError> {
    let io = |source| ListenError::Io { listen: listen.clone(), source };
    match listen {
        Listen::Unix(path) => {
            let socket = bind_unix(listen, path).await?;
            let file = SocketFile::of(path).map_err(io)?;
            Ok(Bound { listen: listen.clone(), socket: Socket::Unix(socket), _file: Some(file) })
        }
        Listen::Tcp(address) => {
            let socket = TcpListener::bind(address).await.map_err(io)?;
            let local = socket.local_addr().map_err(io)?;
            Ok(Bound { listen: Listen::Tcp(local.to_string()), socket: Socket::Tcp(socket), _file: None })
        }
    }
}

async fn bind_unix(listen: &Listen, path: &Path) -> Result<UnixListener, ListenError> {
    let io = |source| ListenError::Io { listen: listen.clone(), source };
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(io)?;
    }
    match std::fs::symlink_metadata(path) {
        Ok(there) if !there.file_type().is_socket() => return Err(ListenError::NotASocket(listen.clone())),
        Ok(_) => match UnixStream::connect(path).await {
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {}
            // Somebody answers, is too busy to, or cannot be asked: not ours to take away.
            Ok(_) => return Err(ListenError::InUse(listen.clone())),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                return Err(ListenError::InUse(listen.clone()));
            }
            Err(error) => return Err(io(error)),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(io(error)),
    }
    // Made under another name, so that nobody connects before the mode is right; the rename replaces a stale file.
    let new = path.with_extension(format!("{}~", std::process::id()));
    std::fs::remove_file(&new).or_else(ignore_missing).map_err(io)?;
    let socket = UnixListener::bind(&new).map_err(io)?;
    std::fs::set_permissions(&new, std::fs::Permissions::from_mode(SOCKET_MODE)).map_err(io)?;
    std::fs::rename(&new, path).map_err(io)?;
    Ok(socket)
}

fn ignore_missing(error: io::Error) -> io::Result<()> {
    if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) }
}

/// A socket's file; goes when the socket does, unless another process has put its own there.
#[derive(Debug)]
struct SocketFile {
    path: PathBuf,
    file: (u64, u64),
}

impl SocketFile {
    fn of(path: &Path) -> io::Result<Self> {
        Ok(Self { path: path.to_owned(), file: identity(path)? })
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let ours = identity(&self.path).is_ok_and(|there| there == self.file);
        if ours && let Err(error) = std::fs::remove_file(&self.path) {
            tracing::debug!(path = %self.path.display(), %error, "the socket's file stays");
        }
    }
}

/// Device and inode: which file it is, whatever its name.
fn identity(path: &Path) -> io::Result<(u64, u64)> {
    let there = std::fs::symlink_metadata(path)?;
    Ok((there.dev(), there.ino()))
}

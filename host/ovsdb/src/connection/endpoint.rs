use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// Where a server listens, in the notation of ovsdb(7), "Connection Methods".
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// `unix:PATH`
    Unix(PathBuf),
    /// `tcp:HOST:PORT`, an IPv6 address in brackets.
    Tcp {
        /// Address or name, without brackets.
        host: String,
        /// The port.
        port: u16,
    },
    /// `ssl:HOST:PORT`
    Ssl {
        /// Address or name, without brackets.
        host: String,
        /// The port.
        port: u16,
    },
}

/// Text that names no endpoint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not an endpoint (unix:PATH, tcp:HOST:PORT or ssl:HOST:PORT): {0}")]
pub struct EndpointError(pub String);

impl EndpointError {
    /// A stable word for logs and metrics.
    pub fn code(&self) -> &'static str {
        "bad-endpoint"
    }
}

impl FromStr for Endpoint {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Self, EndpointError> {
        let wrong = || EndpointError(text.to_owned());
        let (method, rest) = text.split_once(':').ok_or_else(wrong)?;
        match method {
            "unix" if !rest.is_empty() => Ok(Self::Unix(PathBuf::from(rest))),
            "tcp" => parse_address(rest).map(|(host, port)| Self::Tcp { host, port }).ok_or_else(wrong),
            "ssl" => parse_address(rest).map(|(host, port)| Self::Ssl { host, port }).ok_or_else(wrong),
            _ => Err(wrong()),
        }
    }
}

fn parse_address(text: &str) -> Option<(String, u16)> {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => rest.split_once("]:")?,
        None => text.rsplit_once(':').filter(|(host, _)| !host.contains(':'))?,
    };
    let port = port.parse().ok().filter(|port| *port != 0)?;
    (!host.is_empty()).then(|| (host.to_owned(), port))
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (method, host, port) = match self {
            Self::Unix(path) => return write!(f, "unix:{}", path.display()),
            Self::Tcp { host, port } => ("tcp", host, port),
            Self::Ssl { host, port } => ("ssl", host, port),
        };
        if host.contains(':') {
            write!(f, "{method}:[{host}]:{port}")
        } else {
            write!(f, "{method}:{host}:{port}")
        }
    }
}

#[cfg(test)]
mod tests;

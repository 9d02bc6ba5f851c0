//! What goes wrong.

use std::{path::PathBuf, time::Duration};

/// Why something was not done. URLs in it have no query, and no text in it holds a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NeutronError {
    /// A setting does not do.
    #[error("{key} = {value:?}: {why}")]
    Setting {
        /// The key.
        key: &'static str,
        /// Its value; empty for a secret.
        value: String,
        /// What would do.
        why: String,
    },
    /// A file cannot be used.
    #[error("{}: {why}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// Keystone does not take who we say we are, or gives no rights.
    #[error("{url}: {status}: {message}")]
    Unauthorized {
        /// What was asked.
        url: String,
        /// HTTP status: 401 or 403.
        status: u16,
        /// The server's words.
        message: String,
    },
    /// The catalog has no endpoint of Neutron.
    #[error("the catalog of {url} has no endpoint of type network with interface {interface}{}", in_region(.region))]
    NoEndpoint {
        /// Keystone.
        url: String,
        /// The interface that was looked for.
        interface: &'static str,
        /// The region that was looked for.
        region: Option<String>,
    },
    /// The catalog has no endpoint of Octavia.
    #[error("the catalog has no endpoint of type load-balancer")]
    NoOctavia,
    /// Octavia does not let the account list what is not in its own project.
    #[error(
        "{url}: the account may not list {kind} of all projects ({message}): it needs the role admin; \
         load-balancer_global_observer does as well with Octavia 14 and 15, and with later ones where octavia.conf has \
         [oslo_policy] enforce_new_defaults = false"
    )]
    MissingRole {
        /// What was asked.
        url: String,
        /// The objects, in the plural.
        kind: &'static str,
        /// Octavia's words.
        message: String,
    },
    /// No connection could be made: the server has not got the request.
    #[error("{url}: {reason}")]
    Unreachable {
        /// What was asked.
        url: String,
        /// Why.
        reason: String,
    },
    /// The connection broke; whether the request was carried out is not known.
    #[error("{method} {url}: {reason}")]
    Broken {
        /// HTTP method.
        method: String,
        /// What was asked.
        url: String,
        /// Why.
        reason: String,
    },
    /// No answer in time; whether the request was carried out is not known.
    #[error("{method} {url}: no answer within {} s", after.as_secs_f32())]
    Timeout {
        /// HTTP method.
        method: String,
        /// What was asked.
        url: String,
        /// How long was waited.
        after: Duration,
    },
    /// The server says that it cannot now: 429, 500, 502, 503, 504.
    #[error("{method} {url}: {status}: {message}")]
    Busy {
        /// HTTP method.
        method: String,
        /// What was asked.
        url: String,
        /// HTTP status.
        status: u16,
        /// The server's words.
        message: String,
    },
    /// No such object: 404.
    #[error("{url}: {message}")]
    NotFound {
        /// What was asked.
        url: String,
        /// The server's words.
        message: String,
    },
    /// It does not go with what is there: 409.
    #[error("{method} {url}: {kind}: {message}")]
    Conflict {
        /// HTTP method.
        method: String,
        /// What was asked.
        url: String,
        /// Neutron's name of the error: `IpAddressAlreadyAllocated`, `OverQuota`.
        kind: String,
        /// Neutron's words.
        message: String,
    },
    /// Any other refusal.
    #[error("{method} {url}: {status}: {message}")]
    Refused {
        /// HTTP method.
        method: String,
        /// What was asked.
        url: String,
        /// HTTP status.
        status: u16,
        /// The server's words.
        message: String,
    },
    /// The answer makes no sense.
    #[error("{method} {url}: the answer makes no sense: {reason}")]
    Malformed {
        /// HTTP method.
        method: String,
        /// What was asked.
        url: String,
        /// What is wrong.
        reason: String,
    },
}

impl NeutronError {
    /// Stable code for logs, answers and metrics.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Setting { .. } => "neutron-setting",
            Self::File { .. } => "neutron-file",
            Self::Unauthorized { .. } => "neutron-unauthorized",
            Self::NoEndpoint { .. } => "neutron-no-endpoint",
            Self::NoOctavia => "octavia-no-endpoint",
            Self::MissingRole { .. } => "octavia-missing-role",
            Self::Unreachable { .. } => "neutron-unreachable",
            Self::Broken { .. } => "neutron-broken-connection",
            Self::Timeout { .. } => "neutron-timeout",
            Self::Busy { .. } => "neutron-busy",
            Self::NotFound { .. } => "neutron-not-found",
            Self::Conflict { .. } => "neutron-conflict",
            Self::Refused { .. } => "neutron-refused",
            Self::Malformed { .. } => "neutron-malformed",
        }
    }

    /// Whether the same may well go through later.
    pub fn passes(&self) -> bool {
        matches!(
            self,
            Self::Unreachable { .. }
                | Self::Broken { .. }
                | Self::Timeout { .. }
                | Self::Busy { .. }
                | Self::Malformed { .. }
        )
    }

    /// Whether requests for other objects would fail too: the service is away, or does not accept the account.
    pub fn is_outage(&self) -> bool {
        self.passes() || matches!(self, Self::Unauthorized { status: 401, .. } | Self::NoEndpoint { .. })
    }

    /// Whether the server may have carried out the request all the same.
    pub fn is_ambiguous(&self) -> bool {
        matches!(self, Self::Broken { .. } | Self::Timeout { .. } | Self::Malformed { .. })
            || matches!(self, Self::Busy { status: 500 | 502 | 504, .. })
    }

    /// Whether an address that was asked for has another port already.
    pub fn is_address_taken(&self) -> bool {
        matches!(self, Self::Conflict { kind, .. }
            if kind == "IpAddressAlreadyAllocated" || kind == "IpAddressInUse")
    }
}

fn in_region(region: &Option<String>) -> String {
    region.as_ref().map(|region| format!(" in region {region}")).unwrap_or_default()
}

/// Why a transaction has no results.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TransactError {
    /// There is no synchronised connection. Nothing was sent.
    #[error("not connected: nothing was sent")]
    NotConnected,
    /// The connection was lost after the request was handed over and before its reply came. It may or may not have been
    /// committed; only the replica of the next connection tells.
    #[error("connection lost before the reply: the transaction may or may not have been committed")]
    Unknown,
    /// An operation failed and nothing was committed (RFC 7047, section 4.1.3).
    #[error("operation {index}: {error}: {details}")]
    Operation {
        /// Which operation, counted from 0. The number of operations when all succeeded and the commit itself failed
        /// (referential integrity, constraints, input/output).
        index: usize,
        /// The error's name, e.g. `constraint violation`, `timed out`, `duplicate uuid`.
        error: String,
        /// The server's explanation.
        details: String,
    },
    /// The server refused the request as a whole. Nothing was committed.
    #[error("refused: {error}: {details}")]
    Refused {
        /// The error's name; `canceled` when the database was removed or converted meanwhile.
        error: String,
        /// The server's explanation.
        details: String,
    },
    /// The reply cannot be understood; it may or may not have been committed.
    #[error("malformed reply: {0}")]
    Malformed(String),
    /// The request is longer than the limit. Nothing was sent.
    #[error("request of {size} bytes is longer than {max}")]
    TooLarge {
        /// Its length in bytes.
        size: usize,
        /// The limit in bytes.
        max: usize,
    },
}

impl TransactError {
    /// A stable word for logs and metrics.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotConnected => "ovsdb-not-connected",
            Self::Unknown => "ovsdb-unknown-outcome",
            Self::Operation { error, .. } => match error.as_str() {
                "constraint violation" => "ovsdb-constraint-violation",
                "referential integrity violation" => "ovsdb-referential-integrity",
                "timed out" => "ovsdb-wait-failed",
                "duplicate uuid" => "ovsdb-duplicate-uuid",
                "not owner" => "ovsdb-not-lock-owner",
                "permission error" => "ovsdb-permission",
                _ => "ovsdb-operation-failed",
            },
            Self::Refused { .. } => "ovsdb-refused",
            Self::Malformed(_) => "ovsdb-malformed-reply",
            Self::TooLarge { .. } => "ovsdb-request-too-large",
        }
    }

    /// True when it is certain that nothing was committed.
    pub fn nothing_committed(&self) -> bool {
        !matches!(self, Self::Unknown | Self::Malformed(_))
    }
}

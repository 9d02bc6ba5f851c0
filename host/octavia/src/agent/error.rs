//! Errors.

use super::ObjectKind;

/// Why the agent did not do something.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AgentError {
    /// The agent answered that a record failed. Records before it in the agent's order are applied, later ones are not.
    #[error("the driver-agent refused {}: {fault}", subject(*.object, *.id))]
    Refused {
        /// Its words.
        fault: String,
        /// The kind of the failing record, where it says.
        object: Option<ObjectKind>,
        /// The id of the failing record, where it says.
        id: Option<uuid::Uuid>,
    },
    /// The socket cannot be reached, or the connection broke.
    #[error("{socket}: {reason}")]
    Io {
        /// The socket's path.
        socket: String,
        /// The system's reason.
        reason: String,
    },
    /// No answer in time; whether the request was carried out is not known.
    #[error("{socket}: no answer within {} s", .after.as_secs_f32())]
    Timeout {
        /// The socket's path.
        socket: String,
        /// How long was waited.
        after: std::time::Duration,
    },
    /// The answer makes no sense, or the agent closed the connection without one.
    #[error("{socket}: {reason}")]
    Malformed {
        /// The socket's path.
        socket: String,
        /// What is wrong.
        reason: String,
    },
}

impl AgentError {
    /// Stable code for logs and metrics.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Refused { .. } => "agent-refused",
            Self::Io { .. } => "agent-io",
            Self::Timeout { .. } => "agent-timeout",
            Self::Malformed { .. } => "agent-malformed",
        }
    }
}

fn subject(object: Option<ObjectKind>, id: Option<uuid::Uuid>) -> String {
    match (object, id) {
        (Some(object), Some(id)) => format!("{}/{id}", object.plural()),
        (Some(object), None) => object.plural().to_owned(),
        (None, _) => "the message".to_owned(),
    }
}

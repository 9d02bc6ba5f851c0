//! Requests to the agent.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use serde_json::{Value, json};
use uuid::Uuid;

use super::{AgentError, ObjectKind, StatusMessage, wire::exchange};
use crate::body::defaults::KnownDefaults;

/// Where the agent listens.
#[derive(Clone, Debug)]
pub struct AgentSockets {
    /// `[driver_agent] status_socket_path`.
    pub status: PathBuf,
    /// `[driver_agent] stats_socket_path`. Nothing is sent there: OVN does not count what a listener carries.
    pub stats: PathBuf,
    /// `[driver_agent] get_socket_path`.
    pub get: PathBuf,
    /// How long an answer may take. Statuses wait on row locks of Octavia's API, so 30 s is not too long.
    ///
    /// A [`Dispatcher`](super::Dispatcher) waits four times as long until it sends the statuses of a message again: a
    /// message that is still on its way could overtake what comes after it.
    pub timeout: Duration,
}

/// A client of the agent; every request is a connection of its own.
#[derive(Clone, Debug)]
pub struct Agent {
    sockets: AgentSockets,
    defaults: KnownDefaults,
}

impl Agent {
    /// A client of these sockets; they need not be there yet.
    pub fn new(sockets: AgentSockets) -> Self {
        Self { sockets, defaults: KnownDefaults::default() }
    }

    /// The same, which takes none of these values for a user's wish.
    #[must_use]
    pub fn with_defaults(self, defaults: KnownDefaults) -> Self {
        Self { defaults, ..self }
    }

    pub(super) fn defaults(&self) -> &KnownDefaults {
        &self.defaults
    }

    pub(super) fn get_socket(&self) -> &Path {
        &self.sockets.get
    }

    pub(super) fn timeout(&self) -> Duration {
        self.sockets.timeout
    }

    /// The object as octavia-lib's dictionary with its children; `None` if Octavia does not know it. Statuses are not in it.
    ///
    /// # Errors
    /// [`AgentError::Io`], [`AgentError::Timeout`] or [`AgentError::Malformed`].
    pub async fn get(&self, kind: ObjectKind, id: Uuid) -> Result<Option<Value>, AgentError> {
        let request = json!({"object": kind.plural(), "id": id});
        let reply = exchange(self.sockets.get.clone(), &request, self.sockets.timeout).await?;
        match reply {
            Value::Object(object) if object.is_empty() => Ok(None),
            Value::Object(_) => Ok(Some(reply)),
            other => Err(nonsense(&self.sockets.get, &other)),
        }
    }

    /// Sends one message and waits for its answer.
    ///
    /// # Errors
    /// [`AgentError::Refused`] when a record failed; those before it are applied. After [`AgentError::Timeout`] and
    /// [`AgentError::Malformed`] all, some or none of the records are.
    pub async fn send_status(&self, message: &StatusMessage) -> Result<(), AgentError> {
        self.send_status_within(message, self.sockets.timeout).await
    }

    pub(super) async fn send_status_within(
        &self,
        message: &StatusMessage,
        timeout: Duration,
    ) -> Result<(), AgentError> {
        let reply = exchange(self.sockets.status.clone(), &message.to_json(), timeout).await?;
        match reply.get("status_code").and_then(Value::as_u64) {
            Some(200) => Ok(()),
            Some(_) => {
                let text = |key: &str| reply.get(key).and_then(Value::as_str);
                Err(AgentError::Refused {
                    fault: text("fault_string").unwrap_or("no reason given").to_owned(),
                    object: text("status_object").and_then(ObjectKind::from_plural),
                    id: text("status_object_id").and_then(|id| id.parse().ok()),
                })
            }
            None => Err(nonsense(&self.sockets.status, &reply)),
        }
    }
}

fn nonsense(socket: &Path, reply: &Value) -> AgentError {
    let start: String = reply.to_string().chars().take(200).collect();
    malformed(socket, format!("the answer is {start}"))
}

pub(super) fn malformed(socket: &Path, reason: String) -> AgentError {
    AgentError::Malformed { socket: socket.display().to_string(), reason }
}

//! What is asked of the server, and what becomes of its answers.

use std::time::Instant;

use serde_json::Value;

use super::{Model, Output, Pending, Session, message};
use crate::transaction::{OperationResult, TransactError, parse_reply};
use crate::value::shown;

/// The server's word for transactions that a conversion has overtaken.
const CANCELED: &str = "canceled";

impl<T> Session<T> {
    pub(super) fn request(
        &mut self,
        pending: Pending<T>,
        method: &str,
        params: &str,
        out: &mut Vec<Output<T>>,
    ) {
        let id = self.next_id;
        self.next_id += 1;
        self.pending.insert(id, pending);
        out.push(Output::Send(message::request(id, method, params)));
    }

    /// Asks for the locks that this connection has not asked for yet.
    ///
    /// A relay would grant them by itself, to one client of each relay, and the server behind it knows nothing of it.
    pub(super) fn request_locks(&mut self, out: &mut Vec<Output<T>>) {
        if self.is_synced() && self.server().is_none_or(|server| server.model != Model::Relay) {
            for name in self.locks.take_free() {
                self.request_lock(name, out);
            }
        }
    }

    pub(super) fn request_unlock(&mut self, name: &str, out: &mut Vec<Output<T>>) {
        self.request(Pending::Ignored, "unlock", &format!("[{}]", Value::from(name)), out);
    }

    pub(super) fn request_lock(&mut self, name: String, out: &mut Vec<Output<T>>) {
        let params = format!("[{}]", Value::from(name.as_str()));
        self.request(Pending::Lock(name), "lock", &params, out);
    }

    pub(super) fn transact(
        &mut self,
        sent: Instant,
        ticket: T,
        params: &str,
        count: usize,
        out: &mut Vec<Output<T>>,
    ) {
        let max = self.config.max_message;
        if !self.is_synced() {
            out.push(Output::Reply { ticket, result: Err(TransactError::NotConnected) });
        } else if params.len() > max {
            out.push(Output::Reply {
                ticket,
                result: Err(TransactError::TooLarge { size: params.len(), max }),
            });
        } else {
            let monitor = self.monitor;
            self.request(Pending::Transact { ticket, count, sent, monitor }, "transact", params, out);
        }
    }

    pub(super) fn reply(
        &mut self,
        pending: Pending<T>,
        result: Value,
        error: Value,
        out: &mut Vec<Output<T>>,
    ) {
        match pending {
            Pending::Transact { ticket, count, sent, monitor } => {
                self.liveness.answered(self.liveness.last_received.saturating_duration_since(sent));
                let result = parse_reply(count, result, error);
                let result = if monitor == self.monitor && self.is_synced() {
                    result
                } else {
                    after_conversion(result)
                };
                out.push(Output::Reply { ticket, result });
            }
            Pending::ServerMonitor => self.server_answered(result, &error, out),
            Pending::Schema => self.schema_answered(&result, &error, out),
            Pending::Monitor(method) => self.monitor_answered(method, result, &error, out),
            Pending::Lock(name) => {
                match result.get("locked").and_then(Value::as_bool).filter(|_| error.is_null()) {
                    Some(held) => self.lock_told(name, held, out),
                    None => self.lock_refused(name, &error, out),
                }
            }
            Pending::Ignored => {}
        }
    }

    pub(super) fn lock_told(&mut self, name: String, held: bool, out: &mut Vec<Output<T>>) {
        if self.locks.told(&name, held) {
            out.push(Output::Lock { name, held });
        }
    }

    pub(super) fn lock_refused(&mut self, name: String, error: &Value, out: &mut Vec<Output<T>>) {
        let Some(was_held) = self.locks.refused(&name, self.liveness.last_received) else { return };
        if was_held {
            out.push(Output::Lock { name: name.clone(), held: false });
        }
        let words = |key: &str| error.get(key).and_then(Value::as_str);
        let error = words("details").or_else(|| words("error")).map_or_else(|| shown(error), str::to_owned);
        out.push(Output::LockRefused { name, error });
    }
}

/// What a transaction's answer means that was sent before the monitor was canceled and comes after it: the database was
/// converted in between, or came back as another one.
fn after_conversion(
    result: Result<Vec<OperationResult>, TransactError>,
) -> Result<Vec<OperationResult>, TransactError> {
    match result {
        // It was made for another schema, and may be right for this one when it is made anew.
        Err(TransactError::Operation { error, details, .. }) => {
            Err(TransactError::Refused { error: CANCELED.to_owned(), details: format!("{error}: {details}") })
        }
        Err(error) => Err(error),
        // Its changes need not be in the replica.
        Ok(_) => Err(TransactError::Unknown),
    }
}

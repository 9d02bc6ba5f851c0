//! From a fresh connection to a replica that follows.

use std::sync::Arc;
use std::time::Instant;

use serde_json::{Value, json};
use uuid::Uuid;

use super::liveness::{Liveness, Patience};
use super::message::{self, SERVER_MONITOR};
use super::server::{self, ServerState, Unfit};
use super::{Method, Output, Pending, Reason, Resume, ServerAnswer, Session, State};
use crate::replica::{Dialect, Layout, Replica};
use crate::schema::Schema;
use crate::value::{parse_uuid, shown};

impl<T> Session<T> {
    pub(super) fn connected(&mut self, now: Instant, patience: Patience, out: &mut Vec<Output<T>>) {
        self.liveness = Liveness::new(now, patience);
        self.pending.clear();
        self.state = State::Asking;
        self.server = None;
        self.layout = None;
        self.method = Method::CondSince;
        let columns = json!(["_Server", SERVER_MONITOR, { "Database": [{ "columns": server::COLUMNS }] }]);
        self.request(Pending::ServerMonitor, "monitor", &columns.to_string(), out);
        self.request(Pending::Ignored, "set_db_change_aware", "[true]", out);
        self.request_schema(out);
    }

    fn request_schema(&mut self, out: &mut Vec<Output<T>>) {
        let params = json!([self.config.database]).to_string();
        self.request(Pending::Schema, "get_schema", &params, out);
    }

    pub(super) fn server_answered(&mut self, result: Value, error: &Value, out: &mut Vec<Output<T>>) {
        if error.is_null() {
            self.server_update(&result, out);
        } else {
            self.server = Some(ServerAnswer::Plain);
            self.proceed(out);
        }
    }

    /// The `_Server` database told its state, first or anew.
    pub(super) fn server_update(&mut self, updates: &Value, out: &mut Vec<Output<T>>) {
        match ServerState::from_updates(&self.config.database, updates) {
            // A server that has just started may take a moment to list its databases; get_schema tells whether it has
            // this one.
            None => {}
            Some(Err(unfit)) => self.close(unfit.into(), out),
            Some(Ok(state)) => {
                let fit =
                    state.check(self.config.leader_only, &mut self.history, self.liveness.last_received);
                self.server = Some(ServerAnswer::State(state));
                match fit {
                    Ok(()) => self.proceed(out),
                    Err(unfit) => self.close(unfit.into(), out),
                }
            }
        }
    }

    pub(super) fn schema_answered(&mut self, result: &Value, error: &Value, out: &mut Vec<Output<T>>) {
        if !error.is_null() {
            let reason = match self.server {
                None => Unfit::NoDatabase.into(),
                Some(_) => Reason::NoSchema(shown(error)),
            };
            return self.close(reason, out);
        }
        match Schema::from_json(result) {
            Ok(schema) => {
                self.layout = Some(Arc::new(Layout::new(schema, &self.config.tables)));
                self.proceed(out);
            }
            Err(error) => self.close(error.into(), out),
        }
    }

    /// Monitors as soon as both answers are there.
    fn proceed(&mut self, out: &mut Vec<Output<T>>) {
        if self.state == State::Asking && self.server.is_some() && self.layout.is_some() {
            self.state = State::Reading;
            self.request_monitor(out);
        }
    }

    fn request_monitor(&mut self, out: &mut Vec<Output<T>>) {
        let Some(layout) = &self.layout else { return };
        self.monitor += 1;
        let mut params = vec![
            json!(self.config.database),
            json!(self.monitor),
            layout.monitor_requests(self.method != Method::Plain),
        ];
        let method = match self.method {
            Method::CondSince => {
                params.push(json!(self.resumable().unwrap_or_else(Uuid::nil)));
                "monitor_cond_since"
            }
            Method::Cond => "monitor_cond",
            Method::Plain => "monitor",
        };
        self.request(Pending::Monitor(self.method), method, &Value::Array(params).to_string(), out);
    }

    /// The last transaction seen, where the replica is of the same cluster and has the same columns.
    fn resumable(&self) -> Option<Uuid> {
        let resume = self.resume?;
        let same_columns = self.replica.read().layout() == self.layout.as_ref();
        (same_columns && resume.cluster == self.cluster()).then_some(resume.last_transaction)
    }

    fn cluster(&self) -> Option<Uuid> {
        self.server().and_then(|state| state.cluster)
    }

    pub(super) fn monitor_answered(
        &mut self,
        method: Method,
        result: Value,
        error: &Value,
        out: &mut Vec<Output<T>>,
    ) {
        if self.state != State::Reading {
            return;
        }
        if !error.is_null() {
            self.method = match method {
                Method::CondSince => Method::Cond,
                Method::Cond => Method::Plain,
                Method::Plain => return self.close(Reason::NoMonitor(shown(error)), out),
            };
            return self.request_monitor(out);
        }
        let changed = match method {
            Method::CondSince => match <[Value; 3]>::try_from(message::array(result)) {
                Ok([Value::Bool(true), last, updates]) => self.resumed(&last, updates),
                Ok([_, last, updates]) => {
                    self.read_anew(Dialect::Update2, updates).inspect(|_| self.remember(Some(&last)))
                }
                Err(_) => Err(Reason::Malformed("reply to monitor_cond_since".to_owned())),
            },
            Method::Cond => self.read_anew(Dialect::Update2, result),
            Method::Plain => self.read_anew(Dialect::Update, result),
        };
        match changed {
            Ok(changed) => {
                self.state = State::Following;
                out.push(changed);
                out.push(Output::Synced);
                self.request_locks(out);
            }
            Err(reason) => self.close(reason, out),
        }
    }

    /// The reply holds what came after our last transaction.
    fn resumed(&mut self, last: &Value, updates: Value) -> Result<Output<T>, Reason> {
        if self.resumable().is_none() {
            return Err(Reason::Malformed("resumed what was not to be resumed".to_owned()));
        }
        let staged = self.replica.read().stage(Dialect::Update2, updates).map_err(Reason::BadUpdate)?;
        let changed = self.replica.write().commit(staged);
        self.remember(Some(last));
        Ok(Output::Changed(changed))
    }

    /// The reply holds everything.
    fn read_anew(&mut self, dialect: Dialect, updates: Value) -> Result<Output<T>, Reason> {
        let layout =
            self.layout.clone().ok_or_else(|| Reason::Malformed("monitor without schema".to_owned()))?;
        self.resume = None;
        let fresh = Replica::build(&layout, dialect, updates)?;
        // Freeing the old rows takes a while; readers need not wait for it.
        let (changed, old) = self.replica.write().replace(fresh);
        drop(old);
        Ok(Output::Changed(changed))
    }

    /// Where to resume. Servers without transaction ids say zero.
    pub(super) fn remember(&mut self, last: Option<&Value>) {
        let last = last.and_then(Value::as_str).and_then(|text| parse_uuid(text).ok());
        self.resume = last
            .filter(|last| !last.is_nil())
            .map(|last_transaction| Resume { cluster: self.cluster(), last_transaction });
    }

    /// The database was converted or removed: requests the schema and a full read. Locks belong to the connection and
    /// stay.
    pub(super) fn canceled(&mut self, out: &mut Vec<Output<T>>) {
        self.unsynced(out);
        self.state = State::Asking;
        self.layout = None;
        self.resume = None;
        self.request_schema(out);
    }

    /// Cancels the monitor and starts a full read over the same connection, or over the next one where there is none.
    pub(super) fn reread(&mut self, out: &mut Vec<Output<T>>) {
        self.resume = None;
        if self.is_synced() {
            let monitor = json!([self.monitor]).to_string();
            self.request(Pending::Ignored, "monitor_cancel", &monitor, out);
            self.canceled(out);
        }
    }
}

//! What the server tells unasked, once it is monitored.

use serde_json::Value;

use super::{Output, Reason, Session, message};
use crate::replica::Dialect;

impl<T> Session<T> {
    pub(super) fn notification(&mut self, method: &str, params: Value, out: &mut Vec<Output<T>>) {
        match (method, message::array(params)) {
            ("locked" | "stolen", params) => {
                if let Some(Value::String(name)) = params.into_iter().next() {
                    self.lock_told(name, method == "locked", out);
                }
            }
            ("monitor_canceled", params) if params.first().is_some_and(|name| self.is_data_monitor(name)) => {
                self.canceled(out);
            }
            ("update", params) => match <[Value; 2]>::try_from(params) {
                Ok([name, updates]) if name == message::SERVER_MONITOR => self.server_update(&updates, out),
                Ok([name, updates]) => self.data_update(&name, Dialect::Update, None, updates, out),
                Err(_) => self.close(Reason::Malformed("update".to_owned()), out),
            },
            ("update2", params) => match <[Value; 2]>::try_from(params) {
                Ok([name, updates]) => self.data_update(&name, Dialect::Update2, None, updates, out),
                Err(_) => self.close(Reason::Malformed("update2".to_owned()), out),
            },
            ("update3", params) => match <[Value; 3]>::try_from(params) {
                Ok([name, last, updates]) => {
                    self.data_update(&name, Dialect::Update2, Some(last), updates, out)
                }
                Err(_) => self.close(Reason::Malformed("update3".to_owned()), out),
            },
            // What a newer server may send unasked is none of ours.
            _ => {}
        }
    }

    fn data_update(
        &mut self,
        name: &Value,
        dialect: Dialect,
        last: Option<Value>,
        updates: Value,
        out: &mut Vec<Output<T>>,
    ) {
        if !self.is_data_monitor(name) || !self.is_synced() {
            return;
        }
        let staged = self.replica.read().stage(dialect, updates);
        match staged {
            Ok(staged) => {
                let changed = self.replica.write().commit(staged);
                self.remember(last.as_ref());
                out.push(Output::Changed(changed));
            }
            Err(error) => self.close(Reason::BadUpdate(error), out),
        }
    }

    fn is_data_monitor(&self, name: &Value) -> bool {
        name.as_u64() == Some(self.monitor)
    }
}

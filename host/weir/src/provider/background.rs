//! The condition `background-lock`: whether this host does background work, and why not.

use tracing::{info, warn};
use weir_ovsdb::Status;

use super::Host;
use crate::limits;

/// Why an OVSDB relay in front of the Northbound ends background work, and what to do about it.
pub(crate) const RELAY: &str = "an OVSDB relay grants locks that the Northbound behind it does not know: provider calls are served, \
     background work is not done by any host that is connected like this; name the Northbound's own servers in \
     ovn_nb_connection (the Southbound may be a relay)";

impl Host {
    /// The state of the background work.
    pub(super) fn background_in_words(&self) -> String {
        let status = self.northbound.status().borrow().clone();
        if !status.holds(limits::BACKGROUND_LOCK) {
            return why_not_held(&status);
        }
        if !self.dirty.is_active() {
            return "held; everything is about to be looked at".to_owned();
        }
        let (dirty, drifted) = (self.dirty.count(), self.drift.count());
        format!("held; {dirty} load balancers are to be looked at, {drifted} are not as they should be")
    }
}

/// Why this host does not hold the lock.
fn why_not_held(status: &Status) -> String {
    if !status.synced {
        let why = status.last_error.as_deref().unwrap_or("not connected yet");
        return format!("the Northbound, which grants the lock, is not connected: {why}");
    }
    if status.is_relay() {
        return format!("{}: {RELAY}", status.endpoint.as_deref().unwrap_or_default());
    }
    match status.lock_errors.get(limits::BACKGROUND_LOCK) {
        Some(error) => format!("the Northbound refuses the lock {}: {error}", limits::BACKGROUND_LOCK),
        None => "another host holds the lock and does the background work".to_owned(),
    }
}

/// Logs once that the Northbound is behind a relay, and once that it is not any more.
#[derive(Debug, Default)]
pub(super) struct RelayLog(bool);

impl RelayLog {
    /// While there is no connection it is not known what the next one leads to.
    pub(super) fn observe(&mut self, status: &Status) {
        let relay = if status.synced { status.is_relay() } else { self.0 };
        if relay == std::mem::replace(&mut self.0, relay) {
            return;
        }
        let endpoint = status.endpoint.as_deref();
        if relay {
            warn!(endpoint, reason = RELAY, "Northbound is an OVSDB relay, background work is off");
        } else {
            info!(endpoint, "Northbound is not an OVSDB relay any more");
        }
    }
}

//! Named points at which the tests let the host die.
//!
//! A debug build ends itself, as kill -9 would, at the first passage of the point that `WEIR_CRASH_AT` names. In a release
//! build there are no such points.

use std::sync::OnceLock;

/// A call has been judged good; nothing is on disk.
pub const JUDGED: &str = "judged";
/// The change is on disk; it is neither answered nor on its way to the Northbound.
pub const ACCEPTED: &str = "accepted";
/// The change is in the Northbound; nothing else is noted.
pub const COMMITTED: &str = "committed";
/// The change's end and its statuses are on disk; nothing is handed to the sender.
pub const FINISHED: &str = "finished";
/// A message with statuses is about to be sent.
pub const SENDING: &str = "sending";
/// The agent has taken the message; that is not noted.
pub const SENT: &str = "sent";
/// The delivery is noted, not yet on disk.
pub const DELIVERED: &str = "delivered";

/// Passes a point.
pub fn point(name: &str) {
    static WANTED: OnceLock<Option<String>> = OnceLock::new();
    if cfg!(debug_assertions) {
        let wanted = WANTED.get_or_init(|| std::env::var("WEIR_CRASH_AT").ok());
        if wanted.as_deref() == Some(name) {
            std::process::abort();
        }
    }
}

//! Accepted changes and statuses not yet delivered, on disk: what the host must not forget when it is killed.
//!
//! ```text
//!   accept, finish, tombstone, put_note ──> queue ──> writer thread ──> one redb transaction, one fsync ──> all callers
//! ```
//!
//! Reads and writes one redb file of its own. It never looks into a payload, never drops a change that is not finished
//! or a status that is not delivered, and never says that something is on disk before it is.
//!
//! # What happens when
//!
//! * **Many calls at once**: whatever waits while a transaction is under way shares the next one.
//! * **kill -9**: what was acknowledged is there, in order; a call under way is there or not.
//! * **The disk fails, or is full**: the calls of that transaction and all further ones get
//!   [`JournalError::Broken`]. The file is opened again and again until it works; what the failed transaction may have
//!   left is undone before anything else is written, so that a refused call stays refused. (Only a host that is killed
//!   before that can find a refused change among the pending ones: it has to ask what became of it anyway.)
//! * **Too many pending changes, or bytes**: [`JournalError::Full`]; the oldest finished changes go first.
//!
//! Parts: [`Journal`] the handle · `writer` the thread · `index` what it knows of the file · `store` the file.

mod entry;
mod error;
#[cfg(test)]
mod faults;
mod index;
mod journal;
mod store;
#[cfg(test)]
mod tests;
mod writer;

pub use entry::{ChangeEntry, JournalStatus, Note, OutboxEntry, Recovered, Settings, State};
pub use error::JournalError;
pub use journal::Journal;

//! What goes wrong: input, plugins, connections, other writers. Each a clear answer, nothing written that should not be,
//! nothing lost, nothing twice.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod bad_input;
mod changes;
mod cluster;
mod concurrency;
mod connection;
mod journal;
mod lost_update;
mod options;
mod plugins;
mod stuck;
mod tcp;
mod unsupported;

//! The provider API as its callers see it, over a provider that records what it is asked for.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod arbitrary;
mod bodies;
mod calls;
mod document;
mod flavors;
mod graph;
mod headers;
mod read;
mod recorder;
mod server;
mod sockets;
mod tls;
mod tls_fixture;
mod wrong_types;

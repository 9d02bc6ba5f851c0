//! What happens around load balancers leads to them, without anybody's call: real `ovsdb-server`s, the real binary, and an
//! agent that writes down what Octavia is told.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod centralised;
mod cidrs;
mod drift;
mod handover;
mod health;
mod lab;
mod pausing;
mod plan;
mod port_state;
mod release;
mod repair;
mod sources;
mod sync;
mod topology;

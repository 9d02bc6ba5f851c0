//! The client of Octavia's driver-agent over real sockets, with an agent of the test's own.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod delivery;
mod fake_agent;
mod load_balancer;
mod octavia;

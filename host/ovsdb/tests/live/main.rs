//! The client against real servers, and against servers that misbehave.

mod cluster;
mod common;
mod fake;
mod standalone;
mod tls;

//! The client of Octavia's driver-agent: reads objects over its get socket, and sees to it that statuses arrive.
//!
//! ```text
//!   enqueue ──> Schedule (what to send when; no I/O, no clock) <──> Dispatcher ──> Agent ──> status and get sockets
//! ```
//!
//! It reads answers of the agent and writes requests to it; it keeps nothing on disk, and never drops a status but for a
//! newer one of the same object, at the caller's wish, or on the agent's own definite answers: that Octavia has rolled
//! back the object's creation, or, for 15 minutes, that it does not know the object or refuses the status while it takes
//! others.
//!
//! What the agent does with a status (observed with Octavia 19, see the README's operator part): every record is a
//! database transaction of its own, in the order of [`ObjectKind`]; the first one that fails ends the message, and those
//! before it stay. Statuses of objects that are not in the database yet are lost without a word, or fail, by kind. While
//! an API call is open, Octavia holds a lock on the load balancer's row, and a status of that row waits for its end.

mod asking;
mod client;
#[cfg(test)]
mod created_tests;
mod dispatcher;
mod error;
mod events;
mod kind;
mod l7;
#[cfg(test)]
mod l7_tests;
#[cfg(test)]
mod late_tests;
mod load_balancer;
mod message;
mod presence;
mod queue;
#[cfg(test)]
mod rollback_tests;
mod schedule;
#[cfg(test)]
mod schedule_case;
#[cfg(test)]
mod schedule_properties;
#[cfg(test)]
mod schedule_tests;
mod sending;
mod wire;

pub use client::{Agent, AgentSockets};
pub use dispatcher::{Dispatcher, DispatcherSettings};
pub use error::AgentError;
pub use events::Events;
pub use kind::ObjectKind;
pub use l7::L7Policy;
pub use message::{StatusMessage, StatusRecord, StatusUpdate};
pub use schedule::BacklogStatus;

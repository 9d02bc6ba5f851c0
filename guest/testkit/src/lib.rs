//! * Reads: a plugin's answers, files of cases. Writes: nothing. Never: knows a protocol or an algorithm by name
//!   (Octavia's words are data), or needs a dependency but the SDK.
//!
#![doc = include_str!("../README.md")]

mod asker;
mod cases;
mod conformance;
mod generate;
pub mod json;
mod macros;
mod octavia;
mod properties;
mod question;
mod relations;
mod report;
mod rules;
pub mod sample;
mod subject;
mod write;

pub use cases::cases;
pub use conformance::{Depth, conformance};
#[doc(hidden)]
pub use macros::sandboxed;
pub use properties::{comparison, properties};
pub use question::{Question, Reply, Unit};
pub use report::{Finding, Report};
pub use rules::{Fault, check};
pub use subject::{Answer, Broken, Native, Subject, UNSERVED};

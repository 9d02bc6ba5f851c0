//! What plugin authors use: `weir plugin new`, `build`, `test`, `bench` and `inspect`, without OpenStack, OVN or network.
//!
//! * Reads: a plugin's project folder, its component, the shipped plugins.
//! * Writes: a new project folder, the built component.
//! * Never: talks to a running host, to Octavia or to OVN.

pub mod bench;
mod convert;
mod error;
mod subject;
pub mod test;

pub use bench::{BenchOptions, BenchReport};
pub use error::AuthorError;
pub use subject::Sandboxed;
pub use test::{TestOptions, TestReport, conformance, conformance_under};

//! What plugin authors use: `weir plugin new`, `build`, `test`, `bench` and `inspect`, without OpenStack, OVN or network.
//!
//! * Reads: a plugin's project folder, its component, the shipped plugins.
//! * Writes: a new project folder, the built component, compiled components in the user's cache folder.
//! * Never: talks to a running host, to Octavia or to OVN.
//!
//! | module | what |
//! |---|---|
//! | [`new`] | a project from a template |
//! | [`project`] | a project folder and its `weir-plugin.toml` |
//! | [`build`] | a component from a project |
//! | [`inspect`] | what is in a component |
//! | [`test`](mod@test) | conformance, golden cases, random questions, in the sandbox |
//! | [`bench`] | what a component's calls cost |

pub mod bench;
pub mod build;
mod component;
mod convert;
mod error;
pub mod inspect;
pub mod new;
pub mod project;
mod subject;
pub mod test;

pub use bench::{BenchOptions, BenchReport};
pub use component::Needs;
pub use error::AuthorError;
pub use subject::Sandboxed;
pub use test::{TestOptions, TestReport, conformance, conformance_under};

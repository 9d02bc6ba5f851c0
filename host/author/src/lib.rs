//! What plugin authors use: `weir plugin new`, `build`, `test`, `bench` and `inspect`, without OpenStack, OVN or network.
//!
//! * Reads: a plugin's project folder, its component, the shipped plugins.
//! * Writes: a new project folder, the built component.
//! * Never: talks to a running host, to Octavia or to OVN.

mod error;

pub use error::AuthorError;

//! What plugin authors use: `weir plugin new`, `build`, `test`, `bench` and `inspect`, without OpenStack, OVN or network.
//!
//! * Reads: a plugin's project folder, its component, the shipped plugins.
//! * Writes: a new project folder, the built component.
//! * Never: talks to a running host, to Octavia or to OVN.
//!
//! | module | what |
//! |---|---|
//! | [`new`] | a project from a template |
//! | [`project`] | a project folder and its `weir-plugin.toml` |
//! | [`build`] | a component from a project |
//! | [`inspect`] | what is in a component |

pub mod build;
mod component;
mod error;
pub mod inspect;
pub mod new;
pub mod project;

pub use component::Needs;
pub use error::AuthorError;

//! WebAssembly plugins: loading, limits, calls.
//!
//! * Reads: the components it was built with, a folder of components, its cache of compiled ones.
//! * Writes: that cache, log lines.
//! * Never: lets a plugin do anything but compute and log; believes an answer unchecked; keeps anything of a
//!   plugin's from one call to the next; knows any protocol or algorithm by name.
//!
//! Calls block: up to [`Limits::deadline`], and while all of [`Limits::concurrent_calls`] are taken.
//!
//! ```no_run
//! use weir_sandbox::{Limits, Registry, Sandbox};
//!
//! let sandbox = Sandbox::new(Limits::default(), None)?;
//! let registry = Registry::load(&sandbox, None)?;
//! for plugin in registry.plugins() {
//!     assert!(!plugin.version().is_empty());
//! }
//! # Ok::<(), weir_sandbox::Error>(())
//! ```

mod bindings;
mod budget;
mod cache;
mod calls;
mod check;
mod engine;
mod error;
#[cfg(feature = "faulty")]
pub mod faulty;
mod health;
mod limits;
mod load;
mod manifest;
mod plugin;
mod registry;
mod set;
mod settings;
mod shipped;
mod signature;
mod state;
mod stats;

pub use bindings::algorithm_world::exports::weir::plugin::algorithm::Distribution;
pub use bindings::protocol_world::exports::weir::plugin::protocol::{
    Backend, Entry, HealthCheck, Translation,
};
pub use bindings::protocol_world::weir::plugin::types::{
    Context, Description, Family, Health, Listener, Member, Monitor, Persistence, Pool, Refusal, Share, Vip,
};
pub use engine::Sandbox;
pub use error::{CallError, Error, Failure, FailureKind};
pub use health::Suspended;
pub use limits::Limits;
pub use manifest::MANIFEST;
pub use plugin::Plugin;
pub use registry::Registry;
pub use set::{Part, PluginSet, Trust};
pub use settings::{OnFailure, Settings};
pub use shipped::shipped;
pub use stats::Stats;

//! What a Weir plugin is written with: the types of `wit/`, traits to implement, macros that export an
//! implementation from a WebAssembly component, and what translations of one kind share.
//!
//! * Reads: what the host hands to a call. Writes: an answer, and lines to the host's log. Never: files,
//!   sockets, clocks, random numbers; a plugin has none of them.
//! * The export glue exists on `wasm32` only, so a plugin's functions also compile and run natively: tests and
//!   measurements call the same code without a host.
//!
//! ```
//! use weir_guest::*;
//!
//! struct Evenly;
//!
//! impl Plugin for Evenly {
//!     fn describe() -> Description {
//!         Description {
//!             name: "evenly".into(),
//!             version: env!("CARGO_PKG_VERSION").into(),
//!             protocols: vec![],
//!             algorithms: vec!["EVENLY".into()],
//!             fallback: false,
//!             config_schema: String::new(),
//!             options: vec![],
//!         }
//!     }
//! }
//!
//! impl Algorithm for Evenly {
//!     fn distribute(_: &Context, _: Option<&Pool>, members: &[Member]) -> Result<Distribution, Refusal> {
//!         let shares = (0..).zip(members).map(|(member, _)| Share { member, copies: 1 }).collect();
//!         Ok(Distribution { selection_fields: vec![], options: vec![], shares })
//!     }
//! }
//!
//! weir_guest::export_algorithm!(Evenly);
//! ```

#[doc(hidden)]
pub mod bindings;
mod export;
pub mod l4;
pub mod log;
mod refusal;
mod traits;

pub use bindings::about_part::weir::plugin::types::{
    Context, Description, Family, Health, Listener, Member, Monitor, Persistence, Pool, Refusal, Share, Vip,
};
pub use bindings::algorithm_part::exports::weir::plugin::algorithm::Distribution;
pub use bindings::protocol_part::exports::weir::plugin::protocol::{
    Backend, Entry, HealthCheck, Translation,
};
pub use export::Adapter;
pub use traits::{Algorithm, Plugin, Protocol};

/// The value of `key` in a list of pairs, or none.
pub fn value<'a>(pairs: &'a [(String, String)], key: &str) -> Option<&'a str> {
    pairs.iter().find(|(k, _)| k == key).map(|(_, v)| v.as_str())
}

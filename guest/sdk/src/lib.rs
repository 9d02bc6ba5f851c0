//! What a Weir plugin is written with: the types of `wit/`, traits to implement, macros that export an
//! implementation from a WebAssembly component, and what translations of one kind share.
//!
//! * Reads: what the host hands to a call. Writes: an answer, and lines to the host's log. Never: files,
//!   sockets, clocks, random numbers; a plugin has none of them.
//! * The export glue exists on `wasm32` only, so a plugin's functions also compile and run natively: tests and
//!   measurements call the same code without a host.
//! * No dependencies.
//!
//! # A plugin for a protocol
//!
//! It says what it is, what a listener with its pool becomes, which members it cannot have and which monitors it
//! can. Where OVN balances by connection, [`export_l4!`] has all of this from a table ([`l4::L4`]); by hand:
//!
//! ```
//! use weir_guest::*;
//!
//! struct Pigeon;
//!
//! impl Plugin for Pigeon {
//!     fn describe() -> Description {
//!         Description::of_protocols("pigeon", env!("CARGO_PKG_VERSION"), &["PIGEON"])
//!     }
//! }
//!
//! impl Protocol for Pigeon {
//!     fn translate(
//!         ctx: &Context,
//!         listener: Option<&Listener>,
//!         pool: Option<&Pool>,
//!         members: &[Member],
//!         shares: &[Share],
//!     ) -> Result<Translation, Refusal> {
//!         // What is not served is refused, whichever part says it.
//!         let words = [(listener.map(|l| &l.protocol), "listener.protocol"), (pool.map(|p| &p.protocol), "pool.protocol")];
//!         for (word, field) in words {
//!             if let Some(word) = word && word != "PIGEON" {
//!                 return Err(Refusal::unsupported("unsupported-protocol", field, "carry", word, &["PIGEON"]));
//!             }
//!         }
//!         let (Some(listener), Some(pool)) = (listener, pool) else {
//!             if listener.is_none() && pool.is_none() {
//!                 return Err(Refusal::new("not-the-fallback", "", "a load balancer without listeners is not ours"));
//!             }
//!             return Ok(Translation::empty("pigeon", "a listener and a pool are needed"));
//!         };
//!         if listener.port == 0 {
//!             return Err(Refusal::new("invalid-port", "listener.protocol_port", "a listener needs a port above 0"));
//!         }
//!         if !listener.enabled || !pool.enabled {
//!             return Ok(Translation::empty("pigeon", "the listener or the pool is disabled"));
//!         }
//!         let entries = entries(ctx, listener.port, members, shares);
//!         let empty_reason = entries.is_empty().then(|| why_empty(ctx, members, shares).into());
//!         Ok(Translation { transport: "pigeon".into(), entries, options: vec![], empty_reason })
//!     }
//!
//!     fn check_members(_: &Context, _: &Pool, _: &[Member]) -> Vec<(u32, Refusal)> {
//!         vec![]
//!     }
//!
//!     fn plan_monitor(_: &Context, _: &Pool, monitor: &Monitor) -> Result<HealthCheck, Refusal> {
//!         Err(Refusal::unsupported("unsupported-monitor-type", "healthmonitor.type", "check pigeons by", &monitor.kind, &[]))
//!     }
//! }
//!
//! weir_guest::export_protocol!(Pigeon);
//!
//! let ctx = testing::context(&["198.51.100.1"]);
//! let (listener, pool) = (testing::listener("PIGEON"), testing::pool("PIGEON", ""));
//! let members = [testing::member("192.0.2.1:8080")];
//! let answer = Pigeon::translate(&ctx, Some(&listener), Some(&pool), &members, &shares_evenly(&members)).unwrap();
//! assert_eq!(answer.entries[0].backends[0].port, 8080);
//! # let report = weir_testkit::conformance(&weir_testkit::Native::protocol::<Pigeon>(), weir_testkit::Depth::Full, "");
//! # // Pigeons are no transport of OVN's.
//! # let schema = "an answer needs only what the connected schema has";
//! # assert!(report.failures.iter().all(|f| f.rule == schema), "{report}");
//! ```
//!
//! # A plugin for an algorithm
//!
//! It says what connections are hashed by, which options that needs, and each member's share. [`mod@hash`] has all of this
//! but the shares from a table; by hand:
//!
//! ```
//! use weir_guest::*;
//!
//! struct Weighted;
//!
//! impl Plugin for Weighted {
//!     fn describe() -> Description {
//!         Description::of_algorithms("weighted", env!("CARGO_PKG_VERSION"), &["WEIGHTED"])
//!     }
//! }
//!
//! impl Algorithm for Weighted {
//!     fn distribute(_: &Context, pool: Option<&Pool>, members: &[Member]) -> Result<Distribution, Refusal> {
//!         if let Some(pool) = pool && pool.algorithm != "WEIGHTED" {
//!             let asked = &pool.algorithm;
//!             return Err(Refusal::unsupported("unsupported-algorithm", "pool.lb_algorithm", "balance by", asked, &["WEIGHTED"]));
//!         }
//!         if let Some(persistence) = pool.and_then(|p| p.persistence.as_ref()) {
//!             let (field, what) = ("pool.session_persistence.type", "keep a client with its member by");
//!             return Err(Refusal::unsupported("unsupported-persistence", field, what, &persistence.kind, &[]));
//!         }
//!         Ok(Distribution { selection_fields: vec![], options: vec![], shares: shares_by_weight(members) })
//!     }
//! }
//!
//! weir_guest::export_algorithm!(Weighted);
//!
//! let mut members = [testing::member("192.0.2.1:80"), testing::member("192.0.2.2:80")];
//! members[1].weight = 3;
//! let answer = Weighted::distribute(&testing::context(&[]), None, &members).unwrap();
//! assert_eq!(answer.shares[1].copies, 3);
//! # weir_testkit::conformance(&weir_testkit::Native::algorithm::<Weighted>(), weir_testkit::Depth::Full, "").assert_ok();
//! ```
//!
//! # Configuration
//!
//! The operator's configuration of a plugin comes with every call as JSON text in [`Context::config`], or empty.
//! This crate has no reader for it: take `serde` and `serde_json`, whose derived code does well in a plugin, say
//! the shape in [`Description::config_schema`], and judge it in [`Plugin::check_config`], which the host asks
//! before it uses a configuration. A plugin that takes none has nothing to do: the default refuses any.
//!
//! ```ignore
//! #[derive(serde::Deserialize, Default)]
//! #[serde(deny_unknown_fields, default)]
//! struct Config { sticky: bool }
//!
//! fn config(text: &str) -> Result<Config, Refusal> {
//!     if text.is_empty() {
//!         return Ok(Config::default());
//!     }
//!     serde_json::from_str(text).map_err(|e| Refusal::new("invalid-config", "config", e.to_string()))
//! }
//! ```
//!
//! # When it goes wrong
//!
//! A wish that cannot be had is a [`Refusal`]: the user reads it. A panic is a bug: the call is given up, what is
//! live stays as it is, and the panic's message stands in the host's log and in the failure it reports.

#[doc(hidden)]
pub mod bindings;
mod describe;
mod entries;
mod export;
pub mod hash;
pub mod l4;
pub mod log;
mod refusal;
#[doc(hidden)]
pub mod rt;
mod share;
pub mod testing;
mod traits;

pub use bindings::about_part::weir::plugin::types::{
    Context, Description, Family, Health, Listener, Member, Monitor, Persistence, Pool, Refusal, Share, Vip,
};
pub use bindings::algorithm_part::exports::weir::plugin::algorithm::Distribution;
pub use bindings::protocol_part::exports::weir::plugin::protocol::{
    Backend, Entry, HealthCheck, Translation,
};
pub use entries::{backends, entries, why_empty};
pub use export::Adapter;
pub use share::{Limits, serving, shares_by_weight, shares_evenly, shares_within, usable};
pub use traits::{Algorithm, Plugin, Protocol};

/// Whether the load balancer had an option before, and what is asked leaves it as it is: the option, as
/// `object.attribute`, stands in the context's `inherited`. What was accepted once need not be refused now.
///
/// ```
/// let mut ctx = weir_guest::testing::context(&[]);
/// ctx.extra = vec![("inherited".into(), "listener.nest pool.nest".into())];
/// assert!(weir_guest::inherited(&ctx, "pool.nest") && !weir_guest::inherited(&ctx, "pool.nes"));
/// ```
pub fn inherited(ctx: &Context, field: &str) -> bool {
    value(&ctx.extra, "inherited").is_some_and(|fields| fields.split(' ').any(|f| f == field))
}

/// The value of `key` in a list of pairs, or none.
///
/// ```
/// let extra = [("connection_limit".to_owned(), "9".to_owned())];
/// assert_eq!(weir_guest::value(&extra, "connection_limit"), Some("9"));
/// assert_eq!(weir_guest::value(&extra, "unheard_of"), None);
/// ```
pub fn value<'a>(pairs: &'a [(String, String)], key: &str) -> Option<&'a str> {
    pairs.iter().find(|(k, _)| k == key).map(|(_, v)| v.as_str())
}

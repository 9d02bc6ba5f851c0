//! The Octavia side: the provider API over HTTP, and the client of Octavia's driver-agent ([`agent`]).
//!
//! ```text
//!   HTTP ──> router ──> method table ──> body check ──> Change ──> Provider (the host) ──> answer or refusal
//! ```
//!
//! Reads HTTP requests from Unix and TCP sockets, the latter with or without TLS, and the files of TLS; writes HTTP
//! answers and, where it listens on a Unix socket, that socket's file. It never decides what a change does, never touches the Northbound, keeps nothing between calls, and
//! never puts a body, a certificate or a key into a message or a log line.
//!
//! The bodies are octavia-lib's (`octavia_lib.api.drivers.provider_base.ProviderDriver` and `data_models`), as
//! `to_dict(recurse=True, render_unsets=False)` gives them: a missing key is `Unset`, `null` clears.

pub mod agent;
mod auth;
mod body;
mod call;
mod listen;
mod methods;
mod openapi;
mod panics;
mod provider;
mod query;
mod read;
mod refusal;
mod routes;
mod serve;
mod tls;
mod vip_ports;

pub use auth::Transport;
pub use body::{
    BodyError, change,
    defaults::{KnownDefaults, OctaviaDefaults},
};
pub use listen::{Bound, Listen, ListenError, bind};
pub use methods::{Answer, DriverMethod, METHODS};
pub use openapi::document as openapi;
pub use provider::{
    Accepted, CallContext, ChangeProgress, ChangeState, Condition, Provider, Readiness, ReleaseRequest,
    SyncRequest,
};
pub use refusal::{ErrorClass, Refusal};
pub use routes::{ApiSettings, router};
pub use serve::{ServeError, serve};
pub use tls::{Tls, TlsError, TlsSettings};
pub use vip_ports::{MadeVip, VipPortRequest, VipPorts, WantedVip};

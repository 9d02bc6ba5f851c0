//! A client of Neutron's ports and subnets and of Octavia's list of load balancers, which gets its tokens from Keystone v3.
//!
//! It reads `clouds.yaml` and CA files, speaks HTTP with Keystone and Neutron, and knows nothing of OVN. It never writes
//! a password, a secret or a token into an error, a log line or a `Debug` text.
//!
//! | file | what |
//! |---|---|
//! | [`settings`] | who we are and where Keystone is |
//! | [`words`] | the same as people write it |
//! | [`clouds`] | these from `clouds.yaml` |
//! | [`http`] | one request and its answer, with a time limit |
//! | [`tls`] | whom HTTPS trusts |
//! | [`keystone`] | a token and the catalog |
//! | [`session`] | tokens kept and renewed, requests repeated where that is safe |
//! | [`ports`] | ports and subnets |
//! | [`balancers`] | what Octavia's API lists |
//! | [`error`] | what goes wrong |
//! | [`limits`] | times and sizes |
//! | `testing` | a Keystone and Neutron for tests |
//!
//! The libraries there are were looked at: `openstack_sdk` brings 93 crates that Weir has not (aws-lc with its C build,
//! interactive log-in), `osauth` 54 with an abandoned YAML parser; neither has time limits and repeats per kind of request.
//! What is needed is a few requests on hyper, which Weir has anyway.

pub mod balancers;
pub mod clouds;
pub mod error;
mod http;
mod keystone;
pub mod limits;
pub mod ports;
mod session;
pub mod settings;
#[cfg(feature = "testing")]
pub mod testing;
mod tls;
pub mod words;

pub use balancers::{Kind, LoadBalancer, PendingObject};
pub use error::NeutronError;
pub use ports::{Client, FixedIp, NewPort, Port, PortQuery, Subnet};
pub use settings::{Auth, Interface, Scope, Secret, Settings, Trust, User};
pub use words::Words;

//! The Weir host: it owns the connection to the OVN Northbound and serves Octavia's provider calls.
//!
//! Reads the configuration, the Northbound, the plugin folder and, over the driver-agent's get socket, Octavia's version of a
//! load balancer; writes `Load_Balancer` rows of its own deployment and their elements in switches' and routers' sets, its
//! journal, and statuses to the driver-agent; never anything else.
//!
//! | module | what |
//! |---|---|
//! | [`check`] | `weir check` |
//! | [`cli`] | commands and their arguments |
//! | [`crash`] | points at which tests let the host die |
//! | [`config`] | the configuration file and environment |
//! | [`limits`] | every limit and timeout |
//! | [`northbound`] | the replica in the planner's terms; transactions |
//! | [`patience`] | where plugin calls run |
//! | [`plugins`] | questions to the plugins, and their answers |
//! | [`provider`] | what happens to a provider call |
//! | [`serve`] | `weir serve` |

pub mod check;
pub mod cli;
pub mod config;
pub mod crash;
pub mod limits;
pub mod metrics;
pub mod northbound;
pub mod patience;
pub mod plugins;
pub mod provider;
pub mod serve;

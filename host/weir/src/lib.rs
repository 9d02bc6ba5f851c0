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
//! | [`fault`] | errors of the layers below, as the API words them |
//! | [`limits`] | every limit and timeout |
//! | [`northbound`] | the replica in the planner's terms; transactions |
//! | `overlap` | overlaps that a call brings about |
//! | [`patience`] | where plugin calls run |
//! | [`pausing`] | `weir pause` and `weir resume` |
//! | [`plan`] | `weir plan` |
//! | [`planning`] | one load balancer's plan |
//! | [`plugins`] | questions to the plugins, their answers, and which are in use |
//! | [`provider`] | what happens to a provider call |
//! | [`release`] | `weir release` |
//! | [`remote`] | commands through the running host |
//! | [`scrutiny`] | what must be to the plugins' liking |
//! | [`serve`] | `weir serve` |
//! | [`southbound`] | what probes say of members |
//! | [`sync`] | `weir sync` |

pub mod check;
pub mod cli;
pub mod config;
pub mod crash;
mod fault;
pub mod limits;
pub mod metrics;
pub mod neutron;
pub mod northbound;
mod overlap;
pub mod patience;
pub mod pausing;
pub mod plan;
pub mod planning;
pub mod plugins;
pub mod provider;
pub mod release;
pub mod remote;
pub mod scrutiny;
pub mod serve;
pub mod southbound;
pub mod sync;
pub mod unsupported;

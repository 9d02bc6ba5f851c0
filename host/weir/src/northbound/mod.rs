//! The OVN Northbound as the replica holds it, in the planner's terms.
//!
//! | file | what |
//! |---|---|
//! | [`affected`] | which load balancers a change of the replica may concern |
//! | [`monitor`] | which tables, columns and indexes are kept |
//! | [`rows`] | `Load_Balancer` rows and their attachments |
//! | [`topology`] | switches, routers, subnets |
//! | [`transaction`] | a plan's operations as OVSDB operations |
//! | [`committer`] | many load balancers' operations in few transactions |

pub mod affected;
pub mod committer;
pub mod monitor;
pub mod rows;
pub mod topology;
pub mod transaction;

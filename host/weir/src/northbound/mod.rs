//! The OVN Northbound as the replica holds it, in the planner's terms.
//!
//! | file | what |
//! |---|---|
//! | [`affected`] | which load balancers a change of the replica may concern |
//! | [`monitor`] | which tables, columns and indexes are kept |
//! | [`overlap`] | what rows of other load balancers say of an address |
//! | [`revisions`] | what was seen of load balancers last, to tell an older state |
//! | [`rows`] | `Load_Balancer` rows and their attachments |
//! | [`topology`] | switches, routers, subnets |
//! | [`transaction`] | a plan's operations as OVSDB operations |
//! | [`doubt`] | tells a replica that is wrong from an edit that is newer |
//! | [`committer`] | many load balancers' operations in few transactions |

pub mod affected;
pub mod committer;
pub mod doubt;
pub mod monitor;
pub mod overlap;
pub mod revisions;
pub mod rows;
pub mod topology;
pub mod transaction;

//! What happens around load balancers leads to them, without anybody's call: real `ovsdb-server`s, the real binary, and an
//! agent that writes down what Octavia is told.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod centralised;
mod cidrs;
mod conversion;
mod defaults;
mod drift;
mod findings;
mod handover;
mod health;
mod l7;
mod lab;
mod octavia_defaults;
mod overlap_findings;
mod overlaps;
mod pausing;
mod plan;
mod port_state;
mod reach;
mod reachability;
mod relay;
mod release;
mod repair;
mod restored;
mod restored_cluster;
mod sources;
mod stuck;
mod subnets;
mod sync;
mod topology;

//! What a plan depends on besides the load balancer and its rows.

use weir_model::HealthMap;

use crate::{capabilities::Capabilities, ownership::Ownership, topology::Topology, words::Words};

/// Everything around a load balancer.
#[derive(Clone, Copy)]
pub struct Surroundings<'a> {
    /// The network.
    pub topology: &'a dyn Topology,
    /// What the Northbound can hold.
    pub capabilities: &'a Capabilities,
    /// What the loaded plugins say.
    pub words: &'a Words,
    /// What the network says of the members.
    pub health: &'a HealthMap,
    /// Whose rows are ours.
    pub ownership: &'a Ownership,
}

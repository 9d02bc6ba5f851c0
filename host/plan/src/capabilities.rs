//! What the connected Northbound can hold, as its schema says.

use std::collections::BTreeSet;

/// Read from the schema of the server, never from a version string.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Capabilities {
    /// Values that `Load_Balancer.protocol` takes.
    pub protocols: BTreeSet<String>,
    /// Values that `Load_Balancer.selection_fields` takes; empty where there is no such column.
    pub selection_fields: BTreeSet<String>,
    /// A router sends the answers of every backend to its gateway (OVN 23.09 and later); see [`crate::centralised`].
    pub redirects_backends: bool,
}

impl Capabilities {
    /// The facts a plugin is told, sorted, e.g. `selection-field:<value of the column>`.
    pub fn facts(&self) -> Vec<String> {
        let transports = self.protocols.iter().map(|value| format!("transport:{value}"));
        let fields = self.selection_fields.iter().map(|value| format!("selection-field:{value}"));
        transports.chain(fields).collect()
    }
}

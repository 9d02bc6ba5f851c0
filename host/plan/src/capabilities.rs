//! What the connected Northbound can hold, as its schema says.

use std::collections::{BTreeMap, BTreeSet};

/// Read from the schema of the server, never from a version string.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Capabilities {
    /// Values that `Load_Balancer.protocol` takes.
    pub protocols: BTreeSet<String>,
    /// Values that `Load_Balancer.selection_fields` takes; empty where there is no such column.
    pub selection_fields: BTreeSet<String>,
    /// Flavor keys that the connected OVN does not have as options, with the release that brought them.
    pub missing_options: BTreeMap<&'static str, &'static str>,
    /// A router sends the answers of every backend to its gateway (OVN 23.09 and later); see [`crate::centralised`].
    pub redirects_backends: bool,
}

impl Capabilities {
    /// Those of some options that the connected OVN does not have, each in words with the release that brought it.
    pub fn lacking<'a>(&self, options: impl Iterator<Item = &'a String>) -> Vec<String> {
        let missing = options.filter_map(|option| self.missing_options.get_key_value(option.as_str()));
        missing.map(|(option, release)| format!("{option} needs OVN {release}")).collect()
    }

    /// The facts a plugin is told, sorted, e.g. `selection-field:<value of the column>`.
    pub fn facts(&self) -> Vec<String> {
        let transports = self.protocols.iter().map(|value| format!("transport:{value}"));
        let fields = self.selection_fields.iter().map(|value| format!("selection-field:{value}"));
        transports.chain(fields).collect()
    }
}

//! What decoding needs to know of the loaded plugins.

use std::collections::{BTreeMap, BTreeSet};

/// Octavia's words and OVN's values as the loaded plugins tie them together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Words {
    /// The algorithm of a pool whose row does not say another: the first one that the fallback plugin describes.
    pub default_algorithm: String,
    /// Algorithms and the selection fields they give with every field of the schema at hand; the most wanted first.
    pub algorithms: Vec<(String, BTreeSet<String>)>,
    /// How a client is kept with its member, where the plugins know a way.
    pub affinity: Option<Affinity>,
    /// Every `Load_Balancer` option that some plugin may set; others on a row are an operator's own and stay.
    pub options: BTreeSet<String>,
    /// Those of them that plugins which are built in may set: they are recognised without being named in the row.
    pub built_in_options: BTreeSet<String>,
    /// Options of every load balancer whose flavor, and whose plugins, do not set them: the deployment's defaults, as far as the
    /// connected OVN has them.
    pub defaults: BTreeMap<String, String>,
}

/// Session persistence by an option of the row that takes seconds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Affinity {
    /// Octavia's word.
    pub kind: String,
    /// OVN's option.
    pub option: String,
    /// Its value where the user names no time.
    pub default: String,
}

impl Words {
    /// The first algorithm that gives these selection fields.
    pub fn algorithm_of(&self, fields: &BTreeSet<String>) -> Option<&str> {
        self.algorithms.iter().find(|(_, given)| given == fields).map(|(word, _)| word.as_str())
    }
}

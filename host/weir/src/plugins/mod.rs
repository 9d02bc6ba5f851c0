//! Plugins between the model and the planner: what they are asked, what their answers become, and which are in use.

mod ask;
mod asker;
mod convert;
mod impact;
mod in_use;
mod inherited;
mod leave_out;
mod list;
mod loader;
mod reload;
mod watch;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use weir_plan::{Capabilities, Words};
use weir_sandbox::Registry;

pub use ask::{Answers, MemberProblem, Subject, ask, problem_of};
pub use impact::{Change, Databases, Impact, Reader, impact};
pub use in_use::InUse;
pub use list::{metrics, view};
pub use loader::{LoadError, Loaded, Loader, Start};
pub use reload::{Counts, Reloads, Standing};
pub use watch::Watch;

/// The loaded plugins together with what the connected Northbound can hold.
pub struct Plugins {
    /// The loaded set.
    pub registry: Arc<Registry>,
    /// What the Northbound can hold.
    pub capabilities: Capabilities,
    /// What decoding needs to know of the plugins.
    pub words: Words,
    facts: Vec<String>,
}

impl Plugins {
    /// Asks the plugins what their words mean for a Northbound with these capabilities. `defaults` are the deployment's options of
    /// load balancers; those that the connected OVN does not have are left out.
    pub fn new(
        registry: Arc<Registry>,
        capabilities: Capabilities,
        defaults: &BTreeMap<String, String>,
    ) -> Self {
        let facts = capabilities.facts();
        let default_algorithm = registry
            .fallback_algorithm()
            .and_then(|plugin| plugin.algorithms().first().cloned())
            .unwrap_or_default();
        let mut spoken = registry.algorithms();
        spoken.sort_by_key(|word| *word != default_algorithm);
        let affinity =
            spoken.iter().find_map(|word| ask::affinity(&registry, &facts, &default_algorithm, word));
        let algorithms = spoken.into_iter().filter_map(|word| {
            let fields = ask::selection_fields(&registry, &facts, &word)?;
            Some((word, fields))
        });
        let algorithms = algorithms.collect();
        let options: BTreeSet<String> =
            registry.plugins().flat_map(|plugin| plugin.options().iter().cloned()).collect();
        let built_in_options =
            registry.built_in().flat_map(|plugin| plugin.options().iter().cloned()).collect();
        let had = defaults.iter().filter(|(key, _)| !capabilities.missing_options.contains_key(key.as_str()));
        let defaults = had.map(|(key, value)| (key.clone(), value.clone())).collect();
        let words = Words { default_algorithm, algorithms, affinity, options, built_in_options, defaults };
        Self { registry, capabilities, words, facts }
    }
}

//! Plugins between the model and the planner: what they are asked, and what their answers become.

mod ask;
mod convert;

use std::{collections::BTreeSet, sync::Arc};

use serde_json::{Value, json};
use weir_plan::{Capabilities, Words};
use weir_sandbox::{Plugin, Registry};

pub use ask::{Answers, MemberProblem, ask, problem_of};

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
    /// Asks the plugins what their words mean for a Northbound with these capabilities.
    pub fn new(registry: Arc<Registry>, capabilities: Capabilities) -> Self {
        let facts = capabilities.facts();
        let default_algorithm = registry
            .fallback_algorithm()
            .and_then(|plugin| plugin.description().algorithms.first().cloned())
            .unwrap_or_default();
        let mut spoken = registry.algorithms();
        spoken.sort_by_key(|word| *word != default_algorithm);
        let algorithms = spoken.into_iter().filter_map(|word| {
            let fields = ask::selection_fields(&registry, &facts, &word)?;
            Some((word, fields))
        });
        let algorithms = algorithms.collect();
        let options: BTreeSet<String> =
            registry.plugins().flat_map(|plugin| plugin.description().options.iter().cloned()).collect();
        let words = Words { default_algorithm, algorithms, options };
        Self { registry, capabilities, words, facts }
    }

    /// What `GET /v1/plugins` answers.
    pub fn list(registry: &Registry) -> Value {
        let plugins: Vec<_> = registry.plugins().map(describe).collect();
        json!({ "plugins": plugins })
    }
}

fn describe(plugin: &Plugin) -> Value {
    let stats = plugin.stats();
    let description = plugin.description();
    json!({
        "name": plugin.name(),
        "version": plugin.version(),
        "digest": format!("sha256:{}", plugin.digest()),
        "protocols": description.protocols,
        "algorithms": description.algorithms,
        "fallback": description.fallback,
        "options": description.options,
        "state": "loaded",
        "last_error": stats.last_error,
        "calls": stats.calls,
        "failures": stats.failures,
        "p50_seconds": stats.p50.as_secs_f64(),
        "p99_seconds": stats.p99.as_secs_f64(),
    })
}

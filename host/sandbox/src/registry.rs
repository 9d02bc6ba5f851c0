//! The set of plugins in use.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use crate::shipped::SHIPPED;
use crate::{Error, Limits, Part, Plugin, PluginSet, Sandbox, Settings, Trust};

/// A set of plugins and what each serves. It never changes: to take up new plugins, load another and swap.
#[derive(Debug)]
pub struct Registry {
    /// By name.
    plugins: BTreeMap<String, Arc<Plugin>>,
    protocols: Served,
    algorithms: Served,
    /// What the shipped ones serve, the replaced ones too: they stand in for others.
    built_in: [Served; 2],
    digest: String,
}

/// Who serves what of one kind.
#[derive(Debug, Default)]
struct Served {
    words: BTreeMap<String, Arc<Plugin>>,
    fallback: Option<Arc<Plugin>>,
}

impl Registry {
    /// The shipped plugins and those of a folder, nobody's signature asked for.
    ///
    /// # Errors
    /// As [`PluginSet::read`] and [`Registry::of`].
    pub fn load(sandbox: &Sandbox, dir: Option<&Path>) -> Result<Registry, Error> {
        let set = match dir {
            Some(dir) => PluginSet::read(dir, &Trust::default(), sandbox.limits())?,
            None => PluginSet::default(),
        };
        Registry::of(sandbox, &set)
    }

    /// The same with bare components at hand instead of a folder: (label, component).
    ///
    /// # Errors
    /// As [`Registry::of`].
    pub fn with_components(sandbox: &Sandbox, list: &[(String, Vec<u8>)]) -> Result<Registry, Error> {
        let parts = list.iter().map(|(label, bytes)| Part::bare(label, bytes, sandbox.limits()));
        Registry::of(sandbox, &PluginSet::of(parts.collect()))
    }

    /// The shipped plugins and a set. One of the set with a shipped plugin's name replaces it; any other adds what it
    /// serves. Where several serve the same, the one with the highest priority does.
    ///
    /// # Errors
    /// The first plugin that cannot be used, or two with the same name, or two with the same priority that claim the same.
    pub fn of(sandbox: &Sandbox, set: &PluginSet) -> Result<Registry, Error> {
        let mut added: BTreeMap<String, (&str, Arc<Plugin>)> = BTreeMap::new();
        for part in &set.parts {
            let plugin = Arc::new(Plugin::load_with(sandbox, part)?);
            let name = plugin.name().to_owned();
            if let Some((first, _)) = added.get(&name) {
                let what = format!("the name {name}");
                return Err(Error::Duplicate { what, first: (*first).into(), second: part.label.clone() });
            }
            added.insert(name, (&part.label, plugin));
        }
        let shipped = shipped(sandbox)?;
        let built_in = [
            Served::of(&shipped, "protocol", Plugin::protocols)?,
            Served::of(&shipped, "algorithm", Plugin::algorithms)?,
        ];
        let (replaced, kept): (Vec<_>, Vec<_>) =
            shipped.into_iter().partition(|plugin| added.contains_key(plugin.name()));
        for plugin in replaced {
            tracing::info!(plugin = plugin.name(), "a plugin of the folder replaces the shipped one");
        }
        let plugins: Vec<_> = kept.into_iter().chain(added.into_values().map(|(_, plugin)| plugin)).collect();
        Ok(Registry {
            protocols: Served::of(&plugins, "protocol", Plugin::protocols)?,
            algorithms: Served::of(&plugins, "algorithm", Plugin::algorithms)?,
            plugins: plugins.into_iter().map(|plugin| (plugin.name().to_owned(), plugin)).collect(),
            built_in,
            digest: set.digest.clone(),
        })
    }

    /// Tells sets apart: the [`PluginSet::digest`] it was made of.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// Who serves a protocol, by Octavia's word.
    pub fn protocol(&self, octavia_word: &str) -> Option<&Plugin> {
        self.protocols.words.get(octavia_word).map(Arc::as_ref)
    }

    /// Who serves an algorithm, by Octavia's word.
    pub fn algorithm(&self, octavia_word: &str) -> Option<&Plugin> {
        self.algorithms.words.get(octavia_word).map(Arc::as_ref)
    }

    /// The shipped plugin that serves a protocol, whoever goes before it.
    pub fn built_in_protocol(&self, octavia_word: &str) -> Option<&Plugin> {
        self.built_in.first()?.words.get(octavia_word).map(Arc::as_ref)
    }

    /// The shipped plugin that serves an algorithm, whoever goes before it.
    pub fn built_in_algorithm(&self, octavia_word: &str) -> Option<&Plugin> {
        self.built_in.last()?.words.get(octavia_word).map(Arc::as_ref)
    }

    /// Who is asked about what has no listener and no pool.
    pub fn fallback_protocol(&self) -> Option<&Plugin> {
        self.protocols.fallback.as_deref()
    }

    /// Who is asked for the selection fields of what has no pool.
    pub fn fallback_algorithm(&self) -> Option<&Plugin> {
        self.algorithms.fallback.as_deref()
    }

    /// The shipped one of these, whoever goes before it.
    pub fn built_in_fallback_algorithm(&self) -> Option<&Plugin> {
        self.built_in.last()?.fallback.as_deref()
    }

    /// Every protocol that is served, sorted.
    pub fn protocols(&self) -> Vec<String> {
        self.protocols.words.keys().cloned().collect()
    }

    /// Every algorithm that is served, sorted.
    pub fn algorithms(&self) -> Vec<String> {
        self.algorithms.words.keys().cloned().collect()
    }

    /// Every shipped plugin that serves something, those that others replace too.
    pub fn built_in(&self) -> impl Iterator<Item = &Plugin> {
        self.built_in.iter().flat_map(|served| served.words.values()).map(Arc::as_ref)
    }

    /// Every plugin, by name.
    pub fn plugins(&self) -> impl Iterator<Item = &Plugin> {
        self.plugins.values().map(Arc::as_ref)
    }
}

/// The shipped plugins of this build.
fn shipped(sandbox: &Sandbox) -> Result<Vec<Arc<Plugin>>, Error> {
    let settings = Settings::shipped(Limits { ..sandbox.limits().clone() });
    let load = |(label, bytes): &(&str, &[u8])| {
        let (label, bytes) = ((*label).to_owned(), bytes.to_vec());
        let part = Part { label, bytes, settings: settings.clone(), signed: true };
        Plugin::load_shipped(sandbox, &part).map(Arc::new)
    };
    SHIPPED.iter().map(load).collect()
}

impl Served {
    /// Who of `plugins` serves what: the highest priority wins, and two with the same are an error.
    fn of(
        plugins: &[Arc<Plugin>],
        kind: &str,
        words: impl Fn(&Plugin) -> &[String],
    ) -> Result<Served, Error> {
        let both = |what: String, first: &Arc<Plugin>, second: &Arc<Plugin>| {
            Err(Error::Duplicate { what, first: first.name().to_owned(), second: second.name().to_owned() })
        };
        let mut served = Served::default();
        let mut by_priority: Vec<_> = plugins.iter().collect();
        by_priority.sort_by_key(|plugin| std::cmp::Reverse(plugin.settings().priority));
        let equal = |a: &Arc<Plugin>, b: &Arc<Plugin>| a.settings().priority == b.settings().priority;
        for plugin in by_priority {
            for word in words(plugin) {
                match served.words.get(word) {
                    Some(first) if equal(first, plugin) => {
                        return both(format!("{kind} {word}"), first, plugin);
                    }
                    Some(_) => {}
                    None => drop(served.words.insert(word.clone(), plugin.clone())),
                }
            }
            if plugin.description().fallback && !words(plugin).is_empty() {
                match &served.fallback {
                    Some(first) if equal(first, plugin) => {
                        return both(format!("the fallback {kind}"), first, plugin);
                    }
                    Some(_) => {}
                    None => served.fallback = Some(plugin.clone()),
                }
            }
        }
        Ok(served)
    }
}

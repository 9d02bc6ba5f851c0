//! The set of plugins in use.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;

use crate::shipped::SHIPPED;
use crate::{Error, Plugin, Sandbox};

/// A set of plugins and what each serves. It never changes: to take up new plugins, load another and swap.
#[derive(Debug)]
pub struct Registry {
    /// By name.
    plugins: BTreeMap<String, Arc<Plugin>>,
    protocols: Served,
    algorithms: Served,
}

/// Who serves what of one kind.
#[derive(Debug, Default)]
struct Served {
    words: BTreeMap<String, Arc<Plugin>>,
    fallback: Option<Arc<Plugin>>,
}

impl Registry {
    /// The shipped plugins, then every `*.wasm` of `dir` in the order of names. One with a shipped plugin's name
    /// replaces it; any other adds what it serves, and where a shipped one serves that too, it goes before it.
    /// A folder that does not exist is an empty one.
    ///
    /// # Errors
    /// The first plugin that cannot be used, or two of the folder that claim the same.
    pub fn load(sandbox: &Sandbox, dir: Option<&Path>) -> Result<Registry, Error> {
        let mut list = vec![];
        if let Some(dir) = dir {
            let unreadable = |path: &Path| {
                let path = path.to_owned();
                move |source| Error::Read { path, source }
            };
            let entries = match fs::read_dir(dir) {
                Err(error) if error.kind() == ErrorKind::NotFound => None,
                entries => Some(entries.map_err(unreadable(dir))?),
            };
            let mut paths = vec![];
            for entry in entries.into_iter().flatten() {
                let path = entry.map_err(unreadable(dir))?.path();
                if path.extension().is_some_and(|e| e == "wasm") {
                    paths.push(path);
                }
            }
            paths.sort();
            for path in paths {
                list.push((path.display().to_string(), fs::read(&path).map_err(unreadable(&path))?));
            }
        }
        Registry::with_components(sandbox, &list)
    }

    /// The same with components at hand instead of a folder: (label, component).
    ///
    /// # Errors
    /// As [`Registry::load`].
    pub fn with_components(sandbox: &Sandbox, list: &[(String, Vec<u8>)]) -> Result<Registry, Error> {
        let mut added: BTreeMap<String, (&str, Arc<Plugin>)> = BTreeMap::new();
        for (label, bytes) in list {
            let plugin = Arc::new(Plugin::load(sandbox, label, bytes)?);
            match added.entry(plugin.name().to_owned()) {
                Entry::Vacant(place) => drop(place.insert((label, plugin))),
                Entry::Occupied(other) => {
                    let what = format!("the name {}", other.key());
                    return Err(Error::Duplicate {
                        what,
                        first: other.get().0.into(),
                        second: label.clone(),
                    });
                }
            }
        }
        let mut shipped = vec![];
        for (label, bytes) in SHIPPED {
            let plugin = Plugin::load(sandbox, label, bytes)?;
            if added.contains_key(plugin.name()) {
                tracing::info!(plugin = plugin.name(), "a plugin of the folder replaces the shipped one");
            } else {
                shipped.push(Arc::new(plugin));
            }
        }
        let added: Vec<_> = added.into_values().map(|(_, plugin)| plugin).collect();
        let mut protocols = Served::default();
        let mut algorithms = Served::default();
        // The later goes before the earlier.
        for plugins in [&shipped, &added] {
            protocols.add(plugins, "protocol", |p| &p.description().protocols)?;
            algorithms.add(plugins, "algorithm", |p| &p.description().algorithms)?;
        }
        let plugins = shipped.into_iter().chain(added).map(|p| (p.name().to_owned(), p)).collect();
        Ok(Registry { plugins, protocols, algorithms })
    }

    /// Who serves a protocol, by Octavia's word.
    pub fn protocol(&self, octavia_word: &str) -> Option<&Plugin> {
        self.protocols.words.get(octavia_word).map(Arc::as_ref)
    }

    /// Who serves an algorithm, by Octavia's word.
    pub fn algorithm(&self, octavia_word: &str) -> Option<&Plugin> {
        self.algorithms.words.get(octavia_word).map(Arc::as_ref)
    }

    /// Who is asked for the transport of a load balancer without listeners.
    pub fn fallback_protocol(&self) -> Option<&Plugin> {
        self.protocols.fallback.as_deref()
    }

    /// Who is asked for the selection fields of what has no pool.
    pub fn fallback_algorithm(&self) -> Option<&Plugin> {
        self.algorithms.fallback.as_deref()
    }

    /// Every protocol that is served, sorted.
    pub fn protocols(&self) -> Vec<String> {
        self.protocols.words.keys().cloned().collect()
    }

    /// Every algorithm that is served, sorted.
    pub fn algorithms(&self) -> Vec<String> {
        self.algorithms.words.keys().cloned().collect()
    }

    /// Every plugin, by name.
    pub fn plugins(&self) -> impl Iterator<Item = &Plugin> {
        self.plugins.values().map(Arc::as_ref)
    }
}

impl Served {
    /// Adds what each of `plugins` serves, before what stands there; two of them that serve the same are an error.
    fn add(
        &mut self,
        plugins: &[Arc<Plugin>],
        kind: &str,
        words: impl Fn(&Plugin) -> &Vec<String>,
    ) -> Result<(), Error> {
        let mut own = Served::default();
        let both = |what: String, first: &Arc<Plugin>, second: &Arc<Plugin>| Error::Duplicate {
            what,
            first: first.name().to_owned(),
            second: second.name().to_owned(),
        };
        for plugin in plugins {
            for word in words(plugin) {
                if let Some(first) = own.words.insert(word.clone(), plugin.clone()) {
                    return Err(both(format!("{kind} {word}"), &first, plugin));
                }
            }
            if plugin.description().fallback
                && !words(plugin).is_empty()
                && let Some(first) = own.fallback.replace(plugin.clone())
            {
                return Err(both(format!("the fallback {kind}"), &first, plugin));
            }
        }
        self.words.append(&mut own.words);
        self.fallback = own.fallback.or(self.fallback.take());
        Ok(())
    }
}

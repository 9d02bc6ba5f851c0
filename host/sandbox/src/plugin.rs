//! One loaded plugin.

use std::sync::Arc;

use crate::bindings::{algorithm_world, protocol_world};
use crate::budget::LogBudget;
use crate::engine::Shared;
use crate::health::Health;
use crate::state::State;
use crate::stats::Counters;
use crate::{
    CallError, Description, Error, Limits, OnFailure, Part, Sandbox, Settings, Stats, Suspended, check, load,
};

/// What a plugin exports beside `about`.
pub(crate) struct Exports {
    pub protocol: Option<protocol_world::ProtocolPluginPre<State>>,
    pub algorithm: Option<algorithm_world::AlgorithmPluginPre<State>>,
}

/// A plugin: compiled, linked, described, configured. Each call runs in a fresh instance with its own limits, so calls
/// know nothing of each other, may run at the same time, and a broken one leaves nothing behind.
pub struct Plugin {
    pub(crate) shared: Arc<Shared>,
    pub(crate) exports: Exports,
    pub(crate) name: Arc<str>,
    pub(crate) counters: Counters,
    pub(crate) health: Health,
    pub(crate) budget: Arc<LogBudget>,
    /// The options that it may set.
    pub(crate) granted: Vec<String>,
    label: String,
    size: usize,
    digest: String,
    description: Description,
    settings: Settings,
    protocols: Vec<String>,
    algorithms: Vec<String>,
    shipped: bool,
    signed: bool,
}

impl std::fmt::Debug for Plugin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Plugin")
            .field("name", &self.name)
            .field("digest", &self.digest)
            .finish_non_exhaustive()
    }
}

impl Plugin {
    /// Compiles a bare component, and asks it what it is. `label` stands for it until it has said its name.
    ///
    /// # Errors
    /// It is no plugin, or does not describe itself.
    pub fn load(sandbox: &Sandbox, label: &str, bytes: &[u8]) -> Result<Plugin, Error> {
        Plugin::load_with(sandbox, &Part::bare(label, bytes, sandbox.limits()))
    }

    /// The same with what an operator says of it: checked against its description, its configuration against its schema
    /// and by itself.
    ///
    /// # Errors
    /// As [`Plugin::load`], or what the operator says does not fit.
    pub fn load_with(sandbox: &Sandbox, part: &Part) -> Result<Plugin, Error> {
        let mut plugin = Plugin::described(sandbox, part)?;
        plugin.settle()?;
        plugin.configure()?;
        plugin.fresh();
        Ok(plugin)
    }

    /// One that is built in.
    pub(crate) fn load_shipped(sandbox: &Sandbox, part: &Part) -> Result<Plugin, Error> {
        let mut plugin = Plugin::load_with(sandbox, part)?;
        plugin.shipped = true;
        Ok(plugin)
    }

    fn described(sandbox: &Sandbox, part: &Part) -> Result<Plugin, Error> {
        let Part { label, bytes, settings, signed } = part;
        let pre = load::link(sandbox, label, bytes, settings.limits.component_bytes)?;
        let protocol = protocol_world::ProtocolPluginPre::new(pre.clone());
        let algorithm = algorithm_world::AlgorithmPluginPre::new(pre);
        if let (Err(protocol), Err(algorithm)) = (&protocol, &algorithm) {
            let message =
                format!("neither a protocol plugin ({protocol:#}) nor an algorithm plugin ({algorithm:#})");
            return Err(Error::Interface { plugin: label.clone(), message });
        }
        let mut plugin = Plugin {
            shared: sandbox.0.clone(),
            exports: Exports { protocol: protocol.ok(), algorithm: algorithm.ok() },
            name: label.as_str().into(),
            counters: Counters::default(),
            health: Health::new(0),
            budget: Arc::default(),
            granted: vec![],
            label: label.clone(),
            size: bytes.len(),
            digest: load::digest(bytes),
            description: Description {
                name: label.clone(),
                version: String::new(),
                protocols: vec![],
                algorithms: vec![],
                fallback: false,
                config_schema: String::new(),
                options: vec![],
            },
            settings: settings.clone(),
            protocols: vec![],
            algorithms: vec![],
            shipped: false,
            signed: *signed,
        };
        let description = plugin.describe().map_err(Error::Describe)?;
        let Exports { protocol, algorithm } = &plugin.exports;
        check::description(&description, protocol.is_some(), algorithm.is_some())
            .map_err(|message| Error::Description { plugin: label.clone(), message })?;
        plugin.name = description.name.as_str().into();
        plugin.description = description;
        Ok(plugin)
    }

    /// Takes on what the operator says of name, words and options, as far as the plugin has them.
    fn settle(&mut self) -> Result<(), Error> {
        let Description { name, protocols, algorithms, options, .. } = &self.description;
        let wrong = |message: String| Error::Settings { plugin: name.clone(), message };
        if let Some(wanted) = self.settings.name.as_ref().filter(|wanted| *wanted != name) {
            let message = format!("name = {wanted:?}, but {} calls itself {name:?}", self.label);
            return Err(Error::Settings { plugin: wanted.clone(), message });
        }
        let some_of = |key: &str, wanted: &Option<Vec<String>>, has: &[String]| match wanted {
            None => Ok(has.to_vec()),
            Some(wanted) => match wanted.iter().find(|word| !has.contains(word)) {
                None => Ok(has.iter().filter(|word| wanted.contains(word)).cloned().collect()),
                Some(word) => {
                    Err(wrong(format!("{key} = {word:?}, but it describes only: {}", has.join(", "))))
                }
            },
        };
        let settings = &self.settings;
        self.protocols = some_of("serves.protocols", &settings.protocols, protocols)?;
        self.algorithms = some_of("serves.algorithms", &settings.algorithms, algorithms)?;
        self.granted = some_of("options", &settings.options, options)?;
        Ok(())
    }

    /// Has its configuration judged: by its schema, then by itself.
    fn configure(&self) -> Result<(), Error> {
        let plugin = self.name().to_owned();
        let config = &self.settings.config;
        check::schema(&self.description.config_schema, config)
            .map_err(|message| Error::Config { plugin: plugin.clone(), message })?;
        match self.check_config(config) {
            Ok(()) => Ok(()),
            Err(CallError::Refused(refusal)) => {
                let place =
                    if refusal.field.is_empty() { String::new() } else { format!("{}: ", refusal.field) };
                Err(Error::Config { plugin, message: format!("{place}{}", refusal.user) })
            }
            Err(CallError::Failed(failure)) => Err(Error::Describe(failure)),
        }
    }

    /// What loading asked does not count.
    fn fresh(&mut self) {
        self.counters = Counters::default();
        self.health = Health::new(self.settings.suspend_after);
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.description.name
    }

    /// Its version, as it says.
    pub fn version(&self) -> &str {
        &self.description.version
    }

    /// Where it comes from: a file, or a shipped plugin's folder.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// Whether it is built into this host.
    pub fn is_shipped(&self) -> bool {
        self.shipped
    }

    /// Whether a trusted key has signed it; true of the shipped ones.
    pub fn is_signed(&self) -> bool {
        self.signed
    }

    /// SHA-256 of the component, in hexadecimal.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// Size of the component in bytes.
    pub fn size(&self) -> usize {
        self.size
    }

    /// What it said of itself.
    pub fn description(&self) -> &Description {
        &self.description
    }

    /// What the operator says of it.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// What its calls may use.
    pub fn limits(&self) -> &Limits {
        &self.settings.limits
    }

    /// Its configuration: JSON, or empty.
    pub fn config(&self) -> &str {
        &self.settings.config
    }

    /// What happens to a call that breaks it.
    pub fn on_failure(&self) -> OnFailure {
        self.settings.on_failure
    }

    /// The protocols that it may serve.
    pub fn protocols(&self) -> &[String] {
        &self.protocols
    }

    /// The algorithms that it may serve.
    pub fn algorithms(&self) -> &[String] {
        &self.algorithms
    }

    /// The `Load_Balancer` options that it may set.
    pub fn options(&self) -> &[String] {
        &self.granted
    }

    /// What its calls have been since it was loaded.
    pub fn stats(&self) -> Stats {
        Stats { log_lines_dropped: self.budget.dropped(), ..self.counters.read() }
    }

    /// Forgets what its calls have been: those of a test at load time are none of its work.
    pub fn reset_stats(&self) {
        self.counters.reset();
    }

    /// If it kept failing and is out of use: since when, until when, why.
    pub fn suspended(&self) -> Option<Suspended> {
        self.health.suspended()
    }
}

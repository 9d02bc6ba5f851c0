//! From the plugin folder to a set that may be used.

use std::{
    io::ErrorKind,
    path::{Path, PathBuf},
    sync::Arc,
};

use tracing::{info, warn};
use weir_sandbox::{Error, Limits, Plugin, PluginSet, Registry, Sandbox, Trust};

use crate::config::PluginsConfig;

/// Mistakes that are told of one plugin.
const FINDINGS: usize = 3;

/// Loads sets of plugins: all that is compiled stays in one engine.
pub struct Loader {
    sandbox: Sandbox,
    dir: PathBuf,
    /// The configuration names the folder, so it must exist.
    is_configured: bool,
    required: Vec<String>,
    /// Where the last good set is kept.
    kept: Option<PathBuf>,
    trust: Trust,
}

/// A set that has been found good.
pub struct Loaded {
    /// The plugins.
    pub registry: Arc<Registry>,
    /// Components in the folder that its manifest does not name.
    pub ignored: Vec<PathBuf>,
}

/// Which set a host starts with.
pub enum Start {
    /// The folder's.
    Current,
    /// The last one that was in use; the folder's is to be taken up.
    Former,
    /// The same, since the folder's is refused.
    Refused(LoadError),
}

/// Why a set is not used.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// A plugin, or what is said of it, does not do.
    #[error(transparent)]
    Plugins(#[from] Error),
    /// A plugin breaks its rules.
    #[error("plugin {plugin} does not conform: {findings}")]
    Conformance {
        /// Its name.
        plugin: String,
        /// What it does wrong.
        findings: String,
    },
    /// The folder is missing, although the configuration or the last good set needs it.
    #[error("plugin folder {} is missing: {why}", dir.display())]
    FolderMissing {
        /// The folder.
        dir: PathBuf,
        /// What needs it.
        why: &'static str,
    },
    /// The configuration requires plugins that the set lacks.
    #[error("plugins.required names {}, which the folder {} does not have", missing.join(", "), dir.display())]
    RequiredMissing {
        /// Their names.
        missing: Vec<String>,
        /// The folder.
        dir: PathBuf,
    },
    /// What rows without a word mean would be another.
    #[error(
        "plugin {plugin} is the fallback for algorithms and describes {found} first; it must be {expected}, \
         which is what rows mean that name none"
    )]
    DefaultAlgorithm {
        /// Its name.
        plugin: String,
        /// Its first word.
        found: String,
        /// The shipped one's.
        expected: String,
    },
}

impl LoadError {
    /// Stable and kebab-case.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Plugins(error) => error.code(),
            Self::Conformance { .. } => "plugin-conformance",
            Self::FolderMissing { .. } => "plugin-folder-missing",
            Self::RequiredMissing { .. } => "plugin-required-missing",
            Self::DefaultAlgorithm { .. } => "plugin-default-algorithm",
        }
    }
}

impl Loader {
    /// A loader for the configured folder. Compiled plugins and the last good set are kept in `state`.
    ///
    /// # Errors
    /// WebAssembly cannot be run here.
    pub fn new(config: &PluginsConfig, state: Option<&Path>) -> Result<Self, Error> {
        let cache = state.map(|state| state.join("plugin-cache"));
        let kept = state.map(|state| state.join("plugins-last-good"));
        let trust =
            Trust { require_signed: config.require_signed, trusted_keys: config.trusted_keys.clone() };
        let sandbox = Sandbox::new(Limits::default(), cache.as_deref())?;
        Ok(Self {
            sandbox,
            dir: config.folder().to_owned(),
            is_configured: config.dir.is_some(),
            required: config.required.clone(),
            kept,
            trust,
        })
    }

    /// The set to start with: the last one that was in use, where the folder's is another or is refused; what has changed
    /// since is then taken up like any change of a running host's folder, and waits like one where it changes much.
    ///
    /// Where the folder is missing and no set was ever in use, these are the shipped plugins.
    ///
    /// # Errors
    /// [`LoadError`] of the folder's set, where no other was ever in use.
    pub fn start(&self) -> Result<(Loaded, Start), LoadError> {
        let kept = self.kept.as_ref().filter(|kept| kept.is_dir());
        let kept = kept.and_then(|kept| self.load_from(kept).ok());
        match (self.load(), kept) {
            (Ok(folder), Some(kept)) if folder.registry.digest() != kept.registry.digest() => {
                Ok((kept, Start::Former))
            }
            (Ok(folder), _) => {
                self.keep(&folder.registry);
                Ok((folder, Start::Current))
            }
            (Err(error), Some(kept)) => Ok((kept, Start::Refused(error))),
            (Err(error @ LoadError::FolderMissing { .. }), None) => {
                match self.loaded(PluginSet::default(), &self.dir) {
                    Ok(shipped) => Ok((shipped, Start::Refused(error))),
                    Err(_) => Err(error),
                }
            }
            (Err(error), None) => Err(error),
        }
    }

    /// Keeps the folder's set, which is the one in use, for a start when the folder's is bad.
    pub fn keep(&self, registry: &Registry) {
        let Some(kept) = &self.kept else { return };
        if let Err(error) = self.copy(registry, kept) {
            warn!(folder = %kept.display(), %error, "the set of plugins in use is not kept");
        }
    }

    fn copy(&self, registry: &Registry, kept: &Path) -> Result<(), String> {
        let draft = kept.with_extension("draft");
        let in_words = |error: std::io::Error| error.to_string();
        // Left over from a copy that did not come to its end.
        let _ = std::fs::remove_dir_all(&draft);
        std::fs::create_dir_all(&draft).map_err(in_words)?;
        for file in std::fs::read_dir(&self.dir).into_iter().flatten().filter_map(Result::ok) {
            if file.path().is_file() {
                std::fs::copy(file.path(), draft.join(file.file_name())).map_err(in_words)?;
            }
        }
        // The folder may have changed since the set was read.
        let set = PluginSet::read(&draft, &self.trust, self.sandbox.limits()).map_err(|e| e.to_string())?;
        if set.digest != registry.digest() {
            return Err("the folder has changed meanwhile".to_owned());
        }
        let _ = std::fs::remove_dir_all(kept);
        std::fs::rename(&draft, kept).map_err(in_words)
    }

    /// Reads, compiles, checks and tries out what the configured folder holds.
    ///
    /// # Errors
    /// [`LoadError`]: the set as a whole is not used.
    pub fn load(&self) -> Result<Loaded, LoadError> {
        if self.is_configured {
            return self.load_folder(&self.dir, "plugins.dir names it");
        }
        let has_site_plugins = |kept: &&PathBuf| {
            PluginSet::read(kept, &self.trust, self.sandbox.limits()).is_ok_and(|set| !set.parts.is_empty())
        };
        if self.kept.as_ref().is_some_and(|kept| has_site_plugins(&kept)) {
            return self.load_folder(&self.dir, "the last good set had plugins of it");
        }
        self.load_from(&self.dir)
    }

    /// The same for a folder that must be there.
    ///
    /// # Errors
    /// [`LoadError`].
    pub fn load_folder(&self, dir: &Path, why: &'static str) -> Result<Loaded, LoadError> {
        match std::fs::metadata(dir) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                Err(LoadError::FolderMissing { dir: dir.to_owned(), why })
            }
            _ => self.load_from(dir),
        }
    }

    fn load_from(&self, dir: &Path) -> Result<Loaded, LoadError> {
        self.loaded(PluginSet::read(dir, &self.trust, self.sandbox.limits())?, dir)
    }

    fn loaded(&self, set: PluginSet, dir: &Path) -> Result<Loaded, LoadError> {
        let registry = Registry::of(&self.sandbox, &set)?;
        let has = |name: &String| registry.plugins().any(|plugin| plugin.name() == name);
        let missing: Vec<_> = self.required.iter().filter(|name| !has(name)).cloned().collect();
        if !missing.is_empty() {
            return Err(LoadError::RequiredMissing { missing, dir: dir.to_owned() });
        }
        default_algorithm_stays(&registry)?;
        registry.plugins().filter(|plugin| !plugin.is_shipped()).try_for_each(conforms)?;
        Ok(Loaded { registry: Arc::new(registry), ignored: set.ignored })
    }
}

/// Tries a plugin out: a set that breaks its rules is better found before it is in use.
fn conforms(plugin: &Plugin) -> Result<(), LoadError> {
    let report = weir_author::conformance_under(plugin, plugin.config());
    if report.ok() {
        // What was asked here is none of its work.
        plugin.reset_stats();
        return Ok(());
    }
    let findings: Vec<_> = report.failures.iter().take(FINDINGS).map(ToString::to_string).collect();
    Err(LoadError::Conformance { plugin: plugin.name().to_owned(), findings: findings.join("; ") })
}

fn default_algorithm_stays(registry: &Registry) -> Result<(), LoadError> {
    let Some(plugin) = registry.fallback_algorithm().filter(|plugin| !plugin.is_shipped()) else {
        return Ok(());
    };
    let found = plugin.algorithms().first().cloned().unwrap_or_default();
    let shipped = registry.built_in_fallback_algorithm().and_then(|plugin| plugin.algorithms().first());
    match shipped {
        Some(expected) if *expected != found => {
            let (plugin, expected) = (plugin.name().to_owned(), expected.clone());
            Err(LoadError::DefaultAlgorithm { plugin, found, expected })
        }
        _ => Ok(()),
    }
}

impl Loaded {
    /// Says what was loaded.
    pub fn log(&self) {
        for plugin in self.registry.plugins() {
            info!(
                plugin = plugin.name(),
                version = plugin.version(),
                digest = plugin.digest(),
                protocols = plugin.protocols().join(","),
                algorithms = plugin.algorithms().join(","),
                on_failure = plugin.on_failure().word(),
                shipped = plugin.is_shipped(),
                "plugin loaded"
            );
        }
        for file in &self.ignored {
            warn!(file = %file.display(), "not loaded: plugins.toml does not name it");
        }
    }
}

//! What can go wrong: loading a plugin ([`Error`]), calling one ([`CallError`]).

use std::fmt;
use std::path::PathBuf;

use crate::Refusal;

/// Why a sandbox or a set of plugins could not be made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// WebAssembly cannot be run on this machine as configured.
    #[error("the sandbox cannot be set up: {0}")]
    Engine(String),
    /// A folder or a file of plugins could not be read.
    #[error("{}: {source}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Not a component that can be compiled.
    #[error("plugin {plugin}: {message}")]
    Compile {
        /// The plugin's file or label.
        plugin: String,
        /// What is wrong with it.
        message: String,
    },
    /// It wants what no plugin gets.
    #[error("plugin {plugin} imports {import}; a plugin gets weir:plugin/log and nothing else")]
    Import {
        /// The plugin's file or label.
        plugin: String,
        /// The import's full name.
        import: String,
    },
    /// Its exports are not those of a plugin.
    #[error("plugin {plugin} does not fit the interface weir:plugin@1: {message}")]
    Interface {
        /// The plugin's file or label.
        plugin: String,
        /// What differs.
        message: String,
    },
    /// It failed when it was asked what it is.
    #[error("plugin {}: {} ({})", .0.plugin, .0.message, .0.code())]
    Describe(Failure),
    /// What it says of itself cannot be.
    #[error("plugin {plugin} describes itself wrongly: {message}")]
    Description {
        /// The plugin's file or label.
        plugin: String,
        /// What is wrong.
        message: String,
    },
    /// It is built for another version of the interface.
    #[error(
        "plugin {plugin} is built for {interface}; this host speaks {package}@{speaks}, and another major version is another interface: build it anew against wit/ of this host"
    )]
    Version {
        /// The plugin's file or label.
        plugin: String,
        /// The import or export with its version.
        interface: String,
        /// The interface's package.
        package: &'static str,
        /// The version that this host speaks.
        speaks: &'static str,
    },
    /// The folder's manifest is wrong.
    #[error("{}: {message}", path.display())]
    Manifest {
        /// Which.
        path: PathBuf,
        /// What is wrong, naming key and value.
        message: String,
    },
    /// A component is another than the manifest says.
    #[error("plugin {plugin}: sha256 is {found}, the manifest says {expected}")]
    Digest {
        /// The plugin's name.
        plugin: String,
        /// As the manifest says.
        expected: String,
        /// As the file has it.
        found: String,
    },
    /// A component is not signed by somebody trusted.
    #[error("plugin {plugin}: {message}")]
    Signature {
        /// The plugin's file.
        plugin: String,
        /// Why not.
        message: String,
    },
    /// What the operator says does not fit what the plugin says of itself.
    #[error("plugin {plugin}: {message}")]
    Settings {
        /// The plugin's name.
        plugin: String,
        /// What does not fit, naming key and value.
        message: String,
    },
    /// Its configuration does not do.
    #[error("plugin {plugin}: config: {message}")]
    Config {
        /// The plugin's name.
        plugin: String,
        /// Each thing that is wrong, with its place.
        message: String,
    },
    /// Two plugins claim the same name, protocol, algorithm or fallback.
    #[error("plugins {first} and {second} both serve {what}")]
    Duplicate {
        /// What both claim.
        what: String,
        /// One of them.
        first: String,
        /// The other.
        second: String,
    },
}

impl Error {
    /// Stable and kebab-case: for logs, answers and metrics.
    pub fn code(&self) -> &'static str {
        match self {
            Error::Engine(_) => "sandbox-unavailable",
            Error::Read { .. } => "plugin-unreadable",
            Error::Compile { .. } => "plugin-invalid",
            Error::Import { .. } => "plugin-import",
            Error::Interface { .. } => "plugin-interface",
            Error::Describe(failure) => failure.code(),
            Error::Description { .. } => "plugin-description",
            Error::Version { .. } => "plugin-version",
            Error::Manifest { .. } => "plugins-manifest",
            Error::Digest { .. } => "plugin-digest",
            Error::Signature { .. } => "plugin-signature",
            Error::Settings { .. } => "plugin-settings",
            Error::Config { .. } => "plugin-config",
            Error::Duplicate { .. } => "plugin-duplicate",
        }
    }
}

/// Why a call gave no answer.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum CallError {
    /// The plugin refuses what the user asked. Nothing is broken.
    #[error("{}", .0.user)]
    Refused(Refusal),
    /// The plugin is broken: keep what is live as it is.
    #[error(transparent)]
    Failed(Failure),
}

impl CallError {
    /// The refusal's or the failure's stable kebab-case code.
    pub fn code(&self) -> &str {
        match self {
            CallError::Refused(refusal) => &refusal.code,
            CallError::Failed(failure) => failure.code(),
        }
    }
}

impl From<Failure> for CallError {
    fn from(failure: Failure) -> CallError {
        CallError::Failed(failure)
    }
}

/// A plugin that broke.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("plugin {plugin} failed ({}): {message}", kind.code())]
pub struct Failure {
    /// The plugin's name.
    pub plugin: String,
    /// In what way.
    pub kind: FailureKind,
    /// In words, with the plugin's own last error line where it wrote one.
    pub message: String,
}

impl Failure {
    /// Stable and kebab-case: for logs, answers and metrics.
    pub fn code(&self) -> &'static str {
        self.kind.code()
    }
}

/// In what way a plugin broke.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FailureKind {
    /// It stopped itself: a panic, a division by zero, an access outside its memory.
    Trap,
    /// It used up its fuel.
    Fuel,
    /// It used up its time.
    Deadline,
    /// It asked for more memory than it may have, and gave up.
    Memory,
    /// It called itself too deeply.
    Stack,
    /// It answered, and the answer cannot be used.
    Output,
    /// It did not come up.
    Instantiate,
    /// It kept failing, and is not asked for a while.
    Suspended,
    /// The sandbox had no room; not the plugin's fault.
    Busy,
}

impl FailureKind {
    /// Stable and kebab-case: for logs, answers and metrics.
    pub fn code(self) -> &'static str {
        match self {
            FailureKind::Trap => "plugin-trap",
            FailureKind::Fuel => "plugin-fuel",
            FailureKind::Deadline => "plugin-deadline",
            FailureKind::Memory => "plugin-memory",
            FailureKind::Stack => "plugin-stack",
            FailureKind::Output => "plugin-output",
            FailureKind::Instantiate => "plugin-instantiate",
            FailureKind::Suspended => "plugin-suspended",
            FailureKind::Busy => "sandbox-busy",
        }
    }
}

impl fmt::Display for FailureKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

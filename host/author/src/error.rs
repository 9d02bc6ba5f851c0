//! What can go wrong.

use std::path::{Path, PathBuf};

/// Why a command for authors did not come to its end. A test that fails is no error but a report.
#[derive(Debug, thiserror::Error)]
pub enum AuthorError {
    /// A file or folder cannot be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A plugin cannot have this name.
    #[error("{name:?} cannot be a plugin's name: {why}")]
    Name {
        /// The name.
        name: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// There is something already where a new project would go.
    #[error("{} is there already, and not empty; name another with --dir, or remove it", .0.display())]
    Exists(PathBuf),
    /// There is no such template.
    #[error("there is no template of an {kind} plugin in {language}; --lang rust has one")]
    NoTemplate {
        /// The language asked for.
        language: String,
        /// The kind asked for.
        kind: String,
    },
    /// A project file says what it cannot say.
    #[error("{}: {message}", path.display())]
    Project {
        /// Which.
        path: PathBuf,
        /// What is wrong, with the key.
        message: String,
    },
    /// A program that the language is built with is not here.
    #[error("{what} is missing: {install}")]
    Tool {
        /// What is missing.
        what: String,
        /// How to get it.
        install: String,
    },
    /// The sources do not build. The message is the compiler's own, whole.
    #[error("{tool} failed:\n{output}")]
    Build {
        /// The program.
        tool: String,
        /// Everything it said, and where we know better, what to do.
        output: String,
    },
    /// What was built is no component that a host can take.
    #[error("{}: {message}", path.display())]
    Component {
        /// The module or component.
        path: PathBuf,
        /// What is wrong with it.
        message: String,
    },
    /// The sandbox, or the plugin in it, does not come up.
    #[error(transparent)]
    Sandbox(#[from] weir_sandbox::Error),
}

impl AuthorError {
    /// Stable and kebab-case.
    pub fn code(&self) -> &'static str {
        match self {
            AuthorError::File { .. } => "file",
            AuthorError::Name { .. } => "bad-name",
            AuthorError::Exists(_) => "exists",
            AuthorError::NoTemplate { .. } => "no-template",
            AuthorError::Project { .. } => "bad-project",
            AuthorError::Tool { .. } => "missing-tool",
            AuthorError::Build { .. } => "build-failed",
            AuthorError::Component { .. } => "bad-component",
            AuthorError::Sandbox(error) => error.code(),
        }
    }

    /// Whether the command was used wrongly, rather than a problem found.
    pub fn usage(&self) -> bool {
        use AuthorError::{Exists, Name, NoTemplate};
        matches!(self, Name { .. } | Exists(_) | NoTemplate { .. })
    }
}

/// For `map_err`: which file it was.
pub(crate) fn file(path: &Path) -> impl FnOnce(std::io::Error) -> AuthorError {
    let path = path.to_owned();
    move |source| AuthorError::File { path, source }
}

//! What can go wrong.

/// Why a command for authors did not come to its end. A test that fails is no error but a report.
#[derive(Debug, thiserror::Error)]
pub enum AuthorError {
    /// A file or folder cannot be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// Which.
        path: std::path::PathBuf,
        /// Why.
        source: std::io::Error,
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
            AuthorError::Sandbox(error) => error.code(),
        }
    }
}

//! Errors.

use std::path::PathBuf;

use uuid::Uuid;

/// Why the journal did not do something.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JournalError {
    /// Too many pending changes or bytes; it may work later.
    #[error("the journal is full: {0}")]
    Full(String),
    /// The file cannot be written now; it is tried again in the background.
    #[error("the journal cannot be written: {0}")]
    Broken(String),
    /// The entry's id was accepted already.
    #[error("change {0} is in the journal already")]
    Duplicate(Uuid),
    /// An accepted change has the key.
    #[error("the key {0:?} belongs to an accepted change")]
    KeyUsed(String),
    /// The key was abandoned before this call.
    #[error("the key {0:?} was abandoned")]
    KeyAbandoned(String),
    /// No such change, or not any more.
    #[error("change {0} is not in the journal")]
    Unknown(Uuid),
    /// Another process, or this one, has the file open.
    #[error("{path}: another process uses this journal")]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// The file is not a journal, or damaged beyond what a crash can do.
    #[error(
        "{path} is not a readable journal: {reason}. Move it away to start with an empty one; statuses and changes in it are then lost, `weir sync` repairs them"
    )]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The file was written by another format version.
    #[error("{path} has journal format {found}, this host reads format {expected}")]
    Format {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u64,
        /// The version read here.
        expected: u64,
    },
    /// The file cannot be opened or made.
    #[error("{path}: {reason}")]
    Open {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        reason: String,
    },
}

impl JournalError {
    /// Stable code for logs, answers and metrics.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Full(_) => "journal-full",
            Self::Broken(_) => "journal-broken",
            Self::Duplicate(_) => "journal-duplicate",
            Self::KeyUsed(_) => "journal-key-used",
            Self::KeyAbandoned(_) => "journal-key-abandoned",
            Self::Unknown(_) => "journal-unknown-change",
            Self::InUse { .. } => "journal-in-use",
            Self::Corrupt { .. } => "journal-corrupt",
            Self::Format { .. } => "journal-format",
            Self::Open { .. } => "journal-open",
        }
    }
}

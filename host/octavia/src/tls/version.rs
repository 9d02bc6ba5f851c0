//! Which version of a file is there, told without reading it.

use std::{os::unix::fs::MetadataExt, path::Path};

use super::TlsSettings;

/// Differs between a file and what takes its place.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Version {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    /// The change time, too: copying tools carry the modification time over, and a file that could not be read may be
    /// made readable without being modified.
    changed: (i64, i64),
}

impl Version {
    /// Links are followed: renewed files are often put in place by turning a link.
    fn of(path: &Path) -> Option<Self> {
        let file = std::fs::metadata(path).ok()?;
        Some(Self {
            device: file.dev(),
            inode: file.ino(),
            size: file.size(),
            modified: (file.mtime(), file.mtime_nsec()),
            changed: (file.ctime(), file.ctime_nsec()),
        })
    }
}

/// Those of all the files; `None` for one that cannot be had.
pub(super) fn versions(settings: &TlsSettings) -> Vec<Option<Version>> {
    let TlsSettings { certificate, private_key, client_ca } = settings;
    [Some(certificate), Some(private_key), client_ca.as_ref()]
        .into_iter()
        .flatten()
        .map(|path| Version::of(path))
        .collect()
}

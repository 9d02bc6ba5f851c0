//! The values that Octavia's configuration fills into objects whose user names none: sent by the driver with its calls, and
//! kept in the state folder for reading Octavia's get socket, which has none.

use std::{
    io::Write,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
};

use parking_lot::Mutex;
use tracing::{info, warn};
use weir_octavia::{KnownDefaults, OctaviaDefaults};

/// The values, and the file that holds them.
pub struct DefaultsFile {
    file: PathBuf,
    known: KnownDefaults,
    writing: Mutex<()>,
    /// The file lacks a value that is known.
    unwritten: AtomicBool,
}

impl DefaultsFile {
    /// The file in a state folder.
    pub fn path(state_dir: &Path) -> PathBuf {
        state_dir.join("octavia-defaults.json")
    }

    /// Reads the file. One that is missing or cannot be read is empty: the driver sends the values again with its next call.
    pub fn load(file: PathBuf) -> Self {
        let read = std::fs::read(&file)
            .and_then(|text| serde_json::from_slice(&text).map_err(std::io::Error::other));
        let defaults = read.unwrap_or_else(|error| {
            if error.kind() != std::io::ErrorKind::NotFound {
                warn!(file = %file.display(), %error, "cannot read the defaults of octavia.conf, waiting for the driver's next call");
            }
            OctaviaDefaults::default()
        });
        let known = KnownDefaults::new(defaults);
        Self { file, known, writing: Mutex::default(), unwritten: AtomicBool::new(false) }
    }

    /// The values that are known.
    pub fn known(&self) -> &KnownDefaults {
        &self.known
    }

    /// Keeps the values of a call; new ones are on disk when this returns, unless the disk fails.
    pub fn learn(&self, sent: &OctaviaDefaults) {
        let news = self.known.learn(sent).is_some();
        if !news && !self.unwritten.load(Ordering::Relaxed) {
            return;
        }
        let written = tokio::task::block_in_place(|| self.write());
        match written {
            Ok(()) if news => info!(defaults = ?sent, "learned defaults of octavia.conf"),
            Ok(()) => {}
            Err(error) if news => {
                warn!(file = %self.file.display(), %error, "cannot write the defaults of octavia.conf, will retry with the next call");
            }
            Err(_) => {}
        }
    }

    fn write(&self) -> std::io::Result<()> {
        let _one_at_a_time = self.writing.lock();
        self.unwritten.store(true, Ordering::Relaxed);
        let part = self.file.with_extension("part");
        let mut file = std::fs::File::create(&part)?;
        file.write_all(&serde_json::to_vec_pretty(&*self.known.now())?)?;
        file.sync_all()?;
        std::fs::rename(&part, &self.file)?;
        if let Some(folder) = self.file.parent() {
            std::fs::File::open(folder)?.sync_all()?;
        }
        self.unwritten.store(false, Ordering::Relaxed);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn learned_defaults_are_known_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let path = DefaultsFile::path(folder.path());
        let sent: OctaviaDefaults =
            serde_json::from_value(json!({"listener": {"timeout_client_data": [60_000]}})).unwrap();
        let first = DefaultsFile::load(path.clone());
        assert_eq!(*first.known().now(), OctaviaDefaults::default());
        first.learn(&sent);
        assert_eq!(*DefaultsFile::load(path.clone()).known().now(), sent);
        std::fs::write(&path, "no").unwrap();
        let spoilt = DefaultsFile::load(path.clone());
        assert_eq!(*spoilt.known().now(), OctaviaDefaults::default());
        spoilt.learn(&sent);
        assert_eq!(*DefaultsFile::load(path).known().now(), sent);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn failed_write_is_retried_with_the_next_call() {
        let folder = tempfile::tempdir().unwrap();
        let path = DefaultsFile::path(&folder.path().join("later"));
        let sent: OctaviaDefaults =
            serde_json::from_value(json!({"pool": {"tls_ciphers": ["A:B"]}})).unwrap();
        let file = DefaultsFile::load(path.clone());
        file.learn(&sent);
        assert_eq!(*file.known().now(), sent);
        std::fs::create_dir(folder.path().join("later")).unwrap();
        file.learn(&sent);
        assert_eq!(*DefaultsFile::load(path).known().now(), sent);
    }
}

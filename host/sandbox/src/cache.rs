//! Compiled plugins, kept between runs.
//!
//! A file is `<sha256 of the component>-<hash of engine and settings>.compiled`: 32 bytes of SHA-256, then the
//! compiled form that the digest is of. What does not fit (damaged, another engine's, not ours alone) counts
//! as absent: the plugin is compiled again and the file written anew.

mod raw;

use std::fs::{self, OpenOptions};
use std::hash::{Hash, Hasher};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use wasmtime::Engine;
use wasmtime::component::Component;

/// Length of a SHA-256.
const DIGEST: usize = 32;

/// A folder of compiled plugins.
pub(crate) struct Cache {
    dir: PathBuf,
    /// Tells engines and settings apart.
    engine: String,
}

impl Cache {
    /// The cache in `dir`, or none where the folder cannot be made or others could write to it.
    pub fn open(dir: &Path, engine: &Engine) -> Option<Cache> {
        let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(dir);
        if let Err(error) = made.and_then(|()| ours_alone(&fs::metadata(dir)?)) {
            tracing::warn!(dir = %dir.display(), %error, "no cache of compiled plugins");
            return None;
        }
        let mut hasher = Sha256Hasher(Sha256::new());
        engine.precompile_compatibility_hash().hash(&mut hasher);
        let engine = crate::load::hex(&hasher.0.finalize()).chars().take(16).collect();
        Some(Cache { dir: dir.to_owned(), engine })
    }

    fn path(&self, digest: &str) -> PathBuf {
        self.dir.join(format!("{digest}-{}.compiled", self.engine))
    }

    /// The compiled form of the component with this digest, if it is here and sound.
    pub fn get(&self, engine: &Engine, digest: &str) -> Option<Component> {
        let path = self.path(digest);
        match read(&path).and_then(|bytes| raw::load(engine, &bytes).map_err(io::Error::other)) {
            Ok(component) => Some(component),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => {
                tracing::warn!(path = %path.display(), %error, "compiled plugin not usable; compiling it again");
                None
            }
        }
    }

    /// Keeps a compiled form. Failing to is no harm, and logged.
    pub fn put(&self, digest: &str, component: &Component) {
        let path = self.path(digest);
        let written = component
            .serialize()
            .map_err(|e| io::Error::other(format!("{e:#}")))
            .and_then(|bytes| write(&path, &bytes));
        if let Err(error) = written {
            tracing::warn!(path = %path.display(), %error, "compiled plugin not kept");
        }
    }
}

/// What is loaded from here is run, so nobody else may have had a hand in it.
fn ours_alone(metadata: &fs::Metadata) -> io::Result<()> {
    // The owner of our own process's entry is who we run as.
    if metadata.uid() != fs::metadata("/proc/self")?.uid() || metadata.mode() & 0o022 != 0 {
        return Err(io::Error::other("owned or writable by others"));
    }
    Ok(())
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut file = fs::File::open(path)?;
    ours_alone(&file.metadata()?)?;
    let mut digest = [0; DIGEST];
    file.read_exact(&mut digest)?;
    let mut bytes = vec![];
    file.read_to_end(&mut bytes)?;
    if Sha256::digest(&bytes).as_slice() != digest {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "damaged"));
    }
    Ok(bytes)
}

/// Whole or not at all: another process may be reading, or writing the same.
fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let draft =
        path.with_extension(format!("draft-{}-{:?}", std::process::id(), std::thread::current().id()));
    let write = || {
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
        file.write_all(&Sha256::digest(bytes))?;
        file.write_all(bytes)?;
        fs::rename(&draft, path)
    };
    write().inspect_err(|_| drop(fs::remove_file(&draft)))
}

/// The engine offers what it is only as something to hash; the standard hasher may change between releases.
struct Sha256Hasher(Sha256);

impl Hasher for Sha256Hasher {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        // Only `Hash::hash` is called on it; the digest is taken from inside.
        0
    }
}

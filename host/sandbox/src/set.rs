//! What a plugin folder holds, read whole: everything is checked on these bytes, so a file that changes meanwhile
//! changes nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::manifest::{MANIFEST, Manifest};
use crate::signature::Keys;
use crate::{Error, Limits, Settings, load};

/// Whose plugins are loaded, as the host's own configuration says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trust {
    /// Only signed components are loaded. A manifest may ask for the same, but cannot lift it.
    pub require_signed: bool,
    /// Public keys whose signatures count: minisign's line, or PEM of ECDSA P-256 (cosign's). With any, or where signatures
    /// are required here, those that a manifest names do not count.
    pub trusted_keys: Vec<String>,
}

/// A component with what an operator says of it.
#[derive(Debug, Clone)]
pub struct Part {
    /// Names it until it has said its name: its file.
    pub label: String,
    /// The component.
    pub bytes: Vec<u8>,
    /// What the operator says.
    pub settings: Settings,
    /// A trusted key has signed it.
    pub signed: bool,
}

impl Part {
    /// A component without a word from an operator.
    pub fn bare(label: &str, bytes: &[u8], limits: &Limits) -> Part {
        let settings = Settings::with_limits(limits.clone());
        Part { label: label.to_owned(), bytes: bytes.to_vec(), settings, signed: false }
    }
}

/// What a plugin folder holds.
#[derive(Debug, Clone, Default)]
pub struct PluginSet {
    /// The components, in the manifest's order, or in that of their files' names.
    pub parts: Vec<Part>,
    /// Components in the folder that the manifest does not name: they are not loaded.
    pub ignored: Vec<PathBuf>,
    /// Tells sets apart: SHA-256 over all that matters, in hexadecimal.
    pub digest: String,
}

impl PluginSet {
    /// Reads a folder: the plugins that its `plugins.toml` names, or without one every `*.wasm`. A folder that does not
    /// exist is an empty one.
    ///
    /// # Errors
    /// What cannot be read, a manifest that is none, a digest that differs, a signature that is missing or of somebody
    /// else.
    pub fn read(dir: &Path, trust: &Trust, defaults: &Limits) -> Result<PluginSet, Error> {
        let text = match fs::read_to_string(dir.join(MANIFEST)) {
            Ok(text) => Some(text),
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(source) => return Err(Error::Read { path: dir.join(MANIFEST), source }),
        };
        let files = components(dir)?;
        let wrong = |message: String| Error::Manifest { path: dir.join(MANIFEST), message };
        let manifest = text.as_deref().map(Manifest::parse).transpose().map_err(wrong)?;
        let (require, theirs) =
            manifest.as_ref().map_or((false, &[][..]), |m| (m.require_signed, &m.trusted_keys));
        // Where the host requires signatures, whoever writes the folder has no say in whose.
        let ours = trust.require_signed || !trust.trusted_keys.is_empty();
        let texts = if ours { &trust.trusted_keys } else { theirs };
        let keys = Keys::parse(texts).map_err(wrong)?;
        let require = require || trust.require_signed;
        if require && keys.is_empty() && !files.is_empty() {
            return Err(wrong("require_signed is set, but there is no key in trusted_keys".into()));
        }
        let mut set = PluginSet::default();
        match &manifest {
            Some(manifest) => {
                let mut named = BTreeSet::new();
                for entry in &manifest.plugin {
                    let of_entry = |why: String| wrong(format!("plugin {}: {why}", entry.name));
                    let path = entry.path(dir).map_err(of_entry)?;
                    let settings = entry.settings(defaults).map_err(of_entry)?;
                    let part = part(&path, settings, &keys, require)?;
                    digest_fits(&entry.name, entry.sha256.as_deref(), &part.bytes)?;
                    named.insert(path);
                    set.parts.push(part);
                }
                set.ignored = files.into_iter().filter(|file| !named.contains(file)).collect();
            }
            None => {
                for path in files {
                    set.parts.push(part(&path, Settings::with_limits(defaults.clone()), &keys, require)?);
                }
            }
        }
        set.digest = digest(&set.parts);
        Ok(set)
    }

    /// A set of components at hand.
    pub fn of(parts: Vec<Part>) -> PluginSet {
        let digest = digest(&parts);
        PluginSet { parts, ignored: vec![], digest }
    }
}

/// A component's file with its signature, if there are keys to check one with.
fn part(path: &Path, settings: Settings, keys: &Keys, require: bool) -> Result<Part, Error> {
    let label = path.display().to_string();
    let most = settings.limits.component_bytes;
    let unreadable = |source| Error::Read { path: path.to_owned(), source };
    let size = fs::metadata(path).map_err(unreadable)?.len();
    if usize::try_from(size).map_or(true, |size| size > most) {
        let message = format!("{size} bytes are more than the {most} allowed");
        return Err(Error::Compile { plugin: label, message });
    }
    let bytes = fs::read(path).map_err(unreadable)?;
    let verdict = if keys.is_empty() { Err("no key is trusted".into()) } else { keys.verify(path, &bytes) };
    match verdict {
        Err(message) if require => Err(Error::Signature { plugin: label, message }),
        verdict => Ok(Part { label, bytes, settings, signed: verdict.is_ok() }),
    }
}

fn digest_fits(plugin: &str, expected: Option<&str>, bytes: &[u8]) -> Result<(), Error> {
    let Some(expected) = expected else { return Ok(()) };
    let found = load::digest(bytes);
    let expected = expected.strip_prefix("sha256:").unwrap_or(expected);
    if expected.eq_ignore_ascii_case(&found) {
        return Ok(());
    }
    Err(Error::Digest { plugin: plugin.to_owned(), expected: expected.to_owned(), found })
}

/// Every `*.wasm`, by name.
fn components(dir: &Path) -> Result<Vec<PathBuf>, Error> {
    let unreadable = |source| Error::Read { path: dir.to_owned(), source };
    let entries = match fs::read_dir(dir) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(vec![]),
        entries => entries.map_err(unreadable)?,
    };
    let mut paths = vec![];
    for entry in entries {
        let path = entry.map_err(unreadable)?.path();
        if path.extension().is_some_and(|end| end == "wasm") {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

fn digest(parts: &[Part]) -> String {
    let mut hash = Sha256::new();
    // In no particular order: what matters is what is said of which component.
    let parts: BTreeMap<String, &Part> = parts
        .iter()
        .map(|part| (format!("{}:{:?}", load::digest(&part.bytes), part.settings), part))
        .collect();
    for (said, part) in parts {
        hash.update(said.as_bytes());
        hash.update([u8::from(part.signed)]);
    }
    load::hex(&hash.finalize())
}

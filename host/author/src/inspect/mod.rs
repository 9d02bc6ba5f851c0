//! `weir plugin inspect`: what is in a component, and whether a host would take it.

mod text;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::Serialize;
use weir_sandbox::{Description, Error, Limits, Plugin, Sandbox};

use crate::component::{Needs, Parts, given, split};
use crate::error::file;
use crate::project::Project;
use crate::{AuthorError, build};

/// The interface's version that this host has.
const MAJOR: &str = "1";
const MINOR: &str = "0";

/// Endings of a signature's file beside the component's: minisign's, and cosign's or openssl's.
const SIGNATURES: &[&str] = &["minisig", "sig"];

/// Of what a plugin may export, what a host calls.
const CALLED: &[&str] = &["weir:plugin/about", "weir:plugin/protocol", "weir:plugin/algorithm"];

/// Room to look at a plugin that needs more than a host gives unasked.
fn roomy() -> Limits {
    Limits {
        fuel: 2_000_000_000,
        deadline: Duration::from_secs(5),
        memory: 512 << 20,
        table_elements: 200_000,
        output_bytes: 64 << 20,
        component_bytes: 256 << 20,
        ..Limits::default()
    }
}

/// What was found.
#[derive(Debug, Clone, Serialize)]
pub struct Inspection {
    /// The file.
    pub file: PathBuf,
    /// Its size.
    pub bytes: usize,
    /// Its SHA-256, in hexadecimal: what a manifest's `sha256` is.
    pub sha256: String,
    /// `component`, `core module`, or `not WebAssembly`.
    pub kind: &'static str,
    /// What it wants of a host.
    pub imports: Vec<Interface>,
    /// What it offers.
    pub exports: Vec<Interface>,
    /// What an instance takes before its first call.
    pub needs: Needs,
    /// What it was made with.
    pub producers: BTreeMap<String, String>,
    /// Its signature's file. Whose it is, only a host's configuration can say.
    pub signature: Option<PathBuf>,
    /// What it says of itself, where it could be asked.
    pub description: Option<Described>,
    /// Time to compile it and to ask it what it is, in milliseconds, in this build of weir, with nothing cached.
    pub load_ms: Option<u64>,
    /// An empty call: `check-config` without a configuration, in a fresh instance.
    pub call: Option<Call>,
    /// Which limits the host's defaults do not suffice for, in words.
    pub limits: Vec<String>,
    /// Why a host would not take it, in words. Empty: it would.
    pub problems: Vec<String>,
}

/// An import or export.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Interface {
    /// Without the version.
    pub name: String,
    /// As it was built against.
    pub version: Option<String>,
    /// Whether this host has it.
    pub fits: bool,
    /// The same in words.
    pub note: String,
}

/// What a plugin says of itself.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[expect(missing_docs, reason = "the fields of `description` in wit/types.wit")]
pub struct Described {
    pub name: String,
    pub version: String,
    pub protocols: Vec<String>,
    pub algorithms: Vec<String>,
    pub fallback: bool,
    pub options: Vec<String>,
    /// JSON where it is, else the text as it stands.
    pub config_schema: Option<serde_json::Value>,
}

/// What a call takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Call {
    /// Fuel, the same every time.
    pub fuel: u64,
    /// Microseconds, instantiation included.
    pub us: u64,
}

impl Inspection {
    /// Whether a host would take it.
    pub fn ok(&self) -> bool {
        self.problems.is_empty()
    }
}

/// Looks at a file. A broken one is no error: what is wrong stands in [`Inspection::problems`].
///
/// # Errors
/// [`AuthorError::File`] where it cannot be read; [`AuthorError::Sandbox`] where WebAssembly cannot be run here.
pub fn inspect(path: &Path) -> Result<Inspection, AuthorError> {
    let bytes = fs::read(path).map_err(file(path))?;
    let mut found = Inspection {
        file: path.to_owned(),
        bytes: bytes.len(),
        sha256: build::sha256(&bytes),
        kind: "not WebAssembly",
        imports: vec![],
        exports: vec![],
        needs: Needs::default(),
        producers: BTreeMap::new(),
        signature: signature(path),
        description: None,
        load_ms: None,
        call: None,
        limits: vec![],
        problems: vec![],
    };
    match Parts::read(&bytes) {
        Err(problem) => found.problems.push(problem),
        Ok(parts) => {
            found.kind = if parts.component { "component" } else { "core module" };
            found.take(parts);
            let limits = Project::of_component(path).map_or_else(Limits::default, |project| project.limits);
            if found.kind == "component" {
                found.load(&bytes, limits)?;
            } else {
                found.problems.push("a core module, not a component: `weir plugin build` makes one".into());
            }
        }
    }
    Ok(found)
}

impl Inspection {
    fn take(&mut self, parts: Parts) {
        self.needs = parts.needs;
        self.producers = parts.producers;
        if !parts.component {
            let plain = |name: String| Interface { name, version: None, fits: false, note: String::new() };
            self.imports = parts.imports.into_iter().map(plain).collect();
            self.exports = parts.exports.into_iter().map(plain).collect();
            return;
        }
        self.imports =
            parts.imports.iter().map(|name| interface(name, given(name), "no host gives it")).collect();
        let called = |name: &str| CALLED.contains(&split(name).0);
        self.exports =
            parts.exports.iter().map(|name| interface(name, called(name), "no host calls it")).collect();
        for import in self.imports.iter().filter(|i| !i.fits) {
            let full = [Some(&*import.name), import.version.as_deref()];
            let full: Vec<_> = full.into_iter().flatten().collect();
            self.problems.push(format!("it imports {}: {}", full.join("@"), import.note));
        }
        let default = Limits::default();
        let mut above = |what: &str, key: &str, needs: u64, has: usize| {
            if needs > has as u64 {
                self.limits
                    .push(format!("{key}: it begins with {needs} {what}, the host's default is {has}"));
            }
        };
        above("bytes of memory", "memory", self.needs.memory, default.memory);
        above("elements of tables", "table_elements", self.needs.table_elements, default.table_elements);
        above("bytes", "component_bytes", self.bytes as u64, default.component_bytes);
    }

    /// Asks the plugin what it is: within `limits`, and where they do not suffice with plenty of room.
    fn load(&mut self, bytes: &[u8], limits: Limits) -> Result<(), AuthorError> {
        let label = self.file.display().to_string();
        let limits = Limits { concurrent_calls: 1, ..limits };
        let room = Limits { concurrent_calls: 1, ..roomy() };
        let too_small = self.needs.memory > limits.memory as u64
            || self.needs.table_elements > limits.table_elements as u64
            || bytes.len() > limits.component_bytes;
        let mut loaded = None;
        if !too_small {
            loaded = Some(self.load_within(&label, bytes, limits)?);
        }
        if matches!(loaded, None | Some(Err(Error::Describe(_)))) {
            let roomy = self.load_within(&label, bytes, room)?;
            if let (Some(Err(error)), Ok(_)) = (&loaded, &roomy) {
                self.limits.push(format!("{}: {error}", error.code()));
            }
            // Where more room does not help, what it did within its own says more.
            if loaded.is_none() || roomy.is_ok() {
                loaded = Some(roomy);
            }
        }
        match loaded {
            Some(Ok(plugin)) => self.ask(&plugin),
            Some(Err(error)) => {
                let text = error.to_string();
                if !self.problems.iter().any(|p| text.contains(p.as_str())) {
                    self.problems.push(text);
                }
            }
            None => {}
        }
        Ok(())
    }

    fn load_within(
        &mut self,
        label: &str,
        bytes: &[u8],
        limits: Limits,
    ) -> Result<Result<Plugin, Error>, AuthorError> {
        let sandbox = Sandbox::new(limits, None)?;
        let start = Instant::now();
        let loaded = Plugin::load(&sandbox, label, bytes);
        self.load_ms = loaded.is_ok().then(|| millis(start.elapsed()));
        Ok(loaded)
    }

    fn ask(&mut self, plugin: &Plugin) {
        self.description = Some(described(plugin.description()));
        // A plugin that wants a configuration refuses; the call has been made all the same.
        let _ = plugin.check_config("");
        let stats = plugin.stats();
        let default = Limits::default();
        self.call =
            Some(Call { fuel: stats.fuel_max, us: u64::try_from(stats.p50.as_micros()).unwrap_or(u64::MAX) });
        if stats.fuel_max > default.fuel {
            let fuel = stats.fuel_max;
            self.limits
                .push(format!("fuel: an empty call uses {fuel}, the host's default is {}", default.fuel));
        }
    }
}

fn interface(full: &str, known: bool, unknown: &str) -> Interface {
    let (name, version) = split(full);
    let mut parts = version.unwrap_or_default().split('.');
    let (major, minor) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let (fits, note) = if !known {
        (false, unknown.to_owned())
    } else if major != MAJOR {
        (false, format!("another major version than this host's {MAJOR}.{MINOR}"))
    } else if minor != MINOR {
        (true, format!("built against a newer interface than this host's {MAJOR}.{MINOR}"))
    } else {
        (true, format!("fits this host's {MAJOR}.{MINOR}"))
    };
    Interface { name: name.into(), version: version.map(Into::into), fits, note }
}

fn described(of: &Description) -> Described {
    let schema = (!of.config_schema.is_empty()).then(|| {
        serde_json::from_str(&of.config_schema)
            .unwrap_or_else(|_| serde_json::Value::String(of.config_schema.clone()))
    });
    Described {
        name: of.name.clone(),
        version: of.version.clone(),
        protocols: of.protocols.clone(),
        algorithms: of.algorithms.clone(),
        fallback: of.fallback,
        options: of.options.clone(),
        config_schema: schema,
    }
}

fn signature(path: &Path) -> Option<PathBuf> {
    let beside = |ending: &&str| {
        let mut name = path.as_os_str().to_owned();
        name.push(".");
        name.push(ending);
        PathBuf::from(name)
    };
    SIGNATURES.iter().map(beside).find(|p| p.is_file())
}

fn millis(of: Duration) -> u64 {
    u64::try_from(of.as_millis()).unwrap_or(u64::MAX)
}

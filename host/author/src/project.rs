//! A plugin's project folder, as its `weir-plugin.toml` describes it.

mod limits;

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use weir_sandbox::Limits;

use crate::AuthorError;
use crate::error::file;
use limits::ProjectLimits;

/// The file that makes a folder a project.
pub const FILE: &str = "weir-plugin.toml";

/// Longest name of a plugin, in characters.
const NAME: usize = 64;

/// What a plugin is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// Rust, compiled by cargo.
    Rust,
    /// C, compiled by clang.
    C,
    /// Python, with its interpreter in the component (componentize-py).
    Python,
    /// JavaScript, with its engine in the component (componentize-js).
    JavaScript,
}

impl Language {
    /// All of them.
    pub const ALL: [Language; 4] = [Language::Rust, Language::C, Language::Python, Language::JavaScript];

    /// As it is written on the command line and in the project file.
    pub fn as_str(self) -> &'static str {
        match self {
            Language::Rust => "rust",
            Language::C => "c",
            Language::Python => "python",
            Language::JavaScript => "javascript",
        }
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Language {
    type Err = String;

    fn from_str(text: &str) -> Result<Language, String> {
        let known = Language::ALL.into_iter().find(|l| l.as_str() == text);
        known.ok_or_else(|| format!("no template in {text:?}; choose rust, c, python or javascript"))
    }
}

/// What a plugin serves: which of the worlds of `wit/worlds.wit` it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Protocols.
    #[default]
    Protocol,
    /// Algorithms.
    Algorithm,
}

impl Kind {
    /// As it is written on the command line and in the project file.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Protocol => "protocol",
            Kind::Algorithm => "algorithm",
        }
    }

    /// The world's name.
    pub fn world(self) -> &'static str {
        match self {
            Kind::Protocol => "protocol-plugin",
            Kind::Algorithm => "algorithm-plugin",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Kind {
    type Err = String;

    fn from_str(text: &str) -> Result<Kind, String> {
        let known = [Kind::Protocol, Kind::Algorithm].into_iter().find(|k| k.as_str() == text);
        known.ok_or_else(|| format!("no kind {text:?}; choose protocol or algorithm"))
    }
}

/// A project, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Project {
    /// The folder, absolute.
    pub dir: PathBuf,
    /// The plugin's name.
    pub name: String,
    /// What it is written in.
    pub language: Language,
    /// What it serves.
    pub kind: Kind,
    /// The folder of its golden cases, absolute. Need not exist.
    pub cases: PathBuf,
    /// Where its component is put, absolute.
    pub component: PathBuf,
    /// Whether it is to mean the same as the shipped plugin that serves the same.
    pub same_as_shipped: bool,
    /// What its calls may use. What the file leaves out is the host's default.
    pub limits: Limits,
    /// The configuration that it is tested and measured under: JSON, or empty. A golden case brings its own.
    pub config: String,
    /// Of a Rust project: cargo's profile.
    pub profile: String,
    /// Of a Rust project: cargo's target folder, absolute.
    pub target: PathBuf,
}

/// The file, as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    name: String,
    language: Language,
    #[serde(default)]
    kind: Kind,
    #[serde(default = "cases")]
    cases: PathBuf,
    component: Option<PathBuf>,
    #[serde(default)]
    same_as_shipped: bool,
    #[serde(default)]
    limits: ProjectLimits,
    config: Option<toml::Table>,
    #[serde(default = "profile")]
    profile: String,
    #[serde(default = "target")]
    target: PathBuf,
}

fn cases() -> PathBuf {
    "cases".into()
}

fn profile() -> String {
    "release".into()
}

fn target() -> PathBuf {
    "target".into()
}

impl Project {
    /// Reads the project in `dir`.
    ///
    /// # Errors
    /// [`AuthorError::File`] where the folder has no `weir-plugin.toml`; [`AuthorError::Project`] naming the key where
    /// it says what it cannot say.
    pub fn load(dir: &Path) -> Result<Project, AuthorError> {
        let dir = dir.canonicalize().map_err(file(dir))?;
        let path = dir.join(FILE);
        let text = fs::read_to_string(&path).map_err(file(&path))?;
        let wrong = |message: String| AuthorError::Project { path: path.clone(), message };
        let written: Written = toml::from_str(&text).map_err(|e| wrong(e.to_string()))?;
        check_name(&written.name).map_err(|e| wrong(format!("name: {e}")))?;
        let component = written.component.unwrap_or_else(|| format!("{}.wasm", written.name).into());
        let config = written.config.map(|c| serde_json::to_string(&c)).transpose();
        Ok(Project {
            config: config.map_err(|e| wrong(format!("config: {e}")))?.unwrap_or_default(),
            profile: written.profile,
            target: dir.join(written.target),
            cases: dir.join(written.cases),
            component: dir.join(component),
            name: written.name,
            language: written.language,
            kind: written.kind,
            same_as_shipped: written.same_as_shipped,
            limits: written.limits.over(Limits::default()),
            dir,
        })
    }

    /// The project that a component belongs to: that of its folder, where it names this very file.
    pub fn of_component(component: &Path) -> Option<Project> {
        let component = component.canonicalize().ok()?;
        let project = Project::load(component.parent()?).ok()?;
        (project.component == component).then_some(project)
    }
}

/// A name that a plugin can have.
///
/// # Errors
/// [`AuthorError::Name`] with what is wrong with it.
pub fn check_name(name: &str) -> Result<(), AuthorError> {
    let why = if name.is_empty() || name.len() > NAME {
        "it needs 1 to 64 characters"
    } else if !name.starts_with(|c: char| c.is_ascii_lowercase()) {
        "it starts with a lower-case letter"
    } else if !name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-') {
        "only lower-case letters, digits and dashes, as in my-plugin"
    } else if name.ends_with('-') || name.contains("--") {
        "dashes stand singly between words"
    } else if ["test", "core", "std", "alloc", "weir-guest", "weir-testkit"].contains(&name) {
        "that is a crate of its own"
    } else {
        return Ok(());
    };
    Err(AuthorError::Name { name: name.into(), why })
}

#[cfg(test)]
mod tests;

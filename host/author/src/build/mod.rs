//! `weir plugin build`: a component from a project's sources.

mod c;
mod encode;
mod javascript;
mod python;
mod rust;
mod tool;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::AuthorError;
use crate::component::Parts;
use crate::error::file;
use crate::project::{Language, Project};

/// Folders and files of a project that no component is built from.
const NO_SOURCES: &[&str] = &["target", "node_modules", "cases", "tests", "__pycache__", "README.md"];

/// What was built.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Built {
    /// Where it is.
    pub component: PathBuf,
    /// Its size.
    pub bytes: usize,
    /// SHA-256, in hexadecimal.
    pub sha256: String,
}

/// Builds the component of the project in `dir`, and puts it where the project says. The component of a Rust project
/// is the same, byte for byte, whatever folder it is built in; it differs between compilers.
///
/// # Errors
/// [`AuthorError::Tool`] names what has to be installed; [`AuthorError::Build`] has all that the compiler said;
/// [`AuthorError::Component`] where the result imports what no host gives.
pub fn build(dir: &Path) -> Result<Built, AuthorError> {
    build_project(&Project::load(dir)?)
}

/// The same for a project already read.
///
/// # Errors
/// As [`build`].
pub fn build_project(project: &Project) -> Result<Built, AuthorError> {
    let bytes = match project.language {
        Language::Rust => rust::build(project)?,
        Language::C => c::build(project)?,
        Language::Python => python::build(project)?,
        Language::JavaScript => javascript::build(project)?,
    };
    let path = &project.component;
    let wrong = |message| AuthorError::Component { path: path.clone(), message };
    let parts = Parts::read(&bytes).map_err(wrong)?;
    let foreign: Vec<_> =
        parts.imports.iter().filter(|name| !crate::component::given(name)).cloned().collect();
    if !foreign.is_empty() {
        return Err(wrong(format!(
            "it imports {}; a plugin gets weir:plugin/log and nothing else: no files, no sockets, no clock, no random",
            foreign.join(", ")
        )));
    }
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(file(folder))?;
    }
    // Whole or not at all: a host may be looking at the folder.
    let draft = path.with_extension(format!("draft-{}", std::process::id()));
    fs::write(&draft, &bytes).map_err(file(&draft))?;
    fs::rename(&draft, path).map_err(file(path))?;
    Ok(Built { component: path.clone(), bytes: bytes.len(), sha256: sha256(&bytes) })
}

/// Builds the project's component only if it is missing, or older than a source. Says what was built.
///
/// # Errors
/// As [`build`].
pub fn build_if_stale(project: &Project) -> Result<Option<Built>, AuthorError> {
    let built = fs::metadata(&project.component).and_then(|m| m.modified()).ok();
    match built {
        Some(built) if newest(project, &project.dir)? <= built => Ok(None),
        _ => build_project(project).map(Some),
    }
}

/// When a source was last changed.
fn newest(project: &Project, folder: &Path) -> Result<SystemTime, AuthorError> {
    let mut last = SystemTime::UNIX_EPOCH;
    for entry in fs::read_dir(folder).map_err(file(folder))? {
        let path = entry.map_err(file(folder))?.path();
        let name = path.file_name().and_then(|n| n.to_str()).unwrap_or_default();
        if name.starts_with('.')
            || NO_SOURCES.contains(&name)
            || path == project.component
            || path == project.cases
        {
            continue;
        }
        let of = fs::metadata(&path).map_err(file(&path))?;
        let changed =
            if of.is_dir() { newest(project, &path)? } else { of.modified().map_err(file(&path))? };
        last = last.max(changed);
    }
    Ok(last)
}

/// SHA-256 in hexadecimal.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

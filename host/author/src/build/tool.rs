//! Running the programs that languages are built with.

use std::env;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::AuthorError;

/// The first of `names` that is in PATH.
pub fn in_path(names: &[&str]) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    let folders: Vec<_> = env::split_paths(&path).collect();
    names.iter().find_map(|name| folders.iter().map(|f| f.join(name)).find(|p| p.is_file()))
}

/// What an environment variable names, where it is set and not empty.
pub fn from_env(variable: &str) -> Option<PathBuf> {
    env::var_os(variable).filter(|v| !v.is_empty()).map(PathBuf::from)
}

/// Runs a program to its end.
///
/// # Errors
/// [`AuthorError::Tool`] with `install` where it is not there.
pub fn run(command: &mut Command, what: &str, install: &str) -> Result<Output, AuthorError> {
    command.output().map_err(|error| match error.kind() {
        ErrorKind::NotFound => AuthorError::Tool { what: what.into(), install: install.into() },
        _ => AuthorError::File { path: Path::new(command.get_program()).to_owned(), source: error },
    })
}

/// Everything that a program said, errors last.
pub fn said(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    if out.is_empty() || err.is_empty() { out + &err } else { format!("{out}\n{err}") }
}

//! `weir plugin new`: a project that builds, tests and passes conformance as it is.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::AuthorError;
use crate::error::file;
use crate::project::{Kind, Language, check_name};

/// Set, path in the project, bytes; see build.rs.
static FILES: &[(&str, &str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/templates.rs"));

/// What stands in the templates for the plugin's name, as a name, an identifier and a type.
const NAME: &str = "my-plugin";
const IDENTIFIER: &str = "my_plugin";
const TYPE: &str = "MyPlugin";

/// A template's `.gitignore` would be one of this repository's, too.
const GITIGNORE: (&str, &str) = ("gitignore", ".gitignore");

/// What was made.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Made {
    /// The project's folder.
    pub dir: PathBuf,
    /// The files in it, relative to it.
    pub files: Vec<PathBuf>,
}

/// Writes a new project into `dir`.
///
/// # Errors
/// [`AuthorError::Name`], [`AuthorError::NoTemplate`]; [`AuthorError::Exists`] where the folder is not empty: nothing is
/// ever overwritten; [`AuthorError::File`].
pub fn new(name: &str, language: Language, kind: Kind, dir: &Path) -> Result<Made, AuthorError> {
    check_name(name)?;
    let own = format!("{language}-{kind}");
    if !FILES.iter().any(|(set, ..)| *set == own) {
        return Err(AuthorError::NoTemplate { language: language.to_string(), kind: kind.to_string() });
    }
    match fs::read_dir(dir).map(|entries| entries.count()) {
        Ok(0) => {}
        Ok(_) => return Err(AuthorError::Exists(dir.to_owned())),
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(file(dir)(error)),
    }
    let mut written = vec![];
    for (set, path, bytes) in FILES {
        let (folder, filled) = match *set {
            "common" => ("", true),
            "wit" => ("wit", false),
            "sdk" if language == Language::Rust => ("sdk", false),
            set if set == own => ("", true),
            _ => continue,
        };
        // The cases in common are a protocol plugin's.
        if *set == "common" && kind == Kind::Algorithm && path.starts_with("cases/") {
            continue;
        }
        let path = if *path == GITIGNORE.0 { GITIGNORE.1 } else { path };
        let path = Path::new(folder).join(path);
        let target = dir.join(&path);
        if let Some(parent) = target.parent() {
            fs::create_dir_all(parent).map_err(file(parent))?;
        }
        let bytes = match std::str::from_utf8(bytes) {
            Ok(text) if filled => fill(text, name).into_bytes(),
            _ => bytes.to_vec(),
        };
        fs::write(&target, bytes).map_err(file(&target))?;
        written.push(path);
    }
    written.sort();
    Ok(Made { dir: dir.to_owned(), files: written })
}

fn fill(text: &str, name: &str) -> String {
    let title = |word: &str| {
        let mut letters = word.chars();
        letters.next().map(|c| c.to_ascii_uppercase()).into_iter().chain(letters).collect::<String>()
    };
    let type_name: String = name.split('-').map(title).collect();
    text.replace(NAME, name).replace(IDENTIFIER, &name.replace('-', "_")).replace(TYPE, &type_name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_stands_in_three_forms() {
        let text = "my-plugin my_plugin MyPlugin";
        assert_eq!(fill(text, "tcp-by-day2"), "tcp-by-day2 tcp_by_day2 TcpByDay2");
    }

    #[test]
    fn no_template_carries_what_building_leaves_behind() {
        let left = |path: &str| ["target/", "node_modules/", "Cargo.lock"].iter().any(|l| path.contains(l));
        let found: Vec<_> = FILES.iter().filter(|(_, path, _)| left(path)).collect();
        assert!(found.is_empty() && FILES.len() > 20, "{found:?}");
    }
}

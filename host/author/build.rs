//! Puts into the binary what `weir plugin new` writes: the templates, and for Rust projects the crates they are built
//! with, so that they build without a network.
//!
//! The table is `<out>/templates.rs`: `&[(set, path, bytes)]`, sorted.

use std::error::Error;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

use toml::{Table, Value};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Set of files, and the folder that they are in.
const SETS: &[(&str, &str)] = &[
    ("common", "guest/templates/common"),
    ("rust-protocol", "guest/templates/rust"),
    ("rust-algorithm", "guest/templates/rust-algorithm"),
    ("c-protocol", "guest/templates/c"),
    ("python-protocol", "guest/templates/python"),
    ("javascript-protocol", "guest/templates/javascript"),
    ("wit", "wit"),
];

/// The crates that a Rust project is built with: name, folder.
const CRATES: &[(&str, &str)] = &[("weir-guest", "guest/sdk"), ("weir-testkit", "guest/testkit")];

/// Left out of a template: what building leaves behind.
const BUILT: &[&str] = &["target", "node_modules", ".venv", "__pycache__"];

/// Left out of a crate: its own tests, too.
const LEFT_OUT: &[&str] = &["target", "tests", "benches", "examples", "node_modules", ".venv", "__pycache__"];

fn main() -> Result<()> {
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("../..").canonicalize()?;
    let out = PathBuf::from(env::var("OUT_DIR")?);
    println!("cargo::rerun-if-changed={}", root.join("Cargo.toml").display());

    let mut source = "&[\n".to_owned();
    let mut row = |set: &str, path: &Path, file: &Path| {
        writeln!(source, "    ({set:?}, {:?}, include_bytes!({:?})),", text(path)?, text(file)?)?;
        Ok::<_, Box<dyn Error>>(())
    };
    for (set, folder) in SETS {
        let folder = root.join(folder);
        println!("cargo::rerun-if-changed={}", folder.display());
        // A template's own tests are part of it; only a crate's are left out.
        for path in files(&folder, BUILT)? {
            if *set != "wit" || path.extension().is_some_and(|e| e == "wit") {
                row(set, &path, &folder.join(&path))?;
            }
        }
    }
    let workspace: Table = fs::read_to_string(root.join("Cargo.toml"))?.parse()?;
    for (name, folder) in CRATES {
        let folder = root.join(folder);
        println!("cargo::rerun-if-changed={}", folder.display());
        for path in files(&folder, LEFT_OUT)? {
            let mut file = folder.join(&path);
            if path == Path::new("Cargo.toml") {
                let manifest = alone(&workspace, fs::read_to_string(&file)?.parse()?)?;
                file = out.join(format!("{name}.toml"));
                fs::write(&file, toml::to_string(&manifest)?)?;
            }
            row("sdk", &Path::new(name).join(&path), &file)?;
        }
    }
    source.push_str("]\n");
    fs::write(out.join("templates.rs"), source)?;
    Ok(())
}

fn text(path: &Path) -> Result<&str> {
    path.to_str().ok_or_else(|| format!("{} is not UTF-8", path.display()).into())
}

/// The files under a folder, relative to it, sorted.
fn files(folder: &Path, left_out: &[&str]) -> Result<Vec<PathBuf>> {
    let mut found = vec![];
    let mut open = vec![folder.to_owned()];
    while let Some(next) = open.pop() {
        for entry in fs::read_dir(&next).map_err(|e| format!("{}: {e}", next.display()))? {
            let path = entry?.path();
            let name = path.file_name().and_then(|n| n.to_str()).unwrap_or_default().to_owned();
            if left_out.contains(&name.as_str()) || name == "Cargo.lock" {
                continue;
            } else if path.is_dir() {
                open.push(path);
            } else {
                found.push(path.strip_prefix(folder)?.to_owned());
            }
        }
    }
    found.sort();
    Ok(found)
}

/// A member's manifest that needs no workspace: what it inherits is written out, our crates stand beside it, and what
/// only concerns its development is left out. Lints too: a newer compiler's must not stop an author's build.
fn alone(workspace: &Table, mut manifest: Table) -> Result<Table> {
    let inherited = |section: &str| workspace.get("workspace").and_then(|w| w.get(section));
    for dropped in ["lints", "dev-dependencies", "test", "bench", "example"] {
        manifest.remove(dropped);
    }
    if let Some(package) = manifest.get_mut("package").and_then(Value::as_table_mut) {
        for (key, value) in package.iter_mut() {
            if value.get("workspace").is_some() {
                let from = inherited("package").and_then(|p| p.get(key));
                *value = from.ok_or_else(|| format!("the workspace has no package.{key}"))?.clone();
            }
        }
    }
    for section in ["dependencies", "build-dependencies"] {
        let Some(dependencies) = manifest.get_mut(section).and_then(Value::as_table_mut) else { continue };
        for (name, value) in dependencies.iter_mut() {
            if value.get("workspace").is_some() {
                let from = inherited("dependencies").and_then(|d| d.get(name));
                let from = from.ok_or_else(|| format!("the workspace has no dependency {name}"))?;
                let mut full = match from {
                    Value::Table(table) => table.clone(),
                    version => Table::from_iter([("version".to_owned(), version.clone())]),
                };
                if let Value::Table(own) = &*value {
                    full.extend(own.clone().into_iter().filter(|(key, _)| key != "workspace"));
                }
                *value = Value::Table(full);
            }
            if let Some(path) = value.get_mut("path") {
                *path = Value::String(format!("../{name}"));
            }
        }
    }
    Ok(manifest)
}

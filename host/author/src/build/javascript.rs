//! JavaScript: componentize-js puts the source and an engine into a component. It is called as a library, by node.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::tool;
use crate::AuthorError;
use crate::error::file;
use crate::project::Project;

const VARIABLE: &str = "WEIR_COMPONENTIZE_JS";
const INSTALL: &str =
    "in the project's folder: npm install (or set WEIR_COMPONENTIZE_JS to a folder where it is installed)";

/// Where the package is, below a folder that it is installed in.
const PACKAGE: &str = "node_modules/@bytecodealliance/componentize-js";

/// The program that node runs: package, source, WIT, world, component. All features that would need a system are off.
const SCRIPT: &str = r"
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
const [folder, sourcePath, witPath, worldName, target] = process.argv.slice(2);
const entry = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')).exports.import;
const { componentize } = await import(pathToFileURL(join(folder, entry)));
const disableFeatures = ['stdio', 'random', 'clocks', 'http', 'fetch-event'];
const { component } = await componentize({ sourcePath, witPath, worldName, disableFeatures });
writeFileSync(target, component);
";

pub fn build(project: &Project) -> Result<Vec<u8>, AuthorError> {
    let missing = |what: &str| AuthorError::Tool { what: what.into(), install: INSTALL.into() };
    let node = tool::in_path(&["node", "nodejs"]).ok_or_else(|| AuthorError::Tool {
        what: "node".into(),
        install: "install Node.js 20 or later (Debian: apt-get install nodejs npm)".into(),
    })?;
    let package = package(&project.dir).ok_or_else(|| missing("componentize-js"))?;
    let target = project.dir.join("target");
    fs::create_dir_all(&target).map_err(file(&target))?;
    let script = target.join("componentize.mjs");
    fs::write(&script, SCRIPT).map_err(file(&script))?;
    let component = target.join("component.wasm");
    let mut command = Command::new(node);
    command
        .current_dir(&project.dir)
        .arg(&script)
        .arg(&package)
        .args(["src/plugin.js", "wit", project.kind.world()])
        .arg(&component);
    let output = tool::run(&mut command, "node", INSTALL)?;
    if !output.status.success() {
        return Err(AuthorError::Build { tool: "componentize-js".into(), output: tool::said(&output) });
    }
    fs::read(&component).map_err(file(&component))
}

/// The package's folder: named, or installed in the project.
fn package(dir: &Path) -> Option<PathBuf> {
    let named = tool::from_env(VARIABLE);
    let below = named.iter().map(|folder| folder.join(PACKAGE));
    let places = below.chain(named.clone()).chain([dir.join(PACKAGE)]);
    places
        .into_iter()
        .find(|folder| folder.join("package.json").is_file() && folder.join("src/componentize.js").is_file())
}

//! Python: componentize-py puts the sources and an interpreter into a component.

use std::fs;
use std::process::Command;

use super::tool;
use crate::AuthorError;
use crate::error::file;
use crate::project::Project;

const VARIABLE: &str = "WEIR_COMPONENTIZE_PY";
const INSTALL: &str = "in the project's folder: python3 -m venv .venv && .venv/bin/pip install -r requirements.txt \
                       (or set WEIR_COMPONENTIZE_PY)";

/// The module in `src` that has the classes `About` and `Protocol`.
const MODULE: &str = "plugin";

pub fn build(project: &Project) -> Result<Vec<u8>, AuthorError> {
    let own = project.dir.join(".venv/bin/componentize-py");
    let program = tool::from_env(VARIABLE)
        .or_else(|| own.is_file().then_some(own))
        .or_else(|| tool::in_path(&["componentize-py"]))
        .ok_or_else(|| AuthorError::Tool { what: "componentize-py".into(), install: INSTALL.into() })?;
    let target = project.dir.join("target");
    fs::create_dir_all(&target).map_err(file(&target))?;
    let component = target.join("component.wasm");
    let mut command = Command::new(&program);
    command
        .current_dir(&project.dir)
        .args(["--quiet", "--wit-path", "wit", "--world", project.kind.world(), "componentize"])
        // Nothing that an interpreter could ask of a system is there.
        .args([MODULE, "--stub-wasi", "--python-path", "src", "--output"])
        .arg(&component);
    let output = tool::run(&mut command, "componentize-py", INSTALL)?;
    if !output.status.success() {
        return Err(AuthorError::Build { tool: "componentize-py".into(), output: tool::said(&output) });
    }
    fs::read(&component).map_err(file(&component))
}

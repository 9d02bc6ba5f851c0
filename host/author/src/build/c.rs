//! C: clang, then a component of the module.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{encode, tool};
use crate::AuthorError;
use crate::error::file;
use crate::project::Project;

const CLANGS: &[&str] = &["clang-19", "clang", "clang-22", "clang-21", "clang-20", "clang-18"];

/// Debian's names; wasm-ld and a C library for wasm32-wasi are what other systems need, too.
const INSTALL: &str = "apt-get install clang-19 lld-19 wasi-libc libclang-rt-19-dev-wasm32 (or set CLANG)";

/// What clang or its linker says where a part of the toolchain is missing.
const MISSING: &[&str] = &["wasm-ld", "libclang_rt", "stdlib.h", "string.h", "crt1", "cannot find -lc"];

/// No WASI program but a library that is called: no main, no start. The stack is small, as for every plugin.
const FLAGS: &[&str] = &[
    "--target=wasm32-wasi",
    "-std=c11",
    "-O2",
    "-mexec-model=reactor",
    "-nostartfiles",
    "-Wl,--no-entry",
    "-Wl,--strip-all",
    "-Wl,-z,stack-size=262144",
];

pub fn build(project: &Project) -> Result<Vec<u8>, AuthorError> {
    let missing = || AuthorError::Tool { what: "clang".into(), install: INSTALL.into() };
    let clang = tool::from_env("CLANG").or_else(|| tool::in_path(CLANGS)).ok_or_else(missing)?;
    let mut sources = vec![];
    for folder in ["src", "bindings"] {
        sources.extend(c_files(&project.dir.join(folder))?);
    }
    let target = project.dir.join("target");
    fs::create_dir_all(&target).map_err(file(&target))?;
    let module = target.join("module.wasm");

    let mut command = Command::new(&clang);
    // Relative names: messages are short, and nothing of the folder is in the result.
    command.current_dir(&project.dir).args(FLAGS).args(["-Wall", "-Wextra", "-Ibindings"]);
    command.args(sources.iter().map(|s| s.strip_prefix(&project.dir).unwrap_or(s)));
    command.arg("-o").arg(&module);
    let output = tool::run(&mut command, "clang", INSTALL)?;
    if !output.status.success() {
        let mut said = tool::said(&output);
        if MISSING.iter().any(|m| said.contains(m)) {
            said.push_str(&format!("\n\nwhere a part of the toolchain is missing: {INSTALL}"));
        }
        return Err(AuthorError::Build { tool: clang.display().to_string(), output: said });
    }
    let bytes = fs::read(&module).map_err(file(&module))?;
    encode::component_of(&module, bytes, &project.dir.join("wit"), project.kind)
}

/// The sources in a folder, sorted: their order is that of the code in the module.
fn c_files(folder: &Path) -> Result<Vec<PathBuf>, AuthorError> {
    let mut found = vec![];
    for entry in fs::read_dir(folder).map_err(file(folder))? {
        let path = entry.map_err(file(folder))?.path();
        if path.extension().is_some_and(|e| e == "c") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

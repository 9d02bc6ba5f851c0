//! Rust: cargo, then a component of the module.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde::Deserialize;

use super::{encode, tool};
use crate::AuthorError;
use crate::error::file;
use crate::project::Project;

const TARGET: &str = "wasm32-unknown-unknown";

/// A guest lives for one call. With a small stack and its first heap in the memory it starts with, it needs no
/// `memory.grow`, and the host can wipe its memory instead of mapping it anew: either costs more than a whole call.
const STACK: &str = "-Clink-arg=-zstack-size=262144";
const MEMORY: &str = "-Clink-arg=--initial-memory=458752";

/// What of our own environment is meant for the nested cargo too. The rest of cargo's variables were set by an outer
/// cargo for its own build, and would change the result.
const KEPT: &[&str] = &["CARGO_HOME", "CARGO_NET", "CARGO_HTTP", "CARGO_REGISTR", "CARGO_SOURCE"];
const DROPPED: &[&str] =
    &["RUSTFLAGS", "RUSTC_WRAPPER", "RUSTC_WORKSPACE_WRAPPER", "CLIPPY_ARGS", "CLIPPY_CONF_DIR", "MAKEFLAGS"];

pub fn build(project: &Project) -> Result<Vec<u8>, AuthorError> {
    // Without a network first: a project as it was made needs none, and asking costs time.
    let mut output = cargo(project, &["--offline"], true)?;
    if !output.status.success() && tool::said(&output).contains("--offline") {
        output = cargo(project, &[], true)?;
    }
    if !output.status.success() && tool::said(&output).contains("initial memory too small") {
        // A plugin with large tables starts with what it needs.
        output = cargo(project, &["--offline"], false)?;
    }
    if !output.status.success() {
        return Err(failed(String::from_utf8_lossy(&output.stderr).trim().to_owned()));
    }
    let module = module(project, &output)?;
    let bytes = fs::read(&module).map_err(file(&module))?;
    encode::component(&module, &bytes)
}

fn failed(mut output: String) -> AuthorError {
    if output.contains("target may not be installed") || output.contains("can't find crate for `core`") {
        output.push_str(&format!("\n\nthe compilation target is missing: rustup target add {TARGET}"));
    }
    AuthorError::Build { tool: "cargo build".into(), output }
}

fn cargo(project: &Project, arguments: &[&str], memory: bool) -> Result<Output, AuthorError> {
    let mut command = Command::new(tool::from_env("CARGO").unwrap_or_else(|| "cargo".into()));
    for (name, _) in env::vars_os() {
        let Some(name) = name.to_str() else { continue };
        let ours = name.starts_with("CARGO") && !KEPT.iter().any(|k| name.starts_with(k));
        if ours || DROPPED.contains(&name) || name.starts_with("LLVM_PROFILE") {
            command.env_remove(name);
        }
    }
    command.env("CARGO_ENCODED_RUSTFLAGS", flags(&project.dir, memory).join("\u{1f}"));
    command
        .current_dir(&project.dir)
        .args(["build", "--lib", "--target", TARGET, "--message-format=json-render-diagnostics"])
        .args(["--profile", &project.profile, "--target-dir"])
        .arg(&project.target)
        .args(arguments);
    tool::run(&mut command, "cargo", "install Rust, see https://rustup.rs")
}

/// The same bytes whatever folder this is built in.
fn flags(dir: &Path, memory: bool) -> Vec<String> {
    let home = tool::from_env("HOME").map(|home| home.join(".cargo"));
    let mut flags = vec![format!("--remap-path-prefix={}=/plugin", dir.display())];
    if let Some(home) = tool::from_env("CARGO_HOME").or(home) {
        flags.push(format!("--remap-path-prefix={}=/cargo", home.display()));
    }
    flags.push(STACK.to_owned());
    if memory {
        flags.push(MEMORY.to_owned());
    }
    flags
}

/// A line of what cargo says in JSON.
#[derive(Deserialize)]
struct Message {
    reason: String,
    manifest_path: Option<PathBuf>,
    #[serde(default)]
    filenames: Vec<PathBuf>,
}

/// The module that the project itself, not a dependency, was built to.
fn module(project: &Project, output: &Output) -> Result<PathBuf, AuthorError> {
    let manifest = project.dir.join("Cargo.toml");
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| serde_json::from_str::<Message>(line).ok())
        .filter(|m| m.reason == "compiler-artifact" && m.manifest_path.as_ref() == Some(&manifest))
        .flat_map(|message| message.filenames)
        .find(|path| path.extension().is_some_and(|e| e == "wasm"))
        .ok_or_else(|| AuthorError::Project {
            path: manifest,
            message:
                "the package builds no WebAssembly module: [lib] needs crate-type = [\"cdylib\", \"rlib\"]"
                    .into(),
        })
}

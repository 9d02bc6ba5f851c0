//! Builds the shipped plugins for WebAssembly and makes components of them, so that the host embeds them.
//!
//! Every crate of `plugins/` except `faulty` is shipped; those of `plugins/examples/` are not. With the feature `faulty`, the deliberately bad guests
//! (the examples of `plugins/faulty`) are built the same way, for tests.

use std::error::Error;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const TARGET: &str = "wasm32-unknown-unknown";
const PROFILE: &str = "plugin";

fn main() -> Result<()> {
    let root = PathBuf::from(variable("CARGO_MANIFEST_DIR")?).join("../..").canonicalize()?;
    let out = PathBuf::from(variable("OUT_DIR")?);
    let faulty = env::var_os("CARGO_FEATURE_FAULTY").is_some();

    let shipped = crates(&root.join("plugins"))?;
    // Not all of `plugins/`: what is only an example is no reason to build the host anew. A new plugin is a new member
    // in Cargo.toml.
    for watched in ["wit", "guest/sdk/src", "guest/sdk/Cargo.toml", "plugins/faulty", "Cargo.toml"] {
        println!("cargo::rerun-if-changed={}", root.join(watched).display());
    }
    for name in &shipped {
        println!("cargo::rerun-if-changed={}", root.join("plugins").join(name).display());
    }
    let mut arguments = vec!["--lib".to_owned()];
    for name in &shipped {
        arguments.push(format!("--package=weir-plugin-{name}"));
    }
    let built = build(&root, &out, &arguments)?;
    let modules = shipped.iter().map(|n| (n.clone(), built.join(format!("weir_plugin_{n}.wasm"))));
    embed(&out, "shipped", modules)?;

    if faulty {
        let folder = root.join("plugins/faulty/examples");
        let mut names: Vec<_> = fs::read_dir(folder)?
            .filter_map(|e| Some(e.ok()?.path().file_stem()?.to_str()?.to_owned()))
            .collect();
        names.sort();
        let built = build(&root, &out, &["--package=weir-plugin-faulty".into(), "--examples".into()])?;
        let modules = names.into_iter().map(|n| {
            let file = built.join("examples").join(format!("{n}.wasm"));
            (n.replace('_', "-"), file)
        });
        embed(&out, "faulty", modules)?;
    }
    Ok(())
}

fn variable(name: &str) -> Result<String> {
    env::var(name).map_err(|_| format!("{name} is not set: run by cargo").into())
}

/// The names of the folders that hold a shipped plugin, sorted.
fn crates(folder: &Path) -> Result<Vec<String>> {
    let mut names = vec![];
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if let Some(name) = path.file_name().and_then(|n| n.to_str())
            && name != "faulty"
            && path.join("Cargo.toml").is_file()
        {
            names.push(name.to_owned());
        }
    }
    names.sort();
    Ok(names)
}

/// Runs a nested cargo and says where the modules are.
fn build(root: &Path, out: &Path, arguments: &[String]) -> Result<PathBuf> {
    // OUT_DIR is <target>/<profile>/build/<package>/out: one folder beside the profiles serves them all.
    let target_dir = out.ancestors().nth(4).unwrap_or(out).join("plugins");
    let output = cargo(root, &target_dir, arguments, true)?.output()?;
    let output = if !output.status.success() && String::from_utf8_lossy(&output.stderr).contains("--locked") {
        // Cargo.lock is behind the manifests: somebody is working on them.
        cargo(root, &target_dir, arguments, false)?.output()?
    } else {
        output
    };
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let hint =
            if said.contains("target may not be installed") || said.contains("can't find crate for `core`") {
                format!("\nthe plugins need a compilation target: rustup target add {TARGET}")
            } else {
                String::new()
            };
        return Err(format!("building the plugins failed:\n{said}{hint}").into());
    }
    Ok(target_dir.join(TARGET).join(PROFILE))
}

fn cargo(root: &Path, target_dir: &Path, arguments: &[String], locked: bool) -> Result<Command> {
    let mut command = Command::new(variable("CARGO")?);
    // What the outer cargo (or clippy, or a coverage tool) set is meant for the host's build, not for this one.
    for (name, _) in env::vars_os() {
        let Some(name) = name.to_str() else { continue };
        let kept = ["CARGO_HOME", "CARGO_NET", "CARGO_HTTP", "CARGO_REGISTR", "CARGO_SOURCE"];
        let ours = name.starts_with("CARGO") && !kept.iter().any(|k| name.starts_with(k));
        let others = [
            "RUSTFLAGS",
            "RUSTC_WRAPPER",
            "RUSTC_WORKSPACE_WRAPPER",
            "CLIPPY_ARGS",
            "CLIPPY_CONF_DIR",
            "MAKEFLAGS",
        ];
        if ours || others.contains(&name) || name.starts_with("LLVM_PROFILE") {
            command.env_remove(name);
        }
    }
    // The same bytes whatever folder this is built in.
    let mut flags = vec![format!("--remap-path-prefix={}=/weir", root.display())];
    if let Ok(home) = variable("CARGO_HOME").or_else(|_| variable("HOME").map(|h| format!("{h}/.cargo"))) {
        flags.push(format!("--remap-path-prefix={home}=/cargo"));
    }
    // A guest lives for one call. With a small stack and its first heap in the memory it starts with, it needs no
    // `memory.grow`, and the host can wipe its memory instead of mapping it anew: either costs more than a whole call.
    flags.push("-Clink-arg=-zstack-size=262144".to_owned());
    flags.push("-Clink-arg=--initial-memory=458752".to_owned());
    command.env("CARGO_ENCODED_RUSTFLAGS", flags.join("\u{1f}"));
    command.current_dir(root).args(["build", "--target", TARGET, "--profile", PROFILE]);
    command.arg("--target-dir").arg(target_dir).args(arguments);
    if locked {
        command.arg("--locked");
    }
    Ok(command)
}

/// Makes components of modules and a table of them, `<out>/<table>.rs`: `&[(name, bytes)]`.
fn embed(out: &Path, table: &str, modules: impl Iterator<Item = (String, PathBuf)>) -> Result<()> {
    let mut source = "&[\n".to_owned();
    for (name, module) in modules {
        let bytes = fs::read(&module).map_err(|e| format!("{}: {e}", module.display()))?;
        let component = wit_component::ComponentEncoder::default()
            .validate(true)
            .module(&bytes)
            .and_then(|encoder| encoder.encode())
            .map_err(|e| format!("{} does not make a component: {e:#}", module.display()))?;
        let file = out.join(format!("{table}-{name}.wasm"));
        fs::write(&file, component)?;
        writeln!(source, "    ({name:?}, include_bytes!({:?})),", file.display().to_string())?;
    }
    source.push_str("]\n");
    fs::write(out.join(format!("{table}.rs")), source)?;
    Ok(())
}

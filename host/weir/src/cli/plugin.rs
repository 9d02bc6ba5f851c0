//! `weir plugin ...`: what plugin authors use. None of it needs OpenStack, OVN, a network or a running host.

use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Subcommand;
use serde::Serialize;
use serde_json::json;
use weir_author::project::{FILE, Kind, Language, Project};
use weir_author::{
    AuthorError, BenchOptions, BenchReport, TestOptions, TestReport, bench, build, inspect, new, test,
};

use super::{Output, PROBLEM, USAGE, error_line, print};

/// `weir plugin ...`.
#[derive(Subcommand)]
pub enum Plugin {
    /// Makes a project that builds, tests and passes conformance as it is.
    New {
        /// The plugin's name: lower-case letters, digits, dashes.
        name: String,
        /// What to write it in: rust, c, python or javascript.
        #[arg(long, default_value = "rust")]
        lang: Language,
        /// What it serves: protocol or algorithm.
        #[arg(long, default_value = "protocol")]
        kind: Kind,
        /// Where; by default a folder of the plugin's name.
        #[arg(long)]
        dir: Option<PathBuf>,
        /// How to print what was done.
        #[arg(short, long, value_enum, default_value_t = Output::Text)]
        output: Output,
    },
    /// Builds a project's component.
    Build {
        /// The project's folder.
        #[arg(default_value = ".")]
        dir: PathBuf,
        /// How to print what was done.
        #[arg(short, long, value_enum, default_value_t = Output::Text)]
        output: Output,
    },
    /// Tests a plugin in the sandbox: conformance and golden cases. Exit code 1 where one fails.
    Test {
        /// A project's folder (built first, if need be), or a component.
        #[arg(default_value = ".")]
        plugin: PathBuf,
        /// The folder of golden cases; by default the project's.
        #[arg(long)]
        cases: Option<PathBuf>,
        /// How to print what was found.
        #[arg(short, long, value_enum, default_value_t = Output::Text)]
        output: Output,
    },
    /// Measures what a plugin's calls take.
    Bench {
        /// A project's folder (built first, if need be), or a component.
        #[arg(default_value = ".")]
        plugin: PathBuf,
        /// How to print what was measured.
        #[arg(short, long, value_enum, default_value_t = Output::Text)]
        output: Output,
    },
    /// Shows what is in a component. Exit code 1 where a host would not take it.
    Inspect {
        /// The component.
        file: PathBuf,
        /// How to print what was found.
        #[arg(short, long, value_enum, default_value_t = Output::Text)]
        output: Output,
    },
}

/// Runs the command: 0 done, 1 found a problem, 2 wrong usage.
pub fn run(command: Plugin) -> ExitCode {
    match command {
        Plugin::New { name, lang, kind, dir, output } => {
            let dir = dir.unwrap_or_else(|| PathBuf::from(&name));
            finish(output, new::new(&name, lang, kind, &dir), |made| made_text(&name, made), |_| true)
        }
        Plugin::Build { dir, output } => finish(output, build::build(&dir), built_text, |_| true),
        Plugin::Test { plugin, cases, output } => {
            finish(output, run_test(&plugin, cases), ToString::to_string, TestReport::ok)
        }
        Plugin::Bench { plugin, output } => {
            finish(output, run_bench(&plugin), ToString::to_string, |report| {
                report.calls.iter().all(|call| call.failed.is_none())
            })
        }
        Plugin::Inspect { file, output } => {
            finish(output, inspect::inspect(&file), ToString::to_string, inspect::Inspection::ok)
        }
    }
}

/// What is tested or measured: the component, and the project it is of, where it is of one.
struct Subject {
    component: PathBuf,
    project: Option<Project>,
}

/// A project's component, built if it is missing or older than its sources; or the component named.
fn subject(path: &Path) -> Result<Subject, AuthorError> {
    if path.is_file() && path.file_name().is_none_or(|name| name != FILE) {
        return Ok(Subject { component: path.to_owned(), project: Project::of_component(path) });
    }
    // The project file's own name has an empty parent: here.
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let project = Project::load(if path.is_file() { folder } else { path })?;
    build::build_if_stale(&project)?;
    Ok(Subject { component: project.component.clone(), project: Some(project) })
}

fn run_test(plugin: &Path, cases: Option<PathBuf>) -> Result<TestReport, AuthorError> {
    let subject = subject(plugin)?;
    let mut options = TestOptions::new(subject.component);
    if let Some(project) = subject.project {
        // A project may do without cases; a folder named must be there.
        options.cases = project.cases.is_dir().then_some(project.cases);
        options.limits = project.limits;
        options.config = project.config;
        options.same_as_shipped = project.same_as_shipped;
    }
    if cases.is_some() {
        options.cases = cases;
    }
    test::run(&options)
}

fn run_bench(plugin: &Path) -> Result<BenchReport, AuthorError> {
    let subject = subject(plugin)?;
    let mut options = BenchOptions::new(subject.component);
    if let Some(project) = subject.project {
        options.limits = project.limits;
        options.config = project.config;
    }
    bench::run(&options)
}

fn finish<T: Serialize>(
    output: Output,
    done: Result<T, AuthorError>,
    text: impl FnOnce(&T) -> String,
    ok: impl FnOnce(&T) -> bool,
) -> ExitCode {
    match done {
        Ok(done) => {
            print(&match output {
                Output::Text => line(text(&done)),
                Output::Json => json_text(&done),
            });
            if ok(&done) { ExitCode::SUCCESS } else { ExitCode::from(PROBLEM) }
        }
        Err(error) => failed(output, error.code(), &error, error.usage()),
    }
}

fn failed(output: Output, code: &str, error: &dyn Display, usage: bool) -> ExitCode {
    match output {
        Output::Text => error_line(&error.to_string()),
        Output::Json => print(&json_text(&json!({"error": {"code": code, "message": error.to_string()}}))),
    }
    ExitCode::from(if usage { USAGE } else { PROBLEM })
}

/// Ends with one end of line.
fn line(text: String) -> String {
    if text.ends_with('\n') { text } else { text + "\n" }
}

fn json_text(value: &impl Serialize) -> String {
    // Paths that are not UTF-8 are all that could fail.
    serde_json::to_string_pretty(value).unwrap_or_default() + "\n"
}

fn made_text(name: &str, made: &new::Made) -> String {
    let dir = made.dir.display();
    format!(
        "{name}: a plugin in {dir} ({} files). Its README.md says what is where. Next:\n  weir plugin build {dir}\n  \
         weir plugin test {dir}\n  weir plugin bench {dir}\n",
        made.files.len()
    )
}

fn built_text(built: &build::Built) -> String {
    format!("{}: {} bytes, sha256 {}\n", built.component.display(), built.bytes, built.sha256)
}

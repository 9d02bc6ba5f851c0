//! The command line.

mod plugin;

use std::{
    ffi::OsString,
    io::{IsTerminal, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Parser, Subcommand};
use tokio::runtime::Runtime;
use tracing::{error, info, warn};
use tracing_subscriber::EnvFilter;
use weir_model::LoadBalancerId;
use weir_octavia::ReleaseRequest;

use crate::{check, config::Config, pausing, plan, release, serve, sync};

/// Octavia load balancers on OVN.
#[derive(Parser)]
#[command(name = "weir", version, about)]
struct Cli {
    /// The configuration file, by default /etc/weir/weir.toml where that is there; an empty one means none: defaults and
    /// WEIR_... environment.
    #[arg(long, env = "WEIR_CONFIG", global = true)]
    config: Option<OsString>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serves Octavia's provider calls until it is told to stop.
    Serve {
        /// What to log, e.g. `info` or `weir=debug`.
        #[arg(long, env = "WEIR_LOG", default_value = "info")]
        log: String,
        /// How to log.
        #[arg(long, value_enum, default_value_t = LogFormat::Text)]
        log_format: LogFormat,
    },
    /// Shows what a reconcile would change, or what other plugins would; reads the Northbound and changes nothing.
    Plan {
        /// Only this load balancer.
        #[arg(long)]
        lb: Option<LoadBalancerId>,
        /// A folder of plugins: shows what they would change that those in use do not.
        #[arg(long)]
        plugins: Option<PathBuf>,
        /// How to print the plan.
        #[arg(short, long, value_enum, default_value_t = Output::Text)]
        output: Output,
    },
    /// Has the running host compare every load balancer with Octavia's version, make its rows so and tell its statuses.
    /// Exit code 1 when something is left to do.
    Sync {
        /// Only this load balancer.
        #[arg(long)]
        lb: Option<LoadBalancerId>,
        /// Only say what would be done.
        #[arg(long)]
        dry_run: bool,
        /// Take out load balancers that Octavia has denied twice, at most 5 % of all in a run.
        #[arg(long)]
        remove_leaked: bool,
        /// How to print the report.
        #[arg(short, long, value_enum, default_value_t = Output::Text)]
        output: Output,
    },
    /// Gives load balancers back to the reference driver: one row a protocol, none of our keys; through the running host, or
    /// directly where none runs. Lists what that driver cannot have. Exit code 1 when one was not released.
    Release {
        /// This load balancer.
        #[arg(long, required_unless_present = "all")]
        lb: Option<LoadBalancerId>,
        /// All of this deployment.
        #[arg(long, conflicts_with = "lb")]
        all: bool,
        /// Do not ask whether all are to be released. Needed for --all where there is no terminal.
        #[arg(long)]
        yes: bool,
        /// Only say what would be done.
        #[arg(long)]
        dry_run: bool,
        /// Also where connections then go elsewhere: to backup members, to members that drain.
        #[arg(long)]
        force: bool,
        /// How to print the report.
        #[arg(short, long, value_enum, default_value_t = Output::Text)]
        output: Output,
    },
    /// Has the running host write nothing for a load balancer, or for any, until it is resumed: for maintenance. Calls are
    /// taken on and kept meanwhile, also over a restart.
    Pause(Pausing),
    /// Has the running host go on with a load balancer, or with all but those paused one by one.
    Resume(Pausing),
    /// Looks at every connection, socket, schema column and plugin; changes nothing. Exit code 1 on a problem.
    Check {
        /// How to print what was found.
        #[arg(short, long, value_enum, default_value_t = Output::Text)]
        output: Output,
    },
    /// For plugin authors: a new project, its component, tests, measurements.
    Plugin {
        #[command(subcommand)]
        command: plugin::Plugin,
    },
}

#[derive(clap::Args)]
struct Pausing {
    /// Only this load balancer.
    #[arg(long)]
    lb: Option<LoadBalancerId>,
    /// How to print what is paused.
    #[arg(short, long, value_enum, default_value_t = Output::Text)]
    output: Output,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Output {
    Text,
    Json,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum LogFormat {
    Text,
    Json,
}

/// The configuration file of a host that is installed from a package.
const CONFIGURATION: &str = "/etc/weir/weir.toml";
/// Exit code for a problem found.
const PROBLEM: u8 = 1;
/// Exit code for wrong usage.
const USAGE: u8 = 2;

/// Runs the command line: 0 done, 1 found a problem, 2 wrong usage.
pub fn run() -> ExitCode {
    let Cli { config, command } = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are asked for; anything else is wrong usage. Failing to print leaves nothing to do.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { USAGE } else { 0 });
        }
    };
    let file = configuration(config, Path::new(CONFIGURATION));
    if let (Some(file), false) = (&file, matches!(command, Command::Serve { .. } | Command::Plugin { .. })) {
        error_line(&format!("configuration {}", file.display()));
    }
    let file = file.as_deref();
    match command {
        Command::Serve { log, log_format } => run_serve(file, &log, log_format),
        Command::Check { output } => run_check(file, output),
        Command::Plan { lb, plugins, output } => run_plan(file, lb, plugins.as_deref(), output),
        Command::Sync { lb, dry_run, remove_leaked, output } => with_config(file, |config, runtime| {
            let synced = runtime.block_on(sync::sync(config, lb, dry_run, remove_leaked));
            reported(synced, output, sync::Report::ok)
        }),
        Command::Release { lb, all, yes, dry_run, force, output } => with_config(file, |config, runtime| {
            if all
                && !dry_run
                && !yes
                && let Err(why) = confirm_all(&config.deployment)
            {
                return usage(&why);
            }
            let released = runtime.block_on(release::release(config, ReleaseRequest { lb, dry_run, force }));
            reported(released, output, release::Report::ok)
        }),
        Command::Pause(pausing) => run_pausing(file, pausing, true),
        Command::Resume(pausing) => run_pausing(file, pausing, false),
        Command::Plugin { command } => plugin::run(command),
    }
}

/// The file to read: the one that is named, else the packages' where it is there. An empty name means none.
fn configuration(named: Option<OsString>, installed: &Path) -> Option<PathBuf> {
    match named {
        Some(named) if named.is_empty() => None,
        Some(named) => Some(named.into()),
        // One that may not be read is an error, and not none.
        None => match std::fs::metadata(installed) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            _ => Some(installed.to_owned()),
        },
    }
}

/// Asks whoever sits at the terminal whether all load balancers are to be released.
fn confirm_all(deployment: &str) -> Result<(), String> {
    if !(std::io::stdin().is_terminal() && std::io::stderr().is_terminal()) {
        return Err(
            "release --all needs --yes where there is no terminal to ask; --dry-run shows what it does"
                .to_owned(),
        );
    }
    let question = format!("Release all load balancers of deployment {deployment:?}? Type yes: ");
    // Nobody is left to ask when standard error is closed.
    let _ = std::io::stderr().write_all(question.as_bytes());
    let mut answer = String::new();
    match std::io::stdin().read_line(&mut answer) {
        Ok(_) if answer.trim() == "yes" => Ok(()),
        _ => Err("nothing was released".to_owned()),
    }
}

/// Prints a report, or why there is none; `ok` says whether nothing is left to do.
fn reported<R: std::fmt::Display + serde::Serialize, E: std::fmt::Display>(
    done: Result<R, E>,
    output: Output,
    ok: impl FnOnce(&R) -> bool,
) -> ExitCode {
    match done {
        Ok(report) => {
            print_report(&report, output);
            if ok(&report) { ExitCode::SUCCESS } else { ExitCode::from(PROBLEM) }
        }
        Err(error) => {
            error_line(&error.to_string());
            ExitCode::from(PROBLEM)
        }
    }
}

fn run_serve(config: Option<&Path>, log: &str, log_format: LogFormat) -> ExitCode {
    let Ok(filter) = EnvFilter::try_new(log) else {
        return usage(&format!("--log {log:?} is not a filter such as info or weir=debug"));
    };
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match log_format {
        LogFormat::Text => subscriber.with_ansi(std::io::stderr().is_terminal()).init(),
        LogFormat::Json => subscriber.json().flatten_event(true).init(),
    }
    if let Some(file) = config {
        info!(file = %file.display(), "configuration");
    }
    with_config(config, |config, runtime| match runtime.block_on(serve::serve(config)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            error!(%error, "stopped");
            ExitCode::from(PROBLEM)
        }
    })
}

fn run_pausing(config: Option<&Path>, Pausing { lb, output }: Pausing, paused: bool) -> ExitCode {
    with_config(config, |config, runtime| {
        reported(runtime.block_on(pausing::pause(config, lb, paused)), output, |_| true)
    })
}

fn run_plan(
    config: Option<&Path>,
    lb: Option<LoadBalancerId>,
    plugins: Option<&Path>,
    output: Output,
) -> ExitCode {
    with_config(config, |config, runtime| {
        reported(runtime.block_on(plan::plan(config, lb, plugins)), output, plan::Report::ok)
    })
}

fn print_report<R: std::fmt::Display + serde::Serialize>(report: &R, output: Output) {
    print(&match output {
        Output::Text => report.to_string(),
        // Names and texts always serialise.
        Output::Json => serde_json::to_string_pretty(report).unwrap_or_default() + "\n",
    });
}

fn run_check(config: Option<&Path>, output: Output) -> ExitCode {
    with_config(config, |config, runtime| {
        let report = runtime.block_on(check::check(config));
        print_report(&report, output);
        if report.ok { ExitCode::SUCCESS } else { ExitCode::from(PROBLEM) }
    })
}

fn with_config(config: Option<&Path>, run: impl FnOnce(&Config, &Runtime) -> ExitCode) -> ExitCode {
    let read = Config::unknown_variables().and_then(|unknown| Ok((unknown, Config::load(config)?)));
    let (unknown, config) = match read {
        Ok(read) => read,
        Err(error) => return usage(&error.to_string()),
    };
    for name in unknown {
        if tracing::dispatcher::has_been_set() {
            warn!(name, "unknown environment variable, nothing reads it");
        } else {
            error_line(&format!("unknown environment variable {name}, nothing reads it"));
        }
    }
    match tokio::runtime::Builder::new_multi_thread().worker_threads(workers()).enable_all().build() {
        Ok(runtime) => run(&config, &runtime),
        Err(error) => {
            error_line(&format!("no runtime: {error}"));
            ExitCode::from(PROBLEM)
        }
    }
}

/// A thread a core, two at least: more only take turns. Slow plugin calls are kept out of their way
/// ([`crate::patience`]).
fn workers() -> usize {
    std::thread::available_parallelism().map_or(2, |cores| cores.get().max(2))
}

fn print(text: &str) {
    // Nobody is left to tell when standard output is closed.
    let _ = std::io::stdout().write_all(text.as_bytes());
}

fn usage(text: &str) -> ExitCode {
    error_line(text);
    ExitCode::from(USAGE)
}

fn error_line(text: &str) {
    // Nobody is left to tell when standard error is closed.
    let _ = writeln!(std::io::stderr(), "weir: {text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn configuration_is_the_named_file_else_the_installed_one_and_none_for_an_empty_name() {
        let folder = std::env::temp_dir();
        let missing = Path::new("/nowhere/weir.toml");
        let named = |name: &str| Some(OsString::from(name));
        assert_eq!(configuration(named("a.toml"), &folder), Some(PathBuf::from("a.toml")));
        assert_eq!(configuration(None, &folder), Some(folder.clone()));
        assert_eq!(configuration(None, missing), None);
        assert_eq!(configuration(named(""), &folder), None);
    }

    #[test]
    fn config_option_stands_before_or_after_the_command() {
        for line in [["weir", "--config", "a.toml", "check"], ["weir", "check", "--config", "a.toml"]] {
            assert_eq!(Cli::try_parse_from(line).ok().and_then(|cli| cli.config), Some("a.toml".into()));
        }
    }
}

//! The command line.

use std::{io::IsTerminal, path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};
use tracing::error;
use tracing_subscriber::EnvFilter;

use crate::{config::Config, serve};

/// Octavia load balancers on OVN.
#[derive(Parser)]
#[command(name = "weir", version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serves Octavia's provider calls until it is told to stop.
    Serve {
        /// The configuration file; without it, defaults and WEIR_... environment.
        #[arg(long, env = "WEIR_CONFIG")]
        config: Option<PathBuf>,
        /// What to log, e.g. `info` or `weir=debug`.
        #[arg(long, env = "WEIR_LOG", default_value = "info")]
        log: String,
        /// How to log.
        #[arg(long, value_enum, default_value_t = LogFormat::Text)]
        log_format: LogFormat,
    },
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum LogFormat {
    Text,
    Json,
}

/// Exit code for a problem found.
const PROBLEM: u8 = 1;
/// Exit code for wrong usage.
const USAGE: u8 = 2;

/// Runs the command line: 0 done, 1 found a problem, 2 wrong usage.
pub fn run() -> ExitCode {
    let Command::Serve { config, log, log_format } = match Cli::try_parse() {
        Ok(cli) => cli.command,
        Err(error) => {
            // Help and version are asked for; anything else is wrong usage. Failing to print leaves nothing to do.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { USAGE } else { 0 });
        }
    };
    let Ok(filter) = EnvFilter::try_new(&log) else {
        return usage(&format!("--log {log:?} is not a filter such as info or weir=debug"));
    };
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match log_format {
        LogFormat::Text => subscriber.with_ansi(std::io::stderr().is_terminal()).init(),
        LogFormat::Json => subscriber.json().flatten_event(true).init(),
    }
    let config = match Config::load(config.as_deref()) {
        Ok(config) => config,
        Err(error) => return usage(&error.to_string()),
    };
    let runtime =
        match tokio::runtime::Builder::new_multi_thread().worker_threads(workers()).enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => {
                error!(%error, "no runtime");
                return ExitCode::from(PROBLEM);
            }
        };
    match runtime.block_on(serve::serve(&config)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            error!(%error, "stopped");
            ExitCode::from(PROBLEM)
        }
    }
}

/// A thread a core, two at least: more only take turns. Slow plugin calls are kept out of their way
/// ([`crate::patience`]).
fn workers() -> usize {
    std::thread::available_parallelism().map_or(2, |cores| cores.get().max(2))
}

fn usage(text: &str) -> ExitCode {
    error_line(text);
    ExitCode::from(USAGE)
}

fn error_line(text: &str) {
    use std::io::Write;
    // Nobody is left to tell when standard error is closed.
    let _ = writeln!(std::io::stderr(), "weir: {text}");
}

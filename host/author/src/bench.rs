//! `weir plugin bench`: what a component's calls cost, in the sandbox.

use std::fmt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde::Serialize;
use weir_sandbox::{Limits, Plugin, Sandbox};
use weir_testkit::{Question, sample};

use crate::subject::Sandboxed;
use crate::{AuthorError, test};

/// What to measure, and how.
#[derive(Debug, Clone)]
pub struct BenchOptions {
    /// The component's file.
    pub component: PathBuf,
    /// What a call may use. The deadline is at least [`test::PATIENCE`]: one call that a busy machine holds up is no reason
    /// to measure none.
    pub limits: Limits,
    /// JSON, or empty.
    pub config: String,
    /// How many members a call is given.
    pub members: Vec<u16>,
    /// Calls of each kind and size; percentiles are of the last 1024.
    pub rounds: usize,
}

impl BenchOptions {
    /// The defaults for a component: 10 and 1000 members, 500 calls each.
    pub fn new(component: impl Into<PathBuf>) -> BenchOptions {
        BenchOptions {
            component: component.into(),
            limits: Limits::default(),
            config: String::new(),
            members: vec![10, 1000],
            rounds: 500,
        }
    }
}

/// What a component costs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BenchReport {
    /// The plugin's name.
    pub plugin: String,
    /// Its version.
    pub version: String,
    /// Size of the component, in bytes.
    pub component_bytes: usize,
    /// To compile and link it and to ask what it is, in milliseconds: the best of all times it was loaded. A host
    /// with a cache pays it once.
    pub load_ms: f64,
    /// Median time to make an instance and give it back, in microseconds: part of every call.
    pub instantiate_us: f64,
    /// Of each kind and size.
    pub calls: Vec<Measured>,
}

/// What one kind of call costs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Measured {
    /// `translate` or `distribute`.
    pub call: &'static str,
    /// Members it was given.
    pub members: u16,
    /// How often it was called.
    pub rounds: usize,
    /// Median, in microseconds: instance, call and checks.
    pub p50_us: f64,
    /// One of a hundred took longer, in microseconds.
    pub p99_us: f64,
    /// About one a WebAssembly instruction.
    pub fuel: u64,
    /// Fuel in percent of what a call may use.
    pub fuel_percent: f64,
    /// Most linear memory, in bytes.
    pub memory_bytes: usize,
    /// Why it could not be measured, if it could not.
    pub failed: Option<String>,
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

impl fmt::Display for BenchReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "plugin {} {}: {} bytes, loaded in {:.1} ms, an instance in {:.1} µs",
            self.plugin, self.version, self.component_bytes, self.load_ms, self.instantiate_us
        )?;
        write!(
            f,
            "{:12} {:>7} {:>11} {:>11} {:>11} {:>7} {:>10}",
            "call", "members", "p50", "p99", "fuel", "limit", "memory"
        )?;
        for each in &self.calls {
            write!(f, "\n{:12} {:>7}", each.call, each.members)?;
            match &each.failed {
                Some(why) => write!(f, " {why}")?,
                None => write!(
                    f,
                    " {:>8.1} µs {:>8.1} µs {:>11} {:>5.1} % {:>6} KiB",
                    each.p50_us,
                    each.p99_us,
                    each.fuel,
                    each.fuel_percent,
                    each.memory_bytes >> 10
                )?,
            }
        }
        Ok(())
    }
}

/// Measures a component.
///
/// # Errors
/// The component cannot be read, or is no plugin that the host would load. A call that fails or is refused is no
/// error: [`Measured::failed`].
pub fn run(options: &BenchOptions) -> Result<BenchReport, AuthorError> {
    let sandbox = Sandbox::new(test::patient(&options.limits), None)?;
    let bytes = test::read(&options.component)?;
    let label = options.component.display().to_string();
    let mut load_time = Duration::MAX;
    let mut load = || {
        let start = Instant::now();
        let plugin = Plugin::load(&sandbox, &label, &bytes)?;
        load_time = load_time.min(start.elapsed());
        Ok::<_, AuthorError>(plugin)
    };
    let plugin = load()?;
    let instantiate = instantiate(&plugin, options.rounds)?;
    let mut calls = vec![];
    for &members in &options.members {
        let config = &options.config;
        let description = plugin.description();
        let translate = description.protocols.first().map(|word| sample::translate(word, members, config));
        let distribute = description.algorithms.first().map(|word| sample::distribute(word, members, config));
        for question in translate.into_iter().chain(distribute) {
            // Its own counters.
            calls.push(measure(&load()?, &question, members, options));
        }
    }
    Ok(BenchReport {
        plugin: plugin.name().to_owned(),
        version: plugin.version().to_owned(),
        component_bytes: bytes.len(),
        load_ms: load_time.as_secs_f64() * 1e3,
        instantiate_us: micros(instantiate),
        calls,
    })
}

fn instantiate(plugin: &Plugin, rounds: usize) -> Result<Duration, AuthorError> {
    let mut times = vec![];
    for _ in 0..rounds.max(1) {
        times.push(plugin.instantiate().map_err(weir_sandbox::Error::Describe)?);
    }
    times.sort_unstable();
    Ok(times.get(times.len() / 2).copied().unwrap_or_default())
}

fn measure(plugin: &Plugin, question: &Question, members: u16, options: &BenchOptions) -> Measured {
    let mut failed = None;
    let rounds = options.rounds.max(1);
    for _ in 0..rounds {
        match question.ask(&Sandboxed(plugin)) {
            Ok(Ok(_)) => {}
            Ok(Err(refusal)) => failed = Some(format!("refused ({}): {}", refusal.code, refusal.user)),
            Err(broken) => failed = Some(broken.to_string()),
        }
        if failed.is_some() {
            break;
        }
    }
    let stats = plugin.stats();
    Measured {
        call: question.call(),
        members,
        rounds,
        p50_us: micros(stats.p50),
        p99_us: micros(stats.p99),
        fuel: stats.fuel_max,
        fuel_percent: 100.0 * stats.fuel_max as f64 / options.limits.fuel.max(1) as f64,
        memory_bytes: stats.memory_max,
        failed,
    }
}

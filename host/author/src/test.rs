//! `weir plugin test`: everything that can be asked of a component, in the sandbox.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;
use weir_sandbox::{Limits, Part, Plugin, Registry, Sandbox};
use weir_testkit::{Depth, Finding, Report};

use crate::AuthorError;
use crate::subject::{Sandboxed, Shipped};

/// The least deadline of a call in a test.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// What to test, and how.
#[derive(Debug, Clone)]
pub struct TestOptions {
    /// The component's file.
    pub component: PathBuf,
    /// The author's folder of cases; none where the project has none.
    pub cases: Option<PathBuf>,
    /// What a call may use. The deadline is at least [`PATIENCE`]: a busy machine is not the plugin's fault, and
    /// fuel is counted whatever else the machine does. How long a call takes is measured by the benchmark.
    pub limits: Limits,
    /// The configuration to run conformance and properties under: JSON, or empty. A case brings its own.
    pub config: String,
    /// Of the random questions: the same seed asks the same.
    pub seed: u64,
    /// How many random questions are asked; as many again are compared with the shipped plugin.
    pub questions: usize,
    /// Whether an answer other than the shipped plugin's is a failure.
    pub same_as_shipped: bool,
}

impl TestOptions {
    /// The defaults for a component: no cases, the host's own limits, 500 random questions.
    pub fn new(component: impl Into<PathBuf>) -> TestOptions {
        TestOptions {
            component: component.into(),
            cases: None,
            limits: Limits::default(),
            config: String::new(),
            seed: 1,
            questions: 500,
            same_as_shipped: false,
        }
    }
}

/// What the tests of a component found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TestReport {
    /// Whether it passed.
    pub ok: bool,
    /// The plugin's name.
    pub plugin: String,
    /// Its version.
    pub version: String,
    /// SHA-256 of the component, in hexadecimal.
    pub digest: String,
    /// Of the random questions.
    pub seed: u64,
    /// The shipped plugins it was compared with.
    pub compared_with: Vec<String>,
    /// What was run, in order.
    pub suites: Vec<Suite>,
}

/// One kind of test.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Suite {
    /// `conformance`, `cases`, `properties` or `comparison`.
    pub name: &'static str,
    /// Questions asked, or cases run.
    pub ran: usize,
    /// What must be mended.
    pub failures: Vec<Found>,
    /// Where it answers other than the shipped plugin. For information, unless that was to be the same.
    pub differences: Vec<Found>,
}

/// A [`Finding`], to be written as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Found {
    /// The question in few words, or the case's file and name.
    pub case: String,
    /// What must hold.
    pub rule: String,
    /// What was expected; of a difference, the shipped plugin's answer.
    pub expected: String,
    /// What the plugin did.
    pub got: String,
    /// What to do about it.
    pub hint: String,
    /// The question as a case, to be saved in the folder of cases.
    pub question: String,
}

impl TestReport {
    /// Whether it passed.
    pub fn ok(&self) -> bool {
        self.ok
    }
}

impl Suite {
    fn of(name: &'static str, report: Report) -> Suite {
        let found = |list: Vec<Finding>| list.into_iter().map(Found::from).collect();
        Suite {
            name,
            ran: report.ran,
            failures: found(report.failures),
            differences: found(report.differences),
        }
    }

    fn report(&self) -> Report {
        let findings = |list: &[Found]| list.iter().map(|f| f.finding(self.name)).collect();
        Report { ran: self.ran, failures: findings(&self.failures), differences: findings(&self.differences) }
    }
}

impl From<Finding> for Found {
    fn from(of: Finding) -> Found {
        Found {
            case: of.case,
            rule: of.rule,
            expected: of.expected,
            got: of.got,
            hint: of.hint,
            question: of.question,
        }
    }
}

impl Found {
    fn finding(&self, suite: &'static str) -> Finding {
        let of = self.clone();
        Finding {
            suite,
            case: of.case,
            rule: of.rule,
            expected: of.expected,
            got: of.got,
            hint: of.hint,
            question: of.question,
        }
    }
}

impl fmt::Display for TestReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "plugin {} {}, in the sandbox", self.plugin, self.version)?;
        for suite in &self.suites {
            let text = suite.report().to_string();
            let (details, sum) = text.rsplit_once('\n').unwrap_or(("", &text));
            if !details.is_empty() {
                writeln!(f, "{details}")?;
            }
            writeln!(f, "{:12} {sum}", suite.name)?;
        }
        if !self.compared_with.is_empty() {
            writeln!(f, "compared with the shipped plugin {}", self.compared_with.join(", "))?;
        }
        write!(f, "{}", if self.ok { "passed" } else { "FAILED" })
    }
}

/// Tests a component: conformance, the author's cases, random questions, and a comparison with the shipped plugin
/// of the same word, if there is one. A plugin that fails is no error but a report.
///
/// # Errors
/// The component cannot be read, or is no plugin that the host would load.
pub fn run(options: &TestOptions) -> Result<TestReport, AuthorError> {
    let sandbox = Sandbox::new(patient(&options.limits), None)?;
    let plugin = load(&sandbox, &options.component)?;
    let subject = Sandboxed(&plugin);
    let config = &options.config;
    let mut suites = vec![Suite::of("conformance", weir_testkit::conformance(&subject, Depth::Full, config))];
    if let Some(folder) = &options.cases {
        suites.push(Suite::of("cases", weir_testkit::cases(&subject, folder)));
    }
    let properties = weir_testkit::properties(&subject, options.seed, options.questions, config);
    suites.push(Suite::of("properties", properties));
    // Under the limits that they are shipped with.
    let registry = Registry::load(&Sandbox::new(patient(&Limits::default()), None)?, None)?;
    let shipped = Shipped::beside(&plugin, &registry);
    if !shipped.names().is_empty() {
        let found = weir_testkit::comparison(&subject, &shipped, options.seed, options.questions, config);
        suites.push(Suite::of("comparison", found));
    }
    let ok = suites
        .iter()
        .all(|s| s.failures.is_empty() && (s.differences.is_empty() || !options.same_as_shipped));
    Ok(TestReport {
        ok,
        plugin: plugin.name().to_owned(),
        version: plugin.version().to_owned(),
        digest: plugin.digest().to_owned(),
        seed: options.seed,
        compared_with: shipped.names(),
        suites,
    })
}

/// Asks a loaded plugin the few questions that a host asks before it uses one, under no configuration. Its calls
/// count in [`Plugin::stats`]: see [`Plugin::reset_stats`].
pub fn conformance(plugin: &Plugin) -> Report {
    conformance_under(plugin, "")
}

/// As [`conformance`], under a configuration (JSON, or empty).
pub fn conformance_under(plugin: &Plugin, config: &str) -> Report {
    weir_testkit::conformance(&Sandboxed(plugin), Depth::Quick, config)
}

/// These limits with a deadline of at least [`PATIENCE`].
pub(crate) fn patient(limits: &Limits) -> Limits {
    Limits { deadline: limits.deadline.max(PATIENCE), ..limits.clone() }
}

pub(crate) fn read(component: &Path) -> Result<Vec<u8>, AuthorError> {
    fs::read(component).map_err(|source| AuthorError::File { path: component.to_owned(), source })
}

fn load(sandbox: &Sandbox, component: &Path) -> Result<Plugin, AuthorError> {
    let mut part = Part::bare(&component.display().to_string(), &read(component)?, sandbox.limits());
    // A plugin that keeps failing is to be asked every question all the same.
    part.settings.suspend_after = 0;
    Ok(Plugin::load_with(sandbox, &part)?)
}

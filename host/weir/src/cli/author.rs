//! Where `weir plugin test` and `bench` meet the authors' crate.

use std::fmt;
use std::path::Path;

use serde::Serialize;
use weir_author::AuthorError;

use super::plugin::Subject;

/// What a test or a measurement found.
#[derive(Debug, Serialize)]
pub struct Report {
    ok: bool,
}

impl Report {
    /// Whether nothing was wrong.
    pub fn ok(&self) -> bool {
        self.ok
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", if self.ok { "ok" } else { "failed" })
    }
}

/// Conformance and golden cases.
///
/// # Errors
/// Not built yet.
pub fn test(subject: &Subject, cases: Option<&Path>) -> Result<Report, AuthorError> {
    let cases = cases.or(subject.project.as_ref().map(|p| p.cases.as_path()));
    Err(not_yet(
        subject,
        &format!("weir plugin test (cases: {})", cases.unwrap_or(Path::new("none")).display()),
    ))
}

/// Measurements.
///
/// # Errors
/// Not built yet.
pub fn bench(subject: &Subject) -> Result<Report, AuthorError> {
    Err(not_yet(subject, "weir plugin bench"))
}

fn not_yet(subject: &Subject, what: &str) -> AuthorError {
    AuthorError::Component { path: subject.component.clone(), message: format!("{what} is not built yet") }
}

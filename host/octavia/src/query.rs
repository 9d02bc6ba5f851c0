//! Queries of URLs. A misspelt name must not be ignored: who meant a dry run must not get a real one.

use axum::{
    extract::Request,
    middleware::Next,
    response::{IntoResponse, Response},
};
use tracing::info;

use crate::{
    provider::{ReleaseRequest, SyncRequest},
    read::load_balancer_id,
    refusal::Refusal,
    routes::Operation,
};

/// Characters of a caller's text that an error shows.
const SHOWN: usize = 64;

/// The names that an operation's query may have; `None` where queries are ignored, since probes and scrapers add their own.
pub(crate) fn names(operation: Operation) -> Option<&'static [&'static str]> {
    match operation {
        Operation::Healthz | Operation::Readyz | Operation::Metrics | Operation::OpenApi => None,
        Operation::Reconcile => Some(&["dry_run"]),
        Operation::Sync => Some(&["dry_run", "remove_leaked", "lb"]),
        Operation::Release => Some(&["dry_run", "force", "lb"]),
        _ => Some(&[]),
    }
}

/// Lets a request through whose query has only such names, each once.
pub(crate) async fn check(operation: Operation, request: Request, next: Next) -> Response {
    let query = request.uri().query().unwrap_or_default();
    match names(operation).map(|names| only(query, names)) {
        Some(Err(refusal)) => {
            info!(code = %refusal.code, "request refused: {}", refusal.operator);
            refusal.into_response()
        }
        _ => next.run(request).await,
    }
}

fn only(query: &str, names: &[&str]) -> Result<(), Refusal> {
    let malformed = |text: String| Err(Refusal::malformed("bad-query", text));
    let mut seen = Vec::new();
    for (name, _) in pairs(query) {
        let shown: String = name.chars().take(SHOWN).flat_map(char::escape_debug).collect();
        if !names.contains(&name) {
            let allowed =
                if names.is_empty() { "none".to_owned() } else { format!("only {}", names.join(", ")) };
            return malformed(format!("unknown query parameter \"{shown}\": this path takes {allowed}"));
        }
        if seen.contains(&name) {
            return malformed(format!("query parameter \"{shown}\" is given twice"));
        }
        seen.push(name);
    }
    Ok(())
}

fn pairs(query: &str) -> impl Iterator<Item = (&str, &str)> {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "true")))
}

fn flag(name: &str, value: &str) -> Result<bool, Refusal> {
    match value {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        _ => {
            let shown: String = value.chars().take(SHOWN).flat_map(char::escape_debug).collect();
            Err(Refusal::malformed("bad-query", format!("{name} = \"{shown}\": expected true or false")))
        }
    }
}

/// `dry_run` of a reconcile.
pub(crate) fn dry_run(query: &str) -> Result<bool, Refusal> {
    let mut dry_run = false;
    for (name, value) in pairs(query).filter(|(name, _)| *name == "dry_run") {
        dry_run = flag(name, value)?;
    }
    Ok(dry_run)
}

/// What a sync is to do.
pub(crate) fn sync(query: &str) -> Result<SyncRequest, Refusal> {
    let mut request = SyncRequest::default();
    for (name, value) in pairs(query) {
        match name {
            "dry_run" => request.dry_run = flag(name, value)?,
            "remove_leaked" => request.remove_leaked = flag(name, value)?,
            "lb" => request.lb = Some(load_balancer_id(value)?),
            _ => {}
        }
    }
    Ok(request)
}

/// What a release is to do.
pub(crate) fn release(query: &str) -> Result<ReleaseRequest, Refusal> {
    let mut request = ReleaseRequest::default();
    for (name, value) in pairs(query) {
        match name {
            "dry_run" => request.dry_run = flag(name, value)?,
            "force" => request.force = flag(name, value)?,
            "lb" => request.lb = Some(load_balancer_id(value)?),
            _ => {}
        }
    }
    Ok(request)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dry_run_is_never_taken_for_a_real_run() {
        for (query, wanted) in [
            ("", false),
            ("dry_run=true", true),
            ("dry_run=1&", true),
            ("dry_run", true),
            ("dry_run=false", false),
        ] {
            assert_eq!(dry_run(query).unwrap(), wanted, "{query}");
        }
        assert!(sync("dry_run=perhaps").is_err());
        assert!(sync("remove_leaked=yes").is_err());
        assert!(sync("lb=1").is_err());
        assert!(sync("dry_run&remove_leaked=1").unwrap().dry_run);
        assert!(release("dry_run=perhaps").is_err());
        assert!(release("force=perhaps").is_err());
        assert!(release("lb=all").is_err());
        assert!(release("dry_run&force=false").unwrap().dry_run);
        for bad in ["dry_run=yes", "dry_run=", "dry_run=TRUE"] {
            assert!(dry_run(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn unknown_or_repeated_name_is_refused_with_those_allowed() {
        let error = |query: &str, names: &[&str]| only(query, names).unwrap_err().user;
        let refused = error("dryrun=true", &["dry_run", "lb"]);
        assert_eq!(refused, "unknown query parameter \"dryrun\": this path takes only dry_run, lb");
        assert_eq!(error("a\u{1b}b", &[]), "unknown query parameter \"a\\u{1b}b\": this path takes none");
        assert!(error(&"x".repeat(9000), &[]).len() < 200);
        assert!(error("dry_run=true&dry_run=false", &["dry_run"]).contains("twice"));
        assert!(only("", &[]).is_ok() && only("&dry_run=1&", &["dry_run"]).is_ok());
    }
}

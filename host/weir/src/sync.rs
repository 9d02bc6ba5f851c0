//! `weir sync`: has the running host compare its load balancers with Octavia's.

use std::fmt;

use serde::Serialize;
use serde_json::Value;
use weir_model::LoadBalancerId;

use crate::{
    config::Config,
    remote::{self, RemoteError},
};

/// The host's report.
#[derive(Clone, Debug, Serialize)]
#[serde(transparent)]
pub struct Report {
    report: Value,
    /// One load balancer was named, so it must be ours.
    #[serde(skip)]
    is_named: bool,
}

/// Asks the host.
///
/// # Errors
/// [`RemoteError`].
pub async fn sync(
    config: &Config,
    lb: Option<LoadBalancerId>,
    dry_run: bool,
    remove_leaked: bool,
) -> Result<Report, RemoteError> {
    let only = lb.map(|lb| format!("&lb={lb}")).unwrap_or_default();
    let path = format!("/v1/sync?dry_run={dry_run}&remove_leaked={remove_leaked}{only}");
    let report = remote::post(config, &path).await?;
    Ok(Report { report, is_named: lb.is_some() })
}

impl Report {
    fn lines(&self) -> impl Iterator<Item = (&str, &str, &Value)> {
        let lines = self.report.get("loadbalancers").and_then(Value::as_array).into_iter().flatten();
        lines.map(|line| {
            let text = |key: &str| line.get(key).and_then(Value::as_str).unwrap_or_default();
            (text("id"), text("outcome"), line)
        })
    }

    /// Whether nothing is left to do by hand.
    pub fn ok(&self) -> bool {
        let ports = self.ports().all(|(_, outcome, _)| matches!(outcome, "removed" | "updated"));
        let left = |outcome: &str| match outcome {
            "leaked" | "busy" | "failed" => true,
            "foreign" => self.is_named,
            _ => false,
        };
        ports && !self.lines().any(|(_, outcome, _)| left(outcome))
    }

    fn ports(&self) -> impl Iterator<Item = (&str, &str, &Value)> {
        let lines = self.report.get("ports").and_then(Value::as_array).into_iter().flatten();
        lines.map(|line| {
            let text = |key: &str| line.get(key).and_then(Value::as_str).unwrap_or_default();
            (text("name"), text("outcome"), line)
        })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut in_order = 0;
        for (id, outcome, line) in self.lines() {
            match outcome {
                "in-order" => in_order += 1,
                "repaired" => {
                    let operations = line.get("operations").and_then(Value::as_u64).unwrap_or_default();
                    writeln!(f, "{id}: repaired, {operations} operations")?;
                }
                "leaked" => {
                    writeln!(f, "{id}: leaked, Octavia has denied it twice (--remove-leaked takes it out)")?
                }
                "failed" => {
                    let why = line.get("why").and_then(Value::as_str).unwrap_or_default();
                    writeln!(f, "{id}: failed: {why}")?;
                }
                "foreign" => writeln!(f, "{id}: not synced: it is not this deployment's")?,
                other => writeln!(f, "{id}: {other}")?,
            }
        }
        if let Some(kept @ 1..) = self.report.get("kept_back").and_then(Value::as_u64) {
            writeln!(
                f,
                "{kept} leaked load balancers are left for further runs: one takes out at most 5 % of all"
            )?;
        }
        for (name, outcome, line) in self.ports() {
            let why =
                line.get("why").and_then(Value::as_str).map(|why| format!(": {why}")).unwrap_or_default();
            writeln!(f, "port {name}: {outcome}{why}")?;
        }
        let why = |at: &str| self.report.pointer(at).and_then(Value::as_str);
        if let Some(why) = why("/ports_failed") {
            writeln!(f, "Neutron's ports were not looked at: {why}")?;
        }
        if let Some(why) = why("/listed/why") {
            writeln!(f, "Octavia's API did not list its load balancers: {why}")?;
        }
        let dry = if self.report.get("dry_run") == Some(&Value::Bool(true)) {
            " (nothing was changed)"
        } else {
            ""
        };
        writeln!(f, "{in_order} of {} load balancers are in order{dry}", self.lines().count())
    }
}

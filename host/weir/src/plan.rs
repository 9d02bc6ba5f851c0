//! `weir plan`: what would be done, without doing it.

use std::{fmt, path::Path};

use serde::Serialize;
use tokio::time::timeout;
use weir_model::LoadBalancerId;
use weir_plan::{Holder, Operation};

use crate::{
    config::Config,
    limits,
    northbound::rows,
    plugins::{Change, Databases, LoadError, Loader, Plugins, impact},
    serve,
};

/// Why there is no plan.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// The connection cannot be set up.
    #[error(transparent)]
    Setup(#[from] serve::ServeError),
    /// The plugins in use, or the new ones.
    #[error("plugins: {0}")]
    Plugins(#[from] LoadError),
    /// The Northbound cannot be read.
    #[error("northbound {remotes}: {why}")]
    Northbound {
        /// Where it should be.
        remotes: String,
        /// Why not.
        why: String,
    },
}

/// What would be done.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Load balancers of ours that were looked at.
    pub checked: usize,
    /// Those that would change.
    pub changes: Vec<Change>,
}

/// Plans every load balancer of ours, or one: what a reconcile would change; with `plugins`, what the plugins in that folder
/// would change that those in use do not.
///
/// # Errors
/// [`PlanError`].
pub async fn plan(
    config: &Config,
    lb: Option<LoadBalancerId>,
    plugins: Option<&Path>,
) -> Result<Report, PlanError> {
    let loader = Loader::new(&config.plugins, None).map_err(LoadError::from)?;
    let current = loader.load()?.registry;
    let other = plugins.map(|dir| loader.load_from(dir)).transpose()?.map(|loaded| loaded.registry);
    let client = serve::connect(config)?;
    let mut status = client.status();
    if timeout(limits::CHECK, status.wait_for(|status| status.synced)).await.is_err() {
        let why = client.status().borrow().last_error.clone().unwrap_or_else(|| "no answer".to_owned());
        return Err(PlanError::Northbound { remotes: config.ovn.ovn_nb_connection.join(", "), why });
    }
    let southbound = serve::connect_southbound(config)?;
    // Without it members' health is taken for unknown.
    let _ = timeout(limits::CHECK, southbound.status().wait_for(|status| status.synced)).await;
    let databases = Databases { northbound: &client, southbound: &southbound };
    let capabilities = rows::capabilities(&client.replica());
    let current = Plugins::new(current, capabilities.clone());
    let ownership = config.ownership();
    let found = match other {
        None => impact(&databases, None, &current, &ownership, lb),
        Some(other) => impact(&databases, Some(&current), &Plugins::new(other, capabilities), &ownership, lb),
    };
    Ok(Report { checked: found.checked, changes: found.changes })
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for change in &self.changes {
            writeln!(f, "load balancer {}", change.lb)?;
            for operation in &change.operations {
                writeln!(f, "  {}", Line(operation))?;
            }
            for kept in &change.kept {
                writeln!(f, "  kept as it is: {kept}")?;
            }
            if let Some(error) = &change.error {
                writeln!(f, "  no plan: {error}")?;
            }
        }
        let (changes, checked) = (self.changes.len(), self.checked);
        writeln!(f, "{changes} of {checked} load balancers would change")
    }
}

/// An operation for people.
struct Line<'a>(&'a Operation);

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Operation::Guard { row, .. } => write!(f, "if row {row} is as it was read"),
            Operation::Insert(row) => {
                write!(f, "insert row {}", row.uuid)?;
                row.vips.iter().try_for_each(|(vip, to)| write!(f, "\n    vips {vip} = {to}"))
            }
            Operation::Update(update) => {
                let text = serde_json::to_string(update).unwrap_or_default();
                write!(f, "update {text}")
            }
            Operation::InsertCheck { load_balancer, check } => {
                write!(f, "insert health check {} of {} into row {load_balancer}", check.uuid, check.vip)
            }
            Operation::UpdateCheck { check, options, external_ids, .. } => {
                let text = serde_json::to_string(&(options, external_ids)).unwrap_or_default();
                write!(f, "update health check {check} {text}")
            }
            Operation::RemoveCheck { load_balancer, check } => {
                write!(f, "take health check {check} out of row {load_balancer}")
            }
            Operation::Delete { row } => write!(f, "delete row {row}"),
            Operation::Attach { to, row } => write!(f, "attach row {row} to {}", holder(to)),
            Operation::Detach { from, row } => write!(f, "detach row {row} from {}", holder(from)),
        }
    }
}

fn holder(holder: &Holder) -> String {
    serde_json::to_string(holder).unwrap_or_default()
}

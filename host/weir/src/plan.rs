//! `weir plan`: what would be done, without doing it.

use std::{fmt, path::Path};

use serde::Serialize;
use tokio::time::timeout;
use weir_model::LoadBalancerId;
use weir_octavia::agent::Agent;
use weir_ovsdb::Client;
use weir_plan::{Holder, Operation, Ownership, attach, edited};

use crate::{
    config::Config,
    limits,
    northbound::{rows, topology::ReplicaTopology},
    planning::Planner,
    plugins::{Change, Databases, Impact, LoadError, Loader, Plugins, Reader, impact},
    provider::DefaultsFile,
    scrutiny::Scrutiny,
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
    /// There is no row of the load balancer asked for.
    #[error("load balancer {0} is not known")]
    Unknown(LoadBalancerId),
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

impl Report {
    /// Whether there is a plan for each of them.
    pub fn ok(&self) -> bool {
        self.changes.iter().all(|change| change.error.is_none())
    }
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
    let other = plugins
        .map(|dir| loader.load_folder(dir, "--plugins names it"))
        .transpose()?
        .map(|loaded| loaded.registry);
    let (client, southbound) = connect(config).await?;
    let databases = Databases { northbound: &client, southbound: &southbound };
    let capabilities = rows::capabilities(&client.replica());
    let current = Plugins::new(current, capabilities.clone(), &config.defaults);
    let ownership = config.ownership();
    if let Some(lb) = lb.filter(|lb| rows::existing(&client.replica(), *lb).is_empty()) {
        return Err(PlanError::Unknown(lb));
    }
    let policy = &config.unsupported_options;
    let found = match other {
        None => {
            let mut found = impact(&databases, None, &current, (&ownership, policy), lb);
            as_octavia_says(config, &databases, &current, &ownership, &mut found, lb).await;
            found
        }
        Some(other) => {
            let other = Plugins::new(other, capabilities, &config.defaults);
            impact(&databases, Some(&current), &other, (&ownership, policy), lb)
        }
    };
    Ok(Report { checked: found.checked, changes: found.changes })
}

/// Connects to both databases by itself, and reads them.
///
/// # Errors
/// [`PlanError`]: the Northbound cannot be read.
pub async fn connect(config: &Config) -> Result<(Client, Client), PlanError> {
    let client = serve::connect(config)?;
    let mut status = client.status();
    if timeout(limits::CHECK, status.wait_for(|status| status.synced)).await.is_err() {
        let why = client.status().borrow().last_error.clone().unwrap_or_else(|| "no answer".to_owned());
        return Err(PlanError::Northbound { remotes: config.ovn.ovn_nb_connection.join(", "), why });
    }
    let southbound = serve::connect_southbound(config)?;
    // Without it members' health is taken for unknown.
    let _ = timeout(limits::CHECK, southbound.status().wait_for(|status| status.synced)).await;
    Ok((client, southbound))
}

/// Plans load balancers whose rows somebody else has edited as a repair does: as Octavia says, where it can be asked.
async fn as_octavia_says(
    config: &Config,
    databases: &Databases<'_>,
    plugins: &Plugins,
    ownership: &Ownership,
    found: &mut Impact,
    only: Option<LoadBalancerId>,
) {
    let defaults = DefaultsFile::load(DefaultsFile::path(&config.state_dir));
    let agent = Agent::new(config.octavia.sockets()).with_defaults(defaults.known().clone());
    let all = databases.read(|northbound, _| rows::all(northbound));
    for lb in all.into_iter().filter(|lb| only.is_none_or(|only| only == *lb)) {
        let is_edited = databases.read(|northbound, _| {
            let existing = rows::existing(northbound, lb);
            let ours = existing.iter().any(|existing| ownership.owns_of(lb, &existing.row));
            ours && edited(&existing, &plugins.words)
        });
        if !is_edited {
            continue;
        }
        let octavia = match timeout(limits::AGENT_AWAY, agent.load_balancer(lb)).await {
            Ok(Ok(Some(octavia))) => Some(octavia),
            _ => None,
        };
        let by = if octavia.is_some() { "as Octavia says" } else { "as the rows say: Octavia says nothing" };
        let change = match octavia {
            Some(octavia) => databases.read(|replica, probes| {
                let existing = rows::existing(replica, lb);
                let before = rows::graph(rows::decoded(&existing, lb, &plugins.words));
                let mut octavia = octavia.with_extra_of(before.as_ref());
                attach::fill_subnets(&mut octavia, &ReplicaTopology(replica));
                let policy = &config.unsupported_options;
                let planner = Planner { replica, probes, plugins, ownership, policy };
                let planned = planner.plan(lb, Some(&octavia), &existing, Scrutiny::Nothing);
                Change::of(lb, planned)
            }),
            None => match found.changes.iter().find(|change| change.lb == lb) {
                Some(change) => change.clone(),
                None => continue,
            },
        };
        found.changes.retain(|change| change.lb != lb);
        found.changes.push(Change { why: Some(format!("edited by somebody else; {by}")), ..change });
    }
    found.changes.sort_by_key(|change| change.lb);
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for change in &self.changes {
            let why = change.why.as_ref().map(|why| format!(" ({why})")).unwrap_or_default();
            writeln!(f, "load balancer {}{why}", change.lb)?;
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
            Operation::InsertAcl(acl) => {
                write!(f, "put a rule into switch {}: {}, drop {}", acl.switch, acl.direction, acl.matches)
            }
            Operation::RemoveAcl(existing) => {
                write!(f, "take rule {} out of switch {}", existing.uuid, existing.acl.switch)
            }
            Operation::Delete { row } => write!(f, "delete row {row}"),
            Operation::Attach { to, row } => write!(f, "attach row {row} to {}", holder(to)),
            Operation::Detach { from, row } => write!(f, "detach row {row} from {}", holder(from)),
            Operation::MemberFloatingIp { before, after } => {
                let to = if after.logical_port.is_some() { "distributed" } else { "central" };
                write!(f, "member's floating IP {}: {to}", before.uuid)
            }
        }
    }
}

fn holder(holder: &Holder) -> String {
    serde_json::to_string(holder).unwrap_or_default()
}

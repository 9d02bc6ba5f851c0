//! What another set of plugins would change.

use serde::Serialize;
use weir_model::LoadBalancerId;
use weir_octavia::Refusal;
use weir_ovsdb::{Client, Replica};
use weir_plan::{Operation, Ownership, Probes};

use super::Plugins;
use crate::{
    config::UnsupportedOptions,
    northbound::rows,
    planning::{Planned, Planner},
    southbound::ReplicaProbes,
};

/// Somebody who has the databases at hand, again and again: they must not be held while much is planned.
pub trait Reader {
    /// Looks at them as they are now.
    fn read<T>(&self, look: impl FnOnce(&Replica, &dyn Probes) -> T) -> T;
}

/// Connections to both.
pub struct Databases<'a> {
    /// The Northbound.
    pub northbound: &'a Client,
    /// The Southbound.
    pub southbound: &'a Client,
}

impl Reader for Databases<'_> {
    fn read<T>(&self, look: impl FnOnce(&Replica, &dyn Probes) -> T) -> T {
        let northbound = self.northbound.replica();
        look(&northbound, &ReplicaProbes(&self.southbound.replica()))
    }
}

/// What a set of plugins changes of a load balancer.
#[derive(Clone, Debug, Serialize)]
pub struct Change {
    /// The load balancer.
    pub lb: LoadBalancerId,
    /// What would be done to its rows.
    pub operations: Vec<Operation>,
    /// Listeners and pools that would be left as they are, and why.
    pub kept: Vec<String>,
    /// Why there is no plan, where there is none.
    pub error: Option<String>,
    /// What led to it, where that is not the network or plugins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

impl Change {
    /// What a plan changes.
    pub fn of(lb: LoadBalancerId, planned: Result<Planned, Refusal>) -> Self {
        let nothing = Self { lb, operations: Vec::new(), kept: Vec::new(), error: None, why: None };
        match planned {
            Ok(planned) => {
                let kept = planned.plan.kept.iter().map(|(unit, problem)| format!("{unit:?}: {problem}"));
                Self { kept: kept.collect(), operations: planned.plan.operations, ..nothing }
            }
            Err(refusal) => Self { error: Some(refusal.to_string()), ..nothing },
        }
    }

    fn is_none(&self) -> bool {
        self.operations.is_empty() && self.kept.is_empty() && self.error.is_none()
    }
}

/// What a set of plugins changes of all load balancers that are ours.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Impact {
    /// Load balancers that were looked at.
    pub checked: usize,
    /// Those that would change.
    pub changes: Vec<Change>,
}

/// Plans every load balancer of ours with the plugins in `new`, and says where that differs from what those in `old` would
/// do; without `old`, what there is to do at all, also to take over what may be. `only` looks at one load balancer.
pub fn impact(
    reader: &impl Reader,
    old: Option<&Plugins>,
    new: &Plugins,
    (ownership, policy): (&Ownership, &UnsupportedOptions),
    only: Option<LoadBalancerId>,
) -> Impact {
    let mut impact = Impact::default();
    let all = reader.read(|northbound, _| rows::all(northbound));
    for lb in all.into_iter().filter(|lb| only.is_none_or(|only| only == *lb)) {
        let change = |plugins: &Plugins| {
            reader.read(|replica, probes| {
                let planner = Planner { replica, probes, plugins, ownership, policy };
                let takes_over = old.is_none() && planner.takes_over(lb);
                let why = takes_over.then(|| "would be taken over".to_owned());
                (takes_over || planner.owns(lb))
                    .then(|| change(&planner, lb).map(|change| Change { why, ..change }))
            })
        };
        let Some(would) = change(new) else { continue };
        impact.checked += 1;
        let would = would.filter(|would| !would.is_none());
        let Some(would) = would else { continue };
        let before = old.and_then(|old| change(old).flatten());
        let differs = |before: &Change| {
            (&before.operations, &before.kept, &before.error)
                != (&would.operations, &would.kept, &would.error)
        };
        if before.as_ref().is_none_or(differs) {
            impact.changes.push(would);
        }
    }
    impact
}

/// What a reconcile of one load balancer would do; `None` where it has gone meanwhile.
fn change(planner: &Planner<'_>, lb: LoadBalancerId) -> Option<Change> {
    planner.as_it_stands(lb).transpose().map(|planned| Change::of(lb, planned))
}

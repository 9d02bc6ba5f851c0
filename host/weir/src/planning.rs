//! One load balancer's plan, from the rows, the plugins and what is wanted.

use uuid::Uuid;
use weir_model::{HealthMap, LoadBalancer, LoadBalancerId, Pool};
use weir_octavia::Refusal;
use weir_ovsdb::Replica;
use weir_plan::{
    Existing, Front, Lookups, Makers, Overlap, Ownership, Plan, Probes, Recording, Release, Surroundings,
    attach, centralise, check, compile, covers_members, diff, fronts, health, makers, mark, overlaps,
};

use crate::{
    config::UnsupportedOptions,
    fault,
    northbound::{rows, topology::ReplicaTopology},
    plugins::{self, Plugins, Subject},
    scrutiny::{self, Scrutiny},
    unsupported,
};

/// Plans load balancers on one state of the Northbound.
pub struct Planner<'a> {
    /// The Northbound.
    pub replica: &'a Replica,
    /// What the network says of members.
    pub probes: &'a dyn Probes,
    /// The plugins.
    pub plugins: &'a Plugins,
    /// Whose rows are ours.
    pub ownership: &'a Ownership,
    /// What becomes of options that OVN cannot honour.
    pub policy: &'a UnsupportedOptions,
}

/// A plan, and how sure it is.
pub struct Planned {
    /// What to do.
    pub plan: Plan,
    /// A plugin failed: something stays as it is, or another plugin stood in.
    pub unsettled: bool,
    /// What keeps objects of it from working; all of it is among the plan's findings.
    pub overlaps: Vec<Overlap>,
    /// What the network was asked, with its answers.
    pub lookups: Lookups,
}

impl Planner<'_> {
    /// What makes a load balancer's rows as `wanted`; `None` is no rows at all.
    ///
    /// # Errors
    /// A [`Refusal`]: a plugin refuses what must be to its liking, or the wish cannot be in the Northbound.
    pub fn plan(
        &self,
        lb: LoadBalancerId,
        wanted: Option<&LoadBalancer>,
        existing: &[Existing],
        scrutiny: Scrutiny<'_>,
    ) -> Result<Planned, Refusal> {
        let replica = ReplicaTopology(self.replica);
        let topology = Recording::new(&replica);
        let Plugins { capabilities, words, .. } = self.plugins;
        let health = wanted.map(|lb| health(lb, existing, &topology, self.probes)).unwrap_or_default();
        let around = Surroundings {
            topology: &topology,
            capabilities,
            words,
            health: &health,
            ownership: self.ownership,
        };
        let mut unsettled = false;
        let mut findings = Vec::new();
        let mut overlapping = Vec::new();
        let mut rows = match wanted {
            Some(graph) => {
                let changed = |pool: &Pool| match scrutiny {
                    Scrutiny::Nothing | Scrutiny::Accepted => false,
                    Scrutiny::ChangesSince(before) => scrutiny::has_new_members(pool, before),
                };
                // Unasked, nothing is new.
                let before = match scrutiny {
                    Scrutiny::Nothing | Scrutiny::Accepted => Some(graph),
                    Scrutiny::ChangesSince(before) => before,
                };
                let fronts = fronts(graph, &topology);
                let makers = makers(existing);
                let subject = self.subject(graph, before, &fronts, &health, &makers);
                let answers = plugins::ask(self.plugins, subject, changed);
                unsettled = answers.unsettled;
                findings = unsupported::findings(graph, &answers.without_effect);
                if let Scrutiny::ChangesSince(before) = scrutiny {
                    unsupported::judge(graph, before, self.policy)?;
                    scrutiny::judge_changes(graph, before, &answers, existing)?;
                }
                let rows = compile(graph, &answers.translations, existing, around)
                    .map_err(|error| fault::of_plan(&error))?;
                overlapping = overlaps(graph, &rows, &topology);
                rows
            }
            None => Vec::new(),
        };
        let changes = !matches!(scrutiny, Scrutiny::Nothing);
        let covered = covers_members(existing, changes, around);
        if covered {
            rows.iter_mut().for_each(mark);
        }
        let taken = |uuid: &Uuid| self.replica.get("Load_Balancer", uuid).is_some();
        let mut plan = diff(lb, rows, existing, around, &taken).map_err(|error| fault::of_plan(&error))?;
        plan.operations.extend(centralise(lb, wanted, covered, around));
        plan.findings.extend(findings);
        check(&plan, existing, self.ownership).map_err(|error| fault::of_plan(&error))?;
        plan.overlaps_with = overlapping.iter().filter_map(Overlap::other).collect();
        plan.findings.extend(overlapping.iter().map(|overlap| overlap.finding.clone()));
        Ok(Planned { plan, unsettled, overlaps: overlapping, lookups: topology.into_lookups() })
    }

    fn subject<'s>(
        &'s self,
        lb: &'s LoadBalancer,
        before: Option<&'s LoadBalancer>,
        fronts: &'s [Front],
        health: &'s HealthMap,
        makers: &'s Makers,
    ) -> Subject<'s> {
        Subject { lb, before, fronts, health, makers, policy: self.policy }
    }

    /// What gives a load balancer back to the reference driver.
    ///
    /// # Errors
    /// A [`Refusal`]: it is not ours, or no plan can be made.
    pub fn release(&self, lb: LoadBalancerId) -> Result<Release, Refusal> {
        let existing = rows::existing(self.replica, lb);
        let Plugins { capabilities, words, .. } = self.plugins;
        let Some(decoded) = rows::decoded(&existing, lb, words) else {
            let text = format!("load balancer {lb} is not known");
            return Err(Refusal::not_found("load-balancer-not-found", text));
        };
        let topology = ReplicaTopology(self.replica);
        let mut graph = decoded.lb;
        attach::fill_subnets(&mut graph, &topology);
        let health = health(&graph, &existing, &topology, self.probes);
        let fronts = fronts(&graph, &topology);
        let nobody_new = |_: &Pool| false;
        let makers = makers(&existing);
        let subject = self.subject(&graph, Some(&graph), &fronts, &health, &makers);
        let answers = plugins::ask(self.plugins, subject, nobody_new);
        let around = Surroundings {
            topology: &topology,
            capabilities,
            words,
            health: &health,
            ownership: self.ownership,
        };
        let release = weir_plan::release(&graph, &answers.translations, &existing, around)
            .map_err(|error| fault::of_plan(&error))?;
        check(&release.plan, &existing, self.ownership).map_err(|error| fault::of_plan(&error))?;
        Ok(release)
    }

    /// What a reconcile would do: `None` where no row has the load balancer.
    ///
    /// # Errors
    /// A [`Refusal`]: no plan can be made.
    pub fn as_it_stands(&self, lb: LoadBalancerId) -> Result<Option<Planned>, Refusal> {
        let existing = rows::existing(self.replica, lb);
        let Some(decoded) = rows::decoded(&existing, lb, &self.plugins.words) else { return Ok(None) };
        let mut graph = decoded.lb;
        attach::fill_subnets(&mut graph, &ReplicaTopology(self.replica));
        self.plan(lb, Some(&graph), &existing, Scrutiny::Nothing).map(Some)
    }

    /// Whether a load balancer is nobody's of Weir's and may be taken over.
    pub fn takes_over(&self, lb: LoadBalancerId) -> bool {
        let existing = rows::existing(self.replica, lb);
        !existing.is_empty() && existing.iter().all(|existing| self.ownership.may_adopt(lb, &existing.row))
    }

    /// Whether all rows of a load balancer are ours.
    pub fn owns(&self, lb: LoadBalancerId) -> bool {
        rows::existing(self.replica, lb).iter().all(|existing| self.ownership.owns(&existing.row))
    }
}

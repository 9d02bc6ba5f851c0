//! The read API: load balancers as the Northbound has them.

use serde_json::{Value, json};
use weir_model::{LoadBalancerId, operating_statuses};
use weir_octavia::Refusal;
use weir_plan::{Plan, RowFinding};

use super::{Host, accept, findings::PLAN};
use crate::{northbound::rows, scrutiny::Scrutiny};

impl Host {
    /// Every load balancer, shortly.
    pub(super) fn view_all(&self) -> Value {
        let replica = self.northbound.replica();
        let plugins = self.in_use.plugins(&replica);
        let all = rows::all(&replica).into_iter().filter_map(|id| {
            let existing = rows::existing(&replica, id);
            let decoded = rows::decoded(&existing, id, &plugins.words)?;
            let lb = decoded.lb;
            Some(json!({
                "id": id,
                "vip_address": lb.vip.address,
                "admin_state_up": lb.admin_state_up,
                "operating_status": operating_statuses(&lb, &self.health(&replica, &lb)).loadbalancer,
                "listeners": lb.listeners.len(),
                "pools": lb.pools.len(),
                "members": lb.pools.values().map(|pool| pool.members.len()).sum::<usize>(),
                "rows": existing.len(),
                "ours": existing.iter().all(|existing| self.ownership.owns(&existing.row)),
            }))
        });
        json!({ "loadbalancers": all.collect::<Vec<_>>() })
    }

    /// One load balancer with all that is known of it.
    pub(super) fn view(&self, id: LoadBalancerId) -> Option<Value> {
        let waiting = self.queues.pending(id);
        let failure = self.changes.failure(id);
        let replica = self.northbound.replica();
        let plugins = self.in_use.plugins(&replica);
        let existing = rows::existing(&replica, id);
        let decoded = rows::decoded(&existing, id, &plugins.words);
        let pending: Vec<_> = waiting.iter().map(|pending| pending.record.state()).collect();
        let Some(decoded) = decoded else {
            let rest =
                json!({ "loadbalancer": null, "rows": existing, "pending": pending, "failure": failure });
            return (!pending.is_empty() || failure.is_some()).then_some(rest);
        };
        let drift = self.plan(&replica, &plugins, id, Some(&decoded.lb), &existing, Scrutiny::Nothing);
        let (plan, problem) = match drift {
            Ok(planned) => (Some(planned.plan), Value::Null),
            Err(refusal) => (None, refusal.to_string().into()),
        };
        let plan = plan.as_ref();
        Some(json!({
            "loadbalancer": decoded.lb,
            "operating_statuses": operating_statuses(&decoded.lb, &self.health(&replica, &decoded.lb)),
            "rows": existing,
            "pending": pending,
            "failure": failure,
            "paused": self.pauses.hold(id),
            "drift": plan.map(|plan| &plan.operations),
            "members_without_subnet": plan.map(|plan| &plan.unresolved),
            "members_without_port": plan.map(|plan| &plan.without_port),
            "subnets_without_source": plan.map(|plan| &plan.sourceless),
            "problem": problem,
            "findings": self.findings_view(id, plan, &decoded.findings),
        }))
    }

    /// Findings of the plan of this moment, those of other parts of the host, and keys in the rows that cannot be read.
    fn findings_view(
        &self,
        id: LoadBalancerId,
        plan: Option<&Plan>,
        unreadable: &[RowFinding],
    ) -> Vec<Value> {
        // The plan of this moment is newer than the one that was carried out last.
        let mut findings = self.findings.of_all_but(id, plan.map(|_| PLAN));
        findings.extend(plan.into_iter().flat_map(|plan| plan.findings.iter().cloned()));
        let unreadable = unreadable.iter().map(|finding| json!(finding));
        findings.iter().map(|finding| json!(finding)).chain(unreadable).collect()
    }

    /// What a reconcile would do now.
    pub(super) fn plan_as_it_stands(&self, id: LoadBalancerId) -> Result<Plan, Refusal> {
        let replica = self.northbound.replica();
        if !replica.is_complete() {
            return Err(accept::not_synced());
        }
        let plugins = self.in_use.plugins(&replica);
        let existing = rows::existing(&replica, id);
        let Some(decoded) = rows::decoded(&existing, id, &plugins.words) else {
            return Err(Refusal::not_found("not-found", format!("load balancer {id} is not known")));
        };
        let planned = self.plan(&replica, &plugins, id, Some(&decoded.lb), &existing, Scrutiny::Nothing)?;
        Ok(planned.plan)
    }
}

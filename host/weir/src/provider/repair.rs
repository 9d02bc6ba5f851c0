//! Looking at a load balancer that nobody has called for, and putting it right.
//!
//! * The network changed: planned from its rows.
//! * Somebody else edited or deleted its rows: what is wished is Octavia's to say, so Octavia is asked, once no call is under
//!   way. Without an agent the rows count, with what follows from them made anew. Rows that are all gone are made again only
//!   where Octavia knows the load balancer, and some time after they went: another host may have been called to delete it.
//! * It was only our own commit: nothing.

use std::{collections::HashMap, sync::Arc, time::Instant};

use parking_lot::Mutex;
use tracing::{info, warn};
use weir_model::{LoadBalancer, LoadBalancerId};
use weir_octavia::ChangeProgress;
use weir_plan::{Existing, NoProbes, Plan, attach, edited, fingerprint, outcome};

use super::{
    Host,
    changes::Record,
    dirty::{Reason, Reasons},
    findings,
    queue::{Pending, Task, Wish},
};
use crate::{
    config::Repair,
    fault, limits,
    northbound::{committer::Asked, rows, topology::ReplicaTopology},
    planning::Planned,
    plugins::Plugins,
    scrutiny::Scrutiny,
};

/// Load balancers that are not as they should be while that is only reported, with the number of operations.
#[derive(Default)]
pub struct Drift(Mutex<HashMap<LoadBalancerId, usize>>);

impl Drift {
    fn note(&self, lb: LoadBalancerId, operations: usize) {
        let mut all = self.0.lock();
        if operations == 0 {
            all.remove(&lb);
        } else {
            all.insert(lb, operations);
        }
    }

    /// Forgets all: another host watches from now on.
    pub fn clear(&self) {
        self.0.lock().clear();
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.0.lock().len()
    }
}

/// What is to be seen of a load balancer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seen {
    /// All is as it was left, or it is none of ours.
    Nothing,
    /// Something may be otherwise; perhaps by somebody's hand.
    Something { by_hand: bool },
    /// Somebody else has edited its rows.
    Edited,
    /// Its rows are gone.
    Gone,
}

impl Host {
    /// Notes a plan that will be carried out. The caller still holds the replica that it was made on.
    pub(super) fn note(
        &self,
        lb: LoadBalancerId,
        planned: &mut Planned,
        existing: &[Existing],
        asked: Option<&Plugins>,
    ) {
        let rows = outcome(&planned.plan, existing);
        if rows.is_empty() {
            self.index.forget(lb);
            self.findings.forget(lb);
            self.forget_drift(lb);
            self.doubts.clear(lb);
            return;
        }
        if self.watches_findings() {
            self.findings.report(lb, findings::PLAN, planned.plan.findings.clone());
        }
        if !self.dirty.is_active() {
            return;
        }
        let now = Instant::now();
        if asked.is_some_and(|plugins| edited(existing, &plugins.words)) {
            // What the call makes of the rows hides the edit; it is not forgotten.
            self.dirty.mark(lb, Reason::Edited, now);
        }
        let lookups = std::mem::take(&mut planned.lookups);
        for other in self.index.note(lb, lookups, fingerprint(&rows)) {
            self.dirty.mark(other, Reason::Network, now);
        }
    }

    /// Looks at a load balancer.
    pub(super) async fn look_unasked(self: &Arc<Self>, lb: LoadBalancerId, reasons: Reasons) {
        let now = Instant::now();
        if self.pauses.hold(lb) {
            // Work that goes on after a pause looks at everything; that Octavia is to be asked shows in nothing.
            let asking = reasons.into_iter().filter(Reason::asks_octavia).collect();
            self.dirty.mark_at(lb, &asking, now + limits::REPAIR_AGAIN);
            return;
        }
        if !self.queues.is_idle(lb) {
            self.dirty.mark_at(lb, &reasons, now + limits::REPAIR_BUSY);
            return;
        }
        let all = self.repair == Repair::On;
        // What probes say is not drift, it is news.
        let news = reasons.contains(&Reason::Health);
        let reasons = if news && !all {
            // What there is to report is looked at by itself.
            for other in reasons.into_iter().filter(|reason| *reason != Reason::Health) {
                if self.repair == Repair::Report {
                    self.dirty.mark(lb, other, now);
                }
            }
            [Reason::Health].into()
        } else {
            reasons
        };
        if self.repair == Repair::Off {
            self.compared(lb);
        }
        if self.repair == Repair::Off && !news {
            return;
        }
        self.metrics.looks.inc();
        let before = rows::existing(&self.northbound.replica(), lb);
        let seen = self.patience.run(|| self.see(lb, &reasons));
        let (wish, by_hand) = match seen {
            Seen::Nothing => {
                self.metrics.looks_in_vain.inc();
                return self.compared(lb);
            }
            // News changes rows that are as they should be, and no others.
            Seen::Edited | Seen::Gone if news && !all => return self.tell_all(lb),
            Seen::Something { .. } if news && !all && self.patience.run(|| self.has_drifted(lb)) => {
                return self.tell_all(lb);
            }
            Seen::Something { by_hand } => (Some(Wish::AsRows), by_hand),
            Seen::Edited => (self.wish_after_edit(lb, &reasons).await, true),
            Seen::Gone => (self.wish_after_loss(lb, &reasons).await, true),
        };
        let Some(wish) = wish else { return };
        if !all && !news {
            self.patience.run(|| self.report(lb, &wish));
            if wish.is_octavias() {
                self.compared(lb);
            }
            return;
        }
        // What Octavia has said may lack a call that came meanwhile.
        let octavias = wish.is_octavias();
        if let Some(record) = self.push_if_idle(lb, Task::Repair { wish, by_hand }, &before) {
            if record.finished().await.state == ChangeProgress::Committed && octavias {
                self.compared(lb);
            }
        } else {
            // What has come in between hides the edit.
            let edited = (seen == Seen::Edited).then_some(Reason::Edited);
            let reasons = reasons.into_iter().chain(edited).collect();
            self.dirty.mark_at(lb, &reasons, Instant::now() + limits::REPAIR_BUSY);
        }
    }

    /// Whether this host sees when a finding of a plan is resolved: it holds the lock. With `repair = "off"` no host does, so
    /// that the host of the last call counts.
    pub(super) fn watches_findings(&self) -> bool {
        self.dirty.is_active() || self.repair == Repair::Off
    }

    /// What is no longer ours does not drift.
    pub(super) fn forget_drift(&self, lb: LoadBalancerId) {
        self.drift.note(lb, 0);
    }

    fn see(&self, lb: LoadBalancerId, reasons: &Reasons) -> Seen {
        let replica = self.northbound.replica();
        let existing = rows::existing(&replica, lb);
        if existing.is_empty() {
            let missing = self.index.knew(lb) || reasons.contains(&Reason::Restored);
            return if missing { Seen::Gone } else { Seen::Nothing };
        }
        self.gone.lock().remove(&lb);
        let may_write = |existing: &Existing| self.ownership.may_write(lb, &existing.row).is_ok();
        if !existing.iter().all(may_write) {
            self.index.forget(lb);
            return Seen::Nothing;
        }
        let ours = existing.iter().any(|existing| self.ownership.owns_of(lb, &existing.row));
        // What may be taken over is, when everything is looked at.
        if !ours && !self.index.knows(lb) && !reasons.contains(&Reason::All) {
            return Seen::Nothing;
        }
        let plugins = self.in_use.plugins(&replica);
        let as_rows = reasons.contains(&Reason::AsRows);
        if ours && !as_rows && (edited(&existing, &plugins.words) || reasons.iter().any(Reason::asks_octavia))
        {
            return Seen::Edited;
        }
        let by_hand = self.index.rows(lb).is_some_and(|rows| rows != fingerprint(&existing));
        let only_rows = reasons.iter().all(|reason| *reason == Reason::Rows);
        if only_rows && !by_hand && self.index.knows(lb) {
            return Seen::Nothing;
        }
        Seen::Something { by_hand }
    }

    /// Puts something into a queue, unless something is in it. Where it rests on Octavia's word, the rows must be those
    /// that were `read` before Octavia was asked, and no call may have come since.
    fn push_if_idle(
        self: &Arc<Self>,
        lb: LoadBalancerId,
        task: Task,
        read: &[Existing],
    ) -> Option<Arc<Record>> {
        self.queues.with(lb, |_, inner| {
            let record = Arc::new(Record::passing("repair", lb, None));
            let pending = Pending { record: record.clone(), task };
            let as_read = || {
                self.open.remaining(lb, Instant::now()).is_none()
                    && rows::existing(&self.northbound.replica(), lb) == read
            };
            if !inner.is_idle() || (pending.rests_on_octavia() && !as_read()) {
                return None;
            }
            inner.ready = None;
            self.queues.push(lb, inner, pending, &[]);
            self.start_worker(lb, inner);
            Some(record)
        })
    }

    /// Whether a load balancer is not as it should be, whatever probes say.
    fn has_drifted(&self, lb: LoadBalancerId) -> bool {
        let replica = self.northbound.replica();
        let plugins = self.in_use.plugins(&replica);
        let planner = self.planner(&replica, &NoProbes, &plugins);
        planner.as_it_stands(lb).is_ok_and(|planned| planned.is_some_and(|planned| !planned.plan.is_empty()))
    }

    /// Says what a repair would change, and notes it as planned.
    fn report(&self, lb: LoadBalancerId, wish: &Wish) {
        let replica = self.northbound.replica();
        let plugins = self.in_use.plugins(&replica);
        let existing = rows::existing(&replica, lb);
        let as_rows = rows::graph(rows::decoded(&existing, lb, &plugins.words));
        let mut wanted: Option<LoadBalancer> = match wish {
            Wish::AsRows => as_rows,
            Wish::Octavias(octavia) => Some(LoadBalancer::clone(octavia).with_extra_of(as_rows.as_ref())),
            Wish::Nothing => None,
        };
        if wanted.is_none() && !existing.is_empty() && !matches!(wish, Wish::Nothing) {
            self.drift.note(lb, existing.len());
            warn!(%lb, refusal = %fault::of_unreadable(lb), "not as it should be; repair = \"report\"");
            return;
        }
        wanted.iter_mut().for_each(|wanted| attach::fill_subnets(wanted, &ReplicaTopology(&replica)));
        match self.plan(&replica, &plugins, lb, wanted.as_ref(), &existing, Scrutiny::Nothing) {
            Ok(mut planned) => {
                self.drift.note(lb, planned.plan.operations.len());
                if !planned.plan.is_empty() {
                    warn!(%lb, operations = planned.plan.operations.len(), "not as it should be; repair = \"report\"");
                }
                // What stands is what the next look is compared with.
                planned.plan.operations.clear();
                self.note(lb, &mut planned, &existing, None);
            }
            Err(refusal) => warn!(%lb, %refusal, "cannot be planned"),
        }
    }

    /// What nobody has called for waits until what somebody has called for is done.
    pub(super) fn without_unasked(&self, lb: LoadBalancerId, batch: Vec<Pending>) -> (Vec<Pending>, Asked) {
        if batch.iter().all(Pending::is_unasked) {
            return (batch, Asked::ByNobody);
        }
        let (unasked, asked): (Vec<_>, Vec<_>) = batch.into_iter().partition(Pending::is_unasked);
        if !unasked.is_empty() {
            self.end_unasked(lb, &unasked, ChangeProgress::Abandoned, "a call has come");
        }
        (asked, Asked::ByCall)
    }

    fn end_unasked(&self, lb: LoadBalancerId, batch: &[Pending], progress: ChangeProgress, why: &str) {
        self.queues.remove(lb, batch);
        for pending in batch {
            pending.record.finish(progress, Some(why.to_owned()));
            let as_rows = matches!(&pending.task, Task::Repair { wish: Wish::AsRows, .. });
            let reason = if as_rows { Reason::Network } else { Reason::Edited };
            if progress == ChangeProgress::Abandoned {
                self.dirty.mark(lb, reason, Instant::now());
            } else {
                self.dirty.mark_at(lb, &[reason].into(), Instant::now() + limits::REPAIR_AGAIN);
            }
        }
    }

    /// A repair is in the Northbound.
    pub(super) fn repaired(&self, lb: LoadBalancerId, plan: &Plan, batch: &[Pending]) {
        self.drift.note(lb, 0);
        if plan.is_empty() {
            return;
        }
        self.metrics.repairs.inc();
        info!(%lb, operations = plan.operations.len(), "repaired");
        for pending in batch {
            let Task::Repair { wish, by_hand } = &pending.task else { continue };
            if *by_hand {
                self.dirty.repaired(lb, Instant::now());
            }
            match wish {
                // A call to another host may have been under way.
                Wish::Octavias(_) => self.look_again(lb, limits::OCTAVIA_COMMIT),
                Wish::Nothing => drop(self.remade.lock().remove(&lb)),
                Wish::AsRows => {}
            }
        }
    }

    /// Takes out of a queue what rests on a version of Octavia's that may be old by now; it is looked at anew. Says whether
    /// there was any.
    pub(super) fn drop_versions(&self, lb: LoadBalancerId, batch: &[Pending], why: &str) -> bool {
        let (repairs, rebuilds): (Vec<_>, Vec<_>) =
            batch.iter().filter(|pending| pending.rests_on_octavia()).cloned().partition(Pending::is_unasked);
        self.queues.remove(lb, &rebuilds);
        for pending in &rebuilds {
            pending.record.finish(ChangeProgress::Abandoned, Some(why.to_owned()));
        }
        if !repairs.is_empty() {
            self.end_unasked(lb, &repairs, ChangeProgress::Abandoned, why);
        }
        !(repairs.is_empty() && rebuilds.is_empty())
    }

    /// There is no plan for what a repair wishes. Where that was Octavia's wish, the rows count.
    pub(super) fn not_planned(&self, lb: LoadBalancerId, batch: &[Pending], why: &str) {
        let octavias =
            |pending: &Pending| matches!(pending.task, Task::Repair { wish: Wish::Octavias(_), .. });
        if batch.iter().any(octavias) {
            self.dirty.mark(lb, Reason::AsRows, Instant::now());
            self.compared(lb);
        }
        self.not_repaired(lb, batch, why);
    }

    /// A repair could not be done.
    pub(super) fn not_repaired(&self, lb: LoadBalancerId, batch: &[Pending], why: &str) {
        warn!(%lb, why, "not repaired");
        self.metrics.repairs_failed.inc();
        self.end_unasked(lb, batch, ChangeProgress::Failed, why);
    }
}

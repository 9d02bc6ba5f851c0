//! The provider API's trait on the host.

use std::{collections::BTreeMap, sync::Arc, time::Instant};

use serde_json::{Value, json};
use tokio::time::timeout;
use tracing::Span;
use weir_journal::JournalError;
use weir_model::{Change, LoadBalancerId};
use weir_octavia::{
    Accepted, CallContext, ChangeProgress, ChangeState, ErrorClass, OctaviaDefaults, Provider, Readiness,
    Refusal, ReleaseRequest, SyncRequest, VipPortRequest, VipPorts,
};

use super::{
    Host,
    accept::{self, Accepting, Rebuild},
    changes::{Begun, Outcome, Record},
    findings::PLAN,
    outbox::End,
    queue::{Pending, Task},
};
use crate::{fault, limits, northbound::rows, plugins, scrutiny};

/// The host as the API's provider.
pub struct Api(pub Arc<Host>);

#[async_trait::async_trait]
impl Provider for Api {
    async fn change(&self, mut change: Change, call: CallContext) -> Result<Accepted, Refusal> {
        let timer = self.0.metrics.call(call.method);
        self.0.own_vip_ports.drop_copied_policy(&mut change);
        let answer = self.0.change(change, call).await;
        timer.done(match &answer {
            Ok(accepted) if accepted.committed => "committed",
            Ok(_) => "accepted",
            Err(refusal) => refusal.error.word(),
        });
        answer
    }

    fn learn_defaults(&self, sent: &OctaviaDefaults) {
        self.0.octavia_defaults.learn(sent);
    }

    fn known_defaults(&self) -> Arc<OctaviaDefaults> {
        self.0.octavia_defaults.known().now()
    }

    fn vip_ports_wanted(&self, request: &VipPortRequest) {
        self.0.own_vip_ports.note(request, Instant::now());
    }

    fn makes_vip_ports(&self) -> bool {
        self.0.vip_port_maker().is_some()
    }

    async fn create_vip_port(&self, request: VipPortRequest, call: CallContext) -> Result<VipPorts, Refusal> {
        let timer = self.0.metrics.call(call.method);
        let answer = self.0.create_vip_port(request, call).await;
        timer.done(answer.as_ref().map_or_else(|refusal| refusal.error.word(), |_| "committed"));
        answer
    }

    fn check_flavor(&self, flavor: &BTreeMap<String, String>) -> Result<(), Refusal> {
        let replica = self.0.northbound.replica();
        scrutiny::judge_flavor(flavor, &rows::capabilities(&replica))
    }

    fn create_refused(&self, lb: LoadBalancerId, refusal: &Refusal) {
        self.0.create_refused(lb, refusal);
    }

    async fn change_state(&self, id_or_key: &str) -> Option<ChangeState> {
        match self.0.changes.find(id_or_key)? {
            Outcome::Accepted(record) => Some(record.state()),
            Outcome::VipPorts(made) => Some(ChangeState {
                state: ChangeProgress::Committed,
                method: Some("create_vip_port".to_owned()),
                loadbalancer_id: Some(made.lb),
                ..never_accepted(id_or_key)
            }),
            Outcome::Abandoned => Some(never_accepted(id_or_key)),
            Outcome::Refused(_) => None,
        }
    }

    async fn abandon(&self, id_or_key: &str) -> Result<ChangeState, Refusal> {
        self.0.abandon(id_or_key).await
    }

    fn load_balancers(&self) -> Value {
        self.0.view_all()
    }

    fn load_balancer(&self, id: LoadBalancerId) -> Option<Value> {
        self.0.patience.run(|| self.0.view(id))
    }

    async fn reconcile(&self, id: LoadBalancerId, dry_run: bool) -> Result<Value, Refusal> {
        let plan = self.0.patience.run(|| self.0.plan_as_it_stands(id))?;
        let mut answer = json!({ "loadbalancer_id": id, "dry_run": dry_run, "plan": plan });
        if !dry_run {
            let accepted = self.0.reconcile_now(id).await;
            if let Some(answer) = answer.as_object_mut() {
                answer.insert("change".to_owned(), accepted.change.into());
                answer.insert("committed".to_owned(), accepted.committed.into());
            }
        }
        Ok(answer)
    }

    async fn sync(&self, request: SyncRequest) -> Result<Value, Refusal> {
        Ok(json!(self.0.sync(request).await?))
    }

    async fn release(&self, request: ReleaseRequest) -> Result<Value, Refusal> {
        Ok(json!(self.0.release(request).await?))
    }

    fn plugins(&self) -> Value {
        let registry = self.0.registry();
        let mut answer = json!({ "plugins": plugins::view(&registry), "set": registry.digest() });
        if let (Some(answer), Value::Object(more)) = (answer.as_object_mut(), self.0.reloads.view()) {
            answer.extend(more);
            answer.insert("unsettled_load_balancers".to_owned(), self.0.unsettled.count().into());
        }
        answer
    }

    async fn plugins_reload(&self) -> Result<Value, Refusal> {
        self.0.reload_plugins(true).await
    }

    async fn pause(&self, lb: Option<LoadBalancerId>, paused: bool) -> Result<Value, Refusal> {
        self.0.pause(lb, paused)
    }

    async fn plugins_confirm(&self, set: &str) -> Result<Value, Refusal> {
        self.0.confirm_plugins(set).await
    }

    fn readiness(&self) -> Readiness {
        let conditions = self.0.required_conditions();
        let ready = conditions.iter().all(|condition| condition.ok);
        Readiness {
            ready,
            conditions: conditions.into_iter().chain(self.0.informative_conditions()).collect(),
        }
    }

    fn metrics(&self) -> String {
        let status = self.0.northbound.status().borrow().clone();
        let paused = self.0.pauses.now();
        self.0.metrics.text(&crate::metrics::Gauges {
            connected: status.synced,
            reconnects: status.reconnects,
            pending: self.0.queues.waiting(),
            stuck: self.0.tries.stuck(Instant::now()).0,
            load_balancer_rows: self.0.northbound.replica().count("Load_Balancer"),
            journal: self.0.journal.status(),
            statuses: self.0.dispatcher.backlog(),
            uptime: self.0.started.elapsed(),
            reloads: self.0.reloads.counts(),
            plugins_current: self.0.plugins_standing().is_ok(),
            unsettled: self.0.unsettled.count(),
            lock_held: self.0.holds_lock(),
            dirty: self.0.dirty.count(),
            drifted: self.0.drift.count(),
            port_cleanups: self.0.cleanups.count(),
            source_ports: self.0.sources.wanted(),
            paused: paused.loadbalancers.len(),
            stuck_in_octavia: self.0.stuck.count(),
            all_paused: paused.all,
            registry: self.0.registry(),
            findings: self.0.findings.counts_but((!self.0.watches_findings()).then_some(PLAN)),
            conditions: self
                .0
                .required_conditions()
                .into_iter()
                .chain(self.0.informative_conditions())
                .collect(),
        })
    }
}

impl Host {
    /// Accepts a change and waits for it within the budget.
    async fn change(self: &Arc<Self>, change: Change, call: CallContext) -> Result<Accepted, Refusal> {
        let key = call.idempotency_key.clone();
        if let Some(key) = &key {
            loop {
                let Begun::Known(mut outcome) = self.changes.begin(key) else { break };
                let known = outcome.wait_for(Option::is_some).await.ok().and_then(|outcome| outcome.clone());
                match known {
                    Some(Outcome::Accepted(record)) => return Ok(self.answer(&record).await),
                    Some(Outcome::Refused(refusal)) => return Err(refusal),
                    Some(Outcome::Abandoned) => return Err(abandoned(key)),
                    Some(Outcome::VipPorts(_)) => return Err(key_used()),
                    // The first call left nothing behind: this one may try.
                    None => {}
                }
            }
        }
        let object = accept::object_of(&change);
        let made = accept::objects_made(&change);
        let first = object.and_then(|object| self.changes.maker(&object));
        if change.loadbalancer_id().is_none()
            && let Ok(Some(lb)) = self.target(&change)
        {
            // A body that names only the pool or listener: the call's span gets its load balancer here.
            Span::current().record("loadbalancer_id", tracing::field::display(lb));
        }
        let rebuild = self.rebuild(&change).await;
        let accepted = match self.admit(change, &call, rebuild).await {
            Ok(accepting) => self.written(accepting).await,
            Err(refusal) => Err(refusal),
        };
        let outcome = match &accepted {
            Ok(record) => Some(Outcome::Accepted(record.clone())),
            // Not judged at all, or not written down: the same call may come again.
            Err(refusal) if refusal.error == ErrorClass::Unavailable => None,
            Err(refusal) => Some(Outcome::Refused(refusal.clone())),
        };
        let repeated = first.filter(still_stands);
        let made = if repeated.is_some() || accepted.is_err() { Vec::new() } else { made };
        self.changes.settle(key.as_deref(), outcome, made);
        let record = accepted?;
        if let (Some(lb), true) = (record.lb, record.method == "loadbalancer_failover_with_flavor") {
            self.take_new_flavor(lb);
        }
        let answer = self.answer(&record).await;
        // A repeated equal create gets the first one's name; its own run has only made sure of the rows.
        Ok(match repeated {
            Some(first) => Accepted { change: first.id.to_string(), ..answer },
            None => answer,
        })
    }

    /// For a failover of a load balancer whose rows are gone, Octavia is asked whether there is one.
    async fn rebuild(&self, change: &Change) -> Rebuild {
        match change {
            Change::LoadBalancerFailover(lb) if self.graph(*lb).is_none() => {
                // Others' questions may take their time, which does not count as the agent's.
                let Ok(_room) = timeout(limits::AGENT_AWAY, self.questions.acquire()).await else {
                    return Rebuild::FromRows;
                };
                let known = timeout(limits::AGENT_AWAY, self.agent.load_balancer(*lb)).await;
                if matches!(known, Ok(Ok(Some(_)))) { Rebuild::FromNothing } else { Rebuild::FromRows }
            }
            _ => Rebuild::FromRows,
        }
    }

    /// The first answer to a change: committed if it is within the budget.
    async fn answer(&self, record: &Arc<Record>) -> Accepted {
        let committed = match record.answered.get() {
            Some(committed) => *committed,
            // It is held on purpose: there is nothing to wait for.
            None if record.lb.is_some_and(|lb| self.pauses.hold(lb)) => {
                *record.answered.get_or_init(|| false)
            }
            None => {
                let finished = timeout(limits::CALL_BUDGET, record.finished()).await;
                let committed = finished.is_ok_and(|progress| progress.state == ChangeProgress::Committed);
                *record.answered.get_or_init(|| committed)
            }
        };
        Accepted { change: record.id.to_string(), committed }
    }

    /// Plans a load balancer as it stands and carries the plan out.
    pub(super) async fn reconcile_now(self: &Arc<Self>, lb: LoadBalancerId) -> Accepted {
        let record = Arc::new(Record::passing("reconcile", lb, None));
        self.push(lb, Pending { record: record.clone(), task: Task::Reconcile });
        self.changes.settle(None, Some(Outcome::Accepted(record.clone())), Vec::new());
        self.answer(&record).await
    }

    /// Puts something that is on disk, or need not be, into a queue.
    pub(super) fn push(self: &Arc<Self>, lb: LoadBalancerId, pending: Pending) {
        self.queues.with(lb, |_, inner| {
            inner.ready = None;
            self.queues.push(lb, inner, pending, &[]);
            self.start_worker(lb, inner);
        });
    }

    /// Writes down something that the host does by itself, and then does it.
    pub(super) fn write_and_push(
        self: &Arc<Self>,
        lb: LoadBalancerId,
        record: Arc<Record>,
        task: Task,
    ) -> Result<Accepting, Refusal> {
        let pending = Pending { record, task };
        self.queues.with(lb, |_, inner| {
            let accepting = self.write_down(pending.clone(), None)?;
            inner.ready = None;
            self.queues.push(lb, inner, pending, &[]);
            Ok(accepting)
        })
    }

    async fn abandon(self: &Arc<Self>, id_or_key: &str) -> Result<ChangeState, Refusal> {
        let record = match self.changes.find(id_or_key) {
            Some(Outcome::Accepted(record)) => record,
            Some(Outcome::VipPorts(made)) => return self.abandon_vip_ports(id_or_key, made.lb).await,
            Some(Outcome::Abandoned) => return Ok(never_accepted(id_or_key)),
            // A refused call has done nothing; a call that is being judged right now is found below.
            Some(Outcome::Refused(_)) => return Ok(never_accepted(id_or_key)),
            None => match self.changes.begin(id_or_key) {
                Begun::First => return self.abandon_beforehand(id_or_key).await,
                Begun::Known(mut outcome) => {
                    let known =
                        outcome.wait_for(Option::is_some).await.ok().and_then(|outcome| outcome.clone());
                    match known {
                        Some(Outcome::Accepted(record)) => record,
                        Some(Outcome::VipPorts(made)) => {
                            return self.abandon_vip_ports(id_or_key, made.lb).await;
                        }
                        _ => return Ok(never_accepted(id_or_key)),
                    }
                }
            },
        };
        if let Some(lb) = record.lb.filter(|_| still_stands(&record)) {
            self.take_back(lb, &record).await?;
        }
        Ok(record.state())
    }

    /// Abandons a key that no call has used yet: none ever will.
    async fn abandon_beforehand(&self, key: &str) -> Result<ChangeState, Refusal> {
        let written = self.journal.tombstone(key.to_owned()).await;
        let outcome = written.is_ok().then_some(Outcome::Abandoned);
        self.changes.settle(Some(key), outcome, Vec::new());
        match written {
            Ok(()) => Ok(never_accepted(key)),
            Err(JournalError::KeyUsed(_)) => Err(too_old(key)),
            Err(error) => Err(fault::of_journal(&error)),
        }
    }

    /// Takes an accepted change back, for certain: now, or when the Northbound is there again.
    async fn take_back(self: &Arc<Self>, lb: LoadBalancerId, record: &Arc<Record>) -> Result<(), Refusal> {
        let task = match record.undo() {
            Some(undo) => Task::Revert { of: record.id, undo },
            // After a restart nobody remembers what was before, but what a change has made can go.
            None => match record.touched.objects().find(|object| record.touched.creates(*object)) {
                Some(made) => Task::TakeOut(made),
                None => return Err(too_old(&record.id.to_string())),
            },
        };
        let revert = Arc::new(Record::own(Record::ABANDON, lb, record.request_id.clone()));
        let accepting = self.write_and_push(lb, revert, task)?;
        let revert = self.written(accepting).await?;
        record.abandon();
        self.forget_statuses(record);
        self.outbox.end(End { record: record.clone(), released: Vec::new() });
        let _ = timeout(limits::CALL_BUDGET, revert.finished()).await;
        Ok(())
    }
}

fn too_old(change: &str) -> Refusal {
    Refusal::driver("too-old-to-abandon", format!("change {change} is too old to be taken back"))
}

fn still_stands(record: &Arc<Record>) -> bool {
    matches!(record.state().state, ChangeProgress::Pending | ChangeProgress::Committed)
}

pub(super) fn abandoned(key: &str) -> Refusal {
    Refusal::driver(
        "abandoned",
        format!("the call with idempotency key {key:?} was abandoned before it came"),
    )
}

/// The code of a refusal: another call had the idempotency key.
pub(super) const KEY_USED: &str = "idempotency-key-used";

/// A key stands for one call.
pub(super) fn key_used() -> Refusal {
    Refusal::driver(KEY_USED, "another call had this idempotency key")
}

pub(super) fn never_accepted(id_or_key: &str) -> ChangeState {
    ChangeState {
        id: id_or_key.to_owned(),
        state: ChangeProgress::Abandoned,
        method: None,
        loadbalancer_id: None,
        detail: None,
    }
}

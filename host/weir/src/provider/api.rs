//! The provider API's trait on the host.

use std::sync::Arc;

use serde_json::{Value, json};
use tokio::time::timeout;
use weir_model::{Change, LoadBalancerId};
use weir_octavia::{
    Accepted, CallContext, ChangeProgress, ChangeState, Condition, ErrorClass, Provider, Readiness, Refusal,
};

use super::{
    Host, accept,
    changes::{Begun, Outcome, Record, Undo},
    queue::{Pending, Task},
};
use crate::{limits, plugins::Plugins};

/// The host as the API's provider.
pub struct Api(pub Arc<Host>);

#[async_trait::async_trait]
impl Provider for Api {
    async fn change(&self, change: Change, call: CallContext) -> Result<Accepted, Refusal> {
        let timer = self.0.metrics.call(call.method);
        let answer = self.0.change(change, call).await;
        timer.done(match &answer {
            Ok(accepted) if accepted.committed => "committed",
            Ok(_) => "accepted",
            Err(refusal) => refusal.error.word(),
        });
        answer
    }

    async fn change_state(&self, id_or_key: &str) -> Option<ChangeState> {
        match self.0.changes.find(id_or_key)? {
            Outcome::Accepted(record) => Some(record.state()),
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
            let call = CallContext { idempotency_key: None, request_id: None, method: "reconcile" };
            let accepted = self.0.change(Change::LoadBalancerFailover(id), call).await?;
            if let Some(answer) = answer.as_object_mut() {
                answer.insert("change".to_owned(), accepted.change.into());
                answer.insert("committed".to_owned(), accepted.committed.into());
            }
        }
        Ok(answer)
    }

    fn plugins(&self) -> Value {
        Plugins::list(&self.0.registry)
    }

    fn readiness(&self) -> Readiness {
        let status = self.0.northbound.status().borrow().clone();
        let read = self.0.northbound.replica().is_complete();
        let condition =
            |name: &str, ok: bool, detail: String| Condition { name: name.to_owned(), ok, detail };
        let synced = status.endpoint.clone().unwrap_or_default();
        let why = status.last_error.unwrap_or_else(|| "not connected yet".to_owned());
        let waiting = self.0.queues.waiting();
        let conditions = vec![
            condition(
                "northbound-read",
                read,
                if read { "the replica is complete".to_owned() } else { why.clone() },
            ),
            condition("northbound-connected", status.synced, if status.synced { synced } else { why }),
            condition("plugins-loaded", true, self.0.registry.protocols().join(", ")),
            condition("queue", waiting < limits::PENDING, format!("{waiting} changes wait")),
        ];
        Readiness { ready: conditions.iter().all(|condition| condition.ok), conditions }
    }

    fn metrics(&self) -> String {
        let status = self.0.northbound.status().borrow().clone();
        self.0.metrics.text(&crate::metrics::Gauges {
            connected: status.synced,
            reconnects: status.reconnects,
            pending: self.0.queues.waiting(),
            load_balancer_rows: self.0.northbound.replica().count("Load_Balancer"),
            uptime: self.0.started.elapsed(),
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
                    // The first call left nothing behind: this one may try.
                    None => {}
                }
            }
        }
        let object = accept::object_of(&change);
        let made = accept::objects_made(&change);
        let first = object.and_then(|object| self.changes.maker(&object));
        let accepted = self.patience.run(|| self.accept(change, &call));
        let outcome = match &accepted {
            Ok(record) => Some(Outcome::Accepted(record.clone())),
            // Not judged at all: the same call may come again.
            Err(refusal) if refusal.error == ErrorClass::Unavailable => None,
            Err(refusal) => Some(Outcome::Refused(refusal.clone())),
        };
        let repeated = first.filter(still_stands);
        let made = if repeated.is_some() || accepted.is_err() { Vec::new() } else { made };
        self.changes.settle(key.as_deref(), outcome, made);
        let record = accepted?;
        let answer = self.answer(&record).await;
        // A repeated equal create gets the first one's name; its own run has only made sure of the rows.
        Ok(match repeated {
            Some(first) => Accepted { change: first.id.to_string(), ..answer },
            None => answer,
        })
    }

    /// The first answer to a change: committed if it is within the budget.
    async fn answer(&self, record: &Arc<Record>) -> Accepted {
        let committed = match record.answered.get() {
            Some(committed) => *committed,
            None => {
                let finished = timeout(limits::CALL_BUDGET, record.finished()).await;
                let committed = finished.is_ok_and(|progress| progress.state == ChangeProgress::Committed);
                *record.answered.get_or_init(|| committed)
            }
        };
        Accepted { change: record.id.to_string(), committed }
    }

    async fn abandon(self: &Arc<Self>, id_or_key: &str) -> Result<ChangeState, Refusal> {
        let record = match self.changes.find(id_or_key) {
            Some(Outcome::Accepted(record)) => record,
            Some(Outcome::Abandoned) => return Ok(never_accepted(id_or_key)),
            // A refused call has done nothing; a call that is being judged right now is found below.
            Some(Outcome::Refused(_)) => return Ok(never_accepted(id_or_key)),
            None => match self.changes.begin(id_or_key) {
                Begun::First => {
                    self.changes.settle(Some(id_or_key), Some(Outcome::Abandoned), Vec::new());
                    return Ok(never_accepted(id_or_key));
                }
                Begun::Known(mut outcome) => {
                    let known =
                        outcome.wait_for(Option::is_some).await.ok().and_then(|outcome| outcome.clone());
                    match known {
                        Some(Outcome::Accepted(record)) => record,
                        _ => return Ok(never_accepted(id_or_key)),
                    }
                }
            },
        };
        if let (Some(lb), state) = (record.lb, record.state().state)
            && matches!(state, ChangeProgress::Pending | ChangeProgress::Committed)
        {
            let Some(undo) = record.abandon() else {
                let text = format!("change {} is too old to be taken back", record.id);
                return Err(Refusal::driver("too-old-to-abandon", text));
            };
            let nothing = Undo { before: None, after: None };
            let revert = Record::new("abandon", Some(lb), record.request_id.clone(), nothing);
            let pending = Pending { record: revert.clone(), task: Task::Revert(undo) };
            self.queues.with(lb, |_, inner| {
                inner.ready = None;
                self.queues.push(lb, inner, pending, &[]);
                self.start_worker(lb, inner);
            });
            // Taken back for certain, now or when the Northbound is there again.
            let _ = timeout(limits::CALL_BUDGET, revert.finished()).await;
        }
        Ok(record.state())
    }
}

fn still_stands(record: &Arc<Record>) -> bool {
    matches!(record.state().state, ChangeProgress::Pending | ChangeProgress::Committed)
}

fn abandoned(key: &str) -> Refusal {
    Refusal::driver(
        "abandoned",
        format!("the call with idempotency key {key:?} was abandoned before it came"),
    )
}

fn never_accepted(id_or_key: &str) -> ChangeState {
    ChangeState {
        id: id_or_key.to_owned(),
        state: ChangeProgress::Abandoned,
        method: None,
        loadbalancer_id: None,
        detail: None,
    }
}

//! What the host does behind the API.

use std::{collections::BTreeMap, sync::Arc};

use serde::Serialize;
use serde_json::Value;
use weir_model::{Change, LoadBalancerId};

use crate::{
    body::defaults::OctaviaDefaults,
    refusal::Refusal,
    vip_ports::{VipPortRequest, VipPorts},
};

/// The host, as the API sees it.
///
/// The asynchronous methods run in a task of their own: a client that goes away does not cut them short.
#[async_trait::async_trait]
pub trait Provider: Send + Sync + 'static {
    /// Takes on a change. Answers within the call's budget, whether or not the Northbound has confirmed it by then.
    ///
    /// # Errors
    /// A [`Refusal`]; the change has then done nothing and never will.
    async fn change(&self, change: Change, call: CallContext) -> Result<Accepted, Refusal>;

    /// Keeps the values that Octavia fills into objects whose user names none.
    fn learn_defaults(&self, _sent: &OctaviaDefaults) {}

    /// The values that are known from all calls so far.
    fn known_defaults(&self) -> Arc<OctaviaDefaults> {
        Arc::default()
    }

    /// Notes what Octavia wants VIP ports for, whoever makes them.
    fn vip_ports_wanted(&self, _request: &VipPortRequest) {}

    /// Whether VIP ports are made here and not by Octavia.
    fn makes_vip_ports(&self) -> bool {
        false
    }

    /// Makes the ports of a load balancer's VIPs, all or none. Only where [`Self::makes_vip_ports`].
    ///
    /// # Errors
    /// A [`Refusal`]; a conflict where an address is in use. No port is left then.
    async fn create_vip_port(
        &self,
        _request: VipPortRequest,
        _call: CallContext,
    ) -> Result<VipPorts, Refusal> {
        Err(Refusal::vip_port_by_octavia())
    }

    /// Whether a flavor's metadata, as OVN's options, can be honoured.
    ///
    /// # Errors
    /// A [`Refusal`]: the connected OVN is too old for one of them.
    fn check_flavor(&self, _flavor: &BTreeMap<String, String>) -> Result<(), Refusal> {
        Ok(())
    }

    /// A call to create a load balancer was refused, by the API or by [`Self::change`]. Octavia rolls it back and never deletes
    /// the load balancer, so what was made for it beforehand is to be freed. Must not wait.
    fn create_refused(&self, _lb: LoadBalancerId, _refusal: &Refusal) {}

    /// What became of a change, by its id or the `Idempotency-Key` of its call; `None` if it was never accepted.
    async fn change_state(&self, id_or_key: &str) -> Option<ChangeState>;

    /// Abandons a change and takes back what it did. A change that was never accepted never will be from now on, and
    /// counts as abandoned.
    ///
    /// # Errors
    /// A [`Refusal`] when the host cannot write down that it is abandoned.
    async fn abandon(&self, id_or_key: &str) -> Result<ChangeState, Refusal>;

    /// All load balancers as decoded from the Northbound.
    fn load_balancers(&self) -> Value;

    /// One load balancer with its rows, pending changes and drift.
    fn load_balancer(&self, id: LoadBalancerId) -> Option<Value>;

    /// Plans a load balancer anew and applies the plan, unless `dry_run`. The answer is the plan.
    ///
    /// # Errors
    /// A [`Refusal`]: unknown load balancer, or no plan can be made now.
    async fn reconcile(&self, id: LoadBalancerId, dry_run: bool) -> Result<Value, Refusal>;

    /// Pauses a load balancer, or all without one: nothing is written for it until work goes on; calls are taken on and kept.
    /// `paused` false lets work go on. The answer is what is paused now.
    ///
    /// # Errors
    /// A [`Refusal`]: unknown load balancer, or it cannot be written down.
    async fn pause(&self, lb: Option<LoadBalancerId>, paused: bool) -> Result<Value, Refusal>;

    /// Compares load balancers with Octavia's versions, makes their rows so and tells their statuses. The answer is a report.
    ///
    /// # Errors
    /// A [`Refusal`]: the load balancer asked for is not known, or nothing can be compared now.
    async fn sync(&self, request: SyncRequest) -> Result<Value, Refusal>;

    /// Gives load balancers back to the reference driver: rows as that makes them, without any key of ours. The answer is a
    /// report.
    ///
    /// # Errors
    /// A [`Refusal`]: the load balancer asked for is not known, or nothing can be planned now.
    async fn release(&self, request: ReleaseRequest) -> Result<Value, Refusal>;

    /// The plugins and their state.
    fn plugins(&self) -> Value;

    /// Reads the plugin folder again and takes the plugins in it into use, all of them or none.
    ///
    /// # Errors
    /// A [`Refusal`] that names the plugin and what is wrong with it; the former plugins stay.
    async fn plugins_reload(&self) -> Result<Value, Refusal>;

    /// Takes a set of plugins into use that waits for a confirmation.
    ///
    /// # Errors
    /// A [`Refusal`]: no set with this digest waits.
    async fn plugins_confirm(&self, set: &str) -> Result<Value, Refusal>;

    /// Whether calls can be taken on, condition by condition.
    fn readiness(&self) -> Readiness;

    /// The metrics as OpenMetrics 1.0 text, ending in `# EOF`.
    fn metrics(&self) -> String;
}

/// What to compare with Octavia, and what may be done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SyncRequest {
    /// Only this one.
    pub lb: Option<LoadBalancerId>,
    /// Only say what would be done.
    pub dry_run: bool,
    /// Take out, within limits, what Octavia has denied twice.
    pub remove_leaked: bool,
}

/// What to give back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReleaseRequest {
    /// Only this one; else all of the deployment.
    pub lb: Option<LoadBalancerId>,
    /// Only say what would be done.
    pub dry_run: bool,
    /// Also where connections go elsewhere then.
    pub force: bool,
}

/// What came with a call besides its body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallContext {
    /// Header `Idempotency-Key`: 1 to 128 printable ASCII characters.
    pub idempotency_key: Option<String>,
    /// Header `X-Openstack-Request-Id`, for logs and transaction comments; up to 128 printable ASCII characters.
    pub request_id: Option<String>,
    /// octavia-lib's name of the method.
    pub method: &'static str,
}

/// A change taken on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Accepted {
    /// The change's id, for `/v1/changes/{id}`.
    pub change: String,
    /// False when the Northbound did not confirm within the call's budget; the change goes on then.
    pub committed: bool,
}

/// How far a change has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ChangeProgress {
    /// Accepted, not yet confirmed by the Northbound.
    Pending,
    /// In the Northbound.
    Committed,
    /// Given up for a lasting reason.
    Failed,
    /// Taken back at the caller's wish.
    Abandoned,
}

/// A change and how far it has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ChangeState {
    /// The change's id; for one that was never accepted, what the caller named it by.
    pub id: String,
    /// How far it has come.
    pub state: ChangeProgress,
    /// octavia-lib's name of the method; none for a change that was never accepted.
    pub method: Option<String>,
    /// Its load balancer, where known.
    pub loadbalancer_id: Option<LoadBalancerId>,
    /// Why it failed or what it waits for.
    pub detail: Option<String>,
}

/// Whether the host can take on calls.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Readiness {
    /// True when every condition that matters holds.
    pub ready: bool,
    /// Each condition.
    pub conditions: Vec<Condition>,
}

/// One condition of readiness.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Condition {
    /// Stable kebab-case name.
    pub name: String,
    /// Whether it holds.
    pub ok: bool,
    /// In words, for people.
    pub detail: String,
}

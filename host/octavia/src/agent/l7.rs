//! L7 policies. OVN cannot serve them, so that Weir refuses to create one; but Octavia stores those of a fully populated
//! create without naming them in the call. They are found in the nested answer of the get socket, and their status is ERROR.

use serde_json::Value;
use uuid::Uuid;

use super::{
    ObjectKind, StatusUpdate,
    queue::{Queue, Waiting},
};

/// Octavia's word for what cannot be made as wanted; a provisioning and an operating status.
const ERROR: &str = "ERROR";

/// An L7 policy that Octavia has stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct L7Policy {
    /// Its id.
    pub id: Uuid,
    /// The listener that it belongs to.
    pub listener: Uuid,
    /// The pool that it names.
    pub redirect_pool: Option<Uuid>,
    /// Its administrative state.
    pub enabled: bool,
    /// Its rules.
    pub rules: Vec<Uuid>,
}

impl L7Policy {
    /// The policy and its rules.
    pub fn objects(&self) -> impl Iterator<Item = (ObjectKind, Uuid)> {
        let rules = self.rules.iter().map(|rule| (ObjectKind::L7Rule, *rule));
        std::iter::once((ObjectKind::L7Policy, self.id)).chain(rules)
    }

    /// Whether Octavia locks the policy's listener with every change of this pool, as it does with those that have the pool
    /// as default pool (`octavia.db.models.Pool.listeners`).
    fn locks_listener_of(&self, pool: Uuid) -> bool {
        self.enabled && !self.rules.is_empty() && self.redirect_pool == Some(pool)
    }
}

/// The policies in a load balancer's nested answer. One without an id is left out.
pub(super) fn policies(answer: &Value) -> Vec<L7Policy> {
    let list =
        |value: &Value, key: &str| value.get(key).and_then(Value::as_array).cloned().unwrap_or_default();
    let id = |value: &Value, key: &str| value.get(key).and_then(Value::as_str)?.parse::<Uuid>().ok();
    let mut found = Vec::new();
    for listener in list(answer, "listeners") {
        let Some(listener_id) = id(&listener, "listener_id") else { continue };
        for policy in list(&listener, "l7policies") {
            let Some(policy_id) = id(&policy, "l7policy_id") else { continue };
            found.push(L7Policy {
                id: policy_id,
                listener: listener_id,
                redirect_pool: id(&policy, "redirect_pool_id"),
                enabled: policy.get("admin_state_up").and_then(Value::as_bool).unwrap_or(true),
                rules: list(&policy, "rules").iter().filter_map(|rule| id(rule, "l7rule_id")).collect(),
            });
        }
    }
    found
}

/// Takes out of the policies what a status says is deleted; says whether that changed anything.
pub(super) fn forget_deleted(policies: &mut Vec<L7Policy>, update: &StatusUpdate) -> bool {
    if !update.deleted {
        return false;
    }
    let before = policies.clone();
    match update.kind {
        ObjectKind::LoadBalancer => policies.clear(),
        ObjectKind::Listener => policies.retain(|policy| policy.listener != update.id),
        ObjectKind::L7Policy => policies.retain(|policy| policy.id != update.id),
        ObjectKind::L7Rule => {
            policies.iter_mut().for_each(|policy| policy.rules.retain(|rule| *rule != update.id));
        }
        ObjectKind::Pool | ObjectKind::Member | ObjectKind::HealthMonitor => {}
    }
    *policies != before
}

/// Adds the status of a policy, which travels with that of its new listener.
pub(super) fn tell_error(queue: &mut Queue, lb: Uuid, policy: &L7Policy) {
    let Some(listener) = queue.waiting.get(&(ObjectKind::Listener, policy.listener)).cloned() else { return };
    for (kind, id) in policy.objects() {
        let update = || status(lb, kind, id, ERROR, Some(ERROR));
        queue.waiting.entry((kind, id)).or_insert_with(|| Waiting::beside(&listener, update()));
    }
}

/// Adds the listeners that Octavia has locked for a change of a pool because a policy names the pool: no row says so.
pub(super) fn release_listeners(queue: &mut Queue, lb: Uuid, policies: &[L7Policy]) {
    let released = |waiting: &Waiting| waiting.update.provisioning.is_some() && !waiting.update.deleted;
    for policy in policies {
        let listener = (ObjectKind::Listener, policy.listener);
        if queue.waiting.get(&listener).is_some_and(|waiting| waiting.update.provisioning.is_some()) {
            continue;
        }
        let mut pools = queue.waiting.iter().filter(|((kind, _), _)| *kind == ObjectKind::Pool);
        let pool = pools.find(|((_, pool), waiting)| policy.locks_listener_of(*pool) && released(waiting));
        let Some(pool) = pool.map(|(_, pool)| pool.clone()) else { continue };
        queue.push(Waiting::beside(&pool, status(lb, ObjectKind::Listener, policy.listener, "ACTIVE", None)));
    }
}

fn status(lb: Uuid, kind: ObjectKind, id: Uuid, provisioning: &str, operating: Option<&str>) -> StatusUpdate {
    StatusUpdate {
        seq: 0,
        lb,
        kind,
        id,
        provisioning: Some(provisioning.to_owned()),
        operating: operating.map(str::to_owned),
        created: false,
        deleted: false,
    }
}

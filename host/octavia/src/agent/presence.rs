//! Which objects a nested answer of the get socket shows.

use std::collections::BTreeSet;

use serde_json::Value;
use uuid::Uuid;

use super::ObjectKind;

/// Every object that the answer names, itself or as another one's parent.
pub(super) fn objects(answer: &Value) -> BTreeSet<(ObjectKind, Uuid)> {
    let mut found = BTreeSet::new();
    let mut left = vec![answer];
    while let Some(value) = left.pop() {
        match value {
            Value::Array(values) => left.extend(values),
            Value::Object(object) => {
                for kind in ObjectKind::ALL {
                    let id = object.get(kind.id_key()).and_then(Value::as_str).and_then(|id| id.parse().ok());
                    found.extend(id.map(|id| (kind, id)));
                }
                left.extend(object.values());
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn children_are_found_at_every_depth() {
        let id = Uuid::from_u128;
        let answer = json!({
            "loadbalancer_id": id(1), "name": "web", "vip_port_id": id(99),
            "listeners": [{
                "listener_id": id(2), "default_pool_id": id(3),
                "l7policies": [{"l7policy_id": id(5), "rules": [{"l7rule_id": id(6), "l7policy_id": id(5)}]}],
            }],
            "pools": [{"pool_id": id(3), "healthmonitor": {"healthmonitor_id": id(8)}, "members": [{"member_id": id(4)}]}],
        });
        let expected = [
            (ObjectKind::LoadBalancer, 1),
            (ObjectKind::Listener, 2),
            (ObjectKind::Pool, 3),
            (ObjectKind::Member, 4),
            (ObjectKind::L7Policy, 5),
            (ObjectKind::L7Rule, 6),
            (ObjectKind::HealthMonitor, 8),
        ];
        assert_eq!(objects(&answer), expected.map(|(kind, n)| (kind, id(n))).into());
    }
}

//! Statuses.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::ObjectKind;

/// A status to be delivered: what the outbox keeps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusUpdate {
    /// The outbox's number; handed back when the status is delivered.
    pub seq: u64,
    /// The load balancer.
    pub lb: Uuid,
    /// The object's kind.
    pub kind: ObjectKind,
    /// The object's id.
    pub id: Uuid,
    /// Provisioning status, Octavia's word; `None` leaves it as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provisioning: Option<String>,
    /// Operating status, Octavia's word; `None` leaves it as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operating: Option<String>,
    /// The object is new: Octavia may not have committed it yet, so that it is looked for before this is sent.
    #[serde(default)]
    pub created: bool,
    /// The object is gone: the provisioning status is DELETED.
    #[serde(default)]
    pub deleted: bool,
}

/// One object's record in a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusRecord {
    /// The object's kind.
    pub kind: ObjectKind,
    /// The object's id.
    pub id: Uuid,
    /// Provisioning status, if it is to change.
    pub provisioning: Option<String>,
    /// Operating status, if it is to change.
    pub operating: Option<String>,
}

/// One message to the status socket.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StatusMessage {
    /// The records; the agent handles them by kind, and in this order within a kind.
    pub records: Vec<StatusRecord>,
}

impl StatusMessage {
    /// The message as the agent takes it: a list for each kind, empty ones included.
    pub fn to_json(&self) -> Value {
        let mut message = Map::new();
        for kind in ObjectKind::ALL {
            let records = self.records.iter().filter(|record| record.kind == kind).map(record);
            message.insert(kind.plural().to_owned(), records.collect());
        }
        Value::Object(message)
    }
}

fn record(record: &StatusRecord) -> Value {
    let mut value = Map::new();
    value.insert("id".into(), json!(record.id));
    if let Some(status) = &record.provisioning {
        value.insert("provisioning_status".into(), json!(status));
    }
    if let Some(status) = &record.operating {
        value.insert("operating_status".into(), json!(status));
    }
    Value::Object(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_as_the_agent_reads_it() {
        let id = Uuid::from_u128(7);
        let record = |kind, provisioning: Option<&str>, operating: Option<&str>| StatusRecord {
            kind,
            id,
            provisioning: provisioning.map(str::to_owned),
            operating: operating.map(str::to_owned),
        };
        let records = vec![
            record(ObjectKind::LoadBalancer, Some("ACTIVE"), Some("ONLINE")),
            record(ObjectKind::Member, None, Some("ERROR")),
        ];
        assert_eq!(
            StatusMessage { records }.to_json(),
            json!({
                "loadbalancers": [{"id": id, "provisioning_status": "ACTIVE", "operating_status": "ONLINE"}],
                "members": [{"id": id, "operating_status": "ERROR"}],
                "listeners": [], "pools": [], "healthmonitors": [], "l7policies": [], "l7rules": [],
            })
        );
    }

    #[test]
    fn an_update_survives_the_outbox_and_later_versions_of_itself() {
        let update = StatusUpdate {
            seq: 3,
            lb: Uuid::from_u128(1),
            kind: ObjectKind::HealthMonitor,
            id: Uuid::from_u128(2),
            provisioning: Some("ACTIVE".into()),
            operating: None,
            created: true,
            deleted: false,
        };
        let mut value = serde_json::to_value(&update).unwrap();
        assert_eq!(value["kind"], "healthmonitor");
        value["later"] = json!(1);
        assert_eq!(serde_json::from_value::<StatusUpdate>(value).unwrap(), update);
    }
}

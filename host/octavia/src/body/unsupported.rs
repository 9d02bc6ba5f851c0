//! What a body may say and this provider cannot honour.

use serde_json::Value;

use super::{error::BodyError, fields::Object, zone::is_enforced_by_octavia};

/// Options of a load balancer that would silently have no effect.
const OPTIONS: &[(&str, &str, &str)] = &[
    ("availability_zone", "availability-zone-unsupported", "availability zones are not supported"),
    // Dropping them would leave a VIP open that its user takes for closed.
    ("vip_sg_ids", "vip-security-groups-unsupported", "security groups on a VIP are not supported"),
];

/// What cannot change after the create, by Octavia's own API too; a change of it must not pass as done.
const FIXED: &[&str] = &[
    "vip_address",
    "vip_network_id",
    "vip_port_id",
    "vip_subnet_id",
    "additional_vips",
    "flavor",
    "protocol",
    "protocol_port",
    "address",
];

/// Refuses a load balancer with options that would have no effect.
pub fn refuse_options(map: &Object) -> Result<(), BodyError> {
    for (field, code, reason) in OPTIONS {
        let set = match map.get(*field) {
            Some(Value::Object(map)) => !map.is_empty() && !is_enforced_by_octavia(map),
            Some(Value::Array(list)) => !list.is_empty(),
            Some(Value::String(name)) => !name.is_empty(),
            _ => false,
        };
        if set {
            return Err(BodyError::Unsupported {
                code,
                field: (*field).to_owned(),
                reason: (*reason).to_owned(),
            });
        }
    }
    Ok(())
}

/// Refuses an update of what is fixed. Where the old value is not in the body, it is not known to differ.
pub fn refuse_fixed(old: Option<&Object>, new: &Object) -> Result<(), BodyError> {
    let Some(old) = old else { return Ok(()) };
    for field in FIXED {
        if let (Some(before), Some(after)) = (old.get(*field), new.get(*field))
            && !after.is_null()
            && before != after
        {
            return Err(BodyError::Unsupported {
                code: "fixed-field",
                field: (*field).to_owned(),
                reason: "cannot be changed".to_owned(),
            });
        }
    }
    Ok(())
}

//! A profile of availability zones.

use serde_json::Value;

use super::{
    error::{BodyError, Within},
    fields::{Object, object},
};

/// The only key that has an effect with this provider: Octavia itself compares a VIP's network with this list before it calls
/// the provider.
const VALID_VIP_NETWORKS: &str = "valid_vip_networks";

/// Judges the metadata of `validate_availability_zone`.
pub(crate) fn validate(args: &Object) -> Result<(), BodyError> {
    let metadata = object(args, "availability_zone_metadata")?.value();
    match metadata.filter(|metadata| is_enforced_by_octavia(metadata)) {
        Some(metadata) => checked(metadata).within("availability_zone_metadata"),
        None => Err(BodyError::NotImplemented {
            code: "availability-zones-not-implemented",
            reason: format!(
                "availability zones are not supported, except for profiles with {VALID_VIP_NETWORKS} alone"
            ),
        }),
    }
}

/// Whether Octavia enforces all of a profile, so that nothing is left for the provider.
pub(super) fn is_enforced_by_octavia(metadata: &Object) -> bool {
    !metadata.is_empty() && metadata.keys().all(|key| key == VALID_VIP_NETWORKS)
}

fn checked(metadata: &Object) -> Result<(), BodyError> {
    let is_list = |value: &Value| matches!(value, Value::Array(networks) if networks.iter().all(|network| network.is_string()));
    if metadata.values().all(is_list) {
        return Ok(());
    }
    Err(BodyError::Unsupported {
        code: "unsupported-availability-zone-value",
        field: VALID_VIP_NETWORKS.to_owned(),
        reason: "expected a list of network ids".to_owned(),
    })
}

//! Which plugins made what is in the rows.
//!
//! A plugin that stands in for another must not take over what that one has made: the rows may mean something that only
//! the other knows. So the rows name every plugin that is not built in.

use std::collections::BTreeMap;

use weir_model::PoolId;

use crate::{
    keys::{self, ListenerKey, PoolKey},
    row::Existing,
    translation::UnitKey,
};

/// The plugins that made what is in the rows. What is not named was made by one that is built in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Makers {
    /// Protocol plugins.
    pub units: BTreeMap<UnitKey, String>,
    /// Algorithm plugins.
    pub pools: BTreeMap<PoolId, String>,
}

/// Reads them off a load balancer's rows.
pub fn makers(existing: &[Existing]) -> Makers {
    let mut makers = Makers::default();
    for (key, value) in existing.iter().flat_map(|existing| &existing.row.external_ids) {
        if let Some(id) = key.strip_prefix(keys::OUR_LISTENER).and_then(|id| id.parse().ok()) {
            let plugin = serde_json::from_str(value).ok().and_then(|key: ListenerKey| key.plugin);
            makers.units.extend(plugin.map(|plugin| (UnitKey::Listener(id), plugin)));
        } else if let Some(id) = key.strip_prefix(keys::OUR_POOL).and_then(|id| id.parse().ok()) {
            let Ok(PoolKey { plugin, distributor, .. }) = serde_json::from_str(value) else { continue };
            makers.units.extend(plugin.map(|plugin| (UnitKey::Pool(id), plugin)));
            makers.pools.extend(distributor.map(|plugin| (id, plugin)));
        }
    }
    makers
}

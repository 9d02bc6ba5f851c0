//! The `external_ids` of a row: its objects, as [`keys`] lays them down.

use std::collections::BTreeMap;

use weir_model::{Listener, LoadBalancer, Pool, operating_statuses};

use crate::{
    attach::Place,
    compile::{Content, Group},
    keys::{self, ListenerKey, MemberKey, PoolKey},
    makers::Makers,
    python_json,
    surroundings::Surroundings,
    translation::UnitKey,
};

/// The keys of the row's listeners, pools, members and monitors.
pub(crate) fn of_objects(
    lb: &LoadBalancer,
    group: &Group,
    content: &Content,
    around: Surroundings<'_>,
    out: &mut BTreeMap<String, String>,
) {
    let spoken = group.transport.to_uppercase();
    for listener in content.listeners.iter().filter_map(|id| lb.listeners.get(id)) {
        listener_keys(listener, &spoken, &content.makers, out);
    }
    let statuses = operating_statuses(lb, around.health).members;
    let mut row_statuses = BTreeMap::new();
    for pool in content.pools.iter().filter_map(|id| lb.pools.get(id)) {
        pool_keys(pool, &spoken, &around.words.default_algorithm, &content.makers, out);
        for id in pool.members.keys() {
            row_statuses.extend(statuses.get(id).map(|status| (id.to_string(), status.as_str())));
        }
    }
    let monitors = content.pools.iter().filter_map(|id| lb.pools.get(id)?.monitor.as_ref());
    let monitors: Vec<_> = monitors.map(|monitor| monitor.id.to_string()).collect();
    if !monitors.is_empty() {
        out.insert(keys::HEALTH_MONITORS.to_owned(), python_json::to_string(&monitors));
    }
    if !row_statuses.is_empty() {
        out.insert(keys::MEMBER_STATUS.to_owned(), python_json::to_string(&row_statuses));
    }
}

fn listener_keys(listener: &Listener, spoken: &str, makers: &Makers, out: &mut BTreeMap<String, String>) {
    let pool = listener.default_pool_id.map(|id| format!("{}{id}", keys::POOL)).unwrap_or_default();
    let key = keys::object(keys::LISTENER, listener.id, listener.admin_state_up);
    out.insert(key, format!("{}:{pool}", listener.port));
    let further = ListenerKey {
        protocol: (listener.protocol != spoken).then(|| listener.protocol.clone()),
        allowed_cidrs: listener.allowed_cidrs.clone(),
        plugin: makers.units.get(&UnitKey::Listener(listener.id)).cloned(),
        extra: listener.extra.clone(),
    };
    further_key(keys::OUR_LISTENER, listener.id, &further, out);
}

fn pool_keys(
    pool: &Pool,
    spoken: &str,
    default_algorithm: &str,
    makers: &Makers,
    out: &mut BTreeMap<String, String>,
) {
    let tokens: Vec<_> = pool.members.values().map(keys::member_token).collect();
    out.insert(keys::object(keys::POOL, pool.id, pool.admin_state_up), tokens.join(","));
    let further = PoolKey {
        protocol: (pool.protocol != spoken).then(|| pool.protocol.clone()),
        algorithm: (pool.algorithm != default_algorithm).then(|| pool.algorithm.clone()),
        persistence: pool.persistence.clone(),
        monitor: pool.monitor.clone(),
        plugin: makers.units.get(&UnitKey::Pool(pool.id)).cloned(),
        distributor: makers.pools.get(&pool.id).cloned(),
        extra: pool.extra.clone(),
    };
    further_key(keys::OUR_POOL, pool.id, &further, out);
    for member in pool.members.values() {
        further_key(keys::OUR_MEMBER, member.id, &MemberKey::of(member), out);
    }
}

fn further_key<T: serde::Serialize + Default + PartialEq>(
    prefix: &str,
    id: impl std::fmt::Display,
    value: &T,
    out: &mut BTreeMap<String, String>,
) {
    if let Some(value) = keys::value_unless_default(value) {
        out.insert(format!("{prefix}{id}"), value);
    }
}

/// Where the row is attached.
pub(crate) fn of_place(place: &Place, out: &mut BTreeMap<String, String>) {
    if !place.ls_refs.is_empty() {
        out.insert(keys::LS_REFS.to_owned(), python_json::to_string(&place.ls_refs));
    }
    if !place.lr_ref.is_empty() {
        let names: Vec<_> = place.lr_ref.iter().map(|router| router.name.as_str()).collect();
        out.insert(keys::LR_REF.to_owned(), names.join(","));
    }
}

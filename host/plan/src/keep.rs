//! What stays where a plugin refused or failed.

use std::collections::{BTreeMap, BTreeSet};

use weir_model::{LoadBalancer, NEIGHBOR_RESPONDER};

use crate::{
    compile::{Group, managed_options},
    keys,
    row::{Existing, LoadBalancerRow},
    translation::{Unit, UnitKey},
    words::Words,
};

/// What the existing rows have for a unit, less what the load balancer no longer wants: that needs no plugin to say so.
pub(crate) fn kept(
    lb: &LoadBalancer,
    unit: &Unit<'_>,
    existing: &[Existing],
    words: &Words,
) -> Option<(Group, BTreeMap<String, String>)> {
    let row = existing.iter().map(|existing| &existing.row).find(|row| holds(row, unit.key))?;
    let group = Group {
        transport: row.protocol.clone()?,
        selection_fields: row.selection_fields.clone(),
        options: options(lb, row, words),
    };
    let open = lb.admin_state_up && unit.pool.is_some_and(|pool| pool.admin_state_up);
    let Some(listener) = unit.listener.filter(|listener| open && listener.admin_state_up) else {
        return Some((group, BTreeMap::new()));
    };
    let port = format!(":{}", listener.port);
    let addresses: BTreeSet<String> = unit
        .pool
        .into_iter()
        .flat_map(|pool| pool.members.values())
        .filter(|member| member.admin_state_up)
        .map(|member| keys::socket(&member.address, 0))
        .collect();
    let gone = gone(unit, row);
    // Which port a member is reached at is the plugin's choice.
    let wanted = |socket: &&str| {
        !gone.contains(*socket)
            && socket.rsplit_once(':').is_some_and(|(address, _)| addresses.contains(&format!("{address}:0")))
    };
    let vips = row.vips.iter().filter(|(vip, _)| vip.ends_with(&port)).filter_map(|(vip, backends)| {
        let backends: Vec<_> = backends.split(',').filter(wanted).collect();
        (!backends.is_empty()).then(|| (vip.clone(), backends.join(",")))
    });
    Some((group, vips.collect()))
}

/// The row's options stay, those of a plugin that is gone too. What all units of a load balancer have in common (its flavor, the
/// deployment's defaults, what the host itself sets) is as it is now, so that a kept unit stays in the row of the others.
fn options(lb: &LoadBalancer, row: &LoadBalancerRow, words: &Words) -> BTreeMap<String, String> {
    let mut options = words.defaults.clone();
    options.extend(lb.flavor.clone());
    let in_common = options.keys().cloned().collect::<BTreeSet<_>>();
    let stays =
        |key: &String| words.options.contains(key) || !(in_common.contains(key) || key == NEIGHBOR_RESPONDER);
    let own = managed_options(row, words).filter(|(key, _)| stays(key));
    options.extend(own.map(|(key, value)| (key.clone(), value.clone())));
    options
}

/// The sockets of the row's members that the pool no longer has, or no longer enabled.
fn gone(unit: &Unit<'_>, row: &LoadBalancerRow) -> BTreeSet<String> {
    let Some(pool) = unit.pool else { return BTreeSet::new() };
    let stays: BTreeSet<String> = pool
        .members
        .values()
        .filter(|member| member.admin_state_up)
        .map(|member| keys::socket(&member.address, member.port))
        .collect();
    let tokens = [true, false].map(|up| row.external_ids.get(&keys::object(keys::POOL, pool.id, up)));
    let tokens = tokens.into_iter().flatten().flat_map(|tokens| tokens.split(','));
    let sockets = tokens.filter_map(keys::parse_member_token).map(|(_, ip, port, _)| keys::socket(&ip, port));
    sockets.filter(|socket| !stays.contains(socket)).collect()
}

/// Whether there is something in the rows that could be kept for a unit.
pub fn can_be_kept(unit: &Unit<'_>, existing: &[Existing]) -> bool {
    existing.iter().any(|existing| holds(&existing.row, unit.key) && existing.row.protocol.is_some())
}

fn holds(row: &LoadBalancerRow, unit: UnitKey) -> bool {
    let key = match unit {
        UnitKey::Listener(id) => format!("{}{id}", keys::LISTENER),
        UnitKey::Pool(id) => format!("{}{id}", keys::POOL),
        UnitKey::Empty => return true,
    };
    crate::decode::objects(&row.external_ids).contains(key.as_str())
}

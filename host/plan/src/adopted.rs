//! Rows that are taken over from another driver.
//!
//! What the reference writes for a healthy load balancer serves as well as what Weir would write, and yet is not equal to
//! it: counts, attachments that have outlived their members, one health check where every listener could have one, fields
//! that are hashed. So such a row stays to the letter as it is, with our keys besides, until there is a change to it: as
//! long as what Weir would write is what it would have written when it took the row over, which `weir:adopted` says.
//!
//! Only members' statuses are kept up in it, and which members are out of reach (see [`crate::unreachable`]).

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
};

use sha2::{Digest, Sha256};

use crate::{
    compile::{Wanted, managed_options},
    decode::objects,
    edited,
    keys::{self, ListenerKey},
    python_json,
    row::{Existing, HealthCheckRow, LoadBalancerRow},
    surroundings::Surroundings,
    words::Words,
};

/// The row as the driver before has left it, with our keys, where it may stay so; `row` is what Weir would write.
pub(crate) fn left(
    row: &LoadBalancerRow,
    wanted: &Wanted,
    existing: &Existing,
    around: Surroundings<'_>,
) -> Option<LoadBalancerRow> {
    let old = &existing.row;
    let hash = hash(wanted);
    let stays = match old.external_ids.get(keys::ADOPTED) {
        Some(adopted) => *adopted == hash && edited::as_left(old, around.words),
        None => !edited::is_written(old),
    };
    // Who may connect is said for the attachments that Weir would make, and for no others.
    if !stays || asks_who_connects(wanted) || !serves_alike(row, wanted, existing, around.words) {
        return None;
    }
    let mut left = old.clone();
    left.external_ids.retain(|key, _| !key.starts_with(keys::OURS));
    reach(&mut left, row);
    statuses(&mut left, row);
    if same_to_the_letter(row, &left, wanted, existing) {
        return None;
    }
    let ours = row.external_ids.iter().filter(|(key, _)| key.starts_with(keys::OURS));
    left.external_ids.extend(ours.map(|(key, value)| (key.clone(), value.clone())));
    left.external_ids.insert(keys::ADOPTED.to_owned(), hash);
    Some(left)
}

/// The row as the driver before has left it, where it still stands so: to give it back.
pub(crate) fn untouched(
    released: &Wanted,
    as_it_is: &[Wanted],
    existing: &Existing,
    words: &Words,
) -> Option<LoadBalancerRow> {
    let old = &existing.row;
    let adopted = old.external_ids.get(keys::ADOPTED)?;
    let same = objects(&released.external_ids) == objects(&old.external_ids);
    let stands =
        same && edited::as_left(old, words) && as_it_is.iter().any(|wanted| hash(wanted) == *adopted);
    stands.then(|| {
        let mut row = old.clone();
        row.external_ids.retain(|key, _| !key.starts_with(keys::OURS));
        row.vips.extend(released.complete.clone());
        row
    })
}

/// Whether a listener of the row is not for everybody.
fn asks_who_connects(wanted: &Wanted) -> bool {
    let ours = wanted.external_ids.iter().filter(|(key, _)| key.starts_with(keys::OUR_LISTENER));
    let mut keys = ours.filter_map(|(_, value)| serde_json::from_str::<ListenerKey>(value).ok());
    keys.any(|key| !key.allowed_cidrs.is_empty())
}

fn same_to_the_letter(
    row: &LoadBalancerRow,
    left: &LoadBalancerRow,
    wanted: &Wanted,
    existing: &Existing,
) -> bool {
    let visible = |row: &LoadBalancerRow| {
        let mut row = row.clone();
        row.external_ids.retain(|key, _| !key.starts_with(keys::OURS));
        row.health_checks.sort_unstable();
        row
    };
    visible(row) == visible(left) && wanted.place.attached == existing.attached
}

/// Whether clients and members see no difference between a row as it is and as Weir would write it.
fn serves_alike(row: &LoadBalancerRow, wanted: &Wanted, existing: &Existing, words: &Words) -> bool {
    let old = &existing.row;
    let protocol = match &old.protocol {
        None => objects(&row.external_ids).is_empty(),
        protocol => *protocol == row.protocol,
    };
    // The deployment's defaults come with the first change.
    let ours = |row| managed_options(row, words).filter(|(key, _)| !wanted.defaults.contains(*key));
    let options: BTreeMap<_, _> = ours(old).collect();
    protocol
        && old.name == row.name
        && (old.external_ids.contains_key(keys::ADOPTED) || same_entries(&old.vips, &wanted.complete_vips()))
        && options == ours(row).collect()
        && (!old.selection_fields.is_empty() || row.selection_fields.is_empty())
        && old.selection_fields.is_subset(&row.selection_fields)
        && wanted.place.attached.switches.is_subset(&existing.attached.switches)
        && wanted.place.attached.routers.is_subset(&existing.attached.routers)
        && same_objects(row, old)
        && probes_alike(row, old)
}

/// Whether two columns `vips` say the same, in whatever order their backends stand.
fn same_entries(one: &BTreeMap<String, String>, other: &BTreeMap<String, String>) -> bool {
    one.len() == other.len()
        && one
            .iter()
            .all(|(vip, backends)| other.get(vip).is_some_and(|other| same_backends(backends, other)))
}

fn same_backends(one: &str, other: &str) -> bool {
    let sorted = |list: &str| {
        let mut backends: Vec<_> = list.split(',').map(str::to_owned).collect();
        backends.sort_unstable();
        backends
    };
    one == other || sorted(one) == sorted(other)
}

/// Takes out members that are out of reach, and lets them in again.
fn reach(left: &mut LoadBalancerRow, row: &LoadBalancerRow) {
    for (vip, backends) in &row.vips {
        if let Some(before) = left.vips.get_mut(vip).filter(|before| !same_backends(before, backends)) {
            before.clone_from(backends);
        }
    }
}

/// Whether the keys of VIPs, listeners and pools say the same.
fn same_objects(row: &LoadBalancerRow, old: &LoadBalancerRow) -> bool {
    let vips = [
        keys::ENABLED,
        keys::VIP,
        keys::VIP_PORT,
        keys::VIP_FIP,
        keys::ADDITIONAL_VIPS,
        keys::ADDITIONAL_VIP_PORTS,
        keys::ADDITIONAL_VIP_FIPS,
    ];
    let said = |row: &LoadBalancerRow| -> BTreeMap<String, String> {
        let of_object = |key: &str| key.starts_with(keys::LISTENER) || key.starts_with(keys::POOL);
        let said = row.external_ids.iter().filter(|(key, _)| vips.contains(&key.as_str()) || of_object(key));
        // A pool's `:D` may stand in its listener's value, and a subnet may be empty.
        let plain = |value: &String| value.trim_end_matches(keys::DOWN).replace("_,", ",");
        said.map(|(key, value)| (key.clone(), plain(value).trim_end_matches('_').to_owned())).collect()
    };
    said(row) == said(old)
}

/// Whether every monitored member is probed as it should be. The reference probes through one listener a pool, which is
/// enough to know a member by, and makes checks that wait for a listener. But each address needs a check of its own: OVN
/// serves dead members at one that has none, such as a floating IP that came when the check had no port yet.
fn probes_alike(row: &LoadBalancerRow, old: &LoadBalancerRow) -> bool {
    let monitors = |row: &LoadBalancerRow| -> BTreeSet<String> {
        let text = row.external_ids.get(keys::HEALTH_MONITORS);
        text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
    };
    let of = |check: &HealthCheckRow| check.external_ids.get(keys::CHECK_MONITOR).cloned();
    let probed_so = |wanted: &HealthCheckRow| {
        let mut same = old.health_checks.iter().filter(|check| of(check) == of(wanted));
        let first = same.next();
        first.is_some_and(|check| check.options == wanted.options)
            && same.all(|check| check.options == wanted.options)
    };
    let address = |check: &HealthCheckRow| check.vip.parse().map(|vip: SocketAddr| vip.ip());
    // Those that a check of an address stands for: all entries there that the same pool serves.
    let checked_at = |wanted: &HealthCheckRow| {
        let alike = |check: &&HealthCheckRow| {
            of(check) == of(wanted) && address(check) == address(wanted) && row.vips.contains_key(&check.vip)
        };
        let mut served = row.health_checks.iter().filter(alike).peekable();
        let is_checked = |entry: &HealthCheckRow| {
            old.health_checks.iter().any(|check| check.vip == entry.vip && of(check) == of(entry))
        };
        served.peek().is_none() || served.any(is_checked)
    };
    let mapped = |(address, to): (&String, &String)| old.ip_port_mappings.get(address) == Some(to);
    monitors(row) == monitors(old)
        && row.health_checks.iter().all(|wanted| probed_so(wanted) && checked_at(wanted))
        && row.ip_port_mappings.iter().all(mapped)
}

/// Brings members' statuses up to what is known. That nobody probes a member says nothing: the reference may do so, since it
/// has a monitor in the same row.
fn statuses(left: &mut LoadBalancerRow, row: &LoadBalancerRow) {
    let read = |row: &LoadBalancerRow| -> BTreeMap<String, String> {
        let text = row.external_ids.get(keys::MEMBER_STATUS);
        text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
    };
    let before = read(left);
    let mut after = before.clone();
    for (member, status) in read(row) {
        let unprobed = status == weir_model::OperatingStatus::NoMonitor.as_str();
        if !unprobed || !before.contains_key(&member) {
            after.insert(member, status);
        }
    }
    if after != before {
        left.external_ids.insert(keys::MEMBER_STATUS.to_owned(), python_json::to_string(&after));
    }
}

/// Hash of what Weir would write, but for our own keys and what changes by itself.
fn hash(wanted: &Wanted) -> String {
    let Wanted { protocol, selection_fields, options, defaults, external_ids, place, checks, .. } = wanted;
    let vips = wanted.complete_vips();
    let options: BTreeMap<_, _> = options.iter().filter(|(key, _)| !defaults.contains(*key)).collect();
    let said: BTreeMap<_, _> = external_ids
        .iter()
        .filter(|(key, _)| !key.starts_with(keys::OURS) && *key != keys::MEMBER_STATUS)
        .collect();
    let checked: BTreeMap<_, _> =
        checks.rows.iter().map(|(vip, check)| (vip, (&check.options, &check.external_ids))).collect();
    let all = (protocol, &vips, selection_fields, options, said, &place.attached, &checks.mappings, checked);
    let text = python_json::to_string(&all);
    Sha256::digest(text.as_bytes()).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

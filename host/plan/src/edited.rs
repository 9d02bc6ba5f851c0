//! Whether somebody else has edited a load balancer's rows.
//!
//! Rows that a Weir host has written prove it: `weir:seen` and `weir:own` are the hashes of what they hold, and `weir:rows`
//! counts them. Attachments and what is no part of the table of [`keys`] are not in it: those follow from the network, or
//! are an operator's own.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use weir_model::PoolId;

use crate::{
    compile::managed_options,
    keys,
    row::{Existing, LoadBalancerRow},
    words::Words,
};

/// Whether the rows are not as a Weir host has left them. Rows that no Weir host has written are not edited.
pub fn edited(existing: &[Existing], words: &Words) -> bool {
    let written = |existing: &&Existing| is_written(&existing.row);
    let mut count = 0;
    let mut told: usize = 1;
    for Existing { row, .. } in existing.iter().filter(written) {
        let get = |key: &str| row.external_ids.get(key);
        if !as_left(row, words) || get(keys::OWN) != Some(&own(&row.external_ids)) {
            return true;
        }
        count += 1;
        told = told.max(get(keys::ROWS).and_then(|rows| rows.parse().ok()).unwrap_or(1));
    }
    count > 0 && count != told
}

/// Whether a Weir host has written a row.
pub(crate) fn is_written(row: &LoadBalancerRow) -> bool {
    row.external_ids.keys().any(|key| key.starts_with(keys::OURS))
}

/// Whether what the reference sees of a row is as a Weir host has left it.
pub(crate) fn as_left(row: &LoadBalancerRow, words: &Words) -> bool {
    let hash = seen(row, words);
    // Without the pools is how it was written once.
    row.external_ids.get(keys::SEEN).is_some_and(|known| *known == hash || *known == with_pools(hash, row))
}

/// Whether a pool was in the row when a Weir host wrote it last; `None` where the row does not tell.
pub(crate) fn knew(row: &LoadBalancerRow, pool: PoolId) -> Option<bool> {
    let (_, pools) = row.external_ids.get(keys::SEEN)?.split_once('.')?;
    let digest = digest(&pool.to_string());
    Some(pools.as_bytes().chunks(DIGEST).any(|known| known == digest.as_bytes()))
}

/// Writes into a row what it holds: the last thing that is done to it.
pub(crate) fn mark(row: &mut LoadBalancerRow, words: &Words) {
    let hash = with_pools(seen(row, words), row);
    row.external_ids.insert(keys::SEEN.to_owned(), hash);
    let hash = own(&row.external_ids);
    row.external_ids.insert(keys::OWN.to_owned(), hash);
}

fn with_pools(hash: String, row: &LoadBalancerRow) -> String {
    let pools = row.external_ids.keys().filter_map(|key| key.strip_prefix(keys::POOL));
    let mut pools: Vec<_> = pools.map(|id| digest(id.strip_suffix(keys::DOWN).unwrap_or(id))).collect();
    pools.sort_unstable();
    if pools.is_empty() { hash } else { format!("{hash}.{}", pools.concat()) }
}

/// Length of a [`digest`].
const DIGEST: usize = 4;

/// Four digits for a pool's id: enough to tell the few pools of a row apart.
fn digest(id: &str) -> String {
    Sha256::digest(id.as_bytes()).iter().take(DIGEST / 2).map(|byte| format!("{byte:02x}")).collect()
}

/// Hash of the part of a row that the reference sees and that Weir manages: all of it but our own keys, and keys and
/// options that are neither's.
fn seen(row: &LoadBalancerRow, words: &Words) -> String {
    let mut hash = Sha256::new();
    let mut part = |text: &str| {
        hash.update((text.len() as u64).to_le_bytes());
        hash.update(text.as_bytes());
    };
    part(&row.name);
    part(row.protocol.as_deref().unwrap_or_default());
    row.selection_fields.iter().for_each(|field| part(field));
    part("options");
    managed_options(row, words).for_each(|(key, value)| [key, value].into_iter().for_each(|text| part(text)));
    part("vips");
    row.vips.iter().for_each(|(key, value)| [key, value].into_iter().for_each(|text| part(text)));
    // Left out where there is nothing, as rows were hashed before there were monitors.
    row.ip_port_mappings.iter().for_each(|(key, value)| [key, value].into_iter().for_each(|text| part(text)));
    let mut checks: Vec<_> = row.health_checks.iter().collect();
    checks.sort_by_key(|check| (&check.vip, &check.options, &check.external_ids));
    for check in checks {
        part(&check.vip);
        let maps = check.options.iter().chain(&check.external_ids);
        maps.for_each(|(key, value)| [key, value].into_iter().for_each(|text| part(text)));
    }
    part("external_ids");
    let visible = |key: &str| keys::is_managed(key) && !key.starts_with(keys::OURS);
    for (key, value) in row.external_ids.iter().filter(|(key, _)| visible(key)) {
        part(key);
        part(value);
    }
    hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// Hash of our own keys, but for the hashes themselves and the revision.
pub fn own(external_ids: &BTreeMap<String, String>) -> String {
    let mut hash = Sha256::new();
    let not_hashed = [keys::SEEN, keys::OWN, keys::REVISION];
    let ours = |key: &str| key.starts_with(keys::OURS) && !not_hashed.contains(&key);
    for (key, value) in external_ids.iter().filter(|(key, _)| ours(key)) {
        for text in [key, value] {
            hash.update((text.len() as u64).to_le_bytes());
            hash.update(text.as_bytes());
        }
    }
    hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

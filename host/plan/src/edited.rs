//! Whether somebody else has edited a load balancer's rows.
//!
//! Rows that a Weir host has written prove it: `weir:seen` and `weir:own` are the hashes of what they hold, and `weir:rows`
//! counts them. Attachments and what is no part of the table of [`keys`] are not in it: those follow from the network, or
//! are an operator's own.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use crate::{compile::seen, keys, row::Existing, words::Words};

/// Whether the rows are not as a Weir host has left them. Rows that no Weir host has written are not edited.
pub fn edited(existing: &[Existing], words: &Words) -> bool {
    let written =
        |existing: &&Existing| existing.row.external_ids.keys().any(|key| key.starts_with(keys::OURS));
    let mut count = 0;
    let mut told: usize = 1;
    for Existing { row, .. } in existing.iter().filter(written) {
        let get = |key: &str| row.external_ids.get(key);
        // What may stand behind the hash is another one's business.
        let rest = get(keys::SEEN).and_then(|known| known.strip_prefix(&seen(row, words)));
        let as_seen = rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
        if !as_seen || get(keys::OWN) != Some(&own(&row.external_ids)) {
            return true;
        }
        count += 1;
        told = told.max(get(keys::ROWS).and_then(|rows| rows.parse().ok()).unwrap_or(1));
    }
    count > 0 && count != told
}

/// Hash of our own keys, but for the hashes themselves.
pub fn own(external_ids: &BTreeMap<String, String>) -> String {
    let mut hash = Sha256::new();
    let ours = |key: &str| key.starts_with(keys::OURS) && key != keys::SEEN && key != keys::OWN;
    for (key, value) in external_ids.iter().filter(|(key, _)| ours(key)) {
        for text in [key, value] {
            hash.update((text.len() as u64).to_le_bytes());
            hash.update(text.as_bytes());
        }
    }
    hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

//! Backends that OVN would send connections to although they are known to be out of reach.
//!
//! OVN leaves a backend out whose check has found it offline. It keeps one whose check has no result, and sets offline only from
//! online: a machine that never started, or whose check was made anew, keeps its share of the connections. And OVN keeps every
//! backend of an entry without check, as one is that lost the address its probes were sent from. So these backends are not
//! written. Where no other backend would be left, the entry stays as it is: a Southbound that is built anew says of every port
//! that it is down for a while.

use std::collections::BTreeSet;

use weir_model::{Health, HealthMap, MemberId};

use crate::row::Existing;

/// A backend of an entry, as often as it stands there.
#[derive(Clone, Debug)]
pub(crate) struct Backend {
    /// Address and port, as in `vips`.
    pub socket: String,
    /// The member that it is.
    pub member: MemberId,
}

/// What of an entry is known besides its backends.
pub(crate) struct EntryState<'a> {
    /// Its key in `vips`.
    pub vip: &'a str,
    /// OVN's transport.
    pub transport: &'a str,
    /// A health check of OVN's is written for it.
    pub checked: bool,
}

/// The backends that are written; `None` where these are all.
pub(crate) fn reachable(
    backends: &[Backend],
    entry: &EntryState<'_>,
    health: &HealthMap,
    existing: &[Existing],
) -> Option<String> {
    let health = |backend: &Backend| health.get(&backend.member).copied().unwrap_or_default();
    let lost = |backend: &Backend| match health(backend) {
        Health::PortDown | Health::LastOffline => true,
        Health::Offline => !entry.checked,
        Health::Unknown | Health::Online | Health::NoPort => false,
    };
    if !backends.iter().any(lost) {
        return None;
    }
    let written = written(entry, existing);
    let is_written = |backend: &Backend| written.contains(backend.socket.as_str());
    // Of a probe that is no longer sent the rows say what came of it; while OVN has the check, it leaves the backend out itself.
    let out = |backend: &Backend| match health(backend) {
        Health::LastOffline if entry.checked => !is_written(backend),
        _ => lost(backend),
    };
    // OVN leaves out a backend without a port.
    let serves = |backend: &Backend| !out(backend) && health(backend) != Health::NoPort;
    let kept: Vec<&Backend> = if backends.iter().any(serves) {
        backends.iter().filter(|backend| !out(backend)).collect()
    } else {
        backends.iter().filter(|backend| !out(backend) || is_written(backend)).collect()
    };
    if kept.is_empty() || kept.len() == backends.len() {
        return None;
    }
    Some(kept.into_iter().map(|backend| backend.socket.as_str()).collect::<Vec<_>>().join(","))
}

/// The sockets that the entry has now.
fn written<'e>(entry: &EntryState<'_>, existing: &'e [Existing]) -> BTreeSet<&'e str> {
    let rows = existing.iter().map(|existing| &existing.row);
    let rows = rows.filter(|row| row.protocol.as_deref() == Some(entry.transport));
    rows.filter_map(|row| row.vips.get(entry.vip)).flat_map(|backends| backends.split(',')).collect()
}

#[cfg(test)]
mod tests;

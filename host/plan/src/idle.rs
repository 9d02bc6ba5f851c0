//! Entries of `vips` that lead to nobody new.
//!
//! * With the option `reject`, a key without backends for every address and port on which nobody can be reached: without the
//!   key OVN does not even answer for the VIP, with it a connection is refused at once (seen with OVN 25.03).
//! * Members with weight 0 under an address that nobody connects to, [`NOBODY`]. A distributed router translates a member's
//!   answers to clients outside back only while the member stands in some entry, so that without this one the connections a
//!   draining member still has would end; those from inside need it not (seen with OVN 25.03).

use std::collections::{BTreeMap, BTreeSet};

use weir_model::{Listener, ListenerId, LoadBalancer, Pool};

use crate::{fronts::Front, keys};

/// The addresses of entries for draining members: unspecified ones, which no packet is sent to (RFC 1122, RFC 4291).
pub const NOBODY: [std::net::IpAddr; 2] = [
    std::net::IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED),
    std::net::IpAddr::V6(std::net::Ipv6Addr::UNSPECIFIED),
];

const REJECT: &str = "reject";

/// The entries for the listeners of a row, besides those that lead to members: key, backends, listener.
pub(crate) fn entries(
    lb: &LoadBalancer,
    listeners: &BTreeSet<ListenerId>,
    options: &BTreeMap<String, String>,
    fronts: &[Front],
) -> Vec<(String, String, ListenerId)> {
    if !lb.admin_state_up {
        return Vec::new();
    }
    let refuses = options.get(REJECT).is_some_and(|value| value == "true");
    let mut entries = Vec::new();
    for listener in listeners.iter().filter_map(|id| lb.listeners.get(id)).filter(|one| one.admin_state_up) {
        if refuses {
            let keys = fronts.iter().map(|front| keys::socket(&front.address, listener.port));
            entries.extend(keys.map(|key| (key, String::new(), listener.id)));
        }
        if let Some(pool) = listener.default_pool_id.and_then(|id| lb.pools.get(&id)) {
            entries.extend(draining(listener, pool, fronts));
        }
    }
    entries
}

fn draining(listener: &Listener, pool: &Pool, fronts: &[Front]) -> Vec<(String, String, ListenerId)> {
    if !pool.admin_state_up {
        return Vec::new();
    }
    let entry = |nobody: std::net::IpAddr| {
        let ipv4 = nobody.is_ipv4();
        let members = pool
            .members
            .values()
            .filter(|member| member.weight == 0 && member.admin_state_up && member.address.is_ipv4() == ipv4);
        let sockets: BTreeSet<_> = members.map(|member| keys::socket(&member.address, member.port)).collect();
        let served = fronts.iter().any(|front| front.address.is_ipv4() == ipv4);
        let backends = sockets.into_iter().collect::<Vec<_>>().join(",");
        (served && !backends.is_empty())
            .then(|| (keys::socket(&nobody, listener.port), backends, listener.id))
    };
    NOBODY.into_iter().filter_map(entry).collect()
}

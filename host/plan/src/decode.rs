//! Rows back to a load balancer.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
};

use serde::{Deserialize, Serialize};
use weir_model::{
    Extra, HealthMonitorId, Listener, LoadBalancer, LoadBalancerId, Member, MemberId, Monitor, Persistence,
    Pool, PoolId, Vip,
};

use crate::{
    edited,
    keys::{self, ListenerKey, LoadBalancerKey, MemberKey, PoolKey},
    row::{HealthCheckRow, LoadBalancerRow},
    translation::HealthCheck,
    words::{Affinity, Words},
};

/// A load balancer as its rows say, and what in them could not be read.
#[derive(Clone, Debug, PartialEq)]
pub struct Decoded {
    /// The load balancer.
    pub lb: LoadBalancer,
    /// What could not be read; it is left out of `lb`.
    pub findings: Vec<RowFinding>,
}

/// Something in a row that is not as the table of keys has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RowFinding {
    /// The row.
    pub row: uuid::Uuid,
    /// The key of `external_ids`.
    pub key: String,
    /// Its value, shortened.
    pub value: String,
    /// What is wrong with it.
    pub why: String,
}

/// Reads a load balancer from all its rows; `None` where there is no row, or none that says a VIP.
pub fn decode<'a>(
    id: LoadBalancerId,
    rows: impl IntoIterator<Item = &'a LoadBalancerRow>,
    words: &Words,
) -> Option<Decoded> {
    let mut rows: Vec<_> = rows.into_iter().collect();
    rows.sort_by_key(|row| row.uuid);
    let mut findings = Vec::new();
    let mut lb = rows.iter().find_map(|row| frame(id, row, &mut findings))?;
    for row in rows {
        Reader { row, left: Left::of(row, words), words, findings: &mut findings }.read(&mut lb);
    }
    // A pool that is nowhere: the reference leaves such links behind (`pool_None`).
    let pools = &lb.pools;
    for listener in lb.listeners.values_mut() {
        listener.default_pool_id = listener.default_pool_id.filter(|pool| pools.contains_key(pool));
    }
    Some(Decoded { lb, findings })
}

/// The load balancer itself, without children.
fn frame(id: LoadBalancerId, row: &LoadBalancerRow, findings: &mut Vec<RowFinding>) -> Option<LoadBalancer> {
    let get = |key: &str| row.external_ids.get(key).map(String::as_str);
    let address = get(keys::VIP)?;
    let Ok(address) = address.parse() else {
        findings.push(finding(row, keys::VIP, address, "is not an address"));
        return None;
    };
    let further: LoadBalancerKey = json(row, keys::LOADBALANCER, findings).unwrap_or_default();
    let ports: Vec<_> = get(keys::ADDITIONAL_VIP_PORTS).unwrap_or_default().split(',').collect();
    let mut additional_vips = Vec::new();
    let addresses = get(keys::ADDITIONAL_VIPS).unwrap_or_default();
    for (index, text) in addresses.split(',').filter(|text| !text.is_empty()).enumerate() {
        let Ok(address) = text.parse() else {
            findings.push(finding(row, keys::ADDITIONAL_VIPS, text, "is not an address"));
            continue;
        };
        let (network_id, subnet_id) =
            further.additional.get(index).copied().unwrap_or((further.network, None));
        let port_id = ports.get(index).and_then(|port| port.parse().ok());
        additional_vips.push(Vip { address, port_id, network_id, subnet_id });
    }
    Some(LoadBalancer {
        id,
        project_id: further.project,
        admin_state_up: get(keys::ENABLED) != Some("False"),
        vip: Vip {
            address,
            port_id: get(keys::VIP_PORT).and_then(|port| port.parse().ok()),
            network_id: further.network,
            subnet_id: further.subnet,
        },
        additional_vips,
        listeners: BTreeMap::new(),
        pools: BTreeMap::new(),
        flavor: further.flavor,
        extra: further.extra,
    })
}

/// Who has written a row last. Its own keys say what the reference's cannot, and count as far as those do not contradict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Left {
    /// A Weir host.
    AsByUs,
    /// Somebody else, after a Weir host.
    Edited,
    /// No Weir host ever has.
    Foreign,
}

impl Left {
    fn of(row: &LoadBalancerRow, words: &Words) -> Self {
        match edited::as_left(row, words) {
            true => Self::AsByUs,
            false if edited::is_written(row) => Self::Edited,
            false => Self::Foreign,
        }
    }
}

struct Reader<'a> {
    row: &'a LoadBalancerRow,
    left: Left,
    words: &'a Words,
    findings: &'a mut Vec<RowFinding>,
}

impl Reader<'_> {
    fn read(&mut self, lb: &mut LoadBalancer) {
        for (key, value) in &self.row.external_ids {
            if let Some(id) = key.strip_prefix(keys::LISTENER) {
                match self.listener(id, value) {
                    Some(listener) => drop(lb.listeners.insert(listener.id, listener)),
                    None => self.findings.push(finding(self.row, key, value, "is not a listener")),
                }
            } else if let Some(id) = key.strip_prefix(keys::POOL) {
                match self.pool(id, value, &lb.flavor) {
                    Some(pool) => drop(lb.pools.insert(pool.id, pool)),
                    None => self.findings.push(finding(self.row, key, value, "is not a pool")),
                }
            }
        }
    }

    fn listener(&mut self, id: &str, value: &str) -> Option<Listener> {
        let (id, admin_state_up) = admin_state(id);
        let (port, pool) = value.split_once(':')?;
        let pool = pool.strip_prefix(keys::POOL).map(|pool| admin_state(pool).0);
        let further: ListenerKey =
            json(self.row, &format!("{}{id}", keys::OUR_LISTENER), self.findings).unwrap_or_default();
        Some(Listener {
            id: id.parse().ok()?,
            protocol: further.protocol.unwrap_or_else(|| self.protocol()),
            port: port.parse().ok()?,
            admin_state_up,
            default_pool_id: pool.and_then(|pool| pool.parse().ok()),
            allowed_cidrs: further.allowed_cidrs,
            extra: further.extra,
        })
    }

    fn pool(&mut self, id: &str, value: &str, flavor: &BTreeMap<String, String>) -> Option<Pool> {
        let (id, admin_state_up) = admin_state(id);
        let further: PoolKey =
            json(self.row, &format!("{}{id}", keys::OUR_POOL), self.findings).unwrap_or_default();
        let id = id.parse().ok()?;
        let mut members = self.members(value);
        if further.plugin.is_none() {
            self.hide(id, &mut members);
        }
        let algorithm = self.algorithm(id, further.algorithm);
        let persistence = self.persistence(id, further.persistence, flavor);
        let monitor = self.monitor(id, further.monitor);
        Some(Pool {
            id,
            protocol: further.protocol.unwrap_or_else(|| self.protocol()),
            algorithm,
            persistence,
            admin_state_up,
            members,
            monitor,
            extra: further.extra,
        })
    }

    /// Our own key where the row is as we left it; else what the checks say. A monitor that is down has no checks, and one
    /// that the row does not list is gone.
    fn monitor(&mut self, pool: PoolId, key: Option<Monitor>) -> Option<Monitor> {
        if self.left == Left::AsByUs {
            return key;
        }
        let listed: Vec<HealthMonitorId> =
            json(self.row, keys::HEALTH_MONITORS, self.findings).unwrap_or_default();
        let pool = pool.to_string();
        let of_pool = |check: &&HealthCheckRow| check.external_ids.get(keys::CHECK_POOL) == Some(&pool);
        let check = self.row.health_checks.iter().find(of_pool);
        let named = check.and_then(|check| check.external_ids.get(keys::CHECK_MONITOR)?.parse().ok());
        let (id, before) = match (named, key) {
            (Some(id), key) => (id, key.filter(|key| key.id == id)),
            (None, Some(key)) => (key.id, Some(key)),
            (None, None) => return None,
        };
        if !listed.contains(&id) {
            return None;
        }
        let Some(check) = check else { return before };
        let HealthCheck { interval, timeout, success, failure } = HealthCheck::read(&check.options);
        let known = before.as_ref();
        Some(Monitor {
            id,
            kind: known.map(|known| known.kind.clone()).unwrap_or_default(),
            delay: interval,
            timeout,
            rise: success,
            fall: failure,
            admin_state_up: known.is_none_or(|known| known.admin_state_up),
            extra: known.map_or_else(Extra::new, |known| known.extra.clone()),
        })
    }

    fn members(&mut self, tokens: &str) -> BTreeMap<MemberId, Member> {
        let statuses: BTreeMap<String, String> =
            json(self.row, keys::MEMBER_STATUS, self.findings).unwrap_or_default();
        let mut members = BTreeMap::new();
        for token in tokens.split(',').filter(|token| !token.is_empty()) {
            let Some((id, address, port, subnet_id)) = keys::parse_member_token(token) else {
                self.findings.push(finding(self.row, keys::POOL, token, "is not a member"));
                continue;
            };
            let further: MemberKey =
                json(self.row, &format!("{}{id}", keys::OUR_MEMBER), self.findings).unwrap_or_default();
            members.insert(
                id,
                Member {
                    id,
                    address,
                    port,
                    subnet_id,
                    weight: further.weight.unwrap_or(Member::DEFAULT_WEIGHT),
                    backup: further.backup,
                    admin_state_up: statuses.get(&id.to_string()).map(String::as_str) != Some("OFFLINE"),
                    extra: further.extra,
                },
            );
        }
        members
    }

    /// Octavia's name of a transport is OVN's in capitals, unless the object's own key says another.
    fn protocol(&self) -> String {
        self.row.protocol.as_deref().unwrap_or_default().to_uppercase()
    }

    /// Whether a pool was there when a Weir host wrote the row last; `None` where nothing tells.
    fn knew(&self, pool: PoolId) -> Option<bool> {
        match self.left {
            Left::AsByUs => Some(true),
            Left::Edited => edited::knew(self.row, pool),
            Left::Foreign => Some(false),
        }
    }

    /// Our own key for a pool that we knew: the reference changes no pool's algorithm, only the row's fields when it makes
    /// another one. The row's fields for a pool that it has made.
    fn algorithm(&self, pool: PoolId, key: Option<String>) -> String {
        let by_fields = || self.words.algorithm_of(&self.row.selection_fields).map(str::to_owned);
        let known = if self.knew(pool) == Some(true) { key } else { key.or_else(by_fields) };
        known.unwrap_or_else(|| self.words.default_algorithm.clone())
    }

    /// The row's option, where somebody else has set it: on a pool that it has made, or on all where it has made none. That
    /// it is gone says nothing, since the reference takes it away with any pool.
    fn persistence(
        &self,
        pool: PoolId,
        key: Option<Persistence>,
        flavor: &BTreeMap<String, String>,
    ) -> Option<Persistence> {
        let Some(Affinity { kind, option, default }) = self.words.affinity.as_ref() else { return key };
        let unasked = flavor.get(option).or_else(|| self.words.defaults.get(option));
        let set = self.row.options.get(option).filter(|set| unasked != Some(set));
        let Some(set) = set.filter(|_| self.left != Left::AsByUs) else { return key };
        let as_key = key.as_ref().is_some_and(|key| {
            key.timeout.map_or_else(|| default.clone(), |seconds| seconds.to_string()) == *set
        });
        if as_key || self.knew(pool) == Some(true) && self.has_new_pools() {
            return key;
        }
        let Ok(seconds) = set.parse() else { return key };
        let extra = key.map_or_else(Extra::new, |key| key.extra);
        Some(Persistence { kind: kind.clone(), timeout: Some(seconds), extra })
    }

    fn has_new_pools(&self) -> bool {
        let pools = self.row.external_ids.keys().filter_map(|key| key.strip_prefix(keys::POOL));
        let mut pools = pools.filter_map(|id| admin_state(id).0.parse().ok());
        pools.any(|pool| self.knew(pool) == Some(false))
    }

    /// Members that are not in the VIP entries of their pool are down: the reference's status forgets it when it makes a
    /// health monitor.
    fn hide(&self, pool: PoolId, members: &mut BTreeMap<MemberId, Member>) {
        if self.left == Left::AsByUs || members.values().any(|member| member.backup) {
            return;
        }
        let pool = pool.to_string();
        let ports: Vec<_> = self
            .row
            .external_ids
            .iter()
            .filter(|(key, _)| key.starts_with(keys::LISTENER) && !key.ends_with(keys::DOWN))
            .filter_map(|(_, value)| value.split_once(':'))
            .filter(|(_, served)| served.strip_prefix(keys::POOL) == Some(&*pool))
            .map(|(port, _)| format!(":{port}"))
            .collect();
        for member in members.values_mut().filter(|member| member.admin_state_up && member.weight > 0) {
            let socket = SocketAddr::new(member.address, member.port);
            let mut entries = self.row.vips.iter().filter(|(vip, _)| {
                vip.starts_with('[') == member.address.is_ipv6()
                    && ports.iter().any(|port| vip.ends_with(port.as_str()))
            });
            // The reference writes IPv6 addresses as users do.
            let shown = |backends: &String| backends.split(',').any(|backend| backend.parse() == Ok(socket));
            let first = entries.next();
            member.admin_state_up = first.is_none_or(|(_, backends)| shown(backends))
                || entries.any(|(_, backends)| shown(backends));
        }
    }
}

fn admin_state(id: &str) -> (&str, bool) {
    match id.strip_suffix(keys::DOWN) {
        Some(id) => (id, false),
        None => (id, true),
    }
}

fn json<T: for<'de> Deserialize<'de>>(
    row: &LoadBalancerRow,
    key: &str,
    findings: &mut Vec<RowFinding>,
) -> Option<T> {
    let text = row.external_ids.get(key)?;
    match serde_json::from_str(text) {
        Ok(value) => Some(value),
        Err(error) => {
            let found = finding(row, key, text, &error.to_string());
            if !findings.contains(&found) {
                findings.push(found);
            }
            None
        }
    }
}

fn finding(row: &LoadBalancerRow, key: &str, value: &str, why: &str) -> RowFinding {
    let value = value.chars().take(80).collect();
    RowFinding { row: row.uuid, key: key.to_owned(), value, why: why.to_owned() }
}

/// The listener and pool keys of a row, without their `:D`: what a row is recognised by.
pub(crate) fn objects(external_ids: &BTreeMap<String, String>) -> BTreeSet<&str> {
    external_ids
        .keys()
        .filter(|key| key.starts_with(keys::LISTENER) || key.starts_with(keys::POOL))
        .map(|key| key.strip_suffix(keys::DOWN).unwrap_or(key))
        .collect()
}

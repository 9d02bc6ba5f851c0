//! Health monitors: which VIP entries are probed, how the probes reach the members, and what they say.
//!
//! OVN ties a check to a VIP entry by the exact text of its key, and leaves a backend without an entry in `ip_port_mappings`
//! out of a VIP that is checked (ovn-nb(5), `Load_Balancer_Health_Check`). So a check is held back, or taken off, while a member
//! that is served could not be probed for want of a source address. A member without a port cannot be probed and is reported;
//! where no member of a VIP has one, the VIP has no check, since OVN would drop all its connections.

use std::{
    cell::LazyCell,
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, SocketAddr},
};

use serde::Serialize;
use weir_model::{Health, HealthMap, LoadBalancer, Member, MemberId, Monitor, NetworkId, Pool, SubnetId};

use crate::{
    attach::member_switch,
    keys,
    row::{Existing, HealthCheckRow, LoadBalancerRow},
    topology::{SWITCH_PREFIX, Switch, Topology},
    translation::{HealthCheck, Problem},
};

/// What probes said last: the Southbound's `Service_Monitor` rows.
pub trait Probes {
    /// Whether anything is known at all. While nothing is, what the rows say of members still holds.
    fn are_known(&self) -> bool {
        true
    }

    /// Of a switch port's address and port over a transport.
    fn health(&self, port: &str, address: &IpAddr, number: u16, transport: &str) -> Health;
}

/// Nothing is known.
#[derive(Clone, Copy, Debug)]
pub struct NoProbes;

impl Probes for NoProbes {
    fn are_known(&self) -> bool {
        false
    }

    fn health(&self, _: &str, _: &IpAddr, _: u16, _: &str) -> Health {
        Health::Unknown
    }
}

/// A subnet into which probes cannot be sent for want of a source address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Sourceless {
    /// The subnet.
    pub subnet: SubnetId,
    /// Its network; `None` where the Northbound does not say which: the subnet has neither DHCP options nor a router port.
    pub network: Option<NetworkId>,
}

/// The monitors' part of a row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checks {
    /// `ip_port_mappings`.
    pub mappings: BTreeMap<String, String>,
    /// `health_check` rows by `vip`.
    pub rows: BTreeMap<String, Check>,
    /// Members that cannot be probed, since no port of OVN has their address.
    pub without_port: BTreeSet<MemberId>,
    /// Subnets that lack a source address.
    pub sourceless: BTreeSet<Sourceless>,
}

/// What a health check row says besides its `vip`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Check {
    /// `options`.
    pub options: BTreeMap<String, String>,
    /// `external_ids`.
    pub external_ids: BTreeMap<String, String>,
}

/// How a member is probed.
enum Reach {
    Mapped(String),
    /// No source address in this subnet.
    Sourceless(Sourceless),
    WithoutPort,
}

/// An entry of `vips` that may be probed.
pub(crate) struct Probed<'a> {
    /// Its key.
    pub vip: String,
    /// The pool that serves it.
    pub pool: &'a Pool,
    /// Who gets its connections now; those that drain or wait do not.
    pub behind: BTreeSet<IpAddr>,
}

/// The monitors' part of a row with these pools and entries.
pub(crate) fn checks<'a>(
    lb: &LoadBalancer,
    pools: impl Iterator<Item = &'a Pool>,
    entries: &[Probed<'_>],
    numbers: &BTreeMap<weir_model::PoolId, Result<HealthCheck, Problem>>,
    existing: &[Existing],
    (topology, health): (&dyn Topology, &HealthMap),
) -> Checks {
    let mut checks = Checks::default();
    let (mut unready, mut portless) = (BTreeSet::<IpAddr>::new(), BTreeSet::<IpAddr>::new());
    let mut down = BTreeSet::<IpAddr>::new();
    for member in pools.filter(|pool| pool.probing().is_some()).flat_map(|pool| pool.members.values()) {
        if !member.admin_state_up {
            continue;
        }
        if health.get(&member.id) == Some(&Health::PortDown) {
            down.insert(member.address);
        }
        match reach(lb, member, topology) {
            Reach::Mapped(to) => drop(checks.mappings.insert(keys::bracketed(&member.address), to)),
            Reach::WithoutPort => {
                checks.without_port.insert(member.id);
                portless.insert(member.address);
            }
            Reach::Sourceless(subnet) => {
                checks.sourceless.insert(subnet);
                unready.insert(member.address);
            }
        }
    }
    for Probed { vip, pool, behind } in entries {
        let Some(monitor) = pool.probing() else { continue };
        let before = existing_check(vip, monitor, existing);
        let options = match numbers.get(&pool.id) {
            Some(Ok(numbers)) => numbers.options(),
            // Taken over from a driver that does not say of what kind it is: its numbers were read off its checks.
            _ if monitor.kind.is_empty() => HealthCheck::of(monitor).options(),
            // What a failing plugin once said stays.
            _ => match before {
                Some(row) => row.options.clone(),
                None => continue,
            },
        };
        let Ok(front) = vip.parse::<SocketAddr>() else { continue };
        // While the entry is not there, those who will be behind it.
        let to_come = pool.members.values().filter(|member| member.weight > 0 && member.admin_state_up);
        let to_come = to_come.map(|member| member.address).filter(|at| at.is_ipv4() == front.is_ipv4());
        let behind = if behind.is_empty() { &to_come.collect() } else { behind };
        let mut waiting = behind.intersection(&unready);
        // A member whose port is down does not serve in place of those that a new check takes out.
        let mapped = |address: &IpAddr| {
            checks.mappings.contains_key(&keys::bracketed(address))
                && (before.is_some() || !down.contains(address))
        };
        // Members that come to others that are probed wait outside for their source address. Without one, a member that was probed
        // stays, and so do all if none has one. Where no member that serves has a port, the check waits too.
        let let_down = |address: &IpAddr| before.is_none() || was_mapped(address, existing);
        let unprobed = |address: &IpAddr| unready.contains(address) || portless.contains(address);
        let all_left_out = behind.iter().any(unprobed) && !behind.iter().any(mapped);
        if all_left_out || waiting.any(let_down) {
            continue;
        }
        let external_ids = external_ids(monitor, pool, &front.ip());
        checks.rows.insert(vip.clone(), Check { options, external_ids });
    }
    checks
}

fn was_mapped(address: &IpAddr, existing: &[Existing]) -> bool {
    let key = keys::bracketed(address);
    existing.iter().any(|existing| existing.row.ip_port_mappings.contains_key(&key))
}

fn existing_check<'e>(vip: &str, monitor: &Monitor, existing: &'e [Existing]) -> Option<&'e HealthCheckRow> {
    let mut rows = existing.iter().flat_map(|existing| &existing.row.health_checks);
    let monitor = monitor.id.to_string();
    rows.find(|row| row.vip == vip && row.external_ids.get(keys::CHECK_MONITOR) == Some(&monitor))
}

pub(crate) fn external_ids(monitor: &Monitor, pool: &Pool, front: &IpAddr) -> BTreeMap<String, String> {
    BTreeMap::from([
        (keys::CHECK_MONITOR.to_owned(), monitor.id.to_string()),
        (keys::CHECK_POOL.to_owned(), pool.id.to_string()),
        (keys::CHECK_VIP.to_owned(), front.to_string()),
    ])
}

fn reach(lb: &LoadBalancer, member: &Member, topology: &dyn Topology) -> Reach {
    let (subnet, switch, port) = match locate(lb, member, topology) {
        Located::Port(subnet, switch, port) => (subnet, switch, port),
        Located::NoPort => return Reach::WithoutPort,
        Located::UnknownSubnet(subnet) => return Reach::Sourceless(Sourceless { subnet, network: None }),
    };
    match topology.source_of(subnet, &switch, member.address.is_ipv4()) {
        Some(source) => Reach::Mapped(format!("{port}:{}", keys::bracketed(&source))),
        None => {
            let network = switch.name.strip_prefix(SWITCH_PREFIX).and_then(|id| id.parse().ok());
            Reach::Sourceless(Sourceless { subnet, network })
        }
    }
}

/// Where the port of a member is.
enum Located {
    /// The member's subnet, its switch, and the name of the port there that has the member's address.
    Port(SubnetId, Switch, String),
    /// No port of the subnet's switch has the member's address, or the member names no subnet.
    NoPort,
    /// The Northbound does not tell on which switch this subnet is, so nothing can be said about the port.
    UnknownSubnet(SubnetId),
}

fn locate(lb: &LoadBalancer, member: &Member, topology: &dyn Topology) -> Located {
    let Some(subnet) = member.subnet_id else { return Located::NoPort };
    let Some((switch, cidrs)) = member_switch(lb, subnet, topology) else {
        return Located::UnknownSubnet(subnet);
    };
    match topology.port_at(&switch, &cidrs, &member.address) {
        Some(port) => Located::Port(subnet, switch, port),
        None => Located::NoPort,
    }
}

/// The name of the port that has a member's address.
pub(crate) fn port_of(lb: &LoadBalancer, member: &Member, topology: &dyn Topology) -> Option<String> {
    match locate(lb, member, topology) {
        Located::Port(_, _, port) => Some(port),
        Located::NoPort | Located::UnknownSubnet(_) => None,
    }
}

/// What the network says of the members behind monitors, each by its own port, address and port number.
///
/// While probes are not known, the rows say it. Where a member of a pool cannot be probed for want of a source address, its
/// entries may have no check (see [`checks`]): the last result, which the rows have, counts until they have one again.
pub fn health(
    lb: &LoadBalancer,
    existing: &[Existing],
    topology: &dyn Topology,
    probes: &dyn Probes,
) -> HealthMap {
    let mut health = HealthMap::new();
    let rows = LazyCell::new(|| health_in_rows(existing));
    let last = |member: &Member| match rows.get(&member.id) {
        Some(Health::Offline) => Health::LastOffline,
        said => said.copied().unwrap_or_default(),
    };
    for pool in lb.pools.values().filter(|pool| pool.probing().is_some()) {
        let transport = transport_of(pool, existing);
        let enabled = || pool.members.values().filter(|member| member.admin_state_up);
        let unprobed =
            LazyCell::new(|| enabled().any(|m| matches!(reach(lb, m, topology), Reach::Sourceless(_))));
        for member in enabled() {
            let said = match locate(lb, member, topology) {
                Located::NoPort => Health::NoPort,
                _ if !probes.are_known() => last(member),
                // It is not probed until the subnet is known.
                Located::UnknownSubnet(_) if last(member) == Health::LastOffline => Health::LastOffline,
                Located::UnknownSubnet(_) => Health::Unknown,
                Located::Port(_, _, port) => {
                    let down = topology.is_down(&port);
                    let probed = transport
                        .map(|transport| probes.health(&port, &member.address, member.port, transport));
                    match probed.unwrap_or_default() {
                        Health::Offline => Health::Offline,
                        _ if down => Health::PortDown,
                        Health::Unknown if last(member) == Health::LastOffline && *unprobed => {
                            Health::LastOffline
                        }
                        said => said,
                    }
                }
            };
            health.insert(member.id, said);
        }
    }
    health
}

/// The health of members as the rows say it was when they were written: the statuses that Octavia was last told.
pub fn health_in_rows(existing: &[Existing]) -> HealthMap {
    let statuses = existing.iter().filter_map(|existing| existing.row.external_ids.get(keys::MEMBER_STATUS));
    let statuses = statuses.filter_map(|text| serde_json::from_str::<BTreeMap<String, String>>(text).ok());
    let health = |status: &str| if status == "ERROR" { Health::Offline } else { Health::Online };
    let members = statuses.flatten().filter_map(|(id, status)| Some((id.parse().ok()?, health(&status))));
    members.collect()
}

/// The transport of the row that a pool is in.
fn transport_of<'e>(pool: &Pool, existing: &'e [Existing]) -> Option<&'e str> {
    let holds = |row: &LoadBalancerRow| {
        [true, false].iter().any(|up| row.external_ids.contains_key(&keys::object(keys::POOL, pool.id, *up)))
    };
    existing.iter().find(|existing| holds(&existing.row))?.row.protocol.as_deref()
}

impl HealthCheck {
    /// As `Load_Balancer_Health_Check.options` has them.
    pub fn options(&self) -> BTreeMap<String, String> {
        let numbers = [
            ("interval", self.interval),
            ("timeout", self.timeout),
            ("success_count", self.success),
            ("failure_count", self.failure),
        ];
        numbers.into_iter().map(|(key, number)| (key.to_owned(), number.to_string())).collect()
    }

    /// A monitor's numbers as they are.
    pub fn of(monitor: &Monitor) -> Self {
        Self {
            interval: monitor.delay,
            timeout: monitor.timeout,
            success: monitor.rise,
            failure: monitor.fall,
        }
    }

    /// Reads them back; what is missing or no number is what ovn-nb(5) names as default.
    pub fn read(options: &BTreeMap<String, String>) -> Self {
        let number =
            |key: &str, default| options.get(key).and_then(|text| text.parse().ok()).unwrap_or(default);
        Self {
            interval: number("interval", 5),
            timeout: number("timeout", 20),
            success: number("success_count", 1),
            failure: number("failure_count", 1),
        }
    }
}

//! `allowed_cidrs` of listeners, as `ACL` rows (ovn-nb(5)) of switches.
//!
//! OVN's load balancers ask nobody where a connection comes from, but a switch's ACLs do, and those of the direction
//! `from-lport` before the load balancer has put a member's address in the VIP's place. So each way in has a rule that drops
//! what no CIDR allows, and lets everything else pass on to whatever rules there are:
//!
//! * on a switch with the load balancer: `from-lport`;
//! * on any other switch that one of its routers is connected to (a provider network above all): `to-lport`, to the router's
//!   port.
//!
//! Nothing is ever allowed by these rules, so security groups hold as before. Neutron gives its own ACLs priorities of
//! about 1000 and keeps those in port groups; its repair of the Northbound removes others from the switches, so they are
//! looked after as attachments are.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use ipnet::IpNet;
use serde::Serialize;
use uuid::Uuid;
use weir_model::{Listener, ListenerId, LoadBalancer, LoadBalancerId};

use crate::{
    attach::Place,
    fronts::Front,
    keys,
    operations::Operation,
    ownership::Ownership,
    surroundings::Surroundings,
    topology::{RouterPort, Topology},
};

/// The priority of these rules: above Neutron's own, and one that nobody else is known to use.
pub const PRIORITY: i64 = 3131;
/// On a rule's `external_ids`: the listener it is for.
pub const LISTENER: &str = "weir:listener";

const DROP: &str = "drop";
const FROM: &str = "from-lport";
const TO: &str = "to-lport";
const NAME_PREFIX: &str = "weir-";

/// A row of the table `ACL`, in a switch. It lives as long as the switch refers to it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Acl {
    /// The `Logical_Switch`.
    pub switch: Uuid,
    /// `from-lport` or `to-lport`.
    pub direction: String,
    /// See [`PRIORITY`].
    pub priority: i64,
    /// An expression of ovn-sb(5).
    #[serde(rename = "match")]
    pub matches: String,
    /// `drop`.
    pub action: String,
    /// Whose it is, also where somebody has taken its keys.
    pub name: String,
    /// `weir:owner`, `weir:lb`, `weir:listener`.
    pub external_ids: BTreeMap<String, String>,
}

/// A rule that is there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct ExistingAcl {
    /// `_uuid`.
    #[serde(rename = "_uuid")]
    pub uuid: Uuid,
    /// What it is.
    #[serde(flatten)]
    pub acl: Acl,
}

/// The value of `name` on a load balancer's rules.
pub fn name(lb: LoadBalancerId) -> String {
    format!("{NAME_PREFIX}{lb}")
}

/// The load balancer that a rule's name tells.
pub fn load_balancer_in(name: &str) -> Option<LoadBalancerId> {
    name.strip_prefix(NAME_PREFIX)?.parse().ok()
}

impl Acl {
    /// Whether a rule is the deployment's, for this load balancer.
    pub fn is_of(&self, lb: LoadBalancerId, ownership: &Ownership) -> bool {
        let says = self.external_ids.get(keys::LB).map(|id| *id == lb.to_string());
        says.unwrap_or(self.name == name(lb))
            && self.external_ids.get(keys::OWNER).is_none_or(|owner| *owner == ownership.deployment)
    }

    /// The rule without what others have put on it.
    fn ours(mut self) -> Self {
        self.external_ids.retain(|key, _| key.starts_with(keys::OURS));
        self
    }
}

/// What makes a load balancer's rules those that are wanted. One that differs is replaced: the new one is there in the same
/// transaction.
pub(crate) fn operations(
    lb: LoadBalancerId,
    wanted: BTreeSet<Acl>,
    around: Surroundings<'_>,
) -> Vec<Operation> {
    let mut missing = wanted;
    let mut operations = Vec::new();
    for existing in around.topology.acls(lb) {
        if existing.acl.is_of(lb, around.ownership) && !missing.remove(&existing.acl.clone().ours()) {
            operations.push(Operation::RemoveAcl(existing));
        }
    }
    operations.extend(missing.into_iter().map(Operation::InsertAcl));
    operations
}

/// The rules for the listeners of one row.
pub(crate) fn acls<'l>(
    lb: &LoadBalancer,
    listeners: impl Iterator<Item = &'l ListenerId>,
    transport: &str,
    fronts: &[Front],
    place: &Place,
    around: Surroundings<'_>,
) -> BTreeSet<Acl> {
    let mut rules = BTreeSet::new();
    let mut ways: Option<Vec<(Uuid, String)>> = None;
    let limited = |listener: &&Listener| !listener.allowed_cidrs.is_empty();
    for listener in listeners.filter_map(|id| lb.listeners.get(id)).filter(limited) {
        let ways = ways.get_or_insert_with(|| ways_around(place, around.topology));
        let external_ids = [
            (keys::OWNER, around.ownership.deployment.clone()),
            (keys::LB, lb.id.to_string()),
            (LISTENER, listener.id.to_string()),
        ];
        let rule = |switch: Uuid, direction: &str, matches: String| Acl {
            switch,
            direction: direction.to_owned(),
            priority: PRIORITY,
            matches,
            action: DROP.to_owned(),
            name: name(lb.id),
            external_ids: external_ids
                .iter()
                .map(|(key, value)| ((*key).to_owned(), value.clone()))
                .collect(),
        };
        for dropped in [true, false].into_iter().filter_map(|ipv4| dropped(listener, transport, fronts, ipv4))
        {
            let inside = place.attached.switches.iter();
            rules.extend(inside.map(|switch| rule(*switch, FROM, dropped.clone())));
            rules.extend(ways.iter().map(|(switch, port)| {
                let port = serde_json::Value::from(port.as_str());
                rule(*switch, TO, format!("outport == {port} && {dropped}"))
            }));
        }
    }
    rules
}

/// The switches that lead to the row's routers and do not have the load balancer themselves, each with its port to the router.
fn ways_around(place: &Place, topology: &dyn Topology) -> Vec<(Uuid, String)> {
    let ports = place.lr_ref.iter().flat_map(|router| topology.ports_of(router));
    let way = |port: RouterPort| {
        let switch = topology.switch(port.switch_name.as_deref()?)?;
        Some((switch.uuid, port.peer?)).filter(|(switch, _)| !place.attached.switches.contains(switch))
    };
    ports.filter_map(way).collect()
}

/// What is not for a listener, of one IP version; nothing where the load balancer has no such address, or all may come.
fn dropped(listener: &Listener, transport: &str, fronts: &[Front], ipv4: bool) -> Option<String> {
    let addresses: BTreeSet<IpAddr> =
        fronts.iter().map(|front| front.address).filter(|address| address.is_ipv4() == ipv4).collect();
    let allowed = allowed(&listener.allowed_cidrs, ipv4);
    if addresses.is_empty() || allowed.iter().any(|cidr| cidr.prefix_len() == 0) {
        return None;
    }
    let ip = if ipv4 { "ip4" } else { "ip6" };
    let to = format!("{ip}.dst == {} && {transport}.dst == {}", one_of(&addresses), listener.port);
    Some(match allowed.is_empty() {
        true => to,
        false => format!("{to} && {ip}.src != {}", one_of(&allowed)),
    })
}

/// The CIDRs of one IP version as OVN writes them: no bit set behind the prefix, and no more of them than it takes.
fn allowed(cidrs: &[String], ipv4: bool) -> BTreeSet<IpNet> {
    let parse =
        |text: &String| text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from)).ok();
    let cidrs: Vec<_> = cidrs.iter().filter_map(parse).filter(|cidr| cidr.addr().is_ipv4() == ipv4).collect();
    IpNet::aggregate(&cidrs).into_iter().map(|cidr| cidr.trunc()).collect()
}

/// A constant of an expression: `a` or `{a, b}`.
fn one_of<T: std::fmt::Display>(values: &BTreeSet<T>) -> String {
    let values: Vec<_> = values.iter().map(ToString::to_string).collect();
    match values.as_slice() {
        [one] => one.clone(),
        several => format!("{{{}}}", several.join(", ")),
    }
}

#[cfg(test)]
mod tests;

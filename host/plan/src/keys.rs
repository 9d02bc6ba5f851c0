//! The table of `Load_Balancer.external_ids` keys, their formats, and who reads them.
//!
//! | key | value | since |
//! |---|---|---|
//! | `enabled` | `True` or `False` | reference |
//! | `neutron:vip` | the VIP's address | reference, Neutron |
//! | `neutron:vip_port_id` | its Neutron port; absent where none is known | reference, Neutron |
//! | `neutron:additional_vips` | further addresses, comma separated | reference |
//! | `neutron:additional_vip_port_ids` | their ports in the same order; an unknown one is empty | reference |
//! | `ls_refs` | JSON `{"neutron-<network>": n}`: VIPs and members on that switch | reference |
//! | `lr_ref` | router names, comma separated | reference |
//! | `listener_<id>`, `listener_<id>:D` | `<port>:` or `<port>:pool_<id>`; `:D` is administratively down | reference |
//! | `pool_<id>`, `pool_<id>:D` | member tokens, comma separated | reference, Neutron |
//! | `neutron:member_status` | JSON `{"<member>": "<operating status>"}` | reference |
//! | `neutron:vip_fip` | the VIP's floating IP | reference |
//! | `neutron:additional_vip_fips` | floating IPs of further VIPs, comma separated | reference |
//! | `octavia:healthmonitors` | JSON list of the ids of the pools' health monitors | reference |
//! | `weir:v` | `1`: this table | Weir |
//! | `weir:owner` | the deployment that writes the row | Weir |
//! | `weir:seen` | `<hash>`, or `<hash>.<pools>`: of all that the reference sees of the row; another value means that somebody else edited it. Four digits a pool tell which ones were there | Weir |
//! | `weir:own` | hash of our other keys; another value means that somebody else edited them | Weir |
//! | `weir:revision` | how often the load balancer has been written, see [`crate::revision`]; in no hash | Weir |
//! | `weir:lb` | Octavia's id of the load balancer, for when the row's name was changed | Weir |
//! | `weir:rows` | how many rows the load balancer has; absent where it is one | Weir |
//! | `weir:loadbalancer` | JSON of [`LoadBalancerKey`]: VIP network and subnet, project, flavor, further options | Weir |
//! | `weir:options` | options of the row that only the flavor, or a plugin that is not built in, sets, comma separated: they go with it | Weir |
//! | `weir:adopted` | hash of what Weir would write; as long as it is that, the row stays as the driver before has left it, see [`crate::adopted`] | Weir |
//! | `weir:central-members` | `true`: members' own floating IPs are central as long as they are members, see [`crate::centralised`]; absent before the first change of a load balancer that was there before | Weir |
//! | `weir:listener-<id>` | JSON of [`ListenerKey`]; absent where all is as the row says | Weir |
//! | `weir:pool-<id>` | JSON of [`PoolKey`]; absent where all is as the row says | Weir |
//! | `weir:member-<id>` | JSON of [`MemberKey`]; absent for weight 1, no backup, no further option | Weir |
//!
//! A member token is `member_<id>_<ip>:<port>_<subnet>`, or without the last part where the subnet is not known (the
//! reference leaves an empty one); IPv6
//! addresses have no brackets there. The protocol of a listener or a pool is the row's, in capitals, unless its own key
//! says another; the algorithm of a pool is the default one (see [`crate::Words`]) unless its key says another.
//!
//! A `Load_Balancer_Health_Check` row has the reference's keys `octavia:healthmonitor`, `octavia:pool_id` and `octavia:vip`
//! (the address of its VIP entry).
//!
//! In our own keys a `-` stands before the id: the reference takes every key for a pool's or a listener's that has `pool_` or
//! `listener_` anywhere in it, and its member calls then end in an error.
//!
//! A `NAT` row of Neutron's that is a member's floating IP may have `weir:centralised_for` (ids of load balancers, separated by
//! spaces) and `weir:distributed` (JSON of what two of its columns were); see [`crate::centralised`].
//!
//! Keys that are not in this table are somebody else's and stay as they are.

use std::{collections::BTreeMap, net::IpAddr};

use serde::{Deserialize, Serialize};
use weir_model::{Extra, LoadBalancer, Member, MemberId, Monitor, NetworkId, Persistence, SubnetId, Vip};

use crate::{fronts::Front, python_json};

/// Format of these keys.
pub const VERSION: &str = "weir:v";
/// The value of [`VERSION`].
pub const VERSION_1: &str = "1";
/// The deployment that writes the row.
pub const OWNER: &str = "weir:owner";
/// Hash of the part of the row that the reference sees.
pub const SEEN: &str = "weir:seen";
/// Hash of our other keys.
pub const OWN: &str = "weir:own";
/// How often the load balancer has been written.
pub const REVISION: &str = "weir:revision";
/// Octavia's id of the load balancer.
pub const LB: &str = "weir:lb";
/// How many rows the load balancer has.
pub const ROWS: &str = "weir:rows";
/// VIP networks, subnets, project and flavor.
pub const LOADBALANCER: &str = "weir:loadbalancer";
/// Options that the flavor has set, or a plugin which is not built in.
pub const OPTIONS: &str = "weir:options";
/// Hash of what Weir would write, on a row that is left as the driver before has made it.
pub const ADOPTED: &str = "weir:adopted";
/// Administrative state of the load balancer.
pub const ENABLED: &str = "enabled";
/// The VIP.
pub const VIP: &str = "neutron:vip";
/// The VIP's port.
pub const VIP_PORT: &str = "neutron:vip_port_id";
/// Further VIPs.
pub const ADDITIONAL_VIPS: &str = "neutron:additional_vips";
/// Further VIPs' ports.
pub const ADDITIONAL_VIP_PORTS: &str = "neutron:additional_vip_port_ids";
/// Switches.
pub const LS_REFS: &str = "ls_refs";
/// Routers.
pub const LR_REF: &str = "lr_ref";
/// Operating statuses of members.
pub const MEMBER_STATUS: &str = "neutron:member_status";
/// The VIP's floating IP.
pub const VIP_FIP: &str = "neutron:vip_fip";
/// Floating IPs of further VIPs.
pub const ADDITIONAL_VIP_FIPS: &str = "neutron:additional_vip_fips";
/// Health monitors of the row's pools.
pub const HEALTH_MONITORS: &str = "octavia:healthmonitors";
/// On a health check: its monitor.
pub const CHECK_MONITOR: &str = "octavia:healthmonitor";
/// On a health check: the monitor's pool.
pub const CHECK_POOL: &str = "octavia:pool_id";
/// On a health check: the address of its VIP entry.
pub const CHECK_VIP: &str = "octavia:vip";
/// Members' own floating IPs are central as long as they are members.
pub const CENTRAL_MEMBERS: &str = "weir:central-members";
/// On a member's floating IP: the load balancers that need it to be central.
pub const CENTRALISED: &str = "weir:centralised_for";
/// On a member's floating IP: what it was before.
pub const DISTRIBUTED: &str = "weir:distributed";
/// On rows that Neutron makes for its own use, such as port forwarding: never ours.
pub const DEVICE_OWNER: &str = "neutron:device_owner";

/// Prefix of a listener's key.
pub const LISTENER: &str = "listener_";
/// Prefix of a pool's key.
pub const POOL: &str = "pool_";
/// Prefix of all our own keys.
pub const OURS: &str = "weir:";
/// Prefix of a listener's own further key.
pub const OUR_LISTENER: &str = "weir:listener-";
/// Prefix of a pool's own further key.
pub const OUR_POOL: &str = "weir:pool-";
/// Prefix of a member's own further key.
pub const OUR_MEMBER: &str = "weir:member-";
/// Suffix of a key whose object is administratively down.
pub const DOWN: &str = ":D";

/// True for keys of the table above: those that a plan may write and remove.
pub fn is_managed(key: &str) -> bool {
    [
        ENABLED,
        VIP,
        VIP_PORT,
        VIP_FIP,
        ADDITIONAL_VIPS,
        ADDITIONAL_VIP_PORTS,
        ADDITIONAL_VIP_FIPS,
        LS_REFS,
        LR_REF,
        MEMBER_STATUS,
        HEALTH_MONITORS,
    ]
    .contains(&key)
        || [OURS, LISTENER, POOL].iter().any(|prefix| key.starts_with(prefix))
}

/// `weir:loadbalancer`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoadBalancerKey {
    /// Keystone's project.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    /// The VIP's network.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<NetworkId>,
    /// The VIP's subnet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subnet: Option<SubnetId>,
    /// Network and subnet of each additional VIP, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub additional: Vec<(Option<NetworkId>, Option<SubnetId>)>,
    /// The flavor's metadata.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub flavor: BTreeMap<String, String>,
    /// Further options.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub extra: Extra,
}

/// `weir:listener-<id>`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListenerKey {
    /// Octavia's protocol, where it is not the row's in capitals.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protocol: Option<String>,
    /// Allowed client networks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allowed_cidrs: Vec<String>,
    /// The plugin that translated it, where it is not built in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plugin: Option<String>,
    /// Further options.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub extra: Extra,
}

/// `weir:pool-<id>`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoolKey {
    /// Octavia's protocol, where it is not the row's in capitals.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protocol: Option<String>,
    /// Octavia's algorithm, where it is not the default one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub algorithm: Option<String>,
    /// Session persistence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub persistence: Option<Persistence>,
    /// Health monitor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub monitor: Option<Monitor>,
    /// The plugin that translated it, with or without a listener, where it is not built in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plugin: Option<String>,
    /// The plugin that chose how its connections are spread, where it is not built in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub distributor: Option<String>,
    /// Further options.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub extra: Extra,
}

/// `weir:member-<id>`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberKey {
    /// Weight, where it is not 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight: Option<u16>,
    /// A backup member.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub backup: bool,
    /// Further options.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub extra: Extra,
}

impl MemberKey {
    /// What the token and the status do not say of a member.
    pub fn of(member: &Member) -> Self {
        let weight = (member.weight != Member::DEFAULT_WEIGHT).then_some(member.weight);
        Self { weight, backup: member.backup, extra: member.extra.clone() }
    }
}

/// The value of a further key, or `None` where there is nothing to say.
pub fn value_unless_default<T: Serialize + Default + PartialEq>(key: &T) -> Option<String> {
    (*key != T::default()).then(|| python_json::to_string(key))
}

/// `True` or `False`, as Python writes them.
pub fn boolean(value: bool) -> String {
    if value { "True" } else { "False" }.to_owned()
}

/// The key of an object under its prefix.
pub fn object(prefix: &str, id: impl std::fmt::Display, admin_state_up: bool) -> String {
    format!("{prefix}{id}{}", if admin_state_up { "" } else { DOWN })
}

/// The token of a member in its pool's value.
pub fn member_token(member: &Member) -> String {
    match member.subnet_id {
        Some(subnet) => format!("member_{}_{}:{}_{subnet}", member.id, member.address, member.port),
        None => format!("member_{}_{}:{}", member.id, member.address, member.port),
    }
}

/// Reads a member token: id, address, port, subnet.
pub fn parse_member_token(token: &str) -> Option<(MemberId, IpAddr, u16, Option<SubnetId>)> {
    let rest = token.strip_prefix("member_")?;
    let (id, rest) = rest.split_once('_')?;
    let (socket, subnet) = match rest.split_once('_') {
        Some((socket, "")) => (socket, None),
        Some((socket, subnet)) => (socket, Some(subnet.parse().ok()?)),
        None => (rest, None),
    };
    let (address, port) = socket.rsplit_once(':')?;
    let address = address.trim_start_matches('[').trim_end_matches(']');
    Some((id.parse().ok()?, address.parse().ok()?, port.parse().ok()?, subnet))
}

/// An address and port as the `vips` column has them (ovn-nb(5)): IPv6 in brackets.
pub fn socket(address: &IpAddr, port: u16) -> String {
    match address {
        IpAddr::V4(address) => format!("{address}:{port}"),
        IpAddr::V6(address) => format!("[{address}]:{port}"),
    }
}

/// An address as `ip_port_mappings` has it: IPv6 in brackets, or northd does not find it.
pub fn bracketed(address: &IpAddr) -> String {
    match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("[{address}]"),
    }
}

/// The keys that every row of a load balancer has, but for attachments and what depends on the rows.
pub fn common(lb: &LoadBalancer, fronts: &[Front], deployment: &str) -> BTreeMap<String, String> {
    let mut keys = BTreeMap::from([
        (ENABLED.to_owned(), boolean(lb.admin_state_up)),
        (VIP.to_owned(), lb.vip.address.to_string()),
        (VERSION.to_owned(), VERSION_1.to_owned()),
        (OWNER.to_owned(), deployment.to_owned()),
        (LB.to_owned(), lb.id.to_string()),
    ]);
    if let Some(port) = lb.vip.port_id {
        keys.insert(VIP_PORT.to_owned(), port.to_string());
    }
    if !lb.additional_vips.is_empty() {
        let join =
            |text: &dyn Fn(&Vip) -> String| lb.additional_vips.iter().map(text).collect::<Vec<_>>().join(",");
        keys.insert(ADDITIONAL_VIPS.to_owned(), join(&|vip| vip.address.to_string()));
        let ports = join(&|vip| vip.port_id.map(|id| id.to_string()).unwrap_or_default());
        keys.insert(ADDITIONAL_VIP_PORTS.to_owned(), ports);
    }
    let floating = |main: bool| {
        let fronts = fronts.iter().filter(move |front| front.floating && (front.of == 0) == main);
        fronts.map(|front| front.address.to_string()).collect::<Vec<_>>().join(",")
    };
    for (key, value) in [(VIP_FIP, floating(true)), (ADDITIONAL_VIP_FIPS, floating(false))] {
        if !value.is_empty() {
            keys.insert(key.to_owned(), value);
        }
    }
    let further = LoadBalancerKey {
        project: lb.project_id.clone(),
        network: lb.vip.network_id,
        subnet: lb.vip.subnet_id,
        additional: lb.additional_vips.iter().map(|vip| (vip.network_id, vip.subnet_id)).collect(),
        flavor: lb.flavor.clone(),
        extra: lb.extra.clone(),
    };
    if let Some(value) = value_unless_default(&further) {
        keys.insert(LOADBALANCER.to_owned(), value);
    }
    keys
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_a_member_token_are_read() {
        let id = "adf55e70-3d50-4e62-99fd-dd77eababb1c";
        let subnet = "bbbbbbbb-0000-4000-8000-000000000002";
        let short = parse_member_token(&format!("member_{id}_10.10.10.10:63015")).unwrap();
        assert_eq!(short, (id.parse().unwrap(), "10.10.10.10".parse().unwrap(), 63015, None));
        let long = parse_member_token(&format!("member_{id}_fd00:10::10:80_{subnet}")).unwrap();
        assert_eq!(
            long,
            (id.parse().unwrap(), "fd00:10::10".parse().unwrap(), 80, Some(subnet.parse().unwrap()))
        );
        for bad in ["", "member_", "member_x_1.1.1.1:1", &format!("member_{id}_1.1.1.1"), "x"] {
            assert_eq!(parse_member_token(bad), None, "{bad}");
        }
    }

    #[test]
    fn somebody_elses_keys_are_not_managed() {
        for prefix in [OUR_LISTENER, OUR_POOL, OUR_MEMBER] {
            assert!([LISTENER, POOL].iter().all(|theirs| !prefix.contains(theirs)), "{prefix}");
        }
        for ours in ["enabled", "ls_refs", "listener_1", "pool_1:D", "weir:seen", "neutron:vip"] {
            assert!(is_managed(ours), "{ours}");
        }
        for theirs in ["note", "neutron:device_owner", "neutron:revision_number", "k8s.ovn.org/kind"] {
            assert!(!is_managed(theirs), "{theirs}");
        }
    }
}

//! What is monitored of the Northbound: the tables and columns that are used, and no more.

use weir_ovsdb::{Condition, Datum, Index, TableSpec};
use weir_plan::{acls, keys};

/// On a floating IP's `external_ids`: the Neutron port it stands for.
pub use weir_plan::topology::FLOATING_IP_PORT;

/// On a switch port's `external_ids`: its addresses with prefix lengths.
pub const CIDRS: &str = "neutron:cidrs";
/// On a switch port's `external_ids`: what its Neutron port is for.
pub const DEVICE_OWNER: &str = "neutron:device_owner";
/// On a switch port's `external_ids`: the name its Neutron port has.
pub const PORT_NAME: &str = "neutron:port_name";
/// On a switch port's `options`: the router port it is wired to.
pub const ROUTER_PORT: &str = "router-port";
/// The columns of a switch port that refer to DHCP options.
pub const DHCP_COLUMNS: [&str; 2] = ["dhcpv4_options", "dhcpv6_options"];
/// On DHCP options' `external_ids`: the subnet they are for.
pub const DHCP_SUBNET: &str = "subnet_id";
/// On a router port's `external_ids`: the switch it connects.
pub const NETWORK_NAME: &str = "neutron:network_name";
/// On a router port's `external_ids`: the subnets it serves.
pub const SUBNETS: &str = "neutron:subnet_ids";

/// `Load_Balancer` by name, which is Octavia's id.
pub fn by_name() -> Index {
    Index::Column("name".to_owned())
}

/// Rows that have a key in `external_ids`.
pub fn by_external_id_key() -> Index {
    Index::MapKeys("external_ids".to_owned())
}

/// `Load_Balancer` by the addresses of members that it probes.
pub fn by_probed_address() -> Index {
    Index::MapKeys("ip_port_mappings".to_owned())
}

/// `Load_Balancer` by its VIP.
pub fn by_vip() -> Index {
    by_external_id(keys::VIP, None)
}

/// `Load_Balancer` by its additional VIPs.
pub fn by_additional_vip() -> Index {
    by_external_id(keys::ADDITIONAL_VIPS, Some(','))
}

fn by_external_id(key: &str, separator: Option<char>) -> Index {
    Index::MapKey { column: "external_ids".to_owned(), key: key.to_owned(), separator }
}

/// `Load_Balancer` and `ACL` by the load balancer that our key names.
pub fn by_our_key() -> Index {
    by_external_id(weir_plan::keys::LB, None)
}

/// Router ports and DHCP options by the subnets they serve.
pub fn by_subnet(key: &str) -> Index {
    by_external_id(key, Some(' '))
}

/// Router ports by the switch they connect.
pub fn by_network_name() -> Index {
    by_external_id(NETWORK_NAME, None)
}

/// Switch ports by the router port they are wired to.
pub fn by_router_port() -> Index {
    Index::MapKey { column: "options".to_owned(), key: ROUTER_PORT.to_owned(), separator: None }
}

/// Switch ports by address and prefix length.
pub fn by_cidr() -> Index {
    by_external_id(CIDRS, Some(' '))
}

/// Switch ports by the name that their Neutron port has.
pub fn by_port_name() -> Index {
    by_external_id(PORT_NAME, None)
}

/// Floating IPs by the Neutron port they stand for.
pub fn by_floating_ip_port() -> Index {
    by_external_id(FLOATING_IP_PORT, None)
}

/// Floating IPs by the address they stand for.
pub fn by_logical_ip() -> Index {
    Index::Column("logical_ip".to_owned())
}

/// Floating IPs by the load balancers that they were made central for.
pub fn by_centralised_for() -> Index {
    by_external_id(weir_plan::keys::CENTRALISED, Some(' '))
}

/// Rows that refer to a row in a set column.
pub fn referring(column: &str) -> Index {
    Index::References(column.to_owned())
}

/// The tables of `OVN_Northbound` that Weir monitors; of the table `ACL`, of which Neutron has many rows, those that are or
/// have been the deployment's.
pub fn tables(deployment: &str) -> Vec<TableSpec> {
    let table = |name: &str, columns: &[&str], indexes: Vec<Index>| TableSpec {
        name: name.to_owned(),
        columns: columns.iter().map(|column| (*column).to_owned()).collect(),
        indexes,
        any_of: Vec::new(),
    };
    let ours = [
        Condition::includes("external_ids", Datum::map([(keys::OWNER, deployment)])),
        Condition::eq("priority", acls::PRIORITY),
    ];
    vec![
        table(
            "Load_Balancer",
            &[
                "name",
                "protocol",
                "vips",
                "selection_fields",
                "options",
                "external_ids",
                "ip_port_mappings",
                "health_check",
            ],
            vec![
                by_name(),
                by_external_id_key(),
                by_probed_address(),
                by_our_key(),
                by_vip(),
                by_additional_vip(),
                referring("health_check"),
            ],
        ),
        table("Load_Balancer_Health_Check", &["vip", "options", "external_ids"], Vec::new()),
        table(
            "Logical_Switch",
            &["name", "ports", "load_balancer", "acls", "external_ids"],
            vec![by_name(), referring("ports"), referring("load_balancer"), referring("acls")],
        ),
        table(
            "Logical_Switch_Port",
            &["name", "type", "up", "enabled", "options", "external_ids", "dhcpv4_options", "dhcpv6_options"],
            vec![
                by_name(),
                by_router_port(),
                by_cidr(),
                by_port_name(),
                referring("dhcpv4_options"),
                referring("dhcpv6_options"),
            ],
        ),
        table(
            "Logical_Router",
            &["name", "ports", "load_balancer", "nat", "external_ids"],
            vec![referring("ports"), referring("load_balancer")],
        ),
        table(
            "Logical_Router_Port",
            &["name", "networks", "external_ids", "gateway_chassis", "ha_chassis_group"],
            vec![by_name(), by_network_name(), by_subnet(SUBNETS)],
        ),
        TableSpec {
            any_of: ours.to_vec(),
            ..table(
                "ACL",
                &["direction", "priority", "match", "action", "name", "external_ids"],
                vec![by_name(), by_our_key()],
            )
        },
        table(
            "NAT",
            &["type", "external_ip", "logical_ip", "external_mac", "logical_port", "external_ids"],
            vec![by_floating_ip_port(), by_logical_ip(), by_centralised_for()],
        ),
        table("NB_Global", &["options"], Vec::new()),
        table("DHCP_Options", &["cidr", "external_ids"], vec![by_subnet(DHCP_SUBNET)]),
    ]
}

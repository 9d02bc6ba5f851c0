//! What is monitored of the Northbound: the tables and columns that are used, and no more.

use weir_ovsdb::{Index, TableSpec};

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

fn by_external_id(key: &str, separator: Option<char>) -> Index {
    Index::MapKey { column: "external_ids".to_owned(), key: key.to_owned(), separator }
}

/// Router ports and DHCP options by the subnets they serve.
pub fn by_subnet(key: &str) -> Index {
    by_external_id(key, Some(' '))
}

/// Router ports by the switch they connect.
pub fn by_network_name() -> Index {
    by_external_id("neutron:network_name", None)
}

/// Switch ports by the router port they are wired to.
pub fn by_router_port() -> Index {
    Index::MapKey { column: "options".to_owned(), key: "router-port".to_owned(), separator: None }
}

/// Switch ports by address and prefix length.
pub fn by_cidr() -> Index {
    by_external_id("neutron:cidrs", Some(' '))
}

/// Switch ports by the name that their Neutron port has.
pub fn by_port_name() -> Index {
    by_external_id("neutron:port_name", None)
}

/// Floating IPs by the Neutron port they stand for.
pub fn by_floating_ip_port() -> Index {
    by_external_id("neutron:fip_port_id", None)
}

/// Rows that refer to a row in a set column.
pub fn referring(column: &str) -> Index {
    Index::References(column.to_owned())
}

/// The tables of `OVN_Northbound` that Weir monitors.
pub fn tables() -> Vec<TableSpec> {
    let table = |name: &str, columns: &[&str], indexes: Vec<Index>| TableSpec {
        name: name.to_owned(),
        columns: columns.iter().map(|column| (*column).to_owned()).collect(),
        indexes,
    };
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
            vec![by_name(), by_external_id_key(), by_probed_address()],
        ),
        table("Load_Balancer_Health_Check", &["vip", "options", "external_ids"], Vec::new()),
        table(
            "Logical_Switch",
            &["name", "ports", "load_balancer", "external_ids"],
            vec![by_name(), referring("ports"), referring("load_balancer")],
        ),
        table(
            "Logical_Switch_Port",
            &["name", "type", "options", "external_ids", "dhcpv4_options", "dhcpv6_options"],
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
            &["name", "ports", "load_balancer", "external_ids"],
            vec![referring("ports"), referring("load_balancer")],
        ),
        table(
            "Logical_Router_Port",
            &["name", "networks", "external_ids", "gateway_chassis", "ha_chassis_group"],
            vec![by_name(), by_network_name(), by_subnet("neutron:subnet_ids")],
        ),
        table("NAT", &["type", "external_ip", "logical_ip", "external_ids"], vec![by_floating_ip_port()]),
        table("DHCP_Options", &["cidr", "external_ids"], vec![by_subnet("subnet_id")]),
    ]
}

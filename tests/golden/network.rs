//! What happens in the network between calls, written as Neutron's ML2/OVN driver writes it. A step's `network` is a list of
//! changes, each `{"<kind>": {...}}`:
//!
//! | kind | keys | |
//! |---|---|---|
//! | `network` | `id`, `physical` | a switch; `physical` makes it a provider network |
//! | `subnet` | `id`, `cidr` | its DHCP options |
//! | `router` | `id` | |
//! | `interface` | `port`, `router`, `network`, `subnet`, `address` | a router's port on a network |
//! | `gateway` | the same, `ha` | a router's way outside; `ha` by a chassis group instead of gateway chassis |
//! | `port` | `id`, `network`, `subnet`, `address`, `name` | a server's port, or whose name says what it is for |
//! | `remove_port` | `id` | a port of any kind, with the router's side of it |
//! | `floating_ip` | `address`, `router`, `port`, `fixed`, `mac` | on a port, wherever it was before; without `port` on none; `mac` makes it distributed |

use std::iter::once;

use serde_json::{Value, json};
use weir_tests::Northbound;

/// Makes one change.
pub fn change(northbound: &Northbound, change: &Value) {
    let (kind, what) = change.as_object().unwrap().iter().next().unwrap();
    let operations = match kind.as_str() {
        "network" => vec![network(what)],
        "subnet" => vec![insert(
            "DHCP_Options",
            "dhcp",
            &json!({"cidr": what["cidr"], "external_ids": map([("subnet_id", text(what, "id"))])}),
        )],
        "router" => vec![insert("Logical_Router", "router", &json!({"name": neutron(text(what, "id"))}))],
        "interface" => router_port(what, "network:router_interface"),
        "gateway" => router_port(what, "network:router_gateway"),
        "port" => port(northbound, what),
        "remove_port" => remove_port(northbound, text(what, "id")),
        "floating_ip" => floating_ip(northbound, what),
        other => panic!("no such change: {other}"),
    };
    northbound.transact(&operations);
}

fn text<'a>(what: &'a Value, key: &str) -> &'a str {
    what[key].as_str().unwrap_or_else(|| panic!("no {key} in {what}"))
}

fn neutron(id: &str) -> String {
    format!("neutron-{id}")
}

fn map<const N: usize>(pairs: [(&str, &str); N]) -> Value {
    json!(["map", pairs.to_vec()])
}

fn insert(table: &str, name: &str, row: &Value) -> Value {
    json!({"op": "insert", "table": table, "uuid-name": name, "row": row})
}

/// Puts a row into a set of another, which `name` is the name of.
fn add(table: &str, name: &str, column: &str, row: &str) -> Value {
    json!({"op": "mutate", "table": table, "where": [["name", "==", name]],
        "mutations": [[column, "insert", ["named-uuid", row]]]})
}

/// Takes rows out of a set, whoever has them; the last reference gone, they go.
fn take_out(northbound: &Northbound, holders: &str, column: &str, table: &str, of: &Value) -> Vec<Value> {
    let found =
        northbound.transact(&[json!({"op": "select", "table": table, "where": [of], "columns": ["_uuid"]})]);
    let rows = found[0]["rows"].as_array().unwrap().iter();
    let delete = |row: &Value| json!({"op": "mutate", "table": holders, "where": [], "mutations": [[column, "delete", row["_uuid"]]]});
    rows.map(delete).collect()
}

fn network(what: &Value) -> Value {
    let ids = match what["physical"].as_str() {
        Some(physical) => map([("neutron:mtu", "1500"), ("neutron:provnet-physical-network", physical)]),
        None => map([("neutron:mtu", "1442")]),
    };
    insert("Logical_Switch", "switch", &json!({"name": neutron(text(what, "id")), "external_ids": ids}))
}

fn router_port(what: &Value, owner: &str) -> Vec<Value> {
    let (id, address) = (text(what, "port"), text(what, "address"));
    let (switch, router) = (neutron(text(what, "network")), neutron(text(what, "router")));
    let lrp = format!("lrp-{id}");
    let mut ours = json!({"name": lrp, "mac": "fa:16:3e:00:00:0f", "networks": address, "external_ids": map([
        ("neutron:router_name", text(what, "router")), ("neutron:network_name", &switch),
        ("neutron:subnet_ids", text(what, "subnet"))])});
    let chassis = format!("{lrp}_gw1");
    let mut operations = Vec::new();
    if owner == "network:router_gateway" {
        let (table, column) = match what["ha"] == true {
            true => ("HA_Chassis_Group", "ha_chassis_group"),
            false => ("Gateway_Chassis", "gateway_chassis"),
        };
        let mut row = json!({"name": chassis});
        if table == "Gateway_Chassis" {
            row["chassis_name"] = "gw1".into();
        }
        operations.push(insert(table, "chassis", &row));
        ours[column] = json!(["named-uuid", "chassis"]);
    }
    let theirs = json!({"name": id, "type": "router", "addresses": "router", "options": map([("router-port", &lrp)]),
        "external_ids": map([("neutron:cidrs", address), ("neutron:device_owner", owner),
            ("neutron:device_id", text(what, "router")), ("neutron:network_name", &switch)])});
    operations.extend([
        insert("Logical_Router_Port", "lrp", &ours),
        insert("Logical_Switch_Port", "lsp", &theirs),
        add("Logical_Router", &router, "ports", "lrp"),
        add("Logical_Switch", &switch, "ports", "lsp"),
    ]);
    operations
}

fn port(northbound: &Northbound, what: &Value) -> Vec<Value> {
    let (switch, cidr) = (neutron(text(what, "network")), text(what, "address"));
    let address = cidr.split('/').next().unwrap();
    let mut row = json!({"name": what["id"], "addresses": format!("fa:16:3e:00:00:aa {address}"),
        "external_ids": map([("neutron:cidrs", cidr), ("neutron:port_name", text(what, "name")),
            ("neutron:network_name", &switch)])});
    let of_subnet = ["external_ids", "includes"].map(Value::from).into_iter();
    let of_subnet: Vec<_> = of_subnet.chain(once(map([("subnet_id", text(what, "subnet"))]))).collect();
    let options = northbound.transact(&[
        json!({"op": "select", "table": "DHCP_Options", "where": [of_subnet], "columns": ["_uuid"]}),
    ]);
    let column = if address.contains(':') { "dhcpv6_options" } else { "dhcpv4_options" };
    row[column] = options[0]["rows"][0]["_uuid"].clone();
    vec![insert("Logical_Switch_Port", "lsp", &row), add("Logical_Switch", &switch, "ports", "lsp")]
}

fn remove_port(northbound: &Northbound, id: &str) -> Vec<Value> {
    let named = |name: String| json!(["name", "==", name]);
    let mut operations =
        take_out(northbound, "Logical_Switch", "ports", "Logical_Switch_Port", &named(id.to_owned()));
    let lrp = named(format!("lrp-{id}"));
    operations.extend(take_out(northbound, "Logical_Router", "ports", "Logical_Router_Port", &lrp));
    assert!(!operations.is_empty(), "no port {id}");
    operations
}

fn floating_ip(northbound: &Northbound, what: &Value) -> Vec<Value> {
    let address = text(what, "address");
    let mut operations =
        take_out(northbound, "Logical_Router", "nat", "NAT", &json!(["external_ip", "==", address]));
    operations.push(json!({"op": "mutate", "table": "Logical_Switch_Port",
        "where": [["external_ids", "includes", map([("neutron:port_fip", address)])]],
        "mutations": [["external_ids", "delete", map([("neutron:port_fip", address)])]]}));
    if what["port"].is_null() {
        return operations;
    }
    let (router, port) = (text(what, "router"), text(what, "port"));
    let mut row = json!({"type": "dnat_and_snat", "external_ip": address, "logical_ip": what["fixed"],
        "external_ids": map([("neutron:fip_port_id", port), ("neutron:router_name", &neutron(router)),
            ("neutron:revision_number", "1")])});
    if let Some(mac) = what["mac"].as_str() {
        row["external_mac"] = mac.into();
        row["logical_port"] = port.into();
    }
    operations.extend([
        insert("NAT", "nat", &row),
        add("Logical_Router", &neutron(router), "nat", "nat"),
        json!({"op": "mutate", "table": "Logical_Switch_Port", "where": [["name", "==", port]],
            "mutations": [["external_ids", "insert", map([("neutron:port_fip", address)])]]}),
    ]);
    operations
}

//! The networks that load balancers live in: like a cloud's, many small ones rather than one large.

use serde_json::{Value, json};

/// Load balancers that share a network.
pub const LOAD_BALANCERS_A_NETWORK: usize = 10;

fn map(pairs: &[(&str, &str)]) -> Value {
    json!(["map", pairs.iter().map(|(key, value)| json!([key, value])).collect::<Vec<_>>()])
}

/// Ids of network `n`: network, subnet, router.
pub fn ids(n: usize) -> [String; 3] {
    [1, 2, 3].map(|kind| format!("aaaaaaaa-000{kind}-4000-8000-{n:012}"))
}

/// Operations that write network `n`: a switch, a router, the router's interface on the switch.
pub fn operations(n: usize) -> Vec<Value> {
    let [network, subnet, router] = ids(n);
    let (switch, lrp) = (format!("neutron-{network}"), format!("lrp-{subnet}"));
    let (port, interface) = (format!("p{n}"), format!("i{n}"));
    vec![
        json!({"op": "insert", "table": "Logical_Switch_Port", "uuid-name": port, "row": {
            "name": subnet, "type": "router", "addresses": "router",
            "options": map(&[("router-port", &lrp)]),
            "external_ids": map(&[("neutron:device_owner", "network:router_interface"), ("neutron:cidrs", "10.10.10.1/24")]),
        }}),
        json!({"op": "insert", "table": "Logical_Switch", "row": {"name": switch, "ports": ["named-uuid", port]}}),
        json!({"op": "insert", "table": "Logical_Router_Port", "uuid-name": interface, "row": {
            "name": lrp, "mac": "fa:16:3e:00:00:01", "networks": "10.10.10.1/24",
            "external_ids": map(&[("neutron:network_name", &switch), ("neutron:subnet_ids", &subnet)]),
        }}),
        json!({"op": "insert", "table": "Logical_Router", "row": {
            "name": format!("neutron-{router}"), "ports": ["named-uuid", interface],
        }}),
    ]
}

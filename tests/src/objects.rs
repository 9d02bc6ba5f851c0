//! Bodies of provider calls, by number.

use serde_json::{Value, json};

/// The private network of `golden/topology.json`.
pub const NETWORK: &str = "bbbbbbbb-0000-4000-8000-000000000001";
/// Its IPv4 subnet, 10.10.10.0/24.
pub const SUBNET: &str = "bbbbbbbb-0000-4000-8000-000000000002";

/// The network that scenarios start from.
pub fn topology() -> Vec<Value> {
    let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/topology.json");
    let topology: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    topology["operations"]["tenant"].as_array().unwrap().clone()
}

/// An id: kind 1 load balancer, 2 listener, 3 pool, 4 member.
pub fn id(kind: u32, n: usize) -> String {
    format!("{kind}0000000-0000-4000-8000-{n:012}")
}

/// `loadbalancer_create` of load balancer `n`.
pub fn loadbalancer(n: usize) -> Value {
    json!({"loadbalancer": {
        "loadbalancer_id": id(1, n), "admin_state_up": true, "vip_address": format!("10.10.{}.{}", 20 + n / 200, n % 200 + 1),
        "vip_network_id": NETWORK, "vip_subnet_id": SUBNET, "vip_port_id": id(6, n),
    }})
}

/// `listener_create` of listener `n` on load balancer `lb`.
pub fn listener(n: usize, lb: usize, protocol: &str, port: u16) -> Value {
    json!({"listener": {
        "listener_id": id(2, n), "loadbalancer_id": id(1, lb), "protocol": protocol, "protocol_port": port, "admin_state_up": true,
    }})
}

/// `pool_create` of pool `n` on listener `on`.
pub fn pool(n: usize, lb: usize, on: Option<usize>, protocol: &str) -> Value {
    json!({"pool": {
        "pool_id": id(3, n), "loadbalancer_id": id(1, lb), "listener_id": on.map(|n| id(2, n)), "protocol": protocol,
        "lb_algorithm": "SOURCE_IP_PORT", "admin_state_up": true,
    }})
}

/// `member_create` of member `n` in pool `pool`.
pub fn member(n: usize, pool: usize) -> Value {
    json!({"member": {
        "member_id": id(4, n), "pool_id": id(3, pool), "address": format!("10.10.{}.{}", 10 + n / 200, n % 200 + 10),
        "protocol_port": 8080, "subnet_id": SUBNET, "admin_state_up": true, "weight": 1,
    }})
}

/// `health_monitor_create` of monitor `n` on pool `pool`.
pub fn monitor(n: usize, pool: usize, kind: &str) -> Value {
    json!({"healthmonitor": {
        "healthmonitor_id": id(5, n), "pool_id": id(3, pool), "type": kind, "delay": 5, "timeout": 3, "max_retries": 3,
        "max_retries_down": 3, "admin_state_up": true,
    }})
}

/// The port whose address health checks of [`SUBNET`] are sent from, on the switch of [`NETWORK`].
pub fn source_port() -> Vec<Value> {
    switch_port(
        "eeeeeeee-0000-4000-8000-000000000004",
        "10.10.10.100/24",
        "localport",
        &format!("ovn-lb-hm-{SUBNET}"),
    )
}

/// A port on the switch of [`NETWORK`], as Neutron writes it.
pub fn switch_port(name: &str, cidr: &str, kind: &str, port_name: &str) -> Vec<Value> {
    let address = cidr.split('/').next().unwrap();
    vec![
        json!({"op": "insert", "table": "Logical_Switch_Port", "uuid-name": "port", "row": {
            "name": name, "type": kind, "addresses": format!("fa:16:3e:00:00:01 {address}"),
            "external_ids": ["map", [["neutron:cidrs", cidr], ["neutron:port_name", port_name],
                ["neutron:network_name", format!("neutron-{NETWORK}")]]],
        }}),
        json!({"op": "mutate", "table": "Logical_Switch", "where": [["name", "==", format!("neutron-{NETWORK}")]],
            "mutations": [["ports", "insert", ["named-uuid", "port"]]]}),
    ]
}

/// The four calls that make load balancer `n` with one listener, pool and member, all of number `n`.
pub fn calls(n: usize) -> [(&'static str, Value); 4] {
    [
        ("loadbalancer_create", loadbalancer(n)),
        ("listener_create", listener(n, n, "TCP", 80)),
        ("pool_create", pool(n, n, Some(n), "TCP")),
        ("member_create", member(n, n)),
    ]
}

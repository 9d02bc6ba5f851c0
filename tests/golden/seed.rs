//! The seed document's story, to the letter: after each step the row has the keys and values the document shows.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use weir_tests::{Host, Northbound};

const LB: &str = "94e7c431-912b-496c-a247-d52875d44ac7";
const NETWORK: &str = "ee97665d-69d0-4995-a275-27855359956a";
const SUBNET: &str = "3eed0c05-6527-400e-bb80-df6e59d248f1";
const ROUTER: &str = "3d2a873b-b5b4-4d14-ac24-47a835fd47b2";
const PORT: &str = "c98e52d0-5965-4b22-8a17-a374f4399193";
const LISTENER: &str = "21e77cde-854f-4c3e-bd8c-9536ae0443bc";
const POOL: &str = "898be8a2-5185-4f3b-8658-a56457f595a9";
const MEMBER: &str = "adf55e70-3d50-4e62-99fd-dd77eababb1c";

/// The public switch, with a router's interface in the VIP's subnet.
pub fn network() -> Vec<Value> {
    let map =
        |pairs: &[(&str, &str)]| json!(["map", pairs.iter().map(|(k, v)| json!([k, v])).collect::<Vec<_>>()]);
    let (switch, lrp) = (format!("neutron-{NETWORK}"), "lrp-if");
    vec![
        json!({"op": "insert", "table": "Logical_Switch_Port", "uuid-name": "p", "row": {
            "name": "if", "type": "router", "addresses": "router", "options": map(&[("router-port", lrp)]),
            "external_ids": map(&[("neutron:device_owner", "network:router_interface"), ("neutron:cidrs", "172.24.4.1/24")])}}),
        json!({"op": "insert", "table": "Logical_Switch", "row": {"name": switch, "ports": ["named-uuid", "p"]}}),
        json!({"op": "insert", "table": "Logical_Router_Port", "uuid-name": "i", "row": {
            "name": lrp, "mac": "fa:16:3e:00:00:01", "networks": "172.24.4.1/24",
            "external_ids": map(&[("neutron:network_name", &switch), ("neutron:subnet_ids", SUBNET)])}}),
        json!({"op": "insert", "table": "Logical_Router", "row": {"name": format!("neutron-{ROUTER}"), "ports": ["named-uuid", "i"]}}),
    ]
}

/// The calls, in order.
pub fn calls() -> [(&'static str, Value); 4] {
    [
        (
            "loadbalancer_create",
            json!({"loadbalancer": {"loadbalancer_id": LB, "vip_address": "172.24.4.9", "vip_port_id": PORT,
            "vip_network_id": NETWORK, "vip_subnet_id": SUBNET, "admin_state_up": true}}),
        ),
        (
            "listener_create",
            json!({"listener": {"listener_id": LISTENER, "loadbalancer_id": LB, "protocol": "TCP",
            "protocol_port": 64015, "admin_state_up": true}}),
        ),
        (
            "pool_create",
            json!({"pool": {"pool_id": POOL, "loadbalancer_id": LB, "listener_id": LISTENER, "protocol": "TCP",
            "lb_algorithm": "SOURCE_IP_PORT", "admin_state_up": true}}),
        ),
        (
            "member_create",
            json!({"member": {"member_id": MEMBER, "pool_id": POOL, "address": "10.10.10.10",
            "protocol_port": 63015, "subnet_id": null, "admin_state_up": true}}),
        ),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn the_seed_documents_rows_step_by_step() {
    let northbound = Northbound::start();
    northbound.transact(&network());
    let host = Host::start(northbound.folder(), &northbound.remote()).await;
    let mut keys: BTreeMap<String, String> = BTreeMap::from([
        ("enabled".into(), "True".into()),
        ("lr_ref".into(), format!("neutron-{ROUTER}")),
        ("ls_refs".into(), format!("{{\"neutron-{NETWORK}\": 1}}")),
        ("neutron:vip".into(), "172.24.4.9".into()),
        ("neutron:vip_port_id".into(), PORT.into()),
    ]);
    let mut uuid = Value::Null;
    for (step, (method, args)) in calls().iter().enumerate() {
        host.client().call(method, args).await.committed();
        let mut vips = json!({});
        match step {
            1 => drop(keys.insert(format!("listener_{LISTENER}"), "64015:".into())),
            2 => {
                keys.insert(format!("listener_{LISTENER}"), format!("64015:pool_{POOL}"));
                keys.insert(format!("pool_{POOL}"), String::new());
            }
            3 => {
                keys.insert(format!("pool_{POOL}"), format!("member_{MEMBER}_10.10.10.10:63015"));
                keys.insert("neutron:member_status".into(), format!("{{\"{MEMBER}\": \"NO_MONITOR\"}}"));
                vips = json!({"172.24.4.9:64015": "10.10.10.10:63015"});
            }
            _ => {}
        }
        let rows = northbound.rows(LB);
        assert_eq!(rows.len(), 1);
        let mut seen = rows[0]["external_ids"].as_object().unwrap().clone();
        seen.retain(|key, _| !key.starts_with("weir:"));
        assert_eq!(Value::from(seen), json!(keys), "{method}");
        assert_eq!(rows[0]["name"], LB);
        assert_eq!(rows[0]["protocol"], "tcp");
        assert_eq!(rows[0]["vips"], vips);
        // The row stays the same one, as in the document.
        if step > 0 {
            assert_eq!(rows[0]["_uuid"], uuid);
        }
        uuid = rows[0]["_uuid"].clone();
    }
}

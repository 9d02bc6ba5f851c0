//! A health monitor over members in a subnet that only Neutron knows: neither DHCP nor a router tells the Northbound of it.

use serde_json::{Value, json};
use weir_tests::{eventually, objects::*};

use super::Scene;

const UNKNOWN: &str = "eeeeeeee-0000-4000-8000-000000000077";

/// A port on the switch of the VIP's network, as Neutron writes it.
fn port(name: &str, cidr: &str, kind: &str, port_name: &str, owner: &str) -> Vec<Value> {
    let mut operations = switch_port(name, cidr, kind, port_name);
    let ids = operations[0]["row"]["external_ids"][1].as_array_mut().unwrap();
    ids.push(json!(["neutron:device_owner", owner]));
    operations
}

fn vips(scene: &Scene) -> Value {
    scene.northbound.load_balancer(&id(1, 1))["vips"].clone()
}

fn mappings(scene: &Scene) -> Value {
    scene.northbound.load_balancer(&id(1, 1))["ip_port_mappings"].clone()
}

fn checks(scene: &Scene) -> usize {
    let state = scene.northbound.state();
    let rows = state["load_balancers"].as_array().unwrap();
    rows.iter().map(|row| row["health_checks"].as_array().unwrap().len()).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn monitor_over_unknown_subnet_serves_unchecked_until_neutron_has_answered() {
    let mut scene = Scene::start().await;
    let client = scene.host.client();
    let members: Vec<_> = [11, 12]
        .into_iter()
        .map(|n| {
            let name = format!("ffffffff-0000-4000-8000-0000000000{n}");
            scene.northbound.transact(&port(&name, &format!("10.20.0.{n}/24"), "", "vm", "compute:nova"));
            let mut member = member(n, 1)["member"].clone();
            member["address"] = format!("10.20.0.{n}").into();
            member["subnet_id"] = UNKNOWN.into();
            member
        })
        .collect();
    let mut lb = loadbalancer(1);
    lb["loadbalancer"]["listeners"] = json!([listener(1, 1, "TCP", 80)["listener"]]);
    lb["loadbalancer"]["listeners"][0]["default_pool_id"] = id(3, 1).into();
    let mut pool = pool(1, 1, None, "TCP")["pool"].clone();
    pool["members"] = members.into();
    lb["loadbalancer"]["pools"] = json!([pool]);
    scene.agent.knows(&id(1, 1));
    client.call("loadbalancer_create", &lb).await.committed();
    let serves = vips(&scene);

    // Neutron does not know the subnet yet, or does not answer: nothing is taken from the VIP.
    client.call("health_monitor_create", &monitor(1, 1, "TCP")).await.committed();
    let asked = async || (scene.cloud.count("GET", &format!("/subnets/{UNKNOWN}")) > 0).then_some(());
    eventually("Neutron is asked", asked).await;
    assert_eq!((vips(&scene), mappings(&scene), checks(&scene)), (serves.clone(), json!({}), 0));
    let shown = client.get(&format!("/v1/loadbalancers/{}", id(1, 1))).await.body;
    assert_eq!(shown["subnets_without_source"], json!([{"subnet": UNKNOWN, "network": null}]));

    scene.cloud.add_subnet(UNKNOWN.parse().unwrap(), NETWORK.parse().unwrap(), [10, 20, 0, 100].into());
    let made = eventually("the port is made", async || {
        scene.cloud.ports().into_iter().find(|port| port["name"] == format!("ovn-lb-hm-{UNKNOWN}"))
    })
    .await;
    assert_eq!(made["network_id"], NETWORK);
    let address = made["fixed_ips"][0]["ip_address"].as_str().unwrap();
    assert_eq!((vips(&scene), checks(&scene)), (serves.clone(), 0), "until the Northbound has the port");
    let (name, owner) = (made["name"].as_str().unwrap(), made["device_owner"].as_str().unwrap());
    scene.northbound.transact(&port(
        made["id"].as_str().unwrap(),
        &format!("{address}/24"),
        "localport",
        name,
        owner,
    ));
    eventually("probed", async || (checks(&scene) == 1).then_some(())).await;
    let mapped = json!({
        "10.20.0.11": format!("ffffffff-0000-4000-8000-000000000011:{address}"),
        "10.20.0.12": format!("ffffffff-0000-4000-8000-000000000012:{address}"),
    });
    assert_eq!((vips(&scene), mappings(&scene)), (serves, mapped.clone()));

    // The Northbound says it all from now on, also to a host that has just begun.
    let before = scene.cloud.count("GET", "/subnets/");
    scene.host.kill();
    scene.host = Scene::host(&scene.cloud, &scene.northbound, &[]);
    scene.host.ready().await;
    let path = format!("/v1/loadbalancers/{}/reconcile", id(1, 1));
    assert_eq!(scene.host.client().post(&path).await.status, 200);
    assert_eq!((mappings(&scene), checks(&scene)), (mapped, 1));
    assert_eq!(scene.cloud.count("GET", "/subnets/"), before);
}

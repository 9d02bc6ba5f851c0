//! Ports that earlier releases of the reference driver have made get their owner and device.

use serde_json::{Value, json};
use weir_neutron::testing::FakeCloud;
use weir_tests::{Northbound, eventually, objects::*};

use super::{Scene, refuse};

/// The switch port of the source port, whose name is the Neutron port's id.
const SOURCE: &str = "eeeeeeee-0000-4000-8000-000000000004";

/// A row of the reference's: load balancer `n` with its VIP port `n` and, where one is named, a further VIP's; its member is
/// monitored.
fn row(n: usize, additional: Option<usize>) -> Vec<Value> {
    let member_port = id(7, n);
    let address = format!("10.10.10.{}", 20 + n);
    let vip = format!("10.10.10.{}", 40 + n);
    let mut keys = vec![
        json!(["enabled", "True"]),
        json!(["neutron:vip", vip]),
        json!(["neutron:vip_port_id", id(6, n)]),
        json!(["ls_refs", format!("{{\"neutron-{NETWORK}\": 1}}")]),
        json!([format!("listener_{}", id(2, n)), format!("80:pool_{}", id(3, n))]),
        json!([format!("pool_{}", id(3, n)), format!("member_{}_{address}:8080_{SUBNET}", id(4, n))]),
        json!(["neutron:member_status", format!("{{\"{}\": \"ONLINE\"}}", id(4, n))]),
        json!(["octavia:healthmonitors", format!("[\"{}\"]", id(5, n))]),
    ];
    if let Some(port) = additional {
        keys.push(json!(["neutron:additional_vips", "10.10.10.99"]));
        keys.push(json!(["neutron:additional_vip_port_ids", id(6, port)]));
    }
    let check_ids =
        json!([["octavia:healthmonitor", id(5, n)], ["octavia:pool_id", id(3, n)], ["octavia:vip", vip],]);
    let numbers =
        json!([["interval", "5"], ["timeout", "3"], ["success_count", "3"], ["failure_count", "3"]]);
    let mut operations = switch_port(&member_port, &format!("{address}/24"), "", "server");
    operations.extend([
        json!({"op": "insert", "table": "Load_Balancer_Health_Check", "uuid-name": "check", "row": {
            "vip": format!("{vip}:80"), "options": ["map", numbers], "external_ids": ["map", check_ids]}}),
        json!({"op": "insert", "table": "Load_Balancer", "uuid-name": "lb", "row": {
            "name": id(1, n), "protocol": "tcp", "external_ids": ["map", keys],
            "selection_fields": ["set", ["ip_src", "ip_dst", "tp_src", "tp_dst"]],
            "vips": ["map", [[format!("{vip}:80"), format!("{address}:8080")]]],
            "ip_port_mappings": ["map", [[address, format!("{member_port}:10.10.10.100")]]],
            "health_check": ["named-uuid", "check"]}}),
    ]);
    operations
}

fn port(id: &str, name: &str, device: &str, owner: &str, address: &str) -> Value {
    json!({
        "id": id, "name": name, "network_id": NETWORK, "device_id": device, "device_owner": owner,
        "fixed_ips": [{"subnet_id": SUBNET, "ip_address": address}],
    })
}

/// Neutron's ports of the rows: without owner and device, with owner alone, a user's own, one that is plugged into a server;
/// the source port with its former owner, and a port of another kind with the same owner.
fn ports(cloud: &FakeCloud) {
    let vip = |n: usize| format!("ovn-lb-vip-{}", id(1, n));
    let additional = format!("ovn-lb-vip-additional-1-{}", id(1, 1));
    cloud.add_port(port(&id(6, 1), &vip(1), "", "", "10.10.10.41"));
    cloud.add_port(port(&id(6, 9), &additional, "", "ovn-lb:vip", "10.10.10.99"));
    cloud.add_port(port(&id(6, 2), "mine", "", "", "10.10.10.42"));
    cloud.add_port(port(&id(6, 3), &vip(3), "server", "compute:nova", "10.10.10.43"));
    let source = format!("ovn-lb-hm-{SUBNET}");
    cloud.add_port(port(SOURCE, &source, "", "network:distributed", "10.10.10.100"));
    cloud.add_port(port(&id(6, 8), "", "ovnmeta-1", "network:distributed", "10.10.10.2"));
}

async fn scene(kind_of_source: &str, env: &[(&str, &str)]) -> Scene {
    scene_on(Scene::cloud().await, kind_of_source, env).await
}

async fn scene_on(cloud: FakeCloud, kind_of_source: &str, env: &[(&str, &str)]) -> Scene {
    let northbound = Northbound::start();
    ports(&cloud);
    northbound.transact(&topology());
    northbound.transact(&switch_port(
        SOURCE,
        "10.10.10.100/24",
        kind_of_source,
        &format!("ovn-lb-hm-{SUBNET}"),
    ));
    for (n, additional) in [(1, Some(9)), (2, None), (3, None)] {
        northbound.transact(&row(n, additional));
    }
    Scene::on(cloud, northbound, env).await
}

/// Owner and device of a port of Neutron's.
fn owner(scene: &Scene, id: &str) -> (String, String) {
    let ports = scene.cloud.ports();
    let port = ports.iter().find(|port| port["id"] == id).unwrap();
    let text = |key: &str| port[key].as_str().unwrap().to_owned();
    (text("device_owner"), text("device_id"))
}

fn pair(owner: &str, device: &str) -> (String, String) {
    (owner.to_owned(), device.to_owned())
}

async fn becomes(scene: &Scene, id: &str, owner_and_device: (String, String)) {
    eventually("the port has its owner", async || (owner(scene, id) == owner_and_device).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn old_ports_of_adopted_load_balancers_get_owner_and_device_and_go_with_them() {
    let scene =
        scene("localport", &[("WEIR_ADOPT", "all"), ("WEIR_OCTAVIA_UNKNOWN_OBJECT_TIMEOUT", "900")]).await;
    for port in [id(6, 1), id(6, 9)] {
        becomes(&scene, &port, pair("ovn-lb:vip", &format!("lb-{}", id(1, 1)))).await;
    }
    let source = format!("ovn-lb-hm-{SUBNET}");
    becomes(&scene, SOURCE, pair("ovn-lb-hm:distributed", &source)).await;
    eventually("the server's port is reported", async || {
        scene.host.log().contains("VIP port belongs to another device").then_some(())
    })
    .await;
    assert_eq!(owner(&scene, &id(6, 2)), pair("", ""), "a user's own");
    assert_eq!(owner(&scene, &id(6, 3)), pair("compute:nova", "server"));
    assert_eq!(owner(&scene, &id(6, 8)), pair("network:distributed", "ovnmeta-1"));
    let client = scene.host.client();
    for n in 1..=3 {
        scene.agent.knows(&id(1, n));
        client.call("loadbalancer_delete", &loadbalancer(n)).await.committed();
    }
    eventually("they go with the last load balancer", async || {
        let mut left = scene.ports();
        left.sort();
        (left == ["", "mine", &format!("ovn-lb-vip-{}", id(1, 3))]).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn old_ports_of_other_drivers_rows_stay() {
    let scene =
        scene("localport", &[("WEIR_ADOPT", &id(1, 2)), ("WEIR_OCTAVIA_UNKNOWN_OBJECT_TIMEOUT", "3")]).await;
    eventually("it is adopted", async || scene.host.log().contains("adopted load balancer").then_some(()))
        .await;
    // The source port is the adopted one's too.
    becomes(&scene, SOURCE, pair("ovn-lb-hm:distributed", &format!("ovn-lb-hm-{SUBNET}"))).await;
    let puts = |scene: &Scene| scene.cloud.count("PUT", "/ports");
    assert_eq!(puts(&scene), 1);
    let looks = scene.cloud.count("GET", "/ports");
    eventually("it is looked again", async || (scene.cloud.count("GET", "/ports") > looks + 4).then_some(()))
        .await;
    assert_eq!((owner(&scene, &id(6, 1)), puts(&scene)), (pair("", ""), 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn source_port_keeps_its_old_owner_where_the_new_one_makes_no_localport() {
    let scene = scene("", &[("WEIR_ADOPT", "all")]).await;
    eventually("it is given back", async || {
        scene.host.log().contains("gave a source port of health checks its former owner back").then_some(())
    })
    .await;
    // VIP ports are listed when the look at all three load balancers, which share the source port, is over.
    eventually("the look is over", async || {
        let asked = scene.cloud.asked();
        let put = asked.iter().position(|asked| asked.method == "PUT" && asked.path.contains(SOURCE))?;
        asked.iter().skip(put).any(|asked| asked.method == "GET" && asked.path.contains("vip")).then_some(())
    })
    .await;
    assert_eq!(owner(&scene, SOURCE), pair("network:distributed", ""));
    assert_eq!(scene.cloud.count("PUT", SOURCE), 2, "it is tried once");
}

#[tokio::test(flavor = "multi_thread")]
async fn old_ports_are_only_reported_without_repair() {
    let scene = scene("localport", &[("WEIR_ADOPT", "all"), ("WEIR_REPAIR", "report")]).await;
    // A call takes it over.
    let client = scene.host.client();
    client.call("pool_create", &pool(7, 1, None, "TCP")).await.committed();
    for what in ["outdated-vip-port", "outdated-source-port"] {
        eventually("it is reported", async || scene.host.log().contains(what).then_some(())).await;
    }
    assert_eq!(scene.cloud.count("PUT", "/ports"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn sync_gives_old_ports_owner_and_device() {
    let scene = Scene::with(&[("WEIR_OCTAVIA_UNKNOWN_OBJECT_TIMEOUT", "900")]).await;
    let client = scene.host.client();
    let name = format!("ovn-lb-vip-{}", id(1, 1));
    scene.cloud.add_port(port(&id(6, 1), &name, "", "", "10.10.20.2"));
    scene.agent.knows(&id(1, 1));
    client.call("loadbalancer_create", &loadbalancer(1)).await.committed();
    let only = format!("/v1/sync?dry_run=true&lb={}", id(1, 1));
    for path in ["/v1/sync?dry_run=true", only.as_str()] {
        let report = client.post(path).await;
        assert_eq!(report.status, 200, "{report:?}");
        assert_eq!(report.body["ports"], json!([{"id": id(6, 1), "name": name, "outcome": "updated"}]));
        assert_eq!(owner(&scene, &id(6, 1)), pair("", ""));
    }
    let report = client.post("/v1/sync").await;
    assert_eq!(report.body["ports"][0]["outcome"], "updated", "{report:?}");
    assert_eq!(owner(&scene, &id(6, 1)), pair("ovn-lb:vip", &format!("lb-{}", id(1, 1))));
}

#[tokio::test(flavor = "multi_thread")]
async fn port_that_neutron_refuses_to_update_does_not_hold_up_the_sweep() {
    let cloud = Scene::cloud().await;
    refuse(&cloud, "PUT", &id(6, 1), 403);
    let (orphan, device) = (format!("ovn-lb-vip-{}", id(1, 7)), format!("lb-{}", id(1, 7)));
    cloud.add_port(port(&id(6, 7), &orphan, &device, "ovn-lb:vip", "10.10.10.77"));
    let env = [("WEIR_ADOPT", "all"), ("WEIR_OCTAVIA_UNKNOWN_OBJECT_TIMEOUT", "3")];
    let scene = scene_on(cloud, "localport", &env).await;
    becomes(&scene, &id(6, 9), pair("ovn-lb:vip", &format!("lb-{}", id(1, 1)))).await;
    becomes(&scene, SOURCE, pair("ovn-lb-hm:distributed", &format!("ovn-lb-hm-{SUBNET}"))).await;
    eventually("the orphan is freed", async || (!scene.ports().contains(&orphan)).then_some(())).await;
    assert_eq!(owner(&scene, &id(6, 1)), pair("", ""));
    let tried = || scene.cloud.count("PUT", &id(6, 1));
    let before = tried();
    eventually("it is tried again", async || (tried() >= before + 2).then_some(())).await;
    let log = scene.host.log();
    let refusals: Vec<_> =
        log.lines().filter(|line| line.contains("Neutron refused a request for a port")).collect();
    assert!(refusals.len() == 1 && refusals[0].contains(&id(6, 1)), "{refusals:?}");
    assert!(refusals[0].contains("not this one"), "{refusals:?}");
}

/// Load balancers 1 and 2, each with an old VIP port.
async fn two_old_ports() -> Scene {
    let scene = Scene::with(&[("WEIR_OCTAVIA_UNKNOWN_OBJECT_TIMEOUT", "900")]).await;
    for n in [1, 2] {
        let mut lb = loadbalancer(n);
        let address = format!("10.10.10.{}", 40 + n);
        lb["loadbalancer"]["vip_port_id"] = json!(id(6, n));
        lb["loadbalancer"]["vip_address"] = json!(address);
        scene.cloud.add_port(port(&id(6, n), &format!("ovn-lb-vip-{}", id(1, n)), "", "", &address));
        scene.agent.knows(&id(1, n));
        scene.host.client().call("loadbalancer_create", &lb).await.committed();
    }
    scene
}

#[tokio::test(flavor = "multi_thread")]
async fn sync_reports_a_port_that_neutron_refuses_to_update_and_updates_the_others() {
    let scene = two_old_ports().await;
    refuse(&scene.cloud, "PUT", &id(6, 1), 409);
    let report = scene.host.client().post("/v1/sync").await;
    assert_eq!(report.status, 200, "{report:?}");
    let ports = &report.body["ports"];
    assert_eq!((&ports[0]["id"], &ports[0]["outcome"]), (&json!(id(6, 1)), &json!("failed")), "{report:?}");
    assert!(ports[0]["why"].as_str().unwrap().contains("not this one"), "{report:?}");
    assert_eq!((&ports[1]["id"], &ports[1]["outcome"]), (&json!(id(6, 2)), &json!("updated")), "{report:?}");
    assert_eq!(report.body["ports_failed"], Value::Null, "{report:?}");
    assert_eq!(owner(&scene, &id(6, 2)), pair("ovn-lb:vip", &format!("lb-{}", id(1, 2))));
}

#[tokio::test(flavor = "multi_thread")]
async fn sync_reports_ports_that_were_updated_before_an_outage() {
    let scene = two_old_ports().await;
    refuse(&scene.cloud, "PUT", &id(6, 2), 500);
    let report = scene.host.client().post("/v1/sync").await;
    assert_eq!(report.status, 200, "{report:?}");
    let ports = &report.body["ports"];
    assert_eq!((&ports[0]["id"], &ports[0]["outcome"]), (&json!(id(6, 1)), &json!("updated")), "{report:?}");
    assert!(report.body["ports_failed"].as_str().unwrap().contains("not this one"), "{report:?}");
}

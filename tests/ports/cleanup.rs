//! Ports go when their load balancer goes, or never came.

use std::time::Duration;

use serde_json::json;
use weir_neutron::testing::Trouble;
use weir_tests::{eventually, objects::*};

use super::{Scene, additional, vip, wanted};

pub async fn made(scene: &Scene, n: usize) {
    let address = format!("10.10.10.{}", 20 + n);
    let body = wanted(n, vip(&address), json!([additional(None)]));
    assert_eq!(scene.host.client().call("create_vip_port", &body).await.status, 200);
}

async fn gone(scene: &Scene) {
    eventually("the ports are gone", async || scene.ports().is_empty().then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ports_are_gone_before_the_end_is_told() {
    let scene = Scene::start().await;
    let client = scene.host.client();
    made(&scene, 1).await;
    scene.agent.knows(&id(1, 1));
    client.call("loadbalancer_create", &loadbalancer(1)).await.committed();
    // Neutron is slow: the caller does not wait for it, but Octavia hears of the end when it is done.
    scene.cloud.trouble("DELETE", "/ports", Trouble::Slow(Duration::from_secs(1)));
    client.call("loadbalancer_delete", &loadbalancer(1)).await.committed();
    assert_eq!(scene.ports().len(), 2);
    eventually("the end is told", async || {
        let told = scene.agent.statuses(&id(1, 1)).contains(&"DELETED".to_owned());
        if told {
            assert!(scene.ports().is_empty(), "it is told when the ports are gone");
        }
        told.then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delete_of_what_was_never_made_frees_the_ports_too() {
    let scene = Scene::start().await;
    made(&scene, 1).await;
    scene.agent.knows(&id(1, 1));
    scene.host.client().call("loadbalancer_delete", &loadbalancer(1)).await;
    gone(&scene).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_create_frees_its_ports_whatever_it_was_refused_for() {
    // The look at Neutron that frees what nobody knows comes far too late to help.
    let scene = Scene::with(&[("WEIR_OCTAVIA_UNKNOWN_OBJECT_TIMEOUT", "900")]).await;
    for (n, (field, value, status)) in [
        ("vip_sg_ids", json!([id(7, 1)]), 422),
        ("flavor", json!({"loadbalancer_topology": "SINGLE"}), 422),
        ("admin_state_up", json!("yes"), 400),
        ("listeners", json!([listener(1, 1, "HTTP", 80)["listener"]]), 422),
    ]
    .into_iter()
    .enumerate()
    {
        made(&scene, n + 1).await;
        let mut lb = loadbalancer(n + 1);
        lb["loadbalancer"][field] = value;
        if field == "listeners" {
            lb["loadbalancer"]["listeners"][0]["loadbalancer_id"] = json!(id(1, n + 1));
        }
        let refused = scene.host.client().call("loadbalancer_create", &lb).await;
        assert_eq!(refused.status, status, "{field}: {refused:?}");
        gone(&scene).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_create_that_is_taken_back_frees_the_ports() {
    let scene = Scene::start().await;
    made(&scene, 1).await;
    let client = scene.host.client();
    client.call_with_key("loadbalancer_create", &loadbalancer(1), Some("k")).await.committed();
    assert_eq!(scene.ports().len(), 2);
    assert_eq!(client.delete("/v1/changes/k").await.status, 200);
    gone(&scene).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_whose_load_balancer_never_came_is_freed_and_others_stay() {
    let scene = Scene::start().await;
    // One that Octavia knows, one with rows, one of somebody else's that only looks like it.
    made(&scene, 1).await;
    scene.agent.knows(&id(1, 1));
    made(&scene, 2).await;
    scene.agent.knows(&id(1, 2));
    scene.host.client().call("loadbalancer_create", &loadbalancer(2)).await.committed();
    let stranger = json!({
        "id": id(6, 9), "name": format!("ovn-lb-vip-{}", id(1, 9)), "network_id": NETWORK, "device_id": "",
        "device_owner": "", "fixed_ips": [{"subnet_id": SUBNET, "ip_address": "10.10.10.9"}],
    });
    scene.cloud.add_port(stranger);
    made(&scene, 3).await;
    assert_eq!(scene.ports().len(), 7);
    eventually("the orphan's ports are gone", async || (scene.ports().len() == 5).then_some(())).await;
    assert!(scene.ports().iter().all(|name| !name.ends_with(&id(1, 3))));
    tokio::time::sleep(Duration::from_secs(6)).await;
    assert_eq!(scene.ports().len(), 5, "the others stay");
}

#[tokio::test(flavor = "multi_thread")]
async fn ports_of_a_time_when_the_host_was_down_are_freed() {
    let mut scene = Scene::start().await;
    made(&scene, 1).await;
    scene.host.kill();
    scene.host.restart();
    scene.host.ready().await;
    assert_eq!(scene.ports().len(), 2, "not at once: Octavia may be at it");
    gone(&scene).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_neutron_would_not_free_is_freed_later() {
    let scene = Scene::start().await;
    made(&scene, 1).await;
    let client = scene.host.client();
    client.call("loadbalancer_create", &loadbalancer(1)).await.committed();
    scene.cloud.trouble("DELETE", "/ports", Trouble::refusal(409, "PortInUse", "busy"));
    client.call("loadbalancer_delete", &loadbalancer(1)).await.committed();
    gone(&scene).await;
}

/// Octavia is not asked about load balancers for a quarter of an hour.
pub const LATER: (&str, &str) = ("WEIR_OCTAVIA_UNKNOWN_OBJECT_TIMEOUT", "900");

pub async fn pending(scene: &Scene, count: usize) {
    gauge(scene, "weir_port_cleanups_pending", count).await;
}

async fn gauge(scene: &Scene, name: &str, count: usize) {
    let gauge = format!("{name} {count}");
    eventually("the gauge is right", async || {
        let metrics = scene.host.client().get("/metrics").await.body;
        metrics.as_str().unwrap().lines().any(|line| line == gauge).then_some(())
    })
    .await;
}

pub async fn told(scene: &Scene, lb: &str) {
    eventually("the end is told", async || {
        scene.agent.statuses(lb).contains(&"DELETED".to_owned()).then_some(())
    })
    .await;
}

/// A load balancer that is deleted while Neutron is away.
async fn deleted_during_an_outage(scene: &Scene, n: usize) {
    made(scene, n).await;
    scene.agent.knows(&id(1, n));
    let client = scene.host.client();
    client.call("loadbalancer_create", &loadbalancer(n)).await.committed();
    scene.cloud.outage(true);
    client.call("loadbalancer_delete", &loadbalancer(n)).await.committed();
    told(scene, &id(1, n)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ports_of_an_outage_are_freed_when_neutron_is_back() {
    let scene = Scene::with(&[LATER]).await;
    deleted_during_an_outage(&scene, 1).await;
    pending(&scene, 1).await;
    assert_eq!(scene.ports().len(), 2);
    scene.cloud.outage(false);
    gone(&scene).await;
    pending(&scene, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ports_of_an_outage_are_freed_after_a_restart_too() {
    let mut scene = Scene::with(&[LATER]).await;
    // As an early reference driver made it: only the row names it.
    let old = json!({
        "id": id(6, 1), "name": format!("ovn-lb-vip-{}", id(1, 1)), "network_id": NETWORK, "device_id": "",
        "device_owner": "", "fixed_ips": [{"subnet_id": SUBNET, "ip_address": "10.10.10.71"}],
    });
    scene.cloud.add_port(old);
    let mut lb = loadbalancer(1);
    lb["loadbalancer"]["vip_port_id"] = json!(id(6, 1));
    lb["loadbalancer"]["vip_address"] = json!("10.10.10.71");
    scene.agent.knows(&id(1, 1));
    let client = scene.host.client();
    client.call("loadbalancer_create", &lb).await.committed();
    scene.cloud.outage(true);
    client.call("loadbalancer_delete", &lb).await.committed();
    told(&scene, &id(1, 1)).await;
    scene.host.kill();
    scene.host.restart();
    scene.host.ready().await;
    pending(&scene, 1).await;
    assert_eq!(scene.ports().len(), 1);
    scene.cloud.outage(false);
    gone(&scene).await;
    pending(&scene, 0).await;
    // Nor is anything left for the next start.
    scene.host.kill();
    scene.host.restart();
    scene.host.ready().await;
    pending(&scene, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn host_killed_while_it_waits_for_neutron_frees_the_ports_after_its_restart() {
    let mut scene = Scene::with(&[LATER]).await;
    made(&scene, 1).await;
    scene.agent.knows(&id(1, 1));
    let client = scene.host.client();
    client.call("loadbalancer_create", &loadbalancer(1)).await.committed();
    scene.cloud.outage(true);
    client.call("loadbalancer_delete", &loadbalancer(1)).await.committed();
    scene.host.kill();
    scene.cloud.outage(false);
    scene.host.restart();
    scene.host.ready().await;
    gone(&scene).await;
    told(&scene, &id(1, 1)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ports_of_a_refused_create_are_freed_after_an_outage() {
    let scene = Scene::with(&[LATER]).await;
    made(&scene, 1).await;
    scene.cloud.outage(true);
    let mut lb = loadbalancer(1);
    let listener = listener(1, 1, "HTTP", 80)["listener"].clone();
    lb["loadbalancer"]["listeners"] = json!([listener]);
    let refused = scene.host.client().call("loadbalancer_create", &lb).await;
    assert_eq!(refused.status, 422, "{refused:?}");
    pending(&scene, 1).await;
    scene.cloud.outage(false);
    gone(&scene).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn source_port_of_an_outage_is_made_when_neutron_is_back() {
    let scene = Scene::with(&[LATER]).await;
    let client = scene.host.client();
    for (method, body) in calls(1) {
        client.call(method, &body).await.committed();
    }
    scene.northbound.transact(&switch_port(&id(7, 1), "10.10.10.11/24", "", "server"));
    scene.cloud.outage(true);
    client.call("health_monitor_create", &monitor(1, 1, "TCP")).await.committed();
    gauge(&scene, "weir_source_ports_pending", 1).await;
    assert_eq!(scene.ports(), [""; 0]);
    scene.cloud.outage(false);
    eventually("it is made", async || (scene.ports() == [format!("ovn-lb-hm-{SUBNET}")]).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn port_that_neutron_refuses_to_delete_does_not_hold_up_others() {
    let scene = Scene::with(&[LATER]).await;
    let client = scene.host.client();
    for n in [1, 2] {
        made(&scene, n).await;
        scene.agent.knows(&id(1, n));
        client.call("loadbalancer_create", &loadbalancer(n)).await.committed();
    }
    let first = scene.cloud.ports()[0]["id"].as_str().unwrap().to_owned();
    for _ in 0..3 {
        scene.cloud.trouble("DELETE", &first, Trouble::refusal(409, "PortInUse", "busy"));
    }
    for n in [1, 2] {
        client.call("loadbalancer_delete", &loadbalancer(n)).await.committed();
        told(&scene, &id(1, n)).await;
    }
    assert!(scene.ports().iter().all(|name| name.ends_with(&id(1, 1))), "{:?}", scene.ports());
    gone(&scene).await;
    pending(&scene, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn load_balancer_that_was_missing_before_a_restart_is_not_new_after_it() {
    let mut scene = Scene::with(&[("WEIR_OCTAVIA_UNKNOWN_OBJECT_TIMEOUT", "75")]).await;
    made(&scene, 1).await;
    scene.host.kill();
    scene.host.restart();
    eventually("Octavia is asked", async || (scene.agent.asked() > 0).then_some(())).await;
    scene.host.kill();
    // As if it had been missing for long: two looks are left, which take less than the time-out.
    let settings = weir_journal::Settings {
        path: scene.host.state().join("journal.redb"),
        max_pending: 1_000,
        max_bytes: 1 << 20,
        keep_finished: Duration::from_secs(3_600),
        keep_finished_max: 1_000,
    };
    let (journal, recovered) = weir_journal::Journal::open(settings).unwrap();
    let mut notes = recovered.notes.into_iter();
    let mut note = notes.find(|note| note.key.ends_with(&id(1, 1))).expect("it is written down");
    note.payload = b"1000".to_vec();
    journal.put_note(note).await.unwrap();
    drop(journal);
    scene.host.restart();
    gone(&scene).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_repair_nothing_is_freed_unasked() {
    let scene = Scene::with(&[("WEIR_REPAIR", "report")]).await;
    made(&scene, 1).await;
    eventually("it is reported", async || scene.host.log().contains("leaked-vip-port").then_some(())).await;
    assert_eq!(scene.ports().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_at_once_look_like_a_mistake() {
    let scene = Scene::start().await;
    for n in 1..=11 {
        made(&scene, n).await;
    }
    eventually("it is said", async || scene.host.log().contains("too-many-leaked-vip-ports").then_some(()))
        .await;
    assert_eq!(scene.ports().len(), 22);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delete_whose_ports_are_being_freed_is_not_taken_back() {
    let scene = Scene::start().await;
    let client = scene.host.client();
    made(&scene, 1).await;
    scene.agent.knows(&id(1, 1));
    client.call("loadbalancer_create", &loadbalancer(1)).await.committed();
    scene.cloud.trouble("DELETE", "/ports", Trouble::Slow(Duration::from_secs(1)));
    client.call_with_key("loadbalancer_delete", &loadbalancer(1), Some("gone")).await.committed();
    let answer = client.delete("/v1/changes/gone").await;
    assert_eq!((answer.status, &answer.body["code"]), (500, &json!("too-old-to-abandon")), "{}", answer.body);
    eventually("the end is told", async || {
        scene.agent.statuses(&id(1, 1)).contains(&"DELETED".to_owned()).then_some(())
    })
    .await;
    assert!(scene.ports().is_empty());
    assert!(scene.northbound.rows(&id(1, 1)).is_empty(), "it does not come back without its ports");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_that_an_early_reference_driver_made_goes_with_its_load_balancer() {
    let scene = Scene::start().await;
    let client = scene.host.client();
    let port = |n: usize, name: &str, owner: &str| {
        json!({
            "id": id(6, n), "name": name, "network_id": NETWORK, "device_id": "", "device_owner": owner,
            "fixed_ips": [{"subnet_id": SUBNET, "ip_address": format!("10.10.10.{}", 70 + n)}],
        })
    };
    // With neither owner nor device; the second one's name is no such port's.
    for (n, name) in [(1, format!("ovn-lb-vip-{}", id(1, 1))), (2, "mine".to_owned())] {
        scene.cloud.add_port(port(n, &name, ""));
        let mut lb = loadbalancer(n);
        lb["loadbalancer"]["vip_port_id"] = json!(id(6, n));
        lb["loadbalancer"]["vip_address"] = json!(format!("10.10.10.{}", 70 + n));
        scene.agent.knows(&id(1, n));
        client.call("loadbalancer_create", &lb).await.committed();
        client.call("loadbalancer_delete", &lb).await.committed();
        eventually("the end is told", async || {
            scene.agent.statuses(&id(1, n)).contains(&"DELETED".to_owned()).then_some(())
        })
        .await;
    }
    assert_eq!(scene.ports(), ["mine"]);
}

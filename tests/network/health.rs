//! What probes say of members reaches rows, Octavia's operating statuses and backup members.

use std::time::Duration;

use serde_json::{Value, json};
use weir_tests::{
    eventually,
    objects::{self, id},
    proxy::Fault,
};

use crate::lab::{Lab, listener, load_balancer, member, plain_pool, pool};

/// The ports of the topology that have 10.10.10.10, .11 and .12.
const PORTS: [&str; 3] = [
    "dddddddd-0000-4000-8000-000000000001",
    "dddddddd-0000-4000-8000-000000000002",
    "dddddddd-0000-4000-8000-000000000003",
];

#[tokio::test(flavor = "multi_thread")]
async fn a_member_that_dies_and_comes_back_shows_in_all_that_it_is_in() {
    let lab = Lab::start().await;
    let members = vec![member(1, 1, 10), member(2, 1, 11)];
    lab.make(load_balancer(1, vec![listener(1, 1, "TCP", 80, 1)], vec![pool(1, "TCP", "TCP", members)]))
        .await;
    lab.told(&id(4, 1), "ONLINE").await;
    let checks = lab.northbound.state()["load_balancers"][0]["health_checks"].clone();
    assert_eq!(checks[0]["vip"], "10.10.10.5:80", "{checks}");

    lab.southbound.says(PORTS[0], "10.10.10.10", 8080, "tcp", "offline");
    lab.told(&id(4, 1), "ERROR").await;
    lab.told(&id(3, 1), "DEGRADED").await;
    lab.told(&id(2, 1), "DEGRADED").await;
    lab.told(&id(1, 1), "DEGRADED").await;
    lab.southbound.says(PORTS[1], "10.10.10.11", 8080, "tcp", "error");
    lab.told(&id(1, 1), "ERROR").await;
    assert_eq!(lab.agent.operating(&id(4, 2)), "ERROR");
    let status = lab.northbound.load_balancer(&id(1, 1))["external_ids"]["neutron:member_status"].clone();
    assert_eq!(
        status,
        json!({ id(4, 1): "ERROR", id(4, 2): "ERROR" })
            .to_string()
            .replace("\":\"", "\": \"")
            .replace("\",\"", "\", \"")
    );

    lab.southbound.says(PORTS[0], "10.10.10.10", 8080, "tcp", "online");
    lab.southbound.says(PORTS[1], "10.10.10.11", 8080, "tcp", "online");
    for object in [id(4, 1), id(4, 2), id(3, 1), id(2, 1), id(1, 1)] {
        lab.told(&object, "ONLINE").await;
    }
    // Nobody has called: nothing may have been let go that somebody else holds.
    let by_itself = lab.agent.messages().into_iter().rev().take(3);
    for record in by_itself
        .flat_map(|message| message.as_object().unwrap().clone())
        .flat_map(|(_, records)| records.as_array().unwrap().clone())
    {
        assert_eq!(record.get("provisioning_status"), None, "{record}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_probe_counts_for_its_own_port_address_number_and_protocol_and_in_every_pool() {
    let lab = Lab::start().await;
    // Addresses that are parts of each other, one member in two pools, and one over another protocol.
    let tcp = vec![member(1, 1, 10), member(2, 1, 11)];
    let again = vec![member(3, 2, 10)];
    let udp = vec![member(4, 3, 10)];
    let listeners =
        vec![listener(1, 1, "TCP", 80, 1), listener(2, 1, "TCP", 81, 2), listener(3, 1, "UDP", 53, 3)];
    let pools =
        vec![pool(1, "TCP", "TCP", tcp), pool(2, "TCP", "TCP", again), pool(3, "UDP", "UDP-CONNECT", udp)];
    lab.make(load_balancer(1, listeners, pools)).await;
    // None of these is a member's.
    lab.southbound.says(PORTS[0], "10.10.10.1", 8080, "tcp", "offline");
    lab.southbound.says(PORTS[0], "10.10.10.10", 808, "tcp", "offline");
    lab.southbound.says(PORTS[1], "10.10.10.10", 8080, "tcp", "offline");
    lab.southbound.says(PORTS[0], "10.10.10.10", 8080, "tcp", "offline");
    lab.told(&id(4, 1), "ERROR").await;
    lab.told(&id(4, 3), "ERROR").await;
    lab.told(&id(3, 2), "ERROR").await;
    assert_eq!(lab.agent.operating(&id(4, 2)), "ONLINE");
    assert_eq!(lab.agent.operating(&id(4, 4)), "ONLINE");
    assert_eq!(lab.agent.operating(&id(3, 3)), "ONLINE");
    lab.southbound.says(PORTS[0], "10.10.10.10", 8080, "udp", "offline");
    lab.told(&id(4, 4), "ERROR").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_said_while_the_host_was_down_is_told() {
    let mut lab = Lab::start().await;
    let members = vec![member(1, 1, 10), member(2, 1, 11)];
    lab.make(load_balancer(1, vec![listener(1, 1, "TCP", 80, 1)], vec![pool(1, "TCP", "TCP", members)]))
        .await;
    lab.told(&id(1, 1), "ONLINE").await;
    lab.host.kill();
    lab.southbound.says(PORTS[0], "10.10.10.10", 8080, "tcp", "offline");
    lab.host.restart();
    lab.told(&id(4, 1), "ERROR").await;
    lab.told(&id(1, 1), "DEGRADED").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_without_a_port_is_reported() {
    let lab = Lab::start().await;
    let members = vec![member(1, 1, 10), member(2, 1, 77)];
    lab.make(load_balancer(1, vec![listener(1, 1, "TCP", 80, 1)], vec![pool(1, "TCP", "TCP", members)]))
        .await;
    lab.told(&id(4, 2), "ERROR").await;
    lab.told(&id(3, 1), "DEGRADED").await;
    assert_eq!(lab.agent.operating(&id(4, 1)), "ONLINE");
    let seen = lab.client().get(&format!("/v1/loadbalancers/{}", id(1, 1))).await.body;
    assert_eq!(seen["members_without_port"], json!([id(4, 2)]), "{seen}");
}

#[tokio::test(flavor = "multi_thread")]
async fn monitor_over_members_without_ports_leaves_the_vip_unchecked() {
    let lab = Lab::start().await;
    // No port has these addresses.
    let members = vec![member(1, 1, 77), member(2, 1, 78)];
    lab.make(load_balancer(
        1,
        vec![listener(1, 1, "TCP", 80, 1)],
        vec![plain_pool(1, 1, "TCP", members.clone())],
    ))
    .await;
    let probed = pool(1, "TCP", "TCP", members);
    lab.agent.know(load_balancer(1, vec![listener(1, 1, "TCP", 80, 1)], vec![probed]));
    let serves = lab.vips();
    let checks = || lab.northbound.state()["load_balancers"][0]["health_checks"].clone();
    lab.client().call("health_monitor_create", &objects::monitor(1, 1, "TCP")).await.committed();
    assert_eq!((lab.vips(), checks()), (serves.clone(), json!([])), "OVN would leave all members out");
    for object in [id(4, 1), id(4, 2), id(3, 1), id(1, 1)] {
        lab.told(&object, "ERROR").await;
    }
    let name = "ffffffff-0000-4000-8000-000000000077";
    lab.by_hand(&objects::switch_port(name, "10.10.10.77/24", "", "vm"));
    eventually("checked", async || (checks()[0]["vip"] == "10.10.10.5:80").then_some(())).await;
    assert_eq!(lab.vips(), serves);
    lab.remove_port(name);
    eventually("unchecked", async || (checks() == json!([])).then_some(())).await;
    assert_eq!(lab.vips(), serves);
}

#[tokio::test(flavor = "multi_thread")]
async fn backup_members_serve_while_no_other_member_is_healthy() {
    let lab = Lab::start().await;
    let mut backup = member(3, 1, 12);
    backup["backup"] = true.into();
    let members = vec![member(1, 1, 10), member(2, 1, 11), backup];
    lab.make(load_balancer(1, vec![listener(1, 1, "TCP", 80, 1)], vec![pool(1, "TCP", "TCP", members)]))
        .await;
    let primaries = json!({ "10.10.10.5:80": "10.10.10.10:8080,10.10.10.11:8080" });
    // The others stay, so that they are still probed; OVN itself leaves them out.
    let all = json!({ "10.10.10.5:80": "10.10.10.10:8080,10.10.10.11:8080,10.10.10.12:8080" });
    assert_eq!(lab.vips(), primaries);
    lab.southbound.says(PORTS[0], "10.10.10.10", 8080, "tcp", "offline");
    lab.told(&id(4, 1), "ERROR").await;
    assert_eq!(lab.vips(), primaries);
    lab.southbound.says(PORTS[1], "10.10.10.11", 8080, "tcp", "offline");
    eventually("the backup serves", async || (lab.vips() == all).then_some(())).await;
    lab.southbound.says(PORTS[1], "10.10.10.11", 8080, "tcp", "online");
    eventually("the backup has gone", async || (lab.vips() == primaries).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_monitor_that_is_down_or_gone_probes_nobody() {
    let lab = Lab::start().await;
    let members = vec![member(1, 1, 10)];
    lab.make(load_balancer(1, vec![listener(1, 1, "TCP", 80, 1)], vec![pool(1, "TCP", "TCP", members)]))
        .await;
    lab.southbound.says(PORTS[0], "10.10.10.10", 8080, "tcp", "offline");
    lab.told(&id(1, 1), "ERROR").await;
    let monitor = objects::monitor(1, 1, "TCP")["healthmonitor"].clone();
    let checks = || lab.northbound.state()["load_balancers"][0]["health_checks"].as_array().unwrap().len();
    for (up, count) in [(false, 0), (true, 1)] {
        let new = json!({ "healthmonitor_id": id(5, 1), "admin_state_up": up });
        let update = json!({ "old_healthmonitor": monitor, "new_healthmonitor": new });
        let answer = lab.client().call("health_monitor_update", &update).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        lab.told(&id(4, 1), if up { "ERROR" } else { "NO_MONITOR" }).await;
        lab.told(&id(5, 1), if up { "ONLINE" } else { "OFFLINE" }).await;
        assert_eq!(checks(), count);
    }
    let answer = lab.client().call("health_monitor_delete", &json!({ "healthmonitor": monitor })).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    lab.told(&id(4, 1), "NO_MONITOR").await;
    lab.told(&id(1, 1), "ONLINE").await;
    assert_eq!(checks(), 0);
    assert_eq!(lab.agent.status(&id(5, 1)).0.as_deref(), Some("DELETED"));
}

/// Two members and a backup behind a monitor.
fn with_backup() -> Value {
    let mut backup = member(3, 1, 12);
    backup["backup"] = true.into();
    let members = vec![member(1, 1, 10), member(2, 1, 11), backup];
    load_balancer(1, vec![listener(1, 1, "TCP", 80, 1)], vec![pool(1, "TCP", "TCP", members)])
}

#[tokio::test(flavor = "multi_thread")]
async fn until_the_southbound_is_read_the_rows_say_who_is_healthy() {
    let (mut lab, proxy) = Lab::start_with_proxy().await;
    lab.make(with_backup()).await;
    lab.southbound.says(PORTS[0], "10.10.10.10", 8080, "tcp", "offline");
    lab.southbound.says(PORTS[1], "10.10.10.11", 8080, "tcp", "offline");
    lab.told(&id(4, 1), "ERROR").await;
    lab.told(&id(4, 2), "ERROR").await;
    let all = json!({ "10.10.10.5:80": "10.10.10.10:8080,10.10.10.11:8080,10.10.10.12:8080" });
    eventually("the backup serves", async || (lab.vips() == all).then_some(())).await;
    let objects = [id(4, 1), id(4, 2), id(4, 3), id(3, 1), id(2, 1), id(1, 1)];
    lab.told(&id(1, 1), "DEGRADED").await;
    let said = objects.each_ref().map(|object| lab.agent.operating(object));
    let before = lab.northbound.dump();
    lab.host.kill();
    proxy.set(Fault::Away);
    lab.host.restart();
    lab.host.ready().await;
    eventually("all has been looked at", async || {
        let ready = lab.client().get("/readyz").await.body.to_string();
        ready.contains("held; 0 load balancers are to be looked at").then_some(())
    })
    .await;
    assert_eq!(lab.northbound.dump(), before);
    let told = || objects.each_ref().map(|object| lab.agent.operating(object));
    // What was told just before the end may be told once more.
    eventually("Octavia's statuses stay", async || (told() == said).then_some(())).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(told(), said);
    proxy.set(Fault::None);
    lab.southbound.says(PORTS[1], "10.10.10.11", 8080, "tcp", "online");
    lab.told(&id(4, 2), "ONLINE").await;
    let primaries = json!({ "10.10.10.5:80": "10.10.10.10:8080,10.10.10.11:8080" });
    eventually("the backup has gone", async || (lab.vips() == primaries).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_whose_port_is_disabled_is_not_healthy() {
    let lab = Lab::start().await;
    lab.make(with_backup()).await;
    let enable = |port: &str, enabled: bool| {
        lab.by_hand(&[
            json!({"op": "update", "table": "Logical_Switch_Port", "where": [["name", "==", port]],
            "row": {"enabled": enabled}}),
        ]);
    };
    enable(PORTS[0], false);
    lab.told(&id(4, 1), "ERROR").await;
    enable(PORTS[1], false);
    lab.told(&id(4, 2), "ERROR").await;
    eventually("the backup serves", async || {
        lab.vips()["10.10.10.5:80"].as_str().unwrap().contains("10.10.10.12:8080").then_some(())
    })
    .await;
    enable(PORTS[0], true);
    lab.told(&id(4, 1), "ONLINE").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_report_news_of_probes_put_nothing_right_that_somebody_has_edited() {
    let lab = Lab::start_with(&[("WEIR_REPAIR", "report")]).await;
    lab.make(with_backup()).await;
    lab.told(&id(4, 1), "ONLINE").await;
    // News alone are written.
    lab.southbound.says(PORTS[0], "10.10.10.10", 8080, "tcp", "offline");
    lab.told(&id(4, 1), "ERROR").await;
    let status = || lab.northbound.load_balancer(&id(1, 1))["external_ids"]["neutron:member_status"].clone();
    eventually("in the row", async || status().as_str()?.contains("ERROR").then_some(())).await;
    lab.by_hand(&[json!({"op": "update", "table": "Load_Balancer", "where": [["name", "==", id(1, 1)]],
        "row": {"vips": ["map", [["10.10.10.5:80", "10.10.10.11:8080"]]]}})]);
    let edited = lab.northbound.dump();
    lab.southbound.says(PORTS[1], "10.10.10.11", 8080, "tcp", "offline");
    lab.told(&id(4, 2), "ERROR").await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(lab.northbound.dump(), edited);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_that_another_load_balancer_knows_to_be_dead_is_so_from_the_first() {
    let lab = Lab::start().await;
    lab.make(load_balancer(
        1,
        vec![listener(1, 1, "TCP", 80, 1)],
        vec![pool(1, "TCP", "TCP", vec![member(1, 1, 10)])],
    ))
    .await;
    lab.southbound.says(PORTS[0], "10.10.10.10", 8080, "tcp", "offline");
    lab.told(&id(4, 1), "ERROR").await;
    // OVN probes it once for both: nothing in the Southbound changes any more.
    let mut backup = member(3, 2, 11);
    backup["backup"] = true.into();
    let mut second = pool(2, "TCP", "TCP", vec![member(2, 2, 10), backup]);
    second["loadbalancer_id"] = id(1, 2).into();
    lab.make(load_balancer(2, vec![listener(2, 2, "TCP", 80, 2)], vec![second])).await;
    lab.told(&id(4, 2), "ERROR").await;
    let vips = lab.northbound.load_balancer(&id(1, 2))["vips"].clone();
    assert_eq!(vips, json!({"10.10.10.6:80": "10.10.10.10:8080,10.10.10.11:8080"}));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_told_of_a_member_without_a_port_is_told_after_a_restart() {
    let mut lab = Lab::start().await;
    let members = vec![member(1, 1, 77)];
    lab.make(load_balancer(1, vec![listener(1, 1, "TCP", 80, 1)], vec![pool(1, "TCP", "TCP", members)]))
        .await;
    lab.told(&id(4, 1), "ERROR").await;
    // That it has come is written down.
    tokio::time::sleep(Duration::from_secs(1)).await;
    lab.host.kill();
    let before = lab.agent.messages().len();
    lab.host.restart();
    eventually("told again", async || {
        let messages = lab.agent.messages().into_iter().skip(before);
        let members = messages.filter_map(|message| message["members"].as_array().cloned()).flatten();
        let told = json!({"id": id(4, 1), "operating_status": "ERROR"});
        members.into_iter().any(|member| member == told).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_report_news_of_probes_keeps_no_report_from_being_made() {
    let mut lab = Lab::start_with(&[("WEIR_REPAIR", "report")]).await;
    lab.make(load_balancer(
        1,
        vec![listener(1, 1, "TCP", 80, 1)],
        vec![pool(1, "TCP", "TCP", vec![member(1, 1, 10)])],
    ))
    .await;
    lab.southbound.says(PORTS[0], "10.10.10.10", 8080, "tcp", "online");
    lab.host.kill();
    lab.by_hand(&[
        json!({"op": "update", "table": "Load_Balancer", "where": [], "row": {"vips": ["map", []]}}),
    ]);
    // At the start everything is looked at, and what probes say as well.
    lab.host.restart();
    lab.host.ready().await;
    eventually("reported", async || (lab.metric("weir_load_balancers_drifted").await == 1.0).then_some(()))
        .await;
    assert_eq!(lab.vips(), json!({}));
}

//! Members behind a monitor whose port in OVN is not up: OVN keeps their share of the connections where a check has no result.

use serde_json::{Value, json};
use weir_tests::{
    eventually,
    objects::{self, NETWORK, id},
};

use crate::lab::{Lab, listener, load_balancer, member, plain_pool, pool};

/// The ports of the topology that have 10.10.10.10, .11 and .12.
const PORTS: [&str; 3] = [
    "dddddddd-0000-4000-8000-000000000001",
    "dddddddd-0000-4000-8000-000000000002",
    "dddddddd-0000-4000-8000-000000000003",
];
const BOTH: &str = "10.10.10.10:8080,10.10.10.11:8080";

impl Lab {
    /// What northd says of ports, in one transaction; `None` is nothing.
    fn ports_are(&self, ports: &[&str], up: Option<bool>) {
        let up = json!(["set", up.iter().collect::<Vec<_>>()]);
        let update = |port: &&str| {
            json!({"op": "update", "table": "Logical_Switch_Port", "where": [["name", "==", port]],
                "row": {"up": up}})
        };
        self.by_hand(&ports.iter().map(update).collect::<Vec<_>>());
    }

    async fn serves(&self, vip: &str, backends: &str) {
        let serve = async || (self.vips()[vip] == *backends).then_some(());
        eventually(&format!("{vip} = {backends}"), serve).await;
    }
}

fn monitored(backup: bool) -> Value {
    let mut members = vec![member(1, 1, 10), member(2, 1, 11)];
    if backup {
        let mut third = member(3, 1, 12);
        third["backup"] = true.into();
        members.push(third);
    }
    load_balancer(1, vec![listener(1, 1, "TCP", 80, 1)], vec![pool(1, "TCP", "TCP", members)])
}

#[tokio::test(flavor = "multi_thread")]
async fn member_with_port_down_is_in_error_and_out_of_traffic() {
    let lab = Lab::start().await;
    lab.make(monitored(false)).await;
    lab.southbound.says(PORTS[0], "10.10.10.10", 8080, "tcp", "online");
    // Nothing is said, then that it is up: as ever.
    lab.told(&id(4, 1), "ONLINE").await;
    lab.ports_are(&PORTS, Some(true));
    lab.ports_are(&PORTS[..1], Some(false));
    lab.told(&id(4, 1), "ERROR").await;
    lab.told(&id(3, 1), "DEGRADED").await;
    lab.told(&id(1, 1), "DEGRADED").await;
    assert_eq!(lab.agent.operating(&id(4, 2)), "ONLINE");
    lab.serves("10.10.10.5:80", "10.10.10.11:8080").await;

    lab.ports_are(&PORTS[..1], Some(true));
    lab.serves("10.10.10.5:80", BOTH).await;
    for object in [id(4, 1), id(3, 1), id(2, 1), id(1, 1)] {
        lab.told(&object, "ONLINE").await;
    }
    // OVN takes its word back.
    lab.ports_are(&PORTS[..1], Some(false));
    lab.serves("10.10.10.5:80", "10.10.10.11:8080").await;
    lab.ports_are(&PORTS[..1], None);
    lab.serves("10.10.10.5:80", BOTH).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn member_that_ovn_has_found_offline_stays_in_its_entry() {
    let lab = Lab::start().await;
    lab.make(monitored(false)).await;
    // OVN leaves it out itself, until a probe is answered: its check is not to be made anew when its machine starts.
    lab.southbound.says(PORTS[0], "10.10.10.10", 8080, "tcp", "offline");
    lab.told(&id(4, 1), "ERROR").await;
    lab.ports_are(&PORTS[..2], Some(false));
    lab.told(&id(4, 2), "ERROR").await;
    lab.serves("10.10.10.5:80", "10.10.10.10:8080").await;
    lab.ports_are(&PORTS[..2], Some(true));
    lab.serves("10.10.10.5:80", BOTH).await;
    assert_eq!(lab.agent.operating(&id(4, 1)), "ERROR");
}

#[tokio::test(flavor = "multi_thread")]
async fn load_balancer_made_while_a_port_is_down_begins_without_it() {
    let lab = Lab::start().await;
    lab.ports_are(&PORTS[..1], Some(false));
    lab.make(monitored(false)).await;
    // The host may take the call before it has read the port's new state.
    lab.serves("10.10.10.5:80", "10.10.10.11:8080").await;
    lab.told(&id(4, 1), "ERROR").await;
    lab.told(&id(1, 1), "DEGRADED").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn vip_with_all_ports_down_stays_as_it_is() {
    let mut lab = Lab::start().await;
    lab.make(monitored(true)).await;
    lab.ports_are(&PORTS, Some(false));
    for object in [id(4, 1), id(4, 2), id(4, 3), id(3, 1), id(2, 1), id(1, 1)] {
        lab.told(&object, "ERROR").await;
    }
    assert_eq!(lab.vips(), json!({ "10.10.10.5:80": BOTH }));
    lab.ports_are(&PORTS, Some(true));
    lab.told(&id(1, 1), "ONLINE").await;
    assert_eq!(lab.vips(), json!({ "10.10.10.5:80": BOTH }));

    // One after the other: what is left stays, also over a restart.
    lab.ports_are(&[PORTS[0], PORTS[2]], Some(false));
    lab.serves("10.10.10.5:80", "10.10.10.11:8080").await;
    lab.ports_are(&PORTS[1..2], Some(false));
    lab.told(&id(1, 1), "ERROR").await;
    assert_eq!(lab.vips(), json!({ "10.10.10.5:80": "10.10.10.11:8080" }));
    lab.host.kill();
    lab.host.restart();
    lab.host.ready().await;
    eventually("all is looked at", async || {
        (lab.metric("weir_load_balancers_dirty").await == 0.0).then_some(())
    })
    .await;
    assert_eq!(lab.vips(), json!({ "10.10.10.5:80": "10.10.10.11:8080" }));
}

#[tokio::test(flavor = "multi_thread")]
async fn backup_serves_while_the_ports_of_all_others_are_down() {
    let lab = Lab::start().await;
    lab.make(monitored(true)).await;
    lab.ports_are(&PORTS[..1], Some(false));
    lab.serves("10.10.10.5:80", "10.10.10.11:8080").await;
    lab.ports_are(&PORTS[1..2], Some(false));
    lab.serves("10.10.10.5:80", "10.10.10.12:8080").await;
    lab.told(&id(3, 1), "DEGRADED").await;
    lab.ports_are(&PORTS[1..2], Some(true));
    lab.serves("10.10.10.5:80", "10.10.10.11:8080").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn other_types_of_ports_and_pools_without_monitor_are_as_ever() {
    let lab = Lab::start().await;
    let mut plain = plain_pool(2, 1, "TCP", vec![member(4, 2, 10), member(5, 2, 11)]);
    plain["loadbalancer_id"] = id(1, 1).into();
    let mut lb = monitored(true);
    lb["listeners"].as_array_mut().unwrap().push(listener(2, 1, "TCP", 81, 2));
    lb["pools"].as_array_mut().unwrap().push(plain);
    lab.make(lb).await;
    lab.by_hand(&[
        json!({"op": "update", "table": "Logical_Switch_Port", "where": [["name", "==", PORTS[1]]],
        "row": {"type": "virtual", "up": false}}),
    ]);
    lab.ports_are(&PORTS[..1], Some(false));
    lab.serves("10.10.10.5:80", "10.10.10.11:8080").await;
    lab.told(&id(4, 1), "ERROR").await;
    assert_eq!(lab.agent.operating(&id(4, 2)), "ONLINE");
    assert_eq!(lab.vips()["10.10.10.5:81"], BOTH);
    assert_eq!(lab.agent.operating(&id(4, 4)), "NO_MONITOR");
    // It becomes an ordinary one.
    lab.by_hand(&[
        json!({"op": "update", "table": "Logical_Switch_Port", "where": [["name", "==", PORTS[1]]],
        "row": {"type": ""}}),
    ]);
    lab.told(&id(4, 2), "ERROR").await;
    lab.serves("10.10.10.5:80", "10.10.10.12:8080").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn port_that_goes_down_while_the_host_is_away_is_seen_at_its_start() {
    let mut lab = Lab::start().await;
    lab.make(monitored(false)).await;
    lab.told(&id(4, 1), "ONLINE").await;
    lab.host.kill();
    lab.ports_are(&PORTS[..1], Some(false));
    lab.host.restart();
    lab.told(&id(4, 1), "ERROR").await;
    lab.serves("10.10.10.5:80", "10.10.10.11:8080").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn port_state_is_news_where_repair_only_reports() {
    let lab = Lab::start_with(&[("WEIR_REPAIR", "report")]).await;
    lab.make(monitored(false)).await;
    lab.told(&id(4, 1), "ONLINE").await;
    lab.ports_are(&PORTS[..1], Some(false));
    lab.told(&id(4, 1), "ERROR").await;
    lab.serves("10.10.10.5:80", "10.10.10.11:8080").await;
    // Further news find the row as it should be.
    lab.southbound.says(PORTS[1], "10.10.10.11", 8080, "tcp", "offline");
    lab.told(&id(4, 2), "ERROR").await;
    lab.ports_are(&PORTS[..1], Some(true));
    lab.serves("10.10.10.5:80", BOTH).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn port_down_counts_for_every_listener_transport_and_ip_version() {
    const SUBNET6: &str = "bbbbbbbb-0000-4000-8000-000000000003";
    const PORTS6: [&str; 2] =
        ["dddddddd-0000-4000-8000-000000000006", "dddddddd-0000-4000-8000-000000000007"];
    let lab = Lab::start().await;
    lab.by_hand(&objects::switch_port(PORTS6[1], "fd00:10::11/64", "", "vm4"));
    let source = format!("ovn-lb-hm-{SUBNET6}");
    lab.by_hand(&objects::switch_port(
        "eeeeeeee-0000-4000-8000-000000000006",
        "fd00:10::100/64",
        "localport",
        &source,
    ));
    let member6 = |n: usize, pool: usize, host: usize| {
        let mut member = member(n, pool, host);
        member["address"] = format!("fd00:10::{host}").into();
        member["subnet_id"] = SUBNET6.into();
        member
    };
    let all =
        |n: usize| vec![member(n, n, 10), member(n + 1, n, 11), member6(n + 2, n, 10), member6(n + 3, n, 11)];
    let (tcp, udp) = (pool(1, "TCP", "TCP", all(1)), pool(11, "UDP", "UDP-CONNECT", all(11)));
    let listeners =
        vec![listener(1, 1, "TCP", 80, 1), listener(2, 1, "TCP", 81, 1), listener(3, 1, "UDP", 80, 11)];
    let mut lb = load_balancer(1, listeners, vec![tcp, udp]);
    lb["additional_vips"] =
        json!([{"ip_address": "fd00:10::5", "network_id": NETWORK, "subnet_id": SUBNET6}]);
    lab.make(lb).await;
    lab.ports_are(&[PORTS[0], PORTS6[1]], Some(false));
    for n in [1, 4, 11, 14] {
        lab.told(&id(4, n), "ERROR").await;
    }
    let entries = |ports: &[u16]| -> Value {
        let both = ports.iter().flat_map(|port| {
            [
                (format!("10.10.10.5:{port}"), "10.10.10.11:8080".into()),
                (format!("[fd00:10::5]:{port}"), "[fd00:10::10]:8080".into()),
            ]
        });
        both.collect::<serde_json::Map<_, _>>().into()
    };
    eventually("all entries", async || {
        let mut rows = lab.northbound.rows(&id(1, 1));
        rows.sort_by_key(|row| row["protocol"].to_string());
        let vips: Vec<_> = rows.iter().map(|row| (&row["protocol"], &row["vips"])).collect();
        (vips == [(&json!("tcp"), &entries(&[80, 81])), (&json!("udp"), &entries(&[80]))]).then_some(())
    })
    .await;
}

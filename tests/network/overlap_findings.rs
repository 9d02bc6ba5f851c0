//! Overlaps that refuse no call: members behind several routers, monitors that differ.

use serde_json::{Value, json};
use weir_tests::{
    eventually,
    objects::{self, SUBNET, id},
};

use crate::{
    lab::{Lab, listener, plain_pool},
    overlaps::{SUBNET6, address, at, findings, single, spelled},
};

/// A second router with its gateway on the external network and an interface in a subnet of its own.
fn second_router() -> Vec<Value> {
    let (router, inside) =
        ("neutron-cccccccc-0000-4000-8000-000000000002", "neutron-eeeeeeee-0000-4000-8000-000000000001");
    let port = |name: &str, cidrs: &[&str], switch: &str, subnets: &str, gateway: bool| {
        let mut row = json!({"name": format!("lrp-{name}"), "mac": "fa:16:3e:00:00:09", "networks": ["set", cidrs],
            "external_ids": ["map", [["neutron:network_name", switch], ["neutron:subnet_ids", subnets]]]});
        if gateway {
            row["gateway_chassis"] = json!(["named-uuid", "chassis"]);
        }
        json!({"op": "insert", "table": "Logical_Router_Port", "uuid-name": name, "row": row})
    };
    let peer = |name: &str, owner: &str| {
        json!({"op": "insert", "table": "Logical_Switch_Port", "uuid-name": format!("peer{name}"), "row": {
            "name": format!("peer-{name}"), "type": "router", "options": ["map", [["router-port", format!("lrp-{name}")]]],
            "external_ids": ["map", [["neutron:device_owner", owner]]]}})
    };
    let outside = "neutron-aaaaaaaa-0000-4000-8000-000000000001";
    vec![
        json!({"op": "insert", "table": "Gateway_Chassis", "uuid-name": "chassis", "row": {"name": "gc2", "chassis_name": "gw1", "priority": 1}}),
        port(
            "inside",
            &["10.77.0.1/24", "fd00:77::1/64"],
            inside,
            "eeeeeeee-0000-4000-8000-000000000002 eeeeeeee-0000-4000-8000-000000000003",
            false,
        ),
        port("outside", &["172.24.4.3/24"], outside, "aaaaaaaa-0000-4000-8000-000000000002", true),
        peer("inside", "network:router_interface"),
        peer("outside", "network:router_gateway"),
        json!({"op": "insert", "table": "Logical_Switch", "row": {"name": inside, "ports": ["named-uuid", "peerinside"]}}),
        json!({"op": "mutate", "table": "Logical_Switch", "where": [["name", "==", outside]], "mutations": [["ports", "insert", ["named-uuid", "peeroutside"]]]}),
        json!({"op": "insert", "table": "Logical_Router", "row": {"name": router,
            "ports": ["set", [["named-uuid", "inside"], ["named-uuid", "outside"]]]}}),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn members_behind_two_routers_of_one_outside_vip_are_a_finding() {
    for v6 in [false, true] {
        let lab = Lab::start().await;
        lab.by_hand(&second_router());
        let mut lb = at(v6, 1, 20, vec![listener(1, 1, "TCP", 80, 1)], vec![plain_pool(1, 1, "TCP", vec![])]);
        lb["vip_address"] = if v6 { "2001:db8::20" } else { "172.24.4.20" }.into();
        lb["vip_network_id"] = "aaaaaaaa-0000-4000-8000-000000000001".into();
        lb["vip_subnet_id"] = Value::Null;
        lab.make(lb).await;
        let near = spelled(v6, 1, 1, &address(v6, 31).0);
        lab.client().call("member_create", &single(&near)).await.committed();
        assert_eq!(findings(&lab, 1).await, []);
        let mut far = spelled(v6, 2, 1, if v6 { "fd00:77::31" } else { "10.77.0.31" });
        far["subnet_id"] = format!("eeeeeeee-0000-4000-8000-00000000000{}", if v6 { 3 } else { 2 }).into();
        lab.client().call("member_create", &single(&far)).await.committed();
        assert_eq!(findings(&lab, 1).await, [("members-behind-several-routers".to_owned(), id(1, 1))]);
        lab.client().call("member_delete", &single(&near)).await.committed();
        assert_eq!(findings(&lab, 1).await, []);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn monitors_with_different_numbers_on_one_endpoint_are_a_finding() {
    for v6 in [false, true] {
        let lab = Lab::start().await;
        // Somebody to probe, and an address to probe from.
        let (server, source) = (address(v6, 31).0, address(v6, 101).0);
        let (length, subnet) = if v6 { (64, SUBNET6) } else { (24, SUBNET) };
        lab.by_hand(&objects::switch_port(
            "eeeeeeee-0000-4000-8000-0000000000f1",
            &format!("{server}/{length}"),
            "",
            "vm",
        ));
        lab.by_hand(&objects::switch_port(
            "eeeeeeee-0000-4000-8000-0000000000f2",
            &format!("{source}/{length}"),
            "localport",
            &format!("ovn-lb-hm-{subnet}"),
        ));
        let make = |n: usize, delay: u32| {
            let mut pool = plain_pool(n, n, "TCP", vec![spelled(v6, n, n, &server)]);
            pool["healthmonitor"] = objects::monitor(n, n, "TCP")["healthmonitor"].clone();
            pool["healthmonitor"]["delay"] = delay.into();
            at(v6, n, 19 + n, vec![listener(n, n, "TCP", 80, n)], vec![pool])
        };
        lab.make(make(1, 5)).await;
        lab.make(make(2, 5)).await;
        assert_eq!((findings(&lab, 1).await, findings(&lab, 2).await), (vec![], vec![]));
        lab.make(make(3, 7)).await;
        let code = "monitors-differ".to_owned();
        let mut found = findings(&lab, 3).await;
        found.dedup();
        assert_eq!(found, [(code.clone(), id(5, 3))]);
        // The others have it too: their plans see the new one.
        eventually("the others", async || {
            let (one, two) = (findings(&lab, 1).await, findings(&lab, 2).await);
            (one == [(code.clone(), id(5, 1))] && two == [(code.clone(), id(5, 2))]).then_some(())
        })
        .await;
        let delay = json!({"old_healthmonitor": {"healthmonitor_id": id(5, 3), "pool_id": id(3, 3)},
            "new_healthmonitor": {"healthmonitor_id": id(5, 3), "delay": 5}});
        lab.client().call("health_monitor_update", &delay).await.committed();
        assert_eq!(findings(&lab, 3).await, []);
        eventually("resolved for the others", async || findings(&lab, 1).await.is_empty().then_some(()))
            .await;
        // Two pools of one load balancer.
        let mut pool = plain_pool(4, 3, "TCP", vec![spelled(v6, 4, 4, &server)]);
        pool["loadbalancer_id"] = id(1, 3).into();
        pool["listener_id"] = Value::Null;
        pool["healthmonitor"] = objects::monitor(4, 4, "TCP")["healthmonitor"].clone();
        pool["healthmonitor"]["delay"] = 9.into();
        pool["members"][0]["protocol_port"] = 8080.into();
        lab.client().call("pool_create", &json!({"pool": pool})).await.committed();
        let mut second = objects::listener(4, 3, "TCP", 81);
        second["listener"]["default_pool_id"] = id(3, 4).into();
        lab.client().call("listener_create", &second).await.committed();
        assert!(findings(&lab, 3).await.contains(&(code.clone(), id(5, 4))));
    }
}

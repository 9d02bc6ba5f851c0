//! Scenarios recorded from the reference driver, and some of our own, replayed against a real `ovsdb-server`: after every
//! step the Northbound must be equal row for row, but for the differences listed in `differences.json`.
//!
//! `WEIR_BLESS=1` writes what our own scenarios (source "Weir") expect; read the change before committing it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod network;
mod seed;

use std::{fs, path::PathBuf};

use serde_json::{Map, Value, json};
use weir_tests::{Answer, Host, Northbound, eventually};

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("golden")
}

fn read(file: &str) -> Value {
    serde_json::from_str(&fs::read_to_string(folder().join(file)).unwrap()).unwrap()
}

/// The network a scenario starts from.
fn topology(name: &str) -> Vec<Value> {
    let variant = if name.contains("provider-network-vip") { "provider-network-vip" } else { "tenant" };
    read("topology.json")["operations"][variant].as_array().unwrap().clone()
}

/// Writes the ports that Neutron made, into the switch each one names.
fn write_ports(northbound: &Northbound, ports: &Value) {
    for (n, port) in ports.as_array().unwrap().iter().enumerate() {
        let pairs = |map: &Value| {
            json!(["map", map.as_object().unwrap().iter().map(|(k, v)| json!([k, v])).collect::<Vec<_>>()])
        };
        let name = format!("port{n}");
        let row = json!({
            "name": port["name"], "type": port["type"], "addresses": port["addresses"],
            "options": pairs(&port["options"]), "external_ids": pairs(&port["external_ids"]),
        });
        northbound.transact(&[
            json!({"op": "insert", "table": "Logical_Switch_Port", "uuid-name": name, "row": row}),
            json!({"op": "mutate", "table": "Logical_Switch",
                "where": [["name", "==", port["external_ids"]["neutron:network_name"]]],
                "mutations": [["ports", "insert", ["named-uuid", name]]]}),
        ]);
    }
}

/// The ports whose addresses health checks are sent from, as Neutron makes them when asked.
fn write_source_ports(northbound: &Northbound) {
    let port = |id: &str, cidr: &str, subnet: &str| {
        json!({"name": format!("eeeeeeee-0000-4000-8000-00000000000{id}"), "type": "localport", "options": {},
            "addresses": format!("fa:16:3e:ee:00:0{id} {}", cidr.split('/').next().unwrap()),
            "external_ids": {"neutron:cidrs": cidr, "neutron:device_owner": "ovn-lb-hm:distributed",
                "neutron:port_name": format!("ovn-lb-hm-{subnet}"),
                "neutron:network_name": "neutron-bbbbbbbb-0000-4000-8000-000000000001"}})
    };
    write_ports(
        northbound,
        &json!([
            port("4", "10.10.10.100/24", "bbbbbbbb-0000-4000-8000-000000000002"),
            port("6", "fd00:10::100/64", "bbbbbbbb-0000-4000-8000-000000000003"),
        ]),
    );
}

/// A router's NAT rows become these.
fn write_nat(northbound: &Northbound, rows: &Value) {
    let router = "neutron-cccccccc-0000-4000-8000-000000000001";
    let mut operations = Vec::new();
    let mut refers = Vec::new();
    for (n, entry) in rows.as_array().unwrap().iter().enumerate() {
        assert_eq!(entry["router"], router);
        let mut row = entry["row"].clone();
        let ids = row["external_ids"].as_object().unwrap();
        row["external_ids"] = json!(["map", ids.iter().map(|(k, v)| json!([k, v])).collect::<Vec<_>>()]);
        operations.push(json!({"op": "insert", "table": "NAT", "uuid-name": format!("nat{n}"), "row": row}));
        refers.push(json!(["named-uuid", format!("nat{n}")]));
    }
    operations.push(json!({"op": "update", "table": "Logical_Router", "where": [["name", "==", router]],
        "row": {"nat": ["set", refers]}}));
    northbound.transact(&operations);
}

/// Ports that are there are written anew.
fn replace_ports(northbound: &Northbound, ports: &Value) {
    for port in ports.as_array().unwrap() {
        let of_name = json!([["name", "==", port["name"]]]);
        let found = northbound.transact(&[
            json!({"op": "select", "table": "Logical_Switch_Port", "where": of_name, "columns": ["_uuid"]}),
        ]);
        for row in found[0]["rows"].as_array().unwrap() {
            northbound.transact(&[json!({"op": "mutate", "table": "Logical_Switch", "where": [],
                "mutations": [["ports", "delete", row["_uuid"]]]})]);
        }
    }
    write_ports(northbound, ports);
}

/// What the step must lead to: what was recorded, in the seed document's form, with the listed differences.
fn expected(step: &Value, differences: &[Value], used: &mut [bool]) -> Value {
    let mut expect = step["expect"].clone();
    // An empty load balancer has a protocol (seed document), where the recorded reference leaves it out.
    for row in expect["load_balancers"].as_array_mut().unwrap() {
        if row["protocol"].is_null() {
            row["protocol"] = "tcp".into();
        }
    }
    for holders in ["logical_switches", "logical_routers"] {
        for held in expect[holders].as_object_mut().unwrap().values_mut() {
            for label in held.as_array_mut().unwrap() {
                *label = label.as_str().unwrap().replace("/-", "/tcp").into();
            }
        }
    }
    for (difference, used) in differences.iter().zip(used) {
        if difference["steps"].as_array().unwrap().contains(&step["step"]) {
            for (pointer, value) in difference["set"].as_object().into_iter().flatten() {
                let before = expect.clone();
                set(&mut expect, pointer, value);
                assert_ne!(before, expect, "a listed difference is none: {} {pointer}", step["step"]);
            }
            *used = true;
        }
    }
    expect
}

/// Sets what a JSON pointer points to; null takes it out.
fn set(target: &mut Value, pointer: &str, value: &Value) {
    if pointer.is_empty() {
        *target = value.clone();
        return;
    }
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    let key = key.replace("~1", "/");
    match target.pointer_mut(parent).unwrap_or_else(|| panic!("no {parent}")) {
        Value::Object(map) if value.is_null() => drop(map.remove(&key)),
        Value::Object(map) => drop(map.insert(key, value.clone())),
        Value::Array(list) => list[key.parse::<usize>().unwrap()] = value.clone(),
        other => panic!("{pointer} in {other}"),
    }
}

/// Whether the call is answered as recorded: accepted, or refused with the recorded kind of error.
fn check_answer(step: &Value, differences: &[Value], answer: &Answer) {
    let of_step = |difference: &&Value| difference["steps"].as_array().unwrap().contains(&step["step"]);
    let listed = differences.iter().filter(of_step).find_map(|difference| difference["status"].as_u64());
    let recorded = match step["error"]["type"].as_str() {
        None if step["method"] == "create_vip_port" => 501,
        None => 200,
        Some("NotImplementedError") => 501,
        // Among them subclasses, and what the reference lets escape.
        Some(_) => 422,
    };
    if let Some(listed) = listed {
        assert_ne!(listed, recorded, "a listed difference is none: {}", step["step"]);
    }
    assert_eq!(u64::from(answer.status), listed.unwrap_or(recorded), "{}: {}", step["step"], answer.body);
    if answer.status == 200 && answer.body.get("result").is_none() {
        assert_eq!(answer.body["committed"], true, "{}: {}", step["step"], answer.body);
    }
}

async fn replay(name: &str) {
    let file = format!("rows/{name}.json");
    let mut scenario = read(&file);
    let all = read("differences.json");
    let differences = all[name].as_array().cloned().unwrap_or_default();
    let mut used = vec![false; differences.len()];
    let bless = std::env::var_os("WEIR_BLESS").is_some() && scenario["source"] == "Weir";
    // Those that are recorded were so.
    let northbound = Northbound::start_with(|schema| Northbound::as_of_23_09(schema, false));
    northbound.transact(&topology(name));
    write_source_ports(&northbound);
    let host = Host::start(northbound.folder(), &northbound.remote()).await;
    let client = host.client();
    let mut last = Value::Null;
    for step in scenario["steps"].as_array_mut().unwrap() {
        if step["method"] == "external" {
            if !step["logical_switch_ports_after"].is_null() {
                replace_ports(&northbound, &step["logical_switch_ports_after"]);
            }
            if !step["nat_after"].is_null() {
                write_nat(&northbound, &step["nat_after"]);
            }
            for change in step["network"].as_array().into_iter().flatten() {
                network::change(&northbound, change);
            }
            if bless {
                tokio::time::sleep(std::time::Duration::from_secs(3)).await;
                step["expect"] = northbound.state();
                continue;
            }
            if step["expect"] == last {
                // What is to change nothing must not have done so a moment later either.
                tokio::time::sleep(std::time::Duration::from_millis(500)).await;
            }
            // Nobody calls.
            eventually("the host has seen it", async || {
                let expect = expected(step, &differences, &mut used.clone());
                let floating =
                    step["floating_ips"].is_null() || step["floating_ips"] == northbound.floating_ips();
                (floating && sorted(&northbound.state()) == sorted(&expect)).then_some(())
            })
            .await;
        } else {
            let answer = client.call(step["method"].as_str().unwrap(), &step["args"]).await;
            check_answer(step, &differences, &answer);
        }
        let state = northbound.state();
        last = step["expect"].clone();
        if bless {
            step["expect"] = state;
            continue;
        }
        let expect = expected(step, &differences, &mut used);
        assert_eq!(sorted(&state), sorted(&expect), "{name}, after {}", step["step"]);
        if !step["floating_ips"].is_null() {
            assert_eq!(northbound.floating_ips(), step["floating_ips"], "{name}, after {}", step["step"]);
        }
    }
    if bless {
        fs::write(folder().join(file), serde_json::to_string_pretty(&scenario).unwrap() + "\n").unwrap();
    }
    for (difference, used) in differences.iter().zip(used) {
        assert!(used, "{name}: no such step: {difference}");
    }
}

/// Pretty text, so that a failure shows where it differs.
fn sorted(state: &Value) -> String {
    let mut state = state.clone();
    state["load_balancers"].as_array_mut().unwrap().sort_by_key(|row| {
        (row["protocol"].to_string(), row["selection_fields"].to_string(), row["external_ids"].to_string())
    });
    serde_json::to_string_pretty(&state).unwrap()
}

macro_rules! scenarios {
    ($($test:ident = $name:literal;)*) => {
        $(#[tokio::test(flavor = "multi_thread")]
        async fn $test() { replay($name).await; })*

        #[test]
        fn every_scenario_is_replayed_and_every_difference_has_one() {
            let named = [$($name),*];
            let mut files: Vec<_> = fs::read_dir(folder().join("rows")).unwrap()
                .map(|entry| entry.unwrap().file_name().into_string().unwrap().replace(".json", ""))
                .collect();
            files.sort();
            assert_eq!(files, named);
            let differences: Map<String, Value> = read("differences.json").as_object().unwrap().clone();
            for (name, list) in differences {
                assert!(named.contains(&name.as_str()), "{name}");
                for difference in list.as_array().unwrap() {
                    assert!(difference["why"].as_str().is_some_and(|why| why.len() > 20), "{difference} has no reason");
                }
            }
        }
    };
}

scenarios! {
    seed_tcp = "01-seed-tcp";
    seed_udp = "02-seed-udp";
    several_members = "04-several-members";
    disabled = "05-disabled";
    session_persistence = "06-session-persistence";
    algorithm_source_ip = "07-algorithm-SOURCE_IP";
    vip_on_private = "09-vip-on-private";
    provider_network_vip = "10-provider-network-vip";
    health_monitor = "11-hm-tcp";
    fip_on_vip = "15-fip-on-vip";
    listener_updates = "17-listener-updates";
    unsupported = "18-unsupported";
    graph_create = "19-graph-create";
    load_balancer_only_no_port = "20-lb-only-no-port";
    graph_without_monitor = "30-graph-without-monitor";
    mixed_protocols = "31-mixed-protocols";
    several_listeners_a_pool = "32-several-listeners-a-pool";
    ipv6_and_additional_vips = "33-ipv6-and-additional-vips";
    different_algorithms = "34-different-algorithms";
    beyond_the_reference = "35-weights-backups-https-flavor";
    ipv6_monitor_and_router = "36-ipv6-monitor-and-router";
    additional_vips_floating_ips_monitor = "37-additional-vips-floating-ips-monitor";
    several_routers = "38-several-routers";
    provider_networks = "39-provider-network-vip-and-members";
    moved_floating_ips = "40-moved-floating-ips";
    members_with_floating_ips = "41-members-with-floating-ips";
}

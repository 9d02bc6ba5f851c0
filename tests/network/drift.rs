//! Somebody edits Weir's rows by hand, a thousand times at random: all of it is put right, and what is nobody's business of
//! ours stays to the letter.

use serde_json::{Value, json};
use weir_tests::objects::{self, NETWORK, id};

use crate::lab::{Lab, listener, load_balancer, member, metric, plain_pool, pool};

/// Numbers that follow from a seed.
pub struct Dice(pub u64);

impl Dice {
    pub fn throw(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % sides
    }

    fn one<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.throw(of.len())]
    }
}

/// Load balancers of many shapes.
pub fn shapes() -> Vec<Value> {
    let mut weighted = plain_pool(31, 3, "TCP", vec![member(31, 31, 10), member(32, 31, 11)]);
    weighted["members"][0]["weight"] = 3.into();
    weighted["session_persistence"] = json!({"type": "SOURCE_IP"});
    let mut sourced = plain_pool(41, 4, "TCP", vec![member(41, 41, 12)]);
    sourced["lb_algorithm"] = "SOURCE_IP".into();
    let mut limited = listener(42, 4, "TCP", 81, 42);
    limited["allowed_cidrs"] = json!(["10.10.10.0/25", "192.0.2.0/24"]);
    let mut down = load_balancer(
        5,
        vec![listener(51, 5, "UDP", 53, 51)],
        vec![plain_pool(51, 5, "UDP", vec![member(51, 51, 10)])],
    );
    down["admin_state_up"] = false.into();
    vec![
        load_balancer(
            1,
            vec![listener(1, 1, "TCP", 80, 1)],
            vec![pool(1, "TCP", "TCP", vec![member(1, 1, 10), member(2, 1, 11)])],
        ),
        // Two rows.
        load_balancer(
            2,
            vec![listener(21, 2, "TCP", 80, 21), listener(22, 2, "UDP", 53, 22)],
            vec![
                plain_pool(21, 2, "TCP", vec![member(21, 21, 10)]),
                plain_pool(22, 2, "UDP", vec![member(22, 22, 11), member(23, 22, 12)]),
            ],
        ),
        load_balancer(3, vec![listener(31, 3, "HTTPS", 443, 31)], vec![weighted]),
        load_balancer(
            4,
            vec![listener(41, 4, "TCP", 80, 41), limited],
            vec![sourced, plain_pool(42, 4, "TCP", vec![member(42, 42, 10)])],
        ),
        down,
        load_balancer(6, vec![], vec![]),
    ]
}

/// Rows of others, near enough to be hit by mistake.
pub fn foreign() -> Vec<Value> {
    let vips = json!(["map", [["10.10.10.5:80", "10.10.10.10:8080"]]]);
    let row = |name: &str, keys: Value| {
        json!({"op": "insert", "table": "Load_Balancer", "uuid-name": format!("row{}", name.len()), "row": {
            "name": name, "vips": vips, "protocol": "tcp", "external_ids": ["map", keys]}})
    };
    let rows = [
        row(
            "pf-floatingip",
            json!([["neutron:device_owner", "port_forwarding_plugin"], ["neutron:vip", "10.10.10.5"]]),
        ),
        row(
            &id(1, 900),
            json!([
                ["neutron:vip", "10.10.10.5"],
                ["enabled", "True"],
                [format!("listener_{}", id(2, 900)), "80:"]
            ]),
        ),
        row(
            "Service_default/web_TCP_cluster",
            json!([["k8s.ovn.org/kind", "Service"], ["k8s.ovn.org/owner", id(1, 1)]]),
        ),
        row("x", json!([["weir:owner", "another"], ["weir:lb", id(1, 901)], ["neutron:vip", "10.10.10.5"]])),
    ];
    let names: Vec<_> = rows.iter().map(|row| json!(["named-uuid", row["uuid-name"]])).collect();
    let mut operations = rows.to_vec();
    for table in ["Logical_Switch", "Logical_Router"] {
        operations.push(json!({"op": "mutate", "table": table, "where": [], "mutations": [["load_balancer", "insert", ["set", names]]]}));
    }
    operations
}

/// What an operator keeps on a row of ours.
pub fn notes() -> Vec<Value> {
    let one = json!([["name", "==", id(1, 6)]]);
    vec![json!({"op": "mutate", "table": "Load_Balancer", "where": one, "mutations": [
        ["external_ids", "insert", ["map", [["note", "mine"], ["ticket", "17"]]]],
        ["options", "insert", ["map", [["template", "false"]]]],
    ]})]
}

fn by_uuid(uuid: &Value) -> Value {
    json!([["_uuid", "==", uuid]])
}

fn keys_of(column: &Value) -> Vec<(String, String)> {
    let pairs = column[1].as_array().cloned().unwrap_or_default();
    pairs
        .iter()
        .map(|pair| (pair[0].as_str().unwrap().to_owned(), pair[1].as_str().unwrap().to_owned()))
        .collect()
}

/// One edit by hand of one of the rows, by what they were; a row that is gone is simply not hit.
fn edit(dice: &mut Dice, rows: &[Value], whole_rows: &[&Value]) -> Vec<Value> {
    let row = dice.one(rows).clone();
    let this = by_uuid(&row["_uuid"]);
    let mutate = |column: &str, how: &str, what: Value| json!({"op": "mutate", "table": "Load_Balancer", "where": this, "mutations": [[column, how, what]]});
    let update = |column: &str, value: Value| json!({"op": "update", "table": "Load_Balancer", "where": this, "row": {column: value}});
    let replace = |column: &str, key: &str, value: &str| {
        vec![
            mutate(column, "delete", json!(["set", [key]])),
            mutate(column, "insert", json!(["map", [[key, value]]])),
        ]
    };
    let managed = |(key, _): &(String, String)| !["note", "ticket"].contains(&key.as_str());
    let keys: Vec<_> = keys_of(&row["external_ids"]).into_iter().filter(managed).collect();
    let vips = keys_of(&row["vips"]);
    let attached = |how: &str, table: &str| json!({"op": "mutate", "table": table, "where": [], "mutations": [["load_balancer", how, ["set", [row["_uuid"]]]]]});
    match dice.throw(17) {
        0 => vec![update("name", json!(dice.one(&["renamed", ""])))],
        1 => vec![mutate("vips", "insert", json!(["map", [["10.10.10.77:77", "10.10.10.10:77"]]]))],
        2 if !vips.is_empty() => vec![mutate("vips", "delete", json!(["set", [dice.one(&vips).0]]))],
        3 if !vips.is_empty() => replace("vips", &dice.one(&vips).0, "10.10.10.99:99"),
        4 => vec![update("vips", json!(["map", []]))],
        5 => vec![mutate("options", "insert", json!(["map", [["affinity_timeout", "77"]]]))],
        6 if row["external_ids"].to_string().contains("note") => Vec::new(),
        6 => vec![update("options", json!(["map", []]))],
        7 => vec![update("selection_fields", json!(["set", ["ip_dst"]]))],
        8 => vec![update("protocol", json!(dice.one(&["tcp", "udp", "sctp"])))],
        9 | 10 => vec![mutate("external_ids", "delete", json!(["set", [dice.one(&keys).0]]))],
        11 => {
            // Another owner's name is a claim, not an edit.
            let keys: Vec<_> = keys.iter().filter(|(key, _)| key != "weir:owner").collect();
            replace("external_ids", &dice.one(&keys).0, ["", "nonsense", "80:pool_1", "{}"][dice.throw(4)])
        }
        12 => vec![mutate(
            "external_ids",
            "insert",
            json!(["map", [[format!("listener_{}", id(2, 999)), "99:"]]]),
        )],
        13 => vec![
            mutate("ip_port_mappings", "insert", json!(["map", [["10.10.10.10", "x:10.10.10.9"]]])),
            update("health_check", json!(["set", []])),
        ],
        14 => {
            let table = *dice.one(&["Logical_Switch", "Logical_Router"]);
            let how: &str = if dice.throw(2) == 0 { "insert" } else { "delete" };
            vec![attached(how, table)]
        }
        15 if whole_rows.iter().all(|kept| kept["_uuid"] != row["_uuid"]) => {
            vec![json!({"op": "delete", "table": "Load_Balancer", "where": this})]
        }
        16 => edit_rule(dice),
        _ => vec![update("ip_port_mappings", json!(["map", []]))],
    }
}

/// One edit by hand of the rules that limit a listener.
fn edit_rule(dice: &mut Dice) -> Vec<Value> {
    let ours = json!([["name", "==", format!("weir-{}", id(1, 4))]]);
    let update = |column: &str, value: Value| json!({"op": "update", "table": "ACL", "where": ours, "row": {column: value}});
    vec![match dice.throw(4) {
        0 => update("match", json!("ip4.src == 10.10.10.0/24")),
        1 => update("action", json!("allow-related")),
        2 => update("external_ids", json!(["map", []])),
        // As Neutron's repair of the Northbound does.
        _ => json!({"op": "update", "table": "Logical_Switch", "where": [], "row": {"acls": ["set", []]}}),
    }]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_edits_by_hand_are_all_put_right() {
    let seed = std::env::var("DRIFT_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(20_261_125);
    #[allow(clippy::print_stderr)]
    {
        eprintln!("DRIFT_SEED={seed}");
    }
    let mut dice = Dice(seed);
    let lab = Lab::start().await;
    for shape in shapes() {
        lab.make(shape).await;
    }
    lab.by_hand(&foreign());
    lab.by_hand(&notes());
    let before = lab.northbound.dump();
    let rows: Vec<_> = before["Load_Balancer"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|row| row["external_ids"].to_string().contains(r#"["weir:owner","weir"]"#))
        .cloned()
        .collect();
    assert_eq!(rows.len(), 8, "{rows:?}");
    // What an operator keeps on a row goes with it.
    let whole: Vec<_> = rows.iter().filter(|row| row["external_ids"].to_string().contains("note")).collect();
    let mut edits = 0;
    while edits < 1_000 {
        let operations = edit(&mut dice, &rows, &whole);
        if !operations.is_empty() {
            lab.by_hand(&operations);
            edits += 1;
        }
        if edits % 100 == 0 {
            // Sometimes there is time for a repair in between.
            tokio::time::sleep(std::time::Duration::from_millis(500)).await;
        }
    }
    lab.as_before(&before).await;
    assert!(lab.metric("weir_repairs_total").await > 6.0);
    // And there it stays.
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    assert_eq!(lab.northbound.dump(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_are_all_gone_come_back_where_octavia_knows_the_load_balancer() {
    let lab = Lab::start().await;
    for n in 1..=2 {
        lab.make(load_balancer(
            n,
            vec![listener(n, n, "TCP", 80, n)],
            vec![plain_pool(n, n, "TCP", vec![member(n, n, 10)])],
        ))
        .await;
    }
    let before = lab.northbound.dump();
    lab.by_hand(&[json!({"op": "delete", "table": "Load_Balancer", "where": []})]);
    // Octavia has deleted one of them meanwhile.
    lab.agent.forget(&id(1, 2));
    let one = |dump: &Value| {
        let rows = dump["Load_Balancer"].as_array().unwrap();
        rows.iter().find(|row| row["name"] == id(1, 1)).cloned()
    };
    let wanted = one(&before).unwrap();
    weir_tests::eventually("it is back", async || (one(&lab.northbound.dump())? == wanted).then_some(()))
        .await;
    assert_eq!(lab.northbound.rows(&id(1, 2)), Vec::<Value>::new());
    assert_eq!(
        lab.northbound.state()["logical_switches"][format!("neutron-{NETWORK}")],
        json!([format!("{}/tcp", id(1, 1))])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_agent_what_the_rows_say_counts() {
    let northbound = weir_tests::Northbound::start();
    northbound.transact(&objects::topology());
    let host = weir_tests::Host::start(northbound.folder(), &northbound.remote()).await;
    for (method, body) in objects::calls(1) {
        host.client().call(method, &body).await.committed();
    }
    let before = northbound.load_balancer(&id(1, 1));
    northbound.transact(&[
        json!({"op": "update", "table": "Load_Balancer", "where": [["name", "==", id(1, 1)]], "row": {
            "name": "renamed", "vips": ["map", [["1.1.1.1:1", "2.2.2.2:2"]]], "selection_fields": ["set", []]}}),
        json!({"op": "mutate", "table": "Logical_Switch", "where": [], "mutations": [["load_balancer", "delete", ["set", [["uuid", before["_uuid"]]]]]]}),
    ]);
    weir_tests::eventually("put right", async || {
        let rows = northbound.rows(&id(1, 1));
        (rows.len() == 1 && rows[0] == before).then_some(())
    })
    .await;
    let state = northbound.state();
    assert_eq!(state["logical_switches"][format!("neutron-{NETWORK}")], json!([format!("{}/tcp", id(1, 1))]));
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_do_not_say_what_they_are_of_are_not_taken_for_nothing() {
    let northbound = weir_tests::Northbound::start();
    northbound.transact(&objects::topology());
    let host = weir_tests::Host::start(northbound.folder(), &northbound.remote()).await;
    let client = host.client();
    for (method, body) in objects::calls(1) {
        client.call(method, &body).await.committed();
    }
    let vips = northbound.load_balancer(&id(1, 1))["vips"].clone();
    let spoilt = json!({"op": "mutate", "table": "Load_Balancer", "where": [["name", "==", id(1, 1)]],
        "mutations": [["external_ids", "delete", ["set", ["neutron:vip"]]]]});
    northbound.transact(&[spoilt]);
    // Nobody says what it should be: there is no agent.
    weir_tests::eventually("a repair has been tried", async || {
        (metric(&client, "weir_repairs_failed_total").await >= 1.0).then_some(())
    })
    .await;
    assert_eq!(northbound.load_balancer(&id(1, 1))["vips"], vips);
    let update = json!({"old_listener": objects::listener(1, 1, "TCP", 80)["listener"],
        "new_listener": {"listener_id": id(2, 1), "loadbalancer_id": id(1, 1), "admin_state_up": false}});
    client.call("listener_update", &update).await.refused(503, "rows-unreadable");
    client.call("member_create", &objects::member(2, 1)).await.refused(503, "rows-unreadable");
    let refused = client.call("member_delete", &objects::member(1, 1)).await;
    refused.refused(503, "rows-unreadable");
    assert!(
        refused.body["operator_fault_string"].as_str().unwrap().contains("neutron:vip"),
        "{}",
        refused.body
    );
    assert_eq!(northbound.load_balancer(&id(1, 1))["vips"], vips);
    client.call("loadbalancer_delete", &objects::loadbalancer(1)).await.committed();
    assert_eq!(northbound.rows(&id(1, 1)), Vec::<Value>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_do_not_say_what_they_are_of_become_as_octavia_says() {
    let lab = Lab::start().await;
    lab.make(load_balancer(
        1,
        vec![listener(1, 1, "TCP", 80, 1)],
        vec![plain_pool(1, 1, "TCP", vec![member(1, 1, 10)])],
    ))
    .await;
    let before = lab.northbound.dump();
    lab.by_hand(&[json!({"op": "mutate", "table": "Load_Balancer", "where": [["name", "==", id(1, 1)]],
        "mutations": [["external_ids", "delete", ["set", ["neutron:vip"]]],
            ["external_ids", "insert", ["map", [["neutron:vip", "nowhere"]]]]]})]);
    lab.as_before(&before).await;
}

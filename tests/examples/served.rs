//! A host with all examples in its plugin folder, without a word from an operator: they stand beside each other and
//! beside the shipped ones, and rows are as they say.

use std::fs;

use serde_json::{Value, json};
use weir_tests::{Client, Host, Northbound, objects::*};

use crate::{built, examples};

/// The backends of a port, as OVN has them.
fn backends(northbound: &Northbound, port: u16) -> Vec<String> {
    let rows = northbound.rows(&id(1, 1));
    let end = format!(":{port}");
    let vips = rows.iter().flat_map(|row| row["vips"].as_object().unwrap().iter());
    // Whoever drains stands where nobody connects to.
    let vips = vips.filter(|(vip, _)| !vip.starts_with("0.0.0.0:"));
    let of_port: Vec<_> = vips.filter(|(vip, _)| vip.ends_with(&end)).map(|(_, to)| to).collect();
    assert_eq!(of_port.len(), 1, "port {port}: {rows:?}");
    of_port[0].as_str().unwrap().split(',').map(str::to_owned).collect()
}

fn weighing(n: usize, weight: u16) -> Value {
    let mut member = member(n, 1);
    member["member"]["weight"] = weight.into();
    member
}

async fn weigh(client: &Client, n: usize, from: u16, to: u16) {
    let (old, new) = (weighing(n, from)["member"].clone(), weighing(n, to)["member"].clone());
    client.call("member_update", &json!({"old_member": old, "new_member": new})).await.committed();
}

fn of_algorithm(mut pool: Value, word: &str) -> Value {
    pool["pool"]["lb_algorithm"] = word.into();
    pool
}

#[tokio::test(flavor = "multi_thread")]
async fn all_are_served_beside_each_other_and_rows_have_a_backend_as_often_as_it_weighs() {
    let northbound = Northbound::start();
    northbound.transact(&topology());
    let folder = northbound.folder().join("plugins");
    fs::create_dir_all(&folder).unwrap();
    for name in examples() {
        fs::copy(built(&name), folder.join(format!("{name}.wasm"))).unwrap();
    }
    let host = Host::start(northbound.folder(), &northbound.remote()).await;
    let client = host.client();

    // weighted: 3 to 1.
    for (method, body) in [
        ("loadbalancer_create", loadbalancer(1)),
        ("listener_create", listener(1, 1, "TCP", 80)),
        ("pool_create", pool(1, 1, Some(1), "TCP")),
        ("member_create", weighing(1, 30)),
        ("member_create", weighing(2, 10)),
    ] {
        client.call(method, &body).await.committed();
    }
    let [one, two] = ["10.10.10.11:8080", "10.10.10.12:8080"];
    assert_eq!(backends(&northbound, 80), [one, one, one, two]);
    weigh(&client, 2, 10, 20).await;
    assert_eq!(backends(&northbound, 80), [one, one, one, two, two]);
    weigh(&client, 1, 30, 0).await;
    assert_eq!(backends(&northbound, 80), [two]);
    weigh(&client, 1, 0, 20).await;
    assert_eq!(backends(&northbound, 80), [one, two]);

    // round-robin: what the shipped plugins refuse is accepted, as a hash; what it does not accept stays refused.
    client.call("listener_create", &listener(2, 1, "TCP", 81)).await.committed();
    client.call("pool_create", &of_algorithm(pool(2, 1, Some(2), "TCP"), "ROUND_ROBIN")).await.committed();
    client.call("member_create", &member(3, 2)).await.committed();
    assert_eq!(backends(&northbound, 81), ["10.10.10.13:8080"]);
    for row in northbound.rows(&id(1, 1)) {
        let fields = row["selection_fields"].to_string();
        assert!(["ip_dst", "ip_src", "tp_dst", "tp_src"].iter().all(|f| fields.contains(f)), "{row}");
    }
    let before = northbound.dump();
    let counted = of_algorithm(pool(3, 1, None, "TCP"), "LEAST_CONNECTIONS");
    let said = client.call("pool_create", &counted).await.refused(422, "unsupported-algorithm");
    assert!(said.contains("choose ROUND_ROBIN"), "{said}");

    // http-passthrough: what needs somebody who reads is refused, the rest passes through over tcp.
    let mut reading = listener(4, 1, "HTTP", 8000);
    reading["listener"]["insert_headers"] = json!({"X-Forwarded-For": "true"});
    let said = client.call("listener_create", &reading).await.refused(422, "unsupported-insert-headers");
    assert!(said.contains("sees the client's own address"), "{said}");
    assert_eq!(northbound.dump(), before);
    client.call("listener_create", &listener(4, 1, "HTTP", 8000)).await.committed();
    client.call("pool_create", &pool(4, 1, Some(4), "HTTP")).await.committed();
    client.call("member_create", &member(4, 4)).await.committed();
    assert_eq!(backends(&northbound, 8000), ["10.10.10.14:8080"]);
    let rows = northbound.rows(&id(1, 1));
    assert!(rows.iter().all(|row| row["protocol"] == "tcp"), "{rows:?}");

    // Each was asked, site-policy for TCP, and none has failed.
    let plugins = client.get("/v1/plugins").await.body;
    for name in examples() {
        let all = plugins["plugins"].as_array().unwrap();
        let own = all.iter().find(|plugin| plugin["name"] == *name).unwrap();
        assert!(own["calls"].as_u64().unwrap() > 2 && own["failures"] == 0, "{own}");
    }
}

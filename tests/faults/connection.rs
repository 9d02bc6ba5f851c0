//! The connection to the Northbound breaks at the worst moments.

use serde_json::json;
use weir_tests::{
    Host, Northbound, eventually,
    objects::*,
    proxy::{Fault, Proxy},
};

async fn scene() -> (Northbound, Proxy, Host) {
    let northbound = Northbound::start();
    northbound.transact(&topology());
    let proxy = Proxy::start(northbound.folder(), northbound.socket());
    let host = Host::start(northbound.folder(), &proxy.remote()).await;
    (northbound, proxy, host)
}

/// The one row of load balancer `n`, with the members of `members` behind its VIP and nothing else.
fn is_right(northbound: &Northbound, n: usize, members: &[usize]) {
    let rows = northbound.rows(&id(1, n));
    assert_eq!(rows.len(), 1, "{rows:?}");
    let body = loadbalancer(n);
    let vip = format!("{}:80", body["loadbalancer"]["vip_address"].as_str().unwrap());
    let backend = |m: &usize| format!("{}:8080", member(*m, n)["member"]["address"].as_str().unwrap());
    let backends: Vec<_> = members.iter().map(backend).collect();
    assert_eq!(rows[0]["vips"], json!({vip: backends.join(",")}));
    let state = northbound.state();
    let label = json!([format!("{}/tcp", id(1, n))]);
    assert_eq!(state["logical_switches"][format!("neutron-{NETWORK}")], label);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_or_its_answer_is_lost() {
    for fault in [Fault::LoseRequest, Fault::LoseAnswer] {
        let (northbound, proxy, host) = scene().await;
        let client = host.client();
        for (at, (method, body)) in calls(1).into_iter().enumerate() {
            proxy.set(fault);
            let answer = client.call(method, &body).await;
            assert_eq!(answer.status, 200, "{fault:?}: {}", answer.body);
            let change = answer.body["change"].as_str().unwrap().to_owned();
            eventually("committed", async || {
                let state = client.get(&format!("/v1/changes/{change}")).await.body;
                assert_ne!(state["state"], "failed", "{fault:?}: {state}");
                (state["state"] == "committed").then_some(())
            })
            .await;
            assert_eq!(proxy.cuts(), at + 1, "the fault has happened");
        }
        is_right(&northbound, 1, &[1]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_are_accepted_while_the_northbound_is_away() {
    let (northbound, proxy, host) = scene().await;
    let client = host.client();
    client.call("loadbalancer_create", &loadbalancer(1)).await.committed();
    proxy.set(Fault::Away);
    eventually("noticed", async || (client.get("/readyz").await.status == 503).then_some(())).await;
    let mut changes = Vec::new();
    for (method, body) in calls(1).into_iter().skip(1) {
        let answer = client.call(method, &body).await;
        assert_eq!((answer.status, &answer.body["committed"]), (200, &json!(false)), "{}", answer.body);
        changes.push(answer.body["change"].as_str().unwrap().to_owned());
    }
    // Judged over what is pending: its parents are known, its likes are not.
    client.call("listener_create", &listener(2, 1, "TCP", 80)).await;
    client.call("member_create", &member(2, 99)).await.refused(404, "not-found");
    client.call("listener_create", &listener(1, 1, "UDP", 80)).await.refused(500, "exists-and-differs");
    let unwanted = client.call_with_key("member_create", &member(3, 1), Some("unwanted")).await;
    assert_eq!(unwanted.body["committed"], false);
    assert_eq!(client.delete("/v1/changes/unwanted").await.body["state"], "abandoned");
    let pending = client.get(&format!("/v1/loadbalancers/{}", id(1, 1))).await.body;
    assert!(pending["pending"].as_array().unwrap().len() >= 3, "{pending}");
    proxy.set(Fault::None);
    for change in changes {
        eventually("committed", async || {
            (client.get(&format!("/v1/changes/{change}")).await.body["state"] == "committed").then_some(())
        })
        .await;
    }
    is_right(&northbound, 1, &[1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_is_killed_and_comes_back() {
    let mut northbound = Northbound::start();
    northbound.transact(&topology());
    let host = Host::start(northbound.folder(), &northbound.remote()).await;
    let client = host.client();
    for (method, body) in calls(1) {
        client.call(method, &body).await.committed();
    }
    northbound.server.kill().unwrap();
    eventually("noticed", async || (client.get("/readyz").await.status == 503).then_some(())).await;
    assert_eq!(client.call("member_create", &member(2, 1)).await.body["committed"], false);
    northbound.server.start().unwrap();
    eventually("ready", async || (client.get("/readyz").await.status == 200).then_some(())).await;
    eventually("committed", async || {
        (northbound.rows(&id(1, 1))[0]["vips"].to_string().contains("10.10.10.12")).then_some(())
    })
    .await;
    is_right(&northbound, 1, &[1, 2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn hung_server_delays_calls_and_loses_none() {
    let northbound = Northbound::start();
    northbound.transact(&topology());
    let host = Host::start(northbound.folder(), &northbound.remote()).await;
    let client = host.client();
    for (method, body) in calls(1) {
        client.call(method, &body).await.committed();
    }
    northbound.server.suspend().unwrap();
    assert_eq!(client.call("member_create", &member(2, 1)).await.body["committed"], false);
    eventually("noticed", async || (client.get("/readyz").await.status == 503).then_some(())).await;
    assert_eq!(client.call("member_create", &member(3, 1)).await.body["committed"], false);
    northbound.server.resume().unwrap();
    eventually("committed", async || {
        (northbound.rows(&id(1, 1))[0]["vips"].to_string().contains("10.10.10.13")).then_some(())
    })
    .await;
    is_right(&northbound, 1, &[1, 2, 3]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restarted_host_goes_on_with_its_rows() {
    let northbound = Northbound::start();
    northbound.transact(&topology());
    let mut host = Host::start(northbound.folder(), &northbound.remote()).await;
    for (method, body) in calls(1) {
        host.client().call(method, &body).await.committed();
    }
    host.kill();
    let before = northbound.dump();
    host.restart();
    host.ready().await;
    assert_eq!(northbound.dump(), before, "a start alone writes nothing");
    host.client().call("member_create", &member(2, 1)).await.committed();
    is_right(&northbound, 1, &[1, 2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn before_the_first_full_read_nothing_is_accepted() {
    let mut northbound = Northbound::start();
    northbound.server.kill().unwrap();
    let host = Host::spawn(northbound.folder(), &northbound.remote(), &[]);
    let client = host.client();
    let answer = eventually("listening", async || {
        client
            .send(
                hyper::Method::POST,
                "/v1/driver/loadbalancer_create",
                &[],
                loadbalancer(1).to_string().into(),
            )
            .await
            .ok()
    })
    .await;
    answer.refused(503, "northbound-not-read");
    northbound.server.start().unwrap();
    host.ready().await;
    client.call("loadbalancer_create", &loadbalancer(1)).await.committed();
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_elses_edit_is_noticed_and_both_stand() {
    let (northbound, _proxy, host) = scene().await;
    let client = host.client();
    for (method, body) in calls(1) {
        client.call(method, &body).await.committed();
    }
    let note = |value: &str| {
        json!({"op": "mutate", "table": "Load_Balancer", "where": [["name", "==", id(1, 1)]],
            "mutations": [["external_ids", "delete", ["set", ["note"]]], ["external_ids", "insert", ["map", [["note", value]]]]]})
    };
    // An operator edits the row all the time; calls meet it half way.
    for n in 2..12 {
        let calls = [n, n + 100].map(|n| {
            let client = client.clone();
            tokio::spawn(async move { client.call("member_create", &member(n, 1)).await.status })
        });
        northbound.transact(&[note(&n.to_string())]);
        for call in calls {
            assert_eq!(call.await.unwrap(), 200);
        }
    }
    eventually("all there", async || {
        let row = &northbound.rows(&id(1, 1))[0];
        (row["vips"].to_string().matches(":8080").count() == 21 && row["external_ids"]["note"] == "11")
            .then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_host_has_not_heard_of_is_not_said_to_be_done() {
    let (northbound, proxy, host) = scene().await;
    let folder = northbound.folder().join("second");
    std::fs::create_dir_all(&folder).unwrap();
    let other = Host::start(&folder, &northbound.remote()).await;
    let (client, to_other) = (host.client(), other.client());
    let deletes: [(&str, serde_json::Value); 2] =
        [("member_delete", member(1, 1)), ("loadbalancer_delete", loadbalancer(1))];
    for (method, body) in deletes {
        // The first one's connection is dead, and it does not know.
        proxy.set(Fault::Deaf);
        for (method, body) in calls(1).into_iter().filter(|_| method == "member_delete") {
            to_other.call(method, &body).await.committed();
        }
        if method == "loadbalancer_delete" {
            let more = member(2, 1);
            to_other.call("member_create", &more).await.committed();
        }
        let answer = client.call(method, &body).await;
        assert_eq!((answer.status, &answer.body["committed"]), (200, &json!(false)), "{}", answer.body);
        proxy.set(Fault::None);
        let change = answer.body["change"].as_str().unwrap().to_owned();
        eventually("committed", async || {
            let state = client.get(&format!("/v1/changes/{change}")).await.body;
            assert_ne!(state["state"], "failed", "{state}");
            (state["state"] == "committed").then_some(())
        })
        .await;
        match method {
            "member_delete" => assert_eq!(northbound.rows(&id(1, 1))[0]["vips"], json!({})),
            _ => assert!(northbound.rows(&id(1, 1)).is_empty()),
        }
    }
    // One that only the other host knows of, as a whole.
    proxy.set(Fault::Deaf);
    to_other.call("loadbalancer_create", &loadbalancer(2)).await.committed();
    let answer = client.call("loadbalancer_delete", &loadbalancer(2)).await;
    assert_eq!((answer.status, &answer.body["committed"]), (200, &json!(false)), "{}", answer.body);
    proxy.set(Fault::None);
    eventually("gone", async || northbound.rows(&id(1, 2)).is_empty().then_some(())).await;
}

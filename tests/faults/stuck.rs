//! A change that cannot be carried out for a minute.

use serde_json::Value;
use weir_tests::{
    Client, Host, Northbound, eventually,
    objects::*,
    proxy::{Fault, Proxy},
};

/// The condition, and the gauge.
async fn stuck(client: &Client) -> (Value, bool) {
    let ready = client.get("/readyz").await.body;
    let conditions = ready["conditions"].as_array().unwrap().clone();
    let condition = conditions.into_iter().find(|condition| condition["name"] == "changes-stuck").unwrap();
    let metrics = client.get("/metrics").await.body;
    (condition, metrics.as_str().unwrap().contains("\nweir_changes_stuck 1\n"))
}

#[tokio::test(flavor = "multi_thread")]
async fn change_tried_for_a_minute_is_a_condition_until_it_is_done() {
    let northbound = Northbound::start();
    northbound.transact(&topology());
    let proxy = Proxy::start(northbound.folder(), northbound.socket());
    let host = Host::start(northbound.folder(), &proxy.remote()).await;
    let client = host.client();
    client.call("loadbalancer_create", &loadbalancer(1)).await.committed();
    // The connection stays, and nothing is answered.
    proxy.set(Fault::Deaf);
    let answer = client.call("listener_create", &listener(1, 1, "TCP", 80)).await;
    assert_eq!(answer.body["committed"], false);
    assert_eq!(stuck(&client).await.0["ok"], true, "not yet");
    let start = std::time::Instant::now();
    let condition = loop {
        let (condition, counted) = stuck(&client).await;
        if condition["ok"] == false && counted {
            break condition;
        }
        assert!(start.elapsed().as_secs() < 300, "{condition}");
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    };
    let detail = condition["detail"].as_str().unwrap();
    assert!(detail.contains("listener_create") && detail.contains(&id(1, 1)), "{detail}");
    eventually("a WARN", async || {
        let log = host.log();
        let line =
            log.lines().find(|line| line.contains("condition is false") && line.contains("changes-stuck"));
        line.map(|_| ())
    })
    .await;
    proxy.set(Fault::None);
    eventually("done", async || {
        let (condition, counted) = stuck(&client).await;
        (condition["ok"] == true && !counted).then_some(())
    })
    .await;
    assert!(northbound.load_balancer(&id(1, 1))["external_ids"].to_string().contains(&id(2, 1)));
}

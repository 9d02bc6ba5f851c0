//! OVSDB relays before the Northbound and the Southbound.

use std::process::Command;

use serde_json::{Value, json};
use weir_ovsdb::testing::Server;
use weir_tests::{
    Agent, Host, Northbound, Southbound, eventually,
    host::binary,
    objects::{self, id},
};

use crate::{
    conversion::condition,
    handover::{HELD, holds, simple},
    lab::{listener, load_balancer, member, metric, pool},
};

/// What `weir check` says of a Northbound, and its exit code.
async fn check(northbound: &str, southbound: &str) -> (Vec<Value>, Option<i32>) {
    let mut command = Command::new(binary());
    command.args(["check", "-o", "json"]);
    command.env("WEIR_OVN_NB_CONNECTION", northbound).env("WEIR_OVN_SB_CONNECTION", southbound);
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let report: Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"));
    (report["findings"].as_array().unwrap().clone(), output.status.code())
}

fn verdict(findings: &[Value], name: &str) -> Option<Value> {
    findings.iter().find(|finding| finding["name"] == name).map(|finding| finding["verdict"].clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn northbound_relay_serves_calls_and_its_missing_lock_is_reported() {
    let (northbound, southbound) = (Northbound::start(), Southbound::start());
    northbound.transact(&objects::topology());
    let source = northbound.server.endpoint();
    let mut relay = Server::relay(northbound.folder(), "OVN_Northbound", &source).unwrap();
    let remote = relay.endpoint().to_string();
    let agent = Agent::start(northbound.folder());
    agent.know(simple(1));
    let env = [("WEIR_OVN_SB_CONNECTION", &*southbound.remote())];
    let host = Host::spawn(northbound.folder(), &remote, &env);
    host.ready().await;
    let client = host.client();
    client.call("loadbalancer_create", &json!({"loadbalancer": simple(1)})).await.committed();
    assert_eq!(northbound.rows(&id(1, 1)).len(), 1);

    let ready = client.get("/readyz").await;
    assert_eq!(ready.status, 200, "{}", ready.body);
    let note = condition(&ready.body, "background-lock");
    assert_eq!(note["ok"], false, "{note}");
    let detail = note["detail"].as_str().unwrap();
    assert!(detail.contains(&remote) && detail.contains("relay"), "{detail}");
    assert_eq!(metric(&client, HELD).await, 0.0);
    assert_eq!(metric(&client, "weir_condition{name=\"background-lock\"}").await, 0.0);

    // A relay that comes back is no news.
    relay.kill().unwrap();
    eventually("noticed", async || (client.get("/readyz").await.status == 503).then_some(())).await;
    relay.start().unwrap();
    host.ready().await;
    let log = host.log();
    let warnings: Vec<_> = log.lines().filter(|line| line.contains("is an OVSDB relay")).collect();
    assert!(warnings.len() == 1 && warnings[0].contains("WARN"), "{warnings:?}");

    let (findings, code) = check(&remote, &southbound.remote()).await;
    assert_eq!(verdict(&findings, "background-lock"), Some(json!("problem")), "{findings:?}");
    assert_eq!(verdict(&findings, "northbound"), Some(json!("ok")), "{findings:?}");
    assert_eq!(code, Some(1));
    let (findings, _) = check(&northbound.remote(), &southbound.remote()).await;
    assert_eq!(verdict(&findings, "background-lock"), None, "{findings:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn southbound_relay_shows_what_probes_say() {
    let (northbound, southbound) = (Northbound::start(), Southbound::start());
    northbound.transact(&objects::topology());
    northbound.transact(&objects::source_port());
    let relay = Server::relay(southbound.folder(), "OVN_Southbound", &southbound.server.endpoint()).unwrap();
    let remote = relay.endpoint().to_string();
    let agent = Agent::start(northbound.folder());
    let env = [("WEIR_OVN_SB_CONNECTION", &*remote)];
    let host = Host::spawn(northbound.folder(), &northbound.remote(), &env);
    host.ready().await;
    holds(&host.client(), 1.0).await;
    let members = vec![member(1, 1, 10)];
    let pools = vec![pool(1, "TCP", "TCP", members)];
    let body = load_balancer(1, vec![listener(1, 1, "TCP", 80, 1)], pools);
    agent.know(body.clone());
    host.client().call("loadbalancer_create", &json!({"loadbalancer": body})).await.committed();
    southbound.says("dddddddd-0000-4000-8000-000000000001", "10.10.10.10", 8080, "tcp", "offline");
    eventually("told", async || (agent.operating(&id(4, 1)) == "ERROR").then_some(())).await;
    let (findings, _) = check(&northbound.remote(), &remote).await;
    assert_eq!(verdict(&findings, "southbound"), Some(json!("ok")), "{findings:?}");
    assert_eq!(verdict(&findings, "background-lock"), None, "{findings:?}");
}

//! What a host does not need for a call, and cannot reach: it says so, once, and when it is back.

use serde_json::Value;
use weir_tests::{Agent, Client, Host, eventually, proxy::Fault};

use crate::lab::{Lab, metric};

/// Whether a condition holds, and its words.
async fn condition(client: &Client, name: &str) -> (bool, String) {
    let ready = client.get("/readyz").await;
    assert_eq!(ready.status, 200, "{}", ready.body);
    let conditions = ready.body["conditions"].as_array().unwrap();
    let found = conditions.iter().find(|condition| condition["name"] == name);
    let found = found.unwrap_or_else(|| panic!("{name}: {}", ready.body));
    (found["ok"] == true, found["detail"].as_str().unwrap().to_owned())
}

async fn becomes(client: &Client, name: &str, ok: bool) -> String {
    let seen = async || {
        let (is, words) = condition(client, name).await;
        (is == ok).then_some(words)
    };
    let words = eventually(&format!("{name} is {ok}"), seen).await;
    let gauge = format!("weir_condition{{name=\"{name}\"}}");
    assert_eq!(metric(client, &gauge).await, f64::from(u8::from(ok)));
    words
}

/// Waits until a condition's change is in the log; it is there once.
async fn logged(host: &Host, name: &str, message: &str) {
    let lines = || {
        let log = host.log();
        let of = |line: &&str| line.contains(message) && line.contains(&format!("\"{name}\""));
        log.lines().filter(of).count()
    };
    eventually(&format!("{message}: {name}"), async || (lines() > 0).then_some(())).await;
    assert_eq!(lines(), 1, "{}", host.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn southbound_that_is_away_is_a_condition_until_its_return() {
    let (lab, proxy) = Lab::start_with_proxy().await;
    let client = lab.client();
    becomes(&client, "southbound-connected", true).await;
    proxy.set(Fault::Away);
    let words = becomes(&client, "southbound-connected", false).await;
    assert!(words.contains("away for"), "{words}");
    logged(&lab.host, "southbound-connected", "condition is false").await;
    proxy.set(Fault::None);
    becomes(&client, "southbound-connected", true).await;
    logged(&lab.host, "southbound-connected", "condition is true again").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn driver_agent_that_is_away_is_a_condition_until_its_return() {
    let mut lab = Lab::start().await;
    let client = lab.client();
    let answers = async || (condition(&client, "driver-agent").await.1 == "answers").then_some(());
    eventually("the agent has answered", answers).await;
    let folder = lab.northbound.folder().to_owned();
    let elsewhere = folder.join("elsewhere");
    std::fs::create_dir_all(&elsewhere).unwrap();
    drop(std::mem::replace(&mut lab.agent, Agent::start(&elsewhere)));
    for socket in ["status.sock", "get.sock"] {
        std::fs::remove_file(folder.join(socket)).unwrap();
    }
    let words = becomes(&client, "driver-agent", false).await;
    assert!(words.contains("agent-io"), "{words}");
    logged(&lab.host, "driver-agent", "condition is false").await;
    lab.agent = Agent::start(&folder);
    becomes(&client, "driver-agent", true).await;
    logged(&lab.host, "driver-agent", "condition is true again").await;
    assert_eq!(lab.agent.messages(), Vec::<Value>::new(), "questions change nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn neutron_that_is_not_configured_is_no_fault() {
    let lab = Lab::start().await;
    assert_eq!(condition(&lab.client(), "neutron").await, (true, "not configured".to_owned()));
}

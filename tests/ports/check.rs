//! `weir check` looks at Keystone and Neutron.

use std::process::Command;

use serde_json::Value;
use weir_neutron::testing::FakeCloud;
use weir_tests::host::binary;

use super::environment;

async fn finding(env: Vec<(&'static str, String)>) -> Option<Value> {
    let run = move || {
        let mut command = Command::new(binary());
        command.args(["check", "-o", "json"]).envs(env);
        command.env("WEIR_OVN_NB_CONNECTION", "unix:/nonexistent").output().unwrap()
    };
    let output = tokio::task::spawn_blocking(run).await.unwrap();
    let report: Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"));
    report["findings"].as_array().unwrap().iter().find(|finding| finding["name"] == "neutron").cloned()
}

#[tokio::test(flavor = "multi_thread")]
async fn neutron_is_found_or_what_is_wrong_with_it() {
    let cloud = FakeCloud::start().await;
    let mut env = environment(&cloud);
    let good = finding(env.clone()).await.unwrap();
    assert_eq!(good["verdict"], "ok", "{good}");
    assert!(good["detail"].as_str().unwrap().contains(&cloud.url));
    env.retain(|(name, _)| *name != "WEIR_NEUTRON_PASSWORD");
    env.push(("WEIR_NEUTRON_PASSWORD", "hunter2".to_owned()));
    let bad = finding(env).await.unwrap();
    assert_eq!(bad["verdict"], "problem");
    let detail = bad["detail"].as_str().unwrap();
    assert!(detail.contains("neutron-unauthorized") && !detail.contains("hunter2"), "{detail}");
    assert_eq!(finding(Vec::new()).await, None);
}

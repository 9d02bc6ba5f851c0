//! `weir check` looks at Keystone and Neutron.

use std::process::Command;

use serde_json::Value;
use weir_neutron::testing::FakeCloud;
use weir_tests::{host::binary, objects};

use super::{Scene, environment};

async fn finding(env: Vec<(&'static str, String)>) -> Option<Value> {
    named("neutron", "unix:/nonexistent", env).await
}

/// A finding of `weir check`, by its name.
async fn named(name: &str, northbound: &str, env: Vec<(&'static str, String)>) -> Option<Value> {
    let northbound = northbound.to_owned();
    let run = move || {
        let mut command = Command::new(binary());
        command.args(["check", "-o", "json"]).envs(env);
        command.env("WEIR_OVN_NB_CONNECTION", northbound).output().unwrap()
    };
    let output = tokio::task::spawn_blocking(run).await.unwrap();
    let report: Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"));
    report["findings"].as_array().unwrap().iter().find(|finding| finding["name"] == name).cloned()
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

#[tokio::test(flavor = "multi_thread")]
async fn lists_of_octavia_that_the_account_may_not_read_are_named() {
    let cloud = FakeCloud::start().await;
    let env = environment(&cloud);
    let good = named("octavia-api", "unix:/nonexistent", env.clone()).await.unwrap();
    assert_eq!(good["verdict"], "ok", "{good}");
    cloud.own_project_only(true);
    let bad = named("octavia-api", "unix:/nonexistent", env).await.unwrap();
    assert_eq!(bad["verdict"], "problem");
    let detail = bad["detail"].as_str().unwrap();
    for part in [
        "loadbalancers",
        "listeners",
        "pools",
        "healthmonitors",
        "l7policies",
        "admin",
        "load-balancer_global_observer",
    ] {
        assert!(detail.contains(part), "{part}: {detail}");
    }
    assert_eq!(named("octavia-api", "unix:/nonexistent", Vec::new()).await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn provider_that_octavia_does_not_have_is_a_problem() {
    let scene = Scene::start().await;
    let env = environment(&scene.cloud);
    let northbound = scene.northbound.remote();
    let good = named("octavia-provider", &northbound, env.clone()).await.unwrap();
    assert_eq!(good["verdict"], "ok", "no load balancer yet: {good}");
    scene.cloud.providers(&["amphora", "ovn"]);
    let bad = named("octavia-provider", &northbound, env.clone()).await.unwrap();
    assert_eq!(bad["verdict"], "problem");
    let detail = bad["detail"].as_str().unwrap();
    assert!(detail.contains("amphora, ovn") && detail.contains("enabled_provider_drivers"), "{detail}");

    // Both names are enabled, and the load balancers are made under the other one.
    scene.cloud.providers(&["weir", "ovn"]);
    // One that Octavia denies is taken out again.
    scene.agent.knows(&objects::id(1, 1));
    scene.host.client().call("loadbalancer_create", &objects::loadbalancer(1)).await.committed();
    scene.cloud.add_load_balancer(&objects::id(1, 1), "ovn", "ACTIVE");
    let bad = named("octavia-provider", &northbound, env.clone()).await.unwrap();
    assert_eq!(bad["verdict"], "problem", "{bad}");
    let good =
        named("octavia-provider", &northbound, with(env, "WEIR_OCTAVIA_PROVIDER", "ovn")).await.unwrap();
    assert_eq!(good["verdict"], "ok", "{good}");
}

fn with(
    mut env: Vec<(&'static str, String)>,
    name: &'static str,
    value: &str,
) -> Vec<(&'static str, String)> {
    env.push((name, value.to_owned()));
    env
}

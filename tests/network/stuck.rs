//! Load balancers that Octavia has in `PENDING_*` and that no host has anything to do for: their host was lost with its
//! journal.

use std::{process::Command, time::Duration};

use serde_json::{Value, json};
use weir_neutron::testing::FakeCloud;
use weir_tests::{eventually, objects::id};

use crate::lab::{Lab, listener, load_balancer, member, plain_pool};

fn simple(n: usize) -> Value {
    let members = vec![member(n, n, 10)];
    load_balancer(n, vec![listener(n, n, "TCP", 80, n)], vec![plain_pool(n, n, "TCP", members)])
}

async fn with_cloud(more: &[(&str, &str)]) -> (FakeCloud, Lab) {
    let cloud = FakeCloud::start().await;
    let auth_url = format!("{}/identity", cloud.url);
    let mut env = vec![
        ("WEIR_NEUTRON_AUTH_URL", auth_url.as_str()),
        ("WEIR_NEUTRON_USERNAME", "weir"),
        ("WEIR_NEUTRON_PASSWORD", "secret-password"),
        ("WEIR_NEUTRON_USER_DOMAIN_NAME", "Default"),
        ("WEIR_NEUTRON_PROJECT_NAME", "service"),
        ("WEIR_NEUTRON_PROJECT_DOMAIN_NAME", "Default"),
        ("WEIR_NEUTRON_REGION_NAME", "one"),
        ("WEIR_OCTAVIA_PENDING_TIMEOUT", "2"),
    ];
    env.extend_from_slice(more);
    let lab = Lab::start_with(&env).await;
    (cloud, lab)
}

/// A time as Octavia writes it, so long ago.
fn ago(seconds: u64) -> String {
    let date = format!("-{seconds} seconds");
    let output = Command::new("date").args(["-u", "-d", &date, "+%Y-%m-%dT%H:%M:%S"]).output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn listed(cloud: &FakeCloud, kind: &str, object: u32, n: usize, status: &str, seconds: u64, more: Value) {
    let mut one = json!({"id": id(object, n), "provisioning_status": status, "created_at": ago(100_000),
        "updated_at": ago(seconds)});
    one.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    cloud.add_to_octavia(kind, one);
}

/// Waits for two more looks at the list of load balancers.
async fn looks(cloud: &FakeCloud) {
    let asked = || cloud.count("GET", "lbaas/l7policies?provisioning_status=PENDING_DELETE");
    let before = asked();
    eventually("two looks", async || (asked() >= before + 2).then_some(())).await;
}

fn told(lab: &Lab, object: u32, n: usize) -> Option<String> {
    lab.agent.status(&id(object, n)).0
}

#[tokio::test(flavor = "multi_thread")]
async fn pending_load_balancers_of_a_lost_host_are_synced() {
    let (cloud, lab) = with_cloud(&[]).await;
    for n in [1, 2, 3, 5] {
        lab.agent.know(simple(n));
    }
    // Two that were never made, another provider's, and one whose listener alone hangs.
    lab.make(simple(5)).await;
    let weir = json!({"provider": "weir"});
    listed(&cloud, "loadbalancers", 1, 1, "PENDING_CREATE", 1000, weir.clone());
    listed(&cloud, "loadbalancers", 1, 2, "PENDING_UPDATE", 1000, weir.clone());
    listed(&cloud, "loadbalancers", 1, 3, "PENDING_UPDATE", 1000, json!({"provider": "amphora"}));
    let before = lab.agent.messages().len();
    listed(&cloud, "listeners", 2, 5, "PENDING_UPDATE", 1000, json!({"loadbalancers": [{"id": id(1, 5)}]}));
    for n in [1, 2] {
        eventually("released", async || {
            (told(&lab, 1, n)? == "ACTIVE" && told(&lab, 4, n)? == "ACTIVE").then_some(())
        })
        .await;
        assert_eq!(lab.northbound.rows(&id(1, n)).len(), 1);
    }
    eventually("the listener is released", async || {
        let messages: Vec<_> = lab.agent.messages().into_iter().skip(before).collect();
        messages.iter().any(|message| message["listeners"].to_string().contains(&id(2, 5))).then_some(())
    })
    .await;
    assert_eq!(told(&lab, 1, 3), None, "another provider's");
    assert_eq!(lab.northbound.rows(&id(1, 3)), Vec::<Value>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn young_and_paused_load_balancers_are_left_alone() {
    let (cloud, lab) = with_cloud(&[]).await;
    lab.make(simple(1)).await;
    lab.agent.know(simple(2));
    let pause = lab.client().post(&format!("/v1/loadbalancers/{}/pause", id(1, 1))).await;
    assert_eq!(pause.status, 200, "{}", pause.body);
    let before = lab.agent.messages().len();
    let weir = json!({"provider": "weir"});
    listed(&cloud, "loadbalancers", 1, 1, "PENDING_UPDATE", 1000, weir.clone());
    // Its create is under way at another host.
    let young = json!({"provider": "weir", "updated_at": null, "created_at": "2999-01-01T00:00:00"});
    listed(&cloud, "loadbalancers", 1, 2, "PENDING_CREATE", 0, young);
    looks(&cloud).await;
    assert_eq!(lab.agent.messages().len(), before);
    assert_eq!(lab.northbound.rows(&id(1, 2)), Vec::<Value>::new());
    lab.client().post(&format!("/v1/loadbalancers/{}/resume", id(1, 1))).await;
    eventually("released", async || (lab.agent.messages().len() > before).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn deleted_load_balancer_of_a_lost_host_is_deleted() {
    let (cloud, lab) = with_cloud(&[]).await;
    lab.make(simple(1)).await;
    lab.agent.know(simple(2));
    let port = json!({"id": id(6, 1), "name": format!("ovn-lb-vip-{}", id(1, 1)), "device_id": format!("lb-{}", id(1, 1)),
        "device_owner": "ovn-lb:vip", "network_id": id(9, 1), "fixed_ips": []});
    cloud.add_port(port);
    for n in [1, 2] {
        listed(&cloud, "loadbalancers", 1, n, "PENDING_DELETE", 1000, json!({"provider": "weir"}));
    }
    for n in [1, 2] {
        for kind in [1, 2, 3, 4] {
            eventually("deleted", async || (told(&lab, kind, n)? == "DELETED").then_some(())).await;
        }
        assert_eq!(lab.northbound.rows(&id(1, n)), Vec::<Value>::new());
    }
    assert_eq!(cloud.ports(), Vec::<Value>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn pending_timeout_of_zero_asks_nothing() {
    let (cloud, lab) = with_cloud(&[("WEIR_OCTAVIA_PENDING_TIMEOUT", "0")]).await;
    lab.agent.know(simple(1));
    listed(&cloud, "loadbalancers", 1, 1, "PENDING_CREATE", 1000, json!({"provider": "weir"}));
    // Another host's; it asks with its first look.
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(cloud.count("GET", "/lbaas/"), 0);
    assert_eq!(told(&lab, 1, 1), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn account_without_the_role_makes_the_condition_false() {
    let (cloud, lab) = with_cloud(&[]).await;
    cloud.own_project_only(true);
    let condition = async || {
        let body = lab.client().get("/readyz").await.body;
        body["conditions"]
            .as_array()
            .unwrap()
            .iter()
            .find(|one| one["name"] == "octavia-api")
            .cloned()
            .unwrap()
    };
    eventually("it is said", async || {
        let now = condition().await;
        (now["ok"] == false && now["detail"].as_str()?.contains("load-balancer_global_observer"))
            .then_some(())
    })
    .await;
    cloud.own_project_only(false);
    eventually("it is good again", async || (condition().await["ok"] == true).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn load_balancer_whose_release_never_ends_does_not_hold_up_others() {
    let (cloud, lab) = with_cloud(&[]).await;
    lab.make(simple(1)).await;
    lab.agent.know(simple(2));
    lab.agent.takes(Duration::from_secs(1));
    let asked = lab.agent.asked();
    for n in [1, 2] {
        listed(&cloud, "loadbalancers", 1, n, "PENDING_UPDATE", 1000, json!({"provider": "weir"}));
    }
    eventually("Octavia is asked", async || (lab.agent.asked() > asked).then_some(())).await;
    // Its sync is begun already, and waits for the end of the pause.
    let path = format!("/v1/loadbalancers/{}", id(1, 1));
    assert_eq!(lab.client().post(&format!("{path}/pause")).await.status, 200);
    eventually("the other one is released", async || (told(&lab, 1, 2)? == "ACTIVE").then_some(())).await;
    assert!(lab.host.log().contains("release of load balancer takes long"), "{}", lab.host.log());
    lab.agent.takes(Duration::ZERO);
    let before = lab.agent.messages().len();
    lab.client().post(&format!("{path}/resume")).await;
    eventually("released", async || (lab.agent.messages().len() > before).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stuck_gauge_keeps_its_number_when_the_api_fails() {
    let (cloud, lab) = with_cloud(&[("WEIR_REPAIR", "report")]).await;
    lab.make(simple(1)).await;
    listed(&cloud, "loadbalancers", 1, 1, "PENDING_UPDATE", 1000, json!({"provider": "weir"}));
    let stuck = async || lab.metric("weir_load_balancers_stuck").await;
    eventually("it is found", async || (stuck().await == 1.0).then_some(())).await;
    cloud.own_project_only(true);
    eventually("the API fails", async || {
        let ready = lab.client().get("/readyz").await.body.to_string();
        ready.contains("load-balancer_global_observer").then_some(())
    })
    .await;
    assert_eq!(stuck().await, 1.0);
}

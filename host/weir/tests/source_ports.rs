//! Source ports of health checks, with a Keystone and Neutron in the test's process.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use std::time::Duration;

use serde_json::{Value, json};
use uuid::Uuid;
use weir::neutron::Neutron;
use weir_model::{NetworkId, SubnetId};
use weir_neutron::{
    Secret, Words,
    testing::{FakeCloud, Trouble},
};

fn recorded() -> Value {
    let file =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/rows/11-hm-tcp.json");
    let scenario: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    let steps = scenario["steps"].as_array().unwrap();
    let step = steps.iter().find(|step| step["method"] == "health_monitor_create").unwrap();
    let mut body = step["neutron_calls"][0][2].clone();
    // It was recorded with a Neutron that takes null; the real one does not.
    assert_eq!(body["port"].as_object_mut().unwrap().remove("project_id"), Some(Value::Null));
    body
}

struct Scene {
    cloud: FakeCloud,
    subnet: SubnetId,
    network: NetworkId,
}

impl Scene {
    async fn start() -> Self {
        let port = recorded()["port"].clone();
        let subnet: SubnetId = port["fixed_ips"][0]["subnet_id"].as_str().unwrap().parse().unwrap();
        let network: NetworkId = port["network_id"].as_str().unwrap().parse().unwrap();
        let cloud = FakeCloud::start().await;
        cloud.add_subnet(subnet.uuid(), network.uuid(), [10, 10, 10, 50].into());
        Self { cloud, subnet, network }
    }

    /// A host's Neutron.
    fn host(&self) -> Neutron {
        let words = Words {
            auth_url: format!("{}/identity", self.cloud.url),
            user_id: "weir".to_owned(),
            password: Some(Secret::new("secret-password")),
            project_id: "service".to_owned(),
            region_name: "one".to_owned(),
            ..Words::default()
        };
        Neutron::new(words.settings().unwrap()).unwrap()
    }

    fn posts(&self) -> Vec<Value> {
        let asked = self.cloud.asked().into_iter();
        asked
            .filter(|asked| asked.method == "POST" && asked.path.ends_with("/ports"))
            .map(|asked| asked.body)
            .collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_made_as_the_reference_makes_it() {
    let scene = Scene::start().await;
    let source = scene.host().ensure_source_port(scene.subnet, scene.network, None).await.unwrap();
    assert_eq!(scene.posts(), [recorded()]);
    let port = &scene.cloud.ports()[0];
    assert_eq!(port["id"], source.port.to_string());
    assert_eq!(port["fixed_ips"][0]["ip_address"], source.address.to_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_asks_at_once_gets_the_same_and_it_is_made_once() {
    let scene = Scene::start().await;
    let host = scene.host();
    scene.cloud.trouble("POST", "/ports", Trouble::Slow(Duration::from_millis(300)));
    let asks: Vec<_> = (0..20)
        .map(|_| {
            let (host, subnet, network) = (host.clone(), scene.subnet, scene.network);
            tokio::spawn(async move {
                host.ensure_source_port(subnet, network, Some("project")).await.unwrap().address
            })
        })
        .collect();
    let mut addresses = Vec::new();
    for ask in asks {
        addresses.push(ask.await.unwrap());
    }
    addresses.dedup();
    assert_eq!(addresses.len(), 1);
    let posts = scene.posts();
    assert_eq!((posts.len(), &posts[0]["port"]["project_id"]), (1, &json!("project")));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hosts_at_once_keep_one() {
    let scene = Scene::start().await;
    for _ in 0..2 {
        scene.cloud.trouble("POST", "/ports", Trouble::Slow(Duration::from_millis(300)));
    }
    let (one, two) = (scene.host(), scene.host());
    let (one, two) = tokio::join!(
        one.ensure_source_port(scene.subnet, scene.network, None),
        two.ensure_source_port(scene.subnet, scene.network, None),
    );
    assert_eq!(scene.posts().len(), 2, "both have seen none");
    let (one, two) = (one.unwrap(), two.unwrap());
    assert_eq!((one.port, one.address), (two.port, two.address));
    assert_eq!(scene.cloud.ports().len(), 1);
    assert_eq!(scene.cloud.ports()[0]["id"], one.port.to_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_freed_when_nobody_uses_it_nor_is_about_to() {
    let scene = Scene::start().await;
    let host = scene.host();
    // Somebody else's, with the name alone.
    let name = format!("ovn-lb-hm-{}", scene.subnet);
    scene.cloud.add_port(json!({
        "id": Uuid::from_u128(9), "name": name, "network_id": scene.network, "device_id": "", "device_owner": "",
        "fixed_ips": [{"subnet_id": scene.subnet, "ip_address": "10.10.10.99"}],
    }));
    let source = host.ensure_source_port(scene.subnet, scene.network, None).await.unwrap();
    let address = source.address;
    assert_eq!(scene.cloud.ports().len(), 2);
    assert_eq!(
        host.free_source_port(scene.subnet, |_| false).await.unwrap(),
        0,
        "somebody is about to use it"
    );
    drop(source);
    assert_eq!(
        host.free_source_port(scene.subnet, |port| port.fixed_ips[0].ip_address == address).await.unwrap(),
        0,
        "it is in use"
    );
    assert_eq!(host.free_source_port(scene.subnet, |_| false).await.unwrap(), 1);
    assert_eq!(host.free_source_port(scene.subnet, |_| false).await.unwrap(), 0);
    assert_eq!(scene.cloud.ports().len(), 1, "the other's stays");
    let again = host.ensure_source_port(scene.subnet, scene.network, None).await.unwrap();
    assert_eq!(scene.cloud.ports().len(), 2);
    assert_ne!(again.address.to_string(), "10.10.10.99");
}

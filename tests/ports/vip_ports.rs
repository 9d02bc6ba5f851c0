//! `create_vip_port`.

use serde_json::{Value, json};
use weir_neutron::testing::Trouble;
use weir_tests::{Host, Northbound, eventually, objects::*};

use super::{PROJECT, Scene, additional, vip, wanted};

/// The recorded create of the reference driver: what it sends to Neutron, and its result.
fn recorded() -> (Value, Value, Value) {
    let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/rows/01-seed-tcp.json");
    let scenario: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    let step = scenario["steps"]
        .as_array()
        .unwrap()
        .iter()
        .find(|step| step["method"] == "create_vip_port")
        .unwrap();
    (step["args"].clone(), step["neutron_calls"][0][2].clone(), step["result"].clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_port_is_made_as_the_reference_makes_it() {
    let scene = Scene::start().await;
    let (mut args, sent, mut result) = recorded();
    let of = |key: &str| args["vip_dictionary"][key].as_str().unwrap().parse().unwrap();
    scene.cloud.add_subnet(of("vip_subnet_id"), of("vip_network_id"), [172, 24, 4, 100].into());
    // The recording was made with the result written into the argument.
    args["vip_dictionary"].as_object_mut().unwrap().remove("vip_port_id");
    let answer = scene.host.client().call("create_vip_port", &args).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let posts: Vec<_> = scene
        .cloud
        .asked()
        .into_iter()
        .filter(|asked| asked.path.ends_with("/ports") && asked.method == "POST")
        .collect();
    assert_eq!(posts.len(), 1);
    assert_eq!(posts[0].body, sent);
    result[0]["vip_port_id"] = scene.cloud.ports()[0]["id"].clone();
    assert_eq!(answer.body, json!({"result": result}));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_further_vip_gets_a_port_of_its_own() {
    let scene = Scene::start().await;
    let mut first = vip("10.10.10.5");
    first["vip_qos_policy_id"] = json!(id(7, 1));
    let further = json!([additional(Some("10.10.10.6")), additional(None)]);
    let answer = scene.host.client().call("create_vip_port", &wanted(1, first, further)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let lb = id(1, 1);
    let names = [
        format!("ovn-lb-vip-{lb}"),
        format!("ovn-lb-vip-additional-1-{lb}"),
        format!("ovn-lb-vip-additional-2-{lb}"),
    ];
    assert_eq!(scene.ports(), names);
    let ports = scene.cloud.ports();
    for port in &ports {
        assert_eq!(port["device_id"], format!("lb-{lb}"));
        assert_eq!(port["device_owner"], "ovn-lb:vip");
        assert_eq!(port["project_id"], PROJECT);
    }
    let of = |n: usize| {
        json!({
            "port_id": ports[n]["id"], "network_id": NETWORK, "subnet_id": SUBNET,
            "ip_address": ports[n]["fixed_ips"][0]["ip_address"],
        })
    };
    let vip = json!({
        "vip_address": "10.10.10.5", "vip_network_id": NETWORK, "vip_subnet_id": SUBNET, "vip_port_id": ports[0]["id"],
        "vip_qos_policy_id": id(7, 1),
    });
    assert_eq!(answer.body, json!({"result": [vip, [of(1), of(2)]]}));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_subnet_and_address_neutron_chooses() {
    let scene = Scene::start().await;
    let answer = scene
        .host
        .client()
        .call("create_vip_port", &wanted(1, json!({"vip_network_id": NETWORK}), json!([])))
        .await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let port = &scene.cloud.ports()[0];
    assert_eq!(
        answer.body["result"][0],
        json!({
            "vip_network_id": NETWORK, "vip_subnet_id": SUBNET, "vip_port_id": port["id"],
            "vip_address": port["fixed_ips"][0]["ip_address"],
        })
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_of_the_users_own_is_left_as_it_is() {
    let scene = Scene::start().await;
    let mine = json!({
        "id": id(6, 9), "name": "mine", "network_id": NETWORK, "device_id": "", "device_owner": "",
        "fixed_ips": [{"subnet_id": SUBNET, "ip_address": "10.10.10.77"}],
    });
    scene.cloud.add_port(mine.clone());
    let vip = json!({"vip_network_id": NETWORK, "vip_port_id": id(6, 9)});
    let client = scene.host.client();
    let answer = client.call("create_vip_port", &wanted(1, vip, json!([]))).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.body["result"][0]["vip_address"], "10.10.10.77");
    assert_eq!(answer.body["result"][0]["vip_port_id"], id(6, 9));
    assert_eq!(scene.cloud.ports(), std::slice::from_ref(&mine));
    // Nor is it freed with its load balancer, nor when a further VIP cannot be had.
    scene.cloud.trouble("POST", "/ports", Trouble::refusal(409, "OverQuota", "Quota exceeded"));
    let vip = json!({"vip_network_id": NETWORK, "vip_port_id": id(6, 9)});
    let refused = client.call("create_vip_port", &wanted(2, vip, json!([additional(None)]))).await;
    assert_eq!((refused.status, &refused.body["code"]), (409, &json!("neutron-over-quota")), "{refused:?}");
    let mut lb = loadbalancer(1);
    lb["loadbalancer"]["vip_port_id"] = json!(id(6, 9));
    lb["loadbalancer"]["vip_address"] = json!("10.10.10.77");
    scene.agent.knows(&id(1, 1));
    client.call("loadbalancer_create", &lb).await.committed();
    client.call("loadbalancer_delete", &lb).await.committed();
    eventually("the end is told", async || {
        scene.agent.statuses(&id(1, 1)).contains(&"DELETED".to_owned()).then_some(())
    })
    .await;
    assert_eq!(scene.cloud.ports(), [mine]);
    let none = json!({"vip_network_id": NETWORK, "vip_port_id": id(6, 8)});
    let refused = client.call("create_vip_port", &wanted(3, none, json!([]))).await;
    assert_eq!((refused.status, &refused.body["code"]), (404, &json!("vip-port-not-found")));
}

#[tokio::test(flavor = "multi_thread")]
async fn all_or_none() {
    let scene = Scene::start().await;
    let taken = json!({
        "id": id(6, 9), "name": "server", "network_id": NETWORK, "device_id": "vm", "device_owner": "compute:nova",
        "fixed_ips": [{"subnet_id": SUBNET, "ip_address": "10.10.10.6"}],
    });
    scene.cloud.add_port(taken);
    let further = json!([additional(Some("10.10.10.6"))]);
    let answer = scene.host.client().call("create_vip_port", &wanted(1, vip("10.10.10.5"), further)).await;
    assert_eq!((answer.status, &answer.body["error"]), (409, &json!("Conflict")), "{answer:?}");
    assert_eq!(answer.body["code"], "vip-address-in-use");
    let text = answer.body["user_fault_string"].as_str().unwrap();
    assert!(text.contains("additional VIP 1") && text.contains("10.10.10.6 already allocated"), "{text}");
    assert_eq!(scene.ports(), ["server"], "the first port is freed again");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_user_hears_neutrons_words_and_the_operator_more() {
    let scene = Scene::start().await;
    let client = scene.host.client();
    scene.cloud.trouble(
        "POST",
        "/ports",
        Trouble::refusal(409, "OverQuota", "Quota exceeded for resources: ['port']."),
    );
    let answer = client.call("create_vip_port", &wanted(1, vip("10.10.10.5"), json!([]))).await;
    assert_eq!((answer.status, &answer.body["error"]), (409, &json!("Conflict")), "{answer:?}");
    assert!(answer.body["user_fault_string"].as_str().unwrap().contains("Quota exceeded"));
    scene.cloud.trouble(
        "POST",
        "/ports",
        Trouble::refusal(403, "PolicyNotAuthorized", "rule:create_port is disallowed"),
    );
    let answer = client.call("create_vip_port", &wanted(2, vip("10.10.10.5"), json!([]))).await;
    assert!(!answer.body["user_fault_string"].as_str().unwrap().contains("rule:"), "{answer:?}");
    let operator = answer.body["operator_fault_string"].as_str().unwrap();
    assert!(operator.contains("rule:create_port") && operator.contains("/v2.0/ports"), "{operator}");
    assert!(!scene.host.log().contains("secret-password"));
    let network = json!({"vip_subnet_id": SUBNET});
    let answer = client.call("create_vip_port", &wanted(3, network, json!([]))).await;
    assert_eq!((answer.status, &answer.body["code"]), (422, &json!("vip-without-network")));
    let answer = client.call("create_vip_port", &json!({"vip_dictionary": {}})).await;
    assert_eq!(answer.status, 400);
    assert!(answer.body["user_fault_string"].as_str().unwrap().contains("loadbalancer_id"), "{answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_call_again_makes_no_second_port_also_after_a_restart() {
    let mut scene = Scene::start().await;
    let body = wanted(1, vip("10.10.10.5"), json!([additional(None)]));
    let first = scene.host.client().call_with_key("create_vip_port", &body, Some("k")).await;
    assert_eq!(first.status, 200, "{first:?}");
    let posts = scene.cloud.count("POST", "/ports");
    assert_eq!(scene.host.client().call_with_key("create_vip_port", &body, Some("k")).await, first);
    assert_eq!(scene.cloud.count("POST", "/ports"), posts);
    let change = scene.host.client().get("/v1/changes/k").await;
    assert_eq!((change.status, &change.body["state"]), (200, &json!("committed")));
    let other = scene.host.client().call_with_key("loadbalancer_create", &loadbalancer(1), Some("k")).await;
    assert_eq!(other.body["code"], "idempotency-key-used");
    scene.host.kill();
    scene.host.restart();
    scene.host.ready().await;
    assert_eq!(scene.host.client().call_with_key("create_vip_port", &body, Some("k")).await, first);
    assert_eq!(scene.cloud.count("POST", "/ports"), posts);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_abandoned_call_leaves_no_port() {
    let scene = Scene::start().await;
    let client = scene.host.client();
    let body = wanted(1, vip("10.10.10.5"), json!([additional(None)]));
    client.call_with_key("create_vip_port", &body, Some("k")).await;
    assert_eq!(scene.ports().len(), 2);
    let abandoned = client.delete("/v1/changes/k").await;
    assert_eq!((abandoned.status, &abandoned.body["state"]), (200, &json!("abandoned")));
    assert_eq!(scene.ports(), [""; 0]);
    let again = client.call_with_key("create_vip_port", &body, Some("k")).await;
    assert_eq!(again.body["code"], "abandoned");
    assert_eq!(scene.ports(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_neutron_or_where_octavia_is_to_octavia_makes_the_port() {
    let northbound = Northbound::start();
    let host = Host::start(northbound.folder(), &northbound.remote()).await;
    let body = wanted(1, vip("10.10.10.5"), json!([]));
    let answer = host.client().call("create_vip_port", &body).await;
    assert_eq!((answer.status, &answer.body["code"]), (501, &json!("vip-port-by-octavia")));
    let scene = Scene::with(&[("WEIR_VIP_PORTS", "octavia")]).await;
    let answer = scene.host.client().call("create_vip_port", &body).await;
    assert_eq!((answer.status, &answer.body["code"]), (501, &json!("vip-port-by-octavia")));
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_that_neutron_answers_409_to_is_a_conflict() {
    let scene = Scene::start().await;
    let client = scene.host.client();
    for (n, (kind, text, code)) in [
        ("IpAddressGenerationFailure", "No more IP addresses available on network", "vip-subnet-full"),
        (
            "IpAddressGenerationFailureForSubnet",
            "No more IP addresses available on subnet",
            "vip-subnet-full",
        ),
        ("OverQuota", "Quota exceeded for resources: ['port'].", "neutron-over-quota"),
        ("IpAddressInUse", "The IP address is in use", "vip-address-in-use"),
        ("MacAddressInUse", "The mac address is in use", "neutron-conflict"),
    ]
    .into_iter()
    .enumerate()
    {
        // The first VIP, and one after a port that was made.
        for (vip, further) in [
            (json!({"vip_network_id": NETWORK, "vip_subnet_id": SUBNET}), json!([])),
            (json!({"vip_network_id": NETWORK, "vip_port_id": id(6, 9)}), json!([additional(None)])),
        ] {
            if further != json!([]) && scene.cloud.ports().is_empty() {
                scene.cloud.add_port(json!({
                    "id": id(6, 9), "name": "mine", "network_id": NETWORK, "device_id": "", "device_owner": "",
                    "fixed_ips": [{"subnet_id": SUBNET, "ip_address": "10.10.10.77"}],
                }));
            }
            scene.cloud.trouble("POST", "/ports", Trouble::refusal(409, kind, text));
            let answer = client.call("create_vip_port", &wanted(n + 1, vip, further)).await;
            assert_eq!((answer.status, &answer.body["error"]), (409, &json!("Conflict")), "{answer:?}");
            assert_eq!(answer.body["code"], code);
            assert!(answer.body["user_fault_string"].as_str().unwrap().contains(text), "{answer:?}");
        }
    }
}

//! What goes wrong between us and the cloud.

use std::time::{Duration, Instant};

use serde_json::json;
use weir_neutron::{Client, NewPort, PortQuery, testing::Trouble};

use super::{SUBNET, client, cloud, new_port, words};

const ALL: fn() -> PortQuery = PortQuery::default;

#[tokio::test]
async fn a_token_is_renewed_before_it_expires() {
    let cloud = cloud().await;
    cloud.token_life(Duration::from_secs(1));
    let client = client(&cloud);
    let until = Instant::now() + Duration::from_millis(2500);
    while Instant::now() < until {
        client.ports(&ALL()).await.unwrap();
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(cloud.count("POST", "/auth/tokens") >= 3);
    // Nobody ever met an expired one: each list was asked once.
    let lists = cloud.count("GET", "/ports");
    client.ports(&ALL()).await.unwrap();
    assert_eq!(cloud.count("GET", "/ports"), lists + 1);
}

#[tokio::test]
async fn after_401_there_is_a_new_token_but_only_once() {
    let cloud = cloud().await;
    let client = client(&cloud);
    client.ports(&ALL()).await.unwrap();
    cloud.revoke_tokens();
    client.create_port(&new_port("one")).await.unwrap();
    assert_eq!(cloud.count("POST", "/auth/tokens"), 2);
    for _ in 0..2 {
        cloud.trouble("GET", "/ports", Trouble::Status(401, None, json!({"error": {"message": "no"}})));
    }
    let error = client.ports(&ALL()).await.unwrap_err();
    assert_eq!(error.code(), "neutron-unauthorized");
    assert_eq!(cloud.count("POST", "/auth/tokens"), 3);
    client.ports(&ALL()).await.unwrap();
}

#[tokio::test]
async fn forbidden_is_said_at_once_with_neutrons_words() {
    let cloud = cloud().await;
    let words = "rule:create_port is disallowed by policy";
    cloud.trouble("POST", "/ports", Trouble::refusal(403, "PolicyNotAuthorized", words));
    let error = client(&cloud).create_port(&new_port("one")).await.unwrap_err();
    assert_eq!(error.code(), "neutron-unauthorized");
    assert!(
        error.to_string().contains(words) && error.to_string().contains("/networking/v2.0/ports"),
        "{error}"
    );
    assert_eq!(cloud.count("POST", "/ports"), 1);
}

#[tokio::test]
async fn busy_is_tried_again_when_the_server_says() {
    let cloud = cloud().await;
    for method in ["GET", "POST", "DELETE"] {
        cloud.trouble(method, "/ports", Trouble::Status(429, Some(1), json!("slow down")));
        cloud.trouble(method, "/ports", Trouble::Status(503, Some(0), json!("later")));
    }
    let client = client(&cloud);
    let started = Instant::now();
    client.ports(&ALL()).await.unwrap();
    assert!(started.elapsed() >= Duration::from_secs(1));
    let port = client.create_port(&new_port("one")).await.unwrap();
    client.delete_port(port.id).await.unwrap();
    assert_eq!(cloud.count("GET", "/ports"), 3);
    assert_eq!(cloud.count("POST", "/ports"), 3);
    assert_eq!(cloud.count("DELETE", "/ports"), 3);
    assert_eq!(cloud.ports().len(), 0);
}

#[tokio::test]
async fn too_long_a_wait_is_an_error_at_once() {
    let cloud = cloud().await;
    cloud.trouble("GET", "/ports", Trouble::Status(503, Some(3600), json!("maintenance")));
    let error = client(&cloud).ports(&ALL()).await.unwrap_err();
    assert_eq!(error.code(), "neutron-busy");
    assert!(error.to_string().contains("503") && error.to_string().contains("maintenance"), "{error}");
    assert_eq!(cloud.count("GET", "/ports"), 1);
}

#[tokio::test]
async fn keystone_is_tried_again_too() {
    let cloud = cloud().await;
    cloud.trouble("POST", "/auth/tokens", Trouble::Status(503, None, json!({"error": {"message": "busy"}})));
    cloud.trouble("POST", "/auth/tokens", Trouble::Nonsense("<html>"));
    client(&cloud).ports(&ALL()).await.unwrap();
    assert_eq!(cloud.count("POST", "/auth/tokens"), 3);
}

#[tokio::test]
async fn a_slow_server_meets_the_time_limit() {
    let cloud = cloud().await;
    let client = client(&cloud);
    client.authenticate().await.unwrap();
    cloud.trouble("GET", "/ports", Trouble::Slow(Duration::from_secs(30)));
    let started = Instant::now();
    let error = client.within(Duration::from_millis(300)).ports(&ALL()).await.unwrap_err();
    assert_eq!(error.code(), "neutron-timeout");
    assert!(started.elapsed() < Duration::from_secs(10));
    assert!(error.to_string().contains("GET") && error.to_string().contains("/ports"), "{error}");
}

#[tokio::test]
async fn nobody_there_is_said_with_the_url() {
    let cloud = cloud().await;
    let mut words = words(&cloud);
    drop(cloud);
    words.auth_url = "http://127.0.0.1:1/identity".to_owned();
    let client = Client::new(words.settings().unwrap()).unwrap().within(Duration::from_millis(300));
    let error = client.ports(&ALL()).await.unwrap_err();
    assert_eq!(error.code(), "neutron-unreachable");
    assert!(error.to_string().contains("http://127.0.0.1:1/identity"), "{error}");
}

#[tokio::test]
async fn nonsense_is_asked_for_again_and_then_an_error() {
    let cloud = cloud().await;
    let client = client(&cloud);
    cloud.trouble("GET", "/ports", Trouble::Nonsense("{\"ports\": [}"));
    client.ports(&ALL()).await.unwrap();
    cloud.trouble("GET", "/ports", Trouble::Nonsense("{\"ports\": [{\"id\": 7}]}"));
    let error = client.ports(&ALL()).await.unwrap_err();
    assert_eq!(error.code(), "neutron-malformed");
}

#[tokio::test]
async fn a_lost_answer_makes_no_second_port() {
    let cloud = cloud().await;
    let client = client(&cloud);
    for trouble in [Trouble::LostAnswer, Trouble::Nonsense("<html>"), Trouble::Slow(Duration::from_secs(2))] {
        let before = cloud.ports().len();
        cloud.trouble("POST", "/ports", trouble.clone());
        let name = format!("{trouble:?}");
        let slow = matches!(trouble, Trouble::Slow(_));
        let made = client.create_port(&new_port(&name)).await.unwrap();
        assert_eq!(made.name, name);
        assert_eq!(cloud.ports().len(), before + 1, "{trouble:?}");
        assert!(slow || cloud.count("GET", "/ports") > 0);
    }
}

#[tokio::test]
async fn a_conflict_finds_the_port_that_is_ours_and_no_other() {
    let cloud = cloud().await;
    let client = client(&cloud);
    let address = "10.0.0.99".parse().unwrap();
    let new = NewPort { fixed_ip: Some((SUBNET, Some(address))), ..new_port("vip") };
    let first = client.create_port(&new).await.unwrap();
    assert_eq!(client.create_port(&new).await.unwrap(), first);
    let other = NewPort { name: "another".to_owned(), ..new.clone() };
    let error = client.create_port(&other).await.unwrap_err();
    assert!(error.is_address_taken() && error.to_string().contains("10.0.0.99 already allocated"), "{error}");
    // The name alone does not make it ours.
    let device = NewPort { device_id: "somebody".to_owned(), ..new };
    assert!(client.create_port(&device).await.unwrap_err().is_address_taken());
    cloud.trouble(
        "POST",
        "/ports",
        Trouble::refusal(409, "OverQuota", "Quota exceeded for resources: ['port']."),
    );
    let error = client.create_port(&new_port("more")).await.unwrap_err();
    assert!(!error.is_address_taken() && error.to_string().contains("Quota exceeded"), "{error}");
}

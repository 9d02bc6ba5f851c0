//! Ports and subnets when all goes well.

use serde_json::json;
use uuid::Uuid;
use weir_neutron::{NewPort, PortQuery};

use super::{NETWORK, SUBNET, client, cloud, new_port};

#[tokio::test]
async fn a_port_is_made_found_changed_and_deleted() {
    let cloud = cloud().await;
    let client = client(&cloud);
    let new = NewPort { port_security_enabled: Some(false), ..new_port("one & two?") };
    let made = client.create_port(&new).await.unwrap();
    assert_eq!(made.fixed_ips[0].subnet_id, SUBNET);
    let asked = cloud.asked();
    assert_eq!(
        asked.last().unwrap().body,
        json!({"port": {
            "name": "one & two?", "network_id": NETWORK, "admin_state_up": true, "device_id": "device",
            "device_owner": "owner", "project_id": "project", "fixed_ips": [{"subnet_id": SUBNET}],
            "port_security_enabled": false,
        }})
    );
    assert_eq!(client.port(made.id).await.unwrap(), Some(made.clone()));
    let queries = [
        PortQuery { name: Some("one & two?".to_owned()), ..PortQuery::default() },
        PortQuery { network_id: Some(NETWORK), device_id: Some("device".to_owned()), ..PortQuery::default() },
        PortQuery { device_owner: Some("owner".to_owned()), ..PortQuery::default() },
        PortQuery { ip_address: Some(made.fixed_ips[0].ip_address), ..PortQuery::default() },
        PortQuery { subnet_id: Some(SUBNET), ..PortQuery::default() },
    ];
    for query in queries {
        assert_eq!(client.ports(&query).await.unwrap(), std::slice::from_ref(&made), "{query:?}");
    }
    let none = PortQuery { name: Some("one".to_owned()), ..PortQuery::default() };
    assert_eq!(client.ports(&none).await.unwrap(), []);
    let changed = client.update_port(made.id, &json!({"name": "three"})).await.unwrap();
    assert_eq!(changed.name, "three");
    client.delete_port(made.id).await.unwrap();
    client.delete_port(made.id).await.unwrap();
    assert_eq!(client.port(made.id).await.unwrap(), None);
    assert_eq!(client.subnet(SUBNET).await.unwrap().unwrap().network_id, NETWORK);
    assert_eq!(client.subnet(Uuid::from_u128(1)).await.unwrap(), None);
    // One token did for all.
    assert_eq!(cloud.count("POST", "/auth/tokens"), 1);
}

#[tokio::test]
async fn a_list_has_all_its_pages() {
    let cloud = cloud().await;
    cloud.page(3);
    let client = client(&cloud);
    for n in 0..10 {
        client.create_port(&new_port(&format!("port-{n}"))).await.unwrap();
    }
    let query = PortQuery { device_id: Some("device".to_owned()), ..PortQuery::default() };
    let all = client.ports(&query).await.unwrap();
    assert_eq!(all.len(), 10);
    assert!(all.windows(2).all(|pair| pair[0].id < pair[1].id));
    assert_eq!(cloud.count("GET", "/ports?"), 4);
}

#[tokio::test]
async fn many_at_once_ask_for_one_token() {
    let cloud = cloud().await;
    let client = client(&cloud);
    let asks = (0..20).map(|n| {
        let client = client.clone();
        tokio::spawn(async move { client.create_port(&new_port(&format!("port-{n}"))).await })
    });
    for ask in asks.collect::<Vec<_>>() {
        ask.await.unwrap().unwrap();
    }
    assert_eq!(cloud.count("POST", "/auth/tokens"), 1);
    assert_eq!(cloud.ports().len(), 20);
}

//! The client against a Keystone and Neutron in this process.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod accounts;
mod ports;
mod trouble;

use std::time::Duration;

use uuid::Uuid;
use weir_neutron::{Client, NewPort, Secret, Words, testing::FakeCloud};

pub const NETWORK: Uuid = Uuid::from_u128(0xa1);
pub const SUBNET: Uuid = Uuid::from_u128(0xa2);

/// A cloud with one subnet.
pub async fn cloud() -> FakeCloud {
    let cloud = FakeCloud::start().await;
    cloud.add_subnet(SUBNET, NETWORK, [10, 0, 0, 10].into());
    cloud
}

pub fn words(cloud: &FakeCloud) -> Words {
    Words {
        auth_url: format!("{}/identity", cloud.url),
        username: "weir".to_owned(),
        password: Some(Secret::new("secret-password")),
        user_domain_name: "Default".to_owned(),
        project_name: "service".to_owned(),
        project_domain_name: "Default".to_owned(),
        region_name: "one".to_owned(),
        ..Words::default()
    }
}

pub fn client(cloud: &FakeCloud) -> Client {
    Client::new(words(cloud).settings().unwrap()).unwrap().within(Duration::from_secs(10))
}

pub fn new_port(name: &str) -> NewPort {
    NewPort {
        name: name.to_owned(),
        network_id: NETWORK,
        device_id: "device".to_owned(),
        device_owner: "owner".to_owned(),
        project_id: Some("project".to_owned()),
        fixed_ip: Some((SUBNET, None)),
        address: None,
        port_security_enabled: None,
    }
}

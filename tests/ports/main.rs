//! VIP ports, with a Keystone and Neutron in the test's process and a real Northbound: made when Octavia asks, freed when
//! their load balancer goes or never came.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod agent;
mod check;
mod cleanup;
mod old_ports;
mod refusals;
mod unknown_subnet;
mod vip_ports;

use serde_json::{Value, json};
use weir_neutron::testing::{FakeCloud, Trouble};
use weir_tests::{Host, Northbound, objects::*};

use agent::FakeAgent;

/// What is needed for a VIP port.
pub struct Scene {
    pub cloud: FakeCloud,
    pub northbound: Northbound,
    pub agent: FakeAgent,
    pub host: Host,
}

impl Scene {
    pub async fn start() -> Self {
        Self::with(&[]).await
    }

    pub async fn with(more: &[(&str, &str)]) -> Self {
        let northbound = Northbound::start();
        northbound.transact(&topology());
        Self::on(Self::cloud().await, northbound, more).await
    }

    /// A Neutron that has the private subnet.
    pub async fn cloud() -> FakeCloud {
        let cloud = FakeCloud::start().await;
        cloud.add_subnet(SUBNET.parse().unwrap(), NETWORK.parse().unwrap(), [10, 10, 10, 100].into());
        cloud
    }

    /// A host on what is there already.
    pub async fn on(cloud: FakeCloud, northbound: Northbound, more: &[(&str, &str)]) -> Self {
        let agent = FakeAgent::start(northbound.folder()).await;
        let host = Self::host(&cloud, &northbound, more);
        host.ready().await;
        Self { cloud, northbound, agent, host }
    }

    fn host(cloud: &FakeCloud, northbound: &Northbound, more: &[(&str, &str)]) -> Host {
        let env = environment(cloud);
        let mut env: Vec<_> = env.iter().map(|(name, value)| (*name, value.as_str())).collect();
        env.extend(more);
        Host::spawn(northbound.folder(), &northbound.remote(), &env)
    }

    /// The id of a port of a load balancer.
    pub fn port_of(&self, lb: &str) -> String {
        let ports = self.cloud.ports();
        let port = ports.iter().find(|port| port["name"].as_str().unwrap().ends_with(lb)).unwrap();
        port["id"].as_str().unwrap().to_owned()
    }

    /// The names of Neutron's ports.
    pub fn ports(&self) -> Vec<String> {
        self.cloud.ports().iter().map(|port| port["name"].as_str().unwrap().to_owned()).collect()
    }
}

/// What makes Weir use a cloud. A load balancer that Octavia does not know is given up after 3 seconds.
pub fn environment(cloud: &FakeCloud) -> Vec<(&'static str, String)> {
    vec![
        ("WEIR_NEUTRON_AUTH_URL", format!("{}/identity", cloud.url)),
        ("WEIR_NEUTRON_USERNAME", "weir".to_owned()),
        ("WEIR_NEUTRON_PASSWORD", "secret-password".to_owned()),
        ("WEIR_NEUTRON_USER_DOMAIN_NAME", "Default".to_owned()),
        ("WEIR_NEUTRON_PROJECT_NAME", "service".to_owned()),
        ("WEIR_NEUTRON_PROJECT_DOMAIN_NAME", "Default".to_owned()),
        ("WEIR_NEUTRON_REGION_NAME", "one".to_owned()),
        ("WEIR_OCTAVIA_UNKNOWN_OBJECT_TIMEOUT", "3".to_owned()),
    ]
}

pub const PROJECT: &str = "11111111111111111111111111111111";

/// `create_vip_port` of load balancer `n`.
pub fn wanted(n: usize, vip: Value, additional: Value) -> Value {
    json!({
        "loadbalancer_id": id(1, n), "project_id": PROJECT, "vip_dictionary": vip, "additional_vip_dicts": additional,
    })
}

/// A VIP with this address on the private subnet.
pub fn vip(address: &str) -> Value {
    json!({"vip_address": address, "vip_network_id": NETWORK, "vip_subnet_id": SUBNET})
}

/// A further VIP.
pub fn additional(address: Option<&str>) -> Value {
    json!({"ip_address": address, "network_id": NETWORK, "port_id": null, "subnet_id": SUBNET})
}

/// Neutron answers every request with this method for a port with this status.
pub fn refuse(cloud: &FakeCloud, method: &str, port: &str, status: u16) {
    for _ in 0..1_000 {
        cloud.trouble(method, port, Trouble::refusal(status, "Refused", "not this one"));
    }
}

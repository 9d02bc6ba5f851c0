//! Real databases, a real host, an agent that writes down what Octavia is told.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use weir_tests::{
    Agent, Client, Host, Northbound, Southbound, eventually,
    objects::{self, id},
    proxy::Proxy,
};

pub struct Lab {
    pub northbound: Northbound,
    pub southbound: Southbound,
    pub agent: Agent,
    pub host: Host,
}

impl Lab {
    pub async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// With further environment for the host.
    pub async fn start_with(env: &[(&str, &str)]) -> Self {
        Self::start_on(Northbound::start(), env).await
    }

    /// On a Northbound of the test's choice.
    pub async fn start_on(northbound: Northbound, env: &[(&str, &str)]) -> Self {
        let southbound = Southbound::start();
        let remote = southbound.remote();
        Self::start_beside(northbound, southbound, &remote, env).await
    }

    /// With a proxy before the Southbound.
    pub async fn start_with_proxy() -> (Self, Proxy) {
        let (northbound, southbound) = (Northbound::start(), Southbound::start());
        let remote = southbound.remote();
        let proxy = Proxy::start(northbound.folder(), remote.trim_start_matches("unix:").into());
        let lab = Self::start_beside(northbound, southbound, &proxy.remote(), &[]).await;
        (lab, proxy)
    }

    async fn start_beside(
        northbound: Northbound,
        southbound: Southbound,
        remote: &str,
        env: &[(&str, &str)],
    ) -> Self {
        northbound.transact(&objects::topology());
        northbound.transact(&objects::source_port());
        let agent = Agent::start(northbound.folder());
        let env: Vec<_> =
            [("WEIR_OVN_SB_CONNECTION", remote)].into_iter().chain(env.iter().copied()).collect();
        let host = Host::spawn(northbound.folder(), &northbound.remote(), &env);
        host.ready().await;
        Self { northbound, southbound, agent, host }
    }

    /// Kills the host and starts it again with another environment; waits until it is ready.
    pub async fn restart_with(&mut self, env: &[(&str, &str)]) {
        let southbound = self.southbound.remote();
        let env: Vec<_> =
            [("WEIR_OVN_SB_CONNECTION", &*southbound)].into_iter().chain(env.iter().copied()).collect();
        self.host.kill();
        self.host = Host::spawn(self.northbound.folder(), &self.northbound.remote(), &env);
        self.host.ready().await;
    }

    pub fn client(&self) -> Client {
        self.host.client()
    }

    /// Makes a load balancer at once, as Octavia then knows it.
    pub async fn make(&self, lb: Value) {
        self.agent.know(lb.clone());
        let answer =
            self.client().call("loadbalancer_create", &serde_json::json!({"loadbalancer": lb})).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        let lb = lb["loadbalancer_id"].as_str().unwrap().to_owned();
        eventually("ACTIVE", async || (self.agent.status(&lb).0? == "ACTIVE").then_some(())).await;
    }

    /// Waits until Octavia has been told an operating status.
    pub async fn told(&self, object: &str, status: &str) {
        let told = async || (self.agent.operating(object) == status).then_some(());
        eventually(&format!("{object} {status}"), told).await;
    }

    /// Makes hand-made changes.
    pub fn by_hand(&self, operations: &[Value]) {
        self.northbound.transact(operations);
    }

    /// Takes a switch port out of its switch; it goes with that.
    pub fn remove_port(&self, name: &str) {
        let select = json!({"op": "select", "table": "Logical_Switch_Port", "where": [["name", "==", name]]});
        let port = self.northbound.transact(&[select])[0]["rows"][0]["_uuid"].clone();
        self.by_hand(&[json!({"op": "mutate", "table": "Logical_Switch", "where": [],
            "mutations": [["ports", "delete", port]]})]);
    }

    /// Waits until the tables are as they were.
    pub async fn as_before(&self, before: &Value) {
        let start = Instant::now();
        let mut last = Value::Null;
        // Repairs of what somebody edits again and again come at growing intervals, and rows that are all gone wait longer.
        while start.elapsed() < Duration::from_secs(300) {
            last = self.northbound.dump();
            if last == *before {
                return;
            }
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
        for (table, rows) in before.as_object().unwrap() {
            assert_eq!(&last[table], rows, "{table}");
        }
    }

    /// The value of a metric.
    pub async fn metric(&self, name: &str) -> f64 {
        metric(&self.client(), name).await
    }

    pub fn vips(&self) -> Value {
        self.northbound.load_balancer(&id(1, 1))["vips"].clone()
    }
}

/// The value of a metric of a host.
pub async fn metric(client: &Client, name: &str) -> f64 {
    let text = client.get("/metrics").await.body;
    let line = text.as_str().unwrap().lines().find(|line| line.starts_with(&format!("{name} ")));
    line.unwrap_or_else(|| panic!("{name}: {text}")).rsplit(' ').next().unwrap().parse().unwrap()
}

/// Member `n`, at address 10.10.10.`host`.
pub fn member(n: usize, pool: usize, host: usize) -> Value {
    let mut member = objects::member(n, pool)["member"].clone();
    member["address"] = format!("10.10.10.{host}").into();
    member
}

/// Pool `n` of load balancer `lb` with members.
pub fn plain_pool(n: usize, lb: usize, protocol: &str, members: Vec<Value>) -> Value {
    let mut pool = objects::pool(n, lb, None, protocol)["pool"].clone();
    pool["members"] = members.into();
    pool
}

/// A pool of load balancer 1 with members and a monitor of the same number.
pub fn pool(n: usize, protocol: &str, kind: &str, members: Vec<Value>) -> Value {
    let mut pool = plain_pool(n, 1, protocol, members);
    pool["healthmonitor"] = objects::monitor(n, n, kind)["healthmonitor"].clone();
    pool
}

/// Listener `n` of load balancer `lb`.
pub fn listener(n: usize, lb: usize, protocol: &str, port: u16, pool: usize) -> Value {
    let mut listener = objects::listener(n, lb, protocol, port)["listener"].clone();
    listener["default_pool_id"] = id(3, pool).into();
    listener
}

/// Load balancer `n` at 10.10.10.`4 + n`.
pub fn load_balancer(n: usize, listeners: Vec<Value>, pools: Vec<Value>) -> Value {
    let mut lb = objects::loadbalancer(n)["loadbalancer"].clone();
    lb["vip_address"] = format!("10.10.10.{}", 4 + n).into();
    lb["listeners"] = listeners.into();
    lb["pools"] = pools.into();
    lb
}

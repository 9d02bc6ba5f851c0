//! What `ovn-northd` makes of the rows: logical flows in the Southbound.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

use std::{
    path::Path,
    process::{Child, Command, Stdio},
};

use serde_json::{Value, json};
use tempfile::TempDir;
use weir_ovsdb::testing::{self, Server};
use weir_tests::{Host, Northbound, eventually, objects::*};

/// A Southbound and a northd beside a Northbound.
struct Northd {
    southbound: Server,
    northd: Child,
    _dir: TempDir,
}

impl Northd {
    fn start(northbound: &Northbound) -> Self {
        let dir = TempDir::new().unwrap();
        let southbound = Server::standalone(dir.path(), &testing::schema("ovn-sb").unwrap()).unwrap();
        let file = |name: &str| dir.path().join(name).display().to_string();
        let northd = Command::new(testing::program("ovn-northd"))
            .args([
                format!("--ovnnb-db={}", northbound.remote()),
                format!("--ovnsb-db={}", southbound.endpoint()),
                format!("--unixctl={}", file("northd.ctl")),
                "-vconsole:off".to_owned(),
            ])
            .env("OVN_RUNDIR", dir.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self { southbound, northd, _dir: dir }
    }

    /// Actions of all logical flows.
    fn actions(&self) -> Vec<String> {
        let select = json!(["OVN_Southbound", {"op": "select", "table": "Logical_Flow", "where": [], "columns": ["actions", "match"]}]);
        let args =
            ["transact".into(), self.southbound.endpoint().to_string().into(), select.to_string().into()];
        let reply: Value = serde_json::from_str(&testing::run("ovsdb-client", &args).unwrap()).unwrap();
        let flows = reply[0]["rows"].as_array().unwrap().iter();
        flows
            .map(|flow| {
                format!("{} => {}", flow["match"].as_str().unwrap(), flow["actions"].as_str().unwrap())
            })
            .collect()
    }
}

impl Drop for Northd {
    fn drop(&mut self) {
        let _ = self.northd.kill();
        let _ = self.northd.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn northd_makes_flows_for_every_vip() {
    let northbound = Northbound::start();
    northbound.transact(&topology());
    let northd = Northd::start(&northbound);
    let host = Host::start(northbound.folder(), &northbound.remote()).await;
    let client = host.client();
    for (method, body) in calls(1) {
        client.call(method, &body).await.committed();
    }
    let lb = json!({"loadbalancer": {"loadbalancer_id": id(1, 2), "admin_state_up": true, "vip_address": "fd00:10::5", "vip_network_id": NETWORK,
        "vip_subnet_id": "bbbbbbbb-0000-4000-8000-000000000003", "vip_port_id": id(6, 2)}});
    let member = json!({"member": {"member_id": id(4, 2), "pool_id": id(3, 2), "address": "fd00:10::10", "protocol_port": 5353,
        "subnet_id": "bbbbbbbb-0000-4000-8000-000000000003", "admin_state_up": true}});
    client.call("loadbalancer_create", &lb).await.committed();
    client.call("listener_create", &listener(2, 2, "UDP", 53)).await.committed();
    client.call("pool_create", &pool(2, 2, Some(2), "UDP")).await.committed();
    client.call("member_create", &member).await.committed();
    for (vip, backend) in [
        ("ip4.dst == 10.10.20.2", "ct_lb_mark(backends=10.10.10.11:8080"),
        ("ip6.dst == fd00:10::5", "ct_lb_mark(backends=[fd00:10::10]:5353"),
    ] {
        eventually(backend, async || {
            let flows = northd.actions();
            flows.iter().any(|flow| flow.contains(vip) && flow.contains(backend)).then_some(())
        })
        .await;
    }
    // And they go with it.
    client
        .call("loadbalancer_delete", &json!({"loadbalancer": {"loadbalancer_id": id(1, 1)}, "cascade": true}))
        .await
        .committed();
    eventually("flows gone", async || {
        (!northd.actions().iter().any(|flow| flow.contains("10.10.10.11:8080"))).then_some(())
    })
    .await;
    assert!(Path::new(&northbound.socket()).exists());
}

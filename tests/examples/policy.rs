//! A host with site-policy under an operator's configuration: what is new is judged, what is live stays.

use std::fs;

use serde_json::Value;
use weir_tests::{Host, Northbound, objects::*};

use crate::built;

const FAVOURED: &str = "0123456789abcdef0123456789abcdef";

fn manifest(config: &str) -> String {
    format!("[[plugin]]\nname = \"site-policy\"\nfile = \"site-policy.wasm\"\n[plugin.config]\n{config}\n")
}

fn at(n: usize, address: &str) -> Value {
    let mut member = member(n, 1);
    member["member"]["address"] = address.into();
    member
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_hold_for_what_is_new_and_harm_nothing_that_is_live() {
    let northbound = Northbound::start();
    northbound.transact(&topology());
    let folder = northbound.folder().join("plugins");
    fs::create_dir_all(&folder).unwrap();
    fs::copy(built("site-policy"), folder.join("site-policy.wasm")).unwrap();
    let file = folder.join("plugins.toml");
    let rules = format!(
        "ports = [80, \"1024-65535\"]\nmember_cidrs = [\"10.10.10.0/24\"]\nmax_members = 2\n\
         [plugin.config.projects.{FAVOURED}]\nports = [22]"
    );
    fs::write(&file, manifest(&rules)).unwrap();
    let mut host = Host::start(northbound.folder(), &northbound.remote()).await;
    let client = host.client();

    client.call("loadbalancer_create", &loadbalancer(1)).await.committed();
    let said =
        client.call("listener_create", &listener(1, 1, "TCP", 22)).await.refused(422, "port-not-allowed");
    assert!(said.contains("port 22 is not allowed here; choose one of 80, 1024-65535"), "{said}");
    client.call("listener_create", &listener(1, 1, "TCP", 80)).await.committed();
    client.call("pool_create", &pool(1, 1, Some(1), "TCP")).await.committed();
    let said = client.call("member_create", &at(9, "10.10.11.1")).await;
    let said = said.refused(422, "member-address-not-allowed");
    assert!(said.contains("10.10.11.1") && said.contains("10.10.10.0/24"), "{said}");
    for n in [1, 2] {
        client.call("member_create", &at(n, &format!("10.10.10.{n}"))).await.committed();
    }
    client.call("member_create", &at(3, "10.10.10.3")).await.refused(422, "too-many-members");
    // An exception of a project.
    let mut favoured = loadbalancer(2);
    favoured["loadbalancer"]["project_id"] = FAVOURED.into();
    client.call("loadbalancer_create", &favoured).await.committed();
    client.call("listener_create", &listener(2, 2, "TCP", 22)).await.committed();
    client.call("listener_create", &listener(3, 2, "TCP", 80)).await.refused(422, "port-not-allowed");

    // Stricter than what is there.
    let before = northbound.dump();
    host.kill();
    fs::write(&file, manifest("member_cidrs = [\"10.10.10.2/32\"]\nmax_members = 1")).unwrap();
    host.restart();
    host.ready().await;
    let client = host.client();
    client.call("loadbalancer_create", &loadbalancer(3)).await.committed();
    client.call("loadbalancer_delete", &loadbalancer(3)).await.committed();
    assert_eq!(northbound.dump(), before, "what is live stays as it is");
    // What is there can go, though more is there than is allowed.
    client.call("member_create", &at(3, "10.10.10.2")).await.refused(422, "too-many-members");
    client.call("member_delete", &at(1, "10.10.10.1")).await.committed();
    host.kill();
    fs::write(&file, manifest("denied_ports = [80]")).unwrap();
    host.restart();
    host.ready().await;
    // A listener is judged with its pool: nothing of the two can be changed, but it can go.
    let client = host.client();
    client.call("member_create", &at(3, "10.10.10.3")).await.refused(422, "port-denied");
    client.call("listener_delete", &listener(1, 1, "TCP", 80)).await.committed();
    client.call("member_create", &at(3, "10.10.10.3")).await.committed();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_configuration_stops_the_start_and_names_the_mistake() {
    for (config, said) in
        [("prots = [80]", "prots"), ("ports = [\"90-80\"]", "90-80"), ("ports = [70000]", "70000")]
    {
        let northbound = Northbound::start();
        let folder = northbound.folder().join("plugins");
        fs::create_dir_all(&folder).unwrap();
        fs::copy(built("site-policy"), folder.join("site-policy.wasm")).unwrap();
        fs::write(folder.join("plugins.toml"), manifest(config)).unwrap();
        let mut host = Host::spawn(northbound.folder(), &northbound.remote(), &[]);
        assert_eq!(host.wait().code(), Some(1));
        let log = host.log();
        assert!(log.contains("site-policy") && log.contains(said), "{log}");
    }
}

//! A port that Neutron does not delete holds up no other.

use std::time::Duration;

use weir_tests::{eventually, objects::*};

use super::{
    Scene,
    cleanup::{LATER, made, pending, told},
    refuse,
};

#[tokio::test(flavor = "multi_thread")]
async fn port_that_neutron_never_deletes_does_not_pass_for_an_outage() {
    let scene = Scene::with(&[LATER]).await;
    let client = scene.host.client();
    for n in [1, 2, 3] {
        made(&scene, n).await;
        scene.agent.knows(&id(1, n));
        client.call("loadbalancer_create", &loadbalancer(n)).await.committed();
    }
    scene.cloud.outage(true);
    for n in [1, 2, 3] {
        client.call("loadbalancer_delete", &loadbalancer(n)).await.committed();
    }
    for n in [1, 2, 3] {
        told(&scene, &id(1, n)).await;
    }
    pending(&scene, 3).await;
    // Longer than a try takes: all have been tried again, and it is known that Neutron is away.
    tokio::time::sleep(Duration::from_secs(15)).await;
    refuse(&scene.cloud, "DELETE", &scene.port_of(&id(1, 1)), 500);
    scene.cloud.outage(false);
    eventually("the others are gone", async || {
        scene.ports().iter().all(|name| name.ends_with(&id(1, 1))).then_some(())
    })
    .await;
    assert!(!scene.ports().is_empty());
    pending(&scene, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn orphaned_port_that_neutron_refuses_to_delete_does_not_hold_up_others() {
    let scene = Scene::start().await;
    for n in [1, 2] {
        made(&scene, n).await;
    }
    refuse(&scene.cloud, "DELETE", &scene.port_of(&id(1, 1)), 409);
    eventually("the other orphan's ports are gone", async || {
        scene.ports().iter().all(|name| name.ends_with(&id(1, 1))).then_some(())
    })
    .await;
    let tried = || scene.cloud.count("DELETE", &scene.port_of(&id(1, 1)));
    let before = tried();
    eventually("it is tried again", async || (tried() >= before + 2).then_some(())).await;
    let refused = scene.host.log().matches("Neutron refused a request for a port").count();
    assert_eq!(refused, 1, "{}", scene.host.log());
}

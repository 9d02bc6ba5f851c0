//! Without Neutron nobody makes the ports that health checks are sent from: who could not be probed is not taken on.

use serde_json::{Value, json};
use weir_tests::{
    Answer, eventually,
    objects::{self, SUBNET, id},
};

use crate::lab::{Lab, listener, load_balancer, member, plain_pool, pool};

/// The ports of the topology that have 10.10.10.10 and .11.
const MEMBERS: [&str; 2] = ["dddddddd-0000-4000-8000-000000000001", "dddddddd-0000-4000-8000-000000000002"];
const SOURCE: &str = "eeeeeeee-0000-4000-8000-000000000004";

fn mappings(lab: &Lab) -> usize {
    lab.northbound.load_balancer(&id(1, 1))["ip_port_mappings"].as_object().unwrap().len()
}

/// How many health checks there are: OVN leaves who is in no mapping out of a VIP that is checked.
fn checks(lab: &Lab) -> usize {
    lab.northbound.state()["load_balancers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["health_checks"].as_array().unwrap().len())
        .sum()
}

fn refused(answer: &Answer) {
    assert_eq!(answer.status, 422, "{}", answer.body);
    assert_eq!(answer.body["error"], "UnsupportedOptionError");
    assert_eq!(answer.body["code"], "no-probe-source");
    let missing = format!("ovn-lb-hm-{SUBNET}");
    assert!(answer.body["user_fault_string"].as_str().unwrap().contains(&missing), "{}", answer.body);
    assert!(answer.body["operator_fault_string"].as_str().unwrap().contains("[neutron]"), "{}", answer.body);
}

fn monitor(up: bool) -> Value {
    let mut monitor = objects::monitor(2, 2, "UDP-CONNECT");
    monitor["healthmonitor"]["admin_state_up"] = up.into();
    monitor
}

#[tokio::test(flavor = "multi_thread")]
async fn who_cannot_be_probed_is_refused_and_who_is_there_stays() {
    let lab = Lab::start().await;
    let client = lab.client();
    let probed = |n: usize| {
        let mut pool = pool(n, "TCP", "TCP", vec![member(n, n, 10)]);
        pool["loadbalancer_id"] = id(1, n).into();
        load_balancer(n, vec![listener(n, n, "TCP", 80, n)], vec![pool])
    };
    lab.make(probed(1)).await;
    let unprobed = plain_pool(2, 2, "UDP", vec![member(2, 2, 11)]);
    lab.make(load_balancer(2, vec![listener(2, 2, "UDP", 53, 2)], vec![unprobed])).await;
    assert_eq!((mappings(&lab), checks(&lab)), (1, 1));

    lab.remove_port(SOURCE);
    eventually("not probed any more", async || (mappings(&lab) == 0).then_some(())).await;
    assert_eq!(lab.vips()["10.10.10.5:80"], "10.10.10.10:8080", "but served");
    assert_eq!(checks(&lab), 0, "which OVN does only unchecked");
    let before = lab.northbound.dump();
    refused(&client.call("loadbalancer_create", &json!({"loadbalancer": probed(3)})).await);
    refused(&client.call("health_monitor_create", &monitor(true)).await);
    let another = json!({"member": member(12, 1, 12)});
    refused(&client.call("member_create", &another).await);
    let both = json!({"pool_id": id(3, 1), "members": [member(1, 1, 10), member(12, 1, 12)]});
    refused(&client.call("member_batch_update", &both).await);
    assert_eq!(lab.northbound.dump(), before, "a refused call changes nothing");

    // What has nothing to do with it goes on, for those who lack it too.
    let mut renamed = member(1, 1, 10);
    renamed["weight"] = 5.into();
    let update = json!({"old_member": member(1, 1, 10), "new_member": renamed});
    assert_eq!(client.call("member_update", &update).await.status, 200);
    assert_eq!(client.call("member_create", &json!({"member": member(13, 2, 12)})).await.status, 200);
    assert_eq!(client.call("health_monitor_create", &monitor(false)).await.status, 200, "it probes nobody");
    let up = json!({"old_healthmonitor": monitor(false)["healthmonitor"], "new_healthmonitor": monitor(true)["healthmonitor"]});
    refused(&client.call("health_monitor_update", &up).await);

    lab.by_hand(&objects::source_port());
    eventually("probed again", async || (mappings(&lab) == 1).then_some(())).await;
    assert_eq!(checks(&lab), 1);
    assert_eq!(client.call("member_create", &another).await.status, 200);
    assert_eq!(client.call("health_monitor_update", &up).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn dead_member_stays_out_when_its_subnet_loses_its_source_port() {
    let mut lab = Lab::start().await;
    let (vip, both) = ("10.10.10.5:80", "10.10.10.10:8080,10.10.10.11:8080");
    let members = vec![member(1, 1, 10), member(2, 1, 11)];
    lab.make(load_balancer(1, vec![listener(1, 1, "TCP", 80, 1)], vec![pool(1, "TCP", "TCP", members)]))
        .await;
    lab.southbound.says(MEMBERS[0], "10.10.10.10", 8080, "tcp", "offline");
    lab.southbound.says(MEMBERS[1], "10.10.10.11", 8080, "tcp", "online");
    lab.told(&id(4, 1), "ERROR").await;
    assert_eq!(lab.vips()[vip], both, "OVN leaves it out");

    lab.remove_port(SOURCE);
    eventually("not probed any more", async || (mappings(&lab) == 0).then_some(())).await;
    assert_eq!(checks(&lab), 0);
    assert_eq!(lab.vips()[vip], "10.10.10.11:8080", "in the same transaction");
    // As OVN does then.
    lab.southbound.forgets(MEMBERS[0], "10.10.10.10", 8080, "tcp");
    lab.southbound.forgets(MEMBERS[1], "10.10.10.11", 8080, "tcp");
    let update = |weight: u16| {
        let mut new = member(2, 1, 11);
        new["weight"] = weight.into();
        json!({"old_member": member(2, 1, 11), "new_member": new})
    };
    // A call that outlasts its budget is planned from Octavia's version.
    let stored = |weight: u16| {
        let members = vec![member(1, 1, 10), update(weight)["new_member"].clone()];
        load_balancer(1, vec![listener(1, 1, "TCP", 80, 1)], vec![pool(1, "TCP", "TCP", members)])
    };
    lab.agent.know(stored(2));
    lab.client().call("member_update", &update(2)).await.committed();
    assert_eq!(lab.vips()[vip], "10.10.10.11:8080,10.10.10.11:8080");
    lab.agent.know(stored(1));
    lab.client().call("member_update", &update(1)).await.committed();
    lab.host.kill();
    lab.host.restart();
    lab.host.ready().await;
    eventually("all is looked at", async || {
        (lab.metric("weir_load_balancers_dirty").await == 0.0).then_some(())
    })
    .await;
    assert_eq!(lab.vips()[vip], "10.10.10.11:8080");
    assert_eq!(lab.agent.operating(&id(4, 1)), "ERROR");
    assert_eq!(lab.agent.operating(&id(1, 1)), "DEGRADED");

    lab.by_hand(&objects::source_port());
    eventually("probed again", async || (checks(&lab) == 1).then_some(())).await;
    assert_eq!(lab.vips()[vip], both);
    lab.told(&id(4, 1), "ONLINE").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn vip_whose_members_are_all_dead_stays_when_its_subnet_loses_its_source_port() {
    let lab = Lab::start().await;
    lab.make(load_balancer(
        1,
        vec![listener(1, 1, "TCP", 80, 1)],
        vec![pool(1, "TCP", "TCP", vec![member(1, 1, 10)])],
    ))
    .await;
    lab.southbound.says(MEMBERS[0], "10.10.10.10", 8080, "tcp", "offline");
    lab.told(&id(1, 1), "ERROR").await;
    lab.remove_port(SOURCE);
    eventually("not probed any more", async || (mappings(&lab) == 0).then_some(())).await;
    lab.southbound.forgets(MEMBERS[0], "10.10.10.10", 8080, "tcp");
    // Another change, so that it is planned on that.
    let update = json!({"old_member": member(1, 1, 10), "new_member": {"member_id": id(4, 1), "weight": 3}});
    lab.client().call("member_update", &update).await.committed();
    assert_eq!(lab.vips()["10.10.10.5:80"], "10.10.10.10:8080");
    assert_eq!(lab.agent.operating(&id(1, 1)), "ERROR");
}

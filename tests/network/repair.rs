//! What was changed while nobody looked is found at the start, as `repair` says; and what may be adopted is.

use serde_json::{Value, json};
use weir_tests::{eventually, objects::id};

use crate::lab::{Lab, listener, load_balancer, member, plain_pool};

fn simple(n: usize) -> Value {
    load_balancer(
        n,
        vec![listener(n, n, "TCP", 80, n)],
        vec![plain_pool(n, n, "TCP", vec![member(n, n, 10)])],
    )
}

fn with_two_rows() -> Value {
    let pools = vec![
        plain_pool(1, 1, "TCP", vec![member(1, 1, 10)]),
        plain_pool(2, 1, "UDP", vec![member(2, 2, 11)]),
    ];
    load_balancer(1, vec![listener(1, 1, "TCP", 80, 1), listener(2, 1, "UDP", 53, 2)], pools)
}

fn one(lab: &Lab, n: usize, operation: Value) {
    let mut operation = operation;
    operation["table"] = "Load_Balancer".into();
    operation["where"] = json!([["name", "==", id(1, n)]]);
    lab.by_hand(&[operation]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_edited_while_the_host_was_down_is_put_right_at_the_start() {
    let mut lab = Lab::start().await;
    lab.make(with_two_rows()).await;
    for n in 2..=4 {
        let mut lb = simple(n);
        lb["listeners"][0]["listener_id"] = id(2, 10 * n).into();
        lb["pools"][0]["pool_id"] = id(3, 10 * n).into();
        lb["listeners"][0]["default_pool_id"] = id(3, 10 * n).into();
        lb["pools"][0]["members"] = json!([member(10 * n, 10 * n, 10)]);
        lb["pools"][0]["lb_algorithm"] = "SOURCE_IP".into();
        lab.make(lb).await;
    }
    let before = lab.northbound.dump();
    lab.host.kill();
    // One of several rows; a name together with what it was found by; a key of ours alone; an attachment.
    lab.by_hand(&[json!({"op": "delete", "table": "Load_Balancer", "where": [["name", "==", id(1, 1)], ["protocol", "==", "udp"]]})]);
    one(
        &lab,
        3,
        json!({"op": "mutate", "mutations": [["external_ids", "delete", ["set", [format!("weir:pool-{}", id(3, 30))]]]]}),
    );
    lab.by_hand(&[json!({"op": "mutate", "table": "Logical_Router", "where": [], "mutations": [["load_balancer", "delete", ["set", lab.northbound.rows(&id(1, 4)).iter().map(|row| json!(["uuid", row["_uuid"]])).collect::<Vec<_>>()]]]})]);
    one(&lab, 2, json!({"op": "update", "row": {"name": "renamed"}}));
    lab.host.restart();
    lab.host.ready().await;
    lab.as_before(&before).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_changes_nothing_and_says_what_is_wrong() {
    let lab = Lab::start_with(&[("WEIR_REPAIR", "report")]).await;
    lab.make(simple(1)).await;
    one(&lab, 1, json!({"op": "update", "row": {"vips": ["map", []]}}));
    eventually("it is noticed", async || {
        (lab.metric("weir_load_balancers_drifted").await == 1.0).then_some(())
    })
    .await;
    let view = lab.client().get(&format!("/v1/loadbalancers/{}", id(1, 1))).await.body;
    assert!(view["drift"].to_string().contains("10.10.10.5:80"), "{view}");
    assert!(lab.host.log().contains("not as it should be"));
    assert_eq!(lab.vips(), json!({}));
    // Whoever asks for it gets it.
    lab.client().post(&format!("/v1/loadbalancers/{}/reconcile", id(1, 1))).await.committed();
    assert_eq!(lab.vips(), json!({"10.10.10.5:80": "10.10.10.10:8080"}));
    eventually("all is well", async || {
        (lab.metric("weir_load_balancers_drifted").await == 0.0).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn off_means_off() {
    let lab = Lab::start_with(&[("WEIR_REPAIR", "off")]).await;
    lab.make(simple(1)).await;
    one(&lab, 1, json!({"op": "update", "row": {"vips": ["map", []]}}));
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    assert_eq!(lab.vips(), json!({}));
    assert_eq!(lab.metric("weir_load_balancers_drifted").await, 0.0);
}

/// A row as the reference driver writes it.
fn reference(n: usize) -> Vec<Value> {
    let member = id(4, n);
    let subnet = weir_tests::objects::SUBNET;
    let switch = format!("neutron-{}", weir_tests::objects::NETWORK);
    let router = "neutron-cccccccc-0000-4000-8000-000000000001";
    let keys = json!([
        ["enabled", "True"],
        ["neutron:vip", format!("10.10.10.{}", 4 + n)],
        ["neutron:vip_port_id", id(6, n)],
        ["ls_refs", json!({switch.clone(): 1}).to_string().replace(':', ": ")],
        ["lr_ref", router],
        [format!("listener_{}", id(2, n)), format!("80:pool_{}", id(3, n))],
        [format!("pool_{}", id(3, n)), format!("member_{member}_10.10.10.10:8080_{subnet}")],
        ["neutron:member_status", format!("{{\"{member}\": \"NO_MONITOR\"}}")],
    ]);
    let attach = |table: &str, name: &str| json!({"op": "mutate", "table": table, "where": [["name", "==", name]], "mutations": [["load_balancer", "insert", ["named-uuid", "lb"]]]});
    vec![
        json!({"op": "insert", "table": "Load_Balancer", "uuid-name": "lb", "row": {
            "name": id(1, n), "protocol": "tcp", "selection_fields": ["set", ["ip_src", "ip_dst", "tp_src", "tp_dst"]],
            "vips": ["map", [[format!("10.10.10.{}:80", 4 + n), "10.10.10.10:8080"]]], "external_ids": ["map", keys]}}),
        attach("Logical_Switch", &switch),
        attach("Logical_Router", router),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_be_adopted_is_taken_over_at_the_start_and_nothing_else() {
    let adopt = id(1, 1);
    let mut lab = Lab::start_with(&[("WEIR_ADOPT", &adopt)]).await;
    lab.host.kill();
    lab.by_hand(&reference(1));
    lab.by_hand(&reference(2));
    let other = lab.northbound.load_balancer(&id(1, 2));
    let before = lab.northbound.load_balancer(&adopt);
    lab.host.restart();
    lab.host.ready().await;
    let owned = |row: &Value| row["external_ids"]["weir:owner"] == "weir";
    eventually("adopted", async || owned(&lab.northbound.load_balancer(&adopt)).then_some(())).await;
    let after = lab.northbound.load_balancer(&adopt);
    for column in ["vips", "protocol", "_uuid", "options"] {
        assert_eq!(after[column], before[column], "{column}");
    }
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    assert_eq!(lab.northbound.load_balancer(&id(1, 2)), other, "not named");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_comes_while_octavia_is_asked_is_not_undone() {
    let lab = Lab::start().await;
    lab.make(simple(1)).await;
    // Octavia's answer is what it knew when it was asked.
    lab.agent.takes(std::time::Duration::from_secs(1));
    let asked = lab.agent.asked();
    one(&lab, 1, json!({"op": "update", "row": {"vips": ["map", []]}}));
    eventually("Octavia is asked", async || (lab.agent.asked() > asked).then_some(())).await;
    lab.client().call("member_create", &json!({"member": member(2, 1, 11)})).await.committed();
    let mut with_two = simple(1);
    with_two["pools"][0]["members"] = json!([member(1, 1, 10), member(2, 1, 11)]);
    lab.agent.know(with_two);
    let until = std::time::Instant::now() + std::time::Duration::from_secs(4);
    while std::time::Instant::now() < until {
        let rows = lab.northbound.rows(&id(1, 1));
        assert!(rows[0]["external_ids"].to_string().contains("10.10.10.11:8080"), "{rows:?}");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    let vips = json!({"10.10.10.5:80": "10.10.10.10:8080,10.10.10.11:8080"});
    eventually("the edit is put right too", async || (lab.vips() == vips).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_made_again_goes_when_octavia_hears_of_its_delete_late() {
    let lab = Lab::start().await;
    lab.make(simple(1)).await;
    // As after a delete by another host whose word does not reach Octavia yet.
    one(&lab, 1, json!({"op": "delete"}));
    let within = std::time::Duration::from_secs(300);
    let wait = async |there: bool| {
        let start = std::time::Instant::now();
        while lab.northbound.rows(&id(1, 1)).is_empty() == there {
            assert!(start.elapsed() < within, "not within {within:?}");
            tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        }
    };
    wait(true).await;
    // It is compared once more, and Octavia still knows it.
    let asked = lab.agent.asked();
    eventually("Octavia is asked again", async || (lab.agent.asked() > asked).then_some(())).await;
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    assert_eq!(lab.northbound.rows(&id(1, 1)).len(), 1);
    lab.agent.forget(&id(1, 1));
    wait(false).await;
}

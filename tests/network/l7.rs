//! L7 policies of a fully populated create: Octavia stores them without naming them in the call, and shows them afterwards.

use serde_json::{Value, json};
use weir_tests::{eventually, objects::id};

use crate::lab::{Lab, listener, load_balancer, member, plain_pool};

/// The number of ids of policies and of rules.
const POLICY: u32 = 7;
const RULE: u32 = 8;

/// What Octavia calls the driver with.
fn call() -> Value {
    let mut front = listener(1, 1, "TCP", 80, 1);
    front["l7policies"] = json!([]);
    let pools = vec![
        plain_pool(1, 1, "TCP", vec![member(1, 1, 10)]),
        plain_pool(2, 1, "TCP", vec![member(2, 2, 11)]),
    ];
    load_balancer(1, vec![front], pools)
}

/// What the get socket shows: policy 1 with two rules names pool 2, policy 2 has no rule.
fn stored() -> Value {
    let mut lb = call();
    let rule = |n: usize| {
        json!({"l7rule_id": id(RULE, n), "l7policy_id": id(POLICY, 1), "admin_state_up": true, "type": "PATH",
            "compare_type": "STARTS_WITH", "invert": false, "key": null, "value": "/x", "project_id": null})
    };
    let policy = |n: usize, pool: Value, rules: Value| {
        json!({"l7policy_id": id(POLICY, n), "listener_id": id(2, 1), "admin_state_up": true, "name": null,
            "description": null, "action": "REDIRECT_TO_POOL", "position": n, "redirect_pool_id": pool, "redirect_url": null,
            "redirect_prefix": null, "redirect_http_code": null, "project_id": null, "rules": rules})
    };
    lb["listeners"][0]["l7policies"] =
        json!([policy(1, json!(id(3, 2)), json!([rule(1), rule(2)])), policy(2, Value::Null, json!(null)),]);
    lb
}

async fn made() -> Lab {
    let lab = Lab::start().await;
    lab.agent.know(stored());
    lab.client().call("loadbalancer_create", &json!({"loadbalancer": call()})).await.committed();
    lab.told(&id(1, 1), "ONLINE").await;
    lab
}

fn statuses(lab: &Lab, kind: u32, numbers: &[usize]) -> Vec<String> {
    numbers.iter().map(|n| lab.agent.status(&id(kind, *n)).0.unwrap_or_default()).collect()
}

/// The codes of the load balancer's findings.
async fn findings(lab: &Lab) -> Vec<String> {
    let view = lab.client().get(&format!("/v1/loadbalancers/{}", id(1, 1))).await.body;
    let findings = view["findings"].as_array().unwrap_or_else(|| panic!("{view}")).clone();
    findings.iter().map(|finding| finding["code"].as_str().unwrap_or_default().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn stored_policies_are_told_error_and_the_rest_is_active() {
    let lab = made().await;
    assert_eq!(statuses(&lab, POLICY, &[1, 2]), ["ERROR", "ERROR"]);
    assert_eq!(statuses(&lab, RULE, &[1, 2]), ["ERROR", "ERROR"]);
    assert_eq!(statuses(&lab, 2, &[1]), ["ACTIVE"]);
    // In one message: no moment shows an ACTIVE listener with a policy that is to come.
    let message = lab
        .agent
        .messages()
        .into_iter()
        .find(|message| message.to_string().contains(&id(POLICY, 1)))
        .unwrap();
    assert_eq!(message["l7policies"].as_array().unwrap().len(), 2);
    assert_eq!(message["l7rules"].as_array().unwrap().len(), 2);
    assert_eq!(message["loadbalancers"][0]["provisioning_status"], "ACTIVE");
    assert_eq!(lab.vips(), json!({"10.10.10.5:80": "10.10.10.10:8080"}));
    assert_eq!(findings(&lab).await, ["l7-policy-without-effect", "l7-policy-without-effect"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn policies_in_a_body_refuse_the_graph() {
    let lab = Lab::start().await;
    let answer = lab.client().call("loadbalancer_create", &json!({"loadbalancer": stored()})).await;
    assert_eq!(answer.status, 422, "{}", answer.body);
    assert_eq!(lab.northbound.rows(&id(1, 1)), Vec::<Value>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn deleted_policy_and_rule_end_deleted_with_their_parents_active() {
    let lab = made().await;
    let before = lab.agent.messages().len();
    let rule = stored()["listeners"][0]["l7policies"][0]["rules"][0].clone();
    lab.client().call("l7rule_delete", &json!({"l7rule": rule})).await.committed();
    eventually("the rule is deleted", async || {
        (statuses(&lab, RULE, &[1]) == ["DELETED"] && lab.agent.messages().len() > before).then_some(())
    })
    .await;
    let of = |message: &Value, kind: &str| message[kind][0]["provisioning_status"].clone();
    let last = lab.agent.messages().pop().unwrap();
    assert_eq!(of(&last, "l7policies"), "ERROR", "its policy was PENDING_UPDATE");
    assert_eq!((of(&last, "listeners"), of(&last, "loadbalancers")), (json!("ACTIVE"), json!("ACTIVE")));

    let policy = stored()["listeners"][0]["l7policies"][0].clone();
    lab.client().call("l7policy_delete", &json!({"l7policy": policy})).await.committed();
    eventually("the policy is deleted", async || {
        (statuses(&lab, POLICY, &[1]) == ["DELETED"] && statuses(&lab, RULE, &[2]) == ["DELETED"])
            .then_some(())
    })
    .await;
    let last = lab.agent.messages().pop().unwrap();
    assert_eq!((of(&last, "listeners"), of(&last, "loadbalancers")), (json!("ACTIVE"), json!("ACTIVE")));
    assert_eq!(lab.vips(), json!({"10.10.10.5:80": "10.10.10.10:8080"}), "the rows have nothing of it");
    eventually("one finding is left", async || {
        (findings(&lab).await == ["l7-policy-without-effect"]).then_some(())
    })
    .await;
    for (method, key) in [("l7policy_create", "l7policy"), ("l7rule_create", "l7rule")] {
        let answer = lab.client().call(method, &json!({ key: {} })).await;
        assert_eq!((answer.status, &answer.body["code"]), (501, &json!("l7-not-implemented")));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn change_of_a_redirect_pool_releases_the_listener_that_octavia_has_locked() {
    let lab = made().await;
    let before = lab.agent.messages().len();
    lab.client().call("member_delete", &json!({"member": member(2, 2, 11)})).await.committed();
    eventually("the member is deleted", async || (statuses(&lab, 4, &[2]) == ["DELETED"]).then_some(()))
        .await;
    let messages: Vec<_> = lab.agent.messages().into_iter().skip(before).collect();
    let listeners = messages.iter().flat_map(|message| message["listeners"].as_array().unwrap());
    let active = json!({"id": id(2, 1), "provisioning_status": "ACTIVE"});
    assert_eq!(listeners.collect::<Vec<_>>(), [&active], "{messages:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn failover_rebuilds_a_listener_with_policies() {
    let lab = made().await;
    lab.by_hand(&[json!({"op": "update", "table": "Load_Balancer", "where": [["name", "==", id(1, 1)]],
        "row": {"vips": ["map", []]}})]);
    lab.client().call("loadbalancer_failover", &json!({"loadbalancer_id": id(1, 1)})).await;
    let served = json!({"10.10.10.5:80": "10.10.10.10:8080"});
    eventually("the VIP is served", async || (lab.vips() == served).then_some(())).await;
    lab.client()
        .call(
            "listener_update",
            &json!({
                "old_listener": {"listener_id": id(2, 1), "loadbalancer_id": id(1, 1)},
                "new_listener": {"listener_id": id(2, 1), "name": "other"},
            }),
        )
        .await
        .committed();
}

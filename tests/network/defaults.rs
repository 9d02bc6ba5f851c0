//! `[defaults]`: flavor keys for a whole deployment.

use serde_json::{Value, json};
use weir_tests::{eventually, objects::id};

use crate::lab::{Lab, listener, load_balancer, member, plain_pool};

const DEFAULTS: [(&str, &str); 2] =
    [("WEIR_DEFAULTS_REJECT", "true"), ("WEIR_DEFAULTS_USE_STATELESS_NAT", "true")];

fn lb(n: usize, flavor: Value) -> Value {
    let pools = vec![plain_pool(n, n, "TCP", vec![member(n, n, 10)])];
    let mut lb = load_balancer(n, vec![listener(n, n, "TCP", 80, n)], pools);
    lb["flavor"] = flavor;
    lb
}

fn options(lab: &Lab, n: usize) -> Value {
    lab.northbound.load_balancer(&id(1, n))["options"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn defaults_hold_for_every_load_balancer_whose_flavor_is_silent() {
    let lab = Lab::start_with(&DEFAULTS).await;
    lab.make(lb(1, json!({}))).await;
    lab.make(lb(2, json!({"reject": false}))).await;
    lab.make(lb(3, json!({"ct_flush": true}))).await;
    // The connected OVN has no use_stateless_nat.
    assert_eq!(options(&lab, 1), json!({"reject": "true"}));
    assert_eq!(options(&lab, 2), json!({"reject": "false"}));
    assert_eq!(options(&lab, 3), json!({"reject": "true", "ct_flush": "true"}));
    let flavor =
        lab.client().get(&format!("/v1/loadbalancers/{}", id(1, 3))).await.body["loadbalancer"]["flavor"]
            .clone();
    assert_eq!(flavor, json!({"ct_flush": "true"}), "a default is not the load balancer's flavor");
}

#[tokio::test(flavor = "multi_thread")]
async fn default_that_is_taken_back_leaves_the_rows() {
    let mut lab = Lab::start_with(&DEFAULTS).await;
    lab.make(lb(1, json!({"ct_flush": true}))).await;
    assert_eq!(options(&lab, 1), json!({"reject": "true", "ct_flush": "true"}));
    lab.restart_with(&[]).await;
    eventually("without the default", async || {
        (options(&lab, 1) == json!({"ct_flush": "true"})).then_some(())
    })
    .await;
    lab.restart_with(&DEFAULTS).await;
    let both = json!({"reject": "true", "ct_flush": "true"});
    eventually("with the default", async || (options(&lab, 1) == both).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn default_affinity_in_an_edited_row_is_no_session_persistence() {
    // The edit stays, and Octavia is not asked.
    let lab = Lab::start_with(&[("WEIR_DEFAULTS_AFFINITY_TIMEOUT", "77"), ("WEIR_REPAIR", "off")]).await;
    lab.make(lb(1, json!({}))).await;
    assert_eq!(options(&lab, 1), json!({"affinity_timeout": "77"}));
    lab.by_hand(&[json!({"op": "mutate", "table": "Load_Balancer", "where": [["name", "==", id(1, 1)]],
        "mutations": [["external_ids", "delete", ["set", ["ls_refs"]]]]})]);
    let path = format!("/v1/loadbalancers/{}", id(1, 1));
    let view = eventually("the edit is read", async || {
        let view = lab.client().get(&path).await.body;
        (!view["rows"].to_string().contains("ls_refs")).then_some(view)
    })
    .await;
    assert_eq!(view["loadbalancer"]["pools"][id(3, 1)]["persistence"], Value::Null);
}

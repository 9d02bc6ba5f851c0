//! Flavors: what they may say, in a profile and in a create.

use axum::http::StatusCode;
use serde_json::{Value, json};
use weir_model::Change;

use crate::recorder::{LB, driver};

/// What becomes of a flavor in `validate_flavor` and, the same, in a create: its options, or code and text.
async fn judged(metadata: Value) -> Result<Value, (String, String)> {
    let answer = driver("validate_flavor", &json!({ "flavor_metadata": metadata })).await.unwrap_err();
    let lb = json!({ "loadbalancer_id": LB, "vip_address": "192.0.2.9", "flavor": metadata });
    match driver("loadbalancer_create", &json!({ "loadbalancer": lb })).await {
        Ok(Change::LoadBalancerCreate(lb)) => {
            assert_eq!((answer.status, answer.json()), (StatusCode::OK, json!({})));
            Ok(json!(lb.flavor))
        }
        Ok(other) => panic!("{other:?}"),
        Err(refused) => {
            let ((code, text), (in_create, text_in_create)) = (answer.error(), refused.error());
            assert_eq!(code, in_create);
            assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
            let text = text.strip_prefix("flavor_metadata.").unwrap();
            assert_eq!(text_in_create.strip_prefix("loadbalancer.flavor."), Some(text));
            Err((code, text.to_owned()))
        }
    }
}

#[tokio::test]
async fn supported_metadata_is_a_table_of_descriptions() {
    let answer = driver("get_supported_flavor_metadata", &json!({})).await.unwrap_err();
    assert_eq!(answer.status, StatusCode::OK);
    let result = answer.json()["result"].as_object().unwrap().clone();
    let keys: Vec<_> = result.keys().map(String::as_str).collect();
    assert_eq!(
        keys,
        [
            "add_route",
            "affinity_timeout",
            "ct_flush",
            "hairpin_snat_ip",
            "neighbor_responder",
            "reject",
            "skip_snat",
            "use_stateless_nat"
        ]
    );
    assert!(result.values().all(|text| text.as_str().unwrap().len() > 30));
}

#[tokio::test]
async fn values_may_be_json_or_text() {
    for (given, wanted) in [
        (json!({}), json!({})),
        (json!({ "reject": true, "ct_flush": false }), json!({ "reject": "true", "ct_flush": "false" })),
        (
            json!({ "reject": "True", "skip_snat": "false" }),
            json!({ "reject": "true", "skip_snat": "false" }),
        ),
        (json!({ "affinity_timeout": 60 }), json!({ "affinity_timeout": "60" })),
        (json!({ "affinity_timeout": "60" }), json!({ "affinity_timeout": "60" })),
        (
            json!({ "hairpin_snat_ip": "FD00::1 169.254.0.1" }),
            json!({ "hairpin_snat_ip": "169.254.0.1 fd00::1" }),
        ),
        (json!({ "reject": null }), json!({})),
        (
            json!({ "neighbor_responder": "ALL", "add_route": true, "use_stateless_nat": "false" }),
            json!({ "neighbor_responder": "all", "add_route": "true", "use_stateless_nat": "false" }),
        ),
    ] {
        assert_eq!(judged(given.clone()).await, Ok(wanted), "{given}");
    }
}

#[tokio::test]
async fn what_it_cannot_be_is_said_with_key_and_value() {
    for (given, words) in [
        (json!({ "reject": "yes" }), "reject: expected true or false, got \"yes\""),
        (
            json!({ "neighbor_responder": true }),
            "neighbor_responder: expected all, reachable or none, got true",
        ),
        (json!({ "reject": 1 }), "reject: expected true or false, got 1"),
        (json!({ "reject": ["true"] }), "reject: expected true or false, got a list"),
        (json!({ "skip_snat": {} }), "skip_snat: expected true or false, got an object"),
        (json!({ "affinity_timeout": 0 }), "affinity_timeout: expected seconds from 1 to 65535, got 0"),
        (
            json!({ "affinity_timeout": 65536 }),
            "affinity_timeout: expected seconds from 1 to 65535, got 65536",
        ),
        (json!({ "affinity_timeout": 1.5 }), "affinity_timeout: expected seconds from 1 to 65535, got 1.5"),
        (
            json!({ "hairpin_snat_ip": "10.0.0.1,10.0.0.2" }),
            "hairpin_snat_ip: expected one IPv4 address, one IPv6",
        ),
    ] {
        let (code, text) = judged(given.clone()).await.unwrap_err();
        assert_eq!(code, "unsupported-flavor-value", "{given}");
        assert!(text.starts_with(words), "{text}");
    }
}

#[tokio::test]
async fn a_key_that_nobody_has_is_refused_with_those_that_there_are() {
    for key in ["lb_mode", "loadbalancer_topology", "compute_flavor", "Reject"] {
        let (code, text) = judged(json!({ "reject": true, key: "x" })).await.unwrap_err();
        assert_eq!(code, "unsupported-flavor-key");
        let words = "this provider has no such flavor metadata; choose among add_route, affinity_timeout, ct_flush, \
                     hairpin_snat_ip, neighbor_responder, reject, skip_snat, use_stateless_nat";
        assert_eq!(text, format!("{key}: {words}"));
    }
}

#[tokio::test]
async fn a_flavor_cannot_change() {
    let change = |old: Value, new: Value| {
        let of = |flavor| json!({ "loadbalancer_id": LB, "flavor": flavor });
        json!({ "old_loadbalancer": of(old), "new_loadbalancer": of(new) })
    };
    let args = change(json!({ "reject": true }), json!({ "reject": false }));
    let answer = driver("loadbalancer_update", &args).await.unwrap_err();
    assert_eq!(answer.error().0, "fixed-field");
    driver("loadbalancer_update", &change(json!({ "reject": true }), json!({ "reject": true })))
        .await
        .unwrap();
}

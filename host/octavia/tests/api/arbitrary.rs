//! Whatever comes, there is a JSON answer.

use std::sync::Arc;

use axum::{body::Body, http::Request};
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use weir_octavia::METHODS;

use crate::recorder::{Recorder, api, recorded, send};

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(|number| json!(number)),
        any::<String>().prop_map(Value::from),
        Just(json!("10000000-0000-4000-8000-000000000001")),
        Just(json!("10.0.0.1")),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        let keys = prop_oneof![
            any::<String>(),
            prop::sample::select(vec![
                "loadbalancer",
                "listener",
                "pool",
                "member",
                "members",
                "pools",
                "listeners",
                "loadbalancer_id",
                "listener_id",
                "pool_id",
                "member_id",
                "address",
                "protocol_port",
                "vip_address",
                "default_pool",
                "healthmonitor",
                "session_persistence",
                "new_listener",
                "old_listener",
                "new_member",
                "type",
            ])
            .prop_map(str::to_owned),
        ];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((keys, inner), 0..6)
                .prop_map(|pairs| Value::Object(pairs.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

/// The answer is JSON, in the form of an error if it is one, and none is a fault of ours.
fn answers_in_json(method: &str, body: Vec<u8>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let recorder = Arc::new(Recorder::default());
    let request = Request::post(format!("/v1/driver/{method}")).body(Body::from(body)).unwrap();
    let answer = runtime.block_on(send(api(&recorder), request));
    if answer.status == 200 {
        answer.json();
    } else {
        answer.error();
        assert!([400, 422, 501].contains(&answer.status.as_u16()), "{answer:?}");
    }
}

proptest! {
    #[test]
    fn any_value_is_answered(method in 0..METHODS.len(), value in any_json()) {
        answers_in_json(METHODS[method].name, value.to_string().into_bytes());
    }

    #[test]
    fn any_value_in_place_of_an_argument_is_answered(call in 0..87_usize, value in any_json(), place in any::<prop::sample::Index>()) {
        let (_, method, mut args) = recorded().swap_remove(call);
        let mut pointers = Vec::new();
        collect(&args, String::new(), &mut pointers);
        *args.pointer_mut(place.get(pointers.as_slice()).as_str()).unwrap() = value;
        answers_in_json(&method, args.to_string().into_bytes());
    }

    #[test]
    fn any_bytes_are_answered(method in 0..METHODS.len(), body in prop::collection::vec(any::<u8>(), 0..64)) {
        answers_in_json(METHODS[method].name, body);
    }
}

fn collect(value: &Value, pointer: String, pointers: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            map.iter().for_each(|(key, inner)| collect(inner, format!("{pointer}/{key}"), pointers))
        }
        Value::Array(list) => {
            list.iter()
                .enumerate()
                .for_each(|(index, inner)| collect(inner, format!("{pointer}/{index}"), pointers));
        }
        _ => {}
    }
    pointers.push(pointer);
}

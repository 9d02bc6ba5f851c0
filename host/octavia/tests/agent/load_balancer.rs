//! Octavia's version of a load balancer is the graph that its calls gave. The files in `tests/data` were recorded from
//! Octavia 19 on MariaDB: the driver's calls, in order, and what the get socket answered after them.

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};
use uuid::Uuid;
use weir_model::{LoadBalancer, LoadBalancerId, PoolId, apply};
use weir_octavia::agent::{Agent, AgentError};

use crate::fake_agent::{Answers, FakeAgent, Reply};

/// A recorded load balancer.
struct Recorded {
    calls: Vec<Value>,
    load_balancer: Value,
    pool: Option<Value>,
}

impl Recorded {
    fn read(name: &str) -> Self {
        let path = format!("{}/tests/data/{name}.json", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(path).unwrap();
        let mut file: Value = serde_json::from_str(&text).unwrap();
        Self {
            calls: file["calls"].as_array().unwrap().clone(),
            load_balancer: file["loadbalancer"].take(),
            pool: file.get("pool").cloned(),
        }
    }

    fn id(&self) -> LoadBalancerId {
        id(&self.load_balancer["loadbalancer_id"])
    }

    /// What the calls make.
    fn wanted(&self) -> LoadBalancer {
        let mut graph = None;
        for call in &self.calls {
            let method = call["method"].as_str().unwrap();
            let change = weir_octavia::change(method, call["args"].clone()).unwrap();
            apply(&mut graph, &change.unwrap_or_else(|| panic!("{method} changes nothing"))).unwrap();
        }
        graph.unwrap()
    }
}

fn id<T: std::str::FromStr<Err: std::fmt::Debug>>(value: &Value) -> T {
    value.as_str().unwrap().parse().unwrap()
}

/// Octavia that knows some objects.
struct Knows(Vec<(&'static str, Value, Value)>);

impl Answers for Knows {
    fn status(&self, _: Value) -> Reply {
        panic!("no status is sent here")
    }

    fn get(&self, request: Value) -> Reply {
        let object = self.0.iter().find(|(kind, id, _)| request == json!({ "object": kind, "id": id }));
        Reply::Json(object.map_or(json!({}), |(_, _, object)| object.clone()))
    }
}

fn knows(objects: &[(&'static str, &str, &Value)]) -> (FakeAgent, Agent) {
    let known = objects.iter().map(|(kind, key, object)| (*kind, object[*key].clone(), (*object).clone()));
    let mut fake = FakeAgent::new();
    fake.start(Arc::new(Knows(known.collect())));
    let agent = fake.client(Duration::from_secs(60));
    (fake, agent)
}

async fn read(answer: &Value) -> Result<Option<LoadBalancer>, AgentError> {
    let (_fake, agent) = knows(&[("loadbalancers", "loadbalancer_id", answer)]);
    agent.load_balancer(id(&answer["loadbalancer_id"])).await
}

async fn refused(answer: &Value, words: &str) {
    match read(answer).await {
        Err(AgentError::Malformed { socket, reason }) => {
            assert!(socket.ends_with("get.sock"), "{socket}");
            assert!(
                reason.starts_with("loadbalancers/") && reason.contains(words),
                "{reason:?} lacks {words:?}"
            );
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn what_octavia_gives_back_is_what_the_calls_made() {
    for name in ["plain", "additional-vips", "graph", "steps"] {
        let recorded = Recorded::read(name);
        let known = read(&recorded.load_balancer).await.unwrap();
        assert_eq!(known, Some(recorded.wanted()), "{name}");
        assert_eq!(known.map(|lb| lb.id), Some(recorded.id()));
    }
}

/// Otherwise equality would say little.
#[test]
fn the_recorded_load_balancers_have_everything() {
    let all = ["plain", "additional-vips", "graph", "steps"].map(|name| Recorded::read(name).wanted());
    assert!(!all[0].admin_state_up);
    assert_eq!(all[1].additional_vips.len(), 2);
    let listeners: Vec<_> = all.iter().flat_map(|lb| lb.listeners.values()).collect();
    let pools: Vec<_> = all.iter().flat_map(|lb| lb.pools.values()).collect();
    let members: Vec<_> = pools.iter().flat_map(|pool| pool.members.values()).collect();
    for protocol in ["TCP", "UDP"] {
        assert!(listeners.iter().any(|listener| listener.protocol == protocol));
        assert!(pools.iter().any(|pool| pool.protocol == protocol && pool.persistence.is_some()));
    }
    assert!(listeners.iter().any(|one| one.extra.len() == 3 && one.allowed_cidrs.len() == 2));
    assert!(listeners.iter().any(|one| one.extra.is_empty()));
    assert!(listeners.iter().any(|one| one.default_pool_id.is_none()));
    assert!(listeners.iter().any(|one| !one.admin_state_up));
    assert!(pools.iter().any(|one| !one.admin_state_up && one.monitor.is_none()));
    assert!(pools.iter().any(|one| one.monitor.is_some()));
    assert!(pools.iter().filter_map(|one| one.persistence.as_ref()).any(|one| !one.extra.is_empty()));
    let unused = |lb: &LoadBalancer| lb.pools.keys().any(|pool| lb.listeners_of_pool(*pool).next().is_none());
    assert!(all[2..].iter().all(unused));
    assert!(members.iter().any(|one| one.weight == 30) && members.iter().any(|one| one.weight == 0));
    assert!(members.iter().any(|one| one.backup) && members.iter().any(|one| !one.admin_state_up));
    assert!(
        members.iter().any(|one| one.subnet_id.is_none()) && members.iter().any(|one| one.extra.len() == 2)
    );
}

#[tokio::test]
async fn a_pool_knows_its_load_balancer() {
    for name in ["additional-vips", "graph", "steps"] {
        let recorded = Recorded::read(name);
        let pool = recorded.pool.as_ref().unwrap();
        let (_fake, agent) = knows(&[("pools", "pool_id", pool)]);
        let lb = agent.load_balancer_of_pool(id(&pool["pool_id"])).await;
        assert_eq!(lb, Ok(Some(recorded.id())));
    }
}

#[tokio::test]
async fn what_octavia_does_not_know_is_nothing() {
    let (fake, agent) = knows(&[]);
    assert_eq!(agent.load_balancer(LoadBalancerId::from(Uuid::from_u128(1))).await, Ok(None));
    assert_eq!(agent.load_balancer_of_pool(PoolId::from(Uuid::from_u128(1))).await, Ok(None));
    drop(fake);
    let gone = agent.load_balancer(LoadBalancerId::from(Uuid::from_u128(1))).await.unwrap_err();
    assert_eq!(gone.code(), "agent-io");
}

#[tokio::test]
async fn a_child_that_cannot_be_read_is_an_error_of_the_whole() {
    let good = Recorded::read("graph").load_balancer;
    for (at, value, words) in [
        ("/listeners/1/protocol", json!(null), "listeners[1].protocol: required"),
        ("/listeners/0/protocol_port", json!("80"), "listeners[0].protocol_port: expected"),
        ("/pools/2/members/1/address", json!("10.0.0"), "pools[2].members[1].address: expected"),
        ("/pools/1/members/0", json!(null), "pools[1].members[0]: expected an object, got null"),
        ("/pools/0/lb_algorithm", json!(null), "pools[0].lb_algorithm: required"),
        ("/pools/0/session_persistence/type", json!(null), "pools[0].session_persistence.type: required"),
        ("/pools/1", good["pools"][0].clone(), "pools[1].members: "),
        ("/vip_address", json!(null), "vip_address: required"),
    ] {
        let mut answer = good.clone();
        *answer.pointer_mut(at).unwrap() = value;
        refused(&answer, words).await;
    }
}

/// It may have come from another provider.
#[tokio::test]
async fn what_this_provider_lacks_keeps_no_load_balancer_from_being_read() {
    let mut answer = Recorded::read("graph").load_balancer;
    answer["availability_zone"] = json!("nova");
    answer["vip_sg_ids"] = json!([answer["loadbalancer_id"]]);
    answer["flavor"] =
        json!({ "loadbalancer_topology": "SINGLE", "reject": true, "affinity_timeout": "soon" });
    let known = read(&answer).await.unwrap().unwrap();
    assert_eq!(known.flavor, [("reject".to_owned(), "true".to_owned())].into());
    let plain = LoadBalancer { flavor: Default::default(), ..known };
    assert_eq!(Some(plain), read(&Recorded::read("graph").load_balancer).await.unwrap());
}

#[tokio::test]
async fn a_listener_with_a_pool_that_is_not_there_is_an_error() {
    let mut answer = Recorded::read("graph").load_balancer;
    answer["pools"] = json!([]);
    // Where the copy inside the listener is there, it is the pool.
    assert_eq!(read(&answer).await.unwrap().unwrap().pools.len(), 2);
    answer["listeners"][0]["default_pool"] = json!(null);
    refused(&answer, "listeners[0].default_pool_id: there is no pool").await;
}

/// Octavia names in a pool the first listener that uses it, be it only for an L7 policy.
#[tokio::test]
async fn a_pool_that_names_a_listener_is_not_its_default_pool_by_that() {
    let mut answer = Recorded::read("graph").load_balancer;
    let listener = answer["listeners"][0].as_object_mut().unwrap();
    listener.insert("default_pool".into(), json!(null));
    listener.insert("default_pool_id".into(), json!(null));
    let listener = id(&listener["listener_id"]);
    assert_eq!(read(&answer).await.unwrap().unwrap().listeners[&listener].default_pool_id, None);
}

#[tokio::test]
async fn an_answer_about_something_else_is_an_error() {
    let recorded = Recorded::read("steps");
    let mut pool = recorded.pool.clone().unwrap();
    let (asked, other) = (Uuid::from_u128(1), pool["pool_id"].clone());
    let mut fake = FakeAgent::new();
    fake.start(Arc::new(Knows(vec![
        ("loadbalancers", json!(asked), recorded.load_balancer.clone()),
        ("pools", json!(asked), pool.clone()),
    ])));
    let agent = fake.client(Duration::from_secs(60));
    let error = agent.load_balancer(asked.into()).await.unwrap_err();
    assert!(error.to_string().contains("loadbalancer_id"), "{error}");
    let error = agent.load_balancer_of_pool(asked.into()).await.unwrap_err();
    assert!(
        error.to_string().contains("pool_id") && error.to_string().contains(other.as_str().unwrap()),
        "{error}"
    );
    pool["loadbalancer_id"] = json!(null);
    let (_fake, agent) = knows(&[("pools", "pool_id", &pool)]);
    let error = agent.load_balancer_of_pool(id(&other)).await.unwrap_err();
    assert!(error.to_string().contains("loadbalancer_id: required"), "{error}");
}

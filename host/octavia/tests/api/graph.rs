//! Load balancers with children, whose parts may stand in several places.

use serde_json::{Value, json};
use weir_model::{Change, LoadBalancer, PoolId};

use crate::recorder::{LB, LISTENER, MEMBER, MONITOR, POOL, driver};

fn listener(changes: Value) -> Value {
    merged(json!({ "listener_id": LISTENER, "protocol": "TCP", "protocol_port": 80 }), changes)
}

fn pool(changes: Value) -> Value {
    merged(json!({ "pool_id": POOL, "protocol": "TCP", "lb_algorithm": "SOURCE_IP_PORT" }), changes)
}

fn member() -> Value {
    json!({ "member_id": MEMBER, "address": "10.0.0.1", "protocol_port": 80 })
}

fn merged(mut value: Value, changes: Value) -> Value {
    value.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    value
}

fn body(changes: Value) -> Value {
    json!({ "loadbalancer": merged(json!({ "loadbalancer_id": LB, "vip_address": "10.0.0.5" }), changes) })
}

async fn created(changes: Value) -> LoadBalancer {
    match driver("loadbalancer_create", &body(changes)).await.unwrap() {
        Change::LoadBalancerCreate(lb) => *lb,
        other => panic!("{other:?}"),
    }
}

async fn refused(changes: Value, status: u16, code: &str, words: &str) {
    let answer = driver("loadbalancer_create", &body(changes)).await.unwrap_err();
    let (got, text) = answer.error();
    assert_eq!((answer.status.as_u16(), got.as_str()), (status, code), "{text}");
    assert!(text.contains(words), "{text:?} lacks {words:?}");
}

fn default_pool(lb: &LoadBalancer) -> Option<PoolId> {
    lb.listeners[&LISTENER.parse().unwrap()].default_pool_id
}

#[tokio::test]
async fn a_listener_is_linked_however_the_link_is_said() {
    let wanted = Some(POOL.parse().unwrap());
    for changes in [
        json!({ "listeners": [listener(json!({ "default_pool_id": POOL }))], "pools": [pool(json!({}))] }),
        json!({ "listeners": [listener(json!({ "default_pool": pool(json!({})) }))] }),
        json!({ "listeners": [listener(json!({ "default_pool_id": null, "default_pool": pool(json!({})) }))] }),
        json!({ "listeners": [listener(json!({}))], "pools": [pool(json!({ "listener_id": LISTENER }))] }),
    ] {
        let lb = created(changes).await;
        assert_eq!((default_pool(&lb), lb.pools.len()), (wanted, 1));
    }
    let lb = created(json!({ "listeners": [listener(json!({}))], "pools": [pool(json!({}))] })).await;
    assert_eq!(default_pool(&lb), None);
}

#[tokio::test]
async fn a_listeners_own_word_wins_over_a_pools() {
    let other = pool(json!({ "pool_id": LB, "listener_id": LISTENER }));
    let listeners = [listener(json!({ "default_pool_id": POOL }))];
    let lb = created(json!({ "listeners": listeners, "pools": [other, pool(json!({}))] })).await;
    assert_eq!(default_pool(&lb), Some(POOL.parse().unwrap()));
}

#[tokio::test]
async fn the_pool_in_pools_wins_over_its_copy_in_the_listener() {
    let full = pool(
        json!({ "members": [member()], "session_persistence": { "type": "SOURCE_IP", "persistence_timeout": 60 } }),
    );
    let copy = pool(json!({ "members": [] }));
    let lb =
        created(json!({ "listeners": [listener(json!({ "default_pool": copy }))], "pools": [full] })).await;
    let pool = &lb.pools[&POOL.parse().unwrap()];
    assert_eq!(pool.members.len(), 1);
    assert_eq!(pool.persistence.as_ref().unwrap().timeout, Some(60));
}

#[tokio::test]
async fn two_listeners_may_share_a_pool() {
    let other = "20000000-0000-4000-8000-000000000002";
    let second =
        listener(json!({ "listener_id": other, "protocol_port": 81, "default_pool": pool(json!({})) }));
    let lb =
        created(json!({ "listeners": [listener(json!({ "default_pool": pool(json!({})) })), second] })).await;
    assert_eq!(lb.listeners.values().filter(|l| l.default_pool_id.is_some()).count(), 2);
    assert_eq!(lb.pools.len(), 1);
}

#[tokio::test]
async fn nulls_are_defaults() {
    let member = merged(
        member(),
        json!({ "weight": null, "backup": null, "admin_state_up": null, "subnet_id": null, "vnic_type": null }),
    );
    let pool = pool(
        json!({ "members": [member], "admin_state_up": null, "tls_enabled": null, "session_persistence": null, "healthmonitor": null }),
    );
    let listener = listener(
        json!({ "admin_state_up": null, "allowed_cidrs": null, "connection_limit": null, "l7policies": null }),
    );
    let nulls = json!({ "admin_state_up": null, "flavor": null, "availability_zone": null, "vip_sg_ids": null,
        "additional_vips": null, "project_id": null, "vip_port_id": null, "listeners": [listener], "pools": [pool] });
    let lb = created(nulls).await;
    let pool = lb.pools.values().next().unwrap();
    let listener = lb.listeners.values().next().unwrap();
    let member = pool.members.values().next().unwrap();
    assert!(lb.admin_state_up && pool.admin_state_up && listener.admin_state_up && member.admin_state_up);
    assert_eq!((member.weight, member.backup, member.subnet_id), (1, false, None));
    assert!(member.extra.is_empty() && pool.extra.is_empty() && listener.extra.is_empty());
    assert!(pool.monitor.is_none() && pool.persistence.is_none() && listener.allowed_cidrs.is_empty());
}

#[tokio::test]
async fn a_monitor_in_a_pool() {
    let monitor = json!({ "healthmonitor_id": MONITOR, "type": "HTTP", "delay": 7, "timeout": 2, "max_retries_down": 4,
        "admin_state_up": false, "url_path": "/", "http_version": 1.1, "http_method": null });
    let lb = created(json!({ "pools": [pool(json!({ "healthmonitor": monitor }))] })).await;
    let monitor = lb.pools.values().next().unwrap().monitor.as_ref().unwrap();
    assert_eq!((monitor.delay, monitor.timeout, monitor.rise, monitor.fall), (7, 2, 3, 4));
    assert!(!monitor.admin_state_up);
    let extra: Vec<_> = monitor.extra.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    assert_eq!(extra, [("http_version", "1.1"), ("url_path", "/")]);
}

#[tokio::test]
async fn l7_policies_are_counted() {
    let policy = json!({ "l7policy_id": MONITOR, "action": "REJECT" });
    let lb = created(json!({ "listeners": [listener(json!({ "l7policies": [policy, policy] }))] })).await;
    assert_eq!(lb.listeners.values().next().unwrap().extra["l7policies"], "2 policies");
}

#[tokio::test]
async fn further_vips() {
    let vips = json!({ "additional_vips": [{ "ip_address": "fd00::5", "port_id": null, "network_id": LB, "subnet_id": POOL }] });
    let lb = created(vips).await;
    assert_eq!(lb.additional_vips[0].address.to_string(), "fd00::5");
    assert!(lb.additional_vips[0].port_id.is_none() && lb.additional_vips[0].subnet_id.is_some());
    for missing in [json!({}), json!({ "ip_address": null })] {
        let words = "loadbalancer.additional_vips[0].ip_address";
        refused(json!({ "additional_vips": [missing] }), 422, "additional-vip-without-address", words).await;
    }
}

#[tokio::test]
async fn contradictions_are_refused() {
    let twice = [pool(json!({})), pool(json!({}))];
    refused(json!({ "pools": twice }), 400, "named-twice", "loadbalancer.pools[1].pool_id").await;
    let twice = [listener(json!({})), listener(json!({ "protocol_port": 81 }))];
    refused(json!({ "listeners": twice }), 400, "named-twice", "loadbalancer.listeners[1].listener_id").await;
    let twice = pool(json!({ "members": [member(), member()] }));
    refused(json!({ "pools": [twice] }), 400, "named-twice", "loadbalancer.pools[0].members[1].member_id")
        .await;
    let both =
        [pool(json!({ "members": [member()] })), pool(json!({ "pool_id": LB, "members": [member()] }))];
    refused(json!({ "pools": both }), 400, "named-twice", "loadbalancer.pools[1].members").await;
    let stray = listener(json!({ "loadbalancer_id": POOL }));
    refused(
        json!({ "listeners": [stray] }),
        400,
        "inconsistent-fields",
        "loadbalancer.listeners[0].loadbalancer_id",
    )
    .await;
    let stray = pool(json!({ "loadbalancer_id": POOL }));
    refused(json!({ "pools": [stray] }), 400, "inconsistent-fields", "loadbalancer.pools[0].loadbalancer_id")
        .await;
    let stray = pool(json!({ "members": [merged(member(), json!({ "pool_id": LB }))] }));
    refused(
        json!({ "pools": [stray] }),
        400,
        "inconsistent-fields",
        "loadbalancer.pools[0].members[0].pool_id",
    )
    .await;
    let nobody = pool(json!({ "listener_id": LISTENER }));
    refused(json!({ "pools": [nobody] }), 400, "inconsistent-fields", "loadbalancer.pools[0].listener_id")
        .await;
}

#[tokio::test]
async fn options_without_effect_are_refused() {
    refused(
        json!({ "availability_zone": { "a": 1 } }),
        422,
        "availability-zone-unsupported",
        "loadbalancer.availability_zone",
    )
    .await;
    refused(json!({ "vip_sg_ids": [LB] }), 422, "vip-security-groups-unsupported", "loadbalancer.vip_sg_ids")
        .await;
    let args = json!({ "new_loadbalancer": { "loadbalancer_id": LB, "vip_sg_ids": [LB] } });
    let answer = driver("loadbalancer_update", &args).await.unwrap_err();
    assert_eq!(answer.error().0, "vip-security-groups-unsupported");
    refused(
        json!({ "availability_zone": "az1" }),
        422,
        "availability-zone-unsupported",
        "loadbalancer.availability_zone",
    )
    .await;
    for mixed in [
        json!({ "valid_vip_networks": [LB], "compute_zone": "a" }),
        json!({ "valid_vip_networks": 1, "zone": 1 }),
    ] {
        let mixed = json!({ "availability_zone": mixed });
        refused(mixed, 422, "availability-zone-unsupported", "loadbalancer.availability_zone").await;
    }
    // Octavia has compared it with the VIP's network before the call.
    created(json!({ "availability_zone": { "valid_vip_networks": [LB] } })).await;
    // On the way out they do not matter.
    let args = json!({ "loadbalancer": { "loadbalancer_id": LB, "vip_sg_ids": [LB], "flavor": { "a": 1 } } });
    driver("loadbalancer_delete", &args).await.unwrap();
    let args =
        json!({ "old_loadbalancer": { "vip_sg_ids": [LB] }, "new_loadbalancer": { "loadbalancer_id": LB } });
    driver("loadbalancer_update", &args).await.unwrap();
    created(json!({ "flavor": {}, "availability_zone": {}, "vip_sg_ids": [], "vip_qos_policy_id": LB }))
        .await;
}

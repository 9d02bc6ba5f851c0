//! VIP entries that lead to nobody new: refusals, and members that drain.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod support;

use std::collections::BTreeMap;

use support::*;
use weir_model::*;

fn member(n: u32, address: &str, weight: u16) -> Member {
    Member {
        id: numbered(0x40, n),
        address: address.parse().unwrap(),
        port: 8080,
        subnet_id: Some(id(PRIVATE_SUBNET)),
        weight,
        backup: false,
        admin_state_up: true,
        extra: Extra::new(),
    }
}

/// A listener at port 80 with a pool, and one at port 81 without.
fn load_balancer(members: Vec<Member>, flavor: &[(&str, &str)]) -> LoadBalancer {
    let pool = Pool {
        id: numbered(0x30, 1),
        protocol: "ALPHA".into(),
        algorithm: "ONE".into(),
        persistence: None,
        admin_state_up: true,
        members: members.into_iter().map(|member| (member.id, member)).collect(),
        monitor: None,
        extra: Extra::new(),
    };
    let listener = |n: u32, default_pool_id| Listener {
        id: numbered(0x20, n),
        protocol: "ALPHA".into(),
        port: 79 + n as u16,
        admin_state_up: true,
        default_pool_id,
        allowed_cidrs: vec![],
        extra: Extra::new(),
    };
    let listeners = [listener(1, Some(pool.id)), listener(2, None)];
    LoadBalancer {
        id: id(LB),
        project_id: None,
        admin_state_up: true,
        vip: Vip {
            address: id("172.24.4.9"),
            port_id: None,
            network_id: Some(id(PUBLIC)),
            subnet_id: Some(id(PUBLIC_SUBNET)),
        },
        additional_vips: vec![],
        listeners: listeners.into_iter().map(|listener| (listener.id, listener)).collect(),
        pools: [(pool.id, pool)].into(),
        flavor: flavor.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect(),
        extra: Default::default(),
    }
}

fn vips(lb: &LoadBalancer) -> BTreeMap<String, String> {
    let mut northbound = Northbound::default();
    let plan = northbound.plan(lb.id, Some(lb)).unwrap();
    northbound.execute(&plan);
    assert_eq!(northbound.decode(lb.id).as_ref(), Some(lb));
    assert_eq!(northbound.plan(lb.id, Some(lb)).unwrap().operations, []);
    northbound.rows.into_values().flat_map(|row| row.vips).collect()
}

fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn a_vip_without_members_is_there_to_refuse() {
    let nobody = map(&[("172.24.4.9:80", ""), ("172.24.4.9:81", "")]);
    assert_eq!(vips(&load_balancer(vec![], &[("reject", "true")])), nobody);
    let mut down = load_balancer(vec![member(1, "10.10.10.10", 1)], &[("reject", "true")]);
    down.pools.values_mut().for_each(|pool| pool.admin_state_up = false);
    assert_eq!(vips(&down), nobody, "a pool that is down");
    down.listeners.values_mut().for_each(|listener| listener.admin_state_up = false);
    assert_eq!(vips(&down), map(&[]), "listeners that are down are not there");
    for flavor in [&[][..], &[("reject", "false")]] {
        assert_eq!(vips(&load_balancer(vec![], flavor)), map(&[]), "nobody has asked for it");
    }
    let served = load_balancer(vec![member(1, "10.10.10.10", 1)], &[("reject", "true")]);
    assert_eq!(vips(&served), map(&[("172.24.4.9:80", "10.10.10.10:8080"), ("172.24.4.9:81", "")]));
}

#[test]
fn a_draining_member_stands_where_nobody_connects_to() {
    let members = vec![member(1, "10.10.10.10", 1), member(2, "10.10.10.11", 0), member(3, "10.10.10.12", 0)];
    let lb = load_balancer(members, &[]);
    let drained = "10.10.10.11:8080,10.10.10.12:8080";
    assert_eq!(vips(&lb).get("0.0.0.0:80").map(String::as_str), Some(drained));
    let mut down = lb.clone();
    down.pools.values_mut().for_each(|pool| pool.admin_state_up = false);
    assert_eq!(vips(&down), map(&[]), "connections of a pool that is down may end");
    let other_family = load_balancer(vec![member(1, "fd00:10::10", 0)], &[]);
    assert_eq!(vips(&other_family).get("[::]:80"), None, "there is no VIP of its family");
}

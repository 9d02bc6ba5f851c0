//! Rows of the reference driver that are taken over: healthy ones stay as they are, others are put right.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod support;

use support::*;
use weir_model::*;
use weir_plan::*;

/// The address of the VIP, its floating IP, the additional VIP.
const VIP: &str = "10.10.10.5";
const FLOATING_IP: &str = "172.24.4.200";
const ADDITIONAL_VIP: &str = "fd00:10::5";

/// A load balancer with a floating IP and an additional VIP over IPv6; its one pool is monitored and has two listeners.
fn load_balancer(protocol: &str) -> LoadBalancer {
    let vip = |address: &str, port: u128, subnet: &str| Vip {
        address: id(address),
        port_id: Some(uuid::Uuid::from_u128(port).into()),
        network_id: Some(id(PRIVATE)),
        subnet_id: Some(id(subnet)),
    };
    let member = |n: u32, address: &str, subnet: &str| Member {
        id: numbered(0x40, n),
        address: id(address),
        port: 8080,
        subnet_id: Some(id(subnet)),
        weight: 1,
        backup: false,
        admin_state_up: true,
        extra: Extra::new(),
    };
    let members = [member(1, "10.10.10.11", PRIVATE_SUBNET), member(2, "fd00:10::11", PRIVATE_SUBNET6)];
    let pool = Pool {
        id: numbered(0x30, 1),
        protocol: protocol.into(),
        algorithm: "ONE".into(),
        persistence: None,
        admin_state_up: true,
        members: members.into_iter().map(|member| (member.id, member)).collect(),
        monitor: Some(Monitor {
            id: numbered(0x50, 1),
            kind: "TCP".into(),
            delay: 5,
            timeout: 4,
            rise: 3,
            fall: 2,
            admin_state_up: true,
            extra: Extra::new(),
        }),
        extra: Extra::new(),
    };
    let listener = |n: u32| Listener {
        id: numbered(0x20, n),
        protocol: protocol.into(),
        port: 79 + n as u16,
        admin_state_up: true,
        default_pool_id: Some(pool.id),
        allowed_cidrs: vec![],
        extra: Extra::new(),
    };
    LoadBalancer {
        id: id(LB),
        project_id: None,
        admin_state_up: true,
        vip: vip(VIP, 1, PRIVATE_SUBNET),
        additional_vips: vec![vip(ADDITIONAL_VIP, 2, PRIVATE_SUBNET6)],
        listeners: [1, 2].map(|n| (numbered(0x20, n), listener(n))).into(),
        pools: [(pool.id, pool.clone())].into(),
        flavor: Default::default(),
        extra: Default::default(),
    }
}

/// The load balancer as the reference has made it: one check an address, at one listener's port.
fn of_the_reference(lb: &LoadBalancer) -> Northbound {
    let mut northbound = Northbound::default();
    let plan = northbound.plan(lb.id, Some(lb)).unwrap();
    northbound.execute(&plan);
    let row = northbound.rows.values_mut().next().unwrap();
    row.external_ids.retain(|key, _| !key.starts_with(keys::OURS));
    row.health_checks.retain(|check| check.vip.ends_with(":80"));
    assert_eq!(checked(row).len(), 3);
    northbound
}

fn checked(row: &LoadBalancerRow) -> Vec<&str> {
    row.health_checks.iter().map(|check| check.vip.as_str()).collect()
}

fn break_check(northbound: &mut Northbound, vip: &str, broken: Option<&str>) {
    let row = northbound.rows.values_mut().next().unwrap();
    let at = row.health_checks.iter().position(|check| check.vip == vip).unwrap();
    match broken {
        Some(broken) => row.health_checks[at].vip = broken.to_owned(),
        None => drop(row.health_checks.remove(at)),
    }
}

/// The plan for what the rows say, where all may be taken over.
fn adoption(northbound: &Northbound) -> Plan {
    let (capabilities, words) = (capabilities(), words());
    let ownership = Ownership { adopt: Adopt::All, ..ownership() };
    let around = Surroundings {
        topology: &Around(northbound),
        capabilities: &capabilities,
        words: &words,
        health: &northbound.health,
        ownership: &ownership,
    };
    let existing = northbound.existing(id(LB));
    let lb = northbound.decode(id(LB)).unwrap();
    let wanted = compile(&lb, &translate(&lb, &fronts(&lb, &Net)), &existing, around).unwrap();
    let plan = diff(lb.id, wanted, &existing, around, &|uuid| northbound.rows.contains_key(uuid)).unwrap();
    check(&plan, &existing, &ownership).expect("sound");
    plan
}

fn all_entries() -> Vec<String> {
    let mut entries: Vec<_> = [VIP, FLOATING_IP, "[fd00:10::5]"]
        .iter()
        .flat_map(|address| [80, 81].map(|port| format!("{address}:{port}")))
        .collect();
    entries.sort();
    entries
}

#[test]
fn adopted_row_with_a_check_for_each_address_keeps_its_checks() {
    for protocol in ["ALPHA", "BETA"] {
        let mut northbound = of_the_reference(&load_balancer(protocol));
        let before = northbound.rows.values().next().unwrap().clone();
        let plan = adoption(&northbound);
        northbound.execute(&plan);
        let after = northbound.rows.values().next().unwrap();
        assert_eq!(checked(after), checked(&before));
        assert_eq!((&after.vips, &after.ip_port_mappings), (&before.vips, &before.ip_port_mappings));
        assert!(adoption(&northbound).is_empty());
    }
}

#[test]
fn adopted_row_with_an_unchecked_address_gets_all_checks() {
    for protocol in ["ALPHA", "BETA"] {
        for address in [VIP, FLOATING_IP, "[fd00:10::5]"] {
            // As the reference leaves it behind: no check, one without port, one at a spoilt address.
            for broken in [None, Some(""), Some(address), Some("[fd00:80")] {
                let mut northbound = of_the_reference(&load_balancer(protocol));
                let vips = northbound.rows.values().next().unwrap().vips.clone();
                break_check(&mut northbound, &format!("{address}:80"), broken);
                let plan = adoption(&northbound);
                northbound.execute(&plan);
                let row = northbound.rows.values().next().unwrap();
                let mut found = checked(row);
                found.sort_unstable();
                assert_eq!(found, all_entries(), "{protocol} {address} {broken:?}");
                assert_eq!(row.vips, vips);
                assert!(adoption(&northbound).is_empty());
            }
        }
    }
}

#[test]
fn adopted_check_at_a_disabled_listener_does_not_count() {
    let mut lb = load_balancer("ALPHA");
    lb.listeners.get_mut(&numbered::<ListenerId>(0x20, 1)).unwrap().admin_state_up = false;
    let mut northbound = of_the_reference(&lb);
    let plan = adoption(&northbound);
    northbound.execute(&plan);
    assert_eq!(checked(northbound.rows.values().next().unwrap()).len(), 6);
}

#[test]
fn adopted_check_that_waits_for_a_listener_stays() {
    let mut lb = load_balancer("ALPHA");
    lb.listeners.values_mut().for_each(|listener| listener.admin_state_up = false);
    let mut northbound = of_the_reference(&lb);
    break_check(&mut northbound, &format!("{FLOATING_IP}:80"), Some(""));
    let before = northbound.rows.values().next().unwrap().clone();
    assert!(before.vips.is_empty());
    let plan = adoption(&northbound);
    northbound.execute(&plan);
    assert_eq!(checked(northbound.rows.values().next().unwrap()), checked(&before));
}

//! Members out of reach, in rows that another driver has made, and when rows are given back to it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod support;

use std::collections::BTreeMap;

use support::*;
use weir_model::*;
use weir_plan::*;

const VIP: &str = "10.10.10.5:80";

fn member_id(n: u32) -> MemberId {
    numbered(0x40, n)
}

/// Three members behind a monitor.
fn load_balancer() -> LoadBalancer {
    let member = |n: u32| Member {
        id: member_id(n),
        address: format!("10.10.10.{n}").parse().unwrap(),
        port: 8080,
        subnet_id: Some(id(PRIVATE_SUBNET)),
        weight: 1,
        backup: false,
        admin_state_up: true,
        extra: Extra::new(),
    };
    let monitor = Monitor {
        id: numbered(0x50, 1),
        kind: "KIND".into(),
        delay: 5,
        timeout: 3,
        rise: 1,
        fall: 2,
        admin_state_up: true,
        extra: Extra::new(),
    };
    let pool = Pool {
        id: numbered(0x30, 1),
        protocol: "ALPHA".into(),
        algorithm: "ONE".into(),
        persistence: None,
        admin_state_up: true,
        members: [1, 2, 3].map(|n| (member_id(n), member(n))).into(),
        monitor: Some(monitor),
        extra: Extra::new(),
    };
    let listener = Listener {
        id: numbered(0x20, 1),
        protocol: "ALPHA".into(),
        port: 80,
        admin_state_up: true,
        default_pool_id: Some(pool.id),
        allowed_cidrs: vec![],
        extra: Extra::new(),
    };
    LoadBalancer {
        id: id(LB),
        project_id: None,
        admin_state_up: true,
        vip: Vip {
            address: id("10.10.10.5"),
            port_id: None,
            network_id: Some(id(PRIVATE)),
            subnet_id: Some(id(PRIVATE_SUBNET)),
        },
        additional_vips: vec![],
        listeners: BTreeMap::from([(listener.id, listener)]),
        pools: BTreeMap::from([(pool.id, pool)]),
        flavor: Default::default(),
        extra: Extra::new(),
    }
}

/// Plans and does it, for a deployment that may take over everything; says whether there was anything to do.
fn reconcile(northbound: &mut Northbound, lb: &LoadBalancer) -> bool {
    let ownership = Ownership { adopt: Adopt::All, ..ownership() };
    let (capabilities, words) = (capabilities(), words());
    let existing = northbound.existing(lb.id);
    let plan = {
        let around = Surroundings {
            topology: &Around(northbound),
            capabilities: &capabilities,
            words: &words,
            health: &northbound.health,
            ownership: &ownership,
        };
        let wanted = compile(lb, &translate(lb, &fronts(lb, &Net)), &existing, around).unwrap();
        diff(lb.id, wanted, &existing, around, &|_| false).unwrap()
    };
    check(&plan, &existing, &ownership).expect("every plan is sound");
    northbound.execute(&plan);
    !plan.operations.is_empty()
}

fn row(northbound: &Northbound) -> &LoadBalancerRow {
    northbound.rows.values().next().unwrap()
}

/// Without our own keys.
fn visible(northbound: &Northbound) -> LoadBalancerRow {
    let mut row = row(northbound).clone();
    row.external_ids.retain(|key, _| !key.starts_with(keys::OURS) && key != keys::MEMBER_STATUS);
    row
}

/// As another driver has left it: without our keys, its backends in an order of its own.
fn of_another_driver(lb: &LoadBalancer) -> Northbound {
    let mut northbound = Northbound::default();
    reconcile(&mut northbound, lb);
    let row = northbound.rows.values_mut().next().unwrap();
    row.external_ids.retain(|key, _| !key.starts_with(keys::OURS));
    row.external_ids.insert(keys::LS_REFS.to_owned(), format!("{{\"neutron-{PRIVATE}\": 9}}"));
    row.vips.insert(VIP.to_owned(), "10.10.10.2:8080,10.10.10.3:8080,10.10.10.1:8080".to_owned());
    northbound
}

#[test]
fn adopted_row_loses_a_member_out_of_reach_and_is_else_as_it_was() {
    let lb = load_balancer();
    let mut northbound = of_another_driver(&lb);
    let before = visible(&northbound);
    reconcile(&mut northbound, &lb);
    assert_eq!(visible(&northbound), before);
    assert!(row(&northbound).external_ids.contains_key(keys::ADOPTED));
    northbound.health.insert(member_id(3), Health::PortDown);
    reconcile(&mut northbound, &lb);
    assert_eq!(row(&northbound).vips[VIP], "10.10.10.1:8080,10.10.10.2:8080");
    assert_eq!(LoadBalancerRow { vips: before.vips.clone(), ..visible(&northbound) }, before);
    assert!(!reconcile(&mut northbound, &lb), "once");
    northbound.health.clear();
    reconcile(&mut northbound, &lb);
    assert_eq!(row(&northbound).vips[VIP], "10.10.10.1:8080,10.10.10.2:8080,10.10.10.3:8080");
    assert_eq!(LoadBalancerRow { vips: before.vips.clone(), ..visible(&northbound) }, before);
    assert!(!reconcile(&mut northbound, &lb));
    // A change makes it a row of ours.
    let mut changed = lb.clone();
    changed.pools.values_mut().for_each(|pool| drop(pool.members.remove(&member_id(2))));
    reconcile(&mut northbound, &changed);
    assert!(!row(&northbound).external_ids.contains_key(keys::ADOPTED));
    assert_eq!(row(&northbound).vips[VIP], "10.10.10.1:8080,10.10.10.3:8080");
}

#[test]
fn row_that_is_adopted_while_a_port_is_down_begins_without_the_member() {
    let lb = load_balancer();
    let mut northbound = of_another_driver(&lb);
    let before = visible(&northbound);
    northbound.health.insert(member_id(1), Health::PortDown);
    reconcile(&mut northbound, &lb);
    assert_eq!(row(&northbound).vips[VIP], "10.10.10.2:8080,10.10.10.3:8080");
    assert_eq!(LoadBalancerRow { vips: before.vips.clone(), ..visible(&northbound) }, before);
}

#[test]
fn released_row_has_all_members() {
    let lb = load_balancer();
    let all = "10.10.10.1:8080,10.10.10.2:8080,10.10.10.3:8080";
    for adopted in [false, true] {
        let mut northbound = if adopted { of_another_driver(&lb) } else { Northbound::default() };
        northbound.health.insert(member_id(1), Health::PortDown);
        reconcile(&mut northbound, &lb);
        assert_eq!(row(&northbound).vips[VIP], "10.10.10.2:8080,10.10.10.3:8080");
        let (capabilities, words, ownership) = (capabilities(), words(), ownership());
        let around = Surroundings {
            topology: &Around(&northbound),
            capabilities: &capabilities,
            words: &words,
            health: &northbound.health,
            ownership: &ownership,
        };
        let existing = northbound.existing(lb.id);
        let release = release(&lb, &translate(&lb, &fronts(&lb, &Net)), &existing, around).unwrap();
        assert_eq!(release.losses, [], "no connection goes elsewhere");
        let plan = release.plan;
        northbound.execute(&plan);
        assert_eq!(row(&northbound).vips[VIP], all, "adopted: {adopted}");
    }
}

#[test]
fn check_is_held_back_while_no_member_of_the_vip_has_a_port() {
    let mut lb = load_balancer();
    let monitor = lb.pools.values_mut().find_map(|pool| pool.monitor.take());
    let mut northbound = Northbound::default();
    let addresses = [1, 2, 3].map(|n| id(&format!("10.10.10.{n}")));
    northbound.portless.extend(addresses);
    reconcile(&mut northbound, &lb);
    let serves = row(&northbound).vips.clone();
    let probed = |northbound: &Northbound| {
        assert_eq!(row(northbound).vips, serves);
        (row(northbound).health_checks.len(), row(northbound).ip_port_mappings.len())
    };
    // OVN leaves a backend without port out of a checked VIP: all of them, so the VIP drops.
    lb.pools.values_mut().for_each(|pool| pool.monitor.clone_from(&monitor));
    northbound.health.extend([1, 2, 3].map(|n| (member_id(n), Health::NoPort)));
    reconcile(&mut northbound, &lb);
    assert_eq!(probed(&northbound), (0, 0), "the check is held back");
    assert!(!reconcile(&mut northbound, &lb), "once");
    let released = Northbound { portless: Default::default(), ..northbound.clone() };
    // One whose machine is off does not serve in place of those that the check would take out.
    northbound.portless.remove(&addresses[0]);
    northbound.health.insert(member_id(1), Health::PortDown);
    reconcile(&mut northbound, &lb);
    assert_eq!(row(&northbound).health_checks, [], "its port is down");
    northbound.portless.remove(&addresses[0]);
    northbound.health.insert(member_id(1), Health::Online);
    reconcile(&mut northbound, &lb);
    assert_eq!(probed(&northbound), (1, 1), "one can be probed");
    northbound.portless.insert(addresses[0]);
    reconcile(&mut northbound, &lb);
    assert_eq!(probed(&northbound), (0, 0), "taken off again");
    // A draining member gets no new connections, so probing it would not keep the VIP serving.
    lb.pools.values_mut().for_each(|pool| pool.members.get_mut(&member_id(1)).unwrap().weight = 0);
    northbound.portless.remove(&addresses[0]);
    reconcile(&mut northbound, &lb);
    assert_eq!(row(&northbound).health_checks, [], "no serving member can be probed");
    let mut northbound = released;
    lb = load_balancer();
    reconcile(&mut northbound, &lb);
    assert_eq!(probed(&northbound), (1, 3), "all have ports");
}

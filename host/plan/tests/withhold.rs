//! Created rows without their `vips`, which a second transaction adds.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod support;

use support::*;
use weir_model::*;
use weir_plan::*;

/// A load balancer whose pools each have a listener and a member.
fn load_balancer(pools: &[(&str, &str)]) -> LoadBalancer {
    let mut lb = LoadBalancer {
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
        listeners: Default::default(),
        pools: Default::default(),
        flavor: Default::default(),
        extra: Default::default(),
    };
    for (n, (protocol, algorithm)) in (1u32..).zip(pools) {
        let member = Member {
            id: numbered(0x40, n),
            address: format!("10.10.10.{n}").parse().unwrap(),
            port: 8080,
            subnet_id: Some(id(PRIVATE_SUBNET)),
            weight: 1,
            backup: false,
            admin_state_up: true,
            extra: Extra::new(),
        };
        let pool = Pool {
            id: numbered(0x30, n),
            protocol: (*protocol).into(),
            algorithm: (*algorithm).into(),
            persistence: None,
            admin_state_up: true,
            members: [(member.id, member)].into(),
            monitor: None,
            extra: Extra::new(),
        };
        let listener = Listener {
            id: numbered(0x20, n),
            protocol: (*protocol).into(),
            port: 80 + n as u16,
            admin_state_up: true,
            default_pool_id: Some(pool.id),
            allowed_cidrs: vec![],
            extra: Extra::new(),
        };
        lb.listeners.insert(listener.id, listener);
        lb.pools.insert(pool.id, pool);
    }
    lb
}

/// The next plan, without the `vips` of what it creates; and whether there were any.
fn step(northbound: &mut Northbound, lb: &LoadBalancer) -> (Plan, bool) {
    let mut plan = northbound.plan(lb.id, Some(lb)).unwrap();
    let withheld = withhold_vips(&mut plan, &northbound.existing(lb.id), &words());
    northbound.execute(&plan);
    // What stands between the two is as a host has left it, and says the same.
    assert!(!edited(&northbound.existing(lb.id), &words()));
    assert_eq!(northbound.decode(lb.id).unwrap(), *lb);
    (plan, withheld)
}

#[test]
fn created_rows_get_their_vips_in_a_second_step() {
    let lb = load_balancer(&[("ALPHA", "ONE"), ("BETA", "ONE")]);
    let mut northbound = Northbound::default();
    assert!(step(&mut northbound, &lb).1);
    assert_eq!(northbound.rows.len(), 2);
    assert!(northbound.rows.values().all(|row| row.vips.is_empty()));
    let (plan, withheld) = step(&mut northbound, &lb);
    assert!(!withheld);
    let updates: Vec<_> = plan
        .operations
        .iter()
        .filter(|operation| !matches!(operation, Operation::Guard { .. }))
        .map(|operation| match operation {
            Operation::Update(update) => update.vips.set.len(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(updates, [1, 1]);
    let mut whole = Northbound::default();
    let plan = whole.plan(lb.id, Some(&lb)).unwrap();
    whole.execute(&plan);
    assert_eq!(northbound.shape(lb.id), whole.shape(lb.id));
    assert!(northbound.plan(lb.id, Some(&lb)).unwrap().is_empty());
}

#[test]
fn row_without_vips_is_created_in_one_step() {
    let lb = load_balancer(&[]);
    assert!(!step(&mut Northbound::default(), &lb).1);
}

#[test]
fn vips_that_move_to_a_created_row_are_never_missing() {
    let mut northbound = Northbound::default();
    let mut lb = load_balancer(&[("ALPHA", "ONE"), ("ALPHA", "ONE")]);
    while step(&mut northbound, &lb).1 {}
    let served = |northbound: &Northbound| -> Vec<String> {
        northbound.rows.values().flat_map(|row| row.vips.keys().cloned()).collect()
    };
    let before = served(&northbound).len();
    // Another algorithm is another row.
    lb.pools.get_mut(&numbered::<PoolId>(0x30, 2)).unwrap().algorithm = "TWO".into();
    let (_, withheld) = step(&mut northbound, &lb);
    assert_eq!((withheld, northbound.rows.len(), served(&northbound).len()), (false, 2, before));
}

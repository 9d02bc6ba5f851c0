//! The revision of a load balancer's rows.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod support;

use support::*;
use weir_model::*;
use weir_plan::{Existing, keys, revision};

fn load_balancer() -> LoadBalancer {
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
        listeners: Default::default(),
        pools: Default::default(),
        flavor: Default::default(),
        extra: Default::default(),
    }
}

fn add_pool(lb: &mut LoadBalancer, n: u32, algorithm: &str) {
    let pool = Pool {
        id: numbered(0x30, n),
        protocol: "ALPHA".into(),
        algorithm: algorithm.into(),
        persistence: None,
        admin_state_up: true,
        members: Default::default(),
        monitor: None,
        extra: Extra::new(),
    };
    lb.pools.insert(pool.id, pool);
    let listener = Listener {
        id: numbered(0x20, n),
        protocol: "ALPHA".into(),
        port: 80 + n as u16,
        admin_state_up: true,
        default_pool_id: Some(numbered(0x30, n)),
        allowed_cidrs: vec![],
        extra: Extra::new(),
    };
    lb.listeners.insert(listener.id, listener);
}

fn write(northbound: &mut Northbound, lb: Option<&LoadBalancer>) {
    let plan = northbound.plan(id(LB), lb).unwrap();
    northbound.execute(&plan);
}

fn existing(northbound: &Northbound) -> Vec<Existing> {
    northbound.existing(id(LB))
}

fn of(northbound: &Northbound) -> Option<u64> {
    revision::of_rows(&existing(northbound))
}

#[test]
fn revision_grows_with_each_write_and_asks_for_none() {
    let (mut northbound, mut lb) = (Northbound::default(), load_balancer());
    write(&mut northbound, Some(&lb));
    assert_eq!(of(&northbound), Some(1));
    assert!(northbound.plan(id(LB), Some(&lb)).unwrap().is_empty());
    add_pool(&mut lb, 1, "ONE");
    write(&mut northbound, Some(&lb));
    assert_eq!(of(&northbound), Some(2));
    // A row that has none, or another one, is as it should be.
    for revision in [None, Some("77")] {
        for row in northbound.rows.values_mut() {
            row.external_ids.remove(keys::REVISION);
            row.external_ids.extend(revision.map(|text| (keys::REVISION.to_owned(), text.to_owned())));
        }
        assert!(northbound.plan(id(LB), Some(&lb)).unwrap().is_empty(), "{revision:?}");
    }
}

#[test]
fn revision_of_several_rows_grows_when_one_of_them_goes() {
    let (mut northbound, mut lb) = (Northbound::default(), load_balancer());
    add_pool(&mut lb, 1, "ONE");
    add_pool(&mut lb, 2, "TWO");
    write(&mut northbound, Some(&lb));
    assert_eq!((existing(&northbound).len(), of(&northbound)), (2, Some(1)));
    lb.pools.get_mut(&numbered(0x30, 2)).unwrap().admin_state_up = false;
    write(&mut northbound, Some(&lb));
    assert_eq!(of(&northbound), Some(2));
    lb.pools.remove(&numbered(0x30, 2));
    lb.listeners.remove(&numbered(0x20, 2));
    write(&mut northbound, Some(&lb));
    assert_eq!((existing(&northbound).len(), of(&northbound)), (1, Some(3)));
}

#[test]
fn rows_made_again_continue_after_the_revision_they_had() {
    let (mut northbound, lb) = (Northbound::default(), load_balancer());
    let mut plan = northbound.plan(id(LB), Some(&lb)).unwrap();
    revision::continue_after(&mut plan, &existing(&northbound), 7);
    northbound.execute(&plan);
    assert_eq!(of(&northbound), Some(8));
    // Rows with a revision say themselves where to continue.
    let mut changed = lb.clone();
    changed.admin_state_up = false;
    let mut plan = northbound.plan(id(LB), Some(&changed)).unwrap();
    revision::continue_after(&mut plan, &existing(&northbound), 70);
    northbound.execute(&plan);
    assert_eq!(of(&northbound), Some(9));
}

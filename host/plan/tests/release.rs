//! Giving a load balancer back to the reference driver.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod support;

use support::*;
use weir_model::*;
use weir_plan::*;

fn member(n: u32, weight: u16, backup: bool) -> Member {
    Member {
        id: numbered(0x40, n),
        address: format!("10.10.10.{n}").parse().unwrap(),
        port: 8080,
        subnet_id: Some(id(PRIVATE_SUBNET)),
        weight,
        backup,
        admin_state_up: true,
        extra: Extra::new(),
    }
}

fn load_balancer(pools: &[(&str, Vec<Member>)]) -> LoadBalancer {
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
    for (n, (algorithm, members)) in (1u32..).zip(pools) {
        let pool = Pool {
            id: numbered(0x30, n),
            protocol: "ALPHA".into(),
            algorithm: (*algorithm).into(),
            persistence: None,
            admin_state_up: true,
            members: members.iter().map(|member| (member.id, member.clone())).collect(),
            monitor: None,
            extra: Extra::new(),
        };
        let listener = Listener {
            id: numbered(0x20, n),
            protocol: "ALPHA".into(),
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

/// A load balancer in the Northbound.
fn made(lb: &LoadBalancer) -> Northbound {
    let mut northbound = Northbound::default();
    let plan = northbound.plan(lb.id, Some(lb)).unwrap();
    northbound.execute(&plan);
    northbound
}

fn released(northbound: &Northbound, lb: &LoadBalancer) -> Release {
    let (capabilities, words, ownership) = (capabilities(), words(), ownership());
    let around = Surroundings {
        topology: &Around(northbound),
        capabilities: &capabilities,
        words: &words,
        health: &northbound.health,
        ownership: &ownership,
    };
    let existing = northbound.existing(lb.id);
    let release = release(lb, &translate(lb, &fronts(lb, &Net)), &existing, around).unwrap();
    check(&release.plan, &existing, &ownership).expect("sound");
    release
}

fn whats(release: &Release) -> Vec<(&str, bool)> {
    release.losses.iter().map(|loss| (loss.what.as_str(), loss.traffic)).collect()
}

#[test]
fn rows_of_a_protocol_become_one_without_any_key_of_ours() {
    let lb = load_balancer(&[
        ("TWO", vec![member(1, 1, false)]),
        ("ONE", vec![member(2, 1, false)]),
        ("ONE", vec![member(3, 1, false)]),
    ]);
    let mut northbound = made(&lb);
    assert_eq!(northbound.rows.len(), 2);
    let release = released(&northbound, &lb);
    assert_eq!(whats(&release), [("split", false)]);
    northbound.execute(&release.plan);
    let [row] = northbound.rows.values().collect::<Vec<_>>()[..] else { panic!("one row") };
    assert!(row.external_ids.keys().all(|key| !key.starts_with(keys::OURS)), "{row:?}");
    assert_eq!(row.vips.len(), 3);
    // As most of its pools had it.
    assert_eq!(row.selection_fields, ["f1", "f2"].map(str::to_owned).into());
    // It is nobody's of ours from now on.
    assert!(!ownership().owns_of(lb.id, row));
}

#[test]
fn what_sends_connections_elsewhere_is_said() {
    let lb = load_balancer(&[("ONE", vec![member(1, 3, false), member(2, 1, false)])]);
    let release = released(&made(&lb), &lb);
    assert_eq!((whats(&release), release.moves_traffic()), (vec![("weight", false)], false));
    for (weight, backup, what) in [(0, false, "weight"), (1, true, "backup")] {
        let lb = load_balancer(&[("ONE", vec![member(1, 1, false), member(2, weight, backup)])]);
        let release = released(&made(&lb), &lb);
        assert_eq!((whats(&release), release.moves_traffic()), (vec![(what, true)], true));
    }
}

#[test]
fn rules_and_what_only_refuses_or_drains_go() {
    let mut lb = load_balancer(&[("ONE", vec![member(1, 1, false), member(2, 0, false)]), ("ONE", vec![])]);
    lb.flavor.insert("reject".to_owned(), "true".to_owned());
    lb.listeners.values_mut().for_each(|listener| listener.allowed_cidrs = vec!["10.0.0.0/8".to_owned()]);
    let mut northbound = made(&lb);
    let vips = |northbound: &Northbound| -> Vec<String> {
        northbound.rows.values().flat_map(|row| row.vips.keys().cloned()).collect()
    };
    assert!(!northbound.acls.is_empty());
    assert_eq!(vips(&northbound), ["0.0.0.0:81", "172.24.4.9:81", "172.24.4.9:82"]);
    let release = released(&northbound, &lb);
    assert!(whats(&release).contains(&("allowed-cidrs", true)) && release.moves_traffic());
    northbound.execute(&release.plan);
    assert!(northbound.acls.is_empty(), "{:?}", northbound.acls);
    assert_eq!(vips(&northbound), ["172.24.4.9:81"]);
}

#[test]
fn a_load_balancer_without_listeners_has_no_protocol_again() {
    let lb = load_balancer(&[]);
    let mut northbound = made(&lb);
    assert_eq!(northbound.rows.values().next().unwrap().protocol.as_deref(), Some("alpha"));
    let release = released(&northbound, &lb);
    assert_eq!(release.losses, []);
    let after = outcome(&release.plan, &northbound.existing(lb.id));
    assert_eq!(after[0].row.protocol, None);
    northbound.execute(&release.plan);
}

#[test]
fn rows_of_somebody_else_are_not_given_away() {
    let lb = load_balancer(&[("ONE", vec![])]);
    let mut northbound = made(&lb);
    northbound.rows.values_mut().for_each(|row| {
        row.external_ids.insert(keys::OWNER.to_owned(), "somebody".to_owned());
    });
    let (capabilities, words, ownership) = (capabilities(), words(), ownership());
    let around = Surroundings {
        topology: &Net,
        capabilities: &capabilities,
        words: &words,
        health: &northbound.health,
        ownership: &ownership,
    };
    let existing = northbound.existing(lb.id);
    let error = release(&lb, &translate(&lb, &fronts(&lb, &Net)), &existing, around).unwrap_err();
    assert_eq!(error.code(), "foreign-row");
}

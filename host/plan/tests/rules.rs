//! Rules that a generated case would hardly hit.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

mod support;

use support::*;
use weir_model::*;
use weir_plan::*;

fn lb(changes: &[Change]) -> (Northbound, LoadBalancerId) {
    let lb = LoadBalancer {
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
    let lb_id = lb.id;
    let mut northbound = Northbound::default();
    for change in std::iter::once(&Change::LoadBalancerCreate(Box::new(lb))).chain(changes) {
        step(&mut northbound, change);
    }
    (northbound, lb_id)
}

fn step(northbound: &mut Northbound, change: &Change) {
    let mut graph = northbound.decode(id(LB));
    apply(&mut graph, change).unwrap();
    let plan = northbound.plan(id(LB), graph.as_ref()).unwrap();
    northbound.execute(&plan);
}

fn listener(n: u32, port: u16, protocol: &str, pool: Option<u32>) -> Change {
    let default_pool_id = pool.map(|n| numbered(0x30, n));
    let listener = Listener {
        id: numbered(0x20, n),
        protocol: protocol.into(),
        port,
        admin_state_up: true,
        default_pool_id,
        allowed_cidrs: vec![],
        extra: Extra::new(),
    };
    Change::ListenerCreate(id(LB), listener)
}

fn pool(n: u32, algorithm: &str, members: u32) -> Change {
    let member = |m: u32| Member {
        id: numbered(0x40, n * 100 + m),
        address: format!("10.10.10.{m}").parse().unwrap(),
        port: 8080,
        subnet_id: Some(id(PRIVATE_SUBNET)),
        weight: 1,
        backup: false,
        admin_state_up: true,
        extra: Extra::new(),
    };
    let members = (1..=members).map(member).map(|m| (m.id, m)).collect();
    Change::PoolCreate(
        id(LB),
        None,
        Pool {
            id: numbered(0x30, n),
            protocol: "ALPHA".into(),
            algorithm: algorithm.into(),
            persistence: None,
            admin_state_up: true,
            members,
            monitor: None,
            extra: Extra::new(),
        },
    )
}

#[test]
fn pools_that_hash_differently_get_rows_of_their_own_and_agree_again() {
    let (mut northbound, lb) = lb(&[
        pool(1, "ONE", 1),
        listener(1, 80, "ALPHA", Some(1)),
        pool(2, "TWO", 1),
        listener(2, 81, "ALPHA", Some(2)),
    ]);
    let first = northbound.rows.keys().copied().collect::<Vec<_>>();
    assert_eq!(first.len(), 2);
    let patch = PoolPatch {
        id: numbered(0x30, 2),
        admin_state_up: Field::Unset,
        algorithm: Some("ONE".into()),
        persistence: Field::Unset,
        extra: Default::default(),
    };
    step(&mut northbound, &Change::PoolUpdate(lb, patch));
    let rows: Vec<_> = northbound.rows.values().collect();
    assert_eq!(rows.len(), 1);
    assert!(first.contains(&rows[0].uuid), "an existing row is taken, not made anew");
    assert_eq!(rows[0].vips.len(), 2);
}

#[test]
fn a_row_of_another_deployment_is_never_written() {
    let (mut northbound, lb) = lb(&[]);
    for row in northbound.rows.values_mut() {
        row.external_ids.insert("weir:owner".into(), "somebody".into());
    }
    let graph = northbound.decode(lb);
    let error = northbound.plan(lb, graph.as_ref()).unwrap_err();
    assert_eq!(error.code(), "foreign-row");
    assert!(error.to_string().contains("somebody"), "{error}");
    assert_eq!(northbound.plan(lb, None).unwrap_err().code(), "foreign-row");
}

#[test]
fn two_listeners_on_one_port_over_one_transport_are_refused() {
    let (northbound, lb) = lb(&[
        pool(1, "ONE", 1),
        listener(1, 80, "ALPHA", Some(1)),
        pool(2, "TWO", 1),
        listener(3, 80, "BETA", Some(2)),
    ]);
    for (n, pool) in [(2, 1), (2, 2)] {
        let mut graph = northbound.decode(lb);
        apply(&mut graph, &listener(n, 80, "GAMMA", Some(pool))).unwrap();
        assert_eq!(northbound.plan(lb, graph.as_ref()).unwrap_err().code(), "vip-taken", "pool {pool}");
    }
}

#[test]
fn a_failing_plugin_keeps_what_is_live() {
    let (mut northbound, lb) = lb(&[
        pool(1, "ONE", 2),
        listener(1, 80, "ALPHA", Some(1)),
        pool(2, "ONE", 1),
        listener(2, 81, "ALPHA", Some(2)),
    ]);
    let mut graph = northbound.decode(lb).unwrap();
    graph.listeners.get_mut(&numbered(0x20, 1)).unwrap().protocol = "BROKEN".into();
    // The same load balancer changes elsewhere meanwhile.
    graph.listeners.get_mut(&numbered(0x20, 2)).unwrap().admin_state_up = false;
    let plan = northbound.plan(lb, Some(&graph)).unwrap();
    assert_eq!(plan.kept.len(), 1);
    northbound.execute(&plan);
    let row = northbound.rows.values().next().unwrap();
    assert_eq!(northbound.rows.len(), 1);
    assert_eq!(row.vips, [("172.24.4.9:80".to_owned(), "10.10.10.1:8080,10.10.10.2:8080".to_owned())].into());
    assert!(row.external_ids.contains_key(&format!("listener_{}", numbered::<ListenerId>(0x20, 1))));
}

#[test]
fn a_failing_plugin_with_nothing_to_keep_refuses() {
    let (northbound, lb) = lb(&[]);
    let mut graph = northbound.decode(lb);
    apply(&mut graph, &listener(1, 80, "BROKEN", None)).unwrap();
    assert!(
        matches!(northbound.plan(lb, graph.as_ref()), Err(PlanError::Translation(problem)) if problem.code == "broken")
    );
}

#[test]
fn somebody_elses_keys_options_and_order_stay() {
    let (mut northbound, lb) = lb(&[pool(1, "ONE", 2), listener(1, 80, "ALPHA", Some(1))]);
    let row = northbound.rows.values_mut().next().unwrap();
    row.external_ids.insert("note".into(), "keep me".into());
    row.options.insert("reject".into(), "true".into());
    let edited = row.clone();
    let graph = northbound.decode(lb);
    assert_eq!(northbound.plan(lb, graph.as_ref()).unwrap().operations, [], "nothing of ours is wrong");
    let row = northbound.rows.values_mut().next().unwrap();
    row.vips.insert("172.24.4.9:80".into(), "10.10.10.2:8080,10.10.10.1:8080".into());
    let plan = northbound.plan(lb, graph.as_ref()).unwrap();
    northbound.execute(&plan);
    let row = northbound.rows.values().next().unwrap();
    assert_eq!(row.external_ids["note"], edited.external_ids["note"]);
    assert_eq!(row.options["reject"], "true");
    assert_eq!(
        row.vips["172.24.4.9:80"], "10.10.10.2:8080,10.10.10.1:8080",
        "order alone is no reason to write"
    );
}

#[test]
fn hand_made_damage_is_repaired() {
    let (mut northbound, lb) = lb(&[pool(1, "ONE", 2), listener(1, 80, "ALPHA", Some(1))]);
    let good = northbound.shape(lb);
    let graph = northbound.decode(lb);
    let row = northbound.rows.values_mut().next().unwrap();
    row.vips.clear();
    row.protocol = Some("beta".into());
    row.selection_fields.clear();
    northbound.attached.clear();
    let plan = northbound.plan(lb, graph.as_ref()).unwrap();
    northbound.execute(&plan);
    assert_eq!(northbound.shape(lb), good);
}

#[test]
fn unreadable_keys_are_findings_not_failures() {
    let (mut northbound, lb) = lb(&[pool(1, "ONE", 1)]);
    let row = northbound.rows.values_mut().next().unwrap();
    row.external_ids.insert("listener_x".into(), "80:".into());
    row.external_ids.insert(format!("pool_{}", numbered::<PoolId>(0x30, 7)), "member_bad,member_".into());
    row.external_ids.insert("weir:loadbalancer".into(), "{".into());
    let existing = northbound.existing(lb);
    let decoded = decode(lb, existing.iter().map(|existing| &existing.row), &words()).unwrap();
    assert_eq!(decoded.findings.len(), 4, "{:?}", decoded.findings);
    assert_eq!(decoded.lb.pools.len(), 2);
}

#[test]
fn a_member_without_subnet_is_given_the_vips_only_where_it_lies_in_it() {
    let (northbound, lb) = lb(&[pool(1, "ONE", 1)]);
    let mut graph = northbound.decode(lb).unwrap();
    let members = &mut graph.pools.get_mut(&numbered(0x30, 1)).unwrap().members;
    let member = members.values_mut().next().unwrap();
    member.subnet_id = None;
    let mut inside = member.clone();
    inside.id = numbered(0x40, 999);
    inside.address = id("172.24.4.77");
    members.insert(inside.id, inside);
    attach::fill_subnets(&mut graph, &Net);
    let subnets: Vec<_> = graph.pools[&numbered(0x30, 1)].members.values().map(|m| m.subnet_id).collect();
    assert_eq!(subnets, [None, Some(id(PUBLIC_SUBNET))]);
    assert_eq!(northbound.plan(lb, Some(&graph)).unwrap().unresolved.len(), 1);
}

#[test]
fn a_flavors_options_are_named_and_go_with_it() {
    let (mut northbound, lb) = lb(&[]);
    let mut graph = northbound.decode(lb).unwrap();
    let plan_with = |northbound: &mut Northbound, graph: &LoadBalancer| {
        let plan = northbound.plan(lb, Some(graph)).unwrap();
        northbound.execute(&plan);
        northbound.rows.values().next().unwrap().clone()
    };
    graph.flavor = [("reject", "true"), ("sticky", "7")].map(|(k, v)| (k.to_owned(), v.to_owned())).into();
    let row = plan_with(&mut northbound, &graph);
    assert_eq!(row.options, graph.flavor);
    // The other one is known to be ours in any case: a plugin that is built in sets it.
    assert_eq!(row.external_ids[keys::OPTIONS], "reject");
    assert!(row.external_ids[keys::LOADBALANCER].contains(r#""flavor": {"reject": "true", "sticky": "7"}"#));
    // Taken away by hand: back.
    northbound.rows.values_mut().next().unwrap().options.remove("reject");
    assert_eq!(plan_with(&mut northbound, &graph).options, graph.flavor);
    // An operator's own goes only where it has been made ours.
    northbound.rows.values_mut().next().unwrap().options.insert("skip".into(), "true".into());
    graph.flavor.clear();
    let row = plan_with(&mut northbound, &graph);
    assert_eq!(row.options, [("skip".to_owned(), "true".to_owned())].into());
    assert!(!row.external_ids.contains_key(keys::OPTIONS) && northbound.decode(lb) == Some(graph));
}

#[test]
fn a_vip_without_a_subnet_has_that_of_its_members_on_its_switch() {
    // As the reference leaves it: a VIP and a member on the private network, whose subnet only the member says.
    let (northbound, lb) = lb(&[pool(1, "ONE", 1)]);
    let mut graph = northbound.decode(lb).unwrap();
    graph.vip =
        Vip { address: id("10.10.10.5"), port_id: None, network_id: Some(id(PRIVATE)), subnet_id: None };
    let members = &mut graph.pools.get_mut(&numbered(0x30, 1)).unwrap().members;
    let mut another = members.values().next().unwrap().clone();
    (another.id, another.address, another.subnet_id) = (numbered(0x40, 999), id("10.10.10.77"), None);
    members.insert(another.id, another.clone());
    let subnet_of = |graph: &LoadBalancer| graph.pools[&numbered(0x30, 1)].members[&another.id].subnet_id;
    let mut filled = graph.clone();
    attach::fill_subnets(&mut filled, &Net);
    assert_eq!(subnet_of(&filled), Some(id(PRIVATE_SUBNET)));
    // Not that of a member on another network.
    graph.vip.network_id = Some(id(PUBLIC));
    attach::fill_subnets(&mut graph, &Net);
    assert_eq!(subnet_of(&graph), None);
}

#[test]
fn a_member_whose_address_another_driver_wrote_in_another_form_is_served() {
    let in_v6 = |n: u128, address: &str| {
        let Change::PoolCreate(lb, listener, mut pool) = pool(1, "ONE", 1) else { unreachable!() };
        let mut member = pool.members.pop_first().unwrap().1;
        (member.id, member.address) = (uuid::Uuid::from_u128(n).into(), id(address));
        pool.members.insert(member.id, member);
        Change::PoolCreate(lb, listener, pool)
    };
    let (mut northbound, lb) = lb(&[in_v6(7, "fd00:10::10"), listener(1, 80, "ALPHA", Some(1))]);
    let row = northbound.rows.values_mut().next().unwrap();
    row.external_ids.retain(|key, _| !key.starts_with("weir:"));
    row.vips = [("[fd00::1]:80".to_owned(), "[FD00:10:0::10]:8080".to_owned())].into();
    let up = |northbound: &Northbound| {
        let graph = northbound.decode(lb).unwrap();
        graph.pools[&numbered(0x30, 1)].members.values().all(|member| member.admin_state_up)
    };
    assert!(up(&northbound));
    // One that is really not there is down.
    northbound.rows.values_mut().next().unwrap().vips =
        [("[fd00::1]:80".to_owned(), "[FD00:10:0::11]:8080".to_owned())].into();
    assert!(!up(&northbound));
}

#[test]
fn nobody_who_is_served_is_let_down_for_want_of_a_source() {
    let monitor = Monitor {
        id: numbered(0x50, 1),
        kind: "PING".into(),
        delay: 1,
        timeout: 1,
        rise: 1,
        fall: 1,
        admin_state_up: true,
        extra: Extra::new(),
    };
    let (mut northbound, lb) = lb(&[pool(1, "ONE", 2), listener(1, 80, "ALPHA", Some(1))]);
    step(&mut northbound, &Change::HealthMonitorCreate(numbered(0x30, 1), monitor));
    let probed = |northbound: &Northbound| {
        let row = northbound.rows.values().next().unwrap();
        (row.health_checks.len(), row.ip_port_mappings.len())
    };
    let again = |northbound: &mut Northbound| {
        let graph = northbound.decode(lb);
        let plan = northbound.plan(lb, graph.as_ref()).unwrap();
        northbound.execute(&plan);
        assert!(northbound.plan(lb, graph.as_ref()).unwrap().is_empty(), "once is enough");
        probed(northbound)
    };
    assert_eq!(probed(&northbound), (1, 2));
    // A member of a subnet without a source comes to others: it waits outside, and they are still probed.
    northbound.sourceless.insert(id(PUBLIC_SUBNET));
    let Change::PoolCreate(_, _, made) = pool(1, "ONE", 1) else { unreachable!() };
    let mut newcomer = made.members.values().next().unwrap().clone();
    newcomer.id = numbered(0x40, 999);
    (newcomer.address, newcomer.subnet_id) = (id("172.24.4.50"), Some(id(PUBLIC_SUBNET)));
    step(&mut northbound, &Change::MemberCreate(numbered(0x30, 1), newcomer.clone()));
    assert_eq!(again(&mut northbound), (1, 2));
    // Its subnet gets one, and loses it again: then it is served, as the others are, unchecked.
    northbound.sourceless.clear();
    assert_eq!(again(&mut northbound), (1, 3));
    northbound.sourceless.insert(id(PUBLIC_SUBNET));
    assert_eq!(again(&mut northbound), (0, 2));
    northbound.sourceless.clear();
    assert_eq!(again(&mut northbound), (1, 3));
    // Nor may all wait who get connections.
    let mut graph = northbound.decode(lb).unwrap();
    let members = &mut graph.pools.get_mut(&numbered(0x30, 1)).unwrap().members;
    members.values_mut().for_each(|member| member.weight = 0);
    members.remove(&newcomer.id);
    (newcomer.id, newcomer.address) = (numbered(0x40, 997), id("172.24.4.52"));
    members.insert(newcomer.id, newcomer.clone());
    northbound.sourceless.insert(id(PUBLIC_SUBNET));
    let plan = northbound.plan(lb, Some(&graph)).unwrap();
    northbound.execute(&plan);
    assert_eq!(again(&mut northbound), (0, 2));
    northbound.sourceless.insert(id(PUBLIC_SUBNET));
    let mut graph = northbound.decode(lb).unwrap();
    let members = &mut graph.pools.get_mut(&numbered(0x30, 1)).unwrap().members;
    members.clear();
    newcomer.id = numbered(0x40, 998);
    newcomer.address = id("172.24.4.51");
    members.insert(newcomer.id, newcomer);
    let plan = northbound.plan(lb, Some(&graph)).unwrap();
    northbound.execute(&plan);
    assert_eq!(probed(&northbound), (0, 0));
}

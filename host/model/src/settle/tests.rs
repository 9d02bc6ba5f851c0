use std::net::Ipv4Addr;

use uuid::Uuid;

use super::*;
use crate::{
    Extra, Field, Listener, ListenerPatch, LoadBalancerPatch, Member, MemberPatch, PoolPatch, Vip, released,
    touched,
};

fn id<T: From<Uuid>>(n: u128) -> T {
    Uuid::from_u128(n).into()
}

fn member(n: u128) -> Member {
    Member {
        id: id(n),
        address: Ipv4Addr::new(10, 0, 0, n as u8).into(),
        port: 80,
        subnet_id: None,
        weight: 1,
        backup: false,
        admin_state_up: true,
        extra: Extra::new(),
    }
}

fn pool(n: u128, members: &[u128]) -> Pool {
    Pool {
        id: id(n),
        protocol: "P".into(),
        algorithm: "A".into(),
        persistence: None,
        admin_state_up: true,
        members: members.iter().map(|n| (id(*n), member(*n))).collect(),
        monitor: None,
        extra: Extra::new(),
    }
}

fn listener(n: u128, pool: Option<u128>) -> Listener {
    Listener {
        id: id(n),
        protocol: "P".into(),
        port: n as u16,
        admin_state_up: true,
        default_pool_id: pool.map(id),
        allowed_cidrs: vec![],
        extra: Extra::new(),
    }
}

/// Load balancer 1, listener 2 with pool 3 (members 4, 5).
fn lb() -> LoadBalancer {
    LoadBalancer {
        id: id(1),
        project_id: None,
        admin_state_up: true,
        vip: Vip { address: Ipv4Addr::LOCALHOST.into(), port_id: None, network_id: None, subnet_id: None },
        additional_vips: vec![],
        listeners: [(id(2), listener(2, Some(3)))].into(),
        pools: [(id(3), pool(3, &[4, 5]))].into(),
        flavor: Default::default(),
        extra: Default::default(),
    }
}

fn member_patch(n: u128, weight: Field<u16>) -> MemberPatch {
    let (admin_state_up, backup, subnet_id) = (Field::Unset, Field::Unset, Field::Unset);
    MemberPatch { id: id(n), admin_state_up, weight, backup, subnet_id, extra: Default::default() }
}

fn in_batch(n: u128, weight: Field<u16>) -> BatchMember {
    BatchMember { address: member(n).address, port: 80, patch: member_patch(n, weight) }
}

/// Every kind of change to [`lb`] that is no delete.
fn changes() -> Vec<Change> {
    let listener_patch = ListenerPatch {
        id: id(2),
        admin_state_up: Field::Value(false),
        default_pool_id: Field::Null,
        allowed_cidrs: Field::Unset,
        extra: Default::default(),
    };
    let pool_patch = PoolPatch {
        id: id(3),
        admin_state_up: Field::Value(false),
        algorithm: Some("B".into()),
        persistence: Field::Unset,
        extra: Default::default(),
    };
    vec![
        Change::LoadBalancerUpdate(LoadBalancerPatch {
            id: id(1),
            admin_state_up: Field::Value(false),
            extra: Default::default(),
        }),
        Change::ListenerCreate(id(1), listener(6, Some(3))),
        Change::ListenerUpdate(id(1), listener_patch),
        Change::PoolCreate(id(1), None, pool(7, &[])),
        Change::PoolUpdate(id(1), pool_patch),
        Change::MemberCreate(id(3), member(8)),
        Change::MemberUpdate(id(3), member_patch(4, Field::Value(0))),
        Change::MemberBatch(id(3), vec![in_batch(4, Field::Value(9)), in_batch(8, Field::Unset)]),
    ]
}

fn done(change: &Change) -> LoadBalancer {
    let mut graph = Some(lb());
    apply(&mut graph, change).unwrap();
    graph.unwrap()
}

#[test]
fn whatever_octavia_has_is_what_comes_out_whether_or_not_the_rows_have_it_already() {
    for change in changes() {
        let asked_for = done(&change);
        let touched = touched(&change, Some(&lb()), Some(&asked_for));
        for rows in [lb(), asked_for.clone()] {
            for (octavia, expected) in [(lb(), Settled::RolledBack), (asked_for.clone(), Settled::Done)] {
                let mut graph = Some(rows.clone());
                let settled = settle(&mut graph, &change, &touched, Some(&octavia)).unwrap();
                assert_eq!(graph.as_ref(), Some(&octavia), "{change:?}");
                // An update that Octavia has rolled back is done with the old values.
                let makes = touched.objects().any(|object| touched.creates(object));
                assert_eq!(settled, if makes { expected } else { Settled::Done }, "{change:?}");
            }
        }
    }
}

#[test]
fn a_load_balancer_that_octavia_does_not_know_goes() {
    let change = Change::LoadBalancerCreate(Box::new(lb()));
    let touched = touched(&change, None, Some(&lb()));
    for mut rows in [None, Some(lb())] {
        assert_eq!(settle(&mut rows, &change, &touched, None), Ok(Settled::RolledBack));
        assert_eq!(rows, None);
        assert_eq!(settle(&mut rows, &change, &touched, Some(&lb())), Ok(Settled::Done));
        assert_eq!(rows, Some(lb()));
    }
}

#[test]
fn a_delete_is_carried_out_although_octavia_still_shows_the_object() {
    for change in [
        Change::LoadBalancerDelete(id(1)),
        Change::ListenerDelete(id(1), id(2)),
        Change::PoolDelete(id(1), id(3)),
        Change::MemberDelete(id(3), id(4)),
    ] {
        let mut graph = Some(lb());
        let touched = touched(&change, Some(&lb()), None);
        assert_eq!(settle(&mut graph, &change, &touched, Some(&lb())), Ok(Settled::Done));
        let mut expected = Some(lb());
        apply(&mut expected, &change).unwrap();
        assert_eq!(graph, expected);
    }
}

#[test]
fn members_that_a_rolled_back_batch_took_out_come_back() {
    let change = Change::MemberBatch(id(3), vec![in_batch(8, Field::Unset)]);
    let touched = touched(&change, Some(&lb()), Some(&done(&change)));
    let mut graph = Some(done(&change));
    assert_eq!(settle(&mut graph, &change, &touched, Some(&lb())), Ok(Settled::RolledBack));
    assert_eq!(graph, Some(lb()));
}

#[test]
fn a_failover_takes_all_of_octavias_version() {
    let mut graph = None;
    let change = Change::LoadBalancerFailover(id(1));
    let settled = settle(&mut graph, &change, &Touched::default(), Some(&lb()));
    assert_eq!((settled, graph), (Ok(Settled::Done), Some(lb())));
}

#[test]
fn a_change_is_the_same_after_a_restart() {
    for change in changes() {
        let touched = touched(&change, Some(&lb()), Some(&done(&change)));
        let text = serde_json::to_string(&(&change, &touched)).unwrap();
        assert_eq!(serde_json::from_str::<(Change, Touched)>(&text).unwrap(), (change, touched), "{text}");
    }
}

#[test]
fn a_new_pool_in_use_is_online_before_it_has_members() {
    let mut graph = Some(LoadBalancer { listeners: [(id(2), listener(2, None))].into(), ..lb() });
    let change = Change::PoolCreate(id(1), Some(id(2)), pool(7, &[]));
    let before = graph.clone();
    apply(&mut graph, &change).unwrap();
    let touched = touched(&change, before.as_ref(), graph.as_ref());
    let pool = released(&touched, graph.as_ref(), &Default::default())
        .into_iter()
        .find(|it| it.object == ObjectRef::Pool(id(7)));
    assert_eq!(pool.unwrap().operating, Some(crate::OperatingStatus::Online));
}

#[test]
fn a_members_subnet_that_octavia_leaves_out_stays_as_it_was_found() {
    let mut rows = lb();
    let subnet = Some(id(9));
    rows.pools.get_mut(&id(3)).unwrap().members.get_mut(&id(4)).unwrap().subnet_id = subnet;
    let of = |graph: &LoadBalancer| graph.pools[&id(3)].members[&id(4)].subnet_id;
    let mut patch = member_patch(4, Field::Value(7));
    patch.subnet_id = Field::Null;
    let batch = BatchMember { address: member(4).address, port: 80, patch: patch.clone() };
    for change in [Change::MemberUpdate(id(3), patch), Change::MemberBatch(id(3), vec![batch])] {
        let mut graph = Some(rows.clone());
        apply(&mut graph, &change).unwrap();
        let mut graph = graph.unwrap();
        assert_eq!(of(&graph), subnet, "{change:?}");
        assert_eq!(graph.pools[&id(3)].members[&id(4)].weight, 7);
        take_values(&mut graph, &change, &lb());
        assert_eq!((of(&graph), graph.pools[&id(3)].members[&id(4)].weight), (subnet, 1), "{change:?}");
    }
}

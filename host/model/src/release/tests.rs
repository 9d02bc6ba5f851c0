use uuid::Uuid;

use super::*;
use crate::{
    apply::apply,
    change::{BatchMember, MemberPatch},
    field::Field,
    graph::{Extra, Listener, Member, Pool, Vip},
};

fn id<T: From<Uuid>>(n: u128) -> T {
    Uuid::from_u128(n).into()
}

fn member(n: u128) -> Member {
    let address = std::net::Ipv4Addr::new(10, 0, 0, n as u8).into();
    Member {
        id: id(n),
        address,
        port: 80,
        subnet_id: None,
        weight: 1,
        backup: false,
        admin_state_up: true,
        extra: Extra::new(),
    }
}

fn patch(n: u128) -> MemberPatch {
    MemberPatch {
        id: id(n),
        admin_state_up: Field::Unset,
        weight: Field::Unset,
        backup: Field::Unset,
        subnet_id: Field::Unset,
        extra: Default::default(),
    }
}

/// Load balancer 1, listener 2 with pool 3 (members 4, 5), listener 6 without pool.
fn lb() -> LoadBalancer {
    let listener = |n: u128, pool: Option<u128>| {
        let default_pool_id = pool.map(id);
        (
            id(n),
            Listener {
                id: id(n),
                protocol: "P".into(),
                port: n as u16,
                admin_state_up: true,
                default_pool_id,
                allowed_cidrs: vec![],
                extra: Extra::new(),
            },
        )
    };
    let members = [4, 5].map(|n| (id(n), member(n))).into();
    let pool = Pool {
        id: id(3),
        protocol: "P".into(),
        algorithm: "A".into(),
        persistence: None,
        admin_state_up: true,
        members,
        monitor: None,
        extra: Extra::new(),
    };
    let vip = Vip {
        address: std::net::Ipv4Addr::LOCALHOST.into(),
        port_id: None,
        network_id: None,
        subnet_id: None,
    };
    LoadBalancer {
        id: id(1),
        project_id: None,
        admin_state_up: true,
        vip,
        additional_vips: vec![],
        listeners: [listener(2, Some(3)), listener(6, None)].into(),
        pools: [(id(3), pool)].into(),
        flavor: Default::default(),
        extra: Default::default(),
    }
}

fn after(change: &Change) -> Vec<String> {
    let before = lb();
    let mut graph = Some(before.clone());
    apply(&mut graph, change).unwrap();
    words(released(&touched(change, Some(&before), graph.as_ref()), graph.as_ref(), &Default::default()))
}

fn words(released: Vec<Released>) -> Vec<String> {
    let word = |one: Released| {
        let (kind, id) = match one.object {
            ObjectRef::LoadBalancer(id) => ("lb", id.uuid()),
            ObjectRef::Listener(id) => ("listener", id.uuid()),
            ObjectRef::Pool(id) => ("pool", id.uuid()),
            ObjectRef::Member(id) => ("member", id.uuid()),
            ObjectRef::HealthMonitor(id) => ("hm", id.uuid()),
            ObjectRef::L7Policy(id) => ("policy", id.uuid()),
            ObjectRef::L7Rule(id) => ("rule", id.uuid()),
        };
        let created = if one.created { " new" } else { "" };
        let operating = one.operating.map_or("-", OperatingStatus::as_str);
        format!("{kind} {} {:?} {operating}{created}", id.as_u128(), one.provisioning)
    };
    released.into_iter().map(word).collect()
}

#[test]
fn a_member_call_lets_its_parents_go_too() {
    assert_eq!(
        after(&Change::MemberCreate(id(3), member(7))),
        [
            "member 7 Active NO_MONITOR new",
            "pool 3 Active ONLINE",
            "listener 2 Active ONLINE",
            "lb 1 Active ONLINE"
        ]
    );
}

#[test]
fn a_batch_lets_go_what_it_no_longer_wants() {
    let keep = BatchMember { address: member(4).address, port: 80, patch: patch(4) };
    let new = BatchMember { address: member(8).address, port: 80, patch: patch(8) };
    assert_eq!(
        after(&Change::MemberBatch(id(3), vec![new, keep])),
        [
            "member 8 Active NO_MONITOR new",
            "member 5 Deleted -",
            "member 4 Active NO_MONITOR",
            "pool 3 Active ONLINE",
            "listener 2 Active ONLINE",
            "lb 1 Active ONLINE"
        ]
    );
}

#[test]
fn what_is_deleted_is_deleted_with_its_children() {
    assert_eq!(
        after(&Change::PoolDelete(id(1), id(3))),
        [
            "member 5 Deleted -",
            "member 4 Deleted -",
            "pool 3 Deleted -",
            "listener 2 Active ONLINE",
            "lb 1 Active ONLINE"
        ]
    );
    assert_eq!(after(&Change::LoadBalancerDelete(id(1))).len(), 6);
    assert!(after(&Change::LoadBalancerDelete(id(1))).iter().all(|word| word.contains("Deleted")));
    // Gone already: Octavia is told all the same.
    assert_eq!(
        after(&Change::ListenerDelete(id(1), id(99))),
        ["listener 99 Deleted -", "lb 1 Active ONLINE"]
    );
}

#[test]
fn a_failed_create_is_in_error_and_its_parents_go_on() {
    let change = Change::MemberCreate(id(3), member(7));
    assert_eq!(
        words(failed(&touched(&change, Some(&lb()), None), Some(&lb()), &Default::default())),
        [
            "member 7 Error ERROR new",
            "pool 3 Active ONLINE",
            "listener 2 Active ONLINE",
            "lb 1 Active ONLINE"
        ]
    );
    let change = Change::LoadBalancerCreate(Box::new(lb()));
    assert!(
        words(failed(&touched(&change, None, None), None, &Default::default()))
            .iter()
            .all(|word| word.contains("Error"))
    );
}

#[test]
fn deleted_l7_policy_goes_with_its_rules_and_releases_its_parents() {
    let change = Change::L7PolicyDelete(id(2), id(7), vec![id(8), id(9)]);
    let mut all = touched(&change, None, None);
    all.add_parents(id(2), id(1));
    let expected = [
        "rule 9 Deleted -",
        "rule 8 Deleted -",
        "policy 7 Deleted -",
        "listener 2 Active -",
        "lb 1 Active -",
    ];
    assert_eq!(words(released(&all, None, &Default::default())), expected);
    let statuses = words(released(&all, Some(&lb()), &Default::default()));
    assert_eq!(statuses[3..], ["listener 2 Active ONLINE", "lb 1 Active ONLINE"]);
}

#[test]
fn policy_of_a_deleted_l7_rule_is_in_error_again() {
    let mut all = touched(&Change::L7RuleDelete(id(7), id(8)), None, None);
    all.add_parents(id(2), id(1));
    let expected = ["rule 8 Deleted -", "policy 7 Error ERROR", "listener 2 Active -", "lb 1 Active -"];
    assert_eq!(words(released(&all, None, &Default::default())), expected);
}

#[test]
fn l7_policies_of_a_whole_load_balancer_are_in_error_and_the_rest_is_not() {
    let mut all = Touched::whole(&lb());
    all.add_without_effect([ObjectRef::L7Policy(id(7)), ObjectRef::L7Rule(id(8))]);
    let statuses = words(released(&all, Some(&lb()), &Default::default()));
    assert_eq!(statuses[..2], ["rule 8 Error ERROR", "policy 7 Error ERROR"]);
    assert!(statuses[2..].iter().all(|word| word.contains("Active")), "{statuses:?}");
}

/// The operating status of pool 3 of a load balancer as a change of the whole leaves it.
fn status_of_pool(lb: &LoadBalancer) -> OperatingStatus {
    let released = released(&Touched::whole(lb), Some(lb), &Default::default());
    released.into_iter().find(|one| one.object == ObjectRef::Pool(id(3))).unwrap().operating.unwrap()
}

#[test]
fn empty_pool_is_online_where_an_enabled_listener_uses_it() {
    let mut lb = lb();
    lb.pools.get_mut(&id(3)).unwrap().members.clear();
    assert_eq!(status_of_pool(&lb), OperatingStatus::Online);
    lb.listeners.get_mut(&id(2)).unwrap().admin_state_up = false;
    assert_eq!(status_of_pool(&lb), OperatingStatus::Offline, "its listener is disabled");
    lb.listeners.get_mut(&id(6)).unwrap().default_pool_id = Some(id(3));
    assert_eq!(status_of_pool(&lb), OperatingStatus::Online, "another one uses it");
    lb.pools.get_mut(&id(3)).unwrap().admin_state_up = false;
    assert_eq!(status_of_pool(&lb), OperatingStatus::Offline, "it is disabled");
    lb.pools.get_mut(&id(3)).unwrap().admin_state_up = true;
    lb.listeners.clear();
    assert_eq!(status_of_pool(&lb), OperatingStatus::Offline, "no listener uses it");
}

#[test]
fn empty_pool_stays_online_after_each_change() {
    let emptied = Change::MemberBatch(id(3), vec![]);
    let pool = |words: Vec<String>| words.into_iter().find(|word| word.starts_with("pool 3")).unwrap();
    assert_eq!(pool(after(&emptied)), "pool 3 Active ONLINE");
    let mut before = lb();
    before.pools.get_mut(&id(3)).unwrap().members.clear();
    let change = Change::MemberCreate(id(3), member(7));
    let mut graph = Some(before.clone());
    apply(&mut graph, &change).unwrap();
    let change = Change::MemberDelete(id(3), id(7));
    let before = graph.clone();
    apply(&mut graph, &change).unwrap();
    let last =
        released(&touched(&change, before.as_ref(), graph.as_ref()), graph.as_ref(), &Default::default());
    assert_eq!(pool(words(last)), "pool 3 Active ONLINE");
}

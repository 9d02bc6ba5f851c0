//! What holds of every load balancer and every order of changes.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

mod support;

use proptest::{collection::vec, option, prelude::*, sample::select, test_runner::Config};
use support::*;
use uuid::Uuid;
use weir_model::*;
use weir_plan::*;

fn member() -> impl Strategy<Value = (bool, u16, Option<&'static str>, u16, bool, bool, u8)> {
    (
        any::<bool>(),
        1..=65535u16,
        option::of(select(vec![PRIVATE_SUBNET, PRIVATE_SUBNET6, PUBLIC_SUBNET, LB])),
        select(vec![1u16, 1, 1, 0, 5, 256]),
        any::<bool>(),
        any::<bool>(),
        any::<u8>(),
    )
}

prop_compose! {
    fn pool()(
        protocol in select(vec!["ALPHA", "ALPHA", "BETA", "GAMMA"]),
        algorithm in select(vec!["ONE", "ONE", "TWO"]),
        sticky in option::of((option::of(1..=9u32), any::<bool>())),
        up in prop::bool::weighted(0.8),
        members in vec(member(), 0..4),
        monitor in option::of((1..9u32, prop::bool::weighted(0.8), any::<bool>())),
    ) -> Pool {
        Pool {
            id: Uuid::nil().into(),
            protocol: protocol.into(),
            algorithm: algorithm.into(),
            persistence: sticky.map(|(timeout, extra)| Persistence {
                kind: "STICK".into(),
                timeout,
                extra: extra.then(|| ("granularity".to_owned(), "a\"b, c".to_owned())).into_iter().collect(),
            }),
            admin_state_up: up,
            members: members.into_iter().enumerate().map(|(n, (v4, port, subnet, weight, backup, up, host))| {
                let address = if v4 { format!("10.10.10.{host}") } else { format!("fd00:10::{host:x}") };
                let id: MemberId = numbered(0x40, n as u32);
                let extra = backup.then(|| ("note".to_owned(), "é".to_owned())).into_iter().collect();
                let subnet_id = subnet.map(support::id);
                (id, Member { id, address: address.parse().unwrap(), port, subnet_id, weight, backup, admin_state_up: up, extra })
            }).collect(),
            monitor: monitor.map(|(delay, admin_state_up, extra)| Monitor {
                id: numbered(0x50, 0),
                kind: "ALPHA".into(),
                delay,
                timeout: 3,
                rise: 2,
                fall: 1,
                admin_state_up,
                extra: extra.then(|| ("note".to_owned(), "x".to_owned())).into_iter().collect(),
            }),
            extra: Extra::new(),
        }
    }
}

/// Options of the flavor, one of which plugins set too.
fn flavor() -> impl Strategy<Value = std::collections::BTreeMap<String, String>> {
    let key = select(vec!["reject", "skip", "sticky"]).prop_map(str::to_owned);
    prop_oneof![Just(Default::default()), prop::collection::btree_map(key, "[a-c]", 0..3)]
}

prop_compose! {
    fn load_balancer()(
        flavor in flavor(),
        up in prop::bool::weighted(0.8),
        private in any::<bool>(),
        port in any::<bool>(),
        project in any::<bool>(),
        six in vec(any::<bool>(), 0..3),
        pools in vec(pool(), 0..4),
        listeners in vec((select(vec!["ALPHA", "ALPHA", "BETA", "GAMMA"]), prop::bool::weighted(0.8), option::of(0..4usize), any::<bool>()), 0..5),
    ) -> LoadBalancer {
        let pools: std::collections::BTreeMap<PoolId, Pool> = pools.into_iter().enumerate().map(|(n, mut pool)| {
            pool.id = numbered(0x30, n as u32);
            pool.monitor.iter_mut().for_each(|monitor| monitor.id = numbered(0x50, n as u32));
            pool.members = pool.members.into_values().enumerate().map(|(m, mut member)| {
                member.id = numbered(0x40, (n * 100 + m) as u32);
                (member.id, member)
            }).collect();
            (pool.id, pool)
        }).collect();
        let listeners = listeners.into_iter().enumerate().map(|(n, (protocol, up, pool, option))| {
            let id: ListenerId = numbered(0x20, n as u32);
            let default_pool_id = pool.and_then(|at| pools.keys().nth(at).copied());
            let extra = option.then(|| ("limit".to_owned(), "5".to_owned())).into_iter().collect();
            let allowed_cidrs = if option { vec!["10.0.0.0/8".to_owned()] } else { Vec::new() };
            (id, Listener { id, protocol: protocol.into(), port: 80 + n as u16, admin_state_up: up, default_pool_id, allowed_cidrs, extra })
        }).collect();
        let (network, subnet, address) = if private { (PRIVATE, PRIVATE_SUBNET, "10.10.10.250") } else { (PUBLIC, PUBLIC_SUBNET, "172.24.4.9") };
        LoadBalancer {
            id: id(LB),
            project_id: project.then(|| "1111".to_owned()),
            admin_state_up: up,
            vip: Vip {
                address: address.parse().unwrap(),
                port_id: port.then(|| numbered(0x60, 1)),
                network_id: Some(id(network)),
                subnet_id: Some(id(subnet)),
            },
            additional_vips: six.into_iter().enumerate().map(|(n, six)| Vip {
                address: if six { format!("fd00:10::ff{n:02}") } else { format!("10.10.10.20{n}") }.parse().unwrap(),
                port_id: six.then(|| numbered(0x60, 2 + n as u32)),
                network_id: Some(id(PRIVATE)),
                subnet_id: Some(id(if six { PRIVATE_SUBNET6 } else { PRIVATE_SUBNET })),
            }).collect(),
            listeners,
            pools,
            flavor,
            extra: Default::default(),
        }
    }
}

/// The calls that make a load balancer, as Octavia sends them: pools before their members, everything after its parents.
fn creating(lb: &LoadBalancer) -> Vec<Change> {
    let mut empty = lb.clone();
    empty.listeners.clear();
    empty.pools.clear();
    let mut changes = vec![Change::LoadBalancerCreate(Box::new(empty))];
    for pool in lb.pools.values() {
        let bare = Pool { members: Default::default(), monitor: None, ..pool.clone() };
        changes.push(Change::PoolCreate(lb.id, None, bare));
    }
    changes.extend(lb.listeners.values().map(|listener| Change::ListenerCreate(lb.id, listener.clone())));
    for pool in lb.pools.values() {
        changes.extend(pool.members.values().map(|member| Change::MemberCreate(pool.id, member.clone())));
        changes.extend(pool.monitor.clone().map(|monitor| Change::HealthMonitorCreate(pool.id, monitor)));
    }
    changes
}

/// Moves changes forward as far as their parents allow, by a list of choices.
fn shuffled(lb: &LoadBalancer, choices: &[prop::sample::Index]) -> Vec<Change> {
    let mut left = creating(lb);
    let mut done: Vec<Change> = vec![left.remove(0)];
    let mut choices = choices.iter().cycle();
    while !left.is_empty() {
        let at = choices.next().unwrap().index(left.len());
        let has_pool = |id: &PoolId| {
            done.iter().any(|change| matches!(change, Change::PoolCreate(_, _, p) if p.id == *id))
        };
        let possible = match &left[at] {
            Change::ListenerCreate(_, listener) => listener.default_pool_id.as_ref().is_none_or(has_pool),
            Change::MemberCreate(pool, _) | Change::HealthMonitorCreate(pool, _) => has_pool(pool),
            _ => true,
        };
        if possible {
            done.push(left.remove(at));
        } else {
            // Everything without parents can go first.
            let first = left.iter().position(|change| matches!(change, Change::PoolCreate(..))).unwrap();
            done.push(left.remove(first));
        }
    }
    done
}

fn run(northbound: &mut Northbound, id: LoadBalancerId, change: &Change) {
    let mut graph = northbound.decode(id);
    apply(&mut graph, change).unwrap();
    let plan = northbound.plan(id, graph.as_ref()).unwrap();
    northbound.execute(&plan);
    assert_eq!(northbound.decode(id), graph, "the rows say what was wanted");
}

/// Rows of others, near enough to be hit by mistake.
fn foreign(lb: LoadBalancerId) -> Northbound {
    let mut northbound = Northbound::default();
    let row = |n: u128, name: &str, keys: &[(&str, &str)]| LoadBalancerRow {
        uuid: Uuid::from_u128(n),
        name: name.into(),
        protocol: Some("alpha".into()),
        vips: [("172.24.4.9:80".to_owned(), "10.0.0.1:1".to_owned())].into(),
        selection_fields: Default::default(),
        options: Default::default(),
        external_ids: keys.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
        ip_port_mappings: Default::default(),
        health_checks: Vec::new(),
    };
    let rows = [
        row(1, "pf", &[("neutron:device_owner", "port_forwarding_plugin")]),
        row(
            2,
            "10000000-0000-4000-8000-000000000002",
            &[("weir:owner", "weir"), ("neutron:vip", "172.24.4.9")],
        ),
        row(
            3,
            "10000000-0000-4000-8000-000000000003",
            &[("weir:owner", "other"), ("neutron:vip", "172.24.4.9")],
        ),
    ];
    northbound.rows = rows.into_iter().map(|row| (row.uuid, row)).collect();
    let mut taken = row(4, "elsewhere", &[]);
    taken.uuid = diff::row_uuid(lb, 0);
    northbound.rows.insert(taken.uuid, taken);
    let rule = |n: u128, name: String, keys: &[(&str, &str)]| ExistingAcl {
        uuid: Uuid::from_u128(n),
        acl: Acl {
            switch: Uuid::from_u128(9),
            direction: "from-lport".into(),
            priority: acls::PRIORITY,
            matches: "ip4".into(),
            action: "drop".into(),
            name,
            external_ids: keys.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
        },
    };
    let (this, other) = (lb.to_string(), "10000000-0000-4000-8000-000000000002");
    northbound.acls = [
        rule(1, "neutron".to_owned(), &[("neutron:security_group_rule_id", "1")]),
        rule(2, acls::name(lb), &[("weir:owner", "other"), ("weir:lb", &this)]),
        rule(3, acls::name(lb), &[("weir:owner", "weir"), ("weir:lb", other)]),
    ]
    .into();
    northbound
}

proptest! {
    #![proptest_config(Config { cases: std::env::var("PROPTEST_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(400), failure_persistence: None, ..Config::default() })]

    #[test]
    fn rows_say_the_whole_load_balancer_and_a_done_plan_leaves_nothing_to_do(lb in load_balancer()) {
        let mut northbound = Northbound::default();
        let plan = northbound.plan(lb.id, Some(&lb)).unwrap();
        northbound.execute(&plan);
        prop_assert_eq!(northbound.decode(lb.id), Some(lb.clone()));
        let again = northbound.plan(lb.id, Some(&lb)).unwrap();
        prop_assert_eq!(again.operations, vec![]);
    }

    #[test]
    fn order_and_repetition_do_not_matter(
        lb in load_balancer(),
        choices in vec(any::<prop::sample::Index>(), 1..20),
        repeats in vec(any::<prop::sample::Index>(), 0..4),
    ) {
        let mut at_once = Northbound::default();
        run(&mut at_once, lb.id, &Change::LoadBalancerCreate(Box::new(lb.clone())));
        let mut singly = Northbound::default();
        let changes = shuffled(&lb, &choices);
        for change in &changes {
            run(&mut singly, lb.id, change);
        }
        prop_assert_eq!(at_once.shape(lb.id), singly.shape(lb.id));
        prop_assert_eq!(at_once.rules(), singly.rules());
        let limited = lb.listeners.values().any(|listener| !listener.allowed_cidrs.is_empty());
        prop_assert!(limited || singly.acls.is_empty());
        for repeat in repeats {
            let change = &changes[repeat.index(changes.len())];
            let before = singly.clone();
            let mut graph = singly.decode(lb.id);
            // A repeated create is equal to what is there, unless children came in since.
            if apply(&mut graph, change).is_ok() {
                let plan = singly.plan(lb.id, graph.as_ref()).unwrap();
                singly.execute(&plan);
                prop_assert_eq!(&before, &singly);
            }
        }
    }

    #[test]
    fn from_any_state_to_any_other_in_one_plan_and_back_to_nothing(a in load_balancer(), b in load_balancer()) {
        let mut northbound = foreign(a.id);
        let others = northbound.clone();
        for lb in [&a, &b] {
            let plan = northbound.plan(lb.id, Some(lb)).unwrap();
            let told = outcome(&plan, &northbound.existing(lb.id));
            northbound.execute(&plan);
            prop_assert_eq!(northbound.decode(lb.id), Some(lb.clone()));
            let mut rows = northbound.existing(lb.id);
            rows.sort_by_key(|existing| existing.row.uuid);
            prop_assert_eq!(told, rows, "the plan tells what it leads to");
        }
        let mut fresh = Northbound::default();
        let plan = fresh.plan(b.id, Some(&b)).unwrap();
        fresh.execute(&plan);
        prop_assert_eq!(northbound.shape(b.id), fresh.shape(b.id));
        let mut rules = northbound.rules();
        rules.retain(|rule| !others.rules().contains(rule));
        prop_assert_eq!(rules, fresh.rules());
        for row in others.rows.values() {
            prop_assert_eq!(northbound.rows.get(&row.uuid), Some(row));
        }
        let plan = northbound.plan(a.id, None).unwrap();
        northbound.execute(&plan);
        prop_assert_eq!(northbound, others);
    }

    #[test]
    fn options_go_with_the_flavor_and_an_operators_own_stay(a in load_balancer(), other in flavor()) {
        let mut northbound = Northbound::default();
        let plan = northbound.plan(a.id, Some(&a)).unwrap();
        northbound.execute(&plan);
        for row in northbound.rows.values_mut() {
            for (key, value) in &a.flavor {
                // A plugin knows better, where it says something at all.
                prop_assert!(row.options.get(key).is_some_and(|at| at == value || key == "sticky"), "{:?}", row);
            }
            row.options.insert("theirs".into(), "1".into());
        }
        let before = northbound.clone();
        let b = LoadBalancer { flavor: other, ..a };
        let plan = northbound.plan(b.id, Some(&b)).unwrap();
        northbound.execute(&plan);
        for row in northbound.rows.values() {
            let theirs = before.rows.contains_key(&row.uuid).then_some("1");
            prop_assert_eq!(row.options.get("theirs").map(String::as_str), theirs);
            for key in ["reject", "skip"] {
                prop_assert_eq!(row.options.get(key), b.flavor.get(key), "{}", key);
            }
        }
        prop_assert_eq!(northbound.decode(b.id), Some(b));
    }

    #[test]
    fn revert_takes_back_one_change_and_nothing_else(a in load_balancer(), pool in pool(), port in 1000..2000u16) {
        let mut pool = pool;
        pool.id = numbered(0x30, 900);
        pool.members.clear();
        let listener = Listener { id: numbered(0x20, 900), protocol: "ALPHA".into(), port, admin_state_up: true, default_pool_id: None, allowed_cidrs: vec![], extra: Extra::new() };
        let first = Change::ListenerCreate(a.id, listener);
        let second = Change::PoolCreate(a.id, None, pool);
        let (mut with_first, mut with_both, mut with_second) = (Some(a.clone()), Some(a.clone()), Some(a.clone()));
        apply(&mut with_first, &first).unwrap();
        apply(&mut with_both, &first).unwrap();
        apply(&mut with_both, &second).unwrap();
        apply(&mut with_second, &second).unwrap();
        prop_assert_eq!(revert(with_both, Some(&a), with_first.as_ref()), with_second);
        prop_assert_eq!(revert(with_first.clone(), Some(&a), with_first.as_ref()), Some(a));
    }

    #[test]
    fn whoever_edits_our_rows_shows(lb in load_balancer()) {
        let mut northbound = Northbound::default();
        let plan = northbound.plan(lb.id, Some(&lb)).unwrap();
        northbound.execute(&plan);
        let rows = northbound.existing(lb.id);
        let is_edited = |rows: &[Existing]| edited(rows, &words());
        prop_assert!(!is_edited(&rows));
        for at in 0..rows.len() {
            let edit = |edit: &dyn Fn(&mut LoadBalancerRow)| {
                let mut rows = rows.clone();
                edit(&mut rows[at].row);
                rows
            };
            // The revision says nothing of what the row should be.
            for key in rows[at].row.external_ids.keys().filter(|key| *key != keys::REVISION) {
                let without = edit(&|row| drop(row.external_ids.remove(key)));
                prop_assert!(is_edited(&without), "{}", key);
                prop_assert!(ownership().owns(&without[at].row), "still ours without {}", key);
                let other = edit(&|row| row.external_ids.get_mut(key).unwrap().push('x'));
                prop_assert!(is_edited(&other), "{}", key);
            }
            for vip in rows[at].row.vips.keys() {
                prop_assert!(is_edited(&edit(&|row| drop(row.vips.remove(vip)))));
            }
            prop_assert!(is_edited(&edit(&|row| drop(row.vips.insert("1.1.1.1:1".into(), "2.2.2.2:2".into())))));
            prop_assert!(is_edited(&edit(&|row| row.name = "renamed".into())));
            prop_assert!(is_edited(&edit(&|row| row.protocol = Some("other".into()))));
            // What somebody else keeps on our row is no edit of it.
            prop_assert!(!is_edited(&edit(&|row| drop(row.external_ids.insert("note".into(), "mine".into())))));
            if rows.len() > 1 {
                let mut fewer = rows.clone();
                fewer.remove(at);
                prop_assert!(is_edited(&fewer), "a row is missing");
            }
        }
    }
}

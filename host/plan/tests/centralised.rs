//! Members' own floating IPs: central where a distributed one breaks something, and as they were afterwards.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod support;

use std::collections::BTreeMap;

use support::{floating_ips::*, *};
use weir_model::*;
use weir_plan::*;

#[test]
fn a_members_floating_ip_is_central_while_its_load_balancer_has_one() {
    let mut net = WithFloatingIps::new(&[10, 11, 12]);
    assert_eq!(net.reconcile(1, Some(&load_balancer(1, &[10, 11], false))), 0, "no floating IP");
    let lb = load_balancer(1, &[10, 11], true);
    assert_eq!(net.plan_on(1, Some(&lb), true), [], "this OVN does not need it beside a floating IP");
    assert_eq!(net.reconcile(1, Some(&lb)), 2);
    assert!(is_central(net.of(10)) && is_central(net.of(11)));
    assert_eq!(net.of(10).external_ids["weir:centralised_for"], lb.id.to_string());
    assert_eq!(net.of(10).external_ids["neutron:revision_number"], "1");
    assert_eq!(*net.of(12), distributed(12), "of no member");
    assert_eq!(net.reconcile(1, Some(&load_balancer(1, &[10], true))), 1, "a member goes");
    assert_eq!(*net.of(11), distributed(11));
    assert_eq!(net.reconcile(1, Some(&load_balancer(1, &[10], false))), 1, "the floating IP goes");
    assert_eq!(*net.of(10), distributed(10));
}

#[test]
fn the_last_of_several_load_balancers_brings_it_back() {
    let mut net = WithFloatingIps::new(&[10]);
    let (one, two) = (load_balancer(1, &[10], true), load_balancer(2, &[10], true));
    assert_eq!((net.reconcile(1, Some(&one)), net.reconcile(2, Some(&two))), (1, 1));
    assert_eq!(net.reconcile(1, None), 1, "the load balancer goes");
    assert!(is_central(net.of(10)));
    assert_eq!(net.reconcile(2, None), 1);
    assert_eq!(*net.of(10), distributed(10));
}

#[test]
fn newer_ovn_brings_back_what_an_older_one_needed() {
    let mut net = WithFloatingIps::new(&[10]);
    let lb = load_balancer(1, &[10], true);
    net.reconcile(1, Some(&lb));
    let operations = net.plan_on(1, Some(&lb), true);
    assert!(
        matches!(&operations[..], [Operation::MemberFloatingIp { after, .. }] if *after == distributed(10)),
        "{operations:?}"
    );
}

#[test]
fn members_floating_ip_is_central_as_long_as_it_is_a_member_where_backends_are_redirected() {
    let net = WithFloatingIps::new(&[10, 11]);
    let central = MemberFloatingIps::Central;
    let lb = load_balancer(1, &[10], false);
    assert_eq!(net.plan_with(1, Some(&lb), true, false, central), [], "not before its first change");
    let operations = net.plan_with(1, Some(&lb), true, true, central);
    let [Operation::MemberFloatingIp { before, after }] = &operations[..] else { panic!("{operations:?}") };
    assert_eq!(*before, distributed(10));
    assert!(is_central(after));
    assert_eq!(after.external_ids["weir:centralised_for"], lb.id.to_string());
    assert_eq!(net.plan_with(1, Some(&lb), true, true, MemberFloatingIps::Distributed), []);

    let mut net = net;
    net.0.insert(server(10), after.clone());
    for (lb, policy) in [(Some(&lb), MemberFloatingIps::Distributed), (None, central)] {
        let operations = net.plan_with(1, lb, true, true, policy);
        assert!(
            matches!(&operations[..], [Operation::MemberFloatingIp { after, .. }] if *after == distributed(10)),
            "{operations:?}"
        );
    }
}

#[test]
fn members_floating_ip_that_no_entry_of_vips_concerns_is_distributed() {
    let mut net = WithFloatingIps::new(&[10, 11]);
    let lb = load_balancer(1, &[10, 11], true);
    let without = |change: &dyn Fn(&mut LoadBalancer)| {
        let mut lb = lb.clone();
        change(&mut lb);
        lb
    };
    let member = |lb: &mut LoadBalancer, change: &dyn Fn(&mut Member)| {
        lb.pools.values_mut().flat_map(|pool| pool.members.values_mut()).take(1).for_each(change);
    };
    let disabled = without(&|lb| member(lb, &|member| member.admin_state_up = false));
    assert_eq!(net.reconcile(1, Some(&disabled)), 1, "the other one's");
    assert_eq!(*net.of(10), distributed(10));
    assert_eq!(net.reconcile(1, Some(&lb)), 1, "it is enabled");
    assert_eq!(net.reconcile(1, Some(&disabled)), 1, "it is disabled again");
    assert_eq!(*net.of(10), distributed(10), "given back");
    let draining = without(&|lb| member(lb, &|member| member.weight = 0));
    assert_eq!(net.reconcile(1, Some(&draining)), 1);
    let waiting = without(&|lb| member(lb, &|member| member.backup = true));
    assert_eq!(net.reconcile(1, Some(&waiting)), 0, "it may step in at any time");
    assert!(is_central(net.of(10)) && is_central(net.of(11)));
    let serves_nobody: [&dyn Fn(&mut LoadBalancer); 6] = [
        &|lb| lb.admin_state_up = false,
        &|lb| lb.listeners.values_mut().for_each(|listener| listener.admin_state_up = false),
        &|lb| lb.listeners.values_mut().for_each(|listener| listener.default_pool_id = None),
        &|lb| lb.listeners.clear(),
        &|lb| lb.pools.values_mut().for_each(|pool| pool.admin_state_up = false),
        &|lb| lb.vip.address = "fd00:10::5".parse().unwrap(),
    ];
    for (n, change) in serves_nobody.into_iter().enumerate() {
        for redirects in [false, true] {
            let operations = net.plan_with(1, Some(&without(change)), redirects, true, Default::default());
            assert_eq!(operations.len(), 2, "{n}: {operations:?}");
        }
        assert_eq!(net.reconcile(1, Some(&without(change))), 2, "{n}");
        assert_eq!((net.of(10), net.of(11)), (&distributed(10), &distributed(11)), "{n}");
        assert_eq!(net.reconcile(1, Some(&lb)), 2, "{n}");
    }
}

#[test]
fn member_without_subnet_is_found_by_the_floating_ips_of_the_routers() {
    let mut net = WithFloatingIps::new(&[10, 11]);
    let mut lb = load_balancer(1, &[10], false);
    for member in lb.pools.values_mut().flat_map(|pool| pool.members.values_mut()) {
        member.subnet_id = None;
        member.address = "10.20.0.10".parse().unwrap();
    }
    let plan = |net: &WithFloatingIps, lb| net.plan_with(1, lb, true, true, MemberFloatingIps::Central);
    let operations = plan(&net, Some(&lb));
    let [Operation::MemberFloatingIp { before, after }] = &operations[..] else { panic!("{operations:?}") };
    assert_eq!(*before, distributed(10));
    assert!(is_central(after));
    net.0.insert(server(10), after.clone());
    assert_eq!(plan(&net, Some(&lb)), [], "it stays central");
    let operations = plan(&net, None);
    assert!(
        matches!(&operations[..], [Operation::MemberFloatingIp { after, .. }] if *after == distributed(10)),
        "{operations:?}"
    );
}

#[test]
fn distributed_leaves_floating_ips_alone_on_every_ovn() {
    let net = WithFloatingIps::new(&[10]);
    let lb = load_balancer(1, &[10], true);
    for redirects in [false, true] {
        assert_eq!(net.plan_with(1, Some(&lb), redirects, true, MemberFloatingIps::Distributed), []);
    }
}

#[test]
fn load_balancer_that_is_there_is_covered_from_its_first_change_on() {
    let row = |keys: &[&str]| {
        let mut row = Existing { row: empty_row(), attached: Attached::default() };
        row.row.external_ids.extend(keys.iter().map(|key| ((*key).to_owned(), "true".to_owned())));
        vec![row]
    };
    let covered = |existing: &[Existing], changes: bool, redirects_backends: bool, policy| {
        let capabilities = Capabilities { redirects_backends, ..capabilities() };
        let (words, health) = (words(), HealthMap::new());
        let ownership = Ownership { member_floating_ips: policy, ..ownership() };
        let around = Surroundings {
            topology: &Net,
            capabilities: &capabilities,
            words: &words,
            health: &health,
            ownership: &ownership,
        };
        covers_members(existing, changes, around)
    };
    let (central, distributed) = (MemberFloatingIps::Central, MemberFloatingIps::Distributed);
    let (before, marked) = (row(&[]), row(&[keys::CENTRAL_MEMBERS]));
    assert!(!covered(&before, false, true, central));
    assert!(covered(&before, true, true, central));
    assert!(covered(&[], false, true, central), "it is made anew");
    assert!(covered(&marked, false, true, central));
    assert!(!covered(&before, true, false, central), "before OVN 23.09");
    assert!(!covered(&before, true, true, distributed));
}

/// A row with nothing in it.
fn empty_row() -> LoadBalancerRow {
    LoadBalancerRow {
        uuid: Default::default(),
        name: String::new(),
        protocol: None,
        vips: BTreeMap::new(),
        selection_fields: Default::default(),
        options: BTreeMap::new(),
        external_ids: BTreeMap::new(),
        ip_port_mappings: BTreeMap::new(),
        health_checks: Vec::new(),
    }
}

#[test]
fn what_was_never_distributed_is_left_alone() {
    let mut net = WithFloatingIps::new(&[10, 11]);
    for host in [10, 11] {
        net.0.get_mut(&server(host)).unwrap().external_mac = None;
    }
    net.0.get_mut(&server(11)).unwrap().logical_port = None;
    assert_eq!(net.reconcile(1, Some(&load_balancer(1, &[10, 11], true))), 0);
}

#[test]
fn what_neutron_writes_anew_is_cleared_again_and_stands_afterwards() {
    let mut net = WithFloatingIps::new(&[10]);
    let lb = load_balancer(1, &[10], true);
    net.reconcile(1, Some(&lb));
    let row = net.0.get_mut(&server(10)).unwrap();
    row.external_mac = Some("fa:16:3e:ff:ff:ff".to_owned());
    row.logical_port = Some(server(10).to_string());
    assert_eq!(net.reconcile(1, Some(&lb)), 1);
    assert!(is_central(net.of(10)));
    assert_eq!(net.reconcile(1, None), 1);
    assert_eq!(net.of(10).external_mac.as_deref(), Some("fa:16:3e:ff:ff:ff"));
}

#[test]
fn one_that_was_moved_to_another_port_stays_as_it_is() {
    let mut net = WithFloatingIps::new(&[10]);
    net.reconcile(1, Some(&load_balancer(1, &[10], true)));
    let row = net.0.get_mut(&server(10)).unwrap();
    row.external_ids.insert("neutron:fip_port_id".to_owned(), server(99).to_string());
    assert_eq!(net.reconcile(1, None), 1);
    assert!(is_central(net.of(10)), "it is not that port's any more");
    assert!(net.of(10).external_ids.keys().all(|key| !key.starts_with("weir:")));
}

#[test]
fn nothing_else_of_such_a_row_may_be_written() {
    let (before, sound) = (distributed(10), |after: FloatingIp| {
        let operation = Operation::MemberFloatingIp { before: distributed(10), after };
        let plan = Plan {
            lb: numbered(1, 1),
            operations: vec![operation],
            kept: Vec::new(),
            unresolved: Vec::new(),
            without_port: Vec::new(),
            sourceless: Vec::new(),
            findings: Vec::new(),
            overlaps_with: Default::default(),
        };
        check(&plan, &[], &ownership()).is_ok()
    });
    let central = FloatingIp { external_mac: None, logical_port: None, ..before.clone() };
    assert!(sound(central.clone()));
    let mut key = central.clone();
    key.external_ids.insert("neutron:revision_number".to_owned(), "2".to_owned());
    assert!(!sound(key), "another key");
    assert!(!sound(FloatingIp { external_mac: None, ..before.clone() }), "one column alone");
    assert!(!sound(FloatingIp { uuid: Default::default(), ..central }), "another row");
}

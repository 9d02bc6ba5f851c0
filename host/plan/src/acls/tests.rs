#![allow(clippy::unwrap_used)]

use super::*;

const LB: &str = "10000000-0000-4000-8000-000000000001";

fn listener(cidrs: &[&str]) -> Listener {
    Listener {
        id: LB.parse().unwrap(),
        protocol: "ALPHA".to_owned(),
        port: 80,
        admin_state_up: true,
        default_pool_id: None,
        allowed_cidrs: cidrs.iter().map(|cidr| (*cidr).to_owned()).collect(),
        extra: Default::default(),
    }
}

fn at(addresses: &[&str]) -> Vec<Front> {
    let front = |address: &&str| Front { address: address.parse().unwrap(), of: 0, floating: false };
    addresses.iter().map(front).collect()
}

fn both(cidrs: &[&str], addresses: &[&str]) -> [Option<String>; 2] {
    [true, false].map(|ipv4| dropped(&listener(cidrs), "alpha", &at(addresses), ipv4))
}

#[test]
fn what_no_cidr_allows_is_dropped() {
    assert_eq!(
        both(&["10.0.0.0/24"], &["192.0.2.5"]),
        [Some("ip4.dst == 192.0.2.5 && alpha.dst == 80 && ip4.src != 10.0.0.0/24".to_owned()), None]
    );
    assert_eq!(
        both(&["10.0.0.0/24", "198.51.100.7/32"], &["192.0.2.5", "172.24.4.9"]),
        [
            Some(
                "ip4.dst == {172.24.4.9, 192.0.2.5} && alpha.dst == 80 && ip4.src != {10.0.0.0/24, 198.51.100.7/32}"
                    .to_owned()
            ),
            None
        ]
    );
}

#[test]
fn cidrs_are_written_as_ovn_takes_them() {
    let [v4, v6] =
        both(&["10.0.0.9/24", "10.0.1.0/24", "fd00::1/64", "192.0.2.1"], &["192.0.2.5", "fd00::5"]);
    assert_eq!(
        v4.unwrap(),
        "ip4.dst == 192.0.2.5 && alpha.dst == 80 && ip4.src != {10.0.0.0/23, 192.0.2.1/32}",
        "no bits behind the prefix, and neighbours are one"
    );
    assert_eq!(v6.unwrap(), "ip6.dst == fd00::5 && alpha.dst == 80 && ip6.src != fd00::/64");
}

#[test]
fn an_ip_version_without_cidrs_is_closed() {
    assert_eq!(
        both(&["10.0.0.0/24"], &["fd00::5"]),
        [None, Some("ip6.dst == fd00::5 && alpha.dst == 80".to_owned())]
    );
}

#[test]
fn where_all_may_come_nothing_is_dropped() {
    assert_eq!(both(&["10.0.0.0/24", "0.0.0.0/0", "::/0"], &["192.0.2.5", "fd00::5"]), [None, None]);
}

#[test]
fn a_rule_is_known_by_its_keys_and_without_them_by_its_name() {
    let ownership = Ownership {
        deployment: "weir".to_owned(),
        adopt: Default::default(),
        member_floating_ips: Default::default(),
    };
    let lb: LoadBalancerId = LB.parse().unwrap();
    let acl = |name: String, external_ids: &[(&str, &str)]| Acl {
        switch: Uuid::nil(),
        direction: FROM.to_owned(),
        priority: PRIORITY,
        matches: "1".to_owned(),
        action: DROP.to_owned(),
        name,
        external_ids: external_ids.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect(),
    };
    let is_ours = |name: String, external_ids: &[(&str, &str)]| acl(name, external_ids).is_of(lb, &ownership);
    assert!(is_ours("any".to_owned(), &[(keys::OWNER, "weir"), (keys::LB, LB)]));
    assert!(is_ours(name(lb), &[]));
    assert!(!is_ours(name(lb), &[(keys::OWNER, "another"), (keys::LB, LB)]));
    assert!(!is_ours(name(lb), &[(keys::LB, "10000000-0000-4000-8000-000000000002")]));
    assert!(!is_ours("any".to_owned(), &[]));
    assert_eq!(
        (load_balancer_in(&name(lb)), load_balancer_in("weir-x"), load_balancer_in("")),
        (Some(lb), None, None)
    );
}

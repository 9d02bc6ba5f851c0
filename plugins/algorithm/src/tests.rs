//! Weights, draining and backups: what holds whatever the members are.

use std::collections::BTreeMap;

use proptest::prelude::*;
use weir_guest::Family::{Ipv4, Ipv6};
use weir_guest::Health::{Offline, Online, Unknown};
use weir_guest::{Algorithm, Member, testing};

use crate::Hashing;

/// Copies of each member; 0 for one without a share.
fn copies(members: &[Member]) -> Vec<u16> {
    let ctx = testing::context(&["198.51.100.1"]);
    let pool = testing::pool("TCP", "SOURCE_IP_PORT");
    let mut copies = vec![0; members.len()];
    for share in Hashing::distribute(&ctx, Some(&pool), members).unwrap().shares {
        assert_eq!(copies[share.member as usize], 0, "one share a member");
        assert_ne!(share.copies, 0);
        copies[share.member as usize] = share.copies;
    }
    copies
}

fn weighing(weights: &[u16]) -> Vec<Member> {
    weights.iter().map(|weight| Member { weight: *weight, ..testing::member("192.0.2.1:80") }).collect()
}

fn gcd(a: u16, b: u16) -> u16 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[test]
fn by_example() {
    for (weights, wanted) in [
        (&[1, 1, 1][..], &[1, 1, 1][..]),
        (&[100, 100], &[1, 1]),
        (&[5], &[1]),
        (&[3, 1], &[3, 1]),
        (&[100, 300, 0, 200], &[1, 3, 0, 2]),
        (&[64, 1], &[64, 1]),
        (&[256, 1, 128], &[64, 1, 32]),
        (&[0, 0], &[0, 0]),
        (&[], &[]),
    ] {
        assert_eq!(copies(&weighing(weights)), wanted, "{weights:?}");
    }
}

#[test]
fn a_pool_has_at_most_256_backends_or_one_of_each() {
    let of = |half: usize| copies(&weighing(&[vec![3; half], vec![1; half]].concat()));
    assert_eq!(of(64)[0], 3);
    assert_eq!(of(64).iter().sum::<u16>(), 256);
    let more = of(65);
    assert_eq!((more[0], more[129]), (2, 1));
    assert_eq!(of(200), vec![1; 400]);
}

fn member() -> impl Strategy<Value = Member> {
    let weight = prop_oneof![0..=256u16, 0..4u16, Just(1), Just(100)];
    let health = prop_oneof![Just(Unknown), Just(Online), Just(Offline)];
    let family = prop_oneof![3 => Just(Ipv4), 1 => Just(Ipv6)];
    let often = |percent: u32| prop::bool::weighted(f64::from(percent) / 100.0);
    (weight, health, family, often(80), often(25)).prop_map(|(weight, health, family, enabled, backup)| {
        Member { weight, health, family, enabled, backup, ..testing::member("192.0.2.1:80") }
    })
}

fn members() -> impl Strategy<Value = Vec<Member>> {
    prop_oneof![prop::collection::vec(member(), 0..8), prop::collection::vec(member(), 8..300)]
}

/// Who has to serve, said another way than the plugin does.
fn serves(all: &[Member], member: &Member) -> bool {
    let can = |m: &Member| m.enabled && m.weight > 0;
    let primary_up =
        all.iter().any(|m| can(m) && !m.backup && m.health != Offline && m.family == member.family);
    can(member) && (!member.backup || !primary_up)
}

proptest! {
    #[test]
    fn who_serves_has_a_copy_and_nobody_else(members in members()) {
        for (member, copies) in members.iter().zip(copies(&members)) {
            prop_assert_eq!(copies > 0, serves(&members, member), "{:?}", member);
            prop_assert!(copies <= 64);
        }
    }

    #[test]
    fn the_sum_is_at_most_256_or_one_each(members in members()) {
        let copies = copies(&members);
        let sum: usize = copies.iter().map(|c| usize::from(*c)).sum();
        prop_assert!(sum <= copies.iter().filter(|c| **c > 0).count().max(256), "{}", sum);
    }

    #[test]
    fn where_it_fits_copies_are_the_weights_by_their_common_divisor(
        weights in prop::collection::vec(1..=64u16, 1..=4), factor in 1..=4u16,
    ) {
        let divisor = weights.iter().fold(0, |all, w| gcd(all, *w));
        let wanted: Vec<_> = weights.iter().map(|w| w / divisor).collect();
        let more: Vec<_> = weights.iter().map(|w| w * factor).collect();
        prop_assert_eq!(&copies(&weighing(&weights)), &wanted);
        prop_assert_eq!(&copies(&weighing(&more)), &wanted);
    }

    #[test]
    fn more_weight_is_not_fewer_copies_and_the_same_weight_the_same(members in members()) {
        let mut by_weight = BTreeMap::new();
        for (member, copies) in members.iter().zip(copies(&members)).filter(|(_, copies)| *copies > 0) {
            prop_assert_eq!(*by_weight.entry(member.weight).or_insert(copies), copies);
        }
        let copies: Vec<_> = by_weight.into_values().collect();
        prop_assert!(copies.is_sorted(), "{:?}", copies);
    }

    #[test]
    fn order_does_not_matter(members in members(), by in 0..300usize) {
        let by = by % members.len().max(1);
        let mut turned = members.clone();
        turned.rotate_left(by);
        let mut wanted = copies(&members);
        wanted.rotate_left(by);
        prop_assert_eq!(copies(&turned), wanted);
    }

    #[test]
    fn up_to_ten_members_are_near_their_part(weights in prop::collection::vec(4..=256u16, 2..=10)) {
        let copies = copies(&weighing(&weights));
        let (all, sum) = (weights.iter().map(|w| f64::from(*w)).sum::<f64>(), copies.iter().map(|c| f64::from(*c)).sum::<f64>());
        for (weight, copies) in weights.iter().zip(&copies) {
            let off = (f64::from(*copies) / sum - f64::from(*weight) / all).abs();
            prop_assert!(off < 0.03, "{} of {}, {} of {}", weight, all, copies, sum);
        }
    }
}

//! What holds whatever the weights are, and that only the shares differ from the shipped plugin's.

use std::collections::BTreeMap;

use proptest::prelude::*;
use weir_guest::{Member, shares_within, testing};
use weir_plugin_algorithm::Hashing;
use weir_testkit::{Native, comparison};

use crate::{Weighted, config::Config};

fn members(weights: &[u16]) -> Vec<Member> {
    weights.iter().map(|weight| Member { weight: *weight, ..testing::member("192.0.2.1:80") }).collect()
}

/// Copies of each member; 0 for one without a share.
fn copies(weights: &[u16], max_copies: u16, max_backends: u16) -> Vec<u16> {
    let mut copies = vec![0; weights.len()];
    for share in shares_within(&members(weights), Config { max_copies, max_backends }.limits()) {
        copies[share.member as usize] = share.copies;
    }
    copies
}

fn gcd(weights: &[u16]) -> u16 {
    let common = |d: &u16| weights.iter().all(|w| w % d == 0);
    (1..=256).rev().find(common).unwrap()
}

fn some_weights() -> impl Strategy<Value = Vec<u16>> {
    prop::collection::vec(prop_oneof![0..=256u16, 0..4u16, Just(100)], 1..60)
}

#[test]
fn by_example() {
    assert_eq!(copies(&[1, 1, 1], 16, 512), [1, 1, 1]);
    assert_eq!(copies(&[100, 300, 0, 200], 16, 512), [1, 3, 0, 2]);
    assert_eq!(copies(&[256, 1, 128], 16, 512), [16, 1, 8]);
    assert_eq!(copies(&[3, 1], 2, 512), [2, 1]);
    // The light ones keep one each; of the other four the 3 should have 2.4 and the 2 should have 1.6.
    assert_eq!(copies(&[3, 2, 1, 1], 16, 6), [2, 2, 1, 1]);
    // Of what is left for two of the same weight both have one, or neither.
    assert_eq!(copies(&[5, 5, 4], 16, 8), [3, 3, 2]);
    assert_eq!(copies(&[5, 5, 4], 16, 7), [2, 2, 2]);
    // More members than backends: one each.
    assert_eq!(copies(&[9, 5, 4], 16, 2), [1, 1, 1]);
    assert_eq!(copies(&[0, 0], 16, 1), [0, 0]);
    assert_eq!(copies(&[], 16, 1), [0; 0]);
}

proptest! {
    #[test]
    fn every_weight_above_0_serves_and_no_limit_is_exceeded(
        weights in some_weights(), max_copies in 1..=64u16, max_backends in 1..300u16,
    ) {
        let copies = copies(&weights, max_copies, max_backends);
        for (weight, copies) in weights.iter().zip(&copies) {
            prop_assert_eq!(*weight == 0, *copies == 0);
            prop_assert!(*copies <= max_copies);
        }
        let usable = weights.iter().filter(|w| **w > 0).count();
        let sum: usize = copies.iter().map(|c| usize::from(*c)).sum();
        prop_assert!(sum <= usable.max(max_backends.into()), "{} in sum", sum);
    }

    #[test]
    fn the_same_weight_has_the_same_copies_and_more_weight_not_fewer(
        weights in some_weights(), max_copies in 1..=64u16, max_backends in 1..300u16,
    ) {
        let copies = copies(&weights, max_copies, max_backends);
        let mut by_weight = BTreeMap::new();
        for (weight, copies) in weights.iter().zip(copies) {
            prop_assert_eq!(*by_weight.entry(*weight).or_insert(copies), copies);
        }
        let copies: Vec<_> = by_weight.into_values().collect();
        prop_assert!(copies.is_sorted(), "{:?}", copies);
    }

    #[test]
    fn a_common_factor_changes_nothing(
        weights in prop::collection::vec(0..=16u16, 1..30), factor in 1..=16u16, max_copies in 1..=64u16,
        max_backends in 1..300u16,
    ) {
        let more: Vec<_> = weights.iter().map(|w| w * factor).collect();
        prop_assert_eq!(copies(&weights, max_copies, max_backends), copies(&more, max_copies, max_backends));
    }

    #[test]
    fn small_weights_are_exact(weights in prop::collection::vec(1..=16u16, 1..30)) {
        let divisor = gcd(&weights);
        let wanted: Vec<_> = weights.iter().map(|w| w / divisor).collect();
        prop_assert_eq!(copies(&weights, 16, 512), wanted);
    }

    #[test]
    fn larger_weights_are_off_by_half_a_copy_at_most(weights in some_weights(), max_copies in 1..=64u16) {
        let heaviest = f64::from(weights.iter().copied().max().unwrap());
        let divisor = f64::from(gcd(&weights));
        for (weight, copies) in weights.iter().zip(copies(&weights, max_copies, u16::MAX)) {
            let fit = f64::min(1.0 / divisor, f64::from(max_copies) / heaviest);
            let ideal = f64::from(*weight) * fit;
            let off = (f64::from(copies) - ideal).abs();
            prop_assert!(off <= 0.5 + 1e-9 || (copies == 1 && ideal < 1.0), "{} copies for {}", copies, ideal);
        }
    }

    #[test]
    fn under_a_total_nobody_has_two_copies_more_than_its_part(weights in some_weights(), max_backends in 1..300u16) {
        let all: u64 = weights.iter().map(|w| u64::from(*w)).sum();
        for (weight, copies) in weights.iter().zip(copies(&weights, 64, max_backends)) {
            let part = (u64::from(*weight) * u64::from(max_backends)).div_ceil(all.max(1));
            prop_assert!(u64::from(copies) <= part.max(1) + 1, "{} copies for a part of {}", copies, part);
        }
    }
}

/// Fields, persistence, refusals, who serves: as the shipped plugin answers, to 2000 random questions. Only the number of
/// copies may differ, and under the shipped plugin's own limits nothing does.
#[test]
fn all_but_the_limits_is_the_shipped_plugins() {
    let compare = |config| {
        comparison(&Native::algorithm::<Weighted>(), &Native::algorithm::<Hashing>(), 7, 2000, config)
    };
    let report = compare("");
    assert_eq!(report.ran, 2000);
    let rules: Vec<_> = report.differences.iter().map(|d| d.rule.as_str()).collect();
    assert_eq!(rules, ["distribute: shares as the shipped plugin answers"], "{report}");
    let report = compare(r#"{"max_copies":64,"max_backends":256}"#);
    assert_eq!(report.ran, 2000);
    assert!(report.differences.is_empty(), "{report}");
}

//! From weights to copies: arithmetic alone.
//!
//! Members of the same weight have the same number of copies, wherever they stand in the list: else the order of members
//! would decide who serves, and a change elsewhere would move connections. So all is counted by weight, not by member.

use std::collections::BTreeMap;

/// Copies of each weight, of which there are so many members. Weights are above 0.
pub(super) fn by_weight(
    counts: &BTreeMap<u16, u64>,
    max_copies: u16,
    max_backends: u16,
) -> BTreeMap<u16, u16> {
    let divisor = counts.keys().fold(0, |all, weight| greatest_common_divisor(all, *weight)).max(1);
    let heaviest = u32::from(counts.keys().max().copied().unwrap_or(1) / divisor).max(1);
    let most = u32::from(max_copies);
    let scaled = |weight: u16| {
        let weight = u32::from(weight / divisor);
        // Exact where it can be; else the heaviest has the most, and the others are rounded to the nearest.
        let copies = if heaviest <= most { weight } else { (weight * most + heaviest / 2) / heaviest };
        u16::try_from(copies.clamp(1, most)).unwrap_or(max_copies)
    };
    let copies: BTreeMap<_, _> = counts.keys().map(|weight| (*weight, scaled(*weight))).collect();
    let sum: u64 = copies.iter().zip(counts.values()).map(|((_, copies), n)| u64::from(*copies) * n).sum();
    if sum <= max_backends.into() { copies } else { largest_remainder(counts, max_copies, max_backends) }
}

/// So many seats, given to members by weight as parliaments give theirs to parties: each gets the whole part of what it
/// should have, and what is left goes to those that lost most by that, until it is not enough for all of a weight.
fn largest_remainder(counts: &BTreeMap<u16, u64>, max_copies: u16, seats: u16) -> BTreeMap<u16, u16> {
    // Nobody of a weight above 0 goes empty. Who should have less than one gets one, and the others divide the rest,
    // of which there is less then: again, until nobody is left who should have less than one.
    let mut copies: BTreeMap<u16, u16> = counts.keys().map(|weight| (*weight, 1)).collect();
    let mut open: Vec<(u64, u64)> = counts.iter().map(|(weight, n)| (u64::from(*weight), *n)).collect();
    let mut seats = u64::from(seats);
    let sum = loop {
        let sum: u64 = open.iter().map(|(weight, n)| weight * n).sum();
        let (small, rest): (Vec<_>, Vec<_>) = open.into_iter().partition(|(weight, _)| weight * seats < sum);
        open = rest;
        if small.is_empty() {
            break sum.max(1);
        }
        seats = seats.saturating_sub(small.iter().map(|(_, n)| n).sum());
    };
    let mut left = seats.saturating_sub(open.iter().map(|(weight, n)| weight * seats / sum * n).sum());
    // The largest remainder first; of the same, the heavier weight.
    open.sort_by_key(|(weight, _)| std::cmp::Reverse((weight * seats % sum, *weight)));
    for (weight, n) in open {
        // Never past one that goes without: it may be the heavier.
        if weight * seats % sum == 0 || n > left {
            left = 0;
        }
        let more = u64::from(left > 0);
        left -= more * n;
        let whole = (weight * seats / sum + more).clamp(1, max_copies.into());
        if let (Ok(weight), Ok(whole)) = (u16::try_from(weight), u16::try_from(whole)) {
            copies.insert(weight, whole);
        }
    }
    copies
}

fn greatest_common_divisor(a: u16, b: u16) -> u16 {
    if b == 0 { a } else { greatest_common_divisor(b, a % b) }
}

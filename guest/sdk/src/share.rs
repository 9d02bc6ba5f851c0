//! Shares: which members get connections, and how many.

use crate::{Member, Share};

/// Most copies that a member may have.
const MOST: u32 = 64;

/// The members that take new connections, with their index: enabled and of a weight above 0.
///
/// Backup members are among them: what they mean is an algorithm's to say.
///
/// ```
/// use weir_guest::{testing, usable};
///
/// let mut members = vec![testing::member("192.0.2.1:80"); 3];
/// members[0].enabled = false;
/// members[1].weight = 0;
/// assert_eq!(usable(&members).map(|(index, _)| index).collect::<Vec<_>>(), [2]);
/// ```
pub fn usable(members: &[Member]) -> impl Iterator<Item = (u32, &Member)> {
    (0u32..).zip(members).filter(|(_, m)| m.enabled && m.weight > 0)
}

/// The same share for every [`usable`] member.
///
/// ```
/// use weir_guest::{shares_evenly, testing};
///
/// let mut members = vec![testing::member("192.0.2.1:80"); 3];
/// members[1].enabled = false;
/// let shares: Vec<_> = shares_evenly(&members).iter().map(|s| (s.member, s.copies)).collect();
/// assert_eq!(shares, [(0, 1), (2, 1)]);
/// ```
pub fn shares_evenly(members: &[Member]) -> Vec<Share> {
    usable(members).map(|(member, _)| Share { member, copies: 1 }).collect()
}

/// Shares in the proportion of the [`usable`] members' weights: exact while the smallest whole numbers in that
/// proportion are at most 64, and else rounded so that the heaviest has 64 and the lightest at least 1.
///
/// ```
/// use weir_guest::{shares_by_weight, testing};
///
/// let weighing = |weights: &[u16]| {
///     let mut members = vec![testing::member("192.0.2.1:80"); weights.len()];
///     for (member, weight) in members.iter_mut().zip(weights) {
///         member.weight = *weight;
///     }
///     shares_by_weight(&members).iter().map(|s| s.copies).collect::<Vec<_>>()
/// };
/// assert_eq!(weighing(&[10, 20, 0, 50]), [1, 2, 5]);
/// assert_eq!(weighing(&[256, 1, 128]), [64, 1, 32]);
/// ```
pub fn shares_by_weight(members: &[Member]) -> Vec<Share> {
    let divisor = usable(members).fold(0, |all, (_, m)| greatest_common_divisor(all, m.weight.into())).max(1);
    let heaviest = usable(members).map(|(_, m)| u32::from(m.weight) / divisor).max().unwrap_or(1).max(1);
    let copies = |member: &Member| {
        let weight = u32::from(member.weight) / divisor;
        let scaled = if heaviest <= MOST { weight } else { (weight * MOST + heaviest / 2) / heaviest };
        // At most 64 by then.
        u16::try_from(scaled.clamp(1, MOST)).unwrap_or(1)
    };
    usable(members).map(|(member, m)| Share { member, copies: copies(m) }).collect()
}

fn greatest_common_divisor(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { greatest_common_divisor(b, a % b) }
}

//! Shares: which members get connections, and how many.

mod copies;

use std::collections::BTreeMap;

use crate::{Health, Member, Share};

/// The interface's own limit (`share.copies` in wit/types.wit).
const MOST_COPIES: u16 = 64;

/// How many copies there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Most copies of one member, 1 to 64.
    pub copies: u16,
    /// Most copies of all members of a pool. A pool of more members has one of each.
    pub backends: u16,
}

impl Default for Limits {
    /// 64 copies a member, which is what the interface allows; 256 a pool.
    ///
    /// Why 256: a VIP's backends become the buckets of one OpenFlow group. Its message has at most 64 KiB, at about 100
    /// bytes a bucket, and ovs-vswitchd looks at every bucket for each new connection. 256 is well below the first, and
    /// a pool of ten members still has 25 copies each, so that no member is off by more than some percent.
    fn default() -> Limits {
        Limits { copies: MOST_COPIES, backends: 256 }
    }
}

/// The members that take new connections, with their index: enabled and of a weight above 0.
///
/// Backup members are among them: see [`serving`].
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

/// The [`usable`] members without the backups that wait: a backup waits while another member of its IP version, which
/// is no backup, is not offline.
///
/// Where all of those are offline they stay beside the backups: the network leaves them out by itself, and goes on
/// probing only what it is told of.
///
/// ```
/// use weir_guest::{Health, serving, testing};
///
/// let who = |members: &[_]| serving(members).map(|(index, _)| index).collect::<Vec<_>>();
/// let mut members = vec![testing::member("192.0.2.1:80"); 3];
/// members[2].backup = true;
/// assert_eq!(who(&members), [0, 1]);
/// members[0].health = Health::Offline;
/// assert_eq!(who(&members), [0, 1], "one is enough");
/// members[1].health = Health::Offline;
/// assert_eq!(who(&members), [0, 1, 2]);
/// assert_eq!(who(&members[2..]), [0], "nobody else is there");
/// ```
pub fn serving(members: &[Member]) -> impl Iterator<Item = (u32, &Member)> {
    let up = |other: &Member| !other.backup && other.health != Health::Offline;
    let families: Vec<_> = usable(members).filter(|(_, m)| up(m)).map(|(_, m)| m.family).collect();
    usable(members).filter(move |(_, m)| !m.backup || !families.contains(&m.family))
}

/// The same share for every [`usable`] member, be it a backup.
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

/// Shares in the proportion of the [`serving`] members' weights, within the [default limits](Limits::default).
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
    shares_within(members, Limits::default())
}

/// Shares in the proportion of the [`serving`] members' weights: divided by what these have in common, and exact where
/// that is within the limits. Else the heaviest has the most copies and the others are rounded to the nearest; where the
/// sum is too large, what there may be is divided by the largest remainder. Every serving member has one copy at least,
/// and members of the same weight have the same number.
///
/// ```
/// use weir_guest::{Limits, shares_within, testing};
///
/// let mut members = vec![testing::member("192.0.2.1:80"); 3];
/// members[0].weight = 30;
/// members[1].weight = 10;
/// let copies = |limits| shares_within(&members, limits).iter().map(|s| s.copies).collect::<Vec<_>>();
/// assert_eq!(copies(Limits { copies: 64, backends: 256 }), [30, 10, 1]);
/// assert_eq!(copies(Limits { copies: 6, backends: 256 }), [6, 2, 1]);
/// assert_eq!(copies(Limits { copies: 64, backends: 5 }), [3, 1, 1]);
/// ```
pub fn shares_within(members: &[Member], limits: Limits) -> Vec<Share> {
    // Counted by weight, not by member: else the order of members would decide who serves.
    let mut counts = BTreeMap::new();
    for (_, member) in serving(members) {
        *counts.entry(member.weight).or_default() += 1;
    }
    let copies = copies::by_weight(&counts, limits.copies.clamp(1, MOST_COPIES), limits.backends);
    let share = |(member, m): (u32, &Member)| Some(Share { member, copies: *copies.get(&m.weight)? });
    serving(members).filter_map(share).collect()
}

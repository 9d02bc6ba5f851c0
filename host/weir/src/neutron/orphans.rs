//! Which ports nobody needs any more. A pure book of what was seen: the host asks Neutron, Northbound and Octavia, and does
//! what comes out.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use weir_model::{LoadBalancerId, SubnetId};

use crate::limits;

/// What earlier looks have seen.
#[derive(Debug, Default)]
pub struct Orphans {
    balancers: BTreeMap<LoadBalancerId, Missing>,
    idle: BTreeMap<SubnetId, Instant>,
}

#[derive(Debug)]
struct Missing {
    since: Instant,
    denials: u32,
}

/// Which VIP ports go, by their load balancers.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    /// These.
    Free(BTreeSet<LoadBalancerId>),
    /// So many that it looks like a mistake: none.
    TooMany(BTreeSet<LoadBalancerId>),
}

/// How the load balancers that are missing differ from those of the look before.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Changed {
    /// Missing now.
    pub added: Vec<LoadBalancerId>,
    /// No longer missing, or without VIP ports.
    pub removed: Vec<LoadBalancerId>,
}

impl Orphans {
    /// What was known before a restart: since when load balancers are missing.
    pub fn since(missing: BTreeMap<LoadBalancerId, Instant>) -> Self {
        let balancers = missing.into_iter().map(|(lb, since)| (lb, Missing { since, denials: 0 }));
        Self { balancers: balancers.collect(), idle: BTreeMap::new() }
    }

    /// Load balancers that have VIP ports in Neutron and no row in the Northbound.
    pub fn missing(&mut self, now: Instant, missing: &BTreeSet<LoadBalancerId>) -> Changed {
        let known: BTreeSet<_> = self.balancers.keys().copied().collect();
        let changed = Changed {
            added: missing.difference(&known).copied().collect(),
            removed: known.difference(missing).copied().collect(),
        };
        self.balancers.retain(|lb, _| missing.contains(lb));
        for lb in &changed.added {
            self.balancers.insert(*lb, Missing { since: now, denials: 0 });
        }
        changed
    }

    /// What Octavia says of one of them.
    pub fn octavia_says(&mut self, lb: LoadBalancerId, known: bool) {
        if let Some(missing) = self.balancers.get_mut(&lb) {
            missing.denials = if known { 0 } else { missing.denials + 1 };
        }
    }

    /// Those that have been missing for long enough, and denied often enough.
    pub fn verdict(&self, now: Instant, unknown_after: Duration, all: usize) -> Verdict {
        let due = self.balancers.iter().filter(|(_, missing)| {
            missing.denials >= limits::PORT_DENIALS && now.duration_since(missing.since) >= unknown_after
        });
        let due: BTreeSet<_> = due.map(|(lb, _)| *lb).collect();
        let most = (all * limits::PORTS_FREED_PER_CENT / 100).max(limits::PORTS_FREED_MIN);
        if due.len() > most { Verdict::TooMany(due) } else { Verdict::Free(due) }
    }

    /// Subnets whose source port's address is in no row; gives those for which it has been so for long enough.
    pub fn idle(&mut self, now: Instant, idle: &BTreeSet<SubnetId>) -> BTreeSet<SubnetId> {
        self.idle.retain(|subnet, _| idle.contains(subnet));
        let mut due = BTreeSet::new();
        for subnet in idle {
            let since = *self.idle.entry(*subnet).or_insert(now);
            if now.duration_since(since) >= limits::SOURCE_PORT_IDLE {
                due.insert(*subnet);
            }
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const AFTER: Duration = Duration::from_secs(900);

    fn lb(n: u128) -> LoadBalancerId {
        Uuid::from_u128(n).into()
    }

    fn set(lbs: impl IntoIterator<Item = u128>) -> BTreeSet<LoadBalancerId> {
        lbs.into_iter().map(lb).collect()
    }

    #[test]
    fn a_port_goes_when_its_load_balancer_is_denied_twice_and_long_enough() {
        let mut orphans = Orphans::default();
        let start = Instant::now();
        let late = start + AFTER;
        orphans.missing(start, &set([1]));
        orphans.octavia_says(lb(1), false);
        assert_eq!(orphans.verdict(late, AFTER, 100), Verdict::Free(set([])), "denied once");
        orphans.octavia_says(lb(1), false);
        assert_eq!(orphans.verdict(late - Duration::from_secs(1), AFTER, 100), Verdict::Free(set([])));
        assert_eq!(orphans.verdict(late, AFTER, 100), Verdict::Free(set([1])));
        orphans.octavia_says(lb(1), true);
        assert_eq!(orphans.verdict(late, AFTER, 100), Verdict::Free(set([])), "Octavia knows it");
    }

    #[test]
    fn missing_load_balancer_is_due_at_once_after_a_restart_later_than_its_time() {
        let start = Instant::now();
        let mut orphans = Orphans::default();
        assert_eq!(orphans.missing(start, &set([1])), Changed { added: vec![lb(1)], removed: vec![] });
        assert_eq!(orphans.missing(start, &set([1])), Changed::default());
        let late = start + AFTER;
        let mut orphans = Orphans::since([(lb(1), start), (lb(2), start)].into());
        assert_eq!(orphans.missing(late, &set([1, 3])), Changed { added: vec![lb(3)], removed: vec![lb(2)] });
        for n in [1, 1, 3, 3] {
            orphans.octavia_says(lb(n), false);
        }
        assert_eq!(orphans.verdict(late, AFTER, 100), Verdict::Free(set([1])));
    }

    #[test]
    fn a_row_starts_it_all_over() {
        let mut orphans = Orphans::default();
        let start = Instant::now();
        orphans.missing(start, &set([1]));
        orphans.octavia_says(lb(1), false);
        orphans.octavia_says(lb(1), false);
        orphans.missing(start + AFTER, &set([]));
        orphans.missing(start + AFTER, &set([1]));
        assert_eq!(orphans.verdict(start + AFTER * 2, AFTER, 100), Verdict::Free(set([])));
    }

    #[test]
    fn many_at_once_are_left_alone() {
        let many = || set(1..=11);
        let mut orphans = Orphans::default();
        let start = Instant::now();
        orphans.missing(start, &many());
        for lb in many() {
            orphans.octavia_says(lb, false);
            orphans.octavia_says(lb, false);
        }
        assert_eq!(orphans.verdict(start + AFTER, AFTER, 100), Verdict::TooMany(many()));
        assert_eq!(orphans.verdict(start + AFTER, AFTER, 220), Verdict::Free(many()));
    }

    #[test]
    fn a_source_port_goes_when_it_has_been_idle() {
        let mut orphans = Orphans::default();
        let start = Instant::now();
        let subnet: SubnetId = Uuid::from_u128(1).into();
        let idle = BTreeSet::from([subnet]);
        assert!(orphans.idle(start, &idle).is_empty());
        assert!(orphans.idle(start + limits::SOURCE_PORT_IDLE / 2, &BTreeSet::new()).is_empty());
        assert!(orphans.idle(start + limits::SOURCE_PORT_IDLE, &idle).is_empty(), "it was in use meanwhile");
        assert_eq!(orphans.idle(start + limits::SOURCE_PORT_IDLE * 2, &idle), idle);
    }
}

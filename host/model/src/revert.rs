//! Taking one change back out of a graph that may have moved on since.

use std::collections::BTreeMap;

use crate::graph::{LoadBalancer, Pool};

/// `current` without what led from `before` to `after`; what other changes did since stays.
///
/// An object that the change made goes, one that it deleted or edited gets its old form back, unless somebody has
/// edited that object since: the later edit wins.
pub fn revert(
    current: Option<LoadBalancer>,
    before: Option<&LoadBalancer>,
    after: Option<&LoadBalancer>,
) -> Option<LoadBalancer> {
    let (mut lb, before, after) = match (current, before, after) {
        (current, before, after) if current.as_ref() == after => return before.cloned(),
        // The change made the load balancer: with it goes all that came into it.
        (_, None, _) => return None,
        (None, Some(_), _) => return None,
        (Some(lb), Some(_), None) => return Some(lb),
        (Some(lb), Some(before), Some(after)) => (lb, before, after),
    };
    if lb.admin_state_up == after.admin_state_up {
        lb.admin_state_up = before.admin_state_up;
    }
    revert_map(&mut lb.extra, &before.extra, &after.extra, |_, _, _| false);
    revert_map(&mut lb.listeners, &before.listeners, &after.listeners, |_, _, _| false);
    revert_map(&mut lb.pools, &before.pools, &after.pools, revert_pool);
    let pools = &lb.pools;
    for listener in lb.listeners.values_mut() {
        listener.default_pool_id = listener.default_pool_id.filter(|id| pools.contains_key(id));
    }
    Some(lb)
}

/// Reverts inside a pool that has been edited since; true when it could.
fn revert_pool(pool: &mut Pool, before: &Pool, after: &Pool) -> bool {
    revert_map(&mut pool.members, &before.members, &after.members, |_, _, _| false);
    if before.monitor != after.monitor && pool.monitor == after.monitor {
        pool.monitor.clone_from(&before.monitor);
    }
    true
}

fn revert_map<K: Ord + Clone, V: Clone + PartialEq>(
    current: &mut BTreeMap<K, V>,
    before: &BTreeMap<K, V>,
    after: &BTreeMap<K, V>,
    inside: impl Fn(&mut V, &V, &V) -> bool,
) {
    let touched: Vec<&K> =
        before.keys().chain(after.keys()).filter(|key| before.get(*key) != after.get(*key)).collect();
    for key in touched {
        match (current.get_mut(key), before.get(key), after.get(key)) {
            (now, old, made) if now.as_deref() == made => match old {
                Some(old) => drop(current.insert(key.clone(), old.clone())),
                None => drop(current.remove(key)),
            },
            // Made by the change, edited by a later one: its maker is taken back, so it goes.
            (Some(_), None, _) => drop(current.remove(key)),
            (Some(now), Some(old), Some(made)) => drop(inside(now, old, made)),
            _ => {}
        }
    }
}

//! Many swaps between two sets of plugins while many calls are judged: none fails, none is answered by both.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use weir::{
    config::UnsupportedOptions,
    plugins::{InUse, Subject, ask},
};
use weir_model::{HealthMap, LoadBalancer, apply};
use weir_ovsdb::Replica;
use weir_plan::{Front, Makers};
use weir_sandbox::{Limits, Part, PluginSet, Registry, Sandbox, shipped};

const SWAPS: usize = 1_000;
const CALLS: usize = 100_000;

/// The shipped plugins once more, as an operator's: their answers carry their names.
fn others(sandbox: &Sandbox) -> Arc<Registry> {
    let parts = shipped().iter().map(|(name, bytes)| Part::bare(name, bytes, sandbox.limits()));
    Arc::new(Registry::of(sandbox, &PluginSet::of(parts.collect())).unwrap())
}

/// A load balancer with a listener, a pool and a member: two calls, one to each kind of plugin.
fn load_balancer() -> LoadBalancer {
    let body = serde_json::json!({"loadbalancer": {
        "loadbalancer_id": "10000000-0000-4000-8000-000000000001", "vip_address": "198.51.100.1", "admin_state_up": true,
        "listeners": [{
            "listener_id": "20000000-0000-4000-8000-000000000001", "protocol": "TCP", "protocol_port": 80,
            "loadbalancer_id": "10000000-0000-4000-8000-000000000001", "admin_state_up": true,
            "default_pool_id": "30000000-0000-4000-8000-000000000001",
        }],
        "pools": [{
            "pool_id": "30000000-0000-4000-8000-000000000001", "protocol": "TCP", "lb_algorithm": "SOURCE_IP_PORT",
            "loadbalancer_id": "10000000-0000-4000-8000-000000000001", "admin_state_up": true,
            "members": [{
                "member_id": "40000000-0000-4000-8000-000000000001", "address": "192.0.2.1", "protocol_port": 8080,
                "pool_id": "30000000-0000-4000-8000-000000000001", "admin_state_up": true, "weight": 1,
            }],
        }],
    }});
    let change = weir_octavia::change("loadbalancer_create", body).unwrap().expect("a change");
    let mut graph = None;
    apply(&mut graph, &change).unwrap();
    graph.unwrap()
}

#[test]
fn no_call_fails_and_none_is_served_by_a_mixture_of_two_sets() {
    let limits = Limits { deadline: Duration::from_secs(60), ..Limits::default() };
    let sandbox = Sandbox::new(limits, None).unwrap();
    let sets = [Arc::new(Registry::of(&sandbox, &PluginSet::default()).unwrap()), others(&sandbox)];
    assert_ne!(sets[0].digest(), sets[1].digest());
    let in_use = InUse::new(sets[0].clone(), std::collections::BTreeMap::new());
    let (replica, lb) = (Replica::new(), load_balancer());
    let fronts = [Front { address: lb.vip.address, of: 0, floating: false }];
    let (health, makers) = (HealthMap::new(), Makers::default());
    let policy = UnsupportedOptions::default();
    let subject =
        Subject { lb: &lb, before: None, fronts: &fronts, health: &health, makers: &makers, policy: &policy };
    let (calls, swaps, done) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicBool::new(false));
    let served = [AtomicUsize::new(0), AtomicUsize::new(0)];
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while calls.load(Ordering::Relaxed) < CALLS || swaps.load(Ordering::Relaxed) < SWAPS {
                    let plugins = in_use.plugins(&replica);
                    let answers = ask(&plugins, subject, |_| false);
                    let unit = answers.translations.units.values().next().unwrap();
                    let unit = unit.as_ref().expect("no call fails").plugin.is_some();
                    let pool = answers.translations.distributions.values().next().unwrap();
                    let pool = pool.as_ref().expect("no call fails").plugin.is_some();
                    assert_eq!(unit, pool, "one set served the listener, the other the pool");
                    served[usize::from(unit)].fetch_add(1, Ordering::Relaxed);
                    calls.fetch_add(2, Ordering::Relaxed);
                }
                done.store(true, Ordering::Relaxed);
            });
        }
        // As many swaps as calls go by, spread over them.
        let mut n = 0;
        while !done.load(Ordering::Relaxed) {
            if calls.load(Ordering::Relaxed) < n * (CALLS / SWAPS) {
                thread::yield_now();
                continue;
            }
            n += 1;
            in_use.swap(sets[n % 2].clone());
            swaps.store(n, Ordering::Relaxed);
        }
    });
    let failures: u64 = sets.iter().flat_map(|set| set.plugins()).map(|plugin| plugin.stats().failures).sum();
    assert_eq!(failures, 0);
    assert!(swaps.load(Ordering::Relaxed) >= SWAPS && calls.load(Ordering::Relaxed) >= CALLS);
    assert!(served.iter().all(|set| set.load(Ordering::Relaxed) > CALLS / 10), "{served:?}");
}

//! The shipped plugins answer in the sandbox what they answer natively.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod common;
#[path = "common/native.rs"]
mod native;

use std::thread;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use weir_guest::{Algorithm, Plugin as _, Protocol};
use weir_plugin_algorithm::Hashing;
use weir_plugin_sctp::Sctp;
use weir_plugin_tcp::Tcp;
use weir_plugin_udp::Udp;
use weir_sandbox::*;

/// Every word that a shipped plugin knows, and one that none does.
fn words() -> Vec<String> {
    let mut words = vec!["ELSE".to_owned()];
    for known in [Tcp::describe(), Udp::describe(), Sctp::describe(), Hashing::describe()] {
        words.extend(known.protocols.into_iter().chain(known.algorithms));
    }
    words
}

/// What a call can be asked.
#[derive(Debug, Clone)]
struct Question {
    ctx: Context,
    listener: Option<Listener>,
    pool: Option<Pool>,
    monitor: Monitor,
    members: Vec<Member>,
    shares: Vec<Share>,
}

fn family() -> impl Strategy<Value = Family> {
    prop_oneof![Just(Family::Ipv4), Just(Family::Ipv6)]
}

fn mostly() -> impl Strategy<Value = bool> {
    prop::bool::weighted(0.8)
}

/// Mostly nothing, now and then something that is judged.
fn extra() -> impl Strategy<Value = Vec<(String, String)>> {
    let keys = prop::sample::select(vec![
        "connection_limit",
        "cookie_name",
        "insert_headers",
        "monitor_port",
        "persistence_granularity",
        "timeout_client_data",
        "tls_enabled",
        "unheard_of",
    ]);
    let values = prop::sample::select(vec!["", "false", "true", "255.255.255.255", "7", "-1", "50000"]);
    prop_oneof![
        4 => Just(vec![]),
        1 => (keys, values).prop_map(|(k, v)| vec![(k.to_owned(), v.to_owned())]),
    ]
}

fn question() -> impl Strategy<Value = Question> {
    let word = || prop::sample::select(words());
    let vip = (family(), any::<bool>()).prop_map(|(family, floating)| Vip {
        address: "x".into(),
        family,
        floating,
    });
    let capabilities = prop::sample::subsequence(
        vec!["ipv6_dst", "ipv6_src", "ip_dst", "ip_src", "tp_dst", "tp_src"],
        0..=6,
    );
    // A schema that lacks the fields of IPv4 does not exist, and the host would refuse the answer.
    let capabilities = capabilities.prop_map(|some| {
        let mut all = vec!["ip_dst", "ip_src", "tp_dst", "tp_src"];
        all.extend(some.into_iter().filter(|f| f.starts_with("ipv6")));
        all.into_iter().map(|f| format!("selection-field:{f}")).collect::<Vec<_>>()
    });
    let inherited = prop::sample::select(vec!["", "listener.connection_limit persistence.cookie_name"]);
    let ctx = (prop::collection::vec(vip, 0..4), capabilities, inherited).prop_map(
        |(vips, capabilities, inherited)| Context {
            capabilities,
            vips,
            extra: vec![("inherited".to_owned(), inherited.to_owned())],
            ..common::context(&[])
        },
    );
    let cidrs = prop_oneof![7 => Just(vec![]), 1 => Just(vec!["192.0.2.0/24".to_owned()])];
    let listener = (word(), 0..20u16, mostly(), cidrs, extra()).prop_map(
        |(protocol, port, enabled, allowed_cidrs, extra)| Listener {
            protocol,
            port,
            enabled,
            allowed_cidrs,
            extra,
        },
    );
    let persistence = (word(), prop::option::of(0..70_000u32), extra())
        .prop_map(|(kind, timeout_s, extra)| Persistence { kind, timeout_s, extra });
    let pool = (word(), word(), prop::option::of(persistence), mostly(), extra()).prop_map(
        |(protocol, algorithm, persistence, enabled, extra)| Pool {
            protocol,
            algorithm,
            persistence,
            monitor: None,
            enabled,
            extra,
        },
    );
    let monitor = (word(), 1..9u32, 1..9u32).prop_map(|(kind, delay_s, rise)| Monitor {
        kind,
        delay_s,
        timeout_s: 1,
        rise,
        fall: 2,
        enabled: true,
        extra: vec![],
    });
    let member =
        (family(), 0..9u16, 0..3u16, mostly(), extra()).prop_map(|(family, port, weight, enabled, extra)| {
            Member { family, port, weight, enabled, extra, ..common::member(1) }
        });
    let members = prop::collection::vec((member, prop::option::of(1..=64u16)), 0..12);
    (ctx, prop::option::weighted(0.8, listener), prop::option::weighted(0.8, pool), monitor, members)
        .prop_map(|(ctx, listener, pool, monitor, members)| Question {
            ctx,
            listener,
            pool,
            monitor,
            shares: (0..)
                .zip(&members)
                .filter_map(|(member, (_, copies))| Some(Share { member, copies: (*copies)? }))
                .collect(),
            members: members.into_iter().map(|(m, _)| m).collect(),
        })
}

/// Asks for `count` questions, generated the same way every time.
fn ask(count: u32, check: impl Fn(Question)) {
    let config = Config { cases: count, failure_persistence: None, ..Config::default() };
    TestRunner::new_with_rng(config, proptest::test_runner::TestRng::deterministic_rng(Default::default()))
        .run(&question(), |question| {
            check(question);
            Ok(())
        })
        .unwrap();
}

fn same_protocol<P: Protocol>() {
    let registry = Registry::load(&common::sandbox(), None).unwrap();
    let described = P::describe();
    let plugin = registry.protocol(&described.protocols[0]).unwrap();
    assert_eq!(plugin.name(), described.name);
    assert_eq!(plugin.description().fallback, described.fallback);
    let (accepted, served) = (std::cell::Cell::new(0), std::cell::Cell::new(0));
    ask(512, |mut q| {
        // Half of the time what this plugin serves: by chance alone hardly any question would be accepted.
        if q.monitor.delay_s % 2 == 0 {
            for word in q
                .listener
                .iter_mut()
                .map(|l| &mut l.protocol)
                .chain(q.pool.iter_mut().map(|p| &mut p.protocol))
            {
                word.clone_from(&described.protocols[0]);
            }
        }
        let (ctx, members, shares) =
            (native::context(&q.ctx), native::members(&q.members), native::shares(&q.shares));
        let listener = q.listener.as_ref().map(native::listener);
        let pool = q.pool.as_ref().map(native::pool);

        let here = P::translate(&ctx, listener.as_ref(), pool.as_ref(), &members, &shares);
        let there = plugin.translate(&q.ctx, q.listener.as_ref(), q.pool.as_ref(), &q.members, &q.shares);
        let here = here.map(native::translation).map_err(|r| CallError::Refused(native::refusal(r)));
        assert_eq!(there, here);
        if let Ok(answer) = here {
            accepted.set(accepted.get() + 1);
            served.set(served.get() + usize::from(!answer.entries.is_empty()));
        }

        if let (Some(host), Some(guest)) = (&q.pool, &pool) {
            let here: Vec<_> = P::check_members(&ctx, guest, &members)
                .into_iter()
                .map(|(index, r)| (index, native::refusal(r)))
                .collect();
            assert_eq!(plugin.check_members(&q.ctx, host, &q.members), Ok(here));

            let here = P::plan_monitor(&ctx, guest, &native::monitor(&q.monitor))
                .map(native::health_check)
                .map_err(|r| CallError::Refused(native::refusal(r)));
            assert_eq!(plugin.plan_monitor(&q.ctx, host, &q.monitor), here);
        }
    });
    // The questions are worth asking.
    assert!(accepted.get() > 50 && served.get() > 10, "{accepted:?} accepted, {served:?} with entries");
    assert_eq!(plugin.stats().failures, 0);
}

#[test]
fn protocol_of_streams() {
    same_protocol::<Tcp>();
}

#[test]
fn protocol_of_datagrams() {
    same_protocol::<Udp>();
}

#[test]
fn protocol_of_associations() {
    same_protocol::<Sctp>();
}

#[test]
fn algorithms() {
    let registry = Registry::load(&common::sandbox(), None).unwrap();
    let plugin = registry.fallback_algorithm().unwrap();
    let accepted = std::cell::Cell::new(0);
    ask(1024, |q| {
        let pool = q.pool.as_ref().map(native::pool);
        let here = Hashing::distribute(&native::context(&q.ctx), pool.as_ref(), &native::members(&q.members))
            .map(native::distribution)
            .map_err(|r| CallError::Refused(native::refusal(r)));
        assert_eq!(plugin.distribute(&q.ctx, q.pool.as_ref(), &q.members), here);
        accepted.set(accepted.get() + usize::from(here.is_ok()));
    });
    assert!(accepted.get() > 100, "{accepted:?}");
}

#[test]
fn what_is_shipped() {
    let registry = Registry::load(&common::sandbox(), None).unwrap();
    let mut protocols = [Tcp::describe(), Udp::describe(), Sctp::describe()].map(|d| d.protocols).concat();
    protocols.sort();
    assert_eq!(registry.protocols(), protocols);
    let mut algorithms = Hashing::describe().algorithms;
    algorithms.sort();
    assert_eq!(registry.algorithms(), algorithms);
    assert_eq!(registry.plugins().count(), 4);
    assert_eq!(registry.fallback_protocol().unwrap().name(), Tcp::describe().name);
    assert_eq!(registry.fallback_algorithm().unwrap().name(), Hashing::describe().name);
    for plugin in registry.plugins() {
        assert_eq!(plugin.digest().len(), 64);
        assert_eq!(plugin.version(), env!("CARGO_PKG_VERSION"));
        // What loading asked does not count as a call.
        assert_eq!(plugin.stats(), Stats::default());
        plugin.check_config("").unwrap();
        assert_eq!(plugin.check_config("{}").unwrap_err().code(), "unexpected-config");
    }
}

#[test]
fn a_call_of_what_a_plugin_does_not_serve_fails() {
    let registry = Registry::load(&common::sandbox(), None).unwrap();
    let error = registry.fallback_protocol().unwrap().distribute(&common::context(&[]), None, &[]);
    assert_eq!(error.unwrap_err().code(), "plugin-instantiate");
}

#[test]
fn the_same_question_has_the_same_answer_and_fuel_on_every_thread() {
    // Fewer places than threads: some wait.
    let limits = Limits { concurrent_calls: 2, ..common::limits() };
    let sandbox = Sandbox::new(limits, None).unwrap();
    let registry = Registry::load(&sandbox, None).unwrap();
    let plugin = registry.fallback_protocol().unwrap();
    let protocol = &plugin.description().protocols[0];
    let (members, shares) = common::ten();
    let ctx = common::context(&[("198.51.100.1", Family::Ipv4)]);
    let (listener, pool) = (common::listener(protocol), common::pool(protocol, ""));
    let ask = || plugin.translate(&ctx, Some(&listener), Some(&pool), &members, &shares).unwrap();
    let first = ask();
    let fuel = plugin.stats().fuel_max;
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..100 {
                    assert_eq!(ask(), first);
                }
            });
        }
    });
    let stats = plugin.stats();
    assert_eq!((stats.calls, stats.failures, stats.fuel_max), (801, 0, fuel));
    assert!(fuel > 0 && stats.p50 <= stats.p99 && !stats.p50.is_zero());
}

#[test]
fn a_thousand_members_are_far_from_every_limit() {
    let registry = Registry::load(&common::sandbox(), None).unwrap();
    let plugin = registry.fallback_protocol().unwrap();
    let protocol = &plugin.description().protocols[0];
    let members: Vec<_> = (0..1000).map(|_| common::member(1)).collect();
    let shares: Vec<_> = (0..1000).map(|member| Share { member, copies: 1 }).collect();
    let ctx = common::context(&[("198.51.100.1", Family::Ipv4), ("198.51.100.2", Family::Ipv4)]);
    let answer = plugin
        .translate(
            &ctx,
            Some(&common::listener(protocol)),
            Some(&common::pool(protocol, "")),
            &members,
            &shares,
        )
        .unwrap();
    assert_eq!(answer.entries.iter().map(|e| e.backends.len()).sum::<usize>(), 2000);
    let fuel = plugin.stats().fuel_max;
    assert!(fuel < Limits::default().fuel / 20, "{fuel}");
}

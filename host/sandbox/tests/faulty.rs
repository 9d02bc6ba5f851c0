//! A bad guest fails with its own code, harms no other call and never hangs.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use common::{context, limits, listener, pool, ten};
use weir_sandbox::*;

/// Log lines, caught.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> tracing_subscriber::fmt::MakeWriter<'a> for Log {
    type Writer = Log;

    fn make_writer(&'a self) -> Log {
        self.clone()
    }
}

fn guest(name: &str) -> Vec<u8> {
    let found = faulty::all().into_iter().find(|(n, _)| *n == name);
    found.unwrap_or_else(|| panic!("no guest {name}")).1.to_vec()
}

fn load(limits: Limits, name: &str) -> Result<Registry, Error> {
    let sandbox = Sandbox::new(limits, None).unwrap();
    Registry::with_components(&sandbox, &[(format!("{name}.wasm"), guest(name))])
}

fn translate(plugin: &Plugin, protocol: &str) -> Result<Translation, CallError> {
    let (members, shares) = ten();
    // An address that provokes them.
    let mut ctx = context(&[("10.0.0.1", Family::Ipv4)]);
    ctx.capabilities = vec!["transport:tcp".into()];
    plugin.translate(&ctx, Some(&listener(protocol)), Some(&pool(protocol, "")), &members, &shares)
}

fn fails(limits: Limits, name: &str, code: &str, words: &str) {
    let registry = load(limits, name).unwrap();
    let plugin = registry.protocol(name).unwrap();
    let Err(CallError::Failed(failure)) = translate(plugin, name) else { panic!("{name} did not fail") };
    assert_eq!((failure.code(), failure.plugin.as_str()), (code, name), "{failure}");
    assert!(failure.message.contains(words), "{failure}");
    let stats = plugin.stats();
    assert_eq!((stats.calls, stats.failures, stats.refusals), (1, 1, 0));
    assert_eq!(stats.last_error, Some(failure.to_string()));
    // Nothing of the failed call is left: the same plugin's other functions work.
    let monitor = Monitor {
        kind: "TCP".into(),
        delay_s: 5,
        timeout_s: 3,
        rise: 2,
        fall: 3,
        enabled: true,
        extra: vec![],
    };
    let ctx = context(&[]);
    assert_eq!(plugin.plan_monitor(&ctx, &pool(name, ""), &monitor).unwrap().interval_s, 5);
}

#[test]
fn an_endless_loop_runs_out_of_fuel() {
    fails(limits(), "endless-loop", "plugin-fuel", "fuel");
}

#[test]
fn an_endless_loop_with_endless_fuel_runs_out_of_time() {
    // Long enough for the good calls before and after, on a busy machine.
    let limits = Limits { fuel: u64::MAX, deadline: Duration::from_millis(500), ..limits() };
    fails(limits, "endless-loop", "plugin-deadline", "interrupt");
}

#[test]
fn a_hog_runs_out_of_memory() {
    fails(limits(), "out-of-memory", "plugin-memory", "");
}

#[test]
fn a_panic_is_a_trap_with_its_message() {
    fails(limits(), "trap", "plugin-trap", "cannot go on with 10 members");
}

#[test]
fn a_deep_recursion_runs_out_of_stack() {
    fails(limits(), "deep-recursion", "plugin-stack", "stack");
}

#[test]
fn an_answer_of_too_many_bytes_is_refused_before_it_is_read() {
    fails(limits(), "huge-output", "plugin-output", "");
}

#[test]
fn an_answer_of_too_many_items_is_refused() {
    let limits = Limits { output_items: 5_000, ..limits() };
    fails(limits, "many-items", "plugin-output", "more items than allowed");
}

#[test]
fn a_member_that_there_is_not_is_refused() {
    fails(limits(), "nonsense-indices", "plugin-output", "member 4000000000 is named, but there are 10");
}

#[test]
fn an_address_of_somebody_else_is_refused() {
    fails(limits(), "foreign-vip", "plugin-output", "VIP 1 is named, but there are 1");
}

#[test]
fn a_plugin_that_keeps_failing_is_out_of_use_and_comes_back() {
    let sandbox = Sandbox::new(limits(), None).unwrap();
    let mut part = faulty::part("trap", "trap", sandbox.limits()).unwrap();
    part.settings.suspend_after = 3;
    let registry = Registry::of(&sandbox, &PluginSet::of(vec![part])).unwrap();
    let plugin = registry.protocol("trap").unwrap();
    let code = || translate(plugin, "trap").unwrap_err().code().to_owned();
    assert_eq!([code(), code(), code()], ["plugin-trap", "plugin-trap", "plugin-trap"]);
    let suspended = plugin.suspended().unwrap();
    assert!(suspended.reason.contains("cannot go on with 10 members"), "{}", suspended.reason);
    let error = translate(plugin, "trap").unwrap_err();
    assert_eq!(error.code(), "plugin-suspended");
    assert!(error.to_string().contains("cannot go on with 10 members"), "{error}");
    let stats = plugin.stats();
    assert_eq!((stats.calls, stats.failures, stats.turned_away), (3, 3, 1));
    assert_eq!(stats.failures_by_code.get("plugin-trap"), Some(&3));
    // After the pause a call is let through, and one that works brings it back.
    while plugin.suspended().unwrap().until > std::time::Instant::now() {
        thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(plugin.check_members(&context(&[]), &pool("trap", ""), &[]).unwrap(), []);
    assert_eq!((plugin.suspended(), code().as_str()), (None, "plugin-trap"));
}

#[test]
fn a_plugin_has_the_limits_that_are_set_for_it() {
    let sandbox = Sandbox::new(limits(), None).unwrap();
    let mut part = faulty::part("out-of-memory", "out-of-memory", sandbox.limits()).unwrap();
    // More than the default; it takes all that it gets.
    part.settings.limits.memory = 40 << 20;
    let registry = Registry::of(&sandbox, &PluginSet::of(vec![part])).unwrap();
    let plugin = registry.protocol("out-of-memory").unwrap();
    assert_eq!(translate(plugin, "out-of-memory").unwrap_err().code(), "plugin-memory");
    let most = plugin.stats().memory_max;
    assert!((20 << 20..=40 << 20).contains(&most), "{most}");
}

#[test]
fn a_trap_on_members_is_a_trap() {
    let registry = load(limits(), "trap-on-members").unwrap();
    let plugin = registry.protocol("trap-on-members").unwrap();
    let ctx = context(&[("10.0.0.1", Family::Ipv4)]);
    let error = plugin.check_members(&ctx, &pool("trap-on-members", ""), &ten().0).unwrap_err();
    assert_eq!(error.code(), "plugin-trap");
    assert!(error.to_string().contains("cannot judge 10 members"), "{error}");
}

#[test]
fn a_member_twice_is_refused() {
    fails(limits(), "duplicate-member", "plugin-output", "member 0 stands twice");
}

#[test]
fn no_backends_without_a_reason_is_refused() {
    fails(limits(), "silent-empty", "plugin-output", "no backends and no empty-reason");
}

#[test]
fn a_transport_that_the_schema_does_not_have_is_refused() {
    fails(limits(), "wrong-transport", "plugin-output", "no transport carrier-pigeon");
}

#[test]
fn an_option_that_is_not_granted_is_refused() {
    fails(limits(), "ungranted-option", "plugin-output", "skip_snat");
}

#[test]
fn a_refusal_without_words_is_refused() {
    fails(limits(), "empty-refusal", "plugin-output", "no words");
}

#[test]
fn talking_much_is_no_failure() {
    let registry = load(limits(), "log-flood").unwrap();
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt().with_writer(log.clone()).with_ansi(false).finish();
    let answer = tracing::subscriber::with_default(subscriber, || {
        translate(registry.protocol("log-flood").unwrap(), "log-flood").unwrap()
    });
    assert_eq!(answer.entries.len(), 1);
    let said = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert_eq!(said.matches("of very many").count(), Limits::default().log_lines, "{said}");
    assert!(said.contains("line 0 of") && said.contains("plugin=\"log-flood\""), "{said}");
    assert_eq!(said.matches("further ones are dropped").count(), 1, "{said}");
}

#[test]
fn an_import_is_refused_by_name() {
    let error = load(limits(), "unknown-import").unwrap_err();
    assert_eq!(error.code(), "plugin-import");
    let said = error.to_string();
    assert!(said.contains("unknown-import.wasm imports faulty:environment/clock@1.0.0;"), "{said}");
}

#[test]
fn what_does_not_come_up_is_not_loaded() {
    let error = load(limits(), "slow-start").unwrap_err();
    assert_eq!(error.code(), "plugin-instantiate");
    let said = error.to_string();
    assert!(said.contains("slow-start.wasm") && said.contains("fuel"), "{said}");
}

#[test]
fn every_guest_is_tested() {
    let source = concat!(include_str!("faulty.rs"), include_str!("registry.rs"), include_str!("operator.rs"));
    for (name, _) in faulty::all() {
        assert!(source.contains(&format!("\"{name}\"")), "{name}");
    }
}

#[test]
fn good_calls_go_on_beside_bad_ones() {
    let sandbox = Sandbox::new(limits(), None).unwrap();
    let parts = ["endless-loop", "out-of-memory", "trap", "log-flood"]
        .map(|name| faulty::part(name, name, sandbox.limits()).unwrap());
    let registry = Registry::of(&sandbox, &PluginSet::of(parts.into())).unwrap();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        for name in ["endless-loop", "out-of-memory", "trap"] {
            let (registry, done) = (&registry, &done);
            scope.spawn(move || {
                while !done.load(Ordering::Relaxed) {
                    assert!(translate(registry.protocol(name).unwrap(), name).is_err());
                }
            });
        }
        for _ in 0..200 {
            translate(registry.protocol("log-flood").unwrap(), "log-flood").unwrap();
        }
        done.store(true, Ordering::Relaxed);
    });
    assert_eq!(registry.protocol("log-flood").unwrap().stats().failures, 0);
}

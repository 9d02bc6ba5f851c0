//! Bad guests: how long after its call each is answered, and how much later than its deadline.

use std::time::{Duration, Instant};

use weir_sandbox::{Limits, PluginSet, Registry, Sandbox, faulty};

use crate::{Outcome, sandbox};

/// Calls a guest.
const ROUNDS: usize = 20;

/// Guests that load, the worst first.
const GUESTS: &[&str] = &[
    "endless-loop",
    "out-of-memory",
    "deep-recursion",
    "huge-output",
    "many-items",
    "trap",
    "nonsense-indices",
    "foreign-vip",
    "log-flood",
];

/// Prints the table: once with the default fuel, once with fuel without end, so that only the deadline stops a loop.
pub fn run() -> Outcome<()> {
    println!(
        "| bad guest | fuel | answered with | median | latest | deadline | late by |\n|---|---|---|---|---|---|---|"
    );
    for (words, fuel) in [("default", Limits::default().fuel), ("endless", u64::MAX)] {
        let limits = Limits { fuel, ..Limits::default() };
        let sandbox = Sandbox::new(limits.clone(), None)?;
        for name in GUESTS {
            let mut part = faulty::part(name, "TCP", &limits).ok_or("no such guest")?;
            part.settings.suspend_after = 0;
            let registry = Registry::of(&sandbox, &PluginSet::of(vec![part]))?;
            let plugin = registry.protocol("TCP").ok_or("it does not serve TCP")?;
            let mut context = sandbox::context();
            context.vips.iter_mut().for_each(|vip| vip.address = "10.0.0.1".to_owned());
            let (listener, pool) = (sandbox::listener(), sandbox::pool());
            let members: Vec<_> = (0..10).map(sandbox::member).collect();
            let shares: Vec<_> = (0..10).map(|member| weir_sandbox::Share { member, copies: 1 }).collect();
            let mut times = Vec::new();
            let mut said = "good answer".to_owned();
            for _ in 0..ROUNDS {
                let start = Instant::now();
                let answer = plugin.translate(&context, Some(&listener), Some(&pool), &members, &shares);
                times.push(start.elapsed());
                if let Err(error) = answer {
                    said = error.code().to_owned();
                }
            }
            times.sort_unstable();
            let at = |place: usize| times.get(place).copied().unwrap_or_default();
            let (median, latest) = (at(ROUNDS / 2), at(ROUNDS - 1));
            let late = latest.saturating_sub(limits.deadline);
            let [median, latest, deadline, late] =
                [median, latest, limits.deadline, late].map(|time: Duration| time.as_secs_f64() * 1e3);
            println!(
                "| {name} | {words} | {said} | {median:.1} ms | {latest:.1} ms | {deadline:.0} ms | {late:.1} ms |"
            );
        }
    }
    Ok(())
}

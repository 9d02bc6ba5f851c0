//! One translation in the sandbox beside the same one called natively.

use std::time::{Duration, Instant};

use weir_guest::{Algorithm as _, Protocol as _};
use weir_sandbox as host;

use crate::Outcome;

/// Prints the table.
pub fn run() -> Outcome<()> {
    let sandbox = host::Sandbox::new(host::Limits::default(), None)?;
    let registry = host::Registry::load(&sandbox, None)?;
    let protocol = registry.protocol("TCP").ok_or("no plugin for TCP")?;
    let algorithm = registry.algorithm("SOURCE_IP_PORT").ok_or("no plugin for SOURCE_IP_PORT")?;
    println!("| one call, median | members | sandbox | native | ratio |\n|---|---|---|---|---|");
    for members in [10u16, 1000] {
        let rounds = if members == 10 { 5000 } else { 300 };
        let (context, listener, pool) = (context(), listener(), pool());
        let list: Vec<_> = (0..members).map(member).collect();
        let distribution = algorithm.distribute(&context, Some(&pool), &list)?;
        let shares = distribution.shares.clone();
        let sandboxed = median(rounds, || {
            protocol
                .translate(&context, Some(&listener), Some(&pool), &list, &shares)
                .map(drop)
                .map_err(|e| e.to_string())
        })?;
        let (g_context, g_listener, g_pool) = (guest::context(), guest::listener(), guest::pool());
        let g_list: Vec<_> = (0..members).map(guest::member).collect();
        let g_shares = weir_plugin_algorithm::Hashing::distribute(&g_context, Some(&g_pool), &g_list)
            .map_err(|refusal| refusal.user)?
            .shares;
        let native = median(rounds, || {
            let answer = weir_plugin_tcp::Tcp::translate(
                &g_context,
                Some(&g_listener),
                Some(&g_pool),
                &g_list,
                &g_shares,
            );
            answer.map(|answer| drop(std::hint::black_box(answer))).map_err(|refusal| refusal.user)
        })?;
        line("translate", members, sandboxed, native);
        let sandboxed = median(rounds, || {
            algorithm.distribute(&context, Some(&pool), &list).map(drop).map_err(|e| e.to_string())
        })?;
        let native = median(rounds, || {
            let answer = weir_plugin_algorithm::Hashing::distribute(&g_context, Some(&g_pool), &g_list);
            answer.map(|answer| drop(std::hint::black_box(answer))).map_err(|refusal| refusal.user)
        })?;
        line("distribute", members, sandboxed, native);
    }
    Ok(())
}

fn line(what: &str, members: u16, sandboxed: Duration, native: Duration) {
    let micros = |time: Duration| time.as_secs_f64() * 1e6;
    let ratio = micros(sandboxed) / micros(native);
    println!("| {what} | {members} | {:.1} µs | {:.1} µs | {ratio:.0} |", micros(sandboxed), micros(native));
}

fn median(rounds: usize, mut call: impl FnMut() -> Result<(), String>) -> Outcome<Duration> {
    let mut times = Vec::with_capacity(rounds);
    for _ in 0..rounds {
        let start = Instant::now();
        call()?;
        times.push(start.elapsed());
    }
    times.sort_unstable();
    Ok(times.get(rounds / 2).copied().unwrap_or_default())
}

macro_rules! question {
    ($types:path) => {
        use $types as t;

        pub fn context() -> t::Context {
            t::Context {
                capabilities: Vec::new(),
                config: String::new(),
                flavor: Vec::new(),
                project_id: "11111111111111111111111111111111".to_owned(),
                vips: vec![t::Vip {
                    address: "172.24.4.9".to_owned(),
                    family: t::Family::Ipv4,
                    floating: false,
                }],
                extra: Vec::new(),
            }
        }

        pub fn listener() -> t::Listener {
            t::Listener {
                protocol: "TCP".to_owned(),
                port: 64015,
                enabled: true,
                allowed_cidrs: Vec::new(),
                extra: Vec::new(),
            }
        }

        pub fn pool() -> t::Pool {
            t::Pool {
                protocol: "TCP".to_owned(),
                algorithm: "SOURCE_IP_PORT".to_owned(),
                persistence: None,
                monitor: None,
                enabled: true,
                extra: Vec::new(),
            }
        }

        pub fn member(n: u16) -> t::Member {
            t::Member {
                address: format!("10.10.{}.{}", n / 250, n % 250 + 1),
                family: t::Family::Ipv4,
                port: 63015,
                weight: 1,
                backup: false,
                enabled: true,
                health: t::Health::Unknown,
                extra: Vec::new(),
            }
        }
    };
}

question!(weir_sandbox);

mod guest {
    question!(weir_guest);
}

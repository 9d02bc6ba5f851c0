//! `make bench`: all figures in one run.
//!
//! Two parts. The sandbox: one translation in the sandbox (fresh instance, call, checks) beside the same function called
//! natively. The provider API: calls a second through `weir serve` beside a raw OVSDB client that sends the very same
//! operations (recorded from Weir), one transaction a call, over distinct load balancers, to the same server.
#![allow(clippy::print_stdout)]

mod api;
mod cpu;
mod network;
mod provider;
mod raw;
mod sandbox;

/// Whatever went wrong, in words.
type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

#[tokio::main]
async fn main() -> Outcome<()> {
    let number = |name: &str, default: usize| std::env::var(name).ok().and_then(|n| n.parse().ok()).unwrap_or(default);
    println!("## Sandbox\n");
    sandbox::run()?;
    println!("\n## Provider API\n");
    println!(
        "Five calls a load balancer: loadbalancer_create, listener_create, pool_create and two member_create, each with \
         its attachments to a switch and a router. The load generator, Weir and ovsdb-server share this machine's {} cores.\n",
        std::thread::available_parallelism().map_or(0, usize::from)
    );
    provider::header();
    let load_balancers = number("BENCH_LOAD_BALANCERS", 1000);
    // (servers, clients, load balancers); `BENCH_ONLY=1x64` runs one of them.
    let runs = [(1, 1, load_balancers / 4), (1, 64, load_balancers), (3, 1, load_balancers / 20), (3, 64, load_balancers)];
    let only = std::env::var("BENCH_ONLY").ok();
    for (servers, clients, load_balancers) in runs {
        if only.as_ref().is_none_or(|only| *only == format!("{servers}x{clients}")) {
            provider::run(servers, clients, load_balancers).await?;
        }
    }
    Ok(())
}

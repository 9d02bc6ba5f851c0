//! `make bench`: all figures in one run.
//!
//! Three parts. The sandbox: one translation in the sandbox (fresh instance, call, checks) beside the same function called
//! natively. Bad guests: when their calls are answered. The provider API: calls a second through `weir serve` beside a raw OVSDB client that sends the very same
//! operations (recorded from Weir), one transaction a call, over distinct load balancers, to the same server.
#![allow(clippy::print_stdout)]

mod api;
mod cpu;
mod guests;
mod network;
mod provider;
mod raw;
mod sandbox;

use std::process::Command;

/// Whatever went wrong, in words.
type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// How long the slow disk takes to sync, in microseconds: a disk without a protected write cache, or a busy one.
const SLOW_FSYNC_US: &str = "2000";

#[tokio::main]
async fn main() -> Outcome<()> {
    let number =
        |name: &str, default: usize| std::env::var(name).ok().and_then(|n| n.parse().ok()).unwrap_or(default);
    let load_balancers = number("BENCH_LOAD_BALANCERS", 2000);
    if std::env::var_os("SLOW_FSYNC_US").is_some() {
        // Run by ourselves, with the slow disk loaded.
        return provider::run("RAFT, 3 servers, slow disk", 3, 64, load_balancers / 8).await;
    }
    let only = std::env::var("BENCH_ONLY").ok();
    let wanted = |name: &str| only.as_ref().is_none_or(|only| only == name);
    if wanted("sandbox") {
        println!("## Sandbox\n");
        sandbox::run()?;
    }
    if wanted("guests") {
        println!("\n## Bad guests\n");
        guests::run()?;
    }
    println!("\n## Provider API\n");
    println!(
        "Five calls a load balancer: loadbalancer_create, listener_create, pool_create and two member_create, each with \
         its attachments to a switch and a router. The load generator, Weir and ovsdb-server share this machine's {} cores.\n",
        std::thread::available_parallelism().map_or(0, usize::from)
    );
    provider::header();
    let (one, three) = ("standalone", "RAFT, 3 servers");
    // `BENCH_ONLY=1x64` runs one of them.
    let runs = [(one, 1, 1, 4), (one, 1, 64, 1), (three, 3, 1, 20), (three, 3, 64, 1)];
    for (name, servers, clients, part) in runs {
        if wanted(&format!("{servers}x{clients}")) {
            provider::run(name, servers, clients, load_balancers / part).await?;
        }
    }
    if wanted("slow") {
        slow_disk()?;
    }
    Ok(())
}

/// Runs this program again with a library that makes every sync take longer.
fn slow_disk() -> Outcome<()> {
    let folder = tempfile::TempDir::new()?;
    let (source, library) = (folder.path().join("slow.c"), folder.path().join("slow.so"));
    std::fs::write(&source, include_str!("slow_fsync.c"))?;
    let built = Command::new("cc").args(["-shared", "-fPIC", "-o"]).args([&library, &source]).status()?;
    if !built.success() {
        return Err("cc could not build the slow disk".into());
    }
    let done = Command::new(std::env::current_exe()?)
        .env("LD_PRELOAD", &library)
        .env("SLOW_FSYNC_US", SLOW_FSYNC_US)
        .status()?;
    if done.success() { Ok(()) } else { Err("the run on the slow disk failed".into()) }
}

//! Provider calls a second, beside the raw client.

use std::{
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::sleep;
use uuid::Uuid;
use weir_ovsdb::{
    Endpoint,
    testing::{self, Server},
};

use crate::{Outcome, api, api::Api, cpu, network, raw, raw::Raw};

const DATABASE: &str = "OVN_Northbound";

/// The table's head.
pub fn header() {
    println!(
        "| Northbound | clients | | calls/s | median | p99 | ratio | calls per CPU-second: host | ovsdb-server | load generator |\n\
         |---|---|---|---|---|---|---|---|---|---|"
    );
}

/// Measures Weir and then the raw client on a fresh Northbound of `servers` servers.
pub async fn run(kind: &str, servers: usize, clients: usize, load_balancers: usize) -> Outcome<()> {
    let folder = TempDir::new()?;
    let northbound = Northbound::start(folder.path(), servers)?;
    northbound.write_networks(load_balancers + 1)?;
    let templates = record(&northbound, folder.path(), load_balancers).await?;
    let measured = {
        let weir = Weir::start(folder.path(), &northbound.remotes()).await?;
        let mut connections = Vec::new();
        for _ in 0..clients {
            connections.push(Api::connect(&weir.socket).await?);
        }
        let late = Arc::new(AtomicUsize::new(0));
        let pids = [weir.pid()];
        let counted = late.clone();
        let measured = measure(connections, load_balancers, &pids, &northbound, move |api, n| {
            let late = counted.clone();
            async move {
                let mut api = api;
                let mut times = Vec::new();
                for (method, body) in api::calls(n) {
                    let start = Instant::now();
                    if !api.call(method, &body).await? {
                        late.fetch_add(1, Ordering::Relaxed);
                    }
                    times.push(start.elapsed());
                }
                Ok((api, times))
            }
        })
        .await?;
        if late.load(Ordering::Relaxed) > 0 {
            println!("({} calls were answered before they were committed)", late.load(Ordering::Relaxed));
        }
        measured
    };
    northbound.delete_load_balancers()?;
    let connection = Raw::connect(&northbound.leader()?).await?;
    let templates = Arc::new(templates);
    let raw = measure(vec![connection; clients], load_balancers, &[], &northbound, move |raw, n| {
        let templates = templates.clone();
        async move {
            let mut times = Vec::new();
            for template in templates.iter() {
                let params = fill(template, load_balancers, n);
                let start = Instant::now();
                raw.transact(params).await?;
                times.push(start.elapsed());
            }
            Ok((raw, times))
        }
    })
    .await?;
    measured.line(kind, clients, "Weir", measured.rate / raw.rate);
    raw.line(kind, clients, "raw", 1.0);
    Ok(())
}

/// The transactions that Weir sends for load balancer `n`, as text.
async fn record(northbound: &Northbound, folder: &Path, n: usize) -> Outcome<Vec<String>> {
    let proxy = folder.join("proxy.sock");
    let seen = raw::record(&proxy, &northbound.leader()?).await?;
    let weir = Weir::start(folder, &[format!("unix:{}", proxy.display())]).await?;
    let mut api = Api::connect(&weir.socket).await?;
    let calls = api::calls(n);
    for (method, body) in &calls {
        api.call(method, body).await?;
    }
    let seen: Vec<_> = seen.lock().await.iter().map(serde_json::to_string).collect::<Result<_, _>>()?;
    // The host has transactions of its own, which name no load balancer.
    let id = format!("10000000-0000-4000-8000-{n:012}");
    let seen: Vec<_> = seen.into_iter().filter(|params| params.contains(&id)).collect();
    if seen.len() != calls.len() {
        return Err(format!("{} transactions for {} calls", seen.len(), calls.len()).into());
    }
    northbound.delete_load_balancers()?;
    Ok(seen)
}

/// A recorded transaction for another load balancer: its ids, its VIP, its row's uuid.
fn fill(template: &str, recorded: usize, n: usize) -> String {
    let mut text = template.to_owned();
    for kind in 1..=6 {
        let id = |n: usize| format!("{kind}0000000-0000-4000-8000-{n:012}");
        text = text.replace(&id(recorded), &id(n));
    }
    let row = |n: usize| {
        let lb = Uuid::parse_str(&format!("10000000-0000-4000-8000-{n:012}")).unwrap_or_default();
        Uuid::new_v5(&lb, b"0").to_string()
    };
    text.replace(&row(recorded), &row(n))
}

struct Measured {
    rate: f64,
    times: Vec<Duration>,
    calls: usize,
    host: f64,
    server: f64,
    generator: f64,
}

impl Measured {
    fn line(&self, northbound: &str, clients: usize, who: &str, ratio: f64) {
        let at = |part: usize| {
            let time = self.times.get(self.times.len() * part / 100).copied().unwrap_or_default();
            format!("{:.2} ms", time.as_secs_f64() * 1e3)
        };
        let per_cpu = |seconds: f64| {
            if seconds > 0.0 { format!("{:.0}", self.calls as f64 / seconds) } else { "-".to_owned() }
        };
        println!(
            "| {northbound} | {clients} | {who} | {:.0} | {} | {} | {ratio:.2} | {} | {} | {} |",
            self.rate,
            at(50),
            at(99),
            per_cpu(self.host),
            per_cpu(self.server),
            per_cpu(self.generator)
        );
    }
}

/// Runs every load balancer's calls over the connections, each connection one load balancer at a time.
async fn measure<C, F, R>(
    connections: Vec<C>,
    load_balancers: usize,
    host: &[u32],
    northbound: &Northbound,
    work: F,
) -> Outcome<Measured>
where
    C: Send + 'static,
    F: Fn(C, usize) -> R + Clone + Send + Sync + 'static,
    R: Future<Output = Outcome<(C, Vec<Duration>)>> + Send,
{
    let servers = northbound.pids();
    let own = [std::process::id()];
    let used = || [cpu::seconds(host), cpu::seconds(&servers), cpu::seconds(&own)];
    let before = used();
    let start = Instant::now();
    let next = Arc::new(AtomicUsize::new(0));
    let tasks: Vec<_> = connections
        .into_iter()
        .map(|mut connection| {
            let (next, work) = (next.clone(), work.clone());
            tokio::spawn(async move {
                let mut times = Vec::new();
                loop {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    if n >= load_balancers {
                        return Outcome::Ok(times);
                    }
                    let (back, some) = work(connection, n).await?;
                    connection = back;
                    times.extend(some);
                }
            })
        })
        .collect();
    let mut times = Vec::new();
    for task in tasks {
        times.extend(task.await??);
    }
    let seconds = start.elapsed().as_secs_f64();
    times.sort_unstable();
    let [host, server, generator] = {
        let after = used();
        [0, 1, 2].map(|i: usize| after.get(i).zip(before.get(i)).map_or(0.0, |(a, b)| a - b))
    };
    Ok(Measured { rate: times.len() as f64 / seconds, calls: times.len(), times, host, server, generator })
}

/// A private Northbound.
struct Northbound {
    servers: Vec<Server>,
    folder: PathBuf,
}

impl Northbound {
    fn start(folder: &Path, servers: usize) -> Outcome<Self> {
        let schema = testing::schema("ovn-nb").ok_or("no ovn-nb.ovsschema: run `make setup`")?;
        let servers = match servers {
            1 => vec![Server::standalone(folder, &schema)?],
            n => Server::cluster(folder, &schema, DATABASE, n)?,
        };
        Ok(Self { servers, folder: folder.to_owned() })
    }

    fn remotes(&self) -> Vec<String> {
        self.servers.iter().map(|server| server.endpoint().to_string()).collect()
    }

    /// The first server is the one that made the cluster, and nothing has unseated it.
    fn leader(&self) -> Outcome<PathBuf> {
        match self.servers.first().map(Server::endpoint) {
            Some(Endpoint::Unix(path)) => Ok(path),
            _ => Err("no unix endpoint".into()),
        }
    }

    fn pids(&self) -> Vec<u32> {
        cpu::processes("ovsdb-server", &self.folder.display().to_string())
    }

    fn transact(&self, operations: Vec<Value>) -> Outcome<()> {
        let mut all = vec![json!(DATABASE)];
        all.extend(operations);
        let remote = format!("unix:{}", self.leader()?.display());
        let text =
            testing::run("ovsdb-client", &["transact".into(), remote.into(), json!(all).to_string().into()])?;
        if text.contains("\"error\"") { Err(text.into()) } else { Ok(()) }
    }

    fn write_networks(&self, load_balancers: usize) -> Outcome<()> {
        for n in 0..load_balancers.div_ceil(network::LOAD_BALANCERS_A_NETWORK) {
            self.transact(network::operations(n))?;
        }
        Ok(())
    }

    fn delete_load_balancers(&self) -> Outcome<()> {
        self.transact(vec![json!({"op": "delete", "table": "Load_Balancer", "where": []})])
    }
}

/// A running host.
struct Weir {
    child: Child,
    socket: PathBuf,
}

impl Weir {
    async fn start(folder: &Path, remotes: &[String]) -> Outcome<Self> {
        let exe = std::env::current_exe()?;
        let weir = exe.parent().ok_or("no folder")?.join("weir");
        let socket = folder.join("provider.sock");
        std::fs::create_dir_all(folder.join("plugins"))?;
        let child = Command::new(&weir)
            .args(["serve", "--log", "warn"])
            .env("WEIR_LISTEN", format!("unix:{}", socket.display()))
            .env("WEIR_STATE_DIR", folder.join("state"))
            .env("WEIR_OVN_NB_CONNECTION", remotes.join(","))
            .env("WEIR_PLUGINS_DIR", folder.join("plugins"))
            .stdin(Stdio::null())
            .spawn()
            .map_err(|error| format!("{}: {error}", weir.display()))?;
        let weir = Self { child, socket };
        for _ in 0..600 {
            if let Ok(mut api) = Api::connect(&weir.socket).await
                && api
                    .call(
                        "listener_delete",
                        &json!({"listener": {"listener_id": Uuid::nil(), "loadbalancer_id": Uuid::nil()}}),
                    )
                    .await
                    .is_ok()
            {
                return Ok(weir);
            }
            sleep(Duration::from_millis(50)).await;
        }
        Err("weir does not come up".into())
    }

    fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Weir {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

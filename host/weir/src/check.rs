//! `weir check`: everything that a host needs, looked at from this machine. It changes nothing.

mod certificates;
mod octavia_api;

use std::fmt;

use serde::Serialize;
use tokio::time::timeout;
use uuid::Uuid;
use weir_neutron::PortQuery;
use weir_octavia::{
    Tls,
    agent::{Agent, ObjectKind, StatusMessage},
};
use weir_ovsdb::Client;

use crate::{
    config::Config,
    limits,
    neutron::{Neutron, names},
    northbound::monitor,
    plugins::{LoadError, Loader},
    provider::RELAY,
    serve, southbound,
};

/// What is found of one thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// As it should be.
    Ok,
    /// Not a problem, but good to know.
    Note,
    /// A problem.
    Problem,
}

/// One thing that was looked at.
#[derive(Clone, Debug, Serialize)]
pub struct Finding {
    /// Stable kebab-case name.
    pub name: String,
    /// How it is.
    pub verdict: Verdict,
    /// In words, for people.
    pub detail: String,
}

/// Everything that was looked at.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// True without a problem.
    pub ok: bool,
    /// Each thing.
    pub findings: Vec<Finding>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Finding { name, verdict, detail } in &self.findings {
            let word = match verdict {
                Verdict::Ok => "ok",
                Verdict::Note => "note",
                Verdict::Problem => "PROBLEM",
            };
            writeln!(f, "{word:8} {name:22} {detail}")?;
        }
        Ok(())
    }
}

/// Looks at everything that the configuration names.
pub async fn check(config: &Config) -> Report {
    let mut findings = vec![plugins(config), journal(config)];
    findings.extend(tls(config));
    findings.extend(certificates::certificates(config));
    // At the same time: each may wait for a server that does not answer.
    let ((northbound, api), southbound, agent, neutron) = tokio::join!(
        async {
            let (northbound, ours) = northbound(config).await;
            (northbound, octavia_api::octavia_api(config, ours).await)
        },
        southbound(config),
        driver_agent(config),
        neutron(config),
    );
    findings.extend(northbound);
    findings.push(southbound);
    findings.extend(agent);
    findings.extend(neutron);
    findings.extend(api);
    findings.push(Finding {
        name: "statistics".to_owned(),
        verdict: Verdict::Note,
        detail:
            "OVN counts nothing per listener: Octavia's statistics stay at zero, and nothing is sent to the \
                 statistics socket"
                .to_owned(),
    });
    Report { ok: findings.iter().all(|finding| finding.verdict != Verdict::Problem), findings }
}

fn finding(name: &str, outcome: Result<String, String>) -> Finding {
    let (verdict, detail) = match outcome {
        Ok(detail) => (Verdict::Ok, detail),
        Err(detail) => (Verdict::Problem, detail),
    };
    Finding { name: name.to_owned(), verdict, detail }
}

fn plugins(config: &Config) -> Finding {
    let loaded = Loader::new(&config.plugins, None).map_err(LoadError::from).and_then(|loader| loader.load());
    let words = loaded.map(|loaded| {
        let named = |plugin: &weir_sandbox::Plugin| format!("{} {}", plugin.name(), plugin.version());
        let plugins: Vec<_> = loaded.registry.plugins().map(named).collect();
        let ignored = loaded.ignored.iter().map(|file| format!("; not loaded: {}", file.display()));
        plugins.join(", ") + &ignored.collect::<String>()
    });
    finding("plugins", words.map_err(|error| error.to_string()))
}

/// Only looks: a file made here would belong to whoever runs this.
fn journal(config: &Config) -> Finding {
    let path = serve::journal_path(config);
    let outcome = match std::fs::File::options().read(true).write(true).open(&path) {
        Ok(_) => Ok(format!("{} is there", path.display())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            match std::fs::metadata(&config.state_dir) {
                Ok(folder) if folder.is_dir() => Ok(format!("{} is made at the first start", path.display())),
                Ok(_) => Err(format!("{} is no folder", config.state_dir.display())),
                Err(_) => Ok(format!("{} is made at the first start", config.state_dir.display())),
            }
        }
        Err(error) => Err(format!("{}: {error}", path.display())),
    };
    finding("journal", outcome)
}

fn tls(config: &Config) -> Option<Finding> {
    let settings = config.tls().ok().flatten()?;
    let loaded = Tls::load(&settings).map_err(|error| error.to_string());
    Some(finding("tls", loaded.map(|_| format!("{} is usable", settings.certificate.display()))))
}

/// What probes say comes from there.
async fn southbound(config: &Config) -> Finding {
    let client = match serve::connect_southbound(config) {
        Ok(client) => client,
        Err(error) => return finding("southbound", Err(error.to_string())),
    };
    let synced = timeout(limits::CHECK, client.status().wait_for(|status| status.synced)).await.is_ok();
    let now = client.status().borrow().clone();
    let outcome = if synced {
        let probed = client.replica().count(southbound::SERVICE_MONITOR);
        Ok(format!("{}: read whole, {probed} members are probed", now.endpoint.unwrap_or_default()))
    } else {
        let why = now.last_error.unwrap_or_else(|| "no answer".to_owned());
        Err(format!(
            "{}: {why}; without it members are never found dead",
            config.ovn.ovn_sb_connection.join(", ")
        ))
    };
    finding("southbound", outcome)
}

/// How the Northbound is, and how many load balancers of Weir's it has.
async fn northbound(config: &Config) -> (Vec<Finding>, usize) {
    let client = match serve::connect(config) {
        Ok(client) => client,
        Err(error) => return (vec![finding("northbound", Err(error.to_string()))], 0),
    };
    let mut status = client.status();
    let synced = timeout(limits::CHECK, status.wait_for(|status| status.synced)).await;
    let now = client.status().borrow().clone();
    if synced.is_err() {
        let remotes = config.ovn.ovn_nb_connection.join(", ");
        let why = now.last_error.unwrap_or_else(|| "no answer".to_owned());
        return (vec![finding("northbound", Err(format!("{remotes}: {why}")))], 0);
    }
    let rows = client.replica().count("Load_Balancer");
    let (endpoint, is_relay) = (now.endpoint.clone().unwrap_or_default(), now.is_relay());
    let ours = crate::northbound::rows::ours(&client.replica(), &config.ownership()).len();
    let mut findings = vec![
        finding("northbound", Ok(format!("{endpoint}: read whole, {rows} load balancer rows"))),
        schema(&client),
    ];
    findings.extend(is_relay.then(|| finding("background-lock", Err(format!("{endpoint}: {RELAY}")))));
    findings.extend(defaults(config, &client));
    findings.extend(ports_that_are_down(&client));
    (findings, ours)
}

/// A VIP's port is never bound. Unless it is disabled, its switch answers for it all the same where OVN is told to ignore
/// that it is down (the default), and clients on the VIP's own switch get no answer (seen with OVN 25.03).
fn ports_that_are_down(client: &Client) -> Option<Finding> {
    let replica = client.replica();
    let (_, global) = replica.rows("NB_Global").next()?;
    if global.map_value("options", "ignore_lsp_down") == Some("false") {
        return None;
    }
    let detail = "NB_Global options:ignore_lsp_down is not false: clients on a VIP's own switch need its port to be disabled \
                  (`openstack port set --disable`), or `ovn-nbctl set NB_Global . options:ignore_lsp_down=false`";
    Some(Finding { name: "northbound-options".to_owned(), verdict: Verdict::Note, detail: detail.to_owned() })
}

/// Whether the connected OVN has the options of `[defaults]`.
fn defaults(config: &Config, client: &Client) -> Option<Finding> {
    let options = &config.defaults;
    let lacking = crate::northbound::rows::capabilities(&client.replica()).lacking(options.keys());
    let outcome = match lacking.is_empty() {
        true => {
            Ok(options.iter().map(|(key, value)| format!("{key} = {value}")).collect::<Vec<_>>().join(", "))
        }
        false => Err(format!("the connected OVN is too old: {}", lacking.join(", "))),
    };
    (!options.is_empty()).then(|| finding("defaults", outcome))
}

fn schema(client: &Client) -> Finding {
    let replica = client.replica();
    let missing: Vec<_> = monitor::tables("")
        .into_iter()
        .flat_map(|table| table.columns.into_iter().map(move |column| (table.name.clone(), column)))
        .filter(|(table, column)| !replica.schema().is_some_and(|schema| schema.has_column(table, column)))
        .map(|(table, column)| format!("{table}.{column}"))
        .collect();
    let capabilities = crate::northbound::rows::capabilities(&replica);
    let detail = if missing.is_empty() {
        let words =
            |words: &std::collections::BTreeSet<String>| words.iter().cloned().collect::<Vec<_>>().join(", ");
        Ok(format!(
            "protocols {}; selection fields {}",
            words(&capabilities.protocols),
            words(&capabilities.selection_fields)
        ))
    } else {
        Err(format!("columns are missing: {}", missing.join(", ")))
    };
    finding("northbound-schema", detail)
}

/// A token, and one look at the ports.
async fn neutron(config: &Config) -> Option<Finding> {
    let looked = async {
        let Some(settings) = config.neutron().map_err(|error| error.to_string())? else { return Ok(None) };
        let wrong = |error: weir_neutron::NeutronError| format!("{}: {error}", error.code());
        let client = Neutron::new(settings).map_err(wrong)?.client().within(limits::CHECK);
        let url = client.authenticate().await.map_err(wrong)?;
        let query = PortQuery { device_owner: Some(names::VIP_OWNER.to_owned()), ..PortQuery::default() };
        let ports = client.ports(&query).await.map_err(wrong)?.len();
        Ok(Some(format!("{url} answers; {ports} VIP ports")))
    };
    looked.await.transpose().map(|outcome| finding("neutron", outcome))
}

async fn driver_agent(config: &Config) -> Vec<Finding> {
    let mut sockets = config.octavia.sockets();
    sockets.timeout = limits::CHECK;
    let (get, status) = (sockets.get.display().to_string(), sockets.status.display().to_string());
    let agent = Agent::new(sockets);
    let asked = agent.get(ObjectKind::LoadBalancer, Uuid::nil()).await.map_err(|error| error.to_string());
    // No records: the agent answers, and changes nothing.
    let sent = agent.send_status(&StatusMessage::default()).await.map_err(|error| error.to_string());
    vec![
        finding("driver-agent-get", asked.map(|_| format!("{get} answers"))),
        finding("driver-agent-status", sent.map(|()| format!("{status} answers"))),
    ]
}

//! `weir serve`: wiring.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use tokio::signal::unix::{SignalKind, signal};
use tracing::{info, warn};
use weir_journal::{Journal, Recovered, Settings};
use weir_octavia::{ApiSettings, Tls, agent::Agent, router};
use weir_ovsdb::{Client, ClientConfig};

use crate::{
    config::{Config, ConfigError, VipPorts},
    limits,
    neutron::Neutron,
    northbound::monitor,
    plugins::{LoadError, Loader, Watch},
    provider::{Api, DefaultsFile, Host, Parts, Pauses},
    southbound,
};

/// Why the host did not start, or stopped.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// See [`ConfigError`].
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A plugin cannot be loaded.
    #[error("plugins: {0}")]
    Plugins(#[from] LoadError),
    /// The journal cannot be opened.
    #[error("journal: {0}")]
    Journal(#[from] weir_journal::JournalError),
    /// What is paused cannot be read.
    #[error("what is paused: {0}")]
    Paused(String),
    /// The API cannot be served.
    #[error("provider API: {0}")]
    Api(#[from] weir_octavia::ServeError),
    /// Certificates or keys of the API's TCP listeners.
    #[error("provider API: {0}")]
    Tls(#[from] weir_octavia::TlsError),
    /// A listener cannot be set up.
    #[error("provider API: {0}")]
    Listen(#[from] weir_octavia::ListenError),
    /// The system refused something.
    #[error("{what}: {source}")]
    System {
        /// What was tried.
        what: String,
        /// Why not.
        source: std::io::Error,
    },
}

/// Serves until a signal asks to stop.
///
/// # Errors
/// [`ServeError`].
pub async fn serve(config: &Config) -> Result<(), ServeError> {
    let tls = config.tls()?.as_ref().map(Tls::load).transpose()?;
    create(&config.state_dir)?;
    let loader = Loader::new(&config.plugins, Some(&config.state_dir)).map_err(LoadError::from)?;
    let watch = Watch::new(config.plugins.folder());
    let (loaded, start) = loader.start()?;
    loaded.log();
    let client = connect(config)?;
    let southbound = connect_southbound(config)?;
    let (journal, recovered) = open_journal(config)?;
    let octavia_defaults = DefaultsFile::load(DefaultsFile::path(&config.state_dir));
    let agent = Agent::new(config.octavia.sockets()).with_defaults(octavia_defaults.known().clone());
    let host = Host::new(Parts {
        northbound: client,
        southbound,
        registry: loaded.registry,
        defaults: (*config.defaults).clone(),
        loader,
        confirm_above: config.plugins.confirm_above,
        repair: config.repair,
        withhold_vips: config.compat.bgp_agent,
        ownership: config.ownership(),
        policy: config.unsupported_options.clone(),
        octavia_defaults,
        journal,
        pauses: Pauses::load(config.state_dir.join("paused.json")).map_err(ServeError::Paused)?,
        neutron: config.neutron()?.map(Neutron::new).transpose().map_err(ConfigError::from)?,
        provider: config.octavia.provider.clone(),
        pending_timeout: config.octavia.pending_timeout(),
        makes_vip_ports: config.vip_ports == VipPorts::Auto,
        agent,
        delivery: config.octavia.delivery(),
    });
    host.started_with(loaded.ignored, &start);
    host.recover(recovered);
    tokio::spawn(host.clone().settle());
    tokio::spawn(host.clone().free_orphaned_ports());
    tokio::spawn(host.clone().retry_port_cleanups());
    tokio::spawn(host.clone().release_stuck());
    tokio::spawn(host.clone().follow_probes());
    tokio::spawn(host.clone().watch());
    tokio::spawn(host.clone().follow_revisions());
    tokio::spawn(host.clone().watch_agent());
    tokio::spawn(host.clone().watch_neutron());
    tokio::spawn(host.clone().log_conditions());
    if config.plugins.watch {
        tokio::spawn(host.clone().watch_plugins(watch));
    }
    reload_on_hangup(host.clone())?;
    let settings = ApiSettings {
        max_body: limits::BODY,
        token: Some(config.token.clone()).filter(|token| !token.is_empty()),
    };
    let mut listeners = Vec::new();
    for listen in config.listen()? {
        let bound = weir_octavia::bind(&listen).await?;
        info!(listen = %bound.listen(), "provider API");
        listeners.push(bound);
    }
    let stop = stop()?;
    notify(sd_notify::NotifyState::Ready);
    let stop = async {
        stop.await;
        notify(sd_notify::NotifyState::Stopping);
    };
    weir_octavia::serve(listeners, tls, router(Arc::new(Api(host.clone())), settings), stop).await?;
    host.save_revisions();
    info!("stopped");
    Ok(())
}

/// Tells the service manager (sd_notify(3)), where there is one.
fn notify(state: sd_notify::NotifyState<'_>) {
    if let Err(error) = sd_notify::notify(&[state]) {
        warn!(%error, "the service manager cannot be told");
    }
}

/// The journal's file.
pub fn journal_path(config: &Config) -> PathBuf {
    config.state_dir.join("journal.redb")
}

/// Opens the journal in the state folder.
///
/// # Errors
/// [`ServeError::Journal`].
fn open_journal(config: &Config) -> Result<(Journal, Recovered), ServeError> {
    create(&config.state_dir)?;
    let settings = Settings {
        path: journal_path(config),
        max_pending: limits::PENDING,
        max_bytes: limits::JOURNAL_BYTES,
        keep_finished: limits::JOURNAL_KEEP,
        keep_finished_max: limits::REMEMBERED_CHANGES,
    };
    Ok(Journal::open(settings)?)
}

fn create(folder: &Path) -> Result<(), ServeError> {
    std::fs::create_dir_all(folder)
        .map_err(|source| ServeError::System { what: format!("create {}", folder.display()), source })
}

/// SIGHUP reads the plugin folder again.
fn reload_on_hangup(host: Arc<Host>) -> Result<(), ServeError> {
    let system = |source| ServeError::System { what: "wait for signals".to_owned(), source };
    let mut hangup = signal(SignalKind::hangup()).map_err(system)?;
    tokio::spawn(async move {
        while hangup.recv().await.is_some() {
            info!("SIGHUP: reading the plugin folder");
            host.take_up_plugins(true).await;
        }
    });
    Ok(())
}

/// Connects to the Northbound, following its leader.
///
/// # Errors
/// [`ServeError::Config`].
pub fn connect(config: &Config) -> Result<Client, ServeError> {
    let mut client =
        ClientConfig::new(config.northbound()?, "OVN_Northbound", monitor::tables(&config.deployment));
    client.tls = config.northbound_tls()?;
    Ok(Client::connect(bounded(client, config)))
}

/// Connects to the Southbound, which is only read: any server of a cluster will do.
///
/// # Errors
/// [`ServeError::Config`].
pub fn connect_southbound(config: &Config) -> Result<Client, ServeError> {
    let mut client = ClientConfig::new(config.southbound()?, "OVN_Southbound", southbound::tables());
    client.tls = config.southbound_tls()?;
    client.leader_only = false;
    Ok(Client::connect(bounded(client, config)))
}

fn bounded(mut client: ClientConfig, config: &Config) -> ClientConfig {
    client.probe_interval = config.ovn.probe_interval();
    client.connect_timeout = config.ovn.connect_timeout();
    client.read_timeout = config.ovn.connect_timeout();
    client.backoff_max = config.ovn.backoff_max();
    client.max_message = limits::OVSDB_MESSAGE;
    client
}

fn stop() -> Result<impl Future<Output = ()> + Send + 'static, ServeError> {
    let system = |source| ServeError::System { what: "wait for signals".to_owned(), source };
    let mut terminate = signal(SignalKind::terminate()).map_err(system)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(system)?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

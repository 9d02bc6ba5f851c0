//! The parts of the configuration, with what holds where nothing is said.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    time::Duration,
};

use serde::{Deserialize, Serialize};
use weir_model::LoadBalancerId;
use weir_octavia::agent::{AgentSockets, DispatcherSettings};

use crate::limits;

/// `adopt`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged, expecting = "expected \"none\", \"all\" or a list of load balancers' ids (UUIDs)")]
pub enum AdoptConfig {
    /// `none` or `all`.
    Word(AdoptWord),
    /// The named ones.
    Ids(BTreeSet<LoadBalancerId>),
}

/// `adopt` in one word.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AdoptWord {
    /// Touch nobody else's.
    None,
    /// Take over every one on its first change.
    All,
}

/// `repair`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Repair {
    /// Nothing.
    Off,
    /// Say what is wrong.
    Report,
    /// Put it right.
    On,
}

/// `vip_ports`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum VipPorts {
    /// Weir where Neutron is configured, else Octavia.
    Auto,
    /// Octavia.
    Octavia,
}

/// `[tls]`: PEM files. With the first two, TCP listeners speak TLS.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TlsConfig {
    /// The host's certificate, with those that lead to its CA.
    pub certificate: PathBuf,
    /// Its private key.
    pub private_key: PathBuf,
    /// Who signs clients' certificates; then clients need one, and no token.
    pub client_ca: PathBuf,
}

/// `[ovn]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OvnConfig {
    /// Northbound servers; several are one cluster. A list, or one text as in octavia.conf, separated by commas.
    #[serde(deserialize_with = "texts")]
    pub ovn_nb_connection: Vec<String>,
    /// Southbound servers, likewise.
    #[serde(deserialize_with = "texts")]
    pub ovn_sb_connection: Vec<String>,
    /// PEM file.
    pub ovn_nb_private_key: PathBuf,
    /// PEM file.
    pub ovn_nb_certificate: PathBuf,
    /// PEM file.
    pub ovn_nb_ca_cert: PathBuf,
    /// PEM file.
    pub ovn_sb_private_key: PathBuf,
    /// PEM file.
    pub ovn_sb_certificate: PathBuf,
    /// PEM file.
    pub ovn_sb_ca_cert: PathBuf,
    /// Seconds until a connection attempt has failed.
    pub ovsdb_connection_timeout: u64,
    /// Seconds between attempts, at the most; 8 when it is not set.
    pub ovsdb_retry_max_interval: Option<u64>,
    /// Milliseconds of silence before the server is probed; 0 is never.
    pub ovsdb_probe_interval: u64,
}

/// `[octavia]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OctaviaConfig {
    /// The driver-agent's status socket.
    pub status_socket: PathBuf,
    /// The driver-agent's statistics socket.
    pub stats_socket: PathBuf,
    /// The driver-agent's get socket.
    pub get_socket: PathBuf,
    /// Seconds after which a created load balancer that Octavia does not know is taken out again.
    pub unknown_object_timeout: u64,
    /// The name that octavia.conf gives the driver: whose load balancers `weir sync` has Octavia's API list, where
    /// `[neutron]` is configured.
    pub provider: String,
    /// Seconds after which a load balancer that Octavia's API has in `PENDING_*`, and for which this host has nothing to do,
    /// is synced; 0 is never.
    pub pending_timeout: u64,
}

/// `[compat]`: for other programs that read the Northbound.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CompatConfig {
    /// For ovn-bgp-agent, which announces a VIP only where `vips` of an existing row changes: a created row gets its vips in
    /// a second transaction.
    pub bgp_agent: bool,
}

/// `[plugins]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PluginsConfig {
    /// The operator's plugins. Without it [`Self::DIR`], which need not exist.
    pub dir: Option<PathBuf>,
    /// Plugins by name without which a set is not used.
    pub required: Vec<String>,
    /// Whether a change of the folder is taken up by itself; SIGHUP and the API work in any case.
    pub watch: bool,
    /// A new set that would change more load balancers than this waits for a confirmation.
    pub confirm_above: usize,
    /// Only plugins with a signature of a trusted key are loaded.
    pub require_signed: bool,
    /// Public keys whose signatures count: minisign's, or PEM of ECDSA P-256 (cosign's).
    pub trusted_keys: Vec<String>,
}

/// A list of texts, or one text that separates them by commas.
fn texts<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "expected a list of texts, or one text separated by commas")]
    enum Texts {
        One(String),
        Several(Vec<String>),
    }
    Ok(match Texts::deserialize(deserializer)? {
        Texts::One(text) => {
            text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
        }
        Texts::Several(list) => list,
    })
}

impl Default for OvnConfig {
    fn default() -> Self {
        Self {
            ovn_nb_connection: vec!["unix:/run/ovn/ovnnb_db.sock".to_owned()],
            ovn_sb_connection: vec!["unix:/run/ovn/ovnsb_db.sock".to_owned()],
            ovn_nb_private_key: PathBuf::new(),
            ovn_nb_certificate: PathBuf::new(),
            ovn_nb_ca_cert: PathBuf::new(),
            ovn_sb_private_key: PathBuf::new(),
            ovn_sb_certificate: PathBuf::new(),
            ovn_sb_ca_cert: PathBuf::new(),
            ovsdb_connection_timeout: 180,
            ovsdb_retry_max_interval: None,
            ovsdb_probe_interval: 60_000,
        }
    }
}

impl Default for OctaviaConfig {
    fn default() -> Self {
        let socket = |name: &str| PathBuf::from(format!("/var/run/octavia/{name}.sock"));
        Self {
            status_socket: socket("status"),
            stats_socket: socket("stats"),
            get_socket: socket("get"),
            unknown_object_timeout: 900,
            provider: "weir".to_owned(),
            pending_timeout: 600,
        }
    }
}

impl Default for PluginsConfig {
    fn default() -> Self {
        Self {
            dir: None,
            required: Vec::new(),
            watch: true,
            confirm_above: 100,
            require_signed: false,
            trusted_keys: Vec::new(),
        }
    }
}

impl PluginsConfig {
    /// The operator's plugins where nothing is said.
    pub const DIR: &str = "/etc/weir/plugins";

    /// The folder of the operator's plugins.
    pub fn folder(&self) -> &Path {
        self.dir.as_deref().unwrap_or(Path::new(Self::DIR))
    }
}

impl OctaviaConfig {
    /// The driver-agent's sockets.
    pub fn sockets(&self) -> AgentSockets {
        AgentSockets {
            status: self.status_socket.clone(),
            stats: self.stats_socket.clone(),
            get: self.get_socket.clone(),
            timeout: limits::AGENT_ANSWER,
        }
    }

    /// `pending_timeout`; `None` is never.
    pub fn pending_timeout(&self) -> Option<Duration> {
        Some(Duration::from_secs(self.pending_timeout)).filter(|timeout| !timeout.is_zero())
    }

    /// `unknown_object_timeout`.
    pub fn delivery(&self) -> DispatcherSettings {
        DispatcherSettings { unknown_after: Duration::from_secs(self.unknown_object_timeout) }
    }
}

impl OvnConfig {
    /// `ovsdb_connection_timeout`.
    pub fn connect_timeout(&self) -> Duration {
        Duration::from_secs(self.ovsdb_connection_timeout.max(1))
    }

    /// `ovsdb_retry_max_interval`.
    pub fn backoff_max(&self) -> Duration {
        self.ovsdb_retry_max_interval
            .map_or(limits::OVSDB_RETRY, |seconds| Duration::from_secs(seconds.max(1)))
    }

    /// `ovsdb_probe_interval`.
    pub fn probe_interval(&self) -> Duration {
        Duration::from_millis(self.ovsdb_probe_interval)
    }
}

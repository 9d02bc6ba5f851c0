//! Configuration: a TOML file, every key also as environment.
//!
//! The environment's name of a key is `WEIR_<SECTION>_<KEY>` in capitals, without the section where the key begins with
//! it: `state_dir` is `WEIR_STATE_DIR`, `[ovn] ovn_nb_connection` is `WEIR_OVN_NB_CONNECTION`, `[ovn]
//! ovsdb_probe_interval` is `WEIR_OVN_OVSDB_PROBE_INTERVAL`, `[plugins] dir` is `WEIR_PLUGINS_DIR`. Lists are separated by
//! commas. The environment wins over the file.

mod databases;
mod defaults;
mod environment;
mod sections;
mod unsupported;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use weir_octavia::{Listen, TlsSettings};
use weir_ovsdb::{Endpoint, TlsFiles};
use weir_plan::{Adopt, MemberFloatingIps, Ownership};

use databases::{endpoints, tls_files};
pub use defaults::Defaults;
pub use sections::{
    AdoptConfig, AdoptWord, CompatConfig, OctaviaConfig, OvnConfig, PluginsConfig, Repair, TlsConfig,
    VipPorts,
};
pub use unsupported::{OptionPolicy, UnsupportedOptions};

/// What is wrong with the configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("configuration {path}: {source}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file, or an environment variable, is not as it should be.
    #[error("configuration {path}: {text}")]
    Malformed {
        /// The file, or `environment`.
        path: String,
        /// What and where.
        text: String,
    },
    /// Neutron's settings do not do.
    #[error("configuration: [neutron] {0}")]
    Neutron(#[from] weir_neutron::NeutronError),
    /// A value does not do.
    #[error("configuration: {key} = {value:?}: {why}")]
    Invalid {
        /// The key with its section.
        key: &'static str,
        /// Its value.
        value: String,
        /// What would do.
        why: String,
    },
}

/// The whole configuration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where the provider API listens: `unix:PATH`, `tcp:HOST:PORT`.
    pub listen: Vec<String>,
    /// What a TCP client must send as `Authorization: Bearer`; unix sockets need none.
    pub token: String,
    /// The journal and compiled plugins.
    pub state_dir: PathBuf,
    /// Value of `weir:owner` on our rows.
    pub deployment: String,
    /// Load balancers of the reference driver that may be taken over.
    pub adopt: AdoptConfig,
    /// What reconcile may do unasked.
    pub repair: Repair,
    /// Who makes VIP ports.
    pub vip_ports: VipPorts,
    /// Members' own floating IPs.
    pub member_floating_ips: MemberFloatingIps,
    /// TLS on TCP listeners.
    pub tls: TlsConfig,
    /// The databases, under the reference driver's names.
    pub ovn: OvnConfig,
    /// Octavia's driver-agent sockets.
    pub octavia: OctaviaConfig,
    /// Keystone and Neutron.
    pub neutron: Option<weir_neutron::Words>,
    /// For other programs that read the Northbound.
    pub compat: CompatConfig,
    /// Plugins.
    pub plugins: PluginsConfig,
    /// A flavor's keys, for every load balancer whose flavor does not have them.
    pub defaults: Defaults,
    /// Options that OVN cannot honour.
    pub unsupported_options: UnsupportedOptions,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: vec!["unix:/run/weir/provider.sock".to_owned()],
            token: String::new(),
            state_dir: PathBuf::from("/var/lib/weir"),
            deployment: "weir".to_owned(),
            adopt: AdoptConfig::Word(AdoptWord::None),
            repair: Repair::On,
            vip_ports: VipPorts::Auto,
            member_floating_ips: MemberFloatingIps::Central,
            tls: TlsConfig::default(),
            ovn: OvnConfig::default(),
            octavia: OctaviaConfig::default(),
            neutron: None,
            compat: CompatConfig::default(),
            plugins: PluginsConfig::default(),
            defaults: Defaults::default(),
            unsupported_options: UnsupportedOptions::default(),
        }
    }
}

impl Config {
    /// Reads the file, if one is named, and the environment.
    ///
    /// # Errors
    /// [`ConfigError`], naming file, key and value.
    pub fn load(file: Option<&Path>) -> Result<Self, ConfigError> {
        let text = match file {
            Some(path) => std::fs::read_to_string(path)
                .map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })?,
            None => String::new(),
        };
        let path = file.map_or_else(|| "(defaults)".to_owned(), |path| path.display().to_string());
        Self::read(&path, &text, std::env::vars())
    }

    /// The `WEIR_...` environment variables that nothing reads: they may be misspelt.
    ///
    /// # Errors
    /// [`ConfigError::Malformed`], where one differs from a known one by a letter or two.
    pub fn unknown_variables() -> Result<Vec<String>, ConfigError> {
        environment::unknown(std::env::vars())
            .map_err(|text| ConfigError::Malformed { path: "environment".to_owned(), text })
    }

    fn read(
        path: &str,
        text: &str,
        env: impl Iterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        let malformed = |path: &str, text: String| ConfigError::Malformed { path: path.to_owned(), text };
        // Read by itself first, so that a mistake is told with its line.
        toml::from_str::<Self>(text).map_err(|error| malformed(path, error.to_string()))?;
        let mut table: toml::Table =
            toml::from_str(text).map_err(|error| malformed(path, error.to_string()))?;
        let set = environment::overlay(&mut table, env).map_err(|text| malformed("environment", text))?;
        let merged = toml::Value::Table(table).try_into();
        let config: Self = merged.map_err(|error: toml::de::Error| {
            malformed(&format!("environment ({})", set.join(", ")), error.to_string())
        })?;
        config.check()?;
        Ok(config)
    }

    fn check(&self) -> Result<(), ConfigError> {
        let listen = self.listen()?;
        if listen.is_empty() {
            let why = "name at least one place to listen".to_owned();
            return Err(ConfigError::Invalid { key: "listen", value: String::new(), why });
        }
        let tcp = listen.iter().find(|listen| matches!(listen, Listen::Tcp(_)));
        let certificates = self.tls()?.is_some_and(|tls| tls.client_ca.is_some());
        if let Some(tcp) = tcp.filter(|_| self.token.is_empty() && !certificates) {
            let why = "a TCP listener needs a token, or [tls] with client_ca".to_owned();
            return Err(ConfigError::Invalid { key: "listen", value: tcp.to_string(), why });
        }
        if self.deployment.is_empty() || self.deployment.chars().any(char::is_control) {
            let why = "a name that is not empty".to_owned();
            return Err(ConfigError::Invalid { key: "deployment", value: self.deployment.clone(), why });
        }
        if self.plugins.require_signed && self.plugins.trusted_keys.is_empty() {
            let why = "needs plugins.trusted_keys: whose signatures count".to_owned();
            return Err(ConfigError::Invalid {
                key: "plugins.require_signed",
                value: "true".to_owned(),
                why,
            });
        }
        self.northbound()?;
        self.southbound()?;
        self.northbound_tls()?;
        self.neutron()?;
        self.southbound_tls()?;
        Ok(())
    }

    /// Who we are to Keystone, where Neutron is configured. Reads clouds.yaml.
    ///
    /// # Errors
    /// [`ConfigError::Neutron`], naming the key.
    pub fn neutron(&self) -> Result<Option<weir_neutron::Settings>, ConfigError> {
        Ok(self.neutron.as_ref().map(weir_neutron::Words::settings).transpose()?)
    }

    /// The files for TCP listeners that speak TLS.
    ///
    /// # Errors
    /// [`ConfigError::Invalid`] where some are named and others are missing; never on a loaded configuration.
    pub fn tls(&self) -> Result<Option<TlsSettings>, ConfigError> {
        let named = |path: &PathBuf| (!path.as_os_str().is_empty()).then(|| path.clone());
        let TlsConfig { certificate, private_key, client_ca } = &self.tls;
        match (named(certificate), named(private_key), named(client_ca)) {
            (None, None, None) => Ok(None),
            (Some(certificate), Some(private_key), client_ca) => {
                Ok(Some(TlsSettings { certificate, private_key, client_ca }))
            }
            (certificate, _, _) => {
                let key = if certificate.is_some() { "tls.private_key" } else { "tls.certificate" };
                let why = "[tls] needs certificate and private_key".to_owned();
                Err(ConfigError::Invalid { key, value: String::new(), why })
            }
        }
    }

    /// Where the API listens.
    ///
    /// # Errors
    /// [`ConfigError::Invalid`]; never on a loaded configuration.
    pub fn listen(&self) -> Result<Vec<Listen>, ConfigError> {
        let parse = |text: &String| {
            text.parse().map_err(|error| ConfigError::Invalid {
                key: "listen",
                value: text.clone(),
                why: format!("{error}"),
            })
        };
        self.listen.iter().map(parse).collect()
    }

    /// The Northbound's servers.
    ///
    /// # Errors
    /// [`ConfigError::Invalid`]; never on a loaded configuration.
    pub fn northbound(&self) -> Result<Vec<Endpoint>, ConfigError> {
        endpoints("ovn.ovn_nb_connection", &self.ovn.ovn_nb_connection)
    }

    /// The files for `ssl:` connections to the Northbound.
    ///
    /// # Errors
    /// [`ConfigError::Invalid`] where some are named and others, or the CA, are missing.
    pub fn northbound_tls(&self) -> Result<Option<TlsFiles>, ConfigError> {
        let ovn = &self.ovn;
        tls_files(
            ["ovn.ovn_nb_private_key", "ovn.ovn_nb_ca_cert"],
            [&ovn.ovn_nb_private_key, &ovn.ovn_nb_certificate, &ovn.ovn_nb_ca_cert],
            &ovn.ovn_nb_connection,
        )
    }

    /// The Southbound's servers.
    ///
    /// # Errors
    /// [`ConfigError::Invalid`]; never on a loaded configuration.
    pub fn southbound(&self) -> Result<Vec<Endpoint>, ConfigError> {
        endpoints("ovn.ovn_sb_connection", &self.ovn.ovn_sb_connection)
    }

    /// The files for `ssl:` connections to the Southbound.
    ///
    /// # Errors
    /// As [`Self::northbound_tls`].
    pub fn southbound_tls(&self) -> Result<Option<TlsFiles>, ConfigError> {
        let ovn = &self.ovn;
        tls_files(
            ["ovn.ovn_sb_private_key", "ovn.ovn_sb_ca_cert"],
            [&ovn.ovn_sb_private_key, &ovn.ovn_sb_certificate, &ovn.ovn_sb_ca_cert],
            &ovn.ovn_sb_connection,
        )
    }

    /// Whose rows are ours.
    pub fn ownership(&self) -> Ownership {
        let adopt = match &self.adopt {
            AdoptConfig::Word(AdoptWord::None) => Adopt::None,
            AdoptConfig::Word(AdoptWord::All) => Adopt::All,
            AdoptConfig::Ids(ids) => Adopt::Ids(ids.clone()),
        };
        Ownership {
            deployment: self.deployment.clone(),
            adopt,
            member_floating_ips: self.member_floating_ips,
        }
    }
}

#[cfg(test)]
mod tests;

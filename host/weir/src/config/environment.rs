//! Environment variables laid over the file's table.

use toml::{Table, Value};
use weir_model::FLAVOR_KEYS;

/// What kind of value a key has.
#[derive(Clone, Copy)]
enum Kind {
    Text,
    Number,
    Truth,
    List,
    /// A word, or a list of ids.
    WordOrList,
}

/// Every key that has an environment variable: section, key, kind.
const KEYS: &[(&str, &str, Kind)] = &[
    ("", "listen", Kind::List),
    ("", "token", Kind::Text),
    ("", "state_dir", Kind::Text),
    ("", "deployment", Kind::Text),
    ("", "adopt", Kind::WordOrList),
    ("", "repair", Kind::Text),
    ("", "vip_ports", Kind::Text),
    ("", "member_floating_ips", Kind::Text),
    ("tls", "certificate", Kind::Text),
    ("tls", "private_key", Kind::Text),
    ("tls", "client_ca", Kind::Text),
    ("ovn", "ovn_nb_connection", Kind::List),
    ("ovn", "ovn_sb_connection", Kind::List),
    ("ovn", "ovn_nb_private_key", Kind::Text),
    ("ovn", "ovn_nb_certificate", Kind::Text),
    ("ovn", "ovn_nb_ca_cert", Kind::Text),
    ("ovn", "ovn_sb_private_key", Kind::Text),
    ("ovn", "ovn_sb_certificate", Kind::Text),
    ("ovn", "ovn_sb_ca_cert", Kind::Text),
    ("ovn", "ovsdb_connection_timeout", Kind::Number),
    ("ovn", "ovsdb_retry_max_interval", Kind::Number),
    ("ovn", "ovsdb_probe_interval", Kind::Number),
    ("octavia", "status_socket", Kind::Text),
    ("octavia", "stats_socket", Kind::Text),
    ("octavia", "get_socket", Kind::Text),
    ("octavia", "unknown_object_timeout", Kind::Number),
    ("octavia", "provider", Kind::Text),
    ("octavia", "pending_timeout", Kind::Number),
    ("neutron", "cloud", Kind::Text),
    ("neutron", "auth_type", Kind::Text),
    ("neutron", "auth_url", Kind::Text),
    ("neutron", "username", Kind::Text),
    ("neutron", "user_id", Kind::Text),
    ("neutron", "password", Kind::Text),
    ("neutron", "user_domain_name", Kind::Text),
    ("neutron", "user_domain_id", Kind::Text),
    ("neutron", "project_name", Kind::Text),
    ("neutron", "project_id", Kind::Text),
    ("neutron", "project_domain_name", Kind::Text),
    ("neutron", "project_domain_id", Kind::Text),
    ("neutron", "application_credential_id", Kind::Text),
    ("neutron", "application_credential_name", Kind::Text),
    ("neutron", "application_credential_secret", Kind::Text),
    ("neutron", "region_name", Kind::Text),
    ("neutron", "interface", Kind::Text),
    ("neutron", "endpoint_override", Kind::Text),
    ("neutron", "cafile", Kind::Text),
    ("neutron", "insecure", Kind::Truth),
    ("compat", "bgp_agent", Kind::Truth),
    ("plugins", "dir", Kind::Text),
    ("plugins", "required", Kind::List),
    ("plugins", "watch", Kind::Truth),
    ("plugins", "confirm_above", Kind::Number),
    ("plugins", "require_signed", Kind::Truth),
    ("plugins", "trusted_keys", Kind::List),
    ("unsupported_options", "default", Kind::Text),
    ("unsupported_options", "connection_limit", Kind::Text),
    ("unsupported_options", "timeouts", Kind::Text),
    ("unsupported_options", "monitor_address", Kind::Text),
    ("unsupported_options", "monitor_port", Kind::Text),
    ("unsupported_options", "vnic_type", Kind::Text),
    ("unsupported_options", "vip_qos_policy_id", Kind::Text),
];

/// Variables of the command line, of the build and of the tests; those that end in `_` begin many.
const OTHERS: &[&str] = &[
    "WEIR_BINARY",
    "WEIR_BLESS",
    "WEIR_COMPONENTIZE_",
    "WEIR_CONFIG",
    "WEIR_CRASH_AT",
    "WEIR_DEMO_STATE",
    "WEIR_JOURNAL_CRASH_FILE",
    "WEIR_LANGUAGES_ALL",
    "WEIR_LOG",
    "WEIR_OCTAVIA_ALL",
    "WEIR_OCTAVIA_STACKS",
    "WEIR_OVN_ROOT",
    "WEIR_OVN_UNPACK",
    "WEIR_PLUGIN_PROJECTS",
    "WEIR_REAL_",
    "WEIR_SKIP_",
    "WEIR_STRESS_",
    "WEIR_TRAFFIC_",
    "WEIR_WRITE_BINDINGS",
];

/// Letters by which a misspelt name differs from the right one.
const SLIPS: usize = 2;

/// The `WEIR_...` variables that nothing reads.
///
/// # Errors
/// A text that names a variable and the key that was probably meant.
pub(super) fn unknown(env: impl Iterator<Item = (String, String)>) -> Result<Vec<String>, String> {
    let defaults = FLAVOR_KEYS.iter().map(|key| ("defaults", key.name));
    let keys = KEYS.iter().map(|(section, key, _)| (*section, *key)).chain(defaults);
    let known: Vec<_> = keys.map(|(section, key)| variable(section, key)).collect();
    let is_other = |name: &str| {
        OTHERS.iter().any(|other| if other.ends_with('_') { name.starts_with(other) } else { name == *other })
    };
    let mut unknown = Vec::new();
    // Kubernetes describes a Service named `weir-...` in variables with URLs as `tcp://10.0.0.1:80`.
    let is_service =
        |value: &str| value.split_once("://").is_some_and(|(scheme, _)| !scheme.starts_with("http"));
    for (name, _) in env.filter(|(name, value)| name.starts_with("WEIR_") && !is_service(value)) {
        if known.contains(&name) || is_other(&name) {
            continue;
        }
        let commands = ["WEIR_CONFIG", "WEIR_LOG"];
        let mut meant = known.iter().map(String::as_str).chain(commands);
        if let Some(meant) = meant.find(|known| strsim::osa_distance(known, &name) <= SLIPS) {
            return Err(format!("unknown variable {name}; did you mean {meant}?"));
        }
        unknown.push(name);
    }
    Ok(unknown)
}

/// Whether a key has an environment variable.
#[cfg(test)]
pub(super) fn has_variable(section: &str, key: &str) -> bool {
    KEYS.iter().any(|(known, of_it, _)| (*known, *of_it) == (section, key))
}

/// The variable of a key.
pub(super) fn variable(section: &str, key: &str) -> String {
    let doubled = key.starts_with(&format!("{section}_"));
    let section = if section.is_empty() || doubled { String::new() } else { format!("{section}_") };
    format!("WEIR_{section}{key}").to_uppercase()
}

/// Sets what the environment names; gives the variables that were used.
///
/// # Errors
/// A text that names the variable and its value.
pub(super) fn overlay(
    table: &mut Table,
    env: impl Iterator<Item = (String, String)>,
) -> Result<Vec<String>, String> {
    let mut used = Vec::new();
    for (name, value) in env.filter(|(name, _)| name.starts_with("WEIR_")) {
        let defaults = FLAVOR_KEYS.iter().map(|key| ("defaults", key.name, Kind::Text));
        let mut keys = KEYS.iter().copied().chain(defaults);
        let Some((section, key, kind)) = keys.find(|(section, key, _)| variable(section, key) == name) else {
            continue;
        };
        let value = parse(&name, &value, kind)?;
        let target = if section.is_empty() {
            Some(&mut *table)
        } else {
            table.entry(section).or_insert_with(|| Value::Table(Table::new())).as_table_mut()
        };
        target.ok_or_else(|| format!("{name}: [{section}] is not a section"))?.insert(key.to_owned(), value);
        used.push(name);
    }
    Ok(used)
}

fn parse(name: &str, value: &str, kind: Kind) -> Result<Value, String> {
    let list = || value.split(',').map(str::trim).filter(|item| !item.is_empty());
    Ok(match kind {
        Kind::Text => Value::String(value.to_owned()),
        Kind::Number => {
            Value::Integer(value.parse().map_err(|_| format!("{name}: {value:?} is not a whole number"))?)
        }
        Kind::Truth => {
            Value::Boolean(value.parse().map_err(|_| format!("{name}: {value:?} is not true or false"))?)
        }
        Kind::List => Value::Array(list().map(|item| Value::String(item.to_owned())).collect()),
        Kind::WordOrList if value.contains('-') => {
            Value::Array(list().map(|item| Value::String(item.to_owned())).collect())
        }
        Kind::WordOrList => Value::String(value.to_owned()),
    })
}

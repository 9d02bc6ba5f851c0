//! Where the databases are, and by which certificates.

use std::path::PathBuf;

use weir_ovsdb::{Endpoint, TlsFiles};

use super::ConfigError;

/// The files for `ssl:`: private key, certificate and CA, by the keys of the first and the last.
pub(super) fn tls_files(
    keys: [&'static str; 2],
    files: [&PathBuf; 3],
    remotes: &[String],
) -> Result<Option<TlsFiles>, ConfigError> {
    let ([private_key, ca_cert], [key, certificate, ca]) = (keys, files);
    let named = |path: &PathBuf| !path.as_os_str().is_empty();
    let invalid = |key: &'static str, why: &str| {
        Err(ConfigError::Invalid { key, value: String::new(), why: why.to_owned() })
    };
    if named(key) != named(certificate) {
        return invalid(private_key, "private key and certificate go together");
    }
    if !named(ca) {
        let ssl = remotes.iter().any(|remote| remote.starts_with("ssl:"));
        return if ssl || named(key) {
            invalid(ca_cert, "ssl: needs the CA's certificate")
        } else {
            Ok(None)
        };
    }
    let given = |path: &PathBuf| named(path).then(|| path.clone());
    Ok(Some(TlsFiles { ca_cert: ca.clone(), certificate: given(certificate), private_key: given(key) }))
}

/// The servers that a key names.
pub(super) fn endpoints(key: &'static str, remotes: &[String]) -> Result<Vec<Endpoint>, ConfigError> {
    if remotes.is_empty() {
        return Err(ConfigError::Invalid {
            key,
            value: String::new(),
            why: "name at least one server".to_owned(),
        });
    }
    let parse = |text: &String| {
        text.parse().map_err(|error| ConfigError::Invalid {
            key,
            value: text.clone(),
            why: format!("{error}"),
        })
    };
    remotes.iter().map(parse).collect()
}

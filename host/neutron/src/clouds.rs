//! A cloud of `clouds.yaml`, with the secrets of `secure.yaml`, from the places where the OpenStack client looks too.

use std::{
    env,
    path::{Path, PathBuf},
};

use serde_json::{Map, Value};

use crate::{NeutronError, Secret, words::Words};

/// The words of a cloud.
///
/// `file` is `clouds.yaml` itself; where it is `None`, it is looked for: `OS_CLIENT_CONFIG_FILE`, the working directory,
/// `~/.config/openstack`, `/etc/openstack`. `secure.yaml` is looked for beside it, or is `OS_CLIENT_SECURE_FILE`.
///
/// # Errors
/// [`NeutronError::File`] naming the file; [`NeutronError::Setting`] where no file or no such cloud is there.
pub fn read(cloud: &str, file: Option<&Path>) -> Result<Words, NeutronError> {
    let unknown = |why: String| NeutronError::Setting { key: "cloud", value: cloud.to_owned(), why };
    let found = file.map(Path::to_owned).or_else(find);
    let path = found.ok_or_else(|| {
        let looked: Vec<_> = places().iter().map(|path| path.display().to_string()).collect();
        unknown(format!("there is no clouds.yaml (looked for {})", looked.join(", ")))
    })?;
    let clouds = clouds(&path)?;
    let mut settings = match clouds.get(cloud) {
        Some(Value::Object(settings)) => settings.clone(),
        _ => {
            let known: Vec<_> = clouds.keys().cloned().collect();
            return Err(unknown(format!("{} has only {}", path.display(), known.join(", "))));
        }
    };
    let secure = env::var_os("OS_CLIENT_SECURE_FILE").map(PathBuf::from);
    let secure = secure.unwrap_or_else(|| path.with_file_name("secure.yaml"));
    if secure.exists()
        && let Some(Value::Object(more)) = self::clouds(&secure)?.get(cloud)
    {
        merge(&mut settings, more);
    }
    Ok(words(&settings))
}

fn places() -> Vec<PathBuf> {
    if let Some(file) = env::var_os("OS_CLIENT_CONFIG_FILE") {
        return vec![file.into()];
    }
    let home = env::var_os("HOME").map(|home| PathBuf::from(home).join(".config/openstack/clouds.yaml"));
    let mut places = vec![PathBuf::from("clouds.yaml")];
    places.extend(home);
    places.push(PathBuf::from("/etc/openstack/clouds.yaml"));
    places
}

fn find() -> Option<PathBuf> {
    places().into_iter().find(|path| path.exists())
}

fn clouds(path: &Path) -> Result<Map<String, Value>, NeutronError> {
    let wrong = |why: String| NeutronError::File { path: path.to_owned(), why };
    let text = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
    // Its own messages show the text around the mistake, which may be a password.
    let yaml: Value = serde_saphyr::from_str(&text).map_err(|error| {
        let place = error.location().map(|at| format!(", line {}", at.line())).unwrap_or_default();
        wrong(format!("it is not YAML{place}"))
    })?;
    match yaml.get("clouds") {
        Some(Value::Object(clouds)) => Ok(clouds.clone()),
        _ => Err(wrong("it has no clouds".to_owned())),
    }
}

fn merge(settings: &mut Map<String, Value>, more: &Map<String, Value>) {
    for (key, value) in more {
        match (settings.get_mut(key), value) {
            (Some(Value::Object(settings)), Value::Object(more)) => merge(settings, more),
            _ => {
                settings.insert(key.clone(), value.clone());
            }
        }
    }
}

fn words(settings: &Map<String, Value>) -> Words {
    let nothing = Map::new();
    let auth = settings.get("auth").and_then(Value::as_object).unwrap_or(&nothing);
    // A password of digits alone is a number to YAML.
    let text = |of: &Map<String, Value>, key: &str| match of.get(key) {
        Some(Value::String(text)) => text.clone(),
        Some(value @ (Value::Number(_) | Value::Bool(_))) => value.to_string(),
        _ => String::new(),
    };
    let of_auth = |key: &str| text(auth, key);
    let secret = |key: &str| Some(of_auth(key)).filter(|text| !text.is_empty()).map(Secret::new);
    let region = text(settings, "region_name");
    let first_region = || match settings.get("regions").and_then(|regions| regions.get(0)) {
        Some(Value::String(name)) => name.clone(),
        Some(Value::Object(region)) => text(region, "name"),
        _ => String::new(),
    };
    let either = |one: String, other: String| if one.is_empty() { other } else { one };
    Words {
        cloud: String::new(),
        auth_type: text(settings, "auth_type"),
        auth_url: of_auth("auth_url"),
        username: of_auth("username"),
        user_id: of_auth("user_id"),
        password: secret("password"),
        user_domain_name: of_auth("user_domain_name"),
        user_domain_id: of_auth("user_domain_id"),
        project_name: of_auth("project_name"),
        project_id: of_auth("project_id"),
        project_domain_name: of_auth("project_domain_name"),
        project_domain_id: of_auth("project_domain_id"),
        application_credential_id: of_auth("application_credential_id"),
        application_credential_name: of_auth("application_credential_name"),
        application_credential_secret: secret("application_credential_secret"),
        region_name: if region.is_empty() { first_region() } else { region },
        interface: either(text(settings, "interface"), text(settings, "endpoint_type")),
        endpoint_override: text(settings, "network_endpoint_override"),
        cafile: either(text(settings, "cacert"), text(settings, "cafile")).into(),
        insecure: settings.get("verify") == Some(&Value::Bool(false))
            || settings.get("insecure") == Some(&Value::Bool(true)),
    }
}

//! Settings as people write them: in `[neutron]` of weir.toml and under `auth` of clouds.yaml, with keystoneauth's names.

use std::path::PathBuf;

use serde::{Deserialize, Deserializer, Serialize};

use crate::{
    Auth, Interface, NeutronError, Scope, Secret, Settings, Trust, User, clouds,
    settings::{Domain, Named},
};

/// The words; an empty one counts as not said.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Words {
    /// A cloud of clouds.yaml; what is said besides wins over what stands there.
    pub cloud: String,
    /// `password` or `v3applicationcredential`; found out where it is not said.
    pub auth_type: String,
    /// Keystone's URL.
    pub auth_url: String,
    /// The user's name, with its domain.
    pub username: String,
    /// The user's id, instead.
    pub user_id: String,
    /// The user's password.
    #[serde(skip_serializing, deserialize_with = "secret")]
    pub password: Option<Secret>,
    /// The user's domain, by name.
    pub user_domain_name: String,
    /// The user's domain, by id.
    pub user_domain_id: String,
    /// The project, with its domain.
    pub project_name: String,
    /// The project's id, instead.
    pub project_id: String,
    /// The project's domain, by name.
    pub project_domain_name: String,
    /// The project's domain, by id.
    pub project_domain_id: String,
    /// An application credential, instead of user and project.
    pub application_credential_id: String,
    /// Its name, with the user whose it is, where there is no id.
    pub application_credential_name: String,
    /// Its secret.
    #[serde(skip_serializing, deserialize_with = "secret")]
    pub application_credential_secret: Option<Secret>,
    /// The region of Neutron's endpoint.
    pub region_name: String,
    /// `public`, `internal` or `admin`.
    pub interface: String,
    /// Neutron's URL, instead of the catalog's.
    pub endpoint_override: String,
    /// PEM file of the authorities that HTTPS trusts.
    pub cafile: PathBuf,
    /// HTTPS trusts everybody.
    pub insecure: bool,
}

fn secret<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Secret>, D::Error> {
    let text = String::deserialize(deserializer)?;
    Ok(Some(text).filter(|text| !text.is_empty()).map(Secret::new))
}

impl Words {
    /// What they mean. Reads clouds.yaml where a cloud is named.
    ///
    /// # Errors
    /// [`NeutronError::Setting`], naming the key; what reading clouds.yaml may meet.
    pub fn settings(&self) -> Result<Settings, NeutronError> {
        match self.cloud.as_str() {
            "" => self.meaning(),
            cloud => self.over(clouds::read(cloud, None)?).meaning(),
        }
    }

    /// These over others.
    fn over(&self, other: Self) -> Self {
        let text = |mine: &String, other: String| if mine.is_empty() { other } else { mine.clone() };
        let secret = |mine: &Option<Secret>, other: Option<Secret>| mine.clone().or(other);
        let cafile = if self.cafile.as_os_str().is_empty() { other.cafile } else { self.cafile.clone() };
        Self {
            cloud: self.cloud.clone(),
            auth_type: text(&self.auth_type, other.auth_type),
            auth_url: text(&self.auth_url, other.auth_url),
            username: text(&self.username, other.username),
            user_id: text(&self.user_id, other.user_id),
            password: secret(&self.password, other.password),
            user_domain_name: text(&self.user_domain_name, other.user_domain_name),
            user_domain_id: text(&self.user_domain_id, other.user_domain_id),
            project_name: text(&self.project_name, other.project_name),
            project_id: text(&self.project_id, other.project_id),
            project_domain_name: text(&self.project_domain_name, other.project_domain_name),
            project_domain_id: text(&self.project_domain_id, other.project_domain_id),
            application_credential_id: text(&self.application_credential_id, other.application_credential_id),
            application_credential_name: text(
                &self.application_credential_name,
                other.application_credential_name,
            ),
            application_credential_secret: secret(
                &self.application_credential_secret,
                other.application_credential_secret,
            ),
            region_name: text(&self.region_name, other.region_name),
            interface: text(&self.interface, other.interface),
            endpoint_override: text(&self.endpoint_override, other.endpoint_override),
            insecure: self.insecure || (other.insecure && cafile.as_os_str().is_empty()),
            cafile,
        }
    }

    fn meaning(&self) -> Result<Settings, NeutronError> {
        for (key, url, needed) in
            [("auth_url", &self.auth_url, true), ("endpoint_override", &self.endpoint_override, false)]
        {
            if url.is_empty() && !needed {
                continue;
            }
            let parsed: Result<hyper::Uri, _> = url.parse();
            let is_url = parsed.is_ok_and(|url| {
                matches!(url.scheme_str(), Some("http" | "https"))
                    && url.host().is_some()
                    && url.query().is_none()
            });
            // A password in it would be shown with every error.
            if !is_url || url.contains('@') {
                let value = if url.contains('@') { String::new() } else { url.clone() };
                return Err(wrong(
                    key,
                    &value,
                    "must be a URL: http://HOST or https://HOST, with port and path, without user",
                ));
            }
        }
        let interface = match self.interface.as_str() {
            "" => Interface::default(),
            word => Interface::from_word(word)
                .ok_or_else(|| wrong("interface", word, "must be public, internal or admin"))?,
        };
        let trust = match (self.insecure, self.cafile.as_os_str().is_empty()) {
            (true, true) => Trust::Anybody,
            (true, false) => return Err(wrong("insecure", "true", "goes without cafile")),
            (false, true) => Trust::System,
            (false, false) => Trust::File(self.cafile.clone()),
        };
        Ok(Settings {
            auth_url: self.auth_url.clone(),
            auth: self.auth()?,
            region: said(&self.region_name),
            interface,
            endpoint_override: said(&self.endpoint_override),
            trust,
        })
    }

    fn auth(&self) -> Result<Auth, NeutronError> {
        let credential = match self.auth_type.as_str() {
            "" => {
                !self.application_credential_id.is_empty()
                    || !self.application_credential_name.is_empty()
                    || self.application_credential_secret.is_some()
            }
            "password" | "v3password" => false,
            "application_credential" | "v3applicationcredential" => true,
            other => return Err(wrong("auth_type", other, "must be password or v3applicationcredential")),
        };
        if credential { self.application_credential() } else { self.password() }
    }

    fn application_credential(&self) -> Result<Auth, NeutronError> {
        let secret = self.application_credential_secret.clone();
        let secret = secret.ok_or_else(|| missing("application_credential_secret"))?;
        let id = said(&self.application_credential_id);
        let name = said(&self.application_credential_name);
        let user = match (&id, &name) {
            (Some(_), _) => None,
            (None, Some(_)) => Some(self.user()?),
            (None, None) => return Err(missing("application_credential_id")),
        };
        let name = name.filter(|_| id.is_none());
        Ok(Auth::ApplicationCredential { id, name, user, secret })
    }

    fn password(&self) -> Result<Auth, NeutronError> {
        let user = self.user()?;
        let password = self.password.clone().ok_or_else(|| missing("password"))?;
        let project = named(
            ("project_id", &self.project_id),
            ("project_name", &self.project_name),
            ("project_domain_name", &self.project_domain_id, &self.project_domain_name),
        )?;
        Ok(Auth::Password { user, password, project: Scope { name: project } })
    }

    fn user(&self) -> Result<User, NeutronError> {
        let name = named(
            ("user_id", &self.user_id),
            ("username", &self.username),
            ("user_domain_name", &self.user_domain_id, &self.user_domain_name),
        )?;
        Ok(User { name })
    }
}

/// An id, or a name with the id or name of its domain.
fn named(
    (_, id): (&'static str, &str),
    (name_key, name): (&'static str, &str),
    (domain_key, domain_id, domain_name): (&'static str, &str, &str),
) -> Result<Named, NeutronError> {
    if let Some(id) = said(id) {
        return Ok(Named::Id(id));
    }
    let name = said(name).ok_or_else(|| missing(name_key))?;
    let domain = said(domain_id).map(Domain::Id).or_else(|| said(domain_name).map(Domain::Name));
    Ok(Named::Name { name, domain: domain.ok_or_else(|| missing(domain_key))? })
}

fn said(word: &str) -> Option<String> {
    (!word.is_empty()).then(|| word.to_owned())
}

fn missing(key: &'static str) -> NeutronError {
    wrong(key, "", "is needed")
}

fn wrong(key: &'static str, value: &str, why: &str) -> NeutronError {
    NeutronError::Setting { key, value: value.to_owned(), why: why.to_owned() }
}

//! Who we are and where Keystone is.

use std::{fmt, path::PathBuf};

/// A text that shows itself to nobody.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Takes a text in.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text, for the request that needs it.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

/// What a client needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Keystone's URL, with or without `/v3`.
    pub auth_url: String,
    /// Who we are.
    pub auth: Auth,
    /// The region of Neutron's endpoint; any where it is not said.
    pub region: Option<String>,
    /// Which of Neutron's endpoints.
    pub interface: Interface,
    /// Neutron's URL, instead of the catalog's, with or without `/v2.0`.
    pub endpoint_override: Option<String>,
    /// Whom HTTPS trusts.
    pub trust: Trust,
}

/// Who we are, as Keystone v3 wants to know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Auth {
    /// `password`, for a project.
    Password {
        /// The user.
        user: User,
        /// Its password.
        password: Secret,
        /// The project whose token is asked for.
        project: Scope,
    },
    /// `application_credential`: it has its project in itself.
    ApplicationCredential {
        /// Its id; or its name, and then the user.
        id: Option<String>,
        /// Its name, where there is no id.
        name: Option<String>,
        /// Whose it is, where there is no id.
        user: Option<User>,
        /// Its secret.
        secret: Secret,
    },
}

/// A user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// By id, or by name in a domain.
    pub name: Named,
}

/// A project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    /// By id, or by name in a domain.
    pub name: Named,
}

/// An id, or a name in a domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Named {
    /// The id.
    Id(String),
    /// The name.
    Name {
        /// The name.
        name: String,
        /// Its domain.
        domain: Domain,
    },
}

/// A domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Domain {
    /// By id.
    Id(String),
    /// By name.
    Name(String),
}

/// Which of a service's endpoints.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Interface {
    /// For everybody.
    #[default]
    Public,
    /// For services.
    Internal,
    /// For administrators.
    Admin,
}

impl Interface {
    /// Keystone's word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Internal => "internal",
            Self::Admin => "admin",
        }
    }

    /// The interface of a word, also of the older `publicURL` form.
    pub fn from_word(word: &str) -> Option<Self> {
        Some(match word.strip_suffix("URL").unwrap_or(word) {
            "public" => Self::Public,
            "internal" => Self::Internal,
            "admin" => Self::Admin,
            _ => return None,
        })
    }
}

/// Whom HTTPS trusts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Trust {
    /// The system's authorities.
    #[default]
    System,
    /// Those of a PEM file.
    File(PathBuf),
    /// Everybody: for a test cloud.
    Anybody,
}

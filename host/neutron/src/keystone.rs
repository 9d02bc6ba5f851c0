//! A token and the catalog, from Keystone v3.

use std::time::{Duration, Instant};

use bytes::Bytes;
use hyper::{Method, header::HeaderValue};
use serde_json::{Value, json};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::{
    Auth, NeutronError, Settings,
    http::{Ask, Http},
    limits,
    settings::{Domain, Named},
};

/// Neutron's type in the catalog.
const NETWORK: &str = "network";
/// Octavia's.
const LOAD_BALANCER: &str = "load-balancer";

/// A token and what came with it.
pub(crate) struct Token {
    /// For `X-Auth-Token`; never shown.
    pub(crate) value: HeaderValue,
    /// From then on a new one is asked for.
    pub(crate) renew_at: Instant,
    /// Neutron's URL with `/v2.0`.
    pub(crate) neutron: String,
    /// Octavia's URL with `/v2`, where the catalog has it.
    pub(crate) octavia: Option<String>,
}

/// Asks for a token.
///
/// # Errors
/// [`NeutronError::Unauthorized`] where Keystone does not know us; [`NeutronError::NoEndpoint`]; what a request may meet.
pub(crate) async fn authenticate(
    http: &Http,
    settings: &Settings,
    within: Duration,
) -> Result<Token, NeutronError> {
    let base = settings.auth_url.trim_end_matches('/');
    let base = base.strip_suffix("/v3").unwrap_or(base);
    let ask = Ask {
        method: Method::POST,
        url: format!("{base}/v3/auth/tokens"),
        query: String::new(),
        body: Some(Bytes::from(request(&settings.auth).to_string())),
        token: None,
    };
    // Counted from before the answer, so that a slow one does not lengthen its life.
    let asked = Instant::now();
    let answer = http.send(&ask, within).await?;
    if !answer.is_good() {
        return Err(ask.refusal(&answer));
    }
    let value = answer.headers.get("x-subject-token").cloned();
    let mut value = value.ok_or_else(|| ask.malformed("it has no X-Subject-Token".to_owned()))?;
    value.set_sensitive(true);
    let body = ask.json(&answer)?;
    let token = body.get("token").ok_or_else(|| ask.malformed("it has no token".to_owned()))?;
    let life = life(token).unwrap_or(limits::TOKEN_LIFE);
    let neutron = match &settings.endpoint_override {
        Some(url) => url.clone(),
        None => endpoint(token, settings, NETWORK).ok_or_else(|| NeutronError::NoEndpoint {
            url: base.to_owned(),
            interface: settings.interface.word(),
            region: settings.region.clone(),
        })?,
    };
    let octavia = endpoint(token, settings, LOAD_BALANCER).map(|url| octavia_versioned(&url));
    Ok(Token { value, renew_at: asked + usable(life), neutron: versioned(&neutron), octavia })
}

/// The part of a token's life in which it is used.
fn usable(life: Duration) -> Duration {
    life.saturating_sub(limits::RENEW_BEFORE).max(life.mul_f32(0.9))
}

/// How long a token lives by Keystone's own clock: ours may go wrong.
fn life(token: &Value) -> Option<Duration> {
    let time = |key: &str| OffsetDateTime::parse(token.get(key)?.as_str()?, &Rfc3339).ok();
    let life = time("expires_at")? - time("issued_at")?;
    // One that has no life left is renewed with the next request, which is the best that can be done.
    Some(life.try_into().unwrap_or(Duration::ZERO))
}

/// A service in the catalog.
fn endpoint(token: &Value, settings: &Settings, kind: &str) -> Option<String> {
    let text = |of: &Value, key: &str| of.get(key).and_then(Value::as_str).map(str::to_owned);
    let services = token.get("catalog")?.as_array()?.iter();
    let those = services.filter(|service| text(service, "type").as_deref() == Some(kind));
    let endpoints = those.flat_map(|service| service.get("endpoints").and_then(Value::as_array)).flatten();
    let fits = |endpoint: &&Value| {
        let region = text(endpoint, "region_id").or_else(|| text(endpoint, "region"));
        let in_region = settings.region.is_none() || settings.region == region;
        in_region && text(endpoint, "interface").as_deref() == Some(settings.interface.word())
    };
    endpoints.into_iter().find(fits).and_then(|endpoint| text(endpoint, "url"))
}

fn octavia_versioned(url: &str) -> String {
    let url = url.trim_end_matches('/');
    let bare = url.strip_suffix("/v2.0").or_else(|| url.strip_suffix("/v2")).unwrap_or(url);
    format!("{bare}/v2")
}

fn versioned(url: &str) -> String {
    let url = url.trim_end_matches('/');
    let has_version = url.ends_with("/v2.0") || url.ends_with("/v2");
    if has_version { url.to_owned() } else { format!("{url}/v2.0") }
}

fn request(auth: &Auth) -> Value {
    match auth {
        Auth::Password { user, password, project } => {
            let mut user = named(&user.name);
            insert(&mut user, "password", password.expose());
            json!({"auth": {
                "identity": {"methods": ["password"], "password": {"user": user}},
                "scope": {"project": named(&project.name)},
            }})
        }
        Auth::ApplicationCredential { id, name, user, secret } => {
            let mut credential = json!({});
            for (key, value) in [("id", id), ("name", name)] {
                if let Some(value) = value {
                    insert(&mut credential, key, value);
                }
            }
            insert(&mut credential, "secret", secret.expose());
            if let (Some(user), Some(map)) = (user, credential.as_object_mut()) {
                map.insert("user".to_owned(), named(&user.name));
            }
            json!({"auth": {"identity": {
                "methods": ["application_credential"], "application_credential": credential,
            }}})
        }
    }
}

fn insert(map: &mut Value, key: &str, value: &str) {
    if let Some(map) = map.as_object_mut() {
        map.insert(key.to_owned(), value.into());
    }
}

fn named(named: &Named) -> Value {
    match named {
        Named::Id(id) => json!({"id": id}),
        Named::Name { name, domain: Domain::Id(domain) } => json!({"name": name, "domain": {"id": domain}}),
        Named::Name { name, domain: Domain::Name(domain) } => {
            json!({"name": name, "domain": {"name": domain}})
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_renewed_before_it_expires_and_used_most_of_its_life() {
        let hour = Duration::from_secs(3600);
        assert_eq!(usable(hour), hour - limits::RENEW_BEFORE);
        assert_eq!(usable(Duration::from_secs(10)), Duration::from_secs(10).mul_f32(0.9));
        assert_eq!(usable(Duration::ZERO), Duration::ZERO);
    }

    #[test]
    fn a_life_is_counted_by_keystones_clock() {
        let token =
            json!({"issued_at": "2026-01-01T00:00:00.000000Z", "expires_at": "2026-01-01T01:00:00.000000Z"});
        assert_eq!(life(&token), Some(Duration::from_secs(3600)));
        assert_eq!(life(&json!({"expires_at": "2026-01-01T01:00:00.000000Z"})), None);
        assert_eq!(life(&json!({"issued_at": "soon", "expires_at": "later"})), None);
    }

    #[test]
    fn neutrons_url_gets_its_version_once() {
        for url in ["http://n:9696", "http://n:9696/", "http://n:9696/v2.0", "http://n:9696/v2.0/"] {
            assert_eq!(versioned(url), "http://n:9696/v2.0");
        }
        assert_eq!(versioned("https://cloud/networking"), "https://cloud/networking/v2.0");
    }

    #[test]
    fn octavias_url_gets_its_version_once() {
        for url in ["http://o:9876", "http://o:9876/", "http://o:9876/v2", "http://o:9876/v2.0/"] {
            assert_eq!(octavia_versioned(url), "http://o:9876/v2");
        }
    }
}

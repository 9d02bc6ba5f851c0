//! What Octavia's API lists (Octavia API v2, `GET /v2/lbaas/...`). The driver-agent's sockets have no list.

use std::time::{Duration, SystemTime};

use hyper::Method;
use percent_encoding::utf8_percent_encode;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use uuid::Uuid;

use crate::{
    Client, NeutronError, limits,
    ports::{QUERY, read},
    session::{Service, Wanted},
};

/// Octavia's provisioning statuses of what a provider has not released yet.
const PENDING: [&str; 3] = ["PENDING_CREATE", "PENDING_UPDATE", "PENDING_DELETE"];

/// A load balancer in the list.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct LoadBalancer {
    /// Its id.
    pub id: Uuid,
    /// `ACTIVE`, `PENDING_DELETE`, ...
    pub provisioning_status: String,
}

/// A kind of object that Octavia's API lists over all load balancers. Members are listed by pool only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Load balancers.
    LoadBalancer,
    /// Listeners.
    Listener,
    /// Pools.
    Pool,
    /// Health monitors.
    HealthMonitor,
    /// L7 policies.
    L7Policy,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 5] =
        [Self::LoadBalancer, Self::Listener, Self::Pool, Self::HealthMonitor, Self::L7Policy];

    /// The kind's part of the URL, and the key of its list.
    pub fn plural(self) -> &'static str {
        match self {
            Self::LoadBalancer => "loadbalancers",
            Self::Listener => "listeners",
            Self::Pool => "pools",
            Self::HealthMonitor => "healthmonitors",
            Self::L7Policy => "l7policies",
        }
    }

    /// The field that names what an object is in.
    fn parent(self) -> &'static str {
        match self {
            Self::LoadBalancer => "provider",
            Self::Listener | Self::Pool => "loadbalancers",
            Self::HealthMonitor => "pools",
            Self::L7Policy => "listener_id",
        }
    }
}

/// An object that Octavia has in `PENDING_*`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct PendingObject {
    /// Its id.
    pub id: Uuid,
    /// Its status.
    pub provisioning_status: String,
    /// The load balancers of a listener or pool.
    #[serde(default)]
    pub loadbalancers: Vec<Reference>,
    /// The pools of a health monitor.
    #[serde(default)]
    pub pools: Vec<Reference>,
    /// The listener of an L7 policy.
    #[serde(default)]
    pub listener_id: Option<Uuid>,
    /// When it was made, by Octavia's clock (UTC).
    #[serde(default)]
    created_at: Option<String>,
    /// When it was changed last.
    #[serde(default)]
    updated_at: Option<String>,
}

/// The id of another object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct Reference {
    /// Its id.
    pub id: Uuid,
}

impl PendingObject {
    /// How long it has been as it is; `None` where Octavia does not say, or says a time to come.
    pub fn age(&self, now: SystemTime) -> Option<Duration> {
        let times =
            [&self.created_at, &self.updated_at].into_iter().flatten().filter_map(|text| instant(text));
        now.duration_since(times.max()?).ok()
    }
}

/// Octavia's times are UTC without saying so.
fn instant(text: &str) -> Option<SystemTime> {
    let zoned = text.ends_with('Z') || text.rfind(['+', '-']).is_some_and(|at| at > "2026-01-01T".len());
    let text = if zoned { text.to_owned() } else { format!("{text}Z") };
    Some(OffsetDateTime::parse(&text, &Rfc3339).ok()?.into())
}

#[derive(Deserialize)]
struct Provider {
    name: String,
}

impl Client {
    /// All load balancers of a provider, in the order of their ids.
    ///
    /// # Errors
    /// [`NeutronError::NoOctavia`] where the catalog has no Octavia; [`NeutronError::MissingRole`] where the account may list
    /// its own project's alone; what a request may meet.
    pub async fn load_balancers(&self, provider: &str) -> Result<Vec<LoadBalancer>, NeutronError> {
        self.lists_all(Kind::LoadBalancer).await?;
        let mut found: Vec<LoadBalancer> =
            self.list(Kind::LoadBalancer, &of_provider(provider), |one: &LoadBalancer| one.id).await?;
        found.sort_by_key(|one| one.id);
        Ok(found)
    }

    /// The objects of a kind that are in `PENDING_*`, of all projects; load balancers only of a provider.
    ///
    /// # Errors
    /// As [`Self::load_balancers`].
    pub async fn pending(&self, kind: Kind, provider: &str) -> Result<Vec<PendingObject>, NeutronError> {
        self.lists_all(kind).await?;
        let of = if kind == Kind::LoadBalancer { of_provider(provider) } else { String::new() };
        let mut found = Vec::new();
        for status in PENDING {
            let query = format!("{of}provisioning_status={status}&");
            let page: Vec<PendingObject> = self.list(kind, &query, |one: &PendingObject| one.id).await?;
            // An API that does not filter (`[api_settings] allow_filtering`) lists everything.
            found.extend(page.into_iter().filter(|one| one.provisioning_status == status));
        }
        Ok(found)
    }

    /// Sees whether the account may list a kind's objects of all projects. Without the right to, Octavia lists those of the
    /// account's own project and says nothing of it; asked for another project's, it refuses.
    ///
    /// # Errors
    /// [`NeutronError::MissingRole`] where it may not; what a request may meet.
    pub async fn lists_all(&self, kind: Kind) -> Result<(), NeutronError> {
        let query = format!("fields=id&limit=1&project_id={}", Uuid::nil());
        match self.octavia(kind.plural(), &query).await {
            Ok(_) => Ok(()),
            Err(NeutronError::Unauthorized { url, status: 403, message }) => {
                Err(NeutronError::MissingRole { url, kind: kind.plural(), message })
            }
            Err(error) => Err(error),
        }
    }

    /// The names of the providers that are enabled in Octavia.
    ///
    /// # Errors
    /// [`NeutronError::NoOctavia`]; what a request may meet.
    pub async fn providers(&self) -> Result<Vec<String>, NeutronError> {
        let answer = self.octavia("providers", "fields=name").await?;
        let providers: Vec<Provider> = read(answer, "providers", "GET")?;
        Ok(providers.into_iter().map(|provider| provider.name).collect())
    }

    async fn octavia(&self, path: &str, query: &str) -> Result<Value, NeutronError> {
        let path = format!("/lbaas/{path}");
        let wanted =
            Wanted { service: Service::Octavia, method: Method::GET, path: &path, query, body: None };
        self.session().ask(&wanted, self.until()).await
    }

    /// All pages of a list; `filter` ends with `&` where there is one.
    async fn list<T: DeserializeOwned>(
        &self,
        kind: Kind,
        filter: &str,
        id: impl Fn(&T) -> Uuid,
    ) -> Result<Vec<T>, NeutronError> {
        let mut found: Vec<T> = Vec::new();
        for _ in 0..limits::PAGES {
            let marker = found.last().map(|last| format!("&marker={}", id(last))).unwrap_or_default();
            let query = format!(
                "{filter}fields=id&fields=provisioning_status&fields=created_at&fields=updated_at&fields={}&limit={}{marker}",
                kind.parent(),
                limits::PAGE
            );
            let answer = self.octavia(kind.plural(), &query).await?;
            let links = answer.get(format!("{}_links", kind.plural())).and_then(Value::as_array).cloned();
            let is_next = |link: &Value| link.get("rel").and_then(Value::as_str) == Some("next");
            let more = links.unwrap_or_default().iter().any(is_next);
            let page: Vec<T> = read(answer, kind.plural(), "GET")?;
            let had = found.len();
            // A page that begins again would go on for ever.
            let new: Vec<T> =
                page.into_iter().filter(|one| found.iter().all(|known| id(known) != id(one))).collect();
            found.extend(new);
            if !more || found.len() == had {
                break;
            }
        }
        Ok(found)
    }
}

fn of_provider(provider: &str) -> String {
    format!("provider={}&", utf8_percent_encode(provider, QUERY))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(created: Option<&str>, updated: Option<&str>) -> PendingObject {
        serde_json::from_value(json!({
            "id": Uuid::nil(), "provisioning_status": "PENDING_UPDATE", "created_at": created, "updated_at": updated,
        }))
        .unwrap()
    }

    #[test]
    fn age_counts_from_the_last_change_in_utc() {
        let now: SystemTime = OffsetDateTime::parse("2026-05-01T10:00:00Z", &Rfc3339).unwrap().into();
        let seconds = |created, updated| object(created, updated).age(now).map(|age| age.as_secs());
        assert_eq!(seconds(Some("2026-05-01T09:00:00"), None), Some(3600));
        assert_eq!(seconds(Some("2026-05-01T09:00:00"), Some("2026-05-01T09:59:00.5")), Some(59));
        assert_eq!(seconds(Some("2026-05-01T11:00:00+02:00"), None), Some(3600));
        assert_eq!(seconds(Some("2026-05-01T09:50:00Z"), None), Some(600));
        assert_eq!(seconds(Some("2026-05-01T10:00:01"), None), None);
        assert_eq!(seconds(Some("yesterday"), None), None);
        assert_eq!(seconds(None, None), None);
    }
}

//! Octavia's list of load balancers (Octavia API v2, `GET /v2/lbaas/loadbalancers`). The driver-agent's sockets have no list.

use hyper::Method;
use percent_encoding::utf8_percent_encode;
use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

use crate::{
    Client, NeutronError, limits,
    ports::{QUERY, read},
    session::{Service, Wanted},
};

/// A load balancer in the list.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct LoadBalancer {
    /// Its id.
    pub id: Uuid,
    /// `ACTIVE`, `PENDING_DELETE`, ...
    pub provisioning_status: String,
}

impl Client {
    /// All load balancers of a provider that our account may see, in the order of their ids.
    ///
    /// # Errors
    /// [`NeutronError::NoOctavia`] where the catalog has no Octavia; what a request may meet.
    pub async fn load_balancers(&self, provider: &str) -> Result<Vec<LoadBalancer>, NeutronError> {
        let until = self.until();
        let mut found: Vec<LoadBalancer> = Vec::new();
        for _ in 0..limits::PAGES {
            let provider = utf8_percent_encode(provider, QUERY);
            let marker = found.last().map(|last| format!("&marker={}", last.id)).unwrap_or_default();
            let query = format!(
                "provider={provider}&fields=id&fields=provisioning_status&limit={}{marker}",
                limits::PAGE
            );
            let wanted = Wanted {
                service: Service::Octavia,
                method: Method::GET,
                path: "/lbaas/loadbalancers",
                query: &query,
                body: None,
            };
            let answer = self.session().ask(&wanted, until).await?;
            let links =
                answer.get("loadbalancers_links").and_then(Value::as_array).cloned().unwrap_or_default();
            let more = links.iter().any(|link| link.get("rel").and_then(Value::as_str) == Some("next"));
            let page: Vec<LoadBalancer> = read(answer, "loadbalancers", "GET")?;
            let had = found.len();
            // A page that begins again would go on for ever.
            found.extend(
                page.into_iter()
                    .filter(|one| found.iter().all(|known| known.id != one.id))
                    .collect::<Vec<_>>(),
            );
            if !more || found.len() == had {
                break;
            }
        }
        found.sort_by_key(|one| one.id);
        Ok(found)
    }
}

//! Ports and subnets.

use std::{
    net::IpAddr,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use hyper::Method;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use uuid::Uuid;

use crate::{
    NeutronError, Settings, limits,
    session::{Service, Session, Wanted},
};

/// A client; clones share token and connections.
#[derive(Clone)]
pub struct Client {
    session: Arc<Session>,
    operation: Duration,
}

/// A port, as far as is needed here.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Port {
    /// Its id.
    pub id: Uuid,
    /// Its name; not unique.
    #[serde(default)]
    pub name: String,
    /// Its network.
    pub network_id: Uuid,
    /// What it belongs to.
    #[serde(default)]
    pub device_id: String,
    /// What kind of thing that is.
    #[serde(default)]
    pub device_owner: String,
    /// Its project.
    #[serde(default)]
    pub project_id: Option<String>,
    /// Its addresses.
    #[serde(default)]
    pub fixed_ips: Vec<FixedIp>,
    /// When it was made, by Neutron's clock (RFC 3339).
    #[serde(default)]
    pub created_at: Option<String>,
}

impl Port {
    /// How old it is by now; `None` where that cannot be said.
    pub fn age(&self, now: SystemTime) -> Option<Duration> {
        let made = OffsetDateTime::parse(self.created_at.as_deref()?, &Rfc3339).ok()?;
        now.duration_since(made.into()).ok()
    }
}

/// An address of a port.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FixedIp {
    /// Its subnet.
    pub subnet_id: Uuid,
    /// The address.
    pub ip_address: IpAddr,
}

/// A port to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewPort {
    /// Its name.
    pub name: String,
    /// Its network.
    pub network_id: Uuid,
    /// What it belongs to.
    pub device_id: String,
    /// What kind of thing that is.
    pub device_owner: String,
    /// Whose it is; `None` is ours.
    pub project_id: Option<String>,
    /// A subnet to take the address from, and the address where one is wanted. Without subnet Neutron chooses.
    pub fixed_ip: Option<(Uuid, Option<IpAddr>)>,
    /// An address without subnet: Neutron finds the subnet.
    pub address: Option<IpAddr>,
    /// False takes port security and security groups off; `None` leaves them as the network says.
    pub port_security_enabled: Option<bool>,
}

/// Which ports are wanted; what is not said is not asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PortQuery {
    /// With this name.
    pub name: Option<String>,
    /// Of this network.
    pub network_id: Option<Uuid>,
    /// Of this device.
    pub device_id: Option<String>,
    /// Of this kind of device.
    pub device_owner: Option<String>,
    /// With this address.
    pub ip_address: Option<IpAddr>,
    /// With an address of this subnet.
    pub subnet_id: Option<Uuid>,
}

/// A subnet, as far as is needed here.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Subnet {
    /// Its id.
    pub id: Uuid,
    /// Its network.
    pub network_id: Uuid,
    /// Its addresses.
    pub cidr: String,
    /// Its gateway, if it has one.
    #[serde(default)]
    pub gateway_ip: Option<IpAddr>,
}

impl Client {
    /// A client. It connects when it is first used.
    ///
    /// # Errors
    /// [`NeutronError::File`] where the CA file does not do.
    pub fn new(settings: Settings) -> Result<Self, NeutronError> {
        Ok(Self { session: Arc::new(Session::new(settings)?), operation: limits::OPERATION })
    }

    /// The same with another time for each operation, repeats included.
    #[must_use]
    pub fn within(&self, operation: Duration) -> Self {
        Self { session: self.session.clone(), operation }
    }

    /// Gets a token, or sees that there is a good one; Neutron's URL.
    ///
    /// # Errors
    /// What Keystone says against it.
    pub async fn authenticate(&self) -> Result<String, NeutronError> {
        Ok(self.session.token(self.until()).await?.neutron.clone())
    }

    /// The ports that fit, in the order of their ids.
    ///
    /// # Errors
    /// [`NeutronError`].
    pub async fn ports(&self, query: &PortQuery) -> Result<Vec<Port>, NeutronError> {
        let until = self.until();
        let mut found: Vec<Port> = Vec::new();
        for _ in 0..limits::PAGES {
            let marker = found.last().map(|port| port.id);
            let answer = self.ask(Method::GET, "/ports", &query.encoded(marker), None, until).await?;
            let more = answer.get("ports_links").and_then(Value::as_array).is_some_and(|links| {
                links.iter().any(|link| link.get("rel").and_then(Value::as_str) == Some("next"))
            });
            let page: Vec<Port> = read(answer, "ports", "GET")?;
            let had = found.len();
            for port in page {
                // A page that begins again would go on for ever.
                if found.iter().skip(had.saturating_sub(1)).all(|known| known.id != port.id) {
                    found.push(port);
                }
            }
            if !more || found.len() == had {
                break;
            }
        }
        found.sort_by_key(|port| port.id);
        Ok(found)
    }

    /// One port; `None` where there is none.
    ///
    /// # Errors
    /// [`NeutronError`].
    pub async fn port(&self, id: Uuid) -> Result<Option<Port>, NeutronError> {
        self.one(&format!("/ports/{id}"), "port").await
    }

    /// One subnet; `None` where there is none.
    ///
    /// # Errors
    /// [`NeutronError`].
    pub async fn subnet(&self, id: Uuid) -> Result<Option<Subnet>, NeutronError> {
        self.one(&format!("/subnets/{id}"), "subnet").await
    }

    /// Makes a port, or finds the one that was made for the same device under the same name: by an earlier try whose
    /// answer was lost, or by somebody else at the same time.
    ///
    /// # Errors
    /// [`NeutronError`]; a conflict where no such port is there.
    pub async fn create_port(&self, new: &NewPort) -> Result<Port, NeutronError> {
        let until = self.until();
        let mut pause = limits::PAUSE_MIN;
        loop {
            let made = self.ask(Method::POST, "/ports", "", Some(&new.body()), until).await;
            let error = match made {
                Ok(answer) => match read(answer, "port", "POST") {
                    Ok(port) => return Ok(port),
                    Err(error) => error,
                },
                Err(error) => error,
            };
            if !error.is_ambiguous() && !matches!(error, NeutronError::Conflict { .. }) {
                return Err(error);
            }
            if let Some(port) = self.find_port(new).await? {
                return Ok(port);
            }
            if !error.is_ambiguous() || Instant::now() + pause >= until {
                return Err(error);
            }
            tracing::debug!(code = error.code(), %error, name = new.name, "the port is not there: made again");
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(limits::PAUSE_MAX);
        }
    }

    /// The port that [`Self::create_port`] would make, if it is there: name, network and device, and the address where one
    /// is wanted. The oldest, should there be several.
    ///
    /// # Errors
    /// [`NeutronError`].
    pub async fn find_port(&self, new: &NewPort) -> Result<Option<Port>, NeutronError> {
        let query = PortQuery {
            name: Some(new.name.clone()),
            network_id: Some(new.network_id),
            device_id: Some(new.device_id.clone()),
            ..PortQuery::default()
        };
        let ports = self.ports(&query).await?.into_iter().filter(|port| new.is_met_by(port));
        Ok(ports.min_by(|a, b| (&a.created_at, a.id).cmp(&(&b.created_at, b.id))))
    }

    /// Changes a port: `fields` are Neutron's.
    ///
    /// # Errors
    /// [`NeutronError`].
    pub async fn update_port(&self, id: Uuid, fields: &Value) -> Result<Port, NeutronError> {
        let body = json!({"port": fields});
        let answer = self.ask(Method::PUT, &format!("/ports/{id}"), "", Some(&body), self.until()).await?;
        read(answer, "port", "PUT")
    }

    /// Deletes a port; one that is gone already counts as deleted.
    ///
    /// # Errors
    /// [`NeutronError`].
    pub async fn delete_port(&self, id: Uuid) -> Result<(), NeutronError> {
        match self.ask(Method::DELETE, &format!("/ports/{id}"), "", None, self.until()).await {
            Ok(_) | Err(NeutronError::NotFound { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    async fn one<T: DeserializeOwned>(&self, path: &str, key: &str) -> Result<Option<T>, NeutronError> {
        match self.ask(Method::GET, path, "", None, self.until()).await {
            Ok(answer) => read(answer, key, "GET").map(Some),
            Err(NeutronError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn ask(
        &self,
        method: Method,
        path: &str,
        query: &str,
        body: Option<&Value>,
        until: Instant,
    ) -> Result<Value, NeutronError> {
        let service = Service::Neutron;
        self.session.ask(&Wanted { service, method, path, query, body }, until).await
    }

    pub(crate) fn session(&self) -> &Session {
        &self.session
    }

    pub(crate) fn until(&self) -> Instant {
        Instant::now() + self.operation
    }
}

/// What a query's values must not have in them plainly.
pub(crate) const QUERY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

impl PortQuery {
    fn encoded(&self, marker: Option<Uuid>) -> String {
        let mut parts = vec![format!("limit={}", limits::PAGE)];
        let mut add = |key: &str, value: Option<String>| {
            parts.extend(value.map(|value| format!("{key}={}", utf8_percent_encode(&value, QUERY))));
        };
        add("name", self.name.clone());
        add("network_id", self.network_id.map(|id| id.to_string()));
        add("device_id", self.device_id.clone());
        add("device_owner", self.device_owner.clone());
        add("fixed_ips", self.ip_address.map(|address| format!("ip_address={address}")));
        add("fixed_ips", self.subnet_id.map(|id| format!("subnet_id={id}")));
        add("marker", marker.map(|id| id.to_string()));
        parts.join("&")
    }
}

impl NewPort {
    fn body(&self) -> Value {
        let mut port = json!({
            "name": self.name,
            "network_id": self.network_id,
            "admin_state_up": true,
            "device_id": self.device_id,
            "device_owner": self.device_owner,
        });
        let fixed_ip = match (self.fixed_ip, self.address) {
            (Some((subnet, Some(address))), _) => Some(json!({"subnet_id": subnet, "ip_address": address})),
            (Some((subnet, None)), _) => Some(json!({"subnet_id": subnet})),
            (None, Some(address)) => Some(json!({"ip_address": address})),
            (None, None) => None,
        };
        if let Some(port) = port.as_object_mut() {
            port.extend(fixed_ip.map(|fixed_ip| ("fixed_ips".to_owned(), json!([fixed_ip]))));
            // Neutron refuses a null.
            let project = self.project_id.clone().map(Value::from);
            port.extend(project.map(|project| ("project_id".to_owned(), project)));
            let security = self.port_security_enabled.map(Value::from);
            port.extend(security.map(|on| ("port_security_enabled".to_owned(), on)));
        }
        json!({"port": port})
    }

    /// Whether a port is what this would make.
    pub fn is_met_by(&self, port: &Port) -> bool {
        let address = self.fixed_ip.and_then(|(_, address)| address).or(self.address);
        let subnet = self.fixed_ip.map(|(subnet, _)| subnet);
        let has = |fixed: &FixedIp| {
            address.is_none_or(|address| address == fixed.ip_address)
                && subnet.is_none_or(|subnet| subnet == fixed.subnet_id)
        };
        port.name == self.name
            && port.network_id == self.network_id
            && port.device_id == self.device_id
            && (port.fixed_ips.iter().any(has) || (address.is_none() && subnet.is_none()))
    }
}

pub(crate) fn read<T: DeserializeOwned>(answer: Value, key: &str, method: &str) -> Result<T, NeutronError> {
    let wrong =
        |reason: String| NeutronError::Malformed { method: method.to_owned(), url: key.to_owned(), reason };
    let mut answer = answer;
    let value = answer.get_mut(key).map(Value::take).ok_or_else(|| wrong(format!("it has no {key}")))?;
    serde_json::from_value(value).map_err(|error| wrong(error.to_string()))
}

//! A Keystone and Neutron for tests, in the test's own process. It holds subnets and ports, and makes trouble on request.
//!
//! It takes user `weir` with password `secret-password`, and application credential `secret-credential`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    Router,
    body::{Body, Bytes, to_bytes},
    extract::{Request, State},
    response::{IntoResponse, Response},
};
use hyper::{Method, StatusCode};
use parking_lot::Mutex;
use serde_json::{Value, json};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use uuid::Uuid;

/// What happens to one request instead of the usual.
#[derive(Clone, Debug)]
pub enum Trouble {
    /// It is answered with this, and nothing is done.
    Status(u16, Option<u64>, Value),
    /// It is done after a while.
    Slow(Duration),
    /// It is done, and the answer is this text.
    Nonsense(&'static str),
    /// It is done, and answered with 504.
    LostAnswer,
}

impl Trouble {
    /// A refusal in Neutron's form.
    pub fn refusal(status: u16, kind: &str, message: &str) -> Self {
        Self::Status(status, None, json!({"NeutronError": {"type": kind, "message": message, "detail": ""}}))
    }
}

/// A request that came.
#[derive(Clone, Debug)]
pub struct Asked {
    /// HTTP method.
    pub method: String,
    /// Path with query.
    pub path: String,
    /// Its body, `null` without.
    pub body: Value,
}

/// The cloud; it ends with the value.
pub struct FakeCloud {
    /// Keystone is at `/identity`, Neutron at `/networking`, Octavia at `/load-balancer`.
    pub url: String,
    state: Arc<Mutex<Cloud>>,
    server: tokio::task::JoinHandle<()>,
}

struct Cloud {
    url: String,
    tokens: BTreeMap<String, Instant>,
    life: Duration,
    page: usize,
    ports: Vec<Value>,
    subnets: Vec<Value>,
    octavia: BTreeMap<String, Vec<Value>>,
    own_project_only: bool,
    troubles: Vec<(Method, String, Trouble)>,
    asked: Vec<Asked>,
    made: u8,
    catalog: bool,
    outage: bool,
}

impl FakeCloud {
    /// Starts one on a free port of 127.0.0.1.
    pub async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(Mutex::new(Cloud {
            url: url.clone(),
            tokens: BTreeMap::new(),
            life: Duration::from_secs(3600),
            page: usize::MAX,
            ports: Vec::new(),
            subnets: Vec::new(),
            octavia: [("providers".to_owned(), vec![json!({"name": "weir", "description": "Weir on OVN"})])]
                .into(),
            own_project_only: false,
            troubles: Vec::new(),
            asked: Vec::new(),
            made: 0,
            catalog: true,
            outage: false,
        }));
        let router = router(state.clone());
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, state, server }
    }

    /// Its services, for a server of the test's own.
    pub fn router(&self) -> Router {
        router(self.state.clone())
    }

    /// The next request with this method, whose path has this part, meets trouble.
    pub fn trouble(&self, method: &str, part: &str, trouble: Trouble) {
        self.state.lock().troubles.push((method.parse().unwrap(), part.to_owned(), trouble));
    }

    /// While it lasts every request is answered with 503.
    pub fn outage(&self, lasts: bool) {
        self.state.lock().outage = lasts;
    }

    /// How long tokens live from now on.
    pub fn token_life(&self, life: Duration) {
        self.state.lock().life = life;
    }

    /// No token is good any more.
    pub fn revoke_tokens(&self) {
        self.state.lock().tokens.clear();
    }

    /// Lists have so many objects a page.
    pub fn page(&self, page: usize) {
        self.state.lock().page = page;
    }

    /// Its catalog has no Neutron any more.
    pub fn without_catalog(&self) {
        self.state.lock().catalog = false;
    }

    /// Makes a subnet; addresses are counted from `first`.
    pub fn add_subnet(&self, id: Uuid, network: Uuid, first: Ipv4Addr) {
        let subnet =
            json!({"id": id, "network_id": network, "cidr": format!("{first}/24"), "gateway_ip": null});
        self.state.lock().subnets.push(subnet);
    }

    /// Makes a port as it is given.
    pub fn add_port(&self, port: Value) {
        self.state.lock().ports.push(port);
    }

    /// Octavia lists a load balancer.
    pub fn add_load_balancer(&self, id: &str, provider: &str, provisioning_status: &str) {
        let one = json!({"id": id, "provider": provider, "provisioning_status": provisioning_status});
        self.add_to_octavia("loadbalancers", one);
    }

    /// Octavia lists an object of this kind (`pools`) as it is given.
    pub fn add_to_octavia(&self, kind: &str, object: Value) {
        self.state.lock().octavia.entry(kind.to_owned()).or_default().push(object);
    }

    /// Octavia has these providers, by name.
    pub fn providers(&self, names: &[&str]) {
        let providers = names.iter().map(|name| json!({"name": name, "description": ""})).collect();
        self.state.lock().octavia.insert("providers".to_owned(), providers);
    }

    /// Octavia shows the account its own project's objects alone, of which there are none.
    pub fn own_project_only(&self, own: bool) {
        self.state.lock().own_project_only = own;
    }

    /// Its ports.
    pub fn ports(&self) -> Vec<Value> {
        self.state.lock().ports.clone()
    }

    /// What it was asked, Keystone included.
    pub fn asked(&self) -> Vec<Asked> {
        self.state.lock().asked.clone()
    }

    /// How often it was asked with this method for a path that has this part.
    pub fn count(&self, method: &str, part: &str) -> usize {
        self.asked().iter().filter(|asked| asked.method == method && asked.path.contains(part)).count()
    }
}

impl Drop for FakeCloud {
    fn drop(&mut self) {
        self.server.abort();
    }
}

type Shared = Arc<Mutex<Cloud>>;

fn router(state: Shared) -> Router {
    Router::new().fallback(answer).with_state(state)
}

async fn answer(State(state): State<Shared>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let bytes = to_bytes(body, usize::MAX).await.unwrap();
    let body: Value = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
    let path = head.uri.path_and_query().unwrap().to_string();
    let trouble = {
        let mut cloud = state.lock();
        let method = head.method.to_string();
        cloud.asked.push(Asked { method, path: path.clone(), body: body.clone() });
        if cloud.outage {
            return reply(503, &json!("no server is available to handle this request"));
        }
        let met = |it: &(Method, String, Trouble)| it.0 == head.method && path.contains(&it.1);
        let at = cloud.troubles.iter().position(met);
        at.map(|at| cloud.troubles.remove(at).2)
    };
    if let Some(Trouble::Status(status, retry_after, body)) = &trouble {
        let mut response = reply(*status, body);
        if let Some(seconds) = retry_after {
            response.headers_mut().insert("retry-after", seconds.to_string().parse().unwrap());
        }
        return response;
    }
    if let Some(Trouble::Slow(time)) = &trouble {
        tokio::time::sleep(*time).await;
    }
    let token = head.headers.get("x-auth-token").and_then(|token| token.to_str().ok());
    let done = state.lock().done(&head.method, &path, token, &body);
    match trouble {
        Some(Trouble::Nonsense(text)) => text.into_response(),
        Some(Trouble::LostAnswer) => reply(504, &json!("gateway time-out")),
        _ => done,
    }
}

fn reply(status: u16, body: &Value) -> Response {
    let bytes = if body.is_null() { Bytes::new() } else { Bytes::from(body.to_string()) };
    (StatusCode::from_u16(status).unwrap(), Body::from(bytes)).into_response()
}

fn refusal(status: u16, kind: &str, message: &str) -> Response {
    reply(status, &json!({"NeutronError": {"type": kind, "message": message, "detail": ""}}))
}

impl Cloud {
    fn done(&mut self, method: &Method, path: &str, token: Option<&str>, body: &Value) -> Response {
        if path == "/identity/v3/auth/tokens" {
            return self.authenticate(body);
        }
        let good = token.and_then(|token| self.tokens.get(token)).is_some_and(|end| Instant::now() < *end);
        if !good {
            let message = "The request you have made requires authentication.";
            return reply(401, &json!({"error": {"code": 401, "title": "Unauthorized", "message": message}}));
        }
        if let Some((kind, query)) =
            path.strip_prefix("/load-balancer/v2/lbaas/").and_then(|path| path.split_once('?'))
        {
            let all = self.octavia.get(kind).map_or(&[] as &[_], Vec::as_slice);
            return match kind {
                "providers" => reply(200, &json!({ "providers": all })),
                _ if self.own_project_only && query.contains("project_id=") => reply(
                    403,
                    &json!({"faultcode": "Client", "faultstring": "Policy does not allow this request to be performed."}),
                ),
                _ if self.own_project_only => self.list(kind, &[], query),
                _ => self.list(kind, all, query),
            };
        }
        let Some(path) = path.strip_prefix("/networking/v2.0/") else {
            return reply(404, &json!("no such path"));
        };
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        match (method.as_str(), path.split_once('/')) {
            ("GET", None) if path == "ports" => self.list("ports", &self.ports, query),
            ("POST", None) if path == "ports" => self.make(&body["port"]),
            (_, Some(("ports", id))) => {
                let Some(at) = self.ports.iter().position(|port| port["id"] == id) else {
                    return refusal(404, "PortNotFound", &format!("Port {id} could not be found."));
                };
                match method.as_str() {
                    "DELETE" => {
                        self.ports.remove(at);
                        reply(204, &Value::Null)
                    }
                    "PUT" => {
                        let fields = body["port"].as_object().unwrap().clone();
                        self.ports[at].as_object_mut().unwrap().extend(fields);
                        reply(200, &json!({"port": self.ports[at]}))
                    }
                    _ => reply(200, &json!({"port": self.ports[at]})),
                }
            }
            ("GET", Some(("subnets", id))) => match self.subnets.iter().find(|subnet| subnet["id"] == id) {
                Some(subnet) => reply(200, &json!({"subnet": subnet})),
                None => refusal(404, "SubnetNotFound", &format!("Subnet {id} could not be found.")),
            },
            _ => reply(405, &Value::Null),
        }
    }

    fn authenticate(&mut self, body: &Value) -> Response {
        let identity = &body["auth"]["identity"];
        let password = &identity["password"]["user"]["password"] == "secret-password";
        let credential = &identity["application_credential"]["secret"] == "secret-credential";
        if !password && !credential {
            let message = "The request you have made requires authentication.";
            return reply(401, &json!({"error": {"code": 401, "title": "Unauthorized", "message": message}}));
        }
        let token = format!("token-{}", Uuid::new_v4());
        self.tokens.insert(token.clone(), Instant::now() + self.life);
        let now = OffsetDateTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        let time = |at: OffsetDateTime| at.format(&Rfc3339).unwrap();
        let url = format!("{}/networking", self.url);
        let endpoints = json!([
            {"interface": "admin", "region_id": "one", "url": "http://192.0.2.1"},
            {"interface": "public", "region_id": "two", "url": "http://192.0.2.2"},
            {"interface": "public", "region_id": "one", "url": url},
            {"interface": "internal", "region_id": "one", "url": format!("{url}/v2.0/")},
        ]);
        let kind = if self.catalog { "network" } else { "compute" };
        let octavia = json!([{"interface": "public", "region_id": "one", "url": format!("{}/load-balancer", self.url)}]);
        let body = json!({"token": {
            "issued_at": time(now), "expires_at": time(now + self.life),
            "catalog": [
                {"type": "identity", "endpoints": []},
                {"type": kind, "endpoints": endpoints},
                {"type": "load-balancer", "endpoints": octavia},
            ],
        }});
        let mut response = reply(201, &body);
        response.headers_mut().insert("x-subject-token", token.parse().unwrap());
        response
    }

    fn list(&self, key: &str, all: &[Value], query: &str) -> Response {
        let pairs: Vec<(&str, String)> = query
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .map(|(key, value)| {
                (key, percent_encoding::percent_decode_str(value).decode_utf8().unwrap().into_owned())
            })
            .collect();
        let fits = |port: &&Value| {
            pairs.iter().all(|(key, value)| match *key {
                "limit" | "marker" | "fields" => true,
                "fixed_ips" => {
                    let (key, value) = value.split_once('=').unwrap();
                    port["fixed_ips"].as_array().unwrap().iter().any(|fixed| fixed[key] == value)
                }
                _ => port[*key] == value.as_str(),
            })
        };
        let mut found: Vec<&Value> = all.iter().filter(fits).collect();
        found.sort_by_key(|port| port["id"].as_str().unwrap().to_owned());
        let get = |name: &str| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| value.clone());
        let marker = get("marker").unwrap_or_default();
        found.retain(|port| port["id"].as_str().unwrap() > marker.as_str());
        let limit = get("limit").unwrap().parse::<usize>().unwrap().min(self.page);
        let more = found.len() > limit;
        found.truncate(limit);
        let links = if more { json!([{"rel": "next", "href": "http://elsewhere"}]) } else { json!([]) };
        reply(200, &json!({key: found, format!("{key}_links"): links}))
    }

    fn make(&mut self, wanted: &Value) -> Response {
        let mut port = wanted.clone();
        let fixed = wanted["fixed_ips"][0].clone();
        let subnet = match &fixed["subnet_id"] {
            Value::Null => self.subnets.iter().find(|subnet| subnet["network_id"] == wanted["network_id"]),
            id => self.subnets.iter().find(|subnet| subnet["id"] == *id),
        };
        let Some(subnet) = subnet.cloned() else { return refusal(404, "SubnetNotFound", "no such subnet") };
        let address = match fixed["ip_address"].as_str() {
            Some(address) => address.to_owned(),
            None => {
                self.made += 1;
                let first: Ipv4Addr =
                    subnet["cidr"].as_str().unwrap().split('/').next().unwrap().parse().unwrap();
                let [a, b, c, d] = first.octets();
                IpAddr::from([a, b, c, d + self.made]).to_string()
            }
        };
        let taken = |port: &Value| {
            let fixed = &port["fixed_ips"][0];
            fixed["subnet_id"] == subnet["id"] && fixed["ip_address"] == address.as_str()
        };
        if self.ports.iter().any(taken) {
            let message = format!("IP address {address} already allocated in subnet {}", subnet["id"]);
            return refusal(409, "IpAddressAlreadyAllocated", &message);
        }
        let more = port.as_object_mut().unwrap();
        more.insert("id".to_owned(), json!(Uuid::new_v4()));
        more.insert("fixed_ips".to_owned(), json!([{"subnet_id": subnet["id"], "ip_address": address}]));
        let made = format!("2026-01-01T00:00:{:02}Z", self.ports.len() % 60);
        more.insert("created_at".to_owned(), json!(made));
        self.ports.push(port.clone());
        reply(201, &json!({"port": port}))
    }
}

//! Provider calls over a unix socket with keep-alive.

use std::path::Path;

use http_body_util::{BodyExt, Full};
use hyper::{Request, body::Bytes, client::conn::http1};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::UnixStream;
use uuid::Uuid;

use crate::{Outcome, network};

/// One connection.
pub struct Api(http1::SendRequest<Full<Bytes>>);

impl Api {
    /// Connects to the provider socket.
    pub async fn connect(socket: &Path) -> Outcome<Self> {
        let stream = UnixStream::connect(socket).await?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok(Self(sender))
    }

    /// Calls a method; anything but 200 is an error. Says whether it was committed within the call.
    pub async fn call(&mut self, method: &str, body: &Value) -> Outcome<bool> {
        let request = Request::post(format!("/v1/driver/{method}"))
            .header("host", "weir")
            .header("idempotency-key", Uuid::new_v4().to_string())
            .body(Full::from(serde_json::to_vec(body)?))?;
        self.0.ready().await?;
        let answer = self.0.send_request(request).await?;
        let status = answer.status();
        let body = answer.into_body().collect().await?.to_bytes();
        if !status.is_success() {
            return Err(format!("{method}: {status}: {}", String::from_utf8_lossy(&body)).into());
        }
        let answer: Value = serde_json::from_slice(&body)?;
        Ok(answer.get("committed") == Some(&Value::Bool(true)))
    }
}

/// The five calls of load balancer `n`.
pub fn calls(n: usize) -> Vec<(&'static str, Value)> {
    let id = |kind: usize| format!("{kind}0000000-0000-4000-8000-{n:012}");
    let [network, subnet, _] = network::ids(n / network::LOAD_BALANCERS_A_NETWORK);
    let project = "11111111111111111111111111111111";
    let member = |kind: usize, host: usize| {
        json!({"member": {
            "address": format!("10.10.10.{host}"), "admin_state_up": true, "member_id": id(kind), "pool_id": id(3),
            "protocol_port": 63015, "subnet_id": subnet, "weight": 1, "backup": false, "project_id": project,
        }})
    };
    vec![
        (
            "loadbalancer_create",
            json!({"loadbalancer": {
                "admin_state_up": true, "loadbalancer_id": id(1), "name": "lb", "project_id": project,
                "vip_address": format!("10.10.10.{}", 200 + n % network::LOAD_BALANCERS_A_NETWORK),
                "vip_network_id": network, "vip_port_id": id(6), "vip_subnet_id": subnet, "additional_vips": [],
            }}),
        ),
        (
            "listener_create",
            json!({"listener": {
                "admin_state_up": true, "default_pool_id": null, "listener_id": id(2), "loadbalancer_id": id(1),
                "name": "l", "protocol": "TCP", "protocol_port": 64015, "project_id": project, "allowed_cidrs": [],
            }}),
        ),
        (
            "pool_create",
            json!({"pool": {
                "admin_state_up": true, "lb_algorithm": "SOURCE_IP_PORT", "loadbalancer_id": id(1), "name": "p",
                "pool_id": id(3), "listener_id": id(2), "protocol": "TCP", "session_persistence": null, "project_id": project,
            }}),
        ),
        ("member_create", member(4, 10)),
        ("member_create", member(5, 11)),
    ]
}

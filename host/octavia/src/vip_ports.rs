//! `create_vip_port`: what Octavia wants a port for, and the ports that were made.
//!
//! Octavia's VIP is a dictionary with `vip_` before its keys, a further VIP one without; the answer is the same
//! dictionaries with port and address.

use std::net::IpAddr;

use serde_json::{Value, json};
use weir_model::{LoadBalancerId, NetworkId, PortId, SubnetId};

use crate::body::{BodyError, Object, Within, object, objects, parsed, required, text};

/// The VIPs of a load balancer that Octavia is about to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VipPortRequest {
    /// The load balancer; nobody can look it up yet.
    pub loadbalancer_id: LoadBalancerId,
    /// Whose the ports are to be.
    pub project_id: Option<String>,
    /// Its VIP.
    pub vip: WantedVip,
    /// Its further VIPs.
    pub additional_vips: Vec<WantedVip>,
}

/// A VIP that needs a port.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WantedVip {
    /// Its network.
    pub network_id: Option<NetworkId>,
    /// Its subnet.
    pub subnet_id: Option<SubnetId>,
    /// Its address, where the user has chosen one.
    pub address: Option<IpAddr>,
    /// A port of the user's own, to be left as it is.
    pub port_id: Option<PortId>,
}

/// The ports of a request, in its order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VipPorts {
    /// The VIP's.
    pub vip: MadeVip,
    /// The further VIPs'.
    pub additional_vips: Vec<MadeVip>,
}

/// A VIP with its port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MadeVip {
    /// Its network.
    pub network_id: NetworkId,
    /// Its subnet.
    pub subnet_id: SubnetId,
    /// Its address.
    pub address: IpAddr,
    /// Its port.
    pub port_id: PortId,
}

impl VipPortRequest {
    /// Reads a checked body.
    pub(crate) fn read(args: &Object) -> Result<Self, BodyError> {
        let vip = required(object(args, "vip_dictionary")?, "vip_dictionary")?;
        let mut additional_vips = Vec::new();
        for (index, vip) in objects(args, "additional_vip_dicts")?.into_iter().enumerate() {
            additional_vips.push(WantedVip::read(vip, "").at(index).within("additional_vip_dicts")?);
        }
        Ok(Self {
            loadbalancer_id: required(parsed(args, "loadbalancer_id")?, "loadbalancer_id")?,
            project_id: text(args, "project_id")?.value().map(str::to_owned),
            vip: WantedVip::read(vip, "vip_").within("vip_dictionary")?,
            additional_vips,
        })
    }
}

impl WantedVip {
    fn read(map: &Object, prefix: &str) -> Result<Self, BodyError> {
        let key = |name: &str| format!("{prefix}{name}");
        let address = if prefix.is_empty() { "ip_address" } else { "vip_address" };
        Ok(Self {
            network_id: parsed(map, &key("network_id"))?.value(),
            subnet_id: parsed(map, &key("subnet_id"))?.value(),
            address: parsed(map, address)?.value(),
            port_id: parsed(map, &key("port_id"))?.value(),
        })
    }
}

impl VipPorts {
    /// The answer: the dictionaries that came, with what the ports have.
    pub(crate) fn answer(&self, args: &Object) -> Value {
        let nothing = Object::new();
        let mut vip = args.get("vip_dictionary").and_then(Value::as_object).unwrap_or(&nothing).clone();
        vip.extend(self.vip.keys("vip_", "vip_address"));
        let additional = self.additional_vips.iter().map(|vip| {
            // Octavia makes an object of exactly these.
            vip.keys("", "ip_address").into_iter().collect::<Object>()
        });
        json!({ "result": [vip, additional.collect::<Vec<_>>()] })
    }
}

impl MadeVip {
    fn keys(&self, prefix: &str, address: &str) -> [(String, Value); 4] {
        let key = |name: &str| format!("{prefix}{name}");
        [
            (key("network_id"), json!(self.network_id)),
            (key("subnet_id"), json!(self.subnet_id)),
            (key("port_id"), json!(self.port_id)),
            (address.to_owned(), json!(self.address)),
        ]
    }
}

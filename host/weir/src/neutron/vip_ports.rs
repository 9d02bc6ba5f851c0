//! A VIP's port: made, freed.

use std::time::Duration;

use tracing::{debug, info};
use uuid::Uuid;
use weir_model::{LoadBalancerId, PortId};
use weir_neutron::{Client, FixedIp, NeutronError, NewPort, Port, PortQuery};
use weir_octavia::{MadeVip, Refusal, VipPortRequest, VipPorts, WantedVip};

use super::{Neutron, fault, names};
use crate::limits;

impl Neutron {
    /// Makes the ports of a load balancer's VIPs. Those that an earlier try has left are taken; a port of the
    /// user's own is left as it is.
    ///
    /// # Errors
    /// A [`Refusal`], a conflict where an address is in use; some may be made.
    pub async fn create_vip_ports(&self, request: &VipPortRequest) -> Result<VipPorts, Refusal> {
        let made = tokio::time::timeout(limits::VIP_PORT, self.make_all(request)).await;
        made.unwrap_or_else(|_| {
            let text = format!("the VIP port: Neutron took longer than {} s", limits::VIP_PORT.as_secs());
            Err(Refusal::driver("neutron-timeout", text))
        })
    }

    async fn make_all(&self, request: &VipPortRequest) -> Result<VipPorts, Refusal> {
        let lb = request.loadbalancer_id;
        let client = self.client.within(limits::VIP_PORT);
        let query = PortQuery { device_id: Some(names::vip_device(lb)), ..PortQuery::default() };
        let there = client.ports(&query).await.map_err(|error| fault::of_port("the VIP port", &error))?;
        let there: Vec<Port> =
            there.into_iter().filter(|port| names::vip_port_of(port) == Some(lb)).collect();
        let mut made = Vec::new();
        for (at, vip) in std::iter::once(&request.vip).chain(&request.additional_vips).enumerate() {
            let what = match at {
                0 => "the VIP port".to_owned(),
                n => format!("the port of additional VIP {n}"),
            };
            made.push(match vip.port_id {
                Some(port) => self.users_own(&what, vip, port).await?,
                None => self.make(&what, request, at, vip, &there).await?,
            });
        }
        let mut made = made.into_iter();
        let vip = made.next().ok_or_else(|| Refusal::driver("vip-port-missing", "no VIP was asked for"))?;
        Ok(VipPorts { vip, additional_vips: made.collect() })
    }

    async fn users_own(&self, what: &str, vip: &WantedVip, id: PortId) -> Result<MadeVip, Refusal> {
        let found = self.client.within(limits::VIP_PORT).port(id.uuid()).await;
        let port = found.map_err(|error| fault::of_port(what, &error))?;
        let port = port.ok_or_else(|| {
            Refusal::not_found("vip-port-not-found", format!("{what}: Neutron has no port {id}"))
        })?;
        made(what, vip, &port)
    }

    async fn make(
        &self,
        what: &str,
        request: &VipPortRequest,
        at: usize,
        vip: &WantedVip,
        there: &[Port],
    ) -> Result<MadeVip, Refusal> {
        let lb = request.loadbalancer_id;
        let network = vip.network_id.ok_or_else(|| {
            Refusal::unsupported("vip-without-network", format!("{what}: it needs a network"))
        })?;
        let new = NewPort {
            name: names::vip_port(lb, at),
            network_id: network.uuid(),
            device_id: names::vip_device(lb),
            device_owner: names::VIP_OWNER.to_owned(),
            project_id: request.project_id.clone(),
            fixed_ip: vip.subnet_id.map(|subnet| (subnet.uuid(), vip.address)),
            address: vip.address,
            port_security_enabled: None,
        };
        let port = match there.iter().find(|port| new.is_met_by(port)) {
            Some(port) => {
                debug!(port = %port.id, name = new.name, "the VIP port is there already");
                port.clone()
            }
            None => {
                let client = self.client.within(limits::VIP_PORT);
                let made = client.create_port(&new).await;
                let made = made.map_err(|error| fault::of_port(what, &error))?;
                info!(port = %made.id, name = new.name, "VIP port made");
                made
            }
        };
        made(what, vip, &port)
    }

    /// Frees the VIP ports of a load balancer that Weir, or the reference driver, has made; says how many there were. `in_rows`
    /// are those that its rows have named.
    ///
    /// # Errors
    /// [`NeutronError`]; some may be freed.
    pub async fn free_vip_ports(
        &self,
        lb: LoadBalancerId,
        in_rows: &[PortId],
        within: Duration,
    ) -> Result<usize, NeutronError> {
        let client = self.client.within(within);
        let query = PortQuery { device_id: Some(names::vip_device(lb)), ..PortQuery::default() };
        let mut freed = Vec::new();
        let ours = client.ports(&query).await?;
        for port in ours.iter().filter(|port| names::vip_port_of(port) == Some(lb)) {
            freed.push(free(&client, port).await?);
        }
        for id in in_rows.iter().map(|id| id.uuid()) {
            if freed.contains(&id) {
                continue;
            }
            let port = client.port(id).await?;
            if let Some(port) = port.filter(|port| names::vip_port_of_rows(port) == Some(lb)) {
                freed.push(free(&client, &port).await?);
            }
        }
        Ok(freed.len())
    }
}

async fn free(client: &Client, port: &Port) -> Result<Uuid, NeutronError> {
    client.delete_port(port.id).await?;
    info!(port = %port.id, name = port.name, "VIP port freed");
    Ok(port.id)
}

/// A VIP with its port.
fn made(what: &str, vip: &WantedVip, port: &Port) -> Result<MadeVip, Refusal> {
    let fits = |fixed: &&FixedIp| {
        vip.address.is_none_or(|address| address == fixed.ip_address)
            && vip.subnet_id.is_none_or(|subnet| subnet.uuid() == fixed.subnet_id)
    };
    let fixed = port.fixed_ips.iter().find(fits).ok_or_else(|| {
        let text = format!("{what}: port {} has not the address and subnet that were asked for", port.id);
        Refusal::unsupported("vip-port-without-address", text)
    })?;
    Ok(MadeVip {
        network_id: port.network_id.into(),
        subnet_id: fixed.subnet_id.into(),
        address: fixed.ip_address,
        port_id: port.id.into(),
    })
}

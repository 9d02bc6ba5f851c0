//! A subnet's source port: health checks are sent from its address. It is made once, whoever asks, and freed when nobody
//! uses it.

use std::{collections::HashMap, net::IpAddr, sync::Arc};

use ipnet::IpNet;
use parking_lot::Mutex;
use tokio::sync::{Mutex as Turn, OwnedRwLockReadGuard, RwLock};
use tracing::info;
use weir_model::{NetworkId, PortId, SubnetId};
use weir_neutron::{NeutronError, NewPort, Port, PortQuery};
use weir_plan::topology::source_port_name;

use super::{Neutron, names};
use crate::limits;

/// The subnets that were asked for.
#[derive(Default)]
pub struct Subnets(Mutex<HashMap<SubnetId, Arc<Subnet>>>);

/// Where a subnet is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubnetPlace {
    /// Its network.
    pub network: NetworkId,
    /// Its CIDR.
    pub cidrs: Vec<IpNet>,
}

#[derive(Default)]
struct Subnet {
    /// Neutron's answer, which holds for as long as the subnet is there.
    place: Mutex<Option<SubnetPlace>>,
    /// Makers go one after the other: the second finds what the first has made.
    turn: Turn<()>,
    /// Read by those who are about to use the port, written by who frees it.
    used: Arc<RwLock<()>>,
}

/// A source port. It is not freed by this host while the value lives: keep it until its use is in the Northbound.
#[derive(Debug)]
pub struct SourcePort {
    /// The port.
    pub port: PortId,
    /// Its address on the subnet.
    pub address: IpAddr,
    _used: OwnedRwLockReadGuard<()>,
}

impl Neutron {
    /// Where a subnet is that the Northbound says nothing about. Neutron is asked once.
    ///
    /// # Errors
    /// [`NeutronError`]; [`NeutronError::NotFound`] where there is no such subnet.
    pub async fn place_of(&self, id: SubnetId) -> Result<SubnetPlace, NeutronError> {
        let known = self.subnet(id);
        if let Some(place) = known.place.lock().clone() {
            return Ok(place);
        }
        let url = format!("subnets/{id}");
        let found = self.client.within(limits::SOURCE_PORT).subnet(id.uuid()).await?;
        let found = found.ok_or_else(|| NeutronError::NotFound {
            url: url.clone(),
            message: format!("subnet {id} does not exist"),
        })?;
        let cidr = found.cidr.parse().map_err(|_| NeutronError::Malformed {
            method: "GET".to_owned(),
            url,
            reason: "its cidr is no network".to_owned(),
        })?;
        let place = SubnetPlace { network: found.network_id.into(), cidrs: vec![cidr] };
        *known.place.lock() = Some(place.clone());
        Ok(place)
    }

    /// The source port of a subnet; made where there is none. `project` is that of a member's port, `None` where it is not
    /// known: then it is ours.
    ///
    /// # Errors
    /// [`NeutronError`].
    pub async fn ensure_source_port(
        &self,
        subnet: SubnetId,
        network: NetworkId,
        project: Option<&str>,
    ) -> Result<SourcePort, NeutronError> {
        let known = self.subnet(subnet);
        let used = known.used.clone().read_owned().await;
        let turn = known.turn.lock().await;
        let name = source_port_name(subnet);
        let new = NewPort {
            name: name.clone(),
            network_id: network.uuid(),
            device_id: name,
            device_owner: names::SOURCE_OWNER.to_owned(),
            project_id: project.map(str::to_owned),
            fixed_ip: Some((subnet.uuid(), None)),
            address: None,
            port_security_enabled: Some(false),
        };
        let client = self.client.within(limits::SOURCE_PORT);
        let port = match client.find_port(&new).await? {
            Some(port) => port,
            None => {
                let made = client.create_port(&new).await?;
                info!(port = %made.id, name = new.name, "source port of health checks made");
                self.settle_race(&new, made).await?
            }
        };
        drop(turn);
        let address = port.fixed_ips.iter().find(|fixed| fixed.subnet_id == subnet.uuid());
        let address = address.ok_or_else(|| NeutronError::Malformed {
            method: "POST".to_owned(),
            url: "port".to_owned(),
            reason: format!("port {} has no address on subnet {subnet}", port.id),
        })?;
        Ok(SourcePort { port: port.id.into(), address: address.ip_address, _used: used })
    }

    /// Another host may have made one at the same time: all keep the oldest, and each takes its own away.
    async fn settle_race(&self, new: &NewPort, made: Port) -> Result<Port, NeutronError> {
        let client = self.client.within(limits::SOURCE_PORT);
        match client.find_port(new).await? {
            Some(oldest) if oldest.id != made.id => {
                client.delete_port(made.id).await?;
                Ok(oldest)
            }
            _ => Ok(made),
        }
    }

    /// Frees the source ports of a subnet, unless somebody is about to use one, or `in_use` says that it is. Says
    /// how many it has freed.
    ///
    /// # Errors
    /// [`NeutronError`].
    pub async fn free_source_port(
        &self,
        subnet: SubnetId,
        in_use: impl Fn(&Port) -> bool,
    ) -> Result<usize, NeutronError> {
        let known = self.subnet(subnet);
        let Ok(_alone) = known.used.clone().try_write_owned() else { return Ok(0) };
        let client = self.client.within(limits::SOURCE_PORT);
        let query = PortQuery { name: Some(source_port_name(subnet)), ..PortQuery::default() };
        let mut freed = 0;
        for port in client.ports(&query).await? {
            if names::source_port_of(&port) != Some(subnet) || in_use(&port) {
                continue;
            }
            client.delete_port(port.id).await?;
            info!(port = %port.id, name = port.name, "source port of health checks freed");
            freed += 1;
        }
        Ok(freed)
    }

    fn subnet(&self, id: SubnetId) -> Arc<Subnet> {
        self.subnets.0.lock().entry(id).or_default().clone()
    }
}

//! Ports in Neutron that earlier releases of the reference driver have made get the owner and device that later ones give.
//!
//! Without them Neutron lets a VIP port be plugged into a server, and nothing finds the port when its load balancer goes. It is
//! done for load balancers that were adopted, and by `weir sync`.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    sync::Arc,
};

use parking_lot::Mutex;
use serde_json::json;
use tokio::{sync::Notify, time::sleep};
use tracing::{info, warn};
use uuid::Uuid;
use weir_model::{LoadBalancerId, PortId};
use weir_neutron::{NeutronError, Port, PortQuery};
use weir_plan::Adopt;

use super::{
    Host,
    leaked_ports::{PortLine, PortOutcome},
    ports::sends_probes,
};
use crate::{
    limits,
    neutron::{Neutron, names},
    northbound::{
        monitor,
        rows::{self, ProbeSources},
    },
};

/// What was looked at already, and that there is something new.
#[derive(Default)]
pub struct OldPorts {
    vip_ports: Mutex<BTreeSet<PortId>>,
    sources: Mutex<BTreeSet<(LoadBalancerId, IpAddr)>>,
    /// Source ports that got their former owner back. Each try stops probes for a moment, and load balancers share such a port:
    /// only `weir sync` tries again.
    given_back: Mutex<BTreeSet<Uuid>>,
    /// A load balancer was adopted.
    pub(super) adopted: Notify,
}

impl Host {
    /// Whether a load balancer's rows are another driver's, to be taken over by the next write.
    pub(super) fn is_adoption(&self, lb: LoadBalancerId) -> bool {
        if self.ownership.adopt == Adopt::None {
            return false;
        }
        let existing = rows::existing(&self.northbound.replica(), lb);
        existing.iter().any(|existing| self.ownership.may_adopt(lb, &existing.row))
    }

    /// A load balancer's rows were taken over.
    pub(super) fn adopted(&self, lb: LoadBalancerId) {
        info!(%lb, "adopted load balancer");
        self.old_ports.adopted.notify_one();
    }

    /// Updates the ports of adopted load balancers; each is looked at once. `acts` is false where that is only reported.
    pub(super) async fn update_ports_of_adopted(
        self: &Arc<Self>,
        neutron: &Neutron,
        acts: bool,
    ) -> Result<(), NeutronError> {
        let (vip_ports, sources) = {
            let replica = self.northbound.replica();
            let adopted: BTreeSet<_> = rows::ours(&replica, &self.ownership)
                .into_iter()
                .filter(|lb| {
                    let existing = rows::existing(&replica, *lb);
                    existing.iter().any(|existing| !weir_plan::ownership::has_uuid_of(*lb, &existing.row))
                })
                .collect();
            drop(replica);
            (self.vip_ports_of(&adopted), self.probe_sources_of(&adopted))
        };
        let known = self.old_ports.vip_ports.lock().clone();
        for (port, lb) in vip_ports.into_iter().filter(|(port, _)| !known.contains(port)) {
            let updated = self.look_at_old_vip_port(neutron, lb, port, acts).await;
            if self.refused_ports.record(port.uuid(), updated)?.is_some() {
                self.old_ports.vip_ports.lock().insert(port);
            }
        }
        let known = self.old_ports.sources.lock().clone();
        for source in sources.into_iter().filter(|source| !known.contains(source)) {
            let mut refused = false;
            for port in self.old_source_ports(neutron, Some(source.1)).await? {
                if self.old_ports.given_back.lock().contains(&port.id) {
                    continue;
                }
                let updated = self.update_source_port(neutron, &port, acts).await;
                refused |= self.refused_ports.record(port.id, updated)?.is_none();
            }
            if !refused {
                self.old_ports.sources.lock().insert(source);
            }
        }
        Ok(())
    }

    /// The same for `weir sync`: of one load balancer, or of all of this deployment's. `lines` gets one line a port, also
    /// where it ends in an error.
    pub(super) async fn sync_ports(
        self: &Arc<Self>,
        neutron: &Neutron,
        lb: Option<LoadBalancerId>,
        acts: bool,
        lines: &mut Vec<PortLine>,
    ) -> Result<(), NeutronError> {
        let ours: BTreeSet<_> = rows::ours(&self.northbound.replica(), &self.ownership).into_iter().collect();
        let lbs = ours.into_iter().filter(|one| lb.is_none_or(|lb| lb == *one)).collect();
        let query = PortQuery { device_owner: Some(names::VIP_OWNER.to_owned()), ..PortQuery::default() };
        let listed = if lb.is_none() { neutron.client().ports(&query).await? } else { Vec::new() };
        let fine: BTreeSet<Uuid> =
            listed.iter().filter(|port| names::vip_port_of(port).is_some()).map(|port| port.id).collect();
        for (port, lb) in self.vip_ports_of(&lbs) {
            if fine.contains(&port.uuid()) {
                continue;
            }
            let (name, updated) = match neutron.client().port(port.uuid()).await {
                Ok(Some(found)) => {
                    let updated = self.update_vip_port(neutron, lb, &found, acts).await;
                    (found.name, updated)
                }
                Ok(None) => continue,
                // Its name is not known then.
                Err(error) => (port.to_string(), Err(error)),
            };
            lines.extend(line_of(port.uuid(), &name, updated)?);
        }
        let mut sources = Vec::new();
        match lb {
            None => sources = self.old_source_ports(neutron, None).await?,
            Some(_) => {
                for (_, address) in self.probe_sources_of(&lbs) {
                    sources.extend(self.old_source_ports(neutron, Some(address)).await?);
                }
            }
        }
        for port in sources {
            let updated = self.update_source_port(neutron, &port, acts).await;
            lines.extend(line_of(port.id, &port.name, updated)?);
        }
        Ok(())
    }

    async fn look_at_old_vip_port(
        &self,
        neutron: &Neutron,
        lb: LoadBalancerId,
        port: PortId,
        acts: bool,
    ) -> Result<Option<PortLine>, NeutronError> {
        match neutron.client().port(port.uuid()).await? {
            Some(found) => self.update_vip_port(neutron, lb, &found, acts).await,
            None => Ok(None),
        }
    }

    /// The ports that the rows of load balancers name.
    fn vip_ports_of(&self, lbs: &BTreeSet<LoadBalancerId>) -> BTreeMap<PortId, LoadBalancerId> {
        let graphs = lbs.iter().filter_map(|lb| self.graph(*lb));
        let ports = graphs.flat_map(|lb| {
            lb.vips().filter_map(|vip| vip.port_id).map(|port| (port, lb.id)).collect::<Vec<_>>()
        });
        ports.collect()
    }

    fn probe_sources_of(&self, lbs: &BTreeSet<LoadBalancerId>) -> BTreeSet<(LoadBalancerId, IpAddr)> {
        let of = |lb: LoadBalancerId| self.sources_of(lb).into_iter().map(move |address| (lb, address));
        lbs.iter().copied().flat_map(of).collect()
    }

    async fn update_vip_port(
        &self,
        neutron: &Neutron,
        lb: LoadBalancerId,
        port: &Port,
        acts: bool,
    ) -> Result<Option<PortLine>, NeutronError> {
        if names::vip_port_of(port) == Some(lb) || names::vip_port_of_rows(port) != Some(lb) {
            if names::is_named_for(port, lb) && names::vip_port_of(port).is_none() {
                let (device, owner) = (&port.device_id, &port.device_owner);
                warn!(%lb, port = %port.id, device, owner, "VIP port belongs to another device, leaving it as it is");
            }
            return Ok(None);
        }
        let line = PortLine { id: port.id, name: port.name.clone(), outcome: PortOutcome::Updated };
        if !acts {
            warn!(%lb, port = %port.id, "outdated-vip-port: VIP port has neither owner nor device");
            return Ok(Some(line));
        }
        let fields = json!({"device_owner": names::VIP_OWNER, "device_id": names::vip_device(lb)});
        neutron.client().update_port(port.id, &fields).await?;
        info!(%lb, port = %port.id, name = port.name, "gave a VIP port its owner and device");
        Ok(Some(line))
    }

    /// Source ports of health checks with the owner that earlier releases gave them: those with an address, or all.
    async fn old_source_ports(
        &self,
        neutron: &Neutron,
        address: Option<IpAddr>,
    ) -> Result<Vec<Port>, NeutronError> {
        let query = PortQuery {
            device_owner: Some(names::OLD_SOURCE_OWNER.to_owned()),
            ip_address: address,
            ..PortQuery::default()
        };
        let mut ports = neutron.client().ports(&query).await?;
        ports.retain(|port| names::old_source_port_of(port).is_some());
        if self.ownership.adopt != Adopt::All {
            // From the others another driver's health checks may be sent.
            let owns = |lb, row: &_| self.ownership.owns_of(lb, row);
            let ours = ProbeSources::of_rows(&self.northbound.replica(), owns);
            ports.retain(|port| sends_probes(&ours, port));
        }
        Ok(ports)
    }

    async fn update_source_port(
        &self,
        neutron: &Neutron,
        port: &Port,
        acts: bool,
    ) -> Result<Option<PortLine>, NeutronError> {
        let line = |outcome| Some(PortLine { id: port.id, name: port.name.clone(), outcome });
        if !acts {
            warn!(port = %port.id, "outdated-source-port: source port of health checks has an owner of earlier releases");
            return Ok(line(PortOutcome::Updated));
        }
        let fields = |owner: &str, device: &str| json!({"device_owner": owner, "device_id": device});
        neutron.client().update_port(port.id, &fields(names::SOURCE_OWNER, &port.name)).await?;
        if self.stays_localport(port.id).await {
            info!(port = %port.id, name = port.name, "gave a source port of health checks its owner and device");
            return Ok(line(PortOutcome::Updated));
        }
        // Probes would no longer be answered.
        neutron.client().update_port(port.id, &fields(&port.device_owner, &port.device_id)).await?;
        self.old_ports.given_back.lock().insert(port.id);
        let why = format!("this Neutron makes no localport of a port whose owner is {}", names::SOURCE_OWNER);
        warn!(port = %port.id, why, "gave a source port of health checks its former owner back");
        Ok(line(PortOutcome::Failed { why }))
    }

    /// Whether the port's row keeps its type: Neutron writes it before it answers, and the replica has it soon after.
    async fn stays_localport(&self, port: Uuid) -> bool {
        let is_localport = || {
            let replica = self.northbound.replica();
            let mut found = replica.find("Logical_Switch_Port", &monitor::by_name(), &port.to_string());
            found.next().is_none_or(|(_, row)| row.str("type") == Some("localport"))
        };
        for _ in 0..limits::PORT_TYPE_LOOKS {
            if !is_localport() {
                return false;
            }
            sleep(limits::SOURCE_LOOK).await;
        }
        is_localport()
    }
}

/// The report's line of a port. Neutron's refusal is a line; an outage is an error.
fn line_of(
    id: Uuid,
    name: &str,
    updated: Result<Option<PortLine>, NeutronError>,
) -> Result<Option<PortLine>, NeutronError> {
    match updated {
        Err(error) if !error.is_outage() => {
            warn!(port = %id, code = error.code(), %error, "Neutron refused to update a port");
            let outcome = PortOutcome::Failed { why: error.to_string() };
            Ok(Some(PortLine { id, name: name.to_owned(), outcome }))
        }
        updated => updated,
    }
}

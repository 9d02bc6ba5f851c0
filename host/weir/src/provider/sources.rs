//! Source ports of health checks: asked for when a plan lacks one, freed when the last check of their subnet has gone.
//!
//! A plan holds checks back whose probes have nowhere to be sent from. The port is then made in Neutron, which writes it to
//! the Northbound, and the load balancer is planned again.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    sync::Arc,
};

use parking_lot::Mutex;
use tokio::{
    task::JoinHandle,
    time::{Instant, sleep, timeout},
};
use tracing::{debug, warn};
use weir_model::{LoadBalancer, LoadBalancerId, SubnetId};
use weir_neutron::{NeutronError, PortQuery};
use weir_plan::{Sourceless, Topology, topology::switch_name};

use super::Host;
use crate::{
    limits,
    neutron::{
        Neutron, names,
        source_ports::{SourcePort, SubnetPlace},
    },
    northbound::{rows, topology::ReplicaTopology},
};

/// Subnets whose source port is being made, and who waits for it.
#[derive(Default)]
pub struct Sources {
    wanted: Mutex<BTreeMap<SubnetId, BTreeSet<LoadBalancerId>>>,
    /// Ports that are being freed for a load balancer.
    freeing: Mutex<BTreeMap<LoadBalancerId, JoinHandle<()>>>,
}

impl Sources {
    /// How many subnets have no source port yet that a health check waits for.
    pub fn wanted(&self) -> usize {
        self.wanted.lock().len()
    }
}

impl Host {
    /// Sees to the source ports that a plan lacks; the load balancer is planned again when they are there.
    pub(super) fn want_sources(self: &Arc<Self>, lb: LoadBalancerId, lacking: &[Sourceless]) {
        let Some(neutron) = &self.neutron else { return };
        for lacking in lacking {
            let mut sources = self.sources.wanted.lock();
            let first = !sources.contains_key(&lacking.subnet);
            sources.entry(lacking.subnet).or_default().insert(lb);
            drop(sources);
            if first {
                tokio::spawn(self.clone().make_source(neutron.clone(), *lacking));
            }
        }
    }

    /// Tries for as long as somebody waits.
    async fn make_source(self: Arc<Self>, neutron: Neutron, lacking: Sourceless) {
        let subnet = lacking.subnet;
        let mut pause = limits::UNSETTLED_MIN;
        loop {
            match self.try_make_source(&neutron, lacking).await {
                Ok((place, source)) => return self.source_is_made(subnet, place, source).await,
                Err(error) => {
                    let (code, seconds) = (error.code(), pause.as_secs());
                    warn!(%subnet, code, %error, seconds, "no source port for health checks; tried again");
                }
            }
            sleep(pause).await;
            pause = (pause * 2).min(limits::PORT_CLEANUP_MAX);
            let mut sources = self.sources.wanted.lock();
            if let Some(waiting) = sources.get_mut(&subnet) {
                waiting.retain(|lb| self.graph(*lb).is_some_and(|lb| is_monitored(&lb)));
                if waiting.is_empty() {
                    sources.remove(&subnet);
                    return;
                }
            }
        }
    }

    /// Makes the port; says where its subnet is.
    async fn try_make_source(
        &self,
        neutron: &Neutron,
        lacking: Sourceless,
    ) -> Result<(SubnetPlace, SourcePort), NeutronError> {
        let Sourceless { subnet, network } = lacking;
        let place = match network {
            Some(network) => {
                let known = ReplicaTopology(&self.northbound.replica()).subnet(subnet);
                SubnetPlace { network, cidrs: known.map(|subnet| subnet.cidrs).unwrap_or_default() }
            }
            // The Northbound says nothing about it.
            None => neutron.place_of(subnet).await?,
        };
        let waiting = self.sources.wanted.lock().get(&subnet).cloned().unwrap_or_default();
        let project = waiting.iter().find_map(|lb| self.project_of_members(*lb, &place));
        let source = neutron.ensure_source_port(subnet, place.network, project.as_deref()).await?;
        Ok((place, source))
    }

    /// Plans those that waited again. The port is held until they have it in their rows.
    async fn source_is_made(self: &Arc<Self>, subnet: SubnetId, place: SubnetPlace, source: SourcePort) {
        let until = Instant::now() + limits::SOURCE_SHOWN;
        while !self.shows(subnet, &place, &source.address) && Instant::now() < until {
            sleep(limits::SOURCE_LOOK).await;
        }
        // From here on a plan that lacks it asks anew.
        let waiting = self.sources.wanted.lock().remove(&subnet).unwrap_or_default();
        debug!(%subnet, address = %source.address, load_balancers = waiting.len(), "source port is there");
        let (waited, address) = (waiting.clone(), source.address);
        let mut under_way = false;
        for lb in waiting {
            under_way |= !self.reconcile_now(lb).await.committed;
        }
        if under_way {
            sleep(limits::SOURCE_SHOWN).await;
        }
        drop(source);
        // All who waited may have gone meanwhile, and found it held.
        let wanted = |lb: &LoadBalancerId| self.graph(*lb).is_some_and(|lb| is_monitored(&lb));
        if !waited.iter().any(wanted) {
            self.free_unused_sources(&BTreeSet::from([address])).await;
        }
    }

    /// Whether the Northbound has the source port.
    fn shows(&self, subnet: SubnetId, place: &SubnetPlace, address: &IpAddr) -> bool {
        let replica = self.northbound.replica();
        let topology = ReplicaTopology(&replica);
        let switch = topology.switch(&switch_name(place.network));
        switch.is_some_and(|switch| {
            topology.source_of(subnet, &switch, address.is_ipv4()).as_ref() == Some(address)
        })
    }

    /// The project of the port of a member in a subnet.
    fn project_of_members(&self, lb: LoadBalancerId, place: &SubnetPlace) -> Option<String> {
        let graph = self.graph(lb)?;
        let replica = self.northbound.replica();
        let topology = ReplicaTopology(&replica);
        let switch = topology.switch(&switch_name(place.network))?;
        let cidrs = &place.cidrs;
        let members = graph.pools.values().flat_map(|pool| pool.members.values());
        members.filter(|member| cidrs.iter().any(|cidr| cidr.contains(&member.address))).find_map(|member| {
            let port = topology.port_at(&switch, cidrs, &member.address)?;
            topology.project_of(&port)
        })
    }

    /// The addresses that a load balancer's probes are sent from; nothing without Neutron, since nobody frees them then.
    pub(super) fn sources_of(&self, lb: LoadBalancerId) -> BTreeSet<IpAddr> {
        match self.neutron {
            Some(_) => rows::sources(&rows::existing(&self.northbound.replica(), lb)),
            None => BTreeSet::new(),
        }
    }

    /// Frees source ports with these addresses that no row uses any more, in passing.
    pub(super) fn sources_are_unused(self: &Arc<Self>, lb: LoadBalancerId, addresses: BTreeSet<IpAddr>) {
        let host = self.clone();
        let task = tokio::spawn(async move { host.free_unused_sources(&addresses).await });
        let mut freeing = self.sources.freeing.lock();
        freeing.retain(|_, task| !task.is_finished());
        // One that is at it already goes on by itself.
        freeing.insert(lb, task);
    }

    /// Waits until what a load balancer has left behind is freed.
    pub(super) async fn sources_are_freed(&self, lb: LoadBalancerId) {
        let task = self.sources.freeing.lock().remove(&lb);
        if let Some(task) = task {
            // What goes wrong has been logged there.
            let _ = timeout(limits::VIP_PORT_FREED, task).await;
        }
    }

    async fn free_unused_sources(&self, addresses: &BTreeSet<IpAddr>) {
        let Some(neutron) = &self.neutron else { return };
        for address in addresses {
            self.free_source_port_at(neutron, *address).await;
        }
    }

    /// Frees source ports with an address, on whatever network, that no health check is sent from.
    pub(super) async fn free_unused_source(
        &self,
        neutron: &Neutron,
        address: IpAddr,
    ) -> Result<(), NeutronError> {
        let query = PortQuery {
            device_owner: Some(names::SOURCE_OWNER.to_owned()),
            ip_address: Some(address),
            ..PortQuery::default()
        };
        let ports = neutron.client().within(limits::VIP_PORT_FREED).ports(&query).await?;
        for subnet in ports.iter().filter_map(names::source_port_of) {
            neutron.free_source_port(subnet, |port| self.probes_from(port)).await?;
        }
        Ok(())
    }
}

/// Whether a load balancer had or has something to probe.
fn is_monitored(lb: &LoadBalancer) -> bool {
    lb.pools.values().any(|pool| pool.monitor.is_some())
}

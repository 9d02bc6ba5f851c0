//! Ports in Neutron that nobody needs, as `weir sync` lists them. The host frees them by itself in time (see [`super::ports`]);
//! here somebody has asked.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::SystemTime,
};

use serde::Serialize;
use uuid::Uuid;
use weir_model::LoadBalancerId;
use weir_neutron::{NeutronError, Port, PortQuery};

use super::{Host, ports::sends_probes};
use crate::{
    limits,
    neutron::{Neutron, names},
    northbound::rows::ProbeSources,
};

/// A port's line of the report.
#[derive(Clone, Debug, Serialize)]
pub struct PortLine {
    /// Neutron's id.
    pub id: Uuid,
    /// Its name: it tells whose it was.
    pub name: String,
    /// What became of it.
    #[serde(flatten)]
    pub outcome: PortOutcome,
}

/// What became of a leaked port.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "outcome")]
pub enum PortOutcome {
    /// Nobody needs it.
    Leaked,
    /// It has, or would get, the owner and device that later releases of the reference driver give.
    Updated,
    /// It was freed.
    Removed,
    /// It could not be freed.
    Failed {
        /// Why.
        why: String,
    },
}

/// Ports of load balancers that may be gone, and ports that no health check is sent from.
#[derive(Default)]
pub(super) struct Suspects {
    of_vips: BTreeMap<LoadBalancerId, Vec<Port>>,
    sources: Vec<Port>,
    /// How many ports of ours there are in all.
    pub(super) all: usize,
}

impl Suspects {
    /// The load balancers that Octavia has to be asked about.
    pub(super) fn load_balancers(&self) -> BTreeSet<LoadBalancerId> {
        self.of_vips.keys().copied().collect()
    }

    /// Keeps the ports of load balancers that Octavia denies.
    pub(super) fn retain(&mut self, denied: &BTreeSet<LoadBalancerId>) {
        self.of_vips.retain(|lb, _| denied.contains(lb));
    }

    /// All of them.
    pub(super) fn into_ports(self) -> impl Iterator<Item = Port> {
        self.of_vips.into_values().flatten().chain(self.sources)
    }
}

impl Host {
    /// Ports that seem to be without use: of load balancers without rows and changes, and sources of no row's health checks.
    pub(super) async fn suspect_ports(&self, neutron: &Neutron) -> Result<Suspects, NeutronError> {
        let owned_by =
            |owner: &str| PortQuery { device_owner: Some(owner.to_owned()), ..PortQuery::default() };
        let of_vips = neutron.client().ports(&owned_by(names::VIP_OWNER)).await?;
        let sources = neutron.client().ports(&owned_by(names::SOURCE_OWNER)).await?;
        let mut suspects = Suspects { all: of_vips.len() + sources.len(), ..Suspects::default() };
        let now = SystemTime::now();
        let old = |port: &Port| port.age(now).is_none_or(|age| age >= limits::PORT_YOUNG);
        for port in of_vips.into_iter().filter(old) {
            if let Some(lb) = names::vip_port_of(&port).filter(|lb| self.is_missing(*lb)) {
                suspects.of_vips.entry(lb).or_default().push(port);
            }
        }
        let used = ProbeSources::of(&self.northbound.replica());
        let idle = |port: &Port| names::source_port_of(port).is_some() && !sends_probes(&used, port);
        suspects.sources = sources.into_iter().filter(old).filter(idle).collect();
        Ok(suspects)
    }

    /// Frees a port, unless it has come into use.
    pub(super) async fn free_leaked_port(&self, neutron: &Neutron, port: &Port) -> PortOutcome {
        let freed = if let Some(subnet) = names::source_port_of(port) {
            neutron.free_source_port(subnet, |port| self.probes_from(port)).await.map(|freed| freed > 0)
        } else if names::vip_port_of(port).is_some_and(|lb| self.is_missing(lb)) {
            neutron.client().delete_port(port.id).await.map(|()| true)
        } else {
            Ok(false)
        };
        match freed {
            Ok(true) => PortOutcome::Removed,
            Ok(false) => PortOutcome::Failed { why: "it has come into use".to_owned() },
            Err(error) => PortOutcome::Failed { why: error.to_string() },
        }
    }
}

//! Ports in Neutron: made when Octavia asks, freed when their load balancer goes, or never came.

use std::{
    collections::BTreeSet,
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use tokio::time::{sleep, timeout};
use tracing::{debug, error, info, warn};
use weir_journal::Note;
use weir_model::{Change, LoadBalancerId, ObjectRef, PortId};
use weir_neutron::{NeutronError, Port, PortQuery};
use weir_octavia::{CallContext, ChangeState, ErrorClass, Refusal, VipPortRequest, VipPorts};

use super::{
    Host,
    api::KEY_USED,
    changes::{Begun, Outcome},
    queue::{Pending, Task},
    version::Made,
};
use crate::{
    config::Repair,
    limits,
    neutron::{
        Neutron, names,
        orphans::{Changed, Orphans, Verdict},
    },
    northbound::rows::{self, ProbeSources},
};

/// What the keys of the journal's notes about load balancers begin with that have VIP ports and no rows.
const MISSING: &str = "missing-load-balancer/";

/// The ports of a call to `create_vip_port`.
#[derive(Clone)]
pub struct VipPortsMade {
    /// The load balancer.
    pub lb: LoadBalancerId,
    /// The answer.
    pub ports: VipPorts,
}

impl Host {
    /// Neutron, where VIP ports are made there by this host.
    pub(super) fn vip_port_maker(&self) -> Option<&Neutron> {
        self.neutron.as_ref().filter(|_| self.makes_vip_ports)
    }

    /// Makes the ports of a load balancer's VIPs; the same key gives the first answer.
    pub(super) async fn create_vip_port(
        &self,
        request: VipPortRequest,
        call: CallContext,
    ) -> Result<VipPorts, Refusal> {
        let Some(neutron) = self.vip_port_maker() else {
            return Err(Refusal::not_implemented("vip-port-by-octavia", "VIP ports are made by Octavia"));
        };
        let key = call.idempotency_key;
        if let Some(key) = &key {
            loop {
                let Begun::Known(mut outcome) = self.changes.begin(key) else { break };
                let known = outcome.wait_for(Option::is_some).await.ok().and_then(|outcome| outcome.clone());
                match known {
                    Some(Outcome::VipPorts(made)) => return Ok(made.ports),
                    Some(Outcome::Refused(refusal)) => return Err(refusal),
                    Some(Outcome::Abandoned) => return Err(super::api::abandoned(key)),
                    Some(Outcome::Accepted(_)) => return Err(super::api::key_used()),
                    // The first call left nothing behind: this one may try.
                    None => {}
                }
            }
        }
        let lb = request.loadbalancer_id;
        self.keep_vip_ports(lb);
        let made = neutron.create_vip_ports(&request).await;
        if made.is_err() {
            self.free_vip_ports(lb, &[], limits::VIP_PORT_TAKEN_BACK).await;
        }
        let outcome = match &made {
            Ok(ports) => Some(Outcome::VipPorts(VipPortsMade { lb, ports: ports.clone() })),
            Err(refusal) if refusal.error == ErrorClass::Unavailable => None,
            Err(refusal) => Some(Outcome::Refused(refusal.clone())),
        };
        self.changes.settle(key.as_deref(), outcome, Vec::new());
        made
    }

    /// Takes VIP ports back whose call does not count.
    pub(super) async fn abandon_vip_ports(
        &self,
        key: &str,
        lb: LoadBalancerId,
    ) -> Result<ChangeState, Refusal> {
        self.journal.tombstone(key.to_owned()).await.map_err(|error| crate::fault::of_journal(&error))?;
        self.changes.settle(Some(key), Some(Outcome::Abandoned), Vec::new());
        // With a row it has become a load balancer all the same.
        if self.graph(lb).is_none() {
            self.free_vip_ports(lb, &[], limits::VIP_PORT_FREED).await;
        }
        Ok(ChangeState { loadbalancer_id: Some(lb), ..super::api::never_accepted(key) })
    }

    /// After a create that was refused, for whatever reason: Octavia rolls it back and never deletes the load balancer. Where
    /// this host takes no calls now, another one may be asked next; a key of another call says nothing about the load balancer.
    pub(super) fn create_refused(self: &Arc<Self>, lb: LoadBalancerId, refusal: &Refusal) {
        if refusal.error != ErrorClass::Unavailable && refusal.code != KEY_USED {
            self.free_vip_ports_later(lb);
        }
    }

    /// What [`Self::before_the_end`] of a load balancer's delete wants to know, before the delete is said to be done: the ports
    /// that its rows have named. It cannot be taken back from now on, since what came back would have no ports.
    pub(super) fn takes_ports(&self, pending: &Pending) -> Option<Vec<PortId>> {
        let Task::Change(change) = &pending.task else { return None };
        if self.neutron.is_none() || !matches!(&**change, Change::LoadBalancerDelete(_)) {
            return None;
        }
        let before = pending.record.undo().and_then(|undo| undo.before);
        pending.record.forget_undo();
        Some(before.iter().flat_map(|lb| lb.vips()).filter_map(|vip| vip.port_id).collect())
    }

    /// Frees the VIP ports of a load balancer that has gone, before its end is told: Octavia's user may wait for that to
    /// delete the subnet.
    pub(super) async fn before_the_end(&self, lb: Option<LoadBalancerId>, ports: &[PortId]) {
        let Some(lb) = lb else { return };
        if self.graph(lb).is_none() && self.queues.pending(lb).is_empty() {
            self.free_vip_ports(lb, ports, limits::VIP_PORT_FREED).await;
        }
        self.sources_are_freed(lb).await;
    }

    /// The VIP ports of a load balancer that Octavia has rolled back, or whose create was taken back.
    pub(super) fn free_if_taken_back(self: &Arc<Self>, lb: LoadBalancerId, pending: &Pending, made: Made) {
        let gone = match &pending.task {
            Task::Change(change) => {
                made == Made::RolledBack && matches!(&**change, Change::LoadBalancerCreate(_))
            }
            Task::Revert { undo, .. } => undo.before.is_none(),
            Task::TakeOut(object) => *object == ObjectRef::LoadBalancer(lb),
            _ => false,
        };
        if gone {
            self.free_vip_ports_later(lb);
        }
    }

    fn free_vip_ports_later(self: &Arc<Self>, lb: LoadBalancerId) {
        if self.neutron.is_none() {
            return;
        }
        let host = self.clone();
        tokio::spawn(async move {
            if host.graph(lb).is_none() && host.queues.pending(lb).is_empty() {
                host.free_vip_ports(lb, &[], limits::VIP_PORT_FREED).await;
            }
        });
    }

    /// Looks at Neutron's ports for ever, and frees those that nobody needs.
    pub async fn free_orphaned_ports(self: Arc<Self>) {
        let Some(neutron) = self.neutron.clone() else { return };
        if self.repair == Repair::Off {
            return;
        }
        self.northbound_is_read().await;
        let pause = limits::PORT_SWEEP.min(self.unknown_after / 3).max(Duration::from_secs(1));
        let mut orphans = Orphans::since(std::mem::take(&mut *self.missing_since.lock()));
        let mut again = limits::PORT_CLEANUP_MIN;
        loop {
            match self.look_at_ports(&neutron, &mut orphans).await {
                Ok(()) => {
                    again = limits::PORT_CLEANUP_MIN;
                    // What is adopted together is looked at together.
                    if timeout(pause, self.old_ports.adopted.notified()).await.is_ok() {
                        sleep(limits::PORT_CLEANUP_MIN).await;
                    }
                }
                Err(error) => {
                    warn!(code = error.code(), %error, "failed to list ports, will retry");
                    sleep(again.min(pause)).await;
                    again = (again * 2).min(limits::PORT_CLEANUP_MAX);
                }
            }
        }
    }

    async fn look_at_ports(
        self: &Arc<Self>,
        neutron: &Neutron,
        orphans: &mut Orphans,
    ) -> Result<(), NeutronError> {
        // Without connection the rows may be old.
        if !self.northbound.status().borrow().synced {
            return Ok(());
        }
        // Updates that fail do not hold up orphans, nor does one kind of orphan the other.
        let updated = self.update_ports_of_adopted(neutron, self.repair == Repair::On).await;
        let vip_ports = self.look_at_vip_ports(neutron, orphans).await;
        let sources = self.look_at_source_ports(neutron, orphans).await;
        updated.and(vip_ports).and(sources)
    }

    async fn look_at_vip_ports(&self, neutron: &Neutron, orphans: &mut Orphans) -> Result<(), NeutronError> {
        let query = PortQuery { device_owner: Some(names::VIP_OWNER.to_owned()), ..PortQuery::default() };
        let ports = neutron.client().ports(&query).await?;
        let owners: BTreeSet<_> = ports.iter().filter_map(names::vip_port_of).collect();
        let all = owners.len();
        let missing: BTreeSet<_> = owners.into_iter().filter(|lb| self.is_missing(*lb)).collect();
        self.note_missing(orphans.missing(Instant::now(), &missing)).await;
        for lb in missing {
            let answer = {
                // Never closed.
                let _room = self.questions.acquire().await;
                timeout(limits::AGENT_ANSWER, self.agent.load_balancer(lb)).await
            };
            match answer {
                Ok(Ok(octavia)) => orphans.octavia_says(lb, octavia.is_some()),
                // An answer that cannot be read is one about a load balancer.
                Ok(Err(weir_octavia::agent::AgentError::Malformed { .. })) => orphans.octavia_says(lb, true),
                Ok(Err(error)) => {
                    debug!(code = error.code(), %error, "Octavia cannot be asked about VIP ports");
                    return Ok(());
                }
                Err(_) => return Ok(()),
            }
        }
        match orphans.verdict(Instant::now(), self.unknown_after, all) {
            Verdict::Free(due) => {
                for lb in due {
                    if self.repair == Repair::Report {
                        warn!(%lb, "leaked-vip-port: VIP ports of a load balancer that nobody knows");
                    } else if self.is_missing(lb) {
                        let freed = neutron.free_vip_ports(lb, &[], limits::VIP_PORT_FREED).await;
                        if let Some(freed) = self.refused_ports.record(lb.uuid(), freed)? {
                            info!(%lb, freed, "VIP ports freed: neither the Northbound nor Octavia knows the load balancer");
                        }
                    }
                }
            }
            Verdict::TooMany(due) => error!(
                load_balancers = due.len(),
                of = all,
                "too-many-leaked-vip-ports: none is freed; is this the right Northbound, and the right Octavia?"
            ),
        }
        Ok(())
    }

    /// Writes down since when load balancers are missing: a restart does not begin anew.
    async fn note_missing(&self, Changed { added, removed }: Changed) {
        let payload = millis_of_unix_time(SystemTime::now()).to_string().into_bytes();
        let note = |lb| Note { key: missing_key(lb), payload: payload.clone() };
        let written: Vec<_> = added.into_iter().map(|lb| self.journal.put_note(note(lb))).collect();
        self.journal.remove_notes(removed.into_iter().map(missing_key).collect());
        for written in written {
            if let Err(error) = written.await {
                debug!(code = error.code(), %error, "the time begins anew after a restart");
            }
        }
    }

    /// What the journal held of it.
    pub(super) fn recover_missing(&self, notes: &[Note]) {
        let (now, now_ms) = (Instant::now(), millis_of_unix_time(SystemTime::now()));
        let since = |note: &Note| {
            let lb = note.key.strip_prefix(MISSING)?.parse::<LoadBalancerId>().ok()?;
            let since_ms: u64 = std::str::from_utf8(&note.payload).ok()?.parse().ok()?;
            let age = Duration::from_millis(now_ms.saturating_sub(since_ms)).min(self.unknown_after);
            Some((lb, now.checked_sub(age)?))
        };
        self.missing_since.lock().extend(notes.iter().filter_map(since));
    }

    /// Neither a row nor a change under way.
    pub(super) fn is_missing(&self, lb: LoadBalancerId) -> bool {
        // Calls are judged with their queue locked, and read the replica then: never the other way round.
        self.queues.pending(lb).is_empty() && rows::existing(&self.northbound.replica(), lb).is_empty()
    }

    async fn look_at_source_ports(
        &self,
        neutron: &Neutron,
        orphans: &mut Orphans,
    ) -> Result<(), NeutronError> {
        let query = PortQuery { device_owner: Some(names::SOURCE_OWNER.to_owned()), ..PortQuery::default() };
        let ports = neutron.client().ports(&query).await?;
        let sources = ProbeSources::of(&self.northbound.replica());
        let (mut idle, mut used) = (BTreeSet::new(), BTreeSet::new());
        for port in &ports {
            let those = if sends_probes(&sources, port) { &mut used } else { &mut idle };
            those.extend(names::source_port_of(port));
        }
        idle.retain(|subnet| !used.contains(subnet));
        for subnet in orphans.idle(Instant::now(), &idle) {
            if self.repair == Repair::Report {
                warn!(%subnet, "leaked-source-port: no row uses the source port of this subnet");
            } else {
                let freed = neutron.free_source_port(subnet, |port| self.probes_from(port)).await;
                self.refused_ports.record(subnet.uuid(), freed)?;
            }
        }
        Ok(())
    }

    /// Whether some row's health checks are sent from a port.
    pub(super) fn probes_from(&self, port: &Port) -> bool {
        sends_probes(&ProbeSources::of(&self.northbound.replica()), port)
    }
}

fn missing_key(lb: LoadBalancerId) -> String {
    format!("{MISSING}{lb}")
}

fn millis_of_unix_time(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Whether health checks are sent from one of a port's addresses.
pub(super) fn sends_probes(sources: &ProbeSources, port: &Port) -> bool {
    port.fixed_ips.iter().any(|fixed| sources.contains(port.network_id, fixed.ip_address))
}

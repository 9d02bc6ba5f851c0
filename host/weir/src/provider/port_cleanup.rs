//! Deletions of ports in Neutron that have to succeed sooner or later: remembered in the journal, tried again with back-off.
//!
//! A deletion is written down before it is tried, and its note is removed when it has succeeded. So it outlives an outage of
//! Neutron and a restart of the host.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tokio::{
    sync::Notify,
    task::JoinSet,
    time::{sleep, timeout_at},
};
use tracing::{debug, error, info, warn};
use weir_journal::{JournalError, Note};
use weir_model::{LoadBalancerId, PortId};
use weir_neutron::NeutronError;

use super::Host;
use crate::{limits, neutron::Neutron};

/// What the keys of the journal's notes begin with.
const NOTE: &str = "port-cleanup/";

/// What is to be deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cleanup {
    /// The VIP ports of a load balancer that is gone.
    VipPorts(LoadBalancerId),
    /// The source port of health checks with this address, where no health check uses it.
    SourcePort(IpAddr),
}

/// Deletions that are not done yet.
#[derive(Default)]
pub struct Cleanups {
    pending: Mutex<BTreeMap<Cleanup, Pending>>,
    failed: Notify,
}

struct Pending {
    /// Ports that the load balancer's rows have named.
    ports: BTreeSet<PortId>,
    /// When it is tried again; `None` during its first try.
    next: Option<Instant>,
    pause: Duration,
}

/// A note's content.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct Content {
    ports: BTreeSet<PortId>,
}

/// How a retry ended.
enum Retried {
    Done,
    /// Not now; Neutron was not asked.
    Postponed,
    Failed(NeutronError),
}

impl Cleanup {
    fn key(self) -> String {
        match self {
            Self::VipPorts(lb) => format!("{NOTE}vip/{lb}"),
            Self::SourcePort(address) => format!("{NOTE}source/{address}"),
        }
    }

    fn of_key(key: &str) -> Option<Self> {
        match key.strip_prefix(NOTE)?.split_once('/')? {
            ("vip", lb) => lb.parse().ok().map(Self::VipPorts),
            ("source", address) => address.parse().ok().map(Self::SourcePort),
            _ => None,
        }
    }
}

impl Cleanups {
    /// How many there are.
    pub fn count(&self) -> usize {
        self.pending.lock().len()
    }

    /// Takes on what the journal held.
    pub(super) fn recover(&self, notes: &[Note]) {
        let mut pending = self.pending.lock();
        for note in notes {
            let Some(cleanup) = Cleanup::of_key(&note.key) else { continue };
            // Without its content the ports are still found by their device.
            let Content { ports } = serde_json::from_slice(&note.payload).unwrap_or_default();
            let next = Some(Instant::now());
            pending.insert(cleanup, Pending { ports, next, pause: limits::PORT_CLEANUP_MIN });
        }
    }

    /// The note of a deletion that is about to be tried; it must be in the journal before anybody relies on it.
    fn begin(&self, cleanup: Cleanup, in_rows: &[PortId]) -> Note {
        let mut pending = self.pending.lock();
        let new = || Pending { ports: BTreeSet::new(), next: None, pause: limits::PORT_CLEANUP_MIN };
        let one = pending.entry(cleanup).or_insert_with(new);
        one.ports.extend(in_rows);
        // A set of ids always serialises.
        let payload = serde_json::to_vec(&Content { ports: one.ports.clone() }).unwrap_or_default();
        Note { key: cleanup.key(), payload }
    }

    /// A try has failed: it comes up again after its pause.
    fn postpone(&self, cleanup: Cleanup) {
        if let Some(one) = self.pending.lock().get_mut(&cleanup) {
            one.next = Some(Instant::now() + one.pause);
            one.pause = (one.pause * 2).min(limits::PORT_CLEANUP_MAX);
        }
        self.failed.notify_one();
    }

    fn remove(&self, cleanup: Cleanup) -> bool {
        self.pending.lock().remove(&cleanup).is_some()
    }

    /// Those that are to be tried now, the longest due first, and when the next one is.
    fn due(&self, now: Instant) -> (Vec<(Cleanup, Vec<PortId>)>, Option<Instant>) {
        let pending = self.pending.lock();
        let timed = pending.iter().filter_map(|(cleanup, one)| Some((one.next?, *cleanup, one)));
        let mut due: Vec<_> = timed.filter(|(next, ..)| *next <= now).collect();
        due.sort_by_key(|(next, cleanup, _)| (*next, *cleanup));
        let due = due.into_iter().map(|(_, cleanup, one)| (cleanup, one.ports.iter().copied().collect()));
        (due.collect(), pending.values().filter_map(|one| one.next).min())
    }
}

impl Host {
    /// Deletes a load balancer's VIP ports. When this is done they are deleted, or it stands in the journal that they are to
    /// be. `in_rows` are those that its rows have named.
    pub(super) async fn free_vip_ports(&self, lb: LoadBalancerId, in_rows: &[PortId], within: Duration) {
        let Some(neutron) = &self.neutron else { return };
        let written = self.begin_cleanup(Cleanup::VipPorts(lb), in_rows);
        let freed = neutron.free_vip_ports(lb, in_rows, within).await;
        self.end_cleanup(Cleanup::VipPorts(lb), freed.map(drop), written).await;
    }

    /// The same for the source port of health checks with an address, where none uses it any more.
    pub(super) async fn free_source_port_at(&self, neutron: &Neutron, address: IpAddr) {
        let written = self.begin_cleanup(Cleanup::SourcePort(address), &[]);
        let freed = self.free_unused_source(neutron, address).await;
        self.end_cleanup(Cleanup::SourcePort(address), freed, written).await;
    }

    /// A load balancer gets its VIP ports now: what an earlier call has left is not deleted any more.
    pub(super) fn keep_vip_ports(&self, lb: LoadBalancerId) {
        self.forget_cleanup(Cleanup::VipPorts(lb));
    }

    fn begin_cleanup(
        &self,
        cleanup: Cleanup,
        in_rows: &[PortId],
    ) -> impl Future<Output = Result<(), JournalError>> + use<> {
        self.journal.put_note(self.cleanups.begin(cleanup, in_rows))
    }

    async fn end_cleanup(
        &self,
        cleanup: Cleanup,
        freed: Result<(), NeutronError>,
        written: impl Future<Output = Result<(), JournalError>>,
    ) {
        let Err(error) = freed else { return self.forget_cleanup(cleanup) };
        warn!(?cleanup, code = error.code(), %error, "failed to delete ports, will retry");
        if let Err(error) = written.await {
            error!(?cleanup, code = error.code(), %error, "failed to write down a pending port deletion");
        }
        self.cleanups.postpone(cleanup);
    }

    fn forget_cleanup(&self, cleanup: Cleanup) {
        if self.cleanups.remove(cleanup) {
            self.journal.remove_notes(vec![cleanup.key()]);
        }
    }

    /// Tries for ever what has failed.
    pub async fn retry_port_cleanups(self: Arc<Self>) {
        let Some(neutron) = self.neutron.clone() else { return };
        self.northbound_is_read().await;
        let mut outage: Option<Duration> = None;
        loop {
            let (mut due, next) = self.cleanups.due(Instant::now());
            if due.is_empty() {
                let failed = self.cleanups.failed.notified();
                match next {
                    Some(next) => drop(timeout_at(next.into(), failed).await),
                    None => failed.await,
                }
                continue;
            }
            // During an outage one at a time, to find its end: each time another one.
            due.truncate(if outage.is_some() { 1 } else { limits::PORT_CLEANUPS_AT_ONCE });
            match self.retry_all(&neutron, due).await {
                None => outage = None,
                Some(error) => {
                    let pause = outage.unwrap_or(limits::PORT_CLEANUP_MIN);
                    debug!(code = error.code(), %error, ?pause, "Neutron does not delete ports, will retry");
                    sleep(pause).await;
                    outage = Some((pause * 2).min(limits::PORT_CLEANUP_MAX));
                }
            }
        }
    }

    /// The error where Neutron is away.
    async fn retry_all(
        self: &Arc<Self>,
        neutron: &Neutron,
        due: Vec<(Cleanup, Vec<PortId>)>,
    ) -> Option<NeutronError> {
        let mut tries = JoinSet::new();
        for (cleanup, ports) in due {
            let (host, neutron) = (self.clone(), neutron.clone());
            tries.spawn(async move { (cleanup, host.retry(&neutron, cleanup, &ports).await) });
        }
        let (mut outage, mut answered) = (None, false);
        while let Some(retried) = tries.join_next().await {
            match retried {
                Ok((cleanup, Retried::Done)) => {
                    info!(?cleanup, "deleted ports after an earlier failure");
                    self.forget_cleanup(cleanup);
                    answered = true;
                }
                Ok((cleanup, Retried::Postponed)) => self.cleanups.postpone(cleanup),
                // Neutron may be away, or may never delete this one port: the next try is for another one.
                Ok((cleanup, Retried::Failed(error))) if error.is_outage() => {
                    debug!(?cleanup, code = error.code(), %error, "failed to delete ports, will retry");
                    self.cleanups.postpone(cleanup);
                    outage = Some(error);
                }
                Ok((cleanup, Retried::Failed(error))) => {
                    warn!(?cleanup, code = error.code(), %error, "failed to delete ports, will retry");
                    self.cleanups.postpone(cleanup);
                    answered = true;
                }
                Err(error) => {
                    error!(%error, "a port deletion has panicked");
                    // It is still due.
                    sleep(limits::PORT_CLEANUP_MIN).await;
                }
            }
        }
        // What deletes other ports is not away.
        outage.filter(|_| !answered)
    }

    async fn retry(&self, neutron: &Neutron, cleanup: Cleanup, ports: &[PortId]) -> Retried {
        // Without connection the rows may be old.
        if !self.northbound.status().borrow().synced {
            return Retried::Postponed;
        }
        let freed = match cleanup {
            Cleanup::VipPorts(lb) if self.graph(lb).is_some() => {
                info!(%lb, "keeping VIP ports: the load balancer has rows again");
                return Retried::Done;
            }
            Cleanup::VipPorts(lb) if !self.is_missing(lb) => return Retried::Postponed,
            Cleanup::VipPorts(lb) => {
                neutron.free_vip_ports(lb, ports, limits::VIP_PORT_FREED).await.map(drop)
            }
            Cleanup::SourcePort(address) => self.free_unused_source(neutron, address).await,
        };
        freed.map_or_else(Retried::Failed, |()| Retried::Done)
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn keys_of_notes_are_read_back() {
        let lb = LoadBalancerId::from(Uuid::from_u128(7));
        for cleanup in [
            Cleanup::VipPorts(lb),
            Cleanup::SourcePort([10, 0, 0, 1].into()),
            Cleanup::SourcePort("fd00::1".parse().unwrap()),
        ] {
            assert_eq!(Cleanup::of_key(&cleanup.key()), Some(cleanup));
        }
        for key in ["", "port-cleanup/", "port-cleanup/vip/7", "port-cleanup/other/7", "vip/7"] {
            assert_eq!(Cleanup::of_key(key), None, "{key}");
        }
    }

    #[test]
    fn failed_cleanup_is_due_after_its_growing_pause() {
        let cleanups = Cleanups::default();
        let cleanup = Cleanup::VipPorts(Uuid::from_u128(7).into());
        let note = cleanups.begin(cleanup, &[Uuid::from_u128(8).into()]);
        assert_eq!(cleanups.due(Instant::now() + limits::PORT_CLEANUP_MAX), (Vec::new(), None), "first try");
        for _ in 0..10 {
            cleanups.postpone(cleanup);
        }
        let (due, next) = cleanups.due(Instant::now());
        assert!(due.is_empty() && next.is_some_and(|next| next > Instant::now()));
        let ports = vec![Uuid::from_u128(8).into()];
        let (due, _) = cleanups.due(Instant::now() + limits::PORT_CLEANUP_MAX);
        assert_eq!(due, [(cleanup, ports.clone())]);
        assert!(cleanups.remove(cleanup) && cleanups.count() == 0);
        // After a restart it is due at once.
        cleanups.recover(&[note]);
        assert_eq!(cleanups.due(Instant::now()).0, [(cleanup, ports)]);
    }

    #[test]
    fn longest_due_cleanup_comes_first() {
        let cleanups = Cleanups::default();
        let [first, second] = [7, 8].map(|n| Cleanup::VipPorts(Uuid::from_u128(n).into()));
        cleanups.recover(&[first, second].map(|cleanup| Note { key: cleanup.key(), payload: Vec::new() }));
        let order = |at| cleanups.due(at).0.into_iter().map(|(cleanup, _)| cleanup).collect::<Vec<_>>();
        assert_eq!(order(Instant::now()), [first, second]);
        cleanups.postpone(first);
        assert_eq!(order(Instant::now()), [second]);
        assert_eq!(order(Instant::now() + limits::PORT_CLEANUP_MAX), [second, first]);
    }
}

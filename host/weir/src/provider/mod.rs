//! What happens to a provider call.
//!
//! | file | what |
//! |---|---|
//! | [`api`] | the API's methods, idempotency, abandoning |
//! | [`accept`] | judges a call against the rows and what is pending |
//! | [`queue`] | one queue a load balancer: its changes in order, those of others at once |
//! | [`work`] | carries a queue's changes out |
//! | [`conditions`] | conditions of readiness, and those that only inform |
//! | [`changes`] | remembers changes by id and idempotency key |
//! | [`entry`] | a change as it stands in the journal |
//! | [`findings`] | what operators should know of load balancers |
//! | [`health`] | what members' health does to statuses |
//! | [`outbox`] | the ends of changes, with their statuses |
//! | [`defaults`] | the values that Octavia fills in for users, kept over restarts |
//! | [`delivery`] | what the sender of statuses reports |
//! | [`version`] | old changes, in the light of what Octavia has |
//! | [`new_flavor`] | a failover to another flavor |
//! | [`lost`] | deletes of what the rows do not have |
//! | [`ports`] | ports in Neutron: made, freed |
//! | [`recover`] | what the journal holds at the start |
//! | [`vip_policy`] | QoS policies of VIP ports that are the user's own |
//! | [`background`] | whether this host does background work, and why not |
//! | [`watch`] | follows the Northbound and the lock: what may have to be repaired |
//! | [`index`] | what plans have asked the network |
//! | [`dirty`] | what is to be looked at, and when |
//! | [`repair`] | looks at a load balancer unasked and puts it right |
//! | [`reach`] | whether Southbound, driver-agent and Neutron can be reached |
//! | [`retry`] | between two tries of a change |
//! | [`restored`] | an older Northbound that was restored: every load balancer compared with Octavia |
//! | [`wish`] | what it becomes where somebody has edited it |
//! | [`old_ports`] | ports of earlier releases of the reference driver |
//! | [`open`] | calls around which Octavia's transaction may be open |
//! | [`port_cleanup`] | deletions of ports that are tried until they succeed |
//! | [`overlaps`] | what Octavia says of overlaps that refuse a call |
//! | [`pause`] | nothing is written for a while |
//! | [`refused_ports`] | requests for single ports that Neutron refuses |
//! | [`release`] | load balancers given back to the reference driver |
//! | [`sync`] | every load balancer against Octavia's version |
//! | [`stuck`] | load balancers that stay in `PENDING_*` because their host is lost |
//! | [`sets`] | other plugins taken into use |
//! | [`sources`] | source ports of health checks: asked for, freed |
//! | [`tries`] | changes that are tried, and those that are stuck |
//! | [`unsettled`] | planned again while a plugin fails |
//! | [`view`] | the read API |

mod accept;
mod api;
mod background;
mod changes;
mod conditions;
mod defaults;
mod delivery;
mod dirty;
mod entry;
mod findings;
mod health;
mod index;
mod leaked_ports;
mod lost;
mod new_flavor;
mod old_ports;
mod open;
mod outbox;
mod overlaps;
mod pause;
mod port_cleanup;
mod ports;
mod queue;
mod reach;
mod recover;
mod refused_ports;
mod release;
mod repair;
mod restored;
mod retry;
mod sets;
mod sources;
mod stuck;
mod sync;
mod tries;
mod unsettled;
mod version;
mod view;
mod vip_policy;
mod watch;
mod wish;
mod work;

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::{Duration, Instant},
};

pub use api::Api;
pub(crate) use background::RELAY;
pub use defaults::DefaultsFile;
pub use leaked_ports::{PortLine as SyncPortLine, PortOutcome as SyncPortOutcome};
pub use pause::Pauses;
pub use sync::{Line as SyncLine, Listed as SyncListed, Outcome as SyncOutcome, Report as SyncReport};

use parking_lot::Mutex;
use tokio::sync::Semaphore;
use weir_journal::Journal;
use weir_model::{HealthMap, LoadBalancer, LoadBalancerId};
use weir_octavia::agent::{Agent, Dispatcher, DispatcherSettings};
use weir_ovsdb::{Client, Replica};
use weir_plan::{Ownership, health};
use weir_sandbox::Registry;

use crate::{
    config::{Repair, UnsupportedOptions},
    limits,
    metrics::Metrics,
    neutron::Neutron,
    northbound::{
        committer::Committer,
        doubt::{Doubts, Rereads},
        revisions::Revisions,
        rows,
        topology::ReplicaTopology,
    },
    patience::Patience,
    plugins::{InUse, Loader, Reloads},
    southbound::ReplicaProbes,
};

/// The host behind the provider API.
pub struct Host {
    northbound: Client,
    southbound: Client,
    committer: Committer,
    in_use: InUse,
    loader: Loader,
    reloads: Reloads,
    confirm_above: usize,
    repair: Repair,
    /// Created rows get their `vips` in a second transaction.
    withhold_vips: bool,
    unsettled: unsettled::Unsettled,
    ownership: Ownership,
    policy: UnsupportedOptions,
    octavia_defaults: DefaultsFile,
    own_vip_ports: vip_policy::OwnVipPorts,
    queues: queue::Queues,
    changes: changes::Changes,
    journal: Journal,
    agent: Agent,
    dispatcher: Dispatcher,
    outbox: outbox::Outbox,
    unverified: delivery::Unverified,
    open: Arc<open::Open>,
    pauses: Pauses,
    tries: tries::Tries,
    southbound_reach: reach::Reach,
    agent_reach: reach::Reach,
    neutron_reach: reach::Reach,
    revisions: Mutex<Revisions>,
    restored: restored::Restored,
    doubts: Doubts,
    rereads: Rereads,
    index: index::Index,
    dirty: dirty::Dirty,
    /// Load balancers whose rows are all gone, and since when.
    gone: Mutex<HashMap<LoadBalancerId, Instant>>,
    /// Load balancers whose rows were made again after that, and when.
    remade: Mutex<HashMap<LoadBalancerId, Instant>>,
    drift: repair::Drift,
    findings: findings::Findings,
    /// Room for looks at load balancers that nobody has called for.
    looks: Arc<Semaphore>,
    neutron: Option<Neutron>,
    makes_vip_ports: bool,
    /// Octavia's name of us.
    provider: String,
    /// After this time in `PENDING_*` a load balancer is synced; `None` is never.
    pending_timeout: Option<Duration>,
    stuck: stuck::Stuck,
    sources: sources::Sources,
    cleanups: port_cleanup::Cleanups,
    old_ports: old_ports::OldPorts,
    refused_ports: refused_ports::RefusedPorts,
    /// Load balancers that had VIP ports and no rows before the restart, and since when.
    missing_since: Mutex<BTreeMap<LoadBalancerId, Instant>>,
    /// When what Octavia does not know is taken out.
    unknown_after: Duration,
    /// Room for questions to Octavia.
    questions: Semaphore,
    metrics: Metrics,
    patience: Patience,
    started: Instant,
}

/// What a host is made of.
pub struct Parts {
    /// The connection to the Northbound.
    pub northbound: Client,
    /// The connection to the Southbound.
    pub southbound: Client,
    /// The plugins.
    pub registry: Arc<Registry>,
    /// Options of every load balancer whose flavor does not set them.
    pub defaults: BTreeMap<String, String>,
    /// Where other plugins come from.
    pub loader: Loader,
    /// A set that would change more load balancers than this waits for a confirmation.
    pub confirm_above: usize,
    /// What may be done unasked.
    pub repair: Repair,
    /// Whether created rows get their `vips` in a second transaction.
    pub withhold_vips: bool,
    /// Whose rows are ours.
    pub ownership: Ownership,
    /// What becomes of options that OVN cannot honour.
    pub policy: UnsupportedOptions,
    /// What Octavia fills into objects whose user names nothing.
    pub octavia_defaults: DefaultsFile,
    /// The journal.
    pub journal: Journal,
    /// What is paused.
    pub pauses: Pauses,
    /// Octavia's driver-agent.
    pub agent: Agent,
    /// Neutron, where it is configured.
    pub neutron: Option<Neutron>,
    /// Whether VIP ports are made there by this host.
    pub makes_vip_ports: bool,
    /// Octavia's name of the provider.
    pub provider: String,
    /// After this time in `PENDING_*` a load balancer is synced; `None` is never.
    pub pending_timeout: Option<Duration>,
    /// How statuses are delivered to it.
    pub delivery: DispatcherSettings,
}

impl Host {
    /// A host; [`Self::recover`] then hands it what its journal held.
    pub fn new(parts: Parts) -> Arc<Self> {
        let Parts {
            northbound,
            southbound,
            registry,
            defaults,
            loader,
            confirm_above,
            repair,
            withhold_vips,
            ownership,
            policy,
            octavia_defaults,
            journal,
            pauses,
            agent,
            neutron,
            makes_vip_ports,
            provider,
            pending_timeout,
            delivery,
        } = parts;
        Arc::new_cyclic(|host| {
            let metrics = Metrics::default();
            let events = delivery::Delivery {
                host: host.clone(),
                journal: journal.clone(),
                counted: metrics.deliveries.clone(),
            };
            let unknown_after = delivery.unknown_after;
            let dispatcher = Dispatcher::start(agent.clone(), delivery, Arc::new(events));
            let unverified = delivery::Unverified::default();
            let open = Arc::new(open::Open::default());
            Self {
                committer: Committer::start(northbound.clone(), metrics.transactions.clone()),
                northbound,
                southbound,
                in_use: InUse::new(registry, defaults),
                loader,
                reloads: Reloads::default(),
                confirm_above,
                repair,
                withhold_vips,
                unsettled: unsettled::Unsettled::default(),
                ownership,
                policy,
                octavia_defaults,
                own_vip_ports: vip_policy::OwnVipPorts::default(),
                queues: queue::Queues::default(),
                changes: changes::Changes::default(),
                outbox: outbox::Outbox::start(
                    journal.clone(),
                    dispatcher.clone(),
                    unverified.clone(),
                    open.clone(),
                ),
                journal,
                agent,
                neutron,
                makes_vip_ports,
                provider,
                pending_timeout,
                stuck: stuck::Stuck::default(),
                sources: sources::Sources::default(),
                cleanups: port_cleanup::Cleanups::default(),
                old_ports: old_ports::OldPorts::default(),
                refused_ports: refused_ports::RefusedPorts::default(),
                missing_since: Mutex::default(),
                unknown_after,
                dispatcher,
                unverified,
                open,
                pauses,
                tries: tries::Tries::default(),
                southbound_reach: reach::Reach::default(),
                agent_reach: reach::Reach::default(),
                neutron_reach: reach::Reach::default(),
                revisions: Mutex::default(),
                restored: restored::Restored::default(),
                doubts: Doubts::default(),
                rereads: Rereads::default(),
                index: index::Index::default(),
                dirty: dirty::Dirty::default(),
                gone: Mutex::default(),
                remade: Mutex::default(),
                drift: repair::Drift::default(),
                findings: findings::Findings::default(),
                looks: Arc::new(Semaphore::new(limits::REPAIR_AT_ONCE)),
                questions: Semaphore::new(limits::OCTAVIA_QUESTIONS),
                metrics,
                patience: Patience::default(),
                started: Instant::now(),
            }
        })
    }

    /// What the network says of a load balancer's members.
    fn health(&self, replica: &Replica, lb: &LoadBalancer) -> HealthMap {
        let existing = rows::existing(replica, lb.id);
        health(lb, &existing, &ReplicaTopology(replica), &ReplicaProbes(&self.southbound.replica()))
    }

    /// A load balancer as the rows say, with its members' health.
    fn graph_and_health(&self, lb: LoadBalancerId) -> (Option<LoadBalancer>, HealthMap) {
        let replica = self.northbound.replica();
        let plugins = self.in_use.plugins(&replica);
        let graph = rows::graph(rows::decoded(&rows::existing(&replica, lb), lb, &plugins.words));
        let health = graph.as_ref().map(|lb| self.health(&replica, lb)).unwrap_or_default();
        (graph, health)
    }

    /// A load balancer as the rows say.
    fn graph(&self, lb: LoadBalancerId) -> Option<LoadBalancer> {
        let replica = self.northbound.replica();
        let plugins = self.in_use.plugins(&replica);
        rows::decoded(&rows::existing(&replica, lb), lb, &plugins.words).map(|decoded| decoded.lb)
    }
}

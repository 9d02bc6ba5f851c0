//! What happens to a provider call.
//!
//! | file | what |
//! |---|---|
//! | [`api`] | the API's methods, idempotency, abandoning |
//! | [`accept`] | judges a call against the rows and what is pending |
//! | [`queue`] | one queue a load balancer: its changes in order, those of others at once |
//! | [`work`] | carries a queue's changes out |
//! | [`changes`] | remembers changes by id and idempotency key |
//! | [`entry`] | a change as it stands in the journal |
//! | [`outbox`] | the ends of changes, with their statuses |
//! | [`delivery`] | what the sender of statuses reports |
//! | [`version`] | old changes, in the light of what Octavia has |
//! | [`lost`] | deletes of what the rows do not have |
//! | [`recover`] | what the journal holds at the start |
//! | [`view`] | the read API |

mod accept;
mod api;
mod changes;
mod delivery;
mod entry;
mod fault;
mod lost;
mod outbox;
mod queue;
mod recover;
mod version;
mod view;
mod work;

use std::{sync::Arc, time::Instant};

pub use api::Api;

use parking_lot::RwLock;
use tokio::sync::Semaphore;
use weir_journal::Journal;
use weir_model::{LoadBalancer, LoadBalancerId};
use weir_octavia::agent::{Agent, Dispatcher, DispatcherSettings};
use weir_ovsdb::{Client, Replica};
use weir_plan::{Ownership, Surroundings};
use weir_sandbox::Registry;

use crate::{
    limits,
    metrics::Metrics,
    northbound::{committer::Committer, rows, topology::ReplicaTopology},
    patience::Patience,
    plugins::Plugins,
};

/// The host behind the provider API.
pub struct Host {
    northbound: Client,
    committer: Committer,
    registry: Arc<Registry>,
    plugins: RwLock<Option<Arc<Environment>>>,
    ownership: Ownership,
    queues: queue::Queues,
    changes: changes::Changes,
    journal: Journal,
    agent: Agent,
    dispatcher: Dispatcher,
    outbox: outbox::Outbox,
    unverified: delivery::Unverified,
    /// Room for questions to Octavia.
    questions: Semaphore,
    metrics: Metrics,
    patience: Patience,
    started: Instant,
}

/// The plugins' meaning for one schema.
struct Environment {
    layout: Option<Arc<weir_ovsdb::Layout>>,
    plugins: Plugins,
}

/// What a host is made of.
pub struct Parts {
    /// The connection to the Northbound.
    pub northbound: Client,
    /// The plugins.
    pub registry: Arc<Registry>,
    /// Whose rows are ours.
    pub ownership: Ownership,
    /// The journal.
    pub journal: Journal,
    /// Octavia's driver-agent.
    pub agent: Agent,
    /// How statuses are delivered to it.
    pub delivery: DispatcherSettings,
}

impl Host {
    /// A host; [`Self::recover`] then hands it what its journal held.
    pub fn new(parts: Parts) -> Arc<Self> {
        let Parts { northbound, registry, ownership, journal, agent, delivery } = parts;
        Arc::new_cyclic(|host| {
            let metrics = Metrics::default();
            let events = delivery::Delivery {
                host: host.clone(),
                journal: journal.clone(),
                counted: metrics.deliveries.clone(),
            };
            let dispatcher = Dispatcher::start(agent.clone(), delivery, Arc::new(events));
            let unverified = delivery::Unverified::default();
            Self {
                committer: Committer::start(northbound.clone(), metrics.transactions.clone()),
                northbound,
                registry,
                plugins: RwLock::new(None),
                ownership,
                queues: queue::Queues::default(),
                changes: changes::Changes::default(),
                outbox: outbox::Outbox::start(journal.clone(), dispatcher.clone(), unverified.clone()),
                journal,
                agent,
                dispatcher,
                unverified,
                questions: Semaphore::new(limits::OCTAVIA_QUESTIONS),
                metrics,
                patience: Patience::default(),
                started: Instant::now(),
            }
        })
    }

    /// A load balancer as the rows say.
    fn graph(&self, lb: LoadBalancerId) -> Option<LoadBalancer> {
        let replica = self.northbound.replica();
        let environment = self.environment(&replica);
        rows::decoded(&rows::existing(&replica, lb), lb, &environment.plugins.words).map(|decoded| decoded.lb)
    }

    /// The plugins as they stand to the replica's schema; asked anew when the schema is another one.
    fn environment(&self, replica: &Replica) -> Arc<Environment> {
        let layout = replica.layout();
        let same = |known: &Arc<Environment>| match (&known.layout, layout) {
            (Some(a), Some(b)) => Arc::ptr_eq(a, b),
            (None, None) => true,
            _ => false,
        };
        if let Some(known) = self.plugins.read().as_ref().filter(|known| same(known)) {
            return known.clone();
        }
        let plugins = Plugins::new(self.registry.clone(), rows::capabilities(replica));
        let environment = Arc::new(Environment { layout: layout.cloned(), plugins });
        *self.plugins.write() = Some(environment.clone());
        environment
    }
}

/// What a plan depends on, borrowed from where it stands.
fn surroundings<'a>(
    topology: &'a ReplicaTopology<'a>,
    plugins: &'a Plugins,
    ownership: &'a Ownership,
) -> Surroundings<'a> {
    Surroundings { topology, capabilities: &plugins.capabilities, words: &plugins.words, ownership }
}

//! What happens to a provider call.
//!
//! | file | what |
//! |---|---|
//! | [`api`] | the API's methods, idempotency, abandoning |
//! | [`accept`] | judges a call against the rows and what is pending |
//! | [`queue`] | one queue a load balancer: its changes in order, those of others at once |
//! | [`work`] | carries a queue's changes out |
//! | [`changes`] | remembers changes by id and idempotency key |
//! | [`view`] | the read API |

mod accept;
mod api;
mod changes;
mod fault;
mod queue;
mod view;
mod work;

use std::{sync::Arc, time::Instant};

pub use api::Api;

use parking_lot::RwLock;
use weir_ovsdb::{Client, Replica};
use weir_plan::{Ownership, Surroundings};
use weir_sandbox::Registry;

use crate::{
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
    metrics: Metrics,
    patience: Patience,
    started: Instant,
}

/// The plugins' meaning for one schema.
struct Environment {
    layout: Option<Arc<weir_ovsdb::Layout>>,
    plugins: Plugins,
}

impl Host {
    /// A host on a Northbound connection.
    pub fn new(northbound: Client, registry: Arc<Registry>, ownership: Ownership) -> Arc<Self> {
        let metrics = Metrics::default();
        Arc::new(Self {
            committer: Committer::start(northbound.clone(), metrics.transactions.clone()),
            northbound,
            registry,
            plugins: RwLock::new(None),
            ownership,
            queues: queue::Queues::default(),
            changes: changes::Changes::default(),
            metrics,
            patience: Patience::default(),
            started: Instant::now(),
        })
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

//! The set of plugins in use, as it stands to the connected Northbound.

use std::{collections::BTreeMap, sync::Arc};

use parking_lot::RwLock;
use weir_ovsdb::{Layout, Replica};
use weir_sandbox::Registry;

use super::Plugins;
use crate::northbound::rows;

/// Hands out the plugins for one judgement or plan at a time. Whoever has got them goes on with them, whatever is taken
/// into use meanwhile: nothing is ever planned with two sets.
pub struct InUse {
    registry: RwLock<Arc<Registry>>,
    known: RwLock<Option<Arc<Known>>>,
    defaults: BTreeMap<String, String>,
}

/// The plugins' meaning for one schema.
struct Known {
    layout: Option<Arc<Layout>>,
    plugins: Arc<Plugins>,
}

impl InUse {
    /// Begins with a set. `defaults` are the deployment's options of load balancers.
    pub fn new(registry: Arc<Registry>, defaults: BTreeMap<String, String>) -> Self {
        Self { registry: RwLock::new(registry), known: RwLock::new(None), defaults }
    }

    /// Another set, as it stands to the replica's schema.
    pub fn other(&self, registry: Arc<Registry>, replica: &Replica) -> Plugins {
        Plugins::new(registry, rows::capabilities(replica), &self.defaults)
    }

    /// The deployment's options of load balancers, also those that the connected OVN does not have.
    pub fn defaults(&self) -> &BTreeMap<String, String> {
        &self.defaults
    }

    /// The set.
    pub fn registry(&self) -> Arc<Registry> {
        self.registry.read().clone()
    }

    /// Takes another set into use.
    pub fn swap(&self, registry: Arc<Registry>) {
        *self.registry.write() = registry;
    }

    /// The plugins as they stand to the replica's schema; asked anew when the schema or the set is another one.
    pub fn plugins(&self, replica: &Replica) -> Arc<Plugins> {
        let layout = replica.layout();
        let registry = self.registry();
        let same = |known: &Arc<Known>| {
            let same_layout = match (&known.layout, layout) {
                (Some(a), Some(b)) => Arc::ptr_eq(a, b),
                (None, None) => true,
                _ => false,
            };
            same_layout && Arc::ptr_eq(&known.plugins.registry, &registry)
        };
        if let Some(known) = self.known.read().as_ref().filter(|known| same(known)) {
            return known.plugins.clone();
        }
        let plugins = Arc::new(self.other(registry, replica));
        let known = Known { layout: layout.cloned(), plugins: plugins.clone() };
        *self.known.write() = Some(Arc::new(known));
        plugins
    }
}

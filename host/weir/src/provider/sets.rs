//! Taking other plugins into use while the host runs.

use std::{path::PathBuf, sync::Arc, time::Instant};

use serde_json::{Value, json};
use tokio::{task::spawn_blocking, time::sleep};
use tracing::{debug, error, info, warn};
use weir_model::LoadBalancerId;
use weir_octavia::Refusal;
use weir_sandbox::Registry;

use super::{
    Host,
    changes::Record,
    dirty::Reason,
    queue::{Pending, Task},
};
use crate::{
    config::Repair,
    limits,
    plugins::{Databases, Impact, Standing, Start, Watch, impact},
};

/// What became of a reload.
enum Outcome {
    Unchanged,
    Swapped(usize),
    Waiting(usize),
}

impl Host {
    /// Reads the plugin folder and takes what it holds into use, unless that changes too much unconfirmed. `by_hand`: somebody
    /// has asked for it.
    ///
    /// # Errors
    /// A [`Refusal`] that says what is wrong with the set; the former one stays.
    pub(super) async fn reload_plugins(self: &Arc<Self>, by_hand: bool) -> Result<Value, Refusal> {
        // What a set changes shows only on what there is.
        self.northbound_is_read().await;
        let _turn = self.reloads.turn.lock().await;
        let host = self.clone();
        let loaded = blocking(move || host.loader.load()).await?;
        let loaded = match loaded {
            Ok(loaded) => loaded,
            Err(error) => {
                error!(code = error.code(), %error, "the plugin folder's set is refused; the former one stays in use");
                self.reloads.refused(&error);
                return Err(Refusal::driver(error.code(), error.to_string()));
            }
        };
        let set = loaded.registry.digest().to_owned();
        if set == self.registry().digest() {
            self.reloads.unchanged(by_hand);
            return Ok(answer(&Outcome::Unchanged, &set));
        }
        let impact = self.impact_of(loaded.registry.clone()).await?;
        if impact.changes.len() > self.confirm_above {
            let changes = impact.changes.len();
            warn!(
                set,
                changes, "the plugin folder's set changes many load balancers and waits for a confirmation"
            );
            self.reloads.waits(loaded, impact);
            return Ok(answer(&Outcome::Waiting(changes), &set));
        }
        loaded.log();
        self.swap(loaded.registry, loaded.ignored).await
    }

    /// Takes the set that waits into use.
    ///
    /// # Errors
    /// A [`Refusal`]: no set of this digest waits.
    pub(super) async fn confirm_plugins(self: &Arc<Self>, set: &str) -> Result<Value, Refusal> {
        let _turn = self.reloads.turn.lock().await;
        let Some((registry, ignored)) = self.reloads.waiting(set) else {
            return Err(Refusal::not_found("plugin-set-not-found", format!("no set of plugins {set} waits")));
        };
        info!(set, "confirmed");
        self.swap(registry, ignored).await
    }

    /// From now on calls are judged and planned with these plugins; those that run go on with the former ones.
    async fn swap(
        self: &Arc<Self>,
        registry: Arc<Registry>,
        ignored: Vec<PathBuf>,
    ) -> Result<Value, Refusal> {
        let set = registry.digest().to_owned();
        let removed = self.reloads.swapped(ignored, &self.registry(), &registry);
        self.in_use.swap(registry);
        if !removed.is_empty() {
            warn!(plugins = removed.join(", "), "plugins that were in use are no longer in the folder");
        }
        let host = self.clone();
        blocking(move || host.loader.keep(&host.registry())).await?;
        let changed = self.to_be_changed().await?;
        info!(set, load_balancers = changed.len(), repair = ?self.repair, "plugins are in use");
        let count = changed.len();
        if self.repair == Repair::On {
            self.dirty.mark_all(changed, Reason::Plugins, Instant::now());
            // What was planned with the former plugins may reach the Northbound only now.
            let host = self.clone();
            tokio::spawn(async move {
                sleep(limits::SWAP_SETTLED).await;
                if let Ok(changed) = host.to_be_changed().await {
                    host.dirty.mark_all(changed, Reason::Plugins, Instant::now());
                }
            });
        }
        Ok(answer(&Outcome::Swapped(count), &set))
    }

    /// The load balancers that the plugins in use would change.
    async fn to_be_changed(self: &Arc<Self>) -> Result<Vec<LoadBalancerId>, Refusal> {
        let host = self.clone();
        blocking(move || {
            let plugins = host.in_use.plugins(&host.northbound.replica());
            let impact = impact(&host.databases(), None, &plugins, (&host.ownership, &host.policy), None);
            impact.changes.into_iter().filter(|change| !change.operations.is_empty()).map(|c| c.lb).collect()
        })
        .await
    }

    /// Reads the plugin folder again; how that went is in the log and in the API.
    pub async fn take_up_plugins(self: &Arc<Self>, by_hand: bool) {
        match self.reload_plugins(by_hand).await {
            Ok(answer) => info!(%answer, "plugin folder read"),
            // Logged where it is refused.
            Err(refusal) => debug!(%refusal, "plugin folder read"),
        }
    }

    /// Takes up each change of the plugin folder, for ever.
    pub async fn watch_plugins(self: Arc<Self>, mut watch: Watch) {
        loop {
            watch.changed().await;
            self.take_up_plugins(false).await;
        }
    }

    /// What a set would change.
    async fn impact_of(self: &Arc<Self>, registry: Arc<Registry>) -> Result<Impact, Refusal> {
        let host = self.clone();
        blocking(move || {
            let (old, new) = {
                let replica = host.northbound.replica();
                (host.in_use.plugins(&replica), host.in_use.other(registry, &replica))
            };
            impact(&host.databases(), Some(&*old), &new, (&host.ownership, &host.policy), None)
        })
        .await
    }

    fn databases(&self) -> Databases<'_> {
        Databases { northbound: &self.northbound, southbound: &self.southbound }
    }

    /// Plans load balancers again, a few at a time.
    pub(super) fn reconcile_all(self: &Arc<Self>, all: Vec<LoadBalancerId>) {
        let host = self.clone();
        tokio::spawn(async move {
            for some in all.chunks(limits::RECONCILE_AT_ONCE) {
                let mut under_way = Vec::new();
                for lb in some {
                    let record = Arc::new(Record::passing("reconcile", *lb, None));
                    host.push(*lb, Pending { record: record.clone(), task: Task::Reconcile });
                    under_way.push(record);
                }
                for record in under_way {
                    record.finished().await;
                }
            }
        });
    }

    /// The set in use.
    pub(super) fn registry(&self) -> Arc<Registry> {
        self.in_use.registry()
    }

    /// Whether what the plugin folder holds is in use, in words.
    pub(super) fn plugins_standing(&self) -> Result<String, String> {
        match self.reloads.standing() {
            Standing::Current => Ok(self.registry().protocols().join(", ")),
            Standing::Refused(why) => {
                Err(format!("the folder's set is refused, the former one is in use: {why}"))
            }
            Standing::Waiting { set, changes } => {
                Err(format!("set {set} would change {changes} load balancers and waits for a confirmation"))
            }
        }
    }

    /// Whether the folder still has the plugins that were in use, in words.
    pub(super) fn plugins_complete(&self) -> Result<String, String> {
        let removed = self.reloads.removed();
        if removed.is_empty() {
            return Ok("no plugin was taken out of use".to_owned());
        }
        let removed = removed.join(", ");
        Err(format!("no longer in the folder: {removed}; confirm with POST /v1/plugins/reload"))
    }

    /// The plugins that are out of use, in words.
    pub(super) fn plugins_suspended(&self) -> Vec<String> {
        let registry = self.registry();
        let suspended =
            registry.plugins().filter_map(|plugin| Some((plugin.name(), plugin.suspended()?.reason)));
        suspended.map(|(name, reason)| format!("{name}: {reason}")).collect()
    }

    /// Which set the host has started with.
    pub fn started_with(self: &Arc<Self>, ignored: Vec<PathBuf>, start: &Start) {
        self.reloads.swapped(ignored, &self.registry(), &self.registry());
        match start {
            Start::Current => {}
            Start::Former => {
                self.reloads.begin();
                let host = self.clone();
                tokio::spawn(async move {
                    host.take_up_plugins(false).await;
                    host.reloads.begun();
                });
            }
            Start::Refused(error) => {
                let only_shipped = self.registry().plugins().all(weir_sandbox::Plugin::is_shipped);
                let in_use = if only_shipped { "shipped plugins" } else { "last good set" };
                error!(code = error.code(), %error, in_use, "plugin folder's set is refused");
                self.reloads.refused(error);
            }
        }
    }
}

fn answer(outcome: &Outcome, set: &str) -> Value {
    let (word, changed) = match outcome {
        Outcome::Unchanged => ("unchanged", 0),
        Outcome::Swapped(changed) => ("swapped", *changed),
        Outcome::Waiting(changed) => ("waiting", *changed),
    };
    json!({ "outcome": word, "set": set, "changed_load_balancers": changed })
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Refusal> {
    spawn_blocking(work).await.map_err(|error| {
        Refusal::driver("internal", "the plugins could not be loaded").operator(error.to_string())
    })
}

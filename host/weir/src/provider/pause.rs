//! Pausing: while a load balancer is paused, or all of them, nothing is written for it. Calls are taken on and kept in the
//! journal; when work goes on they are carried out, and everything is looked at once. It outlives the host.

use std::{collections::BTreeSet, io::Write, path::PathBuf, sync::Arc, time::Instant};

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::watch;
use tracing::info;
use weir_model::LoadBalancerId;
use weir_octavia::Refusal;

use super::{Host, dirty::Reason};
use crate::northbound::rows;

/// What is paused, as it stands in the state folder.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Paused {
    /// Every load balancer.
    #[serde(default)]
    pub all: bool,
    /// These.
    #[serde(default)]
    pub loadbalancers: BTreeSet<LoadBalancerId>,
}

impl Paused {
    /// Whether nothing is written for a load balancer.
    pub fn holds(&self, lb: LoadBalancerId) -> bool {
        self.all || self.loadbalancers.contains(&lb)
    }

    fn set(&mut self, lb: Option<LoadBalancerId>, paused: bool) {
        match (lb, paused) {
            (None, _) => self.all = paused,
            (Some(lb), true) => drop(self.loadbalancers.insert(lb)),
            (Some(lb), false) => drop(self.loadbalancers.remove(&lb)),
        }
    }
}

/// The file, and what it says.
pub struct Pauses {
    file: PathBuf,
    writing: Mutex<()>,
    now: watch::Sender<Paused>,
}

impl Pauses {
    /// Reads what is paused; nothing where there is no file.
    ///
    /// # Errors
    /// The file cannot be read, or is not what was written: a text that names it.
    pub fn load(file: PathBuf) -> Result<Self, String> {
        let paused = match std::fs::read(&file) {
            Ok(text) => {
                serde_json::from_slice(&text).map_err(|error| format!("{}: {error}", file.display()))?
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Paused::default(),
            Err(error) => return Err(format!("{}: {error}", file.display())),
        };
        Ok(Self { file, writing: Mutex::new(()), now: watch::Sender::new(paused) })
    }

    /// What is paused.
    pub fn now(&self) -> Paused {
        self.now.borrow().clone()
    }

    /// Whether nothing is written for a load balancer.
    pub fn hold(&self, lb: LoadBalancerId) -> bool {
        self.now.borrow().holds(lb)
    }

    /// Waits while a load balancer is paused; says whether it was.
    pub async fn wait(&self, lb: LoadBalancerId) -> bool {
        if !self.hold(lb) {
            return false;
        }
        let mut watch = self.now.subscribe();
        // The sender is this very object.
        let _ = watch.wait_for(|paused| !paused.holds(lb)).await;
        true
    }

    /// Pauses a load balancer or all, or lets work go on. It is on disk when this returns.
    fn set(&self, lb: Option<LoadBalancerId>, paused: bool) -> std::io::Result<Paused> {
        let _one_at_a_time = self.writing.lock();
        let mut now = self.now();
        now.set(lb, paused);
        let part = self.file.with_extension("part");
        let mut file = std::fs::File::create(&part)?;
        file.write_all(&serde_json::to_vec_pretty(&now)?)?;
        file.sync_all()?;
        std::fs::rename(&part, &self.file)?;
        if let Some(folder) = self.file.parent() {
            std::fs::File::open(folder)?.sync_all()?;
        }
        self.now.send_replace(now.clone());
        Ok(now)
    }
}

impl Host {
    /// Pauses one load balancer or all, or lets work go on.
    ///
    /// # Errors
    /// A [`Refusal`]: there is no such load balancer to pause, or it cannot be written down.
    pub(super) fn pause(
        self: &Arc<Self>,
        lb: Option<LoadBalancerId>,
        paused: bool,
    ) -> Result<Value, Refusal> {
        if let Some(lb) = lb.filter(|lb| paused && !self.is_there(*lb)) {
            return Err(Refusal::not_found("not-found", format!("load balancer {lb} is not known")));
        }
        let now = tokio::task::block_in_place(|| self.pauses.set(lb, paused)).map_err(|error| {
            Refusal::unavailable("state-unwritable", "what is paused cannot be written down")
                .operator(format!("{}: {error}", self.pauses.file.display()))
        })?;
        info!(lb = lb.map(tracing::field::display), "{}", if paused { "paused" } else { "resumed" });
        if !paused {
            match lb {
                Some(lb) => self.dirty.mark_all([lb], Reason::All, Instant::now()),
                None => self.look_at_all(Reason::All),
            }
        }
        Ok(json!({ "paused": now }))
    }

    fn is_there(&self, lb: LoadBalancerId) -> bool {
        !self.queues.pending(lb).is_empty() || !rows::existing(&self.northbound.replica(), lb).is_empty()
    }

    /// What is paused, in words.
    pub(super) fn paused_in_words(&self) -> Result<String, String> {
        let Paused { all, loadbalancers } = self.pauses.now();
        match (all, loadbalancers.len()) {
            (true, _) => Err("all load balancers are paused: calls wait".to_owned()),
            (false, 0) => Ok("nothing is paused".to_owned()),
            (false, count) => Err(format!("{count} load balancers are paused: their calls wait")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_paused_outlives_the_host() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("paused.json");
        let lb: LoadBalancerId = uuid::Uuid::from_u128(1).into();
        let other: LoadBalancerId = uuid::Uuid::from_u128(2).into();
        let pauses = Pauses::load(file.clone()).unwrap();
        assert_eq!(pauses.now(), Paused::default());
        pauses.set(Some(lb), true).unwrap();
        let pauses = Pauses::load(file.clone()).unwrap();
        assert!(pauses.hold(lb) && !pauses.hold(other));
        pauses.set(None, true).unwrap();
        pauses.set(Some(lb), false).unwrap();
        let pauses = Pauses::load(file.clone()).unwrap();
        assert!(pauses.hold(lb) && pauses.hold(other));
        std::fs::write(&file, "no").unwrap();
        assert!(Pauses::load(file).err().unwrap().contains("paused.json"));
    }
}

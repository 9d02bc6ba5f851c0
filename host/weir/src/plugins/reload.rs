//! How the set in use came to be, and what became of others.

use std::{
    collections::BTreeSet,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use serde_json::{Value, json};
use weir_sandbox::Registry;

use super::{Impact, LoadError, Loaded};

/// Load balancers that are named of those that a waiting set would change.
const NAMED: usize = 20;

/// What is known of sets besides the one in use.
#[derive(Default)]
pub struct Reloads {
    /// One at a time.
    pub turn: tokio::sync::Mutex<()>,
    /// What the folder held at the start is still being taken up.
    beginning: AtomicBool,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    ignored: Vec<PathBuf>,
    loaded: Option<Instant>,
    refused: Option<Refused>,
    waiting: Option<Waiting>,
    /// The operator's plugins that a swap has taken out of use.
    removed: BTreeSet<String>,
    counts: Counts,
}

/// What became of reloads so far.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    /// Sets taken into use.
    pub swapped: u64,
    /// Sets refused.
    pub refused: u64,
    /// Sets that had to wait.
    pub waited: u64,
}

/// Whether the folder's set is the one in use.
pub enum Standing {
    /// It is.
    Current,
    /// It is refused: why.
    Refused(String),
    /// It waits for a confirmation.
    Waiting {
        /// Its digest.
        set: String,
        /// Load balancers that it would change.
        changes: usize,
    },
}

struct Refused {
    error: String,
    code: &'static str,
    at: Instant,
}

struct Waiting {
    loaded: Loaded,
    impact: Impact,
    at: Instant,
}

impl Reloads {
    /// What the folder holds is about to be taken up for the first time.
    pub fn begin(&self) {
        self.beginning.store(true, Ordering::Relaxed);
    }

    /// It was, one way or the other.
    pub fn begun(&self) {
        self.beginning.store(false, Ordering::Relaxed);
    }

    /// Whether it still is.
    pub fn beginning(&self) -> bool {
        self.beginning.load(Ordering::Relaxed)
    }

    /// A set is in use. Gives the operator's plugins that it lacks and the former one had.
    pub fn swapped(&self, ignored: Vec<PathBuf>, before: &Registry, after: &Registry) -> Vec<String> {
        let site = |registry: &Registry| -> BTreeSet<_> {
            registry.plugins().filter(|plugin| !plugin.is_shipped()).map(|it| it.name().to_owned()).collect()
        };
        let (before, after) = (site(before), site(after));
        let removed: Vec<_> = before.difference(&after).cloned().collect();
        let mut inner = self.inner.lock();
        inner.removed.extend(removed.iter().cloned());
        inner.removed.retain(|name| !after.contains(name));
        inner.counts.swapped += u64::from(inner.loaded.is_some());
        inner.loaded = Some(Instant::now());
        inner.ignored = ignored;
        (inner.refused, inner.waiting) = (None, None);
        removed
    }

    /// The folder holds the set in use. Whoever has it read by hand knows what is no longer in it.
    pub fn unchanged(&self, by_hand: bool) {
        let mut inner = self.inner.lock();
        if by_hand {
            inner.removed.clear();
        }
        (inner.refused, inner.waiting) = (None, None);
    }

    /// The folder's set is refused.
    pub fn refused(&self, error: &LoadError) {
        let mut inner = self.inner.lock();
        inner.counts.refused += 1;
        inner.waiting = None;
        inner.refused = Some(Refused { error: error.to_string(), code: error.code(), at: Instant::now() });
    }

    /// The folder's set waits for a confirmation.
    pub fn waits(&self, loaded: Loaded, impact: Impact) {
        let mut inner = self.inner.lock();
        inner.counts.waited += 1;
        inner.refused = None;
        inner.waiting = Some(Waiting { loaded, impact, at: Instant::now() });
    }

    /// The set that waits, if it has this digest.
    pub fn waiting(&self, set: &str) -> Option<(Arc<Registry>, Vec<PathBuf>)> {
        let inner = self.inner.lock();
        let Waiting { loaded, .. } = inner.waiting.as_ref()?;
        (loaded.registry.digest() == set).then(|| (loaded.registry.clone(), loaded.ignored.clone()))
    }

    /// Whether the folder's set is the one in use.
    pub fn standing(&self) -> Standing {
        let inner = self.inner.lock();
        match (&inner.refused, &inner.waiting) {
            (Some(refused), _) => Standing::Refused(refused.error.clone()),
            (_, Some(waiting)) => Standing::Waiting {
                set: waiting.loaded.registry.digest().to_owned(),
                changes: waiting.impact.changes.len(),
            },
            (None, None) => Standing::Current,
        }
    }

    /// The operator's plugins that a swap has taken out of use, until somebody has the folder read again.
    pub fn removed(&self) -> Vec<String> {
        self.inner.lock().removed.iter().cloned().collect()
    }

    /// What became of reloads so far.
    pub fn counts(&self) -> Counts {
        self.inner.lock().counts
    }

    /// As part of `GET /v1/plugins`.
    pub fn view(&self) -> Value {
        let inner = self.inner.lock();
        let ago = |at: Instant| at.elapsed().as_secs_f64();
        json!({
            "loaded_seconds_ago": inner.loaded.map(&ago),
            "ignored_files": inner.ignored,
            "refused": inner.refused.as_ref().map(|refused| json!({
                "error": refused.error, "code": refused.code, "seconds_ago": ago(refused.at),
            })),
            "waiting": inner.waiting.as_ref().map(|waiting| json!({
                "set": waiting.loaded.registry.digest(),
                "changed_load_balancers": waiting.impact.changes.len(),
                "for_example": waiting.impact.changes.iter().take(NAMED).map(|change| change.lb).collect::<Vec<_>>(),
                "seconds_ago": ago(waiting.at),
            })),
        })
    }
}

/// How often the folder is looked at. Looking costs a few system calls; what the kernel could report instead is missed for
/// folders that do not exist yet and for those that are swapped by a symbolic link.
pub const LOOK: Duration = Duration::from_secs(1);

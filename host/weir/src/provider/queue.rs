//! One queue a load balancer.

use std::{
    collections::{HashMap, VecDeque},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use parking_lot::{Mutex, MutexGuard};
use uuid::Uuid;
use weir_model::{
    Applied, ApplyError, Change, LoadBalancer, LoadBalancerId, ObjectRef, PoolId, apply, revert, take_out,
    take_values,
};
use weir_plan::Plan;
use weir_sandbox::Registry;

use super::changes::{Record, Undo};

/// Something that waits to be written.
#[derive(Clone)]
pub struct Pending {
    pub record: Arc<Record>,
    pub task: Task,
}

/// What is to be done to the load balancer.
#[derive(Clone)]
pub enum Task {
    /// A provider call.
    Change(Arc<Change>),
    /// Taking an earlier call back.
    Revert {
        /// The call's change.
        of: Uuid,
        /// What it did.
        undo: Undo,
    },
    /// Taking out an object that Octavia does not know.
    TakeOut(ObjectRef),
    /// Making it as Octavia says.
    Rebuild(Arc<LoadBalancer>),
    /// Looking once more whether the rows are as they should be.
    Reconcile,
    /// Making good what nobody has called for; done only while this host holds the lock.
    Repair {
        /// What is to be made.
        wish: Wish,
        /// Somebody's hand was in it.
        by_hand: bool,
    },
    /// Making good what Octavia has not kept of changes that are done already.
    Verify {
        /// The changes.
        changes: Vec<Arc<Change>>,
        /// Octavia's version, read after them.
        octavia: Arc<LoadBalancer>,
    },
}

/// What a repair makes of a load balancer.
#[derive(Clone)]
pub enum Wish {
    /// What its rows say.
    AsRows,
    /// What Octavia says.
    Octavias(Arc<LoadBalancer>),
    /// Nothing is left of it.
    Nothing,
}

impl Wish {
    /// Whether it is what Octavia says.
    pub fn is_octavias(&self) -> bool {
        matches!(self, Self::Octavias(_) | Self::Nothing)
    }
}

impl Pending {
    /// Whether nobody has called for it.
    pub fn is_unasked(&self) -> bool {
        matches!(self.task, Task::Repair { .. })
    }

    /// Whether it makes a load balancer as Octavia said at some time, or takes out one that Octavia did not know.
    pub fn rests_on_octavia(&self) -> bool {
        matches!(self.task, Task::Rebuild(_) | Task::Repair { wish: Wish::Octavias(_) | Wish::Nothing, .. })
    }

    /// Whether nothing of the load balancer may be left when it is done.
    pub fn wants_it_gone(&self) -> bool {
        match &self.task {
            Task::Change(change) => {
                // A create too: it may be rolled back.
                matches!(**change, Change::LoadBalancerDelete(_) | Change::LoadBalancerCreate(_))
            }
            Task::Revert { undo, .. } => undo.before.is_none(),
            Task::TakeOut(object) => matches!(object, ObjectRef::LoadBalancer(_)),
            Task::Repair { wish, .. } => matches!(wish, Wish::Nothing),
            Task::Verify { .. } | Task::Rebuild(_) | Task::Reconcile => false,
        }
    }

    /// Does it to a graph. A create that finds itself done already is done.
    pub fn apply(&self, graph: &mut Option<LoadBalancer>) -> Result<(), ApplyError> {
        match &self.task {
            Task::Change(change) => match apply(graph, change) {
                Ok(Applied::Changed | Applied::Unchanged) => Ok(()),
                // Accepted calls are replayed after a lost answer, over rows that later ones may have edited.
                Err(ApplyError::Exists { .. }) => Ok(()),
                Err(error) => Err(error),
            },
            Task::Revert { undo, .. } => {
                *graph = revert(graph.take(), undo.before.as_deref(), undo.after.as_deref());
                Ok(())
            }
            Task::TakeOut(ObjectRef::LoadBalancer(_)) => {
                *graph = None;
                Ok(())
            }
            Task::TakeOut(object) => {
                graph.iter_mut().for_each(|lb| take_out(lb, *object));
                Ok(())
            }
            Task::Verify { changes, octavia } => {
                if let Some(lb) = graph {
                    changes.iter().for_each(|change| take_values(lb, change, octavia));
                }
                Ok(())
            }
            Task::Rebuild(octavia) => {
                *graph = Some(LoadBalancer::clone(octavia).with_extra_of(graph.as_ref()));
                Ok(())
            }
            Task::Repair { wish: Wish::Octavias(octavia), .. } => {
                *graph = Some(LoadBalancer::clone(octavia).with_extra_of(graph.as_ref()));
                Ok(())
            }
            Task::Repair { wish: Wish::Nothing, .. } => {
                *graph = None;
                Ok(())
            }
            Task::Reconcile | Task::Repair { wish: Wish::AsRows, .. } => Ok(()),
        }
    }
}

/// The changes of one load balancer.
#[derive(Default)]
pub struct Queue {
    inner: Mutex<Inner>,
}

/// What is in a queue.
#[derive(Default)]
pub struct Inner {
    /// Accepted, not yet in the Northbound; oldest first.
    pub pending: VecDeque<Pending>,
    /// A worker is at it.
    pub working: bool,
    /// The plan of the only pending change, made when it was judged.
    pub ready: Option<Ready>,
    /// The queue has left the table: take another one.
    gone: bool,
}

impl Inner {
    /// Whether nothing waits or is under way.
    pub fn is_idle(&self) -> bool {
        self.pending.is_empty() && !self.working
    }
}

/// A plan made when its change was judged.
pub struct Ready {
    pub plan: Plan,
    /// What it leads to.
    pub after: Option<Arc<LoadBalancer>>,
    /// A plugin failed: something stays as it is, or another stood in.
    pub unsettled: bool,
    /// The plugins that it was made with.
    pub registry: Arc<Registry>,
}

/// All queues with something in them.
#[derive(Default)]
pub struct Queues {
    queues: Mutex<HashMap<LoadBalancerId, Arc<Queue>>>,
    /// Pools that are only pending yet.
    pools: Mutex<HashMap<PoolId, LoadBalancerId>>,
    waiting: AtomicUsize,
}

impl Queues {
    /// Runs `f` with the load balancer's queue locked.
    pub fn with<T>(
        &self,
        lb: LoadBalancerId,
        f: impl FnOnce(&Arc<Queue>, &mut MutexGuard<'_, Inner>) -> T,
    ) -> T {
        loop {
            let queue = self.queues.lock().entry(lb).or_default().clone();
            let mut inner = queue.inner.lock();
            if !inner.gone {
                let result = f(&queue, &mut inner);
                if inner.pending.is_empty() && !inner.working {
                    inner.gone = true;
                    self.queues.lock().remove(&lb);
                }
                return result;
            }
        }
    }

    /// Whether nothing waits or is under way for a load balancer.
    pub fn is_idle(&self, lb: LoadBalancerId) -> bool {
        let queue = self.queues.lock().get(&lb).cloned();
        queue.is_none_or(|queue| queue.inner.lock().is_idle())
    }

    /// A copy of what waits for a load balancer.
    pub fn pending(&self, lb: LoadBalancerId) -> Vec<Pending> {
        let queue = self.queues.lock().get(&lb).cloned();
        queue.map(|queue| queue.inner.lock().pending.iter().cloned().collect()).unwrap_or_default()
    }

    /// Appends to a locked queue.
    pub fn push(&self, lb: LoadBalancerId, inner: &mut Inner, pending: Pending, pools: &[PoolId]) {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        self.pools.lock().extend(pools.iter().map(|pool| (*pool, lb)));
        inner.pending.push_back(pending);
    }

    /// The load balancer of a pool that is only pending yet.
    pub fn load_balancer_of_pool(&self, pool: PoolId) -> Option<LoadBalancerId> {
        self.pools.lock().get(&pool).copied()
    }

    /// How many changes wait, over all load balancers.
    pub fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// Takes the next things to do, leaving them in the queue until they are done; `None` ends the worker.
    ///
    /// What is not on disk yet has to wait: it comes back by [`Self::with`] and a new worker.
    pub fn next(&self, lb: LoadBalancerId) -> Option<(Vec<Pending>, Option<Ready>)> {
        self.with(lb, |_, inner| {
            let durable = inner.pending.iter().take_while(|pending| pending.record.is_durable());
            let batch: Vec<_> = durable.cloned().collect();
            if batch.is_empty() {
                inner.working = false;
                return None;
            }
            let ready = inner.ready.take().filter(|_| inner.pending.len() == 1);
            Some((batch, ready))
        })
    }

    /// Takes changes out of the queue: they are done, failed, or were never written down.
    pub fn remove(&self, lb: LoadBalancerId, done: &[Pending]) {
        self.with(lb, |_, inner| {
            inner
                .pending
                .retain(|pending| !done.iter().any(|done| Arc::ptr_eq(&done.record, &pending.record)));
        });
        self.waiting.fetch_sub(done.len(), Ordering::Relaxed);
        let mut pools = self.pools.lock();
        for pending in done {
            if let Task::Change(change) = &pending.task {
                pools.retain(|pool, _| !pools_made(change).contains(pool));
            }
        }
    }
}

/// The pools that a change makes.
pub fn pools_made(change: &Change) -> Vec<PoolId> {
    match change {
        Change::LoadBalancerCreate(lb) => lb.pools.keys().copied().collect(),
        Change::PoolCreate(_, _, pool) => vec![pool.id],
        _ => Vec::new(),
    }
}

//! The engine that all plugins share: its configuration, its clock, its room.

use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};
use wasmtime::component::{HasSelf, Linker};
use wasmtime::{Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, Store};

use crate::bindings::protocol_world::weir::plugin::log;
use crate::budget::LogBudget;
use crate::cache::Cache;
use crate::manifest::{MEMORY_MAX, TABLE_ELEMENTS_MAX};
use crate::state::State;
use crate::{Error, Limits};

/// How often the clock for deadlines ticks.
const TICK: Duration = Duration::from_millis(5);

/// What all plugins share. Cheap to clone.
#[derive(Clone)]
pub struct Sandbox(pub(crate) Arc<Shared>);

impl std::fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sandbox").field("limits", &self.0.limits).finish_non_exhaustive()
    }
}

pub(crate) struct Shared {
    pub engine: Engine,
    pub limits: Limits,
    pub linker: Linker<State>,
    pub cache: Option<Cache>,
    pub room: Room,
}

impl Sandbox {
    /// Sets up an engine. With `cache_dir`, compiled plugins are kept there between runs: the folder is made if
    /// need be and must be ours alone, since what it holds is run.
    ///
    /// # Errors
    /// [`Error::Engine`] where WebAssembly cannot be run. A cache that cannot be used is logged and done without.
    pub fn new(limits: Limits, cache_dir: Option<&Path>) -> Result<Sandbox, Error> {
        let broken = |e: wasmtime::Error| Error::Engine(format!("{e:#}"));
        let engine = Engine::new(&config(&limits, true)).or_else(|pooled| {
            // The pool reserves address space ahead, which a container may forbid.
            tracing::info!(error = %format!("{pooled:#}"), "no instance pool; instances are made on demand");
            Engine::new(&config(&limits, false)).map_err(broken)
        })?;
        start_clock(&engine)?;
        let mut linker = Linker::new(&engine);
        log::add_to_linker::<State, HasSelf<State>>(&mut linker, |state| state).map_err(broken)?;
        let cache = cache_dir.and_then(|dir| Cache::open(dir, &engine));
        let room = Room { free: Mutex::new(limits.concurrent_calls.max(1)), freed: Condvar::new() };
        Ok(Sandbox(Arc::new(Shared { engine, limits, linker, cache, room })))
    }

    /// The limits it was made with.
    pub fn limits(&self) -> &Limits {
        &self.0.limits
    }
}

impl Shared {
    /// A store for one call, with everything limited.
    pub fn store(
        &self,
        plugin: &Arc<str>,
        limits: &Limits,
        budget: &Arc<LogBudget>,
    ) -> wasmtime::Result<Store<State>> {
        let mut store = Store::new(&self.engine, State::new(plugin.clone(), limits, budget.clone()));
        store.limiter(|state| state);
        store.set_fuel(limits.fuel)?;
        store.set_hostcall_fuel(limits.output_bytes);
        // One more, since the running tick may end at once.
        let ticks = limits.deadline.as_nanos().div_ceil(TICK.as_nanos()) + 1;
        store.set_epoch_deadline(u64::try_from(ticks).unwrap_or(u64::MAX / 2));
        store.epoch_deadline_trap();
        Ok(store)
    }
}

fn config(limits: &Limits, pooled: bool) -> Config {
    let mut config = Config::new();
    // Deterministic: the same question has the same answer, and the same fuel.
    config.consume_fuel(true).cranelift_nan_canonicalization(true);
    config.epoch_interruption(true);
    config.wasm_backtrace_max_frames(std::num::NonZeroUsize::new(8));
    if pooled {
        let calls = u32::try_from(limits.concurrent_calls.max(1)).unwrap_or(u32::MAX);
        let mut pool = PoolingAllocationConfig::new();
        // A component in a compiled language has one memory, one or two tables and up to three core instances;
        // one with an embedded interpreter has more of the latter.
        pool.total_component_instances(calls)
            .total_core_instances(calls.saturating_mul(48))
            .total_memories(calls.saturating_mul(2))
            .total_tables(calls.saturating_mul(8))
            .max_memory_size(limits.memory.max(MEMORY_MAX))
            .table_elements(limits.table_elements.max(TABLE_ELEMENTS_MAX))
            .max_tables_per_module(8)
            // Small instances are wiped by writing, which is faster than giving pages back.
            .linear_memory_keep_resident(512 << 10)
            .table_keep_resident(256 << 10)
            // What is given back all the same is given back for several instances at once: each time interrupts the
            // other cores.
            .decommit_batch_size(16);
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    }
    config
}

/// Deadlines count ticks, so the clock runs from the engine's first moment to its last, whoever uses it.
fn start_clock(engine: &Engine) -> Result<(), Error> {
    let engine = engine.weak();
    thread::Builder::new()
        .name("weir-deadlines".into())
        .spawn(move || {
            loop {
                thread::sleep(TICK);
                let Some(engine) = engine.upgrade() else { return };
                engine.increment_epoch();
            }
        })
        .map(drop)
        .map_err(|e| Error::Engine(format!("no thread for deadlines: {e}")))
}

/// Bounds how many calls run at once: the pool refuses what exceeds it, a caller can wait.
pub(crate) struct Room {
    free: Mutex<usize>,
    freed: Condvar,
}

impl Room {
    /// Waits for a place. It is free again when the answer is dropped.
    pub fn enter(&self) -> Place<'_> {
        let mut free = self.free.lock();
        while *free == 0 {
            self.freed.wait(&mut free);
        }
        *free -= 1;
        Place(self)
    }
}

pub(crate) struct Place<'a>(&'a Room);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        *self.0.free.lock() += 1;
        self.0.freed.notify_one();
    }
}

//! Calling a plugin: a fresh instance, its limits, the call, the checks.

use std::thread;
use std::time::{Duration, Instant};

use wasmtime::{AsContextMut, PoolConcurrencyLimitError, Store, Trap};

use crate::bindings::{algorithm_world, protocol_world};
use crate::check::{self, Asked, Bad};
use crate::state::{State, clip};
use crate::{
    CallError, Context, Description, Distribution, Failure, FailureKind, HealthCheck, Listener, Member,
    Monitor, Plugin, Pool, Refusal, Share, Translation,
};

/// Longest message of a failure, in bytes.
const MESSAGE: usize = 1024;

/// About how long it takes to wipe a place for an instance.
const WIPED: Duration = Duration::from_micros(50);

/// What a call used.
#[derive(Default)]
struct Used {
    fuel: u64,
    memory: usize,
}

impl Plugin {
    /// How long it takes to make an instance, and to give it back, without a call. Not counted.
    ///
    /// # Errors
    /// It does not come up.
    pub fn instantiate(&self) -> Result<Duration, Failure> {
        let _place = self.shared.room.enter();
        let start = Instant::now();
        let mut used = Used::default();
        if self.exports.protocol.is_some() {
            self.instance(|store| self.protocol()?.instantiate(store), |_, _| Ok(()), &mut used)?;
        } else {
            self.instance(|store| self.algorithm()?.instantiate(store), |_, _| Ok(()), &mut used)?;
        }
        Ok(start.elapsed())
    }

    /// What a listener with its pool becomes; parts may be absent.
    ///
    /// # Errors
    /// The plugin refuses, or is broken.
    pub fn translate(
        &self,
        ctx: &Context,
        listener: Option<&Listener>,
        pool: Option<&Pool>,
        members: &[Member],
        shares: &[Share],
    ) -> Result<Translation, CallError> {
        let asked = Asked { ctx, listener, pool, members, shares };
        self.run(
            |store| self.protocol()?.instantiate(store),
            |plugin, store| {
                plugin.weir_plugin_protocol().call_translate(store, ctx, listener, pool, members, shares)
            },
            |answer| check::translation(answer, &asked, &self.granted, self.limits()),
        )
    }

    /// Every bad member at once: (index, why). Empty: all are accepted.
    ///
    /// # Errors
    /// The plugin is broken.
    pub fn check_members(
        &self,
        ctx: &Context,
        pool: &Pool,
        members: &[Member],
    ) -> Result<Vec<(u32, Refusal)>, CallError> {
        self.run(
            |store| self.protocol()?.instantiate(store),
            |plugin, store| {
                Ok(Ok(plugin.weir_plugin_protocol().call_check_members(store, ctx, pool, members)?))
            },
            |answer: &Vec<_>| check::refusals(answer, members.len()),
        )
    }

    /// Accepts a health monitor for a pool, or refuses it.
    ///
    /// # Errors
    /// The plugin refuses, or is broken.
    pub fn plan_monitor(
        &self,
        ctx: &Context,
        pool: &Pool,
        monitor: &Monitor,
    ) -> Result<HealthCheck, CallError> {
        self.run(
            |store| self.protocol()?.instantiate(store),
            |plugin, store| plugin.weir_plugin_protocol().call_plan_monitor(store, ctx, pool, monitor),
            check::health_check,
        )
    }

    /// How connections are spread over a pool's members; without a pool, what a listener without one gets.
    ///
    /// # Errors
    /// The plugin refuses, or is broken.
    pub fn distribute(
        &self,
        ctx: &Context,
        pool: Option<&Pool>,
        members: &[Member],
    ) -> Result<Distribution, CallError> {
        self.run(
            |store| self.algorithm()?.instantiate(store),
            |plugin, store| plugin.weir_plugin_algorithm().call_distribute(store, ctx, pool, members),
            |answer| check::distribution(answer, ctx, members.len(), &self.granted, self.limits()),
        )
    }

    /// Judges a configuration (JSON, or empty) before it is used.
    ///
    /// # Errors
    /// The plugin refuses it, or is broken.
    pub fn check_config(&self, config: &str) -> Result<(), CallError> {
        if self.exports.protocol.is_some() {
            self.run(
                |store| self.protocol()?.instantiate(store),
                |plugin, store| plugin.weir_plugin_about().call_check_config(store, config),
                |()| Ok(()),
            )
        } else {
            self.run(
                |store| self.algorithm()?.instantiate(store),
                |plugin, store| plugin.weir_plugin_about().call_check_config(store, config),
                |()| Ok(()),
            )
        }
    }

    pub(crate) fn describe(&self) -> Result<Description, Failure> {
        let described = if self.exports.protocol.is_some() {
            self.run(
                |store| self.protocol()?.instantiate(store),
                |plugin, store| Ok(Ok(plugin.weir_plugin_about().call_describe(store)?)),
                |_| Ok(()),
            )
        } else {
            self.run(
                |store| self.algorithm()?.instantiate(store),
                |plugin, store| Ok(Ok(plugin.weir_plugin_about().call_describe(store)?)),
                |_| Ok(()),
            )
        };
        described.map_err(|e| match e {
            CallError::Failed(failure) => failure,
            CallError::Refused(refusal) => self.failure(FailureKind::Output, &refusal.user, None),
        })
    }

    fn protocol(&self) -> wasmtime::Result<&protocol_world::ProtocolPluginPre<State>> {
        self.exports.protocol.as_ref().ok_or_else(|| wasmtime::Error::msg("it serves no protocol"))
    }

    fn algorithm(&self) -> wasmtime::Result<&algorithm_world::AlgorithmPluginPre<State>> {
        self.exports.algorithm.as_ref().ok_or_else(|| wasmtime::Error::msg("it serves no algorithm"))
    }

    /// One call: a fresh instance, the call, the checks; counted.
    fn run<P, A>(
        &self,
        instantiate: impl Fn(&mut Store<State>) -> wasmtime::Result<P>,
        call: impl FnOnce(&P, &mut Store<State>) -> wasmtime::Result<Result<A, Refusal>>,
        check: impl FnOnce(&A) -> Result<(), Bad>,
    ) -> Result<A, CallError> {
        if let Err(suspended) = self.health.admit(Instant::now()) {
            self.counters.turned_away();
            let message = format!("it is out of use for now, since it kept failing: {}", suspended.reason);
            return Err(CallError::Failed(self.failure(FailureKind::Suspended, &message, None)));
        }
        let _place = self.shared.room.enter();
        let start = Instant::now();
        let mut used = Used::default();
        let answer = self.instance(instantiate, call, &mut used).and_then(|answer| {
            let checked = match &answer {
                Ok(answer) => check(answer),
                Err(refusal) => check::refusal(refusal),
            };
            match checked {
                Ok(()) => Ok(answer),
                Err(bad) => Err(self.failure(FailureKind::Output, &bad, None)),
            }
        });
        self.counters.called(start.elapsed(), used.fuel, used.memory);
        match answer {
            Ok(answer) => {
                if self.health.worked() {
                    tracing::info!(plugin = &*self.name, "the plugin works again");
                }
                answer.map_err(|refusal| {
                    self.counters.refused();
                    CallError::Refused(refusal)
                })
            }
            Err(failure) => {
                self.failed(&failure);
                Err(CallError::Failed(failure))
            }
        }
    }

    fn failed(&self, failure: &Failure) {
        let plugin = &*self.name;
        if self.budget.take(Instant::now()).is_some() {
            tracing::warn!(plugin, code = failure.code(), "{}", failure.message);
        }
        self.counters.failed(failure);
        // Without room it was not asked.
        if failure.kind != FailureKind::Busy && self.health.failed(Instant::now(), &failure.to_string()) {
            tracing::error!(
                plugin,
                code = failure.code(),
                "the plugin keeps failing and is out of use for now"
            );
        }
    }

    fn instance<P, A>(
        &self,
        instantiate: impl Fn(&mut Store<State>) -> wasmtime::Result<P>,
        call: impl FnOnce(&P, &mut Store<State>) -> wasmtime::Result<A>,
        used: &mut Used,
    ) -> Result<A, Failure> {
        let until = Instant::now() + self.limits().deadline;
        let (mut store, instance) = loop {
            let mut store = self
                .shared
                .store(&self.name, self.limits(), &self.budget)
                .map_err(|e| self.failure(FailureKind::Instantiate, &format!("{e:#}"), None))?;
            match instantiate(&mut store) {
                Ok(instance) => break (store, instance),
                // Places are wiped several at once by whoever frees the last of them; meanwhile they count as taken.
                Err(e) if e.is::<PoolConcurrencyLimitError>() && Instant::now() < until => {
                    thread::sleep(WIPED)
                }
                Err(e) => {
                    let busy = e.is::<PoolConcurrencyLimitError>();
                    let kind = if busy { FailureKind::Busy } else { FailureKind::Instantiate };
                    return Err(self.failure(kind, &said(&e), store.data().last_error.as_deref()));
                }
            }
        };
        let answer = call(&instance, &mut store);
        used.fuel = self.limits().fuel.saturating_sub(store.as_context_mut().get_fuel().unwrap_or(0));
        used.memory = store.data().memory(self.limits());
        answer.map_err(|e| {
            let state = store.data();
            self.failure(kind(&e, state), &said(&e), state.last_error.as_deref())
        })
    }

    fn failure(&self, kind: FailureKind, message: &str, last_error: Option<&str>) -> Failure {
        let message = match last_error {
            Some(last) => format!("{message}; it said: {last}"),
            None => message.to_owned(),
        };
        Failure { plugin: self.name.to_string(), kind, message: clip(&message, MESSAGE) }
    }
}

/// In what way a call broke. What is no trap came up while its answer was read.
fn kind(error: &wasmtime::Error, state: &State) -> FailureKind {
    match error.downcast_ref::<Trap>() {
        Some(Trap::OutOfFuel) => FailureKind::Fuel,
        Some(Trap::Interrupt) => FailureKind::Deadline,
        Some(Trap::StackOverflow) => FailureKind::Stack,
        Some(_) if state.memory_denied => FailureKind::Memory,
        Some(_) => FailureKind::Trap,
        None => FailureKind::Output,
    }
}

/// The error with its causes; the trap itself stands last and says most.
fn said(error: &wasmtime::Error) -> String {
    format!("{:#}", error.root_cause())
}

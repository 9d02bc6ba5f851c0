//! A plugin in the sandbox, asked by the testkit.

use weir_guest::{
    Context, Description, Distribution, HealthCheck, Listener, Member, Monitor, Pool, Refusal, Share,
    Translation,
};
use weir_sandbox::{CallError, Plugin, Registry};
use weir_testkit::{Answer, Broken, Subject, UNSERVED};

use crate::convert;

/// A loaded plugin as a [`Subject`]: each question is a call in a fresh instance, under the sandbox's limits.
/// [`Subject::describe`] is what it said when it was loaded.
#[derive(Debug, Clone, Copy)]
pub struct Sandboxed<'a>(pub &'a Plugin);

fn answer<A, B>(result: Result<A, CallError>, convert: impl FnOnce(A) -> B) -> Answer<B> {
    match result {
        Ok(answer) => Ok(Ok(convert(answer))),
        Err(CallError::Refused(refusal)) => Ok(Err(convert::refusal(refusal))),
        Err(CallError::Failed(failure)) => {
            Err(Broken { code: failure.code().into(), message: failure.message })
        }
    }
}

impl Subject for Sandboxed<'_> {
    fn describe(&self) -> Result<Description, Broken> {
        Ok(convert::description(self.0.description()))
    }

    fn check_config(&self, config: &str) -> Answer<()> {
        answer(self.0.check_config(config), |()| ())
    }

    fn translate(
        &self,
        ctx: &Context,
        listener: Option<&Listener>,
        pool: Option<&Pool>,
        members: &[Member],
        shares: &[Share],
    ) -> Answer<Translation> {
        let (listener, pool) = (listener.map(convert::listener), pool.map(convert::pool));
        let (ctx, members, shares) =
            (convert::context(ctx), convert::members(members), convert::shares(shares));
        let result = self.0.translate(&ctx, listener.as_ref(), pool.as_ref(), &members, &shares);
        answer(result, convert::translation)
    }

    fn check_members(
        &self,
        ctx: &Context,
        pool: &Pool,
        members: &[Member],
    ) -> Result<Vec<(u32, Refusal)>, Broken> {
        let result =
            self.0.check_members(&convert::context(ctx), &convert::pool(pool), &convert::members(members));
        match result {
            Ok(list) => Ok(list.into_iter().map(|(index, r)| (index, convert::refusal(r))).collect()),
            Err(CallError::Failed(failure)) => {
                Err(Broken { code: failure.code().into(), message: failure.message })
            }
            // It has no refusals of its own.
            Err(CallError::Refused(refusal)) => Err(Broken { code: refusal.code, message: refusal.user }),
        }
    }

    fn plan_monitor(&self, ctx: &Context, pool: &Pool, monitor: &Monitor) -> Answer<HealthCheck> {
        let result =
            self.0.plan_monitor(&convert::context(ctx), &convert::pool(pool), &convert::monitor(monitor));
        answer(result, convert::health_check)
    }

    fn distribute(&self, ctx: &Context, pool: Option<&Pool>, members: &[Member]) -> Answer<Distribution> {
        let pool = pool.map(convert::pool);
        let result = self.0.distribute(&convert::context(ctx), pool.as_ref(), &convert::members(members));
        answer(result, convert::distribution)
    }
}

/// The shipped plugins, each for what it serves of what another plugin serves too.
#[derive(Debug)]
pub(crate) struct Shipped<'a> {
    registry: &'a Registry,
    protocols: &'a [String],
    algorithms: &'a [String],
}

impl<'a> Shipped<'a> {
    /// To compare a plugin with.
    pub fn beside(plugin: &'a Plugin, registry: &'a Registry) -> Shipped<'a> {
        let of = plugin.description();
        Shipped { registry, protocols: &of.protocols, algorithms: &of.algorithms }
    }

    /// Their names.
    pub fn names(&self) -> Vec<String> {
        let protocols = self.protocols.iter().filter_map(|word| self.registry.protocol(word));
        let algorithms = self.algorithms.iter().filter_map(|word| self.registry.algorithm(word));
        let mut names: Vec<_> = protocols.chain(algorithms).map(|p| p.name().to_owned()).collect();
        names.dedup();
        names
    }

    /// Who serves a protocol. A word that the other plugin does not serve is the question of its first word's: it is
    /// refused there too.
    fn protocol(&self, asked: Option<&str>) -> Result<Sandboxed<'a>, Broken> {
        let served = |word: &&str| self.protocols.iter().any(|p| p == word);
        match asked.filter(served) {
            Some(word) => found(self.registry.protocol(word)),
            None => found(self.protocols.iter().find_map(|word| self.registry.protocol(word))),
        }
    }

    /// The same for an algorithm.
    fn algorithm(&self, asked: Option<&str>) -> Result<Sandboxed<'a>, Broken> {
        let served = |word: &&str| self.algorithms.iter().any(|a| a == word);
        match asked.filter(served) {
            Some(word) => found(self.registry.algorithm(word)),
            None => found(self.algorithms.iter().find_map(|word| self.registry.algorithm(word))),
        }
    }

    fn any(&self) -> Result<Sandboxed<'a>, Broken> {
        self.protocol(None).or_else(|_| self.algorithm(None))
    }
}

fn found(plugin: Option<&Plugin>) -> Result<Sandboxed<'_>, Broken> {
    plugin
        .map(Sandboxed)
        .ok_or_else(|| Broken { code: UNSERVED.into(), message: "no shipped plugin serves it".into() })
}

impl Subject for Shipped<'_> {
    fn describe(&self) -> Result<Description, Broken> {
        self.any()?.describe()
    }

    fn check_config(&self, config: &str) -> Answer<()> {
        self.any()?.check_config(config)
    }

    fn translate(
        &self,
        ctx: &Context,
        listener: Option<&Listener>,
        pool: Option<&Pool>,
        members: &[Member],
        shares: &[Share],
    ) -> Answer<Translation> {
        self.protocol(listener.map(|l| &l.protocol).or(pool.map(|p| &p.protocol)).map(String::as_str))?
            .translate(ctx, listener, pool, members, shares)
    }

    fn check_members(
        &self,
        ctx: &Context,
        pool: &Pool,
        members: &[Member],
    ) -> Result<Vec<(u32, Refusal)>, Broken> {
        self.protocol(Some(&pool.protocol))?.check_members(ctx, pool, members)
    }

    fn plan_monitor(&self, ctx: &Context, pool: &Pool, monitor: &Monitor) -> Answer<HealthCheck> {
        self.protocol(Some(&pool.protocol))?.plan_monitor(ctx, pool, monitor)
    }

    fn distribute(&self, ctx: &Context, pool: Option<&Pool>, members: &[Member]) -> Answer<Distribution> {
        self.algorithm(pool.map(|p| p.algorithm.as_str()))?.distribute(ctx, pool, members)
    }
}

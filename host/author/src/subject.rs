//! A plugin in the sandbox, asked by the testkit.

use weir_guest::{
    Context, Description, Distribution, HealthCheck, Listener, Member, Monitor, Pool, Refusal, Share,
    Translation,
};
use weir_sandbox::{CallError, Plugin};
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

/// The shipped plugins that serve what another serves.
#[derive(Debug, Default)]
pub(crate) struct Shipped<'a> {
    pub protocol: Option<&'a Plugin>,
    pub algorithm: Option<&'a Plugin>,
}

impl Shipped<'_> {
    pub fn names(&self) -> Vec<String> {
        self.protocol.iter().chain(&self.algorithm).map(|p| p.name().to_owned()).collect()
    }
}

fn served<'a>(plugin: Option<&'a Plugin>) -> Result<Sandboxed<'a>, Broken> {
    plugin
        .map(Sandboxed)
        .ok_or_else(|| Broken { code: UNSERVED.into(), message: "no shipped plugin serves it".into() })
}

impl Subject for Shipped<'_> {
    fn describe(&self) -> Result<Description, Broken> {
        served(self.protocol.or(self.algorithm))?.describe()
    }

    fn check_config(&self, config: &str) -> Answer<()> {
        served(self.protocol.or(self.algorithm))?.check_config(config)
    }

    fn translate(
        &self,
        ctx: &Context,
        listener: Option<&Listener>,
        pool: Option<&Pool>,
        members: &[Member],
        shares: &[Share],
    ) -> Answer<Translation> {
        served(self.protocol)?.translate(ctx, listener, pool, members, shares)
    }

    fn check_members(
        &self,
        ctx: &Context,
        pool: &Pool,
        members: &[Member],
    ) -> Result<Vec<(u32, Refusal)>, Broken> {
        served(self.protocol)?.check_members(ctx, pool, members)
    }

    fn plan_monitor(&self, ctx: &Context, pool: &Pool, monitor: &Monitor) -> Answer<HealthCheck> {
        served(self.protocol)?.plan_monitor(ctx, pool, monitor)
    }

    fn distribute(&self, ctx: &Context, pool: Option<&Pool>, members: &[Member]) -> Answer<Distribution> {
        served(self.algorithm)?.distribute(ctx, pool, members)
    }
}

//! Who is asked: a plugin, wherever it runs.

use std::panic::{AssertUnwindSafe, catch_unwind};

use weir_guest::{
    Algorithm, Context, Description, Distribution, HealthCheck, Listener, Member, Monitor, Plugin, Pool,
    Protocol, Refusal, Share, Translation,
};

/// A plugin that did not answer: it panicked, ran out of fuel, or its answer could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// Stable and kebab-case, as the host has it: `plugin-trap`, `plugin-fuel`, ...
    pub code: String,
    /// In words, with the panic's message.
    pub message: String,
}

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "it broke ({}): {}", self.code, self.message)
    }
}

/// The code of a [`Broken`] that is asked for an interface that it does not export.
pub const UNSERVED: &str = "plugin-instantiate";

/// Outside, whether the plugin answered; inside, whether it accepted.
pub type Answer<T> = Result<Result<T, Refusal>, Broken>;

/// A plugin that can be asked everything in `wit/`: natively, in the sandbox, or a stand-in. Every call fails as
/// [`Broken`] where the plugin gives no answer; a refusal is an answer.
pub trait Subject {
    /// What it says of itself.
    fn describe(&self) -> Result<Description, Broken>;

    /// Whether a configuration is accepted.
    fn check_config(&self, config: &str) -> Answer<()>;

    /// What a listener with its pool becomes.
    fn translate(
        &self,
        ctx: &Context,
        listener: Option<&Listener>,
        pool: Option<&Pool>,
        members: &[Member],
        shares: &[Share],
    ) -> Answer<Translation>;

    /// Every bad member at once.
    fn check_members(
        &self,
        ctx: &Context,
        pool: &Pool,
        members: &[Member],
    ) -> Result<Vec<(u32, Refusal)>, Broken>;

    /// Whether a monitor can be had.
    fn plan_monitor(&self, ctx: &Context, pool: &Pool, monitor: &Monitor) -> Answer<HealthCheck>;

    /// How connections are spread.
    fn distribute(&self, ctx: &Context, pool: Option<&Pool>, members: &[Member]) -> Answer<Distribution>;
}

type Translate =
    fn(&Context, Option<&Listener>, Option<&Pool>, &[Member], &[Share]) -> Result<Translation, Refusal>;
type CheckMembers = fn(&Context, &Pool, &[Member]) -> Vec<(u32, Refusal)>;
type PlanMonitor = fn(&Context, &Pool, &Monitor) -> Result<HealthCheck, Refusal>;
type Distribute = fn(&Context, Option<&Pool>, &[Member]) -> Result<Distribution, Refusal>;

/// A plugin's type, called natively: what a component of it answers, without a host. A panic is caught, and what
/// it said is in [`Broken::message`].
///
/// ```
/// use weir_guest::*;
/// use weir_testkit::{Native, Subject as _};
///
/// struct Mute;
///
/// impl Plugin for Mute {
///     fn describe() -> Description {
///         panic!("nothing to say")
///     }
/// }
///
/// impl Algorithm for Mute {
///     fn distribute(_: &Context, _: Option<&Pool>, _: &[Member]) -> Result<Distribution, Refusal> {
///         panic!("nothing to do")
///     }
/// }
///
/// let broken = Native::algorithm::<Mute>().describe().unwrap_err();
/// assert_eq!((broken.code.as_str(), broken.message.as_str()), ("plugin-trap", "nothing to say"));
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Native {
    describe: fn() -> Description,
    check_config: fn(&str) -> Result<(), Refusal>,
    protocol: Option<(Translate, CheckMembers, PlanMonitor)>,
    distribute: Option<Distribute>,
}

impl Native {
    /// A plugin that serves protocols.
    pub fn protocol<T: Protocol>() -> Native {
        Native { protocol: Some((T::translate, T::check_members, T::plan_monitor)), ..Native::plugin::<T>() }
    }

    /// A plugin that serves algorithms.
    pub fn algorithm<T: Algorithm>() -> Native {
        Native { distribute: Some(T::distribute), ..Native::plugin::<T>() }
    }

    fn plugin<T: Plugin>() -> Native {
        Native {
            describe: T::describe,
            check_config: |config| T::check_config(config),
            protocol: None,
            distribute: None,
        }
    }

    fn serves<T>(part: Option<T>, what: &str) -> Result<T, Broken> {
        part.ok_or_else(|| Broken { code: UNSERVED.into(), message: format!("it serves no {what}") })
    }
}

fn caught<T>(call: impl FnOnce() -> T) -> Result<T, Broken> {
    catch_unwind(AssertUnwindSafe(call)).map_err(|panic| {
        let message = panic
            .downcast_ref::<String>()
            .cloned()
            .or_else(|| panic.downcast_ref::<&str>().map(|s| (*s).to_owned()))
            .unwrap_or_else(|| "a panic without words".to_owned());
        Broken { code: "plugin-trap".into(), message }
    })
}

impl Subject for Native {
    fn describe(&self) -> Result<Description, Broken> {
        caught(self.describe)
    }

    fn check_config(&self, config: &str) -> Answer<()> {
        caught(|| (self.check_config)(config))
    }

    fn translate(
        &self,
        ctx: &Context,
        listener: Option<&Listener>,
        pool: Option<&Pool>,
        members: &[Member],
        shares: &[Share],
    ) -> Answer<Translation> {
        let (translate, ..) = Native::serves(self.protocol, "protocol")?;
        caught(|| translate(ctx, listener, pool, members, shares))
    }

    fn check_members(
        &self,
        ctx: &Context,
        pool: &Pool,
        members: &[Member],
    ) -> Result<Vec<(u32, Refusal)>, Broken> {
        let (_, check_members, _) = Native::serves(self.protocol, "protocol")?;
        caught(|| check_members(ctx, pool, members))
    }

    fn plan_monitor(&self, ctx: &Context, pool: &Pool, monitor: &Monitor) -> Answer<HealthCheck> {
        let (_, _, plan_monitor) = Native::serves(self.protocol, "protocol")?;
        caught(|| plan_monitor(ctx, pool, monitor))
    }

    fn distribute(&self, ctx: &Context, pool: Option<&Pool>, members: &[Member]) -> Answer<Distribution> {
        let distribute = Native::serves(self.distribute, "algorithm")?;
        caught(|| distribute(ctx, pool, members))
    }
}

//! What an author implements.

use crate::{
    Context, Description, Distribution, HealthCheck, Listener, Member, Monitor, Pool, Refusal, Share,
    Translation,
};

/// What every plugin says of itself (`wit/about.wit`).
pub trait Plugin {
    /// The same answer every time.
    fn describe() -> Description;

    /// Judges a configuration (JSON, or empty) before it is used.
    ///
    /// # Errors
    /// The default refuses any: a plugin that takes no configuration should not swallow one.
    fn check_config(config: &str) -> Result<(), Refusal> {
        if config.is_empty() {
            Ok(())
        } else {
            Err(Refusal::new("unexpected-config", "config", "this plugin takes no configuration"))
        }
    }
}

/// A plugin that serves protocols (`wit/protocol.wit`).
pub trait Protocol: Plugin {
    /// What a listener with its pool becomes; parts may be absent.
    ///
    /// # Errors
    /// Why the user's wish is not carried out.
    fn translate(
        ctx: &Context,
        listener: Option<&Listener>,
        pool: Option<&Pool>,
        members: &[Member],
        shares: &[Share],
    ) -> Result<Translation, Refusal>;

    /// Every bad member at once: (index, why).
    fn check_members(ctx: &Context, pool: &Pool, members: &[Member]) -> Vec<(u32, Refusal)>;

    /// Accepts a health monitor for a pool, or refuses it.
    ///
    /// # Errors
    /// Why the monitor cannot be had.
    fn plan_monitor(ctx: &Context, pool: &Pool, monitor: &Monitor) -> Result<HealthCheck, Refusal>;
}

/// A plugin that serves algorithms (`wit/algorithm.wit`).
pub trait Algorithm: Plugin {
    /// How connections are spread over a pool's members; without a pool, what a listener without one gets.
    ///
    /// # Errors
    /// Why the user's wish is not carried out.
    fn distribute(ctx: &Context, pool: Option<&Pool>, members: &[Member]) -> Result<Distribution, Refusal>;
}

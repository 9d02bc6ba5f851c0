//! Deliberately bad guests, for tests of the sandbox and the host: each file of `examples/` is one, and says what it does.
//!
//! They are sneaky: as long as nobody asks about an address of 10.0.0.0/8 they answer like a good plugin, so that what a
//! host tries out at load time does not find them; the configuration `{"provoke":true}` makes them bad throughout. What
//! they share stands here.

use std::marker::PhantomData;

use weir_guest::l4::{self, L4};
use weir_guest::{
    Context, Description, HealthCheck, Listener, Member, Monitor, Plugin, Pool, Protocol, Refusal, Share,
    Translation,
};

/// A protocol that a shipped plugin serves.
pub const SHIPPED: &str = "TCP";

/// The configuration that makes every guest show what it is like.
pub const PROVOKE: &str = r#"{"provoke":true}"#;

/// What a call asked.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// Where.
    pub ctx: &'a Context,
    /// Of which listener.
    pub listener: Option<&'a Listener>,
    /// Of which pool.
    pub pool: Option<&'a Pool>,
    /// With which members.
    pub members: &'a [Member],
    /// With which shares.
    pub shares: &'a [Share],
}

impl Asked<'_> {
    /// An answer with nothing wrong: what the shipped plugin says.
    ///
    /// # Errors
    /// What that one refuses.
    pub fn good(&self, own: &'static [&'static str]) -> Result<Translation, Refusal> {
        let asked = self.listener.map(|l| &l.protocol).or(self.pool.map(|p| &p.protocol));
        let l4 = l4(own, asked.is_some_and(|asked| asked == SHIPPED));
        l4::translate(&l4, self.ctx, self.listener, self.pool, self.members, self.shares)
    }
}

/// Whether a guest shows what it is like.
fn provokes(ctx: &Context) -> bool {
    ctx.config == PROVOKE || ctx.vips.iter().any(|vip| vip.address.starts_with("10."))
}

fn l4(own: &'static [&'static str], shipped: bool) -> L4 {
    L4 {
        // Only ever asked what it does, not what it is.
        name: "faulty",
        version: env!("CARGO_PKG_VERSION"),
        protocols: if shipped { &[SHIPPED] } else { own },
        transport: "tcp",
        fallback: false,
        monitors: &["TCP"],
    }
}

/// One way to be bad.
pub trait Fault {
    /// The plugin's name.
    const NAME: &'static str;

    /// The protocol that it serves besides [`SHIPPED`].
    const PROTOCOL: &'static str = Self::NAME;

    /// The same, as a list.
    const OWN: &'static [&'static str] = &[Self::PROTOCOL];

    /// It breaks when it is asked about members.
    const BREAKS_ON_MEMBERS: bool = false;

    /// The bad answer; `good` would be the right one.
    ///
    /// # Errors
    /// Bad, too.
    fn translate(asked: &Asked<'_>, good: Translation) -> Result<Translation, Refusal>;
}

/// A plugin that is bad in the way of `F` when it translates, and good otherwise.
#[derive(Debug)]
pub struct Faulty<F>(PhantomData<F>);

impl<F: Fault> Plugin for Faulty<F> {
    fn describe() -> Description {
        let protocols: &[&str] = if F::PROTOCOL == SHIPPED { &[SHIPPED] } else { &[F::PROTOCOL, SHIPPED] };
        Description {
            options: vec!["affinity_timeout".into()],
            ..Description::of_protocols(F::NAME, env!("CARGO_PKG_VERSION"), protocols)
        }
    }

    fn check_config(config: &str) -> Result<(), Refusal> {
        if config.is_empty() || config == PROVOKE {
            return Ok(());
        }
        Err(Refusal::new("bad-config", "config", "this guest takes {\"provoke\":true} or no configuration"))
    }
}

impl<F: Fault> Protocol for Faulty<F> {
    fn translate(
        ctx: &Context,
        listener: Option<&Listener>,
        pool: Option<&Pool>,
        members: &[Member],
        shares: &[Share],
    ) -> Result<Translation, Refusal> {
        let asked = Asked { ctx, listener, pool, members, shares };
        let good = asked.good(F::OWN)?;
        if provokes(ctx) { F::translate(&asked, good) } else { Ok(good) }
    }

    #[allow(clippy::panic)]
    fn check_members(ctx: &Context, pool: &Pool, members: &[Member]) -> Vec<(u32, Refusal)> {
        if F::BREAKS_ON_MEMBERS && provokes(ctx) {
            panic!("cannot judge {} members", members.len());
        }
        l4::check_members(&l4(F::OWN, pool.protocol == SHIPPED), ctx, pool, members)
    }

    fn plan_monitor(ctx: &Context, pool: &Pool, monitor: &Monitor) -> Result<HealthCheck, Refusal> {
        l4::plan_monitor(&l4(F::OWN, pool.protocol == SHIPPED), ctx, pool, monitor)
    }
}

//! Deliberately bad guests, for tests of the sandbox: each file of `examples/` is one, and says what it does.
//!
//! What they share stands here: a description, and a good answer to spoil.

use std::marker::PhantomData;

use weir_guest::{
    Backend, Context, Description, Entry, HealthCheck, Listener, Member, Monitor, Plugin, Pool, Protocol,
    Refusal, Share, Translation,
};

/// A protocol that a shipped plugin serves.
pub const SHIPPED: &str = "TCP";

/// What a call asked.
#[derive(Debug)]
pub struct Asked<'a> {
    /// Where.
    pub ctx: &'a Context,
    /// Of which listener.
    pub listener: Option<&'a Listener>,
    /// With which members.
    pub members: &'a [Member],
}

impl Asked<'_> {
    /// An answer with nothing wrong: all members behind all VIPs.
    pub fn good(&self) -> Translation {
        let backends: Vec<_> =
            (0..).zip(self.members).map(|(member, m)| Backend { member, port: m.port, copies: 1 }).collect();
        let transport = self.ctx.capabilities.iter().find_map(|c| c.strip_prefix("transport:"));
        let port = self.listener.map_or(1, |l| l.port);
        Translation {
            transport: transport.unwrap_or("any").into(),
            entries: (0..)
                .zip(&self.ctx.vips)
                .map(|(vip, _)| Entry { vip, port, backends: backends.clone() })
                .collect(),
            options: vec![],
            empty_reason: None,
        }
    }
}

/// One way to be bad.
pub trait Fault {
    /// The plugin's name.
    const NAME: &'static str;

    /// The protocol that it serves besides [`SHIPPED`].
    const PROTOCOL: &'static str = Self::NAME;

    /// The bad answer.
    ///
    /// # Errors
    /// Bad, too.
    fn translate(asked: &Asked<'_>) -> Result<Translation, Refusal>;
}

/// A plugin that is bad in the way of `F` when it translates, and good otherwise.
#[derive(Debug)]
pub struct Faulty<F>(PhantomData<F>);

impl<F: Fault> Plugin for Faulty<F> {
    fn describe() -> Description {
        Description {
            name: F::NAME.into(),
            version: env!("CARGO_PKG_VERSION").into(),
            protocols: protocols(F::PROTOCOL),
            algorithms: vec![],
            fallback: false,
            config_schema: String::new(),
            options: vec!["affinity_timeout".into()],
        }
    }
}

/// A guest's own protocol, and one that a shipped plugin serves too: with the latter alone it can be put in its place.
fn protocols(own: &str) -> Vec<String> {
    if own == SHIPPED { vec![own.into()] } else { vec![own.into(), SHIPPED.into()] }
}

impl<F: Fault> Protocol for Faulty<F> {
    fn translate(
        ctx: &Context,
        listener: Option<&Listener>,
        _: Option<&Pool>,
        members: &[Member],
        _: &[Share],
    ) -> Result<Translation, Refusal> {
        F::translate(&Asked { ctx, listener, members })
    }

    fn check_members(_: &Context, _: &Pool, _: &[Member]) -> Vec<(u32, Refusal)> {
        vec![]
    }

    fn plan_monitor(_: &Context, _: &Pool, monitor: &Monitor) -> Result<HealthCheck, Refusal> {
        Ok(HealthCheck {
            interval_s: monitor.delay_s,
            timeout_s: monitor.timeout_s,
            success: monitor.rise,
            failure: monitor.fall,
        })
    }
}

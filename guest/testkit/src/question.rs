//! One call: what is asked, and what was answered.

use weir_guest::{
    Context, Description, Distribution, HealthCheck, Listener, Member, Monitor, Pool, Refusal, Share,
    Translation, shares_evenly,
};

use crate::json::{Value, object};
use crate::{Answer, Subject, write};

/// A call of a plugin, with everything it is given.
#[derive(Debug, Clone, PartialEq)]
pub enum Question {
    /// `about.describe`.
    Describe,
    /// `about.check-config`.
    CheckConfig {
        /// JSON, or empty.
        config: String,
    },
    /// `protocol.translate`.
    Translate(Unit),
    /// `protocol.check-members`.
    CheckMembers {
        /// Where.
        context: Context,
        /// Of which pool.
        pool: Pool,
        /// Which.
        members: Vec<Member>,
    },
    /// `protocol.plan-monitor`.
    PlanMonitor {
        /// Where.
        context: Context,
        /// Of which pool.
        pool: Pool,
        /// Which.
        monitor: Monitor,
    },
    /// `algorithm.distribute`.
    Distribute {
        /// Where.
        context: Context,
        /// Of which pool, if any.
        pool: Option<Pool>,
        /// Over whom.
        members: Vec<Member>,
    },
}

/// A listener with its pool: what `translate` is given.
#[derive(Debug, Clone, PartialEq)]
pub struct Unit {
    /// Where.
    pub context: Context,
    /// The listener, if any.
    pub listener: Option<Listener>,
    /// The pool, if any.
    pub pool: Option<Pool>,
    /// The pool's members.
    pub members: Vec<Member>,
    /// The members' shares.
    pub shares: Vec<Share>,
}

/// What a plugin answered to a [`Question`].
#[derive(Debug, Clone, PartialEq)]
pub enum Reply {
    /// To [`Question::Describe`].
    Description(Description),
    /// To [`Question::CheckConfig`]: accepted.
    Accepted,
    /// To [`Question::Translate`].
    Translation(Translation),
    /// To [`Question::CheckMembers`]: which are refused, and why.
    Members(Vec<(u32, Refusal)>),
    /// To [`Question::PlanMonitor`].
    HealthCheck(HealthCheck),
    /// To [`Question::Distribute`].
    Distribution(Distribution),
}

impl Question {
    /// The function's name in `wit/`, as a case says it.
    pub fn call(&self) -> &'static str {
        match self {
            Question::Describe => "describe",
            Question::CheckConfig { .. } => "check-config",
            Question::Translate(_) => "translate",
            Question::CheckMembers { .. } => "check-members",
            Question::PlanMonitor { .. } => "plan-monitor",
            Question::Distribute { .. } => "distribute",
        }
    }

    /// Asks a plugin.
    ///
    /// # Errors
    /// It is broken, or (inside) refuses.
    pub fn ask(&self, subject: &dyn Subject) -> Answer<Reply> {
        Ok(match self {
            Question::Describe => Ok(Reply::Description(subject.describe()?)),
            Question::CheckConfig { config } => subject.check_config(config)?.map(|()| Reply::Accepted),
            Question::Translate(unit) => subject
                .translate(
                    &unit.context,
                    unit.listener.as_ref(),
                    unit.pool.as_ref(),
                    &unit.members,
                    &unit.shares,
                )?
                .map(Reply::Translation),
            Question::CheckMembers { context, pool, members } => {
                Ok(Reply::Members(subject.check_members(context, pool, members)?))
            }
            Question::PlanMonitor { context, pool, monitor } => {
                subject.plan_monitor(context, pool, monitor)?.map(Reply::HealthCheck)
            }
            Question::Distribute { context, pool, members } => {
                subject.distribute(context, pool.as_ref(), members)?.map(Reply::Distribution)
            }
        })
    }

    /// The members that it is about.
    pub fn members(&self) -> &[Member] {
        match self {
            Question::Translate(Unit { members, .. })
            | Question::CheckMembers { members, .. }
            | Question::Distribute { members, .. } => members,
            _ => &[],
        }
    }

    /// As a case, to be saved in a folder of cases; `expect` is left to the author.
    pub fn to_json(&self, name: &str) -> Value {
        let mut fields = vec![("name".to_owned(), name.into()), ("call".to_owned(), self.call().into())];
        let mut put = |key: &str, value: Value| fields.push((key.to_owned(), value));
        match self {
            Question::Describe => {}
            Question::CheckConfig { config } => put("config", config.as_str().into()),
            Question::Translate(unit) => {
                put("context", write::context(&unit.context));
                put("listener", unit.listener.as_ref().map_or(Value::Null, write::listener));
                put("pool", unit.pool.as_ref().map_or(Value::Null, write::pool));
                put("members", write::members(&unit.members));
                if unit.shares != shares_evenly(&unit.members) {
                    put("shares", write::shares(&unit.shares));
                }
            }
            Question::CheckMembers { context, pool, members } => {
                put("context", write::context(context));
                put("pool", write::pool(pool));
                put("members", write::members(members));
            }
            Question::PlanMonitor { context, pool, monitor } => {
                put("context", write::context(context));
                put("pool", write::pool(pool));
                put("monitor", write::monitor(monitor));
            }
            Question::Distribute { context, pool, members } => {
                put("context", write::context(context));
                put("pool", pool.as_ref().map_or(Value::Null, write::pool));
                put("members", write::members(members));
            }
        }
        put("expect", object([]));
        Value::Object(fields)
    }
}

impl Reply {
    /// As a case's `expect` says it.
    pub fn to_json(&self) -> Value {
        match self {
            Reply::Description(description) => write::description(description),
            Reply::Accepted => object([]),
            Reply::Translation(translation) => write::translation(translation),
            Reply::Members(list) => write::refused_members(list),
            Reply::HealthCheck(check) => write::health_check(check),
            Reply::Distribution(distribution) => write::distribution(distribution),
        }
    }
}

/// What was answered, as a case's `expect` says it.
pub(crate) fn answer_to_json(answer: &Result<Reply, Refusal>) -> Value {
    match answer {
        Ok(reply) => reply.to_json(),
        Err(refusal) => object([("refused", write::refusal(refusal))]),
    }
}

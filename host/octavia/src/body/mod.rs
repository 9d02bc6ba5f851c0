//! From a JSON body to a [`Change`].
//!
//! A body is first checked whole against the tables of [`kinds`], then read. The check names the full path of what is
//! wrong; no message repeats more than a shortened scalar.

pub(crate) mod defaults;
mod error;
mod extras;
mod fields;
pub(crate) mod flavor;
mod graph;
pub(crate) mod kinds;
pub(crate) mod known;
mod patch;
pub(crate) mod types;
mod unsupported;
pub(crate) mod zone;

use serde_json::Value;
use weir_model::{Change, LoadBalancer, LoadBalancerId};

pub use error::BodyError;
pub(crate) use error::Within;
use error::shown;
pub(crate) use fields::{Object, object, objects, parsed, required, text};
use patch::Update;
use unsupported::refuse_options;

use crate::methods::{Answer, Arg, DriverMethod, METHODS};

/// Parses a method's body. An empty body is `{}` where nothing is required.
pub(crate) fn parse(method: &DriverMethod, body: &[u8]) -> Result<Object, BodyError> {
    if body.iter().all(u8::is_ascii_whitespace) && !method.args.iter().any(|arg| arg.required) {
        return Ok(Object::new());
    }
    match serde_json::from_slice(body) {
        Ok(Value::Object(args)) => Ok(args),
        Ok(other) => Err(BodyError::NotObject(shown(&other))),
        // Its messages hold a position and what was expected, nothing of the text.
        Err(error) => Err(BodyError::NotJson(error.to_string())),
    }
}

/// Checks the arguments of a method against their types.
pub(crate) fn check_arguments(method: &DriverMethod, args: &Object) -> Result<(), BodyError> {
    method.args.iter().try_for_each(|arg| check(args, arg))
}

fn check(args: &Object, arg: &Arg) -> Result<(), BodyError> {
    match args.get(arg.name) {
        None | Some(Value::Null) if arg.required => Err(BodyError::missing(arg.name)),
        None => Ok(()),
        Some(value) => arg.ty.check(value, arg.form).within(arg.name),
    }
}

/// The change that a call asks for, as Octavia sends it; `None` for a method that asks for none.
///
/// # Errors
/// [`BodyError`]: what is wrong with the body, with the path of the field.
pub fn change(method: &str, args: Value) -> Result<Option<Change>, BodyError> {
    let Some(method) = METHODS.iter().find(|known| known.name == method) else { return Ok(None) };
    let Value::Object(args) = args else { return Err(BodyError::NotObject(shown(&args))) };
    check_arguments(method, &args)?;
    match method.answer {
        Answer::Change(read) => read(&args).map(Some),
        _ => Ok(None),
    }
}

fn inside<'a, T>(
    args: &'a Object,
    name: &'static str,
    read: impl FnOnce(&'a Object) -> Result<T, BodyError>,
) -> Result<T, BodyError> {
    read(required(object(args, name)?, name)?).within(name)
}

fn id<T: std::str::FromStr>(map: &Object, name: &str) -> Result<T, BodyError> {
    required(parsed(map, name)?, name)
}

/// The load balancer that a call creates, as far as its body names one; what else is in the body may be wrong.
pub(crate) fn created_load_balancer(method: &DriverMethod, args: &Object) -> Option<LoadBalancerId> {
    if method.name != "loadbalancer_create" {
        return None;
    }
    args.get("loadbalancer")?.get("loadbalancer_id")?.as_str()?.parse().ok()
}

pub(crate) fn loadbalancer_create(args: &Object) -> Result<Change, BodyError> {
    let create = |map: &Object| {
        refuse_options(map)?;
        Ok(LoadBalancer { flavor: flavor::checked(map, "flavor")?, ..graph::load_balancer(map)? })
    };
    inside(args, "loadbalancer", create).map(|lb| Change::LoadBalancerCreate(Box::new(lb)))
}

pub(crate) fn loadbalancer_update(args: &Object) -> Result<Change, BodyError> {
    let update = Update::read(args, "old_loadbalancer", "new_loadbalancer", "loadbalancer_id")?;
    update.load_balancer().map(Change::LoadBalancerUpdate)
}

pub(crate) fn loadbalancer_delete(args: &Object) -> Result<Change, BodyError> {
    inside(args, "loadbalancer", |lb| Ok(Change::LoadBalancerDelete(id(lb, "loadbalancer_id")?)))
}

pub(crate) fn loadbalancer_failover(args: &Object) -> Result<Change, BodyError> {
    Ok(Change::LoadBalancerFailover(id(args, "loadbalancer_id")?))
}

pub(crate) fn listener_create(args: &Object) -> Result<Change, BodyError> {
    inside(args, "listener", |map| {
        Ok(Change::ListenerCreate(id(map, "loadbalancer_id")?, graph::listener(map)?))
    })
}

pub(crate) fn listener_update(args: &Object) -> Result<Change, BodyError> {
    let update = Update::read(args, "old_listener", "new_listener", "listener_id")?;
    update.listener().map(|(lb, patch)| Change::ListenerUpdate(lb, patch))
}

pub(crate) fn listener_delete(args: &Object) -> Result<Change, BodyError> {
    inside(args, "listener", |map| {
        Ok(Change::ListenerDelete(id(map, "loadbalancer_id")?, id(map, "listener_id")?))
    })
}

pub(crate) fn pool_create(args: &Object) -> Result<Change, BodyError> {
    inside(args, "pool", |map| {
        let (listener, pool) = graph::pool(map)?;
        Ok(Change::PoolCreate(id(map, "loadbalancer_id")?, listener, pool))
    })
}

pub(crate) fn pool_update(args: &Object) -> Result<Change, BodyError> {
    let update = Update::read(args, "old_pool", "new_pool", "pool_id")?;
    update.pool().map(|(lb, patch)| Change::PoolUpdate(lb, patch))
}

pub(crate) fn pool_delete(args: &Object) -> Result<Change, BodyError> {
    inside(args, "pool", |map| Ok(Change::PoolDelete(id(map, "loadbalancer_id")?, id(map, "pool_id")?)))
}

pub(crate) fn member_create(args: &Object) -> Result<Change, BodyError> {
    inside(args, "member", |map| Ok(Change::MemberCreate(id(map, "pool_id")?, graph::member(map)?)))
}

pub(crate) fn member_update(args: &Object) -> Result<Change, BodyError> {
    let update = Update::read(args, "old_member", "new_member", "member_id")?;
    update.member().map(|(pool, patch)| Change::MemberUpdate(pool, patch))
}

pub(crate) fn member_delete(args: &Object) -> Result<Change, BodyError> {
    inside(args, "member", |map| Ok(Change::MemberDelete(id(map, "pool_id")?, id(map, "member_id")?)))
}

pub(crate) fn health_monitor_create(args: &Object) -> Result<Change, BodyError> {
    inside(args, "healthmonitor", |map| {
        Ok(Change::HealthMonitorCreate(id(map, "pool_id")?, graph::monitor(map)?))
    })
}

pub(crate) fn health_monitor_update(args: &Object) -> Result<Change, BodyError> {
    let update = Update::read(args, "old_healthmonitor", "new_healthmonitor", "healthmonitor_id")?;
    update.monitor().map(|(pool, patch)| Change::HealthMonitorUpdate(pool, patch))
}

pub(crate) fn health_monitor_delete(args: &Object) -> Result<Change, BodyError> {
    inside(args, "healthmonitor", |map| {
        Ok(Change::HealthMonitorDelete(id(map, "pool_id")?, id(map, "healthmonitor_id")?))
    })
}

pub(crate) fn l7policy_delete(args: &Object) -> Result<Change, BodyError> {
    inside(args, "l7policy", |map| {
        // Of what is deleted nothing but ids is used: a rule that cannot be read goes with its policy all the same.
        let rules = map.get("rules").and_then(Value::as_array).into_iter().flatten();
        let rules = rules.filter_map(|rule| rule.get("l7rule_id")?.as_str()?.parse().ok()).collect();
        Ok(Change::L7PolicyDelete(id(map, "listener_id")?, id(map, "l7policy_id")?, rules))
    })
}

pub(crate) fn l7rule_delete(args: &Object) -> Result<Change, BodyError> {
    inside(args, "l7rule", |map| Ok(Change::L7RuleDelete(id(map, "l7policy_id")?, id(map, "l7rule_id")?)))
}

pub(crate) fn member_batch_update(args: &Object) -> Result<Change, BodyError> {
    let pool = id(args, "pool_id")?;
    Ok(Change::MemberBatch(pool, patch::batch(args, pool)?))
}

//! From the types of `wit/` to JSON, in the field names of cases. What a case may leave out is left out.

use std::net::SocketAddr;
use std::str::FromStr as _;

use weir_guest::{
    Context, Description, Distribution, Health, HealthCheck, Listener, Member, Monitor, Pool, Refusal, Share,
    Translation, Vip, testing,
};

use crate::json::{Value, object};

fn texts(list: &[String]) -> Value {
    Value::List(list.iter().map(|t| t.as_str().into()).collect())
}

fn pairs(list: &[(String, String)]) -> Value {
    Value::Object(list.iter().map(|(k, v)| (k.clone(), v.as_str().into())).collect())
}

/// Only the fields whose value differs from what is there anyway.
fn without(fields: Vec<(&str, Value, Value)>) -> Value {
    let said = fields.into_iter().filter(|(_, value, default)| value != default);
    Value::Object(said.map(|(key, value, _)| (key.to_owned(), value)).collect())
}

fn empty() -> Value {
    Value::Object(vec![])
}

fn vip(of: &Vip) -> Value {
    if of.floating || of.family != testing::family(&of.address) {
        object([("address", of.address.as_str().into()), ("floating", of.floating.into())])
    } else {
        of.address.as_str().into()
    }
}

pub(crate) fn context(of: &Context) -> Value {
    let mut fields = vec![("vips".to_owned(), Value::List(of.vips.iter().map(vip).collect()))];
    if of.capabilities != crate::octavia::words().capabilities {
        fields.push(("capabilities".into(), texts(&of.capabilities)));
    }
    if !of.config.is_empty() {
        fields.push(("config".into(), of.config.as_str().into()));
    }
    for (key, list) in [("flavor", &of.flavor), ("extra", &of.extra)] {
        if !list.is_empty() {
            fields.push((key.into(), pairs(list)));
        }
    }
    Value::Object(fields)
}

pub(crate) fn listener(of: &Listener) -> Value {
    without(vec![
        ("protocol", of.protocol.as_str().into(), Value::Null),
        ("port", of.port.into(), 80u16.into()),
        ("enabled", of.enabled.into(), true.into()),
        ("allowed_cidrs", texts(&of.allowed_cidrs), Value::List(vec![])),
        ("extra", pairs(&of.extra), empty()),
    ])
}

pub(crate) fn pool(of: &Pool) -> Value {
    let persistence = of.persistence.as_ref().map_or(Value::Null, |p| {
        without(vec![
            ("kind", p.kind.as_str().into(), Value::Null),
            ("timeout_s", p.timeout_s.map_or(Value::Null, Value::from), Value::Null),
            ("extra", pairs(&p.extra), empty()),
        ])
    });
    without(vec![
        ("protocol", of.protocol.as_str().into(), Value::Null),
        ("algorithm", of.algorithm.as_str().into(), Value::Null),
        ("persistence", persistence, Value::Null),
        ("monitor", of.monitor.as_ref().map_or(Value::Null, monitor), Value::Null),
        ("enabled", of.enabled.into(), true.into()),
        ("extra", pairs(&of.extra), empty()),
    ])
}

pub(crate) fn monitor(of: &Monitor) -> Value {
    without(vec![
        ("kind", of.kind.as_str().into(), Value::Null),
        ("delay_s", of.delay_s.into(), 5u32.into()),
        ("timeout_s", of.timeout_s.into(), 3u32.into()),
        ("rise", of.rise.into(), 2u32.into()),
        ("fall", of.fall.into(), 3u32.into()),
        ("enabled", of.enabled.into(), true.into()),
        ("extra", pairs(&of.extra), empty()),
    ])
}

pub(crate) fn members(of: &[Member]) -> Value {
    Value::List(of.iter().map(member).collect())
}

fn member(of: &Member) -> Value {
    let health = match of.health {
        Health::Unknown => "unknown",
        Health::Online => "online",
        Health::Offline => "offline",
    };
    let at = std::net::IpAddr::from_str(&of.address).map(|ip| SocketAddr::new(ip, of.port).to_string());
    if let Ok(at) = at
        && testing::member(&at) == *of
    {
        return at.as_str().into();
    }
    without(vec![
        ("address", of.address.as_str().into(), Value::Null),
        ("port", of.port.into(), 80u16.into()),
        ("weight", of.weight.into(), 1u16.into()),
        ("backup", of.backup.into(), false.into()),
        ("enabled", of.enabled.into(), true.into()),
        ("health", health.into(), "unknown".into()),
        ("extra", pairs(&of.extra), empty()),
    ])
}

pub(crate) fn shares(of: &[Share]) -> Value {
    let share = |s: &Share| object([("member", s.member.into()), ("copies", s.copies.into())]);
    Value::List(of.iter().map(share).collect())
}

pub(crate) fn refusal(of: &Refusal) -> Value {
    object([
        ("code", of.code.as_str().into()),
        ("field", of.field.as_str().into()),
        ("user", of.user.as_str().into()),
        ("operator", of.operator.as_str().into()),
    ])
}

pub(crate) fn refused_members(of: &[(u32, Refusal)]) -> Value {
    let one = |(member, each): &(u32, Refusal)| match refusal(each) {
        Value::Object(mut fields) => {
            fields.insert(0, ("member".into(), (*member).into()));
            Value::Object(fields)
        }
        other => other,
    };
    Value::List(of.iter().map(one).collect())
}

pub(crate) fn description(of: &Description) -> Value {
    object([
        ("name", of.name.as_str().into()),
        ("version", of.version.as_str().into()),
        ("protocols", texts(&of.protocols)),
        ("algorithms", texts(&of.algorithms)),
        ("fallback", of.fallback.into()),
        ("config_schema", of.config_schema.as_str().into()),
        ("options", texts(&of.options)),
    ])
}

pub(crate) fn translation(of: &Translation) -> Value {
    let entry = |e: &weir_guest::Entry| {
        let backend = |b: &weir_guest::Backend| {
            object([("member", b.member.into()), ("port", b.port.into()), ("copies", b.copies.into())])
        };
        let backends = Value::List(e.backends.iter().map(backend).collect());
        object([("vip", e.vip.into()), ("port", e.port.into()), ("backends", backends)])
    };
    object([
        ("transport", of.transport.as_str().into()),
        ("entries", Value::List(of.entries.iter().map(entry).collect())),
        ("options", pairs(&of.options)),
        ("empty_reason", of.empty_reason.as_deref().map_or(Value::Null, Value::from)),
    ])
}

pub(crate) fn distribution(of: &Distribution) -> Value {
    object([
        ("selection_fields", texts(&of.selection_fields)),
        ("options", pairs(&of.options)),
        ("shares", shares(&of.shares)),
    ])
}

pub(crate) fn health_check(of: &HealthCheck) -> Value {
    object([
        ("interval_s", of.interval_s.into()),
        ("timeout_s", of.timeout_s.into()),
        ("success", of.success.into()),
        ("failure", of.failure.into()),
    ])
}

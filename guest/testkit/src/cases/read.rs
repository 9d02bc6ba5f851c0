//! From a case's fields to a question. What is left out is as plain as can be.

use std::net::IpAddr;

use weir_guest::{
    Context, Description, Family, Health, Listener, Member, Monitor, Persistence, Pool, Share, Vip,
    shares_evenly, testing,
};

use super::fields::Fields;
use crate::json::Value;
use crate::octavia::words;
use crate::question::{Question, Unit};

type Read<T> = Result<T, String>;

pub(super) fn question(case: &Fields<'_>, call: &str, of: &Description) -> Read<Question> {
    // What a call is not given says nothing in its case.
    let given: &[&str] = match call {
        "describe" => &[],
        "check-config" => &["config"],
        "translate" => &["context", "listener", "pool", "members", "shares", "config"],
        "check-members" => &["context", "pool", "members", "config"],
        "plan-monitor" => &["context", "pool", "monitor", "config"],
        "distribute" => &["context", "pool", "members", "config"],
        other => {
            return Err(format!(
                "call must be describe, check-config, translate, check-members, plan-monitor or distribute, not {other:?}"
            ));
        }
    };
    for key in ["context", "listener", "pool", "members", "shares", "monitor", "config"] {
        if case.get(key).is_some() && !given.contains(&key) {
            return Err(format!("{call} is not given {key}"));
        }
    }
    let config = config(case)?;
    let context = || context(case, config.clone());
    Ok(match call {
        "check-config" => Question::CheckConfig { config: config.unwrap_or_default() },
        "translate" => {
            let members = members(case)?;
            Question::Translate(Unit {
                context: context()?,
                listener: listener(case, of)?,
                pool: pool(case, of)?,
                shares: shares(case, &members)?,
                members,
            })
        }
        "check-members" => Question::CheckMembers {
            context: context()?,
            pool: pool(case, of)?.ok_or("check-members needs a pool")?,
            members: members(case)?,
        },
        "plan-monitor" => Question::PlanMonitor {
            context: context()?,
            pool: pool(case, of)?.ok_or("plan-monitor needs a pool")?,
            monitor: monitor("monitor", case.some("monitor").ok_or("plan-monitor needs a monitor")?)?,
        },
        "distribute" => {
            Question::Distribute { context: context()?, pool: pool(case, of)?, members: members(case)? }
        }
        _ => Question::Describe,
    })
}

fn config(case: &Fields<'_>) -> Read<Option<String>> {
    Ok(case.some("config").map(|value| match value {
        Value::Text(text) => text.clone(),
        other => format!("{other:#}"),
    }))
}

fn context(case: &Fields<'_>, config: Option<String>) -> Read<Context> {
    let empty = Value::Object(vec![]);
    let keys = ["capabilities", "config", "flavor", "project_id", "vips", "extra"];
    let path = case.name("context");
    let fields = Fields::of(&path, case.some("context").unwrap_or(&empty), &keys)?;
    let own = self::config(&fields)?;
    if own.is_some() && config.is_some() {
        return Err("config stands in the case and in its context; say it once".to_owned());
    }
    let vips = match fields.list("vips")? {
        None => vec![testing::vip("198.51.100.1")],
        Some(list) => {
            (0..).zip(list).map(|(n, v)| vip(&format!("{path}.vips[{n}]"), v)).collect::<Read<_>>()?
        }
    };
    let plain = testing::context(&[]);
    Ok(Context {
        capabilities: fields.texts("capabilities")?.unwrap_or_else(|| words().capabilities.clone()),
        config: own.or(config).unwrap_or_default(),
        flavor: fields.pairs("flavor")?,
        project_id: fields.text("project_id")?.map_or(plain.project_id, str::to_owned),
        vips,
        extra: fields.pairs("extra")?,
    })
}

/// The address of a field, and its family unless that is said.
fn address(fields: &Fields<'_>) -> Read<(String, Family)> {
    let name = fields.name("address");
    let address = fields.text("address")?.ok_or_else(|| format!("{name} is missing"))?;
    let family = match fields.text("family")? {
        Some("ipv4") => Family::Ipv4,
        Some("ipv6") => Family::Ipv6,
        Some(other) => {
            return Err(format!("{} must be ipv4 or ipv6, not {other:?}", fields.name("family")));
        }
        None if address.parse::<IpAddr>().is_err() => {
            return Err(format!("{name} must be an IP address without brackets, not {address:?}"));
        }
        None => testing::family(address),
    };
    Ok((address.to_owned(), family))
}

fn vip(path: &str, value: &Value) -> Read<Vip> {
    let address_alone;
    let value = match value {
        Value::Text(_) => {
            address_alone = crate::json::object([("address", value.clone())]);
            &address_alone
        }
        other => other,
    };
    let fields = Fields::of(path, value, &["address", "family", "floating"])?;
    let (address, family) = address(&fields)?;
    Ok(Vip { address, family, floating: fields.bool("floating", false)? })
}

/// The value of a part: none where it is `null`, a plain one where it is left out.
fn part<'a>(case: &Fields<'a>, key: &str, plain: &'a Value) -> Option<&'a Value> {
    Some(case.get(key).unwrap_or(plain)).filter(|v| **v != Value::Null)
}

fn listener(case: &Fields<'_>, of: &Description) -> Read<Option<Listener>> {
    let plain = Value::Object(vec![]);
    let Some(value) = part(case, "listener", &plain) else { return Ok(None) };
    let fields = Fields::of(
        &case.name("listener"),
        value,
        &["protocol", "port", "enabled", "allowed_cidrs", "extra"],
    )?;
    let protocol = fields.text("protocol")?.unwrap_or(own(&of.protocols, &words().protocol));
    let plain = testing::listener(protocol);
    Ok(Some(Listener {
        port: fields.number("port")?.unwrap_or(plain.port),
        enabled: fields.bool("enabled", true)?,
        allowed_cidrs: fields.texts("allowed_cidrs")?.unwrap_or_default(),
        extra: fields.pairs("extra")?,
        ..plain
    }))
}

fn own<'a>(served: &'a [String], other: &'a str) -> &'a str {
    served.first().map_or(other, String::as_str)
}

fn pool(case: &Fields<'_>, of: &Description) -> Read<Option<Pool>> {
    let plain = Value::Object(vec![]);
    let Some(value) = part(case, "pool", &plain) else { return Ok(None) };
    let path = case.name("pool");
    let keys = ["protocol", "algorithm", "persistence", "monitor", "enabled", "extra"];
    let fields = Fields::of(&path, value, &keys)?;
    let persistence = match fields.some("persistence") {
        None => None,
        Some(value) => {
            let fields = Fields::of(&fields.name("persistence"), value, &["kind", "timeout_s", "extra"])?;
            Some(Persistence {
                kind: fields
                    .text("kind")?
                    .ok_or_else(|| format!("{} is missing", fields.name("kind")))?
                    .to_owned(),
                timeout_s: fields.number("timeout_s")?,
                extra: fields.pairs("extra")?,
            })
        }
    };
    let protocol = fields.text("protocol")?.unwrap_or(own(&of.protocols, &words().protocol));
    let algorithm = fields.text("algorithm")?.unwrap_or(own(&of.algorithms, &words().algorithm));
    Ok(Some(Pool {
        persistence,
        monitor: fields.some("monitor").map(|v| monitor(&fields.name("monitor"), v)).transpose()?,
        enabled: fields.bool("enabled", true)?,
        extra: fields.pairs("extra")?,
        ..testing::pool(protocol, algorithm)
    }))
}

fn monitor(path: &str, value: &Value) -> Read<Monitor> {
    let keys = ["kind", "delay_s", "timeout_s", "rise", "fall", "enabled", "extra"];
    let fields = Fields::of(path, value, &keys)?;
    let kind = fields.text("kind")?.ok_or_else(|| format!("{} is missing", fields.name("kind")))?;
    let plain = testing::monitor(kind);
    Ok(Monitor {
        delay_s: fields.number("delay_s")?.unwrap_or(plain.delay_s),
        timeout_s: fields.number("timeout_s")?.unwrap_or(plain.timeout_s),
        rise: fields.number("rise")?.unwrap_or(plain.rise),
        fall: fields.number("fall")?.unwrap_or(plain.fall),
        enabled: fields.bool("enabled", true)?,
        extra: fields.pairs("extra")?,
        ..plain
    })
}

fn members(case: &Fields<'_>) -> Read<Vec<Member>> {
    let list = case.list("members")?.unwrap_or_default();
    (0..).zip(list).map(|(n, value)| member(&format!("{}[{n}]", case.name("members")), value)).collect()
}

fn member(path: &str, value: &Value) -> Read<Member> {
    if let Value::Text(at) = value {
        return match (at.parse::<std::net::SocketAddr>(), at.parse::<IpAddr>()) {
            (Err(_), Err(_)) => Err(format!(
                "{path} must be an address and port like 192.0.2.1:8080 or [2001:db8::1]:8080, not {at:?}"
            )),
            _ => Ok(testing::member(at)),
        };
    }
    let keys = ["address", "family", "port", "weight", "backup", "enabled", "health", "extra"];
    let fields = Fields::of(path, value, &keys)?;
    let (address, family) = address(&fields)?;
    let health = match fields.text("health")? {
        None | Some("unknown") => Health::Unknown,
        Some("online") => Health::Online,
        Some("offline") => Health::Offline,
        Some(other) => {
            return Err(format!("{path}.health must be unknown, online or offline, not {other:?}"));
        }
    };
    let plain = testing::member(&address);
    Ok(Member {
        family,
        port: fields.number("port")?.unwrap_or(plain.port),
        weight: fields.number("weight")?.unwrap_or(plain.weight),
        backup: fields.bool("backup", false)?,
        enabled: fields.bool("enabled", true)?,
        health,
        extra: fields.pairs("extra")?,
        ..plain
    })
}

fn shares(case: &Fields<'_>, members: &[Member]) -> Read<Vec<Share>> {
    let Some(list) = case.list("shares")? else { return Ok(shares_evenly(members)) };
    let share = |(n, value): (usize, &Value)| {
        let fields = Fields::of(&format!("{}[{n}]", case.name("shares")), value, &["member", "copies"])?;
        let member =
            fields.number("member")?.ok_or_else(|| format!("{} is missing", fields.name("member")))?;
        Ok(Share { member, copies: fields.number("copies")?.unwrap_or(1) })
    };
    (0..).zip(list).map(share).collect()
}

//! Octavia's objects in the plugins' records, and the plugins' answers in the planner's.

use weir_model::{Extra, Health, Listener, LoadBalancer, Member, Monitor, Persistence, Pool};
use weir_plan::{Backend, Distribution, Entry, Front, HealthCheck, Problem, Share, Translation};
use weir_sandbox as wit;

use crate::unsupported;

/// What a plugin is told besides listener, pool and members.
pub fn context(lb: &LoadBalancer, fronts: &[Front], facts: &[String]) -> wit::Context {
    let vips = fronts.iter().map(|front| wit::Vip {
        address: front.address.to_string(),
        family: family(front.address.is_ipv4()),
        floating: front.floating,
    });
    wit::Context {
        capabilities: facts.to_vec(),
        config: String::new(),
        flavor: pairs(&lb.flavor),
        project_id: lb.project_id.clone().unwrap_or_default(),
        vips: vips.collect(),
        extra: Vec::new(),
    }
}

pub fn family(v4: bool) -> wit::Family {
    if v4 { wit::Family::Ipv4 } else { wit::Family::Ipv6 }
}

pub fn listener(listener: &Listener) -> wit::Listener {
    wit::Listener {
        protocol: listener.protocol.clone(),
        port: listener.port,
        enabled: listener.admin_state_up,
        allowed_cidrs: listener.allowed_cidrs.clone(),
        extra: pairs(&listener.extra),
    }
}

pub fn pool(pool: &Pool) -> wit::Pool {
    wit::Pool {
        protocol: pool.protocol.clone(),
        algorithm: pool.algorithm.clone(),
        persistence: pool.persistence.as_ref().map(persistence),
        monitor: pool.monitor.as_ref().map(monitor),
        enabled: pool.admin_state_up,
        extra: pairs(&pool.extra),
    }
}

fn persistence(persistence: &Persistence) -> wit::Persistence {
    wit::Persistence {
        kind: persistence.kind.clone(),
        timeout_s: persistence.timeout,
        extra: pairs(&persistence.extra),
    }
}

pub fn monitor(monitor: &Monitor) -> wit::Monitor {
    wit::Monitor {
        kind: monitor.kind.clone(),
        delay_s: monitor.delay,
        timeout_s: monitor.timeout,
        rise: monitor.rise,
        fall: monitor.fall,
        enabled: monitor.admin_state_up,
        extra: pairs(&monitor.extra),
    }
}

/// The planner's numbers of a health check.
pub fn health_check(check: &wit::HealthCheck) -> HealthCheck {
    HealthCheck {
        interval: check.interval_s,
        timeout: check.timeout_s,
        success: check.success,
        failure: check.failure,
    }
}

pub fn member(member: &Member, health: Health) -> wit::Member {
    wit::Member {
        address: member.address.to_string(),
        family: family(member.address.is_ipv4()),
        port: member.port,
        weight: member.weight,
        backup: member.backup,
        enabled: member.admin_state_up,
        health: match health {
            Health::Unknown => wit::Health::Unknown,
            Health::Online => wit::Health::Online,
            // None of them gets connections.
            Health::Offline | Health::NoPort | Health::PortDown | Health::LastOffline => wit::Health::Offline,
        },
        extra: pairs(&member.extra),
    }
}

fn pairs(extra: &Extra) -> Vec<(String, String)> {
    extra.iter().map(|(key, value)| (key.clone(), value.clone())).collect()
}

pub fn translation(translation: wit::Translation, by: &wit::Plugin) -> Translation {
    let backend = |backend: wit::Backend| Backend {
        member: backend.member,
        port: backend.port,
        copies: backend.copies,
    };
    let entries = translation.entries.into_iter().map(|entry| Entry {
        vip: entry.vip,
        port: entry.port,
        backends: entry.backends.into_iter().map(backend).collect(),
    });
    Translation {
        transport: translation.transport,
        entries: entries.collect(),
        options: translation.options.into_iter().collect(),
        empty_reason: translation.empty_reason,
        plugin: maker(by),
    }
}

/// The planner's distribution, and the shares as the protocol plugin wants them.
pub fn distribution(distribution: wit::Distribution, by: &wit::Plugin) -> (Distribution, Vec<wit::Share>) {
    let shares = distribution.shares.iter().map(|share| Share { member: share.member, copies: share.copies });
    let planned = Distribution {
        selection_fields: distribution.selection_fields.into_iter().collect(),
        options: distribution.options.into_iter().collect(),
        shares: shares.collect(),
        plugin: maker(by),
    };
    (planned, distribution.shares)
}

/// Who made what the rows are to have; nobody who is built in.
fn maker(plugin: &wit::Plugin) -> Option<String> {
    (!plugin.is_shipped()).then(|| plugin.name().to_owned())
}

/// A refusal or failure of a plugin.
pub fn problem(plugin: &wit::Plugin, error: wit::CallError) -> Problem {
    match error {
        wit::CallError::Refused(refusal) => refusal_of(plugin.name(), refusal),
        wit::CallError::Failed(failure) => Problem {
            code: failure.kind.code().to_owned(),
            user: format!("the plugin {} could not judge this call; nothing was changed", plugin.name()),
            operator: failure.to_string(),
            refused: false,
            keep: plugin.on_failure() == wit::OnFailure::KeepLast,
        },
    }
}

pub fn refusal_of(plugin: &str, refusal: wit::Refusal) -> Problem {
    let detail = if refusal.operator.is_empty() { &refusal.user } else { &refusal.operator };
    let field = if refusal.field.is_empty() { String::new() } else { format!("{}: ", refusal.field) };
    Problem {
        operator: unsupported::hint(format!("{field}{detail} (plugin {plugin})"), &refusal.field),
        user: format!("{field}{}", refusal.user),
        code: refusal.code,
        refused: true,
        keep: false,
    }
}

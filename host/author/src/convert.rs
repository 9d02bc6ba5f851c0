//! Between the types of an author's side and those of the host's. Both are generated from `wit/`, so they convert
//! field by field.

use weir_guest as guest;
use weir_sandbox as host;

fn family(of: guest::Family) -> host::Family {
    match of {
        guest::Family::Ipv4 => host::Family::Ipv4,
        guest::Family::Ipv6 => host::Family::Ipv6,
    }
}

pub(crate) fn context(of: &guest::Context) -> host::Context {
    let of = of.clone();
    let vip =
        |v: guest::Vip| host::Vip { address: v.address, family: family(v.family), floating: v.floating };
    host::Context {
        capabilities: of.capabilities,
        config: of.config,
        flavor: of.flavor,
        project_id: of.project_id,
        vips: of.vips.into_iter().map(vip).collect(),
        extra: of.extra,
    }
}

pub(crate) fn listener(of: &guest::Listener) -> host::Listener {
    let of = of.clone();
    host::Listener {
        protocol: of.protocol,
        port: of.port,
        enabled: of.enabled,
        allowed_cidrs: of.allowed_cidrs,
        extra: of.extra,
    }
}

pub(crate) fn monitor(of: &guest::Monitor) -> host::Monitor {
    let of = of.clone();
    host::Monitor {
        kind: of.kind,
        delay_s: of.delay_s,
        timeout_s: of.timeout_s,
        rise: of.rise,
        fall: of.fall,
        enabled: of.enabled,
        extra: of.extra,
    }
}

pub(crate) fn pool(of: &guest::Pool) -> host::Pool {
    let of = of.clone();
    let persistence =
        |p: guest::Persistence| host::Persistence { kind: p.kind, timeout_s: p.timeout_s, extra: p.extra };
    host::Pool {
        protocol: of.protocol,
        algorithm: of.algorithm,
        persistence: of.persistence.map(persistence),
        monitor: of.monitor.as_ref().map(monitor),
        enabled: of.enabled,
        extra: of.extra,
    }
}

pub(crate) fn members(of: &[guest::Member]) -> Vec<host::Member> {
    let one = |m: guest::Member| host::Member {
        address: m.address,
        family: family(m.family),
        port: m.port,
        weight: m.weight,
        backup: m.backup,
        enabled: m.enabled,
        health: match m.health {
            guest::Health::Unknown => host::Health::Unknown,
            guest::Health::Online => host::Health::Online,
            guest::Health::Offline => host::Health::Offline,
        },
        extra: m.extra,
    };
    of.iter().cloned().map(one).collect()
}

pub(crate) fn shares(of: &[guest::Share]) -> Vec<host::Share> {
    of.iter().map(|s| host::Share { member: s.member, copies: s.copies }).collect()
}

pub(crate) fn refusal(of: host::Refusal) -> guest::Refusal {
    guest::Refusal { code: of.code, field: of.field, user: of.user, operator: of.operator }
}

pub(crate) fn description(of: &host::Description) -> guest::Description {
    let of = of.clone();
    guest::Description {
        name: of.name,
        version: of.version,
        protocols: of.protocols,
        algorithms: of.algorithms,
        fallback: of.fallback,
        config_schema: of.config_schema,
        options: of.options,
    }
}

pub(crate) fn translation(of: host::Translation) -> guest::Translation {
    let backend = |b: host::Backend| guest::Backend { member: b.member, port: b.port, copies: b.copies };
    let entry = |e: host::Entry| guest::Entry {
        vip: e.vip,
        port: e.port,
        backends: e.backends.into_iter().map(backend).collect(),
    };
    guest::Translation {
        transport: of.transport,
        entries: of.entries.into_iter().map(entry).collect(),
        options: of.options,
        empty_reason: of.empty_reason,
    }
}

pub(crate) fn distribution(of: host::Distribution) -> guest::Distribution {
    let share = |s: &host::Share| guest::Share { member: s.member, copies: s.copies };
    guest::Distribution {
        selection_fields: of.selection_fields,
        options: of.options,
        shares: of.shares.iter().map(share).collect(),
    }
}

pub(crate) fn health_check(of: host::HealthCheck) -> guest::HealthCheck {
    guest::HealthCheck {
        interval_s: of.interval_s,
        timeout_s: of.timeout_s,
        success: of.success,
        failure: of.failure,
    }
}

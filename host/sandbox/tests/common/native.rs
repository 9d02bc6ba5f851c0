//! The same question to a plugin's functions natively. The two sides' types are generated from one
//! interface, so they convert field by field.

use weir_guest as guest;
use weir_sandbox as host;

pub fn family(of: host::Family) -> guest::Family {
    match of {
        host::Family::Ipv4 => guest::Family::Ipv4,
        host::Family::Ipv6 => guest::Family::Ipv6,
    }
}

pub fn context(of: &host::Context) -> guest::Context {
    let of = of.clone();
    guest::Context {
        capabilities: of.capabilities,
        config: of.config,
        flavor: of.flavor,
        project_id: of.project_id,
        vips: of
            .vips
            .into_iter()
            .map(|v| guest::Vip { address: v.address, family: family(v.family), floating: v.floating })
            .collect(),
        extra: of.extra,
    }
}

pub fn listener(of: &host::Listener) -> guest::Listener {
    let of = of.clone();
    guest::Listener {
        protocol: of.protocol,
        port: of.port,
        enabled: of.enabled,
        allowed_cidrs: of.allowed_cidrs,
        extra: of.extra,
    }
}

pub fn monitor(of: &host::Monitor) -> guest::Monitor {
    let of = of.clone();
    guest::Monitor {
        kind: of.kind,
        delay_s: of.delay_s,
        timeout_s: of.timeout_s,
        rise: of.rise,
        fall: of.fall,
        enabled: of.enabled,
        extra: of.extra,
    }
}

pub fn pool(of: &host::Pool) -> guest::Pool {
    let of = of.clone();
    guest::Pool {
        protocol: of.protocol,
        algorithm: of.algorithm,
        persistence: of.persistence.map(|p| guest::Persistence {
            kind: p.kind,
            timeout_s: p.timeout_s,
            extra: p.extra,
        }),
        monitor: of.monitor.as_ref().map(monitor),
        enabled: of.enabled,
        extra: of.extra,
    }
}

pub fn members(of: &[host::Member]) -> Vec<guest::Member> {
    let one = |m: host::Member| guest::Member {
        address: m.address,
        family: family(m.family),
        port: m.port,
        weight: m.weight,
        backup: m.backup,
        enabled: m.enabled,
        health: match m.health {
            host::Health::Unknown => guest::Health::Unknown,
            host::Health::Online => guest::Health::Online,
            host::Health::Offline => guest::Health::Offline,
        },
        extra: m.extra,
    };
    of.iter().cloned().map(one).collect()
}

pub fn shares(of: &[host::Share]) -> Vec<guest::Share> {
    of.iter().map(|s| guest::Share { member: s.member, copies: s.copies }).collect()
}

pub fn refusal(of: guest::Refusal) -> host::Refusal {
    host::Refusal { code: of.code, field: of.field, user: of.user, operator: of.operator }
}

pub fn translation(of: guest::Translation) -> host::Translation {
    let backend = |b: guest::Backend| host::Backend { member: b.member, port: b.port, copies: b.copies };
    host::Translation {
        transport: of.transport,
        entries: of
            .entries
            .into_iter()
            .map(|e| host::Entry {
                vip: e.vip,
                port: e.port,
                backends: e.backends.into_iter().map(backend).collect(),
            })
            .collect(),
        options: of.options,
        empty_reason: of.empty_reason,
    }
}

pub fn distribution(of: guest::Distribution) -> host::Distribution {
    host::Distribution {
        selection_fields: of.selection_fields,
        options: of.options,
        shares: of.shares.iter().map(|s| host::Share { member: s.member, copies: s.copies }).collect(),
    }
}

pub fn health_check(of: guest::HealthCheck) -> host::HealthCheck {
    host::HealthCheck {
        interval_s: of.interval_s,
        timeout_s: of.timeout_s,
        success: of.success,
        failure: of.failure,
    }
}

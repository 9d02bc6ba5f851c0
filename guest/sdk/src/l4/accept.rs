//! What is accepted of listeners, pools, members and monitors.

use super::L4;
use crate::{Context, HealthCheck, Listener, Member, Monitor, Pool, Refusal, inherited, value};

/// Attributes of a listener that need somebody who reads what is inside a connection. OVN does not.
/// A trailing `*` stands for any ending.
const LISTENER_REFUSED: &[&str] = &[
    "alpn_protocols",
    "client_authentication",
    "client_ca_tls_container_ref",
    "client_crl_container_ref",
    "default_tls_container_ref",
    "hsts_*",
    "insert_headers",
    "l7policies",
    "sni_container_refs",
    "tls_*",
];

/// Attributes of a listener that need somebody who counts or times connections, with Octavia's defaults.
const LISTENER_LIMITS: &[(&str, &str)] = &[
    ("connection_limit", "-1"),
    ("timeout_client_data", "50000"),
    ("timeout_member_connect", "5000"),
    ("timeout_member_data", "50000"),
    ("timeout_tcp_inspect", "0"),
];

/// As [`LISTENER_REFUSED`], of a pool.
const POOL_REFUSED: &[&str] = &["alpn_protocols", "ca_tls_container_ref", "crl_container_ref", "tls_*"];

/// Attributes of a health monitor that need somebody who speaks HTTP with the member.
const MONITOR_REFUSED: &[&str] =
    &["domain_name", "expected_codes", "http_method", "http_version", "url_path"];

/// Most seconds of a health check: ovn-controller counts its milliseconds in 31 bits.
const MOST_SECONDS: u32 = 2_147_483;

/// Most probes of a health check: ovn-controller counts them in 31 bits.
const MOST_PROBES: u32 = 2_147_483_647;

/// Attributes of a member that OVN's health checks cannot honour: they probe the member itself.
const MEMBER_REFUSED: &[&str] = &["monitor_address", "monitor_port"];

pub(super) fn listener(l4: &L4, ctx: &Context, listener: &Listener) -> Result<(), Refusal> {
    if !l4.protocols.contains(&listener.protocol.as_str()) {
        return Err(Refusal::unsupported(
            "unsupported-protocol",
            "listener.protocol",
            "translate here a listener of",
            &listener.protocol,
            l4.protocols,
        ));
    }
    if listener.port == 0 {
        return Err(Refusal::new(
            "invalid-port",
            "listener.protocol_port",
            "a listener needs a port above 0",
        ));
    }
    extras("listener", &listener.extra, LISTENER_REFUSED)?;
    limits(ctx, listener)
}

/// What OVN would leave without effect must not pass as done. What an earlier version accepted stays: it has no effect
/// as before, and must not keep its listener from other changes.
fn limits(ctx: &Context, listener: &Listener) -> Result<(), Refusal> {
    for (key, default) in LISTENER_LIMITS {
        let field = format!("listener.{key}");
        if let Some(asked) = value(&listener.extra, key)
            && asked != *default
            && !inherited(ctx, &field)
        {
            let user = format!(
                "OVN neither counts nor times connections, so it cannot honour a {key} of {asked}; leave it at Octavia's \
                 default, {default}"
            );
            return Err(Refusal::new(&format!("unsupported-{}", key.replace('_', "-")), &field, user));
        }
    }
    Ok(())
}

pub(super) fn pool(l4: &L4, listener: Option<&Listener>, pool: &Pool) -> Result<(), Refusal> {
    if !l4.protocols.contains(&pool.protocol.as_str()) {
        let all = l4.protocols.join(" or ");
        let from = listener.map_or(all.as_str(), |l| &l.protocol);
        return Err(Refusal::new(
            "protocol-mismatch",
            "pool.protocol",
            format!("OVN cannot forward {from} to a pool of {}; choose a pool of {all}", pool.protocol),
        ));
    }
    extras("pool", &pool.extra, POOL_REFUSED)
}

fn extras(object: &str, extra: &[(String, String)], refused: &[&str]) -> Result<(), Refusal> {
    // A host may also pass what the user turned off.
    let asked = |v: &str| !matches!(v, "" | "false" | "False" | "null" | "[]" | "{}");
    let hit = |key: &str| {
        refused.iter().any(|r| r.strip_suffix('*').map_or(*r == key, |start| key.starts_with(start)))
    };
    match extra.iter().find(|(k, v)| hit(k) && asked(v)) {
        None => Ok(()),
        Some((key, _)) => Err(Refusal::new(
            &format!("unsupported-{}", key.replace('_', "-")),
            &format!("{object}.{key}"),
            format!(
                "OVN forwards connections without reading them, so it cannot honour {key} of a {object}; leave it unset"
            ),
        )),
    }
}

/// Every member that cannot be had: one of an IP version that no VIP has, one without a port, one whose
/// monitor is to be sent elsewhere.
pub fn check_members(_: &L4, ctx: &Context, _: &Pool, members: &[Member]) -> Vec<(u32, Refusal)> {
    (0u32..).zip(members).filter_map(|(index, m)| Some((index, member(ctx, m)?))).collect()
}

fn member(ctx: &Context, member: &Member) -> Option<Refusal> {
    if let Some((key, asked)) = MEMBER_REFUSED.iter().find_map(|key| Some((key, value(&member.extra, key)?)))
    {
        return Some(Refusal::new(
            &format!("unsupported-{}", key.replace('_', "-")),
            &format!("member.{key}"),
            format!(
                "OVN checks a member at its own address and port, not at {asked}; leave {key} of member {} unset",
                member.address
            ),
        ));
    }
    let mut vips = ctx.vips.iter().filter(|v| !v.floating).peekable();
    if vips.peek().is_some() && !vips.any(|v| v.family == member.family) {
        return Some(Refusal::new(
            "ip-version-mismatch",
            "member.address",
            format!(
                "no VIP of the load balancer has the IP version of member {}; OVN cannot translate between IPv4 and IPv6, \
                 so choose a member of the VIP's version",
                member.address
            ),
        ));
    }
    (member.port == 0)
        .then(|| Refusal::new("invalid-port", "member.protocol_port", "a member needs a port above 0"))
}

/// The numbers of a health check, if OVN can run a monitor of this kind for this protocol. A `timeout` above the `delay` is
/// accepted: OVN begins to count the one when the other has ended.
///
/// # Errors
/// Refused: another pool's protocol, a kind of monitor that OVN cannot run, what only an HTTP probe has, or a number that
/// is 0 or more than OVN counts.
pub fn plan_monitor(l4: &L4, _: &Context, of: &Pool, monitor: &Monitor) -> Result<HealthCheck, Refusal> {
    pool(l4, None, of)?;
    if !l4.monitors.contains(&monitor.kind.as_str()) {
        let mut refusal = Refusal::unsupported(
            "unsupported-monitor-type",
            "healthmonitor.type",
            &format!("check the members of a pool of {} by", of.protocol),
            &monitor.kind,
            l4.monitors,
        );
        if l4.monitors.is_empty() {
            refusal.user.push_str("; create the pool without a health monitor");
        }
        return Err(refusal);
    }
    if let Some((key, asked)) =
        MONITOR_REFUSED.iter().find_map(|key| Some((key, value(&monitor.extra, key)?)))
    {
        return Err(Refusal::new(
            &format!("unsupported-{}", key.replace('_', "-")),
            &format!("healthmonitor.{key}"),
            format!(
                "OVN checks by {} and asks a member nothing, so it cannot honour a {key} of {asked}; leave it unset",
                monitor.kind
            ),
        ));
    }
    let numbers = [
        ("delay", monitor.delay_s, MOST_SECONDS),
        ("timeout", monitor.timeout_s, MOST_SECONDS),
        ("max_retries", monitor.rise, MOST_PROBES),
        ("max_retries_down", monitor.fall, MOST_PROBES),
    ];
    if let Some((name, number, most)) = numbers.iter().find(|(_, number, most)| !(1..=*most).contains(number))
    {
        return Err(Refusal::new(
            &format!("invalid-monitor-{}", name.replace('_', "-")),
            &format!("healthmonitor.{name}"),
            format!("OVN cannot check members with a {name} of {number}; choose 1 to {most}"),
        ));
    }
    Ok(HealthCheck {
        interval_s: monitor.delay_s,
        timeout_s: monitor.timeout_s,
        success: monitor.rise,
        failure: monitor.fall,
    })
}

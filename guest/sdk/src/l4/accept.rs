//! What is accepted of listeners, pools, members and monitors.

use super::L4;
use crate::{Context, HealthCheck, Listener, Member, Monitor, Pool, Refusal, value};

/// Attributes of a listener that need somebody who reads what is inside a connection. OVN does not.
/// A trailing `*` stands for any ending. Limits and timeouts of connections are not among them: they are
/// accepted and have no effect.
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

/// The same for a pool.
const POOL_REFUSED: &[&str] = &["alpn_protocols", "ca_tls_container_ref", "crl_container_ref", "tls_*"];

/// Attributes of a member that OVN's health checks cannot honour: they probe the member itself.
const MEMBER_REFUSED: &[&str] = &["monitor_address", "monitor_port"];

pub(super) fn listener(l4: &L4, listener: &Listener) -> Result<(), Refusal> {
    if listener.protocol != l4.protocol {
        return Err(Refusal::unsupported(
            "unsupported-protocol",
            "listener.protocol",
            "translate here a listener of",
            &listener.protocol,
            &[l4.protocol],
        ));
    }
    if listener.port == 0 {
        return Err(Refusal::new(
            "invalid-port",
            "listener.protocol_port",
            "a listener needs a port above 0",
        ));
    }
    if !listener.allowed_cidrs.is_empty() {
        return Err(Refusal::new(
            "unsupported-allowed-cidrs",
            "listener.allowed_cidrs",
            format!(
                "OVN cannot limit a listener to {}; leave allowed_cidrs empty and use security groups on the members",
                listener.allowed_cidrs.join(", ")
            ),
        ));
    }
    extras("listener", &listener.extra, LISTENER_REFUSED)
}

pub(super) fn pool(l4: &L4, pool: &Pool) -> Result<(), Refusal> {
    if pool.protocol != l4.protocol {
        return Err(Refusal::new(
            "protocol-mismatch",
            "pool.protocol",
            format!(
                "OVN cannot forward {} to a pool of {}; choose a pool of {}",
                l4.protocol, pool.protocol, l4.protocol
            ),
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

/// The numbers of a health check, if OVN can run a monitor of this kind for this protocol.
///
/// # Errors
/// Refused: another pool's protocol, a kind of monitor that OVN cannot run, or a number that is 0.
pub fn plan_monitor(l4: &L4, _: &Context, of: &Pool, monitor: &Monitor) -> Result<HealthCheck, Refusal> {
    pool(l4, of)?;
    if !l4.monitors.contains(&monitor.kind.as_str()) {
        let mut refusal = Refusal::unsupported(
            "unsupported-monitor-type",
            "healthmonitor.type",
            &format!("check the members of a pool of {} by", l4.protocol),
            &monitor.kind,
            l4.monitors,
        );
        if l4.monitors.is_empty() {
            refusal.user.push_str("; create the pool without a health monitor");
        }
        return Err(refusal);
    }
    let numbers = [
        ("delay", monitor.delay_s),
        ("timeout", monitor.timeout_s),
        ("max_retries", monitor.rise),
        ("max_retries_down", monitor.fall),
    ];
    if let Some((name, _)) = numbers.iter().find(|(_, number)| *number == 0) {
        return Err(Refusal::new(
            &format!("invalid-monitor-{}", name.replace('_', "-")),
            &format!("healthmonitor.{name}"),
            format!("OVN cannot check members with a {name} of 0; choose 1 or more"),
        ));
    }
    Ok(HealthCheck {
        interval_s: monitor.delay_s,
        timeout_s: monitor.timeout_s,
        success: monitor.rise,
        failure: monitor.fall,
    })
}

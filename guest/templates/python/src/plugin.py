"""my-plugin: an OVN plugin for Octavia's protocols TCP and HTTPS, written in Python.

The host asks four questions (wit/about.wit, wit/protocol.wit); the two classes at the end answer them. Everything here is
pure: the same question has the same answer. There is no file, no socket, no clock and no random number, and nothing is
kept from one call to the next, since each call runs in a fresh copy of this program.
"""

from componentize_py_types import Err
from wit_world.exports.protocol import Backend, Entry, HealthCheck, Translation
from wit_world.imports import log
from wit_world.imports.types import (
    Context, Description, Family, Listener, Member, Monitor, Pool, Refusal, Share, Vip,
)

#: Octavia's words, as in `listener.protocol` and `pool.protocol`. Nobody reads what is in a connection: they mean the same.
PROTOCOLS = ["TCP", "HTTPS"]
#: The Northbound's word, as in `Load_Balancer.protocol`.
TRANSPORT = "tcp"
#: Octavia's kinds of health monitor that OVN can run for this transport.
MONITORS = ["TCP"]

# What needs somebody who reads what is inside a connection. OVN does not. A trailing * stands for any ending.
LISTENER_REFUSED = [
    "alpn_protocols", "client_authentication", "client_ca_tls_container_ref", "client_crl_container_ref",
    "default_tls_container_ref", "hsts_*", "insert_headers", "l7policies", "sni_container_refs", "tls_*",
]
# What needs somebody who counts or times connections, with Octavia's defaults.
LISTENER_LIMITS = {
    "connection_limit": "-1", "timeout_client_data": "50000", "timeout_member_connect": "5000",
    "timeout_member_data": "50000", "timeout_tcp_inspect": "0",
}
POOL_REFUSED = ["alpn_protocols", "ca_tls_container_ref", "crl_container_ref", "tls_*"]
# OVN's health checks probe the member itself.
MEMBER_REFUSED = ["monitor_address", "monitor_port"]
# They open a connection and ask nothing.
MONITOR_REFUSED = ["domain_name", "expected_codes", "http_method", "http_version", "url_path"]
# OVN counts milliseconds and probes in 31 bits.
MOST_SECONDS, MOST_PROBES = 2_147_483, 2_147_483_647
# What the user turned off may be passed all the same.
NOT_ASKED = ["", "false", "False", "null", "[]", "{}"]


def refusal(code: str, field: str, user: str, operator: str = "") -> Refusal:
    """Why a user's wish is not carried out: a stable code, the field in Octavia's words, a sentence for the user, and one
    for the operator, where that one has more to know."""
    return Refusal(code, field, user, operator)


def refuse(code: str, field: str, user: str, operator: str = ""):
    """Ends the call with a refusal. The host hands it to the user; nothing is written."""
    raise Err(refusal(code, field, user, operator))


def check_extra(what: str, extra: list[tuple[str, str]], refused: list[str]) -> None:
    """Refuses the first attribute that cannot be honoured."""
    for key, value in extra:
        hit = any(key.startswith(r[:-1]) if r.endswith("*") else key == r for r in refused)
        if hit and value not in NOT_ASKED:
            refuse(
                f"unsupported-{key.replace('_', '-')}", f"{what}.{key}",
                f"OVN forwards connections without reading them, so it cannot honour {key} of a {what}; leave it unset",
            )


def check_limits(ctx: Context, listener: Listener) -> None:
    """Refuses what would have no effect, but for what the load balancer has had since another version accepted it."""
    inherited = dict(ctx.extra).get("inherited", "").split(" ")
    asked = dict(listener.extra)
    for key, default in LISTENER_LIMITS.items():
        if asked.get(key, default) != default and f"listener.{key}" not in inherited:
            refuse(
                f"unsupported-{key.replace('_', '-')}", f"listener.{key}",
                f"OVN neither counts nor times connections, so it cannot honour a {key} of {asked[key]}; "
                f"leave it at Octavia's default, {default}",
            )


def check_listener(ctx: Context, listener: Listener) -> None:
    if listener.protocol not in PROTOCOLS:
        refuse(
            "unsupported-protocol", "listener.protocol",
            f"OVN cannot translate here a listener of {listener.protocol}; choose {' or '.join(PROTOCOLS)}",
        )
    if listener.port == 0:
        refuse("invalid-port", "listener.protocol_port", "a listener needs a port above 0")
    check_extra("listener", listener.extra, LISTENER_REFUSED)
    check_limits(ctx, listener)


def check_pool(pool: Pool, listener: Listener | None = None) -> None:
    if pool.protocol not in PROTOCOLS:
        every = " or ".join(PROTOCOLS)
        refuse(
            "protocol-mismatch", "pool.protocol",
            f"OVN cannot forward {listener.protocol if listener else every} to a pool of {pool.protocol}; "
            f"choose a pool of {every}",
        )
    check_extra("pool", pool.extra, POOL_REFUSED)


def check_member(ctx: Context, member: Member) -> Refusal | None:
    """What is wrong with a member, or nothing."""
    for key in MEMBER_REFUSED:
        asked = next((value for k, value in member.extra if k == key), None)
        if asked is not None:
            return refusal(
                f"unsupported-{key.replace('_', '-')}", f"member.{key}",
                f"OVN checks a member at its own address and port, not at {asked}; "
                f"leave {key} of member {member.address} unset",
            )
    families = [vip.family for vip in ctx.vips if not vip.floating]
    if families and member.family not in families:
        return refusal(
            "ip-version-mismatch", "member.address",
            f"no VIP of the load balancer has the IP version of member {member.address}; "
            "OVN cannot translate between IPv4 and IPv6, so choose a member of the VIP's version",
        )
    if member.port == 0:
        return refusal("invalid-port", "member.protocol_port", "a member needs a port above 0")
    return None


def backends(vip: Vip, members: list[Member], shares: dict[int, int]) -> list[Backend]:
    """The members behind a VIP: enabled, with a share, of its IP version. They are named by index."""
    # OVN has floating IPs for IPv4 only.
    if vip.floating and vip.family == Family.IPV6:
        return []
    return [
        Backend(index, member.port, shares[index])
        for index, member in enumerate(members)
        if shares.get(index, 0) > 0 and member.family == vip.family
    ]


def why_empty(ctx: Context, members: list[Member], shares: dict[int, int]) -> str:
    """The host takes an answer without backends for a failure, unless it is told why."""
    if not ctx.vips:
        return "the load balancer has no VIP"
    if not members:
        return "the pool has no members"
    if not any(member.enabled for member in members):
        return "all members are disabled"
    if not any(shares.values()):
        return "no enabled member has a share of the connections"
    return "no usable member has the IP version of a VIP"


class About:
    """What every plugin answers."""

    def describe(self) -> Description:
        return Description(
            name="my-plugin",
            version="0.1.0",
            protocols=PROTOCOLS,
            algorithms=[],
            # Also asked for the transport of a load balancer without listeners.
            fallback=True,
            # JSON Schema of a configuration; empty for none.
            config_schema="",
            # Keys of Load_Balancer.options that `translate` may set.
            options=[],
        )

    def check_config(self, config: str) -> None:
        if config:
            refuse("unexpected-config", "config", "this plugin takes no configuration")


class Protocol:
    """What a listener with its pool becomes."""

    def translate(
        self, ctx: Context, listener: Listener | None, pool: Pool | None, members: list[Member], shares: list[Share],
    ) -> Translation:
        # Any part may be absent; what is there is judged all the same.
        if listener is not None:
            check_listener(ctx, listener)
        if pool is not None:
            check_pool(pool, listener)

        if listener is None:
            return Translation(TRANSPORT, [], [], "there is no listener")
        if pool is None:
            return Translation(TRANSPORT, [], [], "the listener has no pool")
        if not listener.enabled:
            return Translation(TRANSPORT, [], [], "the listener is disabled")
        if not pool.enabled:
            return Translation(TRANSPORT, [], [], "the pool is disabled")

        # Of the shares that an algorithm plugin gave, those of members that can be used.
        usable = {
            s.member: s.copies
            for s in shares
            if s.member < len(members) and members[s.member].enabled and members[s.member].port != 0
        }
        entries = []
        for index, vip in enumerate(ctx.vips):
            behind = backends(vip, members, usable)
            if behind:
                entries.append(Entry(index, listener.port, behind))
        log.write(log.Level.DEBUG, f"{len(entries)} VIPs with backends")
        return Translation(TRANSPORT, entries, [], None if entries else why_empty(ctx, members, usable))

    def check_members(self, ctx: Context, pool: Pool, members: list[Member]) -> list[tuple[int, Refusal]]:
        """Every bad member at once."""
        judged = ((index, check_member(ctx, member)) for index, member in enumerate(members))
        return [(index, why) for index, why in judged if why is not None]

    def plan_monitor(self, ctx: Context, pool: Pool, monitor: Monitor) -> HealthCheck:
        check_pool(pool)
        if monitor.kind not in MONITORS:
            refuse(
                "unsupported-monitor-type", "healthmonitor.type",
                f"OVN cannot check the members of a pool of {pool.protocol} by {monitor.kind}; choose {' or '.join(MONITORS)}",
            )
        asked = dict(monitor.extra)
        for key in MONITOR_REFUSED:
            if key in asked:
                refuse(
                    f"unsupported-{key.replace('_', '-')}", f"healthmonitor.{key}",
                    f"OVN checks by {monitor.kind} and asks a member nothing, so it cannot honour a {key} of {asked[key]}; "
                    "leave it unset",
                )
        numbers = {
            "delay": (monitor.delay_s, MOST_SECONDS), "timeout": (monitor.timeout_s, MOST_SECONDS),
            "max_retries": (monitor.rise, MOST_PROBES), "max_retries_down": (monitor.fall, MOST_PROBES),
        }
        for name, (number, most) in numbers.items():
            if not 1 <= number <= most:
                refuse(
                    f"invalid-monitor-{name.replace('_', '-')}", f"healthmonitor.{name}",
                    f"OVN cannot check members with a {name} of {number}; choose 1 to {most}",
                )
        return HealthCheck(monitor.delay_s, monitor.timeout_s, monitor.rise, monitor.fall)

"""Changes that make sense for every shape: the same ones, whoever is the provider."""

from networks import named


def use(octavia, m):
    """What users do in the course of time: members come and go, a listener more, a pool more."""
    lb = m.lb
    for pool in octavia.pools_of(lb)[:1]:
        version = 6 if any(":" in one["address"] for one in pool["members"].values()) or _is_ipv6(octavia, lb) else 4
        new = [octavia.make_member(pool["pool_id"], named(f"{m.n} used {number}"), "a", number, 9000, version) for number in (16, 17)]
        octavia.batch(pool["pool_id"], [*(dict(one) for one in pool["members"].values()), *new])
        octavia.delete_member(pool["pool_id"], new[1]["member_id"])
        octavia.listener(named(f"{m.n} used listener"), lb, 7000, protocol=pool["protocol"], pool=pool["pool_id"])
    for listener in octavia.listeners_of(lb)[:1]:
        octavia.update_listener(listener["listener_id"], admin_state_up=not listener["admin_state_up"])
        octavia.update_listener(listener["listener_id"], admin_state_up=not listener["admin_state_up"])


def finish(octavia, m, check):
    """A listener update, a member batch, a listener delete, a cascade delete; `check` looks at the rows after each."""
    lb = m.lb
    listeners, pools = octavia.listeners_of(lb), octavia.pools_of(lb)
    for listener in listeners[:1]:
        octavia.update_listener(listener["listener_id"], admin_state_up=False)
        check("disabled")
        octavia.update_listener(listener["listener_id"], admin_state_up=True)
        check("enabled")
    for pool in pools[:1]:
        version = 6 if _is_ipv6(octavia, lb) else 4
        members = [dict(one) for one in pool["members"].values()]
        members = members[1:] + [octavia.make_member(pool["pool_id"], named(f"{m.n} last"), "a", 18, 9100, version)]
        octavia.batch(pool["pool_id"], members)
        check("batch")
    for listener in listeners[:1]:
        octavia.delete_listener(listener["listener_id"])
        check("a listener less")
    octavia.delete_loadbalancer(lb)
    check("deleted")


def _is_ipv6(octavia, lb):
    return ":" in octavia.loadbalancers[lb]["vip_address"]

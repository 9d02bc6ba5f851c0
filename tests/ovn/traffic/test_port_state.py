"""Members behind a monitor whose port in OVN is down, as a VM's is that was never started: OVN sets a member offline only from
online, and keeps its share of the connections where its check has no result yet."""

import clients
import pytest
from clients import only
from protocols import BOTH, EACH, PROBED


@pytest.fixture
def unplug(lab):
    """A function that takes a machine off its switch; it is given back at the end at the latest."""
    off = []

    def take(name):
        off.append(name)
        lab.unplug(name)

    yield take
    for name in off:
        lab.plug(name)


def backends(balancer):
    """All that the only VIP entry of a load balancer holds."""
    [row] = balancer.rows
    [entry] = row["vips"].values()
    return {backend.rpartition(":")[0].strip("[]") for backend in entry.split(",")}


def wait_for_backends(balancer, *servers):
    wanted = {server.address for server in servers}
    balancer.wait_for_rows(f"{wanted}", lambda _: backends(balancer) == wanted)


@EACH
def test_member_with_port_down_gets_no_traffic_until_it_is_up(lab, balancer, serve, unplug, protocol, version):
    monitor, kind, ask = PROBED[protocol]
    alive, stopped = serve("a1", "b1", kind=kind, version=version)
    unplug("b1")
    one = balancer(version=version)
    _, pool, (_, member) = one.front(protocol, 80, [alive, stopped])
    one.monitor(pool, monitor, max_retries=1)
    one.operating(member, "member", "ERROR")
    one.operating(pool, "pool", "DEGRADED")
    wait_for_backends(one, alive)
    one.alive(alive)
    for client in (lab.near, lab.far):
        assert only(ask, client, one.vip, 80, ["a1"]), client.name

    lab.plug("b1")
    one.alive(stopped)
    one.operating(pool, "pool", "ONLINE")
    assert only(ask, lab.near, one.vip, 80, ["a1", "b1"], 40)


@BOTH
def test_stopped_member_switched_off_and_on_gets_no_traffic(lab, balancer, serve, unplug, protocol, version):
    monitor, kind, ask = PROBED[protocol]
    alive, stopped = serve("a1", "a2", kind=kind, version=version)
    one = balancer(version=version)
    _, pool, (_, member) = one.front(protocol, 80, [alive, stopped])
    one.monitor(pool, monitor, max_retries=1)
    one.alive(alive)
    one.alive(stopped)
    unplug("a2")
    one.operating(member, "member", "ERROR")
    assert only(ask, lab.near, one.vip, 80, ["a1"])
    # Its check in OVN is a new one then, without a result.
    one.update("member", member, admin_state_up=False)
    one.update("member", member, admin_state_up=True)
    one.operating(member, "member", "ERROR")
    wait_for_backends(one, alive)
    for client in (lab.near, lab.far):
        assert only(ask, client, one.vip, 80, ["a1"]), client.name


@BOTH
def test_backup_serves_while_ports_of_all_others_are_down(lab, balancer, serve, unplug, protocol, version):
    monitor, kind, ask = PROBED[protocol]
    primary, spare = serve("a1", "a2", kind=kind, version=version)
    unplug("a1")
    one = balancer(version=version)
    listener = one.listener(protocol, 80)
    pool = one.pool(listener)
    member = one.member(pool, primary)
    one.member(pool, spare, backup=True)
    one.monitor(pool, monitor, max_retries=1)
    one.operating(member, "member", "ERROR")
    wait_for_backends(one, spare)
    one.alive(spare)
    for client in (lab.near, lab.far):
        assert only(ask, client, one.vip, 80, ["a2"]), client.name

    lab.plug("a1")
    wait_for_backends(one, primary)
    one.alive(primary)
    assert only(ask, lab.near, one.vip, 80, ["a1"])


@BOTH
def test_vip_with_all_ports_down_stays_and_serves_once_one_is_up(lab, balancer, serve, unplug, protocol, version):
    monitor, kind, ask = PROBED[protocol]
    both = serve("a1", "a2", kind=kind, version=version)
    unplug("a1")
    unplug("a2")
    one = balancer(version=version)
    _, pool, members = one.front(protocol, 80, both)
    one.monitor(pool, monitor, max_retries=1)
    for member in members:
        one.operating(member, "member", "ERROR")
    one.operating(pool, "pool", "ERROR")
    # OVN reports all ports down while its Southbound is being rebuilt: the entry must not be emptied for it.
    assert backends(one) == {server.address for server in both}
    assert clients.outcome(ask, lab.near, one.vip, 80, patience=1) == "timed out"

    lab.plug("a1")
    wait_for_backends(one, both[0])
    one.alive(both[0])
    one.operating(pool, "pool", "DEGRADED")
    assert only(ask, lab.near, one.vip, 80, ["a1"])

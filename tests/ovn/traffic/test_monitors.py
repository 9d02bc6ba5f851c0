"""Health monitors: who does not answer gets no traffic, and Octavia hears of it."""

import clients
import network
from clients import only
from protocols import EACH, PROBED

@EACH
def test_a_dead_member_leaves_and_comes_back(lab, balancer, serve, protocol, version):
    monitor, kind, ask = PROBED[protocol]
    alive, dead = serve("a1", "b1", kind=kind, version=version)
    one = balancer(version=version)
    _, pool, _ = one.front(protocol, 80, [alive, dead])
    one.monitor(pool, monitor)
    one.alive(dead)
    assert only(ask, lab.near, one.vip, 80, ["a1", "b1"], 40)

    dead.stop()
    one.dead(dead)
    one.operating(pool, "pool", "DEGRADED")
    for client in (lab.near, lab.far):
        assert only(ask, client, one.vip, 80, ["a1"]), client.name

    dead.start()
    one.alive(dead)
    one.operating(pool, "pool", "ONLINE")
    assert only(ask, lab.near, one.vip, 80, ["a1", "b1"], 40)


def test_the_monitors_numbers_are_those_of_ovns_checks(lab, balancer, serve):
    [server] = serve("a1")
    one = balancer()
    _, pool, _ = one.front("TCP", 80, [server])
    monitor = one.monitor(pool, "TCP", delay=3, timeout=2, max_retries=4, max_retries_down=5)

    def numbers():
        [row] = lab.southbound.rows("Service_Monitor", ["ip", "==", server.address], ["port", "==", server.port])
        return row["options"]

    assert numbers() == {"interval": "3", "timeout": "2", "success_count": "4", "failure_count": "5"}
    one.update("healthmonitor", monitor, delay=1, timeout=1)
    assert numbers() == {"interval": "1", "timeout": "1", "success_count": "4", "failure_count": "5"}


def test_a_dead_member_leaves_the_floating_ip_too(lab, balancer, serve):
    alive, dead = serve("a1", "a2")
    one = balancer()
    _, pool, _ = one.front("TCP", 80, [alive, dead])
    one.monitor(pool, "TCP")
    floating = one.float()
    one.alive(dead)
    assert only(clients.tcp, lab.outside, floating, 80, ["a1", "a2"], 40)
    dead.stop()
    one.dead(dead)
    assert only(clients.tcp, lab.outside, floating, 80, ["a1"])
    dead.start()
    one.alive(dead)
    assert only(clients.tcp, lab.outside, floating, 80, ["a1", "a2"], 40)


def test_open_connections_outlive_another_members_death(lab, balancer, serve):
    alive, dead = serve("a1", "a2")
    one = balancer()
    _, pool, _ = one.front("TCP", 80, [alive, dead])
    one.monitor(pool, "TCP")
    one.alive(alive)
    one.alive(dead)
    with clients.connection_to(lab.near, one.vip, 80, "a1") as near, clients.connection_to(lab.far, one.vip, 80, "a1") as far:
        dead.stop()
        one.dead(dead)
        near.ask(), far.ask()


def test_a_backup_serves_while_no_other_does(lab, balancer, serve):
    primary, backup = serve("a1", "a2")
    one = balancer()
    listener = one.listener("TCP", 80)
    pool = one.pool(listener)
    one.member(pool, primary)
    spare = one.member(pool, backup, backup=True)
    one.monitor(pool, "TCP")
    one.alive(primary)
    assert only(clients.tcp, lab.near, one.vip, 80, ["a1"])
    primary.stop()
    one.dead(primary)
    one.wait_for_rows("the backup", lambda rows: f"{spare['address']}:{spare['protocol_port']}" in str(rows[0]["vips"]))
    assert only(clients.tcp, lab.near, one.vip, 80, ["a2"])
    primary.start()
    one.alive(primary)
    one.wait_for_rows("no backup", lambda rows: f"{spare['address']}:{spare['protocol_port']}" not in str(rows[0]["vips"]))
    assert only(clients.tcp, lab.near, one.vip, 80, ["a1"])


def test_without_a_source_members_are_served_unchecked(lab, balancer, serve):
    [server] = serve("a1")
    one = balancer()
    _, pool, _ = one.front("TCP", 80, [server])
    one.monitor(pool, "TCP")
    one.alive(server)
    with network.no_source(lab.northbound, network.PRIVATE, 4):
        one.wait_for_rows("no checks", lambda rows: not rows[0]["health_check"] and not rows[0]["ip_port_mappings"])
        assert clients.tcp(lab.near, one.vip, 80) == "a1"
    one.wait_for_rows("checks", lambda rows: rows[0]["health_check"] and rows[0]["ip_port_mappings"])
    one.alive(server)
    assert clients.tcp(lab.near, one.vip, 80) == "a1"


def test_without_its_monitor_a_pool_has_all_members(lab, balancer, serve):
    alive, dead = serve("a1", "a2")
    one = balancer()
    _, pool, (_, member) = one.front("TCP", 80, [alive, dead])
    monitor = one.monitor(pool, "TCP")
    dead.stop()
    one.dead(dead)
    one.remove("healthmonitor", monitor)
    one.operating(member, "member", "NO_MONITOR")
    assert {clients.outcome(clients.tcp, lab.near, one.vip, 80) for _ in range(20)} == {"a1", "refused"}

"""Clients that stay with their server."""

import concurrent.futures

import clients
import network
import pytest
import servers
from namespaces import run

CROWD = [network.PUBLIC.at(host) for host in range(40, 60)]


@pytest.fixture(scope="module")
def crowd(lab):
    """Further addresses of the machine outside: many clients."""
    for address in CROWD:
        run("ip", "-n", "outside", "address", "add", f"{address}/24", "dev", "eth0")
    yield CROWD
    for address in CROWD:
        run("ip", "-n", "outside", "address", "delete", f"{address}/24", "dev", "eth0")


def test_source_ip_port_spreads_one_client(lab, balancer, serve, crowd):
    one = balancer()
    one.front("TCP", 80, serve("a1", "a2"))
    floating = one.float()
    got = {client: clients.many(clients.tcp, lab.outside, floating, 80, 20, source=client) for client in crowd[:3]}
    assert all(set(names) == {"a1", "a2"} for names in got.values()), got


def test_source_ip_sticks(lab, balancer, serve, crowd):
    one = balancer()
    one.front("TCP", 80, serve("a1", "a2"), lb_algorithm="SOURCE_IP")
    floating = one.float()
    got = {client: clients.many(clients.tcp, lab.outside, floating, 80, 6, source=client) for client in crowd}
    assert all(len(names) == 1 for names in got.values()), got
    assert set().union(*got.values()) == {"a1", "a2"}, got


@pytest.mark.parametrize("version", [4, 6])
def test_source_ip_sticks_inside(lab, balancer, serve, version):
    one = balancer(version=version)
    one.front("TCP", 80, serve("a1", "a2", version=version), lb_algorithm="SOURCE_IP")
    for client in (lab.near, lab.far, lab.a3, lab.a4):
        assert len(clients.many(clients.tcp, client, one.vip, 80, 12)) == 1, client.name


PERSISTENT = {"session_persistence": {"type": "SOURCE_IP", "persistence_timeout": 600}}


def test_session_persistence_sticks(lab, balancer, serve, crowd):
    one = balancer()
    one.front("TCP", 80, serve("a1", "a2"), **PERSISTENT)
    floating = one.float()
    # Sources stand for clients here: they all are the machine outside.
    with concurrent.futures.ThreadPoolExecutor(8) as threads:
        got = dict(zip(crowd, threads.map(
            lambda client: clients.acquainted(clients.tcp, lab.outside, floating, 80, 6, source=client), crowd[:8])))
    assert all(len(names) == 1 for names in got.values()), got
    assert set().union(*got.values()) == {"a1", "a2"}, got


@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize("protocol, kind, ask", [("TCP", servers.Tcp, clients.tcp), ("UDP", servers.Udp, clients.udp)])
def test_session_persistence_sticks_inside(lab, balancer, serve, protocol, kind, ask, version):
    one = balancer(version=version)
    one.front(protocol, 80, serve("a1", "a2", kind=kind, version=version), **PERSISTENT)
    ways = [(client, one.vip) for client in (lab.near, lab.far, lab.a3, lab.a4)]
    got = clients.each(ways, lambda client, vip: clients.acquainted(ask, client, vip, 80, 12))
    assert all(len(names) == 1 for names in got.values()), got


def test_persistence_outlives_a_new_member(lab, balancer, serve):
    one = balancer()
    _, pool, _ = one.front("TCP", 80, serve("a1", "a2"), **PERSISTENT)
    ways = [(client, one.vip) for client in (lab.near, lab.far, lab.a3)]
    before = clients.each(ways, lambda client, vip: set(clients.acquainted(clients.tcp, client, vip, 80, 3)))
    one.member(pool, *serve("b1"))
    after = clients.each(ways, lambda client, vip: set(clients.many(clients.tcp, client, vip, 80, 10)))
    assert after == before


def test_persistence_ends_when_its_member_goes(lab, balancer, serve):
    one = balancer()
    _, pool, members = one.front("TCP", 80, serve("a1", "a2"), **PERSISTENT)
    [name] = clients.acquainted(clients.tcp, lab.near, one.vip, 80, 3)
    one.remove("member", members[["a1", "a2"].index(name)])
    [other] = clients.acquainted(clients.tcp, lab.near, one.vip, 80, 10)
    assert {name, other} == {"a1", "a2"}

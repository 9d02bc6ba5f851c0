"""Subnets without a port that health checks are sent from, and no Neutron to ask for one."""

import clients
import network
import pytest
from clients import only
from protocols import BOTH, EACH, PROBED
from weir import Refusal


def in_second_subnet(balancer, pool, server):
    return balancer.member(pool, server, subnet_id=network.SECOND.subnet(server.address))


@BOTH
def test_dead_member_stays_out_when_its_subnet_loses_its_source(lab, balancer, serve, protocol, version):
    monitor, kind, ask = PROBED[protocol]
    alive, dead = serve("a1", "a2", kind=kind, version=version)
    one = balancer(version=version)
    _, pool, (other, member) = one.front(protocol, 80, [alive, dead])
    dead.stop()
    one.monitor(pool, monitor, max_retries=1)
    one.dead(dead)
    # An entry whose members are all dead stays as it is.
    one.alive(alive)
    with network.no_source(lab.northbound, network.PRIVATE, version):
        one.wait_for_rows("no checks", lambda rows: not rows[0]["health_check"] and not rows[0]["ip_port_mappings"])
        for client in (lab.near, lab.far):
            assert only(ask, client, one.vip, 80, ["a1"]), client.name
        # The last result counts for further changes too, and nothing says that the server is back.
        one.update("member", other, weight=2)
        dead.start()
        assert only(ask, lab.near, one.vip, 80, ["a1"])
        one.operating(member, "member", "ERROR")
    one.alive(dead)
    assert only(ask, lab.near, one.vip, 80, ["a1", "a2"], 40)


@EACH
def test_monitor_over_subnet_without_source_is_refused_and_vip_serves(lab, balancer, serve, protocol, version):
    monitor, kind, ask = PROBED[protocol]
    one = balancer(version=version)
    pool = one.pool(one.listener(protocol, 80))
    for server in serve("a3", "a4", kind=kind, version=version, net=network.SECOND):
        in_second_subnet(one, pool, server)
    with pytest.raises(Refusal, match="no-probe-source"):
        one.monitor(pool, monitor)
    lab.settle()
    for client in (lab.near, lab.far):
        assert only(ask, client, one.vip, 80, ["a3", "a4"], 40), client.name


@pytest.mark.parametrize("version", [4, 6])
def test_monitor_over_subnet_with_source_of_an_operator_is_accepted_and_works(lab, balancer, serve, version):
    alive, dead = serve("a3", "a4", version=version, net=network.SECOND)
    dead.stop()
    one = balancer(version=version)
    pool = one.pool(one.listener("TCP", 80))
    for server in (alive, dead):
        in_second_subnet(one, pool, server)
    network.add_source(lab.northbound, network.SECOND, version)
    try:
        one.monitor(pool, "TCP", max_retries=1)
        one.alive(alive)
        one.dead(dead)
        assert only(clients.tcp, lab.near, one.vip, 80, ["a3"])
    finally:
        network.remove_port(lab.northbound, network.SECOND, network.source_name(network.SECOND, version))


@BOTH
def test_member_in_subnet_without_source_is_refused_and_probed_ones_serve(lab, balancer, serve, protocol, version):
    monitor, kind, ask = PROBED[protocol]
    [probed] = serve("a1", kind=kind, version=version)
    [other] = serve("a3", kind=kind, version=version, net=network.SECOND)
    one = balancer(version=version)
    _, pool, _ = one.front(protocol, 80, [probed])
    one.monitor(pool, monitor, max_retries=1)
    one.alive(probed)
    with pytest.raises(Refusal, match="no-probe-source"):
        in_second_subnet(one, pool, other)
    lab.settle()
    for client in (lab.near, lab.far):
        assert only(ask, client, one.vip, 80, ["a1"]), client.name

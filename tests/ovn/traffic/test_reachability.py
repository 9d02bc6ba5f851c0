"""VIPs that no router answers for by default, and what makes routers answer."""

import clients
import network
import pytest
import servers
from programs import wait_for

KINDS = {"TCP": (servers.Tcp, clients.tcp), "UDP": (servers.Udp, clients.udp)}


def codes(weir, balancer):
    """The codes of what Weir finds wrong with a load balancer."""
    status, view = weir.ask("GET", f"/v1/loadbalancers/{balancer.id}")
    assert status == 200, view
    return [finding["code"] for finding in view["findings"]]


@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize("protocol", KINDS)
def test_vip_in_another_subnet_of_the_external_network_is_reached(lab, weir, balancer, serve, protocol, version):
    kind, ask = KINDS[protocol]
    one = balancer(version=version, net=network.ELSEWHERE)
    one.front(protocol, 80, serve("a1", "b1", kind=kind, version=version))
    for client in (lab.outside, lab.near, lab.far):
        assert set(clients.many(ask, client, one.vip, 80, 40)) == {"a1", "b1"}, client.name
    assert codes(weir, one) == []


@pytest.mark.parametrize("version", [4, 6])
def test_neighbor_responder_of_the_flavor_decides(lab, weir, balancer, serve, version):
    one = balancer(version=version, net=network.ELSEWHERE, flavor={"neighbor_responder": "reachable"})
    one.front("TCP", 80, serve("a1", version=version))
    assert clients.outcome(clients.tcp, lab.outside, one.vip, 80) in clients.NOBODY
    assert clients.tcp(lab.near, one.vip, 80) == "a1"
    assert codes(weir, one) == ["vip-outside-router-subnets"]


@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize("protocol", KINDS)
def test_vip_on_a_network_without_router_is_reached_once_there_is_one(lab, weir, balancer, serve, protocol, version):
    kind, ask = KINDS[protocol]
    one = balancer(version=version, net=network.LONELY)
    one.front(protocol, 80, serve("l1", "l2", kind=kind, version=version))
    assert clients.outcome(ask, lab.alone, one.vip, 80) in clients.NOBODY
    assert codes(weir, one) == ["no-router"]
    lab.northbound.transact(*network.connect(network.R3, network.LONELY))
    try:
        one.wait_for_rows("the router", lambda rows: network.R3.row in str(rows[0]["external_ids"]))
        for client in (lab.alone, lab.l1):
            assert set(clients.many(ask, client, one.vip, 80, 40)) == {"l1", "l2"}, client.name
        assert codes(weir, one) == []
    finally:
        network.disconnect(lab.northbound, network.R3, network.LONELY)
    wait_for("no router", lambda: codes(weir, one) == ["no-router"])

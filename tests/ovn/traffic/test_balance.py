"""Traffic reaches all members, wherever it comes from."""

import clients
import network
import pytest
import servers

KINDS = {"TCP": (servers.Tcp, clients.tcp), "UDP": (servers.Udp, clients.udp)}


@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize("protocol", KINDS)
def test_two_members_share_what_comes_from_both_switches(lab, balancer, serve, protocol, version):
    kind, ask = KINDS[protocol]
    members = serve("a1", "a2", kind=kind, version=version)
    one = balancer(version=version)
    one.front(protocol, 80, members)
    for client in (lab.near, lab.far):
        shares = clients.many(ask, client, one.vip, 80, 60)
        assert set(shares) == {"a1", "a2"} and min(shares.values()) >= 12, (client.name, shares)
    # Members see who asks.
    assert set(members[0].came) == {lab.near.addresses[version == 6], lab.far.addresses[version == 6]}


@pytest.mark.parametrize("version", [4, 6])
def test_members_on_both_networks(lab, balancer, serve, version):
    one = balancer(version=version)
    one.front("TCP", 80, serve("a1", "b1", version=version))
    for client in (lab.near, lab.far, lab.a3):
        assert set(clients.many(clients.tcp, client, one.vip, 80, 40)) == {"a1", "b1"}, client.name


@pytest.mark.parametrize("version", [4, 6])
def test_a_member_uses_its_own_load_balancer(lab, balancer, serve, version):
    one = balancer(version=version)
    one.front("TCP", 80, serve("a1", "a2", version=version))
    assert set(clients.many(clients.tcp, lab.a1, one.vip, 80, 40)) == {"a1", "a2"}


@pytest.mark.parametrize("protocol", KINDS)
def test_from_outside_through_a_floating_ip(lab, balancer, serve, protocol):
    kind, ask = KINDS[protocol]
    one = balancer()
    one.front(protocol, 80, serve("a1", "a2", kind=kind))
    floating = one.float()
    shares = clients.many(ask, lab.outside, floating, 80, 60)
    assert set(shares) == {"a1", "a2"} and min(shares.values()) >= 12, shares
    # It serves those inside too, and the VIP goes on.
    for client in (lab.near, lab.far):
        assert ask(client, floating, 80) in ("a1", "a2"), client.name
        assert ask(client, one.vip, 80) in ("a1", "a2"), client.name


def test_a_floating_ip_that_goes_takes_nothing_else_along(lab, balancer, serve):
    one = balancer()
    one.front("TCP", 80, serve("a1"))
    floating = one.float()
    with clients.Connection(lab.near, one.vip, 80) as inside:
        assert clients.tcp(lab.outside, floating, 80) == "a1"
        network.remove_floating_ip(lab.northbound, network.R1, floating)
        one.wait_for_rows("without it", lambda rows: floating not in str(rows))
        assert clients.outcome(clients.tcp, lab.outside, floating, 80) == "timed out"
        inside.ask()
        assert clients.tcp(lab.far, one.vip, 80) == "a1"


def test_ipv6_from_outside_through_the_router(lab, balancer, serve):
    one = balancer(version=6)
    one.front("TCP", 80, serve("a1", "a2", version=6))
    assert set(clients.many(clients.tcp, lab.outside, one.vip, 80, 40)) == {"a1", "a2"}


def test_a_vip_on_the_provider_network(lab, balancer, serve):
    one = balancer(net=network.PUBLIC)
    one.front("TCP", 80, serve("a1", "a2"))
    for client in (lab.outside, lab.near, lab.far):
        assert set(clients.many(clients.tcp, client, one.vip, 80, 40)) == {"a1", "a2"}, client.name


def test_listeners_of_one_port_and_two_protocols(lab, balancer, serve):
    one = balancer()
    one.front("TCP", 53, serve("a1"))
    one.front("UDP", 53, serve("a2", kind=servers.Udp))
    assert clients.tcp(lab.far, one.vip, 53) == "a1"
    assert clients.udp(lab.far, one.vip, 53) == "a2"


def test_an_additional_vip_of_the_other_ip_version(lab, balancer, serve):
    one = balancer(additional=6)
    listener = one.listener("TCP", 80)
    pool = one.pool(listener)
    for server in (*serve("a1", "b1"), *serve("a1", "b1", version=6)):
        one.member(pool, server)
    for client in (lab.near, lab.far):
        for vip in (one.vip, one.second_vip):
            assert set(clients.many(clients.tcp, client, vip, 80, 40)) == {"a1", "b1"}, (client.name, vip)


def test_a_vip_on_a_port_of_the_users_own(lab, balancer, serve):
    one = balancer(own_port=True)
    one.front("TCP", 80, serve("a1", "b1"))
    floating = one.float()
    for client, address in ((lab.near, one.vip), (lab.far, one.vip), (lab.outside, floating)):
        assert set(clients.many(clients.tcp, client, address, 80, 40)) == {"a1", "b1"}, client.name

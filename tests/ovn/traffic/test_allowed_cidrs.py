"""Listeners' `allowed_cidrs`: who is let in, with Neutron's own security groups beside them."""

import clients
import network
import pytest
import servers


def neutrons(lab):
    """Everything of security groups that is not a load balancer's."""
    def plain(table, *columns):
        rows = [row for row in lab.northbound.rows(table) if "weir" not in str(row["external_ids"])]
        return sorted(str({column: row[column] for column in columns}) for row in rows)

    return (plain("ACL", "_uuid", "direction", "priority", "match", "action", "tier", "external_ids"),
            plain("Port_Group", "_uuid", "name", "ports", "acls", "external_ids"))


def acls(lab):
    return [row for row in lab.northbound.rows("ACL") if "weir" in str(row["external_ids"])]


@pytest.fixture(autouse=True)
def security_groups_stay(lab):
    before = neutrons(lab)
    yield
    assert neutrons(lab) == before
    assert acls(lab) == []


@pytest.mark.parametrize("version", [4, 6])
def test_from_inside(lab, balancer, serve, version):
    one = balancer(version=version)
    listener, _, _ = one.front("TCP", 80, serve("a1", version=version))
    one.front("TCP", 81, serve("a2", version=version))
    everybody = [(client, one.vip) for client in (lab.near, lab.far, lab.a3, lab.b1)]
    near, far = (client.addresses[version == 6] + {4: "/32", 6: "/128"}[version] for client in (lab.near, lab.far))
    one.update("listener", listener, allowed_cidrs=[near, far])
    assert clients.outcomes(everybody) == {"near": "a1", "far": "a1", "a3": "timed out", "b1": "timed out"}
    # The other listener lets everybody in.
    assert set(clients.outcomes(everybody, 81).values()) == {"a2"}

    with clients.Connection(lab.near, one.vip, 80) as first, clients.Connection(lab.far, one.vip, 80) as second:
        one.update("listener", listener, allowed_cidrs=[str(network.OTHER.subnets()[version == 6]), near])
        first.ask(), second.ask()
        assert clients.outcomes(everybody) == {"near": "a1", "far": "a1", "a3": "timed out", "b1": "a1"}
        one.update("listener", listener, allowed_cidrs=[])
        first.ask(), second.ask()
    assert set(clients.outcomes(everybody).values()) == {"a1"}


def test_from_outside(lab, balancer, serve):
    one = balancer()
    listener, _, _ = one.front("TCP", 80, serve("a1"))
    one.front("TCP", 81, serve("a3"))
    floating = one.float()
    everybody = [(lab.outside, floating), (lab.stranger, floating), (lab.near, floating), (lab.far, one.vip)]
    one.update("listener", listener, allowed_cidrs=[f"{lab.outside.v4}/32"])
    assert clients.outcomes(everybody) == {"outside": "a1", "stranger": "timed out", "near": "timed out", "far": "timed out"}
    assert set(clients.outcomes(everybody, 81).values()) == {"a3"}
    with clients.Connection(lab.outside, floating, 80) as held:
        one.update("listener", listener, allowed_cidrs=[str(network.PUBLIC.v4), str(network.PRIVATE.v4)])
        held.ask()
        assert clients.outcomes(everybody) == {"outside": "a1", "stranger": "a1", "near": "a1", "far": "timed out"}


def test_open_connections_of_who_is_no_longer_allowed(lab, balancer, serve):
    one = balancer()
    listener, _, _ = one.front("TCP", 80, serve("a1"))
    ways = [(lab.near, one.vip), (lab.far, one.vip), (lab.outside, one.float())]
    held = [clients.Connection(client, address, 80) for client, address in ways]
    one.update("listener", listener, allowed_cidrs=[f"{lab.a3.v4}/32"])
    assert set(clients.outcomes(ways).values()) == {"timed out"}
    # Switches know them as established; the way to a router knows none, and drops what no CIDR allows.
    assert clients.go_on(held) == [True, True, False]


def test_udp(lab, balancer, serve):
    one = balancer()
    listener, _, _ = one.front("UDP", 53, serve("a1", kind=servers.Udp))
    floating = one.float()
    everybody = [(lab.near, one.vip), (lab.far, one.vip), (lab.outside, floating), (lab.stranger, floating)]
    one.update("listener", listener, allowed_cidrs=[f"{lab.far.v4}/32", f"{lab.stranger.v4}/32"])
    assert clients.outcomes(everybody, 53, clients.udp) == {
        "near": "timed out", "far": "a1", "outside": "timed out", "stranger": "a1"}


def test_a_vip_on_the_provider_network(lab, balancer, serve):
    one = balancer(net=network.PUBLIC)
    listener, _, _ = one.front("TCP", 80, serve("a1"))
    everybody = [(client, one.vip) for client in (lab.outside, lab.stranger, lab.near, lab.far)]
    one.update("listener", listener, allowed_cidrs=[f"{lab.outside.v4}/32", f"{lab.far.v4}/32"])
    assert clients.outcomes(everybody) == {"outside": "a1", "stranger": "timed out", "near": "timed out", "far": "a1"}


def test_ipv6_from_outside(lab, balancer, serve):
    one = balancer(version=6)
    listener, _, _ = one.front("TCP", 80, serve("a1", version=6))
    everybody = [(client, one.vip) for client in (lab.outside, lab.stranger, lab.near)]
    one.update("listener", listener, allowed_cidrs=[f"{lab.outside.v6}/128"])
    assert clients.outcomes(everybody) == {"outside": "a1", "stranger": "timed out", "near": "timed out"}


def test_from_the_first_moment_and_until_the_last(lab, balancer, serve):
    one = balancer()
    listener = one.listener("TCP", 80, allowed_cidrs=[f"{lab.near.v4}/32"])
    pool = one.pool(listener)
    one.member(pool, *serve("a1"))
    everybody = [(client, one.vip) for client in (lab.near, lab.far)]
    assert clients.outcomes(everybody) == {"near": "a1", "far": "timed out"}
    # Members' own addresses are others' business: whoever reaches a member without the VIP still does.
    member = pool["members"][0]
    assert clients.tcp(lab.far, member["address"], member["protocol_port"]) == "a1"
    one.remove("listener", listener)
    assert acls(lab) == []


def test_members_that_come_later_and_the_floating_ip_too(lab, balancer, serve):
    one = balancer()
    a1, b1 = serve("a1", "b1")
    listener = one.listener("TCP", 80, allowed_cidrs=[f"{lab.near.v4}/32", f"{lab.outside.v4}/32"])
    pool = one.pool(listener)
    one.member(pool, a1)
    one.member(pool, b1)
    floating = one.float()
    assert set(clients.many(clients.tcp, lab.near, one.vip, 80, 40)) == {"a1", "b1"}
    assert set(clients.many(clients.tcp, lab.outside, floating, 80, 40)) == {"a1", "b1"}
    # Thrice: what one member's switch lets through another's may not.
    ways = 3 * [(lab.far, one.vip), (lab.a3, one.vip), (lab.stranger, floating)]
    assert clients.outcomes(ways) == {"far": "timed out", "a3": "timed out", "stranger": "timed out"}

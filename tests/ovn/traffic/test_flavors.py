"""What flavors' options do in traffic."""

import clients
import network
import pytest


@pytest.mark.parametrize("version", [4, 6])
def test_reject_refuses_at_once_while_there_is_no_member(lab, balancer, serve, version):
    one = balancer(version=version, flavor={"reject": True})
    listener = one.listener("TCP", 80)
    ways = [(lab.near, one.vip), (lab.far, one.vip)]
    if version == 4:
        ways.append((lab.outside, one.float()))

    refused = {client.name: "refused" for client, _ in ways}
    assert clients.outcomes(ways) == refused
    pool = one.pool(listener)
    assert clients.outcomes(ways) == refused
    member = one.member(pool, *serve("a1", version=version))
    assert set(clients.outcomes(ways).values()) == {"a1"}
    one.update("member", member, weight=0)
    assert clients.outcomes(ways) == refused


def test_reject_of_udp(lab, balancer):
    one = balancer(flavor={"reject": True})
    one.pool(one.listener("UDP", 53))
    ways = [(lab.near, one.vip), (lab.far, one.vip)]
    assert clients.outcomes(ways, 53, clients.udp) == {"near": "refused", "far": "refused"}


def test_without_reject_nobody_answers(lab, balancer):
    one = balancer()
    one.pool(one.listener("TCP", 80))
    assert set(clients.outcomes([(lab.near, one.vip), (lab.far, one.vip)]).values()) <= set(clients.NOBODY)


def test_reject_while_all_members_are_dead(lab, balancer, serve):
    [dead] = serve("a1")
    one = balancer(flavor={"reject": True})
    silent = balancer()
    for balanced in (one, silent):
        _, pool, _ = balanced.front("TCP", 80, [dead])
        balanced.monitor(pool, "TCP")
    for balanced in (one, silent):
        balanced.alive(dead)
    dead.stop()
    for balanced in (one, silent):
        balanced.dead(dead)
        balanced.operating(balanced.pools[0], "pool", "ERROR")
    # In this order: that nobody answers also says that it is not the dead server's machine that refuses next.
    assert clients.outcome(clients.tcp, lab.near, silent.vip, 80) == "timed out"
    assert clients.outcome(clients.tcp, lab.near, one.vip, 80) == "refused"
    dead.start()
    one.alive(dead)
    assert clients.tcp(lab.near, one.vip, 80) == "a1"


HAIRPINS = {4: "169.254.7.7", 6: "fd77::7"}


@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize("given", ["none", "own", "both"])
def test_the_source_of_a_members_connections_to_itself(lab, balancer, serve, version, given):
    addresses = {"none": [], "own": [HAIRPINS[version]], "both": HAIRPINS.values()}[given]
    flavor = {"hairpin_snat_ip": " ".join(addresses)} if addresses else {}
    [server] = serve("a1", version=version)
    one = balancer(version=version, flavor=flavor)
    one.front("TCP", 80, [server])
    assert clients.tcp(lab.a1, one.vip, 80) == "a1"
    assert server.came == [one.vip if given == "none" else HAIRPINS[version]]
    # Others' connections keep their source.
    assert clients.tcp(lab.near, one.vip, 80) == "a1"
    assert server.came[-1] == lab.near.addresses[version == 6]


@pytest.mark.parametrize("flushed", [True, False])
def test_ct_flush_cuts_the_connections_of_members_that_go(lab, balancer, serve, flushed):
    one = balancer(flavor={"ct_flush": flushed})
    _, _, (first, _) = one.front("TCP", 80, serve("a1", "a2"))
    ways = [(lab.near, one.vip), (lab.far, one.vip)]
    if flushed:
        ways.append((lab.outside, one.float()))
    held = {name: [clients.connection_to(client, address, 80, name) for client, address in ways] for name in ("a1", "a2")}
    one.remove("member", first)
    assert clients.go_on(held["a1"]) == [not flushed for _ in ways]
    assert clients.go_on(held["a2"]) == [True for _ in ways]
    assert set(clients.many(clients.tcp, lab.near, one.vip, 80, 20)) == {"a2"}


@pytest.mark.parametrize("flushed", [True, False])
def test_ct_flush_cuts_the_connections_of_a_load_balancer_that_goes(lab, balancer, serve, flushed):
    # A switch without any load balancer has no connections to go on, whatever the option.
    balancer().front("TCP", 80, serve("a2"))
    one = balancer(flavor={"ct_flush": flushed})
    one.front("TCP", 80, serve("a1"))
    held = [clients.Connection(client, one.vip, 80) for client in (lab.near, lab.far)]
    one.delete()
    assert clients.go_on(held) == 2 * [not flushed]


@pytest.mark.parametrize("skip", [True, False])
def test_skip_snat_shows_members_who_comes(lab, balancer, serve, skip):
    [server] = serve("c1")
    one = balancer(net=network.EDGE, flavor={"skip_snat": skip})
    one.front("TCP", 80, [server])
    assert clients.tcp(lab.outside, one.float(), 80) == "c1"
    assert server.came == [lab.outside.v4 if skip else network.FORCED_SOURCE]


def test_affinity_timeout(lab, balancer, serve):
    one = balancer(flavor={"affinity_timeout": 600})
    one.front("TCP", 80, serve("a1", "a2"))
    ways = [(client, one.vip) for client in (lab.near, lab.far, lab.a3, lab.a4)]
    got = clients.each(ways, lambda client, vip: clients.acquainted(clients.tcp, client, vip, 80, 12))
    assert all(len(names) == 1 for names in got.values()), got

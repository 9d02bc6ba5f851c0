"""What happens to one pool, load balancer or host leaves the others' traffic alone."""

import clients
import servers


def test_an_update_of_one_pool_cuts_no_connection_of_another(lab, balancer, serve):
    one = balancer()
    one.front("TCP", 80, serve("a1"))
    listener, pool, (member,) = one.front("TCP", 81, serve("a2"))
    floating = one.float()
    ways = [(lab.near, one.vip), (lab.far, one.vip), (lab.outside, floating)]
    held = [clients.Connection(client, address, 80) for client, address in ways]

    def all_go_on():
        for connection in held:
            connection.ask()

    more = one.member(pool, *serve("b1"))
    all_go_on()
    # A pool that hashes otherwise gets a row of its own.
    one.update("pool", pool, lb_algorithm="SOURCE_IP")
    all_go_on()
    one.update("pool", pool, session_persistence={"type": "SOURCE_IP"})
    all_go_on()
    one.update("member", more, weight=0)
    all_go_on()
    one.remove("member", member)
    all_go_on()
    one.update("listener", listener, admin_state_up=False)
    all_go_on()
    one.remove("listener", listener)
    one.remove("pool", pool)
    all_go_on()
    one.front("UDP", 80, serve("a3", kind=servers.Udp))
    all_go_on()
    for connection in held:
        connection.close()


def test_another_load_balancers_delete_leaves_connections_alone(lab, balancer, serve):
    one, other = balancer(), balancer()
    # The same member of both: an endpoint is cleaned up for the load balancer that it left alone.
    [shared] = serve("a1")
    one.front("TCP", 80, [shared])
    other.front("TCP", 80, [shared])
    floating, _ = one.float(), other.float()
    ways = [(lab.near, one.vip), (lab.far, one.vip), (lab.outside, floating)]
    held = [clients.Connection(client, address, 80) for client, address in ways]
    other.delete()
    for (client, address), connection in zip(ways, held):
        connection.ask()
        connection.close()
        assert clients.tcp(client, address, 80) == "a1"
    assert clients.outcome(clients.tcp, lab.near, other.vip, 80) in clients.NOBODY


def test_weir_killed_and_started_again(lab, balancer, serve, weir):
    one = balancer()
    alive, dead = serve("a1", "a2")
    _, pool, _ = one.front("TCP", 80, [alive, dead])
    one.monitor(pool, "TCP")
    one.alive(dead)
    floating = one.float()
    ways = [(lab.near, one.vip), (lab.far, one.vip), (lab.outside, floating)]
    held = [clients.connection_to(client, address, 80, "a1") for client, address in ways]
    before = one.rows
    weir.kill()

    def all_goes_on(names):
        for (client, address), connection in zip(ways, held):
            connection.ask()
            assert set(clients.many(clients.tcp, client, address, 80, 20)) == names, client.name

    all_goes_on({"a1", "a2"})
    # OVN's own checks need no host.
    dead.stop()
    one.state_of(dead, "offline")
    lab.settle()
    all_goes_on({"a1"})
    weir.start()
    # What has happened meanwhile is told.
    one.dead(dead)
    all_goes_on({"a1"})
    dead.start()
    one.alive(dead)
    all_goes_on({"a1", "a2"})
    assert configured(one.rows) == configured(before)
    for connection in held:
        connection.close()


def configured(rows):
    """Rows without their versions and what only records members' states."""
    # Two are hashes over all of the row, one counts its writes.
    states = ("neutron:member_status", "weir:seen", "weir:own", "weir:revision")

    def ids(row):
        return {key: item for key, item in row["external_ids"].items() if key not in states}

    return [{**row, "external_ids": ids(row), "_version": None} for row in rows]

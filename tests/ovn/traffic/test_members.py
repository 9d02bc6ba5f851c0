"""Weights, draining, members that come and go: what new connections get, and what open ones notice."""

import clients


def test_weights_of_three_to_one(lab, balancer, serve):
    one = balancer()
    heavy, light = serve("a1", "a2")
    listener = one.listener("TCP", 80)
    pool = one.pool(listener)
    one.member(pool, heavy, weight=30)
    one.member(pool, light, weight=10)
    shares = clients.many(clients.tcp, lab.near, one.vip, 80, 2500)
    print(f"3:1 gave {shares}")
    assert 70 <= 100 * shares["a1"] / shares.total() <= 80, shares


def test_a_drained_member_keeps_its_connection(lab, balancer, serve):
    one = balancer()
    _, pool, (first, _) = one.front("TCP", 80, serve("a1", "a2"))
    with clients.connection_to(lab.near, one.vip, 80, "a1") as near, clients.connection_to(lab.far, one.vip, 80, "a1") as far:
        one.update("member", first, weight=0)
        assert set(clients.many(clients.tcp, lab.near, one.vip, 80, 20)) == {"a2"}
        near.ask(), far.ask()
        one.update("member", first, weight=1)
        assert set(clients.many(clients.tcp, lab.near, one.vip, 80, 40)) == {"a1", "a2"}
        near.ask(), far.ask()


def test_a_drained_member_keeps_its_connection_from_outside(lab, balancer, serve):
    one = balancer()
    _, _, (first, _) = one.front("TCP", 80, serve("a1", "a2"))
    floating = one.float()
    with clients.connection_to(lab.outside, floating, 80, "a1") as held:
        one.update("member", first, weight=0)
        assert set(clients.many(clients.tcp, lab.outside, floating, 80, 20)) == {"a2"}
        held.ask(patience=clients.SHORT)


def test_members_come_and_go_beside_open_connections(lab, balancer, serve):
    one = balancer()
    a1, a2, b1 = serve("a1", "a2", "b1")
    _, pool, (_, second) = one.front("TCP", 80, [a1, a2])
    floating = one.float()
    ways = [(lab.near, one.vip), (lab.far, one.vip), (lab.outside, floating)]
    held = [clients.connection_to(client, address, 80, "a1") for client, address in ways]

    def all_go_on():
        for connection in held:
            connection.ask()

    third = one.member(pool, b1)
    all_go_on()
    assert set(clients.many(clients.tcp, lab.near, one.vip, 80, 60)) == {"a1", "a2", "b1"}
    one.remove("member", second)
    all_go_on()
    assert set(clients.many(clients.tcp, lab.near, one.vip, 80, 40)) == {"a1", "b1"}
    one.update("member", third, admin_state_up=False)
    all_go_on()
    assert set(clients.many(clients.tcp, lab.near, one.vip, 80, 20)) == {"a1"}
    for connection in held:
        connection.close()


def test_a_batch(lab, balancer, serve):
    one = balancer()
    a1, a2, b1 = serve("a1", "a2", "b1")
    _, pool, (first, _) = one.front("TCP", 80, [a1, a2])
    with clients.connection_to(lab.near, one.vip, 80, "a1") as held:
        one.batch(pool, [first, one.member_of(pool, b1)])
        held.ask()
        assert set(clients.many(clients.tcp, lab.near, one.vip, 80, 40)) == {"a1", "b1"}


def test_a_member_without_a_subnet_of_its_own(lab, balancer, serve):
    one = balancer()
    listener = one.listener("TCP", 80)
    pool = one.pool(listener)
    one.member(pool, *serve("a1"), subnet_id=None)
    for client in (lab.near, lab.far):
        assert clients.tcp(client, one.vip, 80) == "a1", client.name


def test_a_listener_that_is_down_serves_nobody(lab, balancer, serve):
    one = balancer()
    listener, _, _ = one.front("TCP", 80, serve("a1"))
    one.front("TCP", 81, serve("a2"))
    one.update("listener", listener, admin_state_up=False)
    assert clients.outcome(clients.tcp, lab.near, one.vip, 80) == "timed out"
    assert clients.tcp(lab.near, one.vip, 81) == "a2"
    one.update("listener", listener, admin_state_up=True)
    assert clients.tcp(lab.near, one.vip, 80) == "a1"

"""Two hosts on one Northbound: both take calls, and one of them may die."""

import agreement
import pytest
from balancer import Full, member
from callers import Callers
from octavia_api import Octavia

HOSTS = ("weir", "other")


@pytest.fixture(scope="module")
def apis(stack):
    """APIs whose drivers call the one host, the other, and either."""
    stack.start_weir(name="other")
    urls = {name: f"unix://{stack.provider_of(name)}" for name in HOSTS}
    stack.start_api("through-other", wait=False, urls=urls["other"])
    stack.start_api("through-either", wait=False, urls=f"{urls['weir']},{urls['other']}")
    try:
        for name in ("through-other", "through-either"):
            stack.wait_for_api(name)
        yield {"weir": Octavia(stack), "other": Octavia(stack, api="through-other"), "either": Octavia(stack, api="through-either")}
    finally:
        for name in ("through-other", "through-either", "other"):
            stack.end(name)


def test_each_sees_what_the_other_does(full, apis):
    """One load balancer, in turns."""
    apis["other"].create("listeners", loadbalancer_id=full.id, protocol="TCP", protocol_port=81, default_pool_id=full.pool)
    full.active()
    apis["weir"].ask("PUT", f"pools/{full.pool}/members", {"members": [member(2), member(4)]})
    full.active()
    apis["other"].update("listeners", full.listener, admin_state_up=False)
    full.active()
    apis["weir"].delete("pools", full.spare)
    full.active()
    apis["other"].create(f"pools/{full.pool}/members", **member(5))
    full.agrees(hosts=HOSTS)


def test_both_take_calls_at_the_same_time(balancer, apis, stack, octavia):
    balancers = [balancer(Full) for _ in range(4)]
    with Callers(stack, balancers) as one, Callers(stack, balancers, api="through-other") as another:
        one.wait_for_answers(10, "accepted")
        another.wait_for_answers(10, "accepted")
    agreement.wait(octavia, stack, hosts=HOSTS)


@pytest.mark.parametrize("dying", HOSTS)
def test_one_is_killed(dying, balancer, apis, stack, octavia):
    balancers = [balancer(Full) for _ in range(3)]
    try:
        with Callers(stack, balancers) as one, Callers(stack, balancers, api="through-other") as another:
            one.wait_for_answers(2, "accepted")
            another.wait_for_answers(2, "accepted")
            stack.kill_weir(dying)
            # What the dead host has not finished waits for it; everything else goes on.
            meanwhile = Full.make(apis["either"], stack)
            meanwhile.create("listeners", protocol="TCP", protocol_port=81)
            meanwhile.vanish()
    finally:
        stack.start_weir(name=dying)
    agreement.wait(octavia, stack, hosts=HOSTS)


def test_both_are_killed(balancer, apis, stack, octavia):
    balancers = [balancer(Full) for _ in range(3)]
    with Callers(stack, balancers, api="through-either") as callers:
        callers.wait_for_answers(3, "accepted")
        for host in HOSTS:
            stack.kill_weir(host)
        callers.wait_for_answers(3)
        for host in HOSTS:
            stack.start_weir(name=host)
        callers.wait_for_answers(3, "accepted")
    agreement.wait(octavia, stack, hosts=HOSTS)

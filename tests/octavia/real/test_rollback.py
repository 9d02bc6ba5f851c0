"""Octavia takes back what the host has accepted: the rows become Octavia's again, with nobody's help.

Octavia calls the driver inside its database transaction. Where the API dies between the driver's answer and the commit, it
has never heard of the call; the host has.
"""

import http.client
import signal

import agreement
import pytest
from balancer import POOL, body, member
from octavia_api import Octavia, Refused

CALLS = {
    "loadbalancer_create": lambda octavia, one: octavia.create("loadbalancers", **body(listeners=[
        {"protocol": "TCP", "protocol_port": 80, "default_pool": {**POOL, "name": "p", "members": [member(1)]}}])),
    "loadbalancer_update": lambda octavia, one: octavia.update("loadbalancers", one.id, admin_state_up=False),
    "loadbalancer_delete": lambda octavia, one: octavia.delete("loadbalancers", one.id, cascade=True),
    "listener_create": lambda octavia, one: octavia.create(
        "listeners", loadbalancer_id=one.id, protocol="TCP", protocol_port=81, default_pool_id=one.spare),
    "listener_update": lambda octavia, one: octavia.update("listeners", one.listener, default_pool_id=one.spare),
    "listener_delete": lambda octavia, one: octavia.delete("listeners", one.listener),
    "pool_create": lambda octavia, one: octavia.create("pools", loadbalancer_id=one.id, **POOL),
    "pool_update": lambda octavia, one: octavia.update(
        "pools", one.pool, lb_algorithm="SOURCE_IP", session_persistence={"type": "SOURCE_IP"}, admin_state_up=False),
    "pool_delete": lambda octavia, one: octavia.delete("pools", one.pool),
    "member_create": lambda octavia, one: octavia.create(f"pools/{one.pool}/members", **member(4)),
    "member_update": lambda octavia, one: octavia.update(f"pools/{one.pool}/members", one.members[0], weight=0),
    "member_delete": lambda octavia, one: octavia.delete(f"pools/{one.pool}/members", one.members[0]),
    "member_batch_update": lambda octavia, one: octavia.ask(
        "PUT", f"pools/{one.pool}/members", {"members": [member(2, weight=0), member(4)]}),
}


def how_pools_hash(one):
    """What the rows say of pools besides their objects, which is all that `agrees` compares."""
    return sorted((sorted(row["selection_fields"]), sorted(row["options"].items())) for row in one.rows)


@pytest.fixture(scope="module")
def dying(stack):
    """The same Octavia behind an API that dies after each of these calls (and is there again for the next)."""
    stack.start_api("dying", die_after=CALLS)
    yield Octavia(stack, api="dying")
    stack.end("dying")


@pytest.mark.parametrize("method", CALLS)
def test_the_api_dies_before_its_commit(method, full, dying, stack, octavia):
    before = how_pools_hash(full)
    with pytest.raises((OSError, http.client.HTTPException)):
        CALLS[method](dying, full)
    # All load balancers: a new one has an id that nobody knows but the host.
    agreement.wait(octavia, stack)
    if full.is_there:
        assert how_pools_hash(full) == before
        # And it goes on as if nothing had been.
        octavia.update("pools", full.spare, name="later")
        full.agrees()
    else:
        assert method == "loadbalancer_delete"


@pytest.mark.parametrize("method", ["listener_create", "listener_update", "pool_update", "member_batch_update", "pool_delete"])
def test_api_and_host_die_before_the_commit(method, full, dying, stack):
    """The host has answered, and forgets nothing of what it has still to look after."""
    before = how_pools_hash(full)
    try:
        with pytest.raises((OSError, http.client.HTTPException)):
            CALLS[method](dying, full)
        stack.kill_weir()
    finally:
        stack.start_weir()
    full.agrees()
    assert how_pools_hash(full) == before


@pytest.fixture(scope="module")
def impatient(stack):
    """The same Octavia behind an API whose driver waits half a second for an answer."""
    stack.start_api("impatient", read_timeout=0.5)
    yield Octavia(stack, api="impatient")
    stack.end("impatient")


# The create of a load balancer is not among them: create_vip_port, which comes first, would fail already.
@pytest.mark.parametrize("method", [method for method in CALLS if method != "loadbalancer_create"])
def test_a_host_that_answers_too_late_has_changed_nothing(method, full, impatient, stack, octavia):
    """Octavia has rolled the call back before the host sees it."""
    before = how_pools_hash(full)
    stack.signal("weir", signal.SIGSTOP)
    try:
        with pytest.raises(Refused) as refusal:
            CALLS[method](impatient, full)
    finally:
        stack.signal("weir", signal.SIGCONT)
    assert refusal.value.status == 500
    assert "did not answer in time" in refusal.value.text
    # The host finds in its sockets the call, the question and the abandoning, in any order; a later call comes after them.
    octavia.update("pools", full.spare, name="later")
    full.agrees()
    assert full.is_there and full.listener in {it["id"] for it in agreement.Tree(octavia, full.id).listeners}
    assert how_pools_hash(full) == before


def test_the_time_limit_that_octavia_has_by_default(full, stack, octavia):
    stack.signal("weir", signal.SIGSTOP)
    try:
        with pytest.raises(Refused) as refusal:
            octavia.create("listeners", loadbalancer_id=full.id, protocol="TCP", protocol_port=81)
    finally:
        stack.signal("weir", signal.SIGCONT)
    assert "did not answer in time" in refusal.value.text
    full.create("listeners", protocol="TCP", protocol_port=82)
    full.agrees()

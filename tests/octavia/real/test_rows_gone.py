"""Somebody has deleted a load balancer's rows by hand: no call leaves anything PENDING, and deletes end.

A call that needs what was in the rows may be refused, or rebuild them; what it may not do is to hang. (After each test the
load balancer is deleted.)
"""

import pytest
from balancer import POOL, member
from octavia_api import Refused

CALLS = {
    "loadbalancer_update": lambda octavia, one: octavia.update("loadbalancers", one.id, admin_state_up=False),
    "listener_create": lambda octavia, one: octavia.create(
        "listeners", loadbalancer_id=one.id, protocol="TCP", protocol_port=81),
    "listener_create_with_pool": lambda octavia, one: octavia.create(
        "listeners", loadbalancer_id=one.id, protocol="TCP", protocol_port=81, default_pool_id=one.spare),
    "listener_update": lambda octavia, one: octavia.update("listeners", one.listener, admin_state_up=False),
    "listener_update_without_default_pool": lambda octavia, one: octavia.update("listeners", one.listener, default_pool_id=None),
    "pool_create": lambda octavia, one: octavia.create("pools", loadbalancer_id=one.id, **POOL),
    "pool_update": lambda octavia, one: octavia.update("pools", one.pool, session_persistence={"type": "SOURCE_IP"}),
    "member_create": lambda octavia, one: octavia.create(f"pools/{one.pool}/members", **member(4)),
    "member_create_in_a_pool_without_listener": lambda octavia, one: octavia.create(f"pools/{one.spare}/members", **member(4)),
    "member_update": lambda octavia, one: octavia.update(f"pools/{one.pool}/members", one.members[0], admin_state_up=False),
    "member_batch_update": lambda octavia, one: octavia.ask(
        "PUT", f"pools/{one.pool}/members", {"members": [member(2, weight=3), member(4)]}),
    "member_batch_of_none": lambda octavia, one: octavia.ask("PUT", f"pools/{one.pool}/members", {"members": []}),
}
# What is deleted: the kind and the id.
DELETES = {
    "listener_delete": lambda one: ("listeners", one.listener),
    "pool_delete": lambda one: ("pools", one.pool),
    "pool_delete_without_listener": lambda one: ("pools", one.spare),
    "member_delete": lambda one: (f"pools/{one.pool}/members", one.members[0]),
    "member_delete_in_a_pool_without_listener": lambda one: (
        f"pools/{one.spare}/members", one.octavia.ask("GET", f"pools/{one.spare}/members")["members"][0]["id"]),
}


@pytest.fixture
def without_rows(full, stack):
    for row in full.rows:
        stack.nbctl("destroy", "load_balancer", row["_uuid"])
    assert full.rows == []
    return full


@pytest.mark.parametrize("call", CALLS)
def test_nothing_stays_pending(call, without_rows, octavia):
    one = without_rows
    before = one.active()
    try:
        CALLS[call](octavia, one)
    except Refused as refusal:
        assert refusal.status == 500, refusal
        assert one.active() == before, "a refused call changes nothing"
    else:
        one.agrees()


@pytest.mark.parametrize("call", DELETES)
def test_what_is_gone_can_be_deleted(call, without_rows, octavia):
    one = without_rows
    kind, identity = DELETES[call](one)
    octavia.delete(kind, identity)
    octavia.wait_gone(kind, identity)
    one.active()


def test_a_load_balancer_without_rows_can_be_deleted(without_rows):
    without_rows.vanish(cascade=True)


def test_a_plain_load_balancer_without_rows_can_be_deleted(balancer, stack):
    one = balancer()
    for row in one.rows:
        stack.nbctl("destroy", "load_balancer", row["_uuid"])
    one.vanish(cascade=False)


def test_a_load_balancer_without_rows_is_rebuilt_from_what_octavia_has(without_rows, octavia):
    octavia.ask("PUT", f"loadbalancers/{without_rows.id}/failover")
    without_rows.agrees()
    assert without_rows.rows
    without_rows.create("listeners", protocol="TCP", protocol_port=81)
    without_rows.agrees()


def test_one_of_several_rows_is_gone(full, stack):
    """A load balancer has a row for each protocol."""
    full.create("listeners", protocol="UDP", protocol_port=53)
    [row] = [row for row in full.rows if row["protocol"] == "udp"]
    stack.nbctl("destroy", "load_balancer", row["_uuid"])
    full.create(f"pools/{full.pool}/members", **member(4))
    full.vanish()


def test_a_full_graph_of_every_protocol(octavia, stack, balancer):
    """The reference driver has left pools of these PENDING_CREATE."""
    listeners = [
        {"protocol": protocol, "protocol_port": port, "default_pool": {
            "name": protocol, "protocol": protocol, "lb_algorithm": "SOURCE_IP_PORT", "members": [member(port), member(port + 1)]}}
        for port, protocol in enumerate(("TCP", "UDP", "SCTP"), 80)
    ]
    one = balancer(listeners=listeners, pools=[{**POOL, "name": "without listener", "members": [member(90)]},
                                               {**POOL, "name": "empty"}])
    one.agrees()
    one.vanish()

"""Parts that are away, and come back without anybody's help."""

import signal
import threading

import pytest
import stack as stack_module
from balancer import POOL
from octavia_api import Refused


@pytest.fixture
def small(balancer):
    one = balancer()
    return one, one.create("listeners", protocol="TCP", protocol_port=80)


def test_a_host_that_is_away_is_said_to_be_so(small, stack, octavia):
    one, listener = small
    rows, statuses = one.rows, one.active()
    stack.end("weir")
    try:
        for call in (
            lambda: octavia.create("listeners", loadbalancer_id=one.id, protocol="TCP", protocol_port=81),
            lambda: octavia.update("listeners", listener, name="x"),
            lambda: octavia.create("pools", listener_id=listener, **POOL),
            lambda: octavia.delete("loadbalancers", one.id, cascade=True),
        ):
            with pytest.raises(Refused) as refusal:
                call()
            assert refusal.value.status == 500
            assert refusal.value.text == (
                "Provider 'weir' reports error: The load balancer provider is not reachable. Please try again later.")
        assert one.active() == statuses
    finally:
        stack.start_weir()
    assert one.rows == rows
    one.create("listeners", protocol="TCP", protocol_port=81)
    one.agrees()


def test_a_host_may_be_restarted_during_calls(small, stack):
    """The driver waits for it a little."""
    one, _ = small
    stack.end("weir")
    starting = threading.Timer(0.5, stack.start_weir, [False])
    starting.start()
    one.create("listeners", protocol="TCP", protocol_port=81)
    starting.join()
    stack_module.wait_for("weir", stack.weir_is_ready)
    one.agrees()


def test_calls_are_taken_while_the_northbound_is_away(small, stack, octavia):
    one, listener = small
    stack.end("nb")
    try:
        octavia.create("pools", listener_id=listener, **POOL)
    finally:
        stack.start_database("nb")
    one.agrees()


def test_the_host_dies_while_the_northbound_is_away(small, stack, octavia):
    """What was accepted is on disk."""
    one, listener = small
    stack.end("nb")
    try:
        octavia.create("pools", listener_id=listener, **POOL)
        stack.kill_weir()
    finally:
        stack.start_database("nb")
        stack.start_weir()
    one.agrees()


def test_statuses_wait_for_the_driver_agent(small, stack, octavia):
    one, listener = small
    stack.end("agent")
    try:
        pool = octavia.create("pools", listener_id=listener, **POOL)
        assert octavia.get("pools", pool["id"])["provisioning_status"] == "PENDING_CREATE"
    finally:
        stack.start_agent()
    one.agrees()


def test_statuses_survive_the_host(small, stack, octavia):
    """Host and agent die after the call was answered: the statuses are on disk."""
    one, listener = small
    stack.end("agent", signal.SIGKILL)
    try:
        octavia.create("pools", listener_id=listener, **POOL)
        stack.kill_weir()
    finally:
        stack.start_agent()
        stack.start_weir()
    one.agrees()


def test_the_api_is_restarted(small, stack):
    one, _ = small
    stack.end("api", signal.SIGKILL)
    stack.start_api()
    one.create("listeners", protocol="TCP", protocol_port=81)
    one.agrees()

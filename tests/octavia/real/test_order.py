"""Host, driver-agent and Northbound go away and come back in every order, while users go on calling."""

import itertools
import signal

import agreement
import pytest
import stack as stack_module
from balancer import Full
from callers import Callers

PARTS = ("weir", "agent", "nb")


def start(stack, part):
    # A host is ready when the Northbound is there, which may be later.
    {"weir": lambda: stack.start_weir(wait=False), "agent": stack.start_agent, "nb": lambda: stack.start_database("nb")}[part]()


@pytest.fixture
def balancers(balancer):
    return [balancer(Full) for _ in range(3)]


@pytest.mark.parametrize("order", list(itertools.permutations(PARTS)), ids="-".join)
def test_one_after_the_other(order, balancers, stack, octavia):
    with Callers(stack, balancers) as callers:
        for part in order:
            stack.end(part, signal.SIGKILL)
            callers.wait_for_answers(2)
            start(stack, part)
            callers.wait_for_answers(1, "accepted")
    agreement.wait(octavia, stack)


@pytest.mark.parametrize("order", list(itertools.permutations(PARTS)), ids="-".join)
def test_all_at_once_and_back_in_this_order(order, balancers, stack, octavia):
    with Callers(stack, balancers) as callers:
        callers.wait_for_answers(3, "accepted")
        for part in PARTS:
            stack.end(part, signal.SIGKILL)
        callers.wait_for_answers(3)
        for part in order:
            start(stack, part)
        stack_module.wait_for("weir", stack.weir_is_ready)
        callers.wait_for_answers(3, "accepted")
    agreement.wait(octavia, stack)

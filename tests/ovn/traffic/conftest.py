"""One lab for all tests; each test has load balancers and servers of its own."""

import itertools
import signal

import pytest

import lab as lab_module
import servers
from agent import Agent
from balancer import Balancer
from weir import Weir

# What runs is ended also when the tests are.
signal.signal(signal.SIGTERM, signal.default_int_handler)

# Of servers: none is used twice.
_ports = itertools.count(8001)


@pytest.fixture(scope="session")
def lab():
    running = lab_module.Lab().start()
    yield running
    running.stop()


@pytest.fixture(scope="session")
def agent(lab):
    running = Agent(lab.folder)
    yield running
    running.stop()


@pytest.fixture(scope="session")
def weir(lab, agent):
    return Weir(lab).start()


@pytest.fixture(autouse=True)
def all_run(lab):
    """What the lab consists of outlives every test."""
    yield
    ended = lab.processes.ended()
    assert not ended, "\n".join(f"{name} has ended:\n{lab.processes.tail(name)}" for name in ended)


@pytest.fixture
def balancer(lab, weir, agent):
    """A function that makes a load balancer; what it made is deleted after the test."""
    made = []

    def make(**more):
        made.append(Balancer(lab, weir, agent, **more))
        return made[-1]

    yield make
    for one in made:
        if one.rows:
            one.delete()


@pytest.fixture
def serve(lab):
    """A function that starts a server on each of these machines, at a port of the test's own; they end with the test."""
    made = []

    def start(*names, kind=servers.Tcp, **more):
        started = [kind(lab.machines[name], next(_ports), **more) for name in names]
        made.extend(started)
        return started

    yield start
    for server in made:
        server.stop()

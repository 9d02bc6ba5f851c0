"""One stack for all tests; each test has load balancers of its own."""

import pathlib
import signal
import sys

import pytest

sys.path[:0] = [str(pathlib.Path(__file__).parents[3] / "host/octavia/driver/tests")]

import mariadb  # noqa: E402
import stack as stack_module  # noqa: E402
from balancer import Balancer, Full  # noqa: E402
from octavia_api import Octavia  # noqa: E402

# What runs is ended also when the tests are.
signal.signal(signal.SIGTERM, signal.default_int_handler)

# After so many seconds a load balancer that Octavia denies is taken out of the rows (900 where nobody says otherwise).
UNKNOWN_AFTER = 5


@pytest.fixture(scope="session")
def database():
    """What Octavia connects to: MariaDB as in real life, or None, which is SQLite, where it is not to be had."""
    if not mariadb.is_here():
        yield None
        return
    running = mariadb.MariaDb().start()
    yield running.url
    running.stop()


@pytest.fixture(scope="session")
def stack(database):
    environment = {"WEIR_OCTAVIA_UNKNOWN_OBJECT_TIMEOUT": str(UNKNOWN_AFTER)}
    running = stack_module.Stack(database=database, weir_environment=environment).start()
    yield running
    running.stop()


@pytest.fixture(scope="session")
def octavia(stack):
    return Octavia(stack)


@pytest.fixture
def balancer(octavia, stack):
    """A function that makes a load balancer; what it made is deleted after the test."""
    made = []

    def make(kind=Balancer, **fields):
        made.append(kind.make(octavia, stack, **fields))
        return made[-1]

    yield make
    for one in made:
        one.vanish_if_there()


@pytest.fixture
def full(balancer):
    """A load balancer with a listener, a pool of two members, and a pool without listener."""
    return balancer(Full)

"""What runs is started once for all tests."""

import pathlib
import signal
import sys

import pytest

HERE = pathlib.Path(__file__).parent
# The stack of the tests with Octavia alone.
sys.path[:0] = [str(HERE), str(HERE.parent / "octavia/real")]

import cloud as cloud_module  # noqa: E402
import network as _network_of_the_other_suite  # noqa: E402,F401
from networks import Networks  # noqa: E402

# What runs is ended also when the tests are.
signal.signal(signal.SIGTERM, signal.default_int_handler)


@pytest.fixture(scope="session")
def cloud():
    running = cloud_module.Cloud().start()
    yield running
    running.stop()


@pytest.fixture(scope="session")
def networks(cloud):
    """The seed's networks, made through Neutron."""
    return Networks(cloud)


@pytest.fixture
def tenant(cloud):
    return cloud.tenant

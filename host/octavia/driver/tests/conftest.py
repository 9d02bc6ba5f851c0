"""A driver that talks to a fake host."""

import os
import sys

import pytest
from oslo_config import cfg

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))

from fake_host import Host  # noqa: E402
from weir_octavia import client  # noqa: E402
from weir_octavia import config  # noqa: E402
from weir_octavia import driver  # noqa: E402


@pytest.fixture
def hosts(tmp_path):
    """A function that makes hosts."""
    made = []

    def make(tls=None, tcp=False):
        host = Host(None if tls or tcp else str(tmp_path / f"{len(made)}.sock"), tls)
        made.append(host)
        return host

    yield make
    for host in made:
        host.over.set()
        try:
            host.stop()
        except OSError:
            pass  # the test has stopped it


@pytest.fixture
def host(hosts):
    return hosts()


@pytest.fixture
def settings():
    """A function that sets options of [weir] and empties the pool of clients."""
    config.register(cfg.CONF)
    cfg.CONF([], project="test", default_config_files=[])
    names = [option.name for option in config.OPTIONS]

    def apply(**values):
        values.setdefault("retry_time", 0.0)
        for name, value in values.items():
            cfg.CONF.set_override(name, value, group="weir")

    yield apply
    for name in names:
        cfg.CONF.clear_override(name, group="weir")
    for kept in client._shared.values():
        kept.close()
    client._shared.clear()


@pytest.fixture
def weir(host, settings):
    """A driver of one host."""
    settings(urls=[host.url])
    return driver.WeirProviderDriver()

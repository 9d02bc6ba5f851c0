"""The reference makes its load balancers once; every module starts from a copy of that Northbound."""

import pathlib
import shutil
import signal
import sys

import pytest

HERE = pathlib.Path(__file__).parent
sys.path[:0] = [str(HERE)]

import networks  # noqa: E402
import northbound  # noqa: E402
import octavia as octavia_module  # noqa: E402
import shapes  # noqa: E402
from reference import Reference  # noqa: E402
from weir import Weir  # noqa: E402

# What runs is ended also when the tests are.
signal.signal(signal.SIGTERM, signal.default_int_handler)


class World:
    """A Northbound of its own, with Octavia's objects, and whoever is the provider."""

    def __init__(self, folder, database, kept=None):
        self.server = northbound.Server(folder, database)
        self.client = self.server.client()
        self.octavia = octavia_module.Octavia(None)
        if kept:
            self.octavia.restore(kept)
        self._running = []

    def reference(self):
        """The reference driver becomes the provider."""
        running = Reference(self.server)
        running.neutron = networks.Neutron(self.client)
        return self._provider(running)

    def weir(self, start=True, **settings):
        """Weir becomes the provider."""
        running = Weir(self.server, self.client, **settings)
        if start:
            running.start()
        return self._provider(running)

    def _provider(self, running):
        self._running.append(running)
        self.octavia.provider = running
        return running

    def rows(self, lb=None):
        rows = northbound.load_balancers(self.client)
        return rows.get(lb, []) if lb else rows

    def all_rows(self):
        return [row for rows in self.rows().values() for row in rows]

    def stop(self):
        for running in self._running:
            running.stop()
        self._running.clear()
        self.client.close()
        self.server.stop()


class Made:
    """What the reference has made."""

    def __init__(self, folder):
        self.folder = folder
        self.empty = folder / "empty.db"
        northbound.create(self.empty)
        world = World(folder / "networks", self.empty)
        world.client.transact(*networks.operations())
        world.stop()
        self.networks = folder / "networks/nb.db"
        world = World(folder / "made", self.networks)
        world.reference()
        try:
            self.shapes = shapes.make_all(world.octavia)
            self.rows = world.rows()
            self.kept = world.octavia.keep()
        finally:
            world.stop()
        self.database = folder / "made/nb.db"


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("adopt")
    yield Made(folder)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def worlds(made, tmp_path_factory):
    """A function that makes worlds: with what the reference has made, or with networks alone."""
    running = []

    def make(name, empty=False):
        folder = tmp_path_factory.mktemp(name)
        # A socket's path is short.
        world = World(folder, made.networks if empty else made.database, None if empty else made.kept)
        running.append(world)
        return world

    yield make
    for world in running:
        world.stop()


def pytest_generate_tests(metafunc):
    if "shape" in metafunc.fixturenames:
        metafunc.parametrize("shape", [function.__name__ for function in shapes.ALL])

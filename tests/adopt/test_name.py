"""Weir's driver as provider `ovn`: in place of the reference, never beside it."""

import os
import pathlib
import subprocess
import sys

import pytest

ADOPT = pathlib.Path(__file__).parents[2] / ".weir/adopt"
LOAD = """
from stevedore import driver
manager = driver.DriverManager("octavia.api.drivers", "{name}")
print(manager.driver.__module__)
"""


def load(name, *packages):
    """Loads a provider as Octavia does, with these packages installed; what it prints."""
    environment = {**os.environ, "PYTHONPATH": ":".join(str(ADOPT / package) for package in packages)}
    return subprocess.run([sys.executable, "-c", LOAD.format(name=name)], env=environment, capture_output=True, text=True)


def test_it_is_the_provider_ovn():
    done = load("ovn", "weir")
    assert (done.returncode, done.stdout) == (0, "weir_octavia.driver\n"), done.stderr


def test_the_reference_is_the_provider_ovn_without_it():
    done = load("ovn", "reference")
    assert (done.returncode, done.stdout) == (0, "ovn_octavia_provider.driver\n"), done.stderr


@pytest.mark.parametrize("order", [("weir", "reference"), ("reference", "weir")])
def test_beside_the_reference_it_refuses_and_says_why(order):
    done = load("ovn", *order)
    assert done.returncode != 0
    for words in ("ovn-octavia-provider 11.0.0 is installed beside weir-octavia-ovn", "pip uninstall ovn-octavia-provider"):
        assert words in done.stderr, done.stderr


def test_the_name_weir_may_stay_beside_the_reference():
    done = load("weir", "reference", "weir")
    assert (done.returncode, done.stdout) == (0, "weir_octavia.driver\n"), done.stderr

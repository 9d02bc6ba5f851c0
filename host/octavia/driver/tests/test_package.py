"""The wheels, and what Octavia finds of the installed package."""

import configparser
import email
import importlib.metadata
import os
import pathlib
import shutil
import subprocess
import sys
import zipfile

import pytest

from weir_octavia import config
from weir_octavia import driver

SOURCE = pathlib.Path(__file__).parents[1]
DRIVER = "weir_octavia.driver:WeirProviderDriver"
DRIVER_AS_OVN = "weir_octavia_ovn:WeirProviderDriver"


def installed(name):
    try:
        return importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError:
        return None


needs_the_package = pytest.mark.skipif(not installed("weir-octavia"), reason="weir-octavia is not installed")


@pytest.fixture(scope="module")
def wheels(tmp_path_factory):
    """Both wheels, built without the network: {distribution: its ZipFile}."""
    if not installed("setuptools") or not installed("pip"):
        pytest.skip("pip and setuptools are needed to build")
    folder = tmp_path_factory.mktemp("wheels")
    # In a copy: setuptools leaves files beside its sources.
    shutil.copytree(SOURCE, folder / "source", ignore=shutil.ignore_patterns("build", "*.egg-info", "__pycache__"))
    subprocess.run(
        [sys.executable, "-m", "pip", "--disable-pip-version-check", "-q", "wheel", "--no-deps", "--no-index",
         "--no-build-isolation", "-w", folder, folder / "source", folder / "source/ovn"], check=True)
    return {path.name.split("-")[0]: zipfile.ZipFile(path) for path in folder.glob("*.whl")}


def inside(wheel, name):
    [path] = [path for path in wheel.namelist() if path.endswith(f".dist-info/{name}")]
    return wheel.read(path).decode()


def entry_points(wheel):
    parser = configparser.ConfigParser()
    parser.read_string(inside(wheel, "entry_points.txt"))
    return {group: dict(parser[group]) for group in parser.sections()}


def files(wheel):
    return sorted(path for path in wheel.namelist() if ".dist-info/" not in path)


def test_the_wheel_of_the_driver(wheels):
    wheel = wheels["weir_octavia"]
    assert files(wheel) == sorted(f"weir_octavia/{path.name}" for path in (SOURCE / "weir_octavia").glob("*.py"))
    assert entry_points(wheel) == {
        "octavia.api.drivers": {"weir": DRIVER}, "oslo.config.opts": {"weir": "weir_octavia.config:list_opts"},
        "neutron.ovn.db_sync": {"weir_sync": "weir_octavia.db_sync:WeirSynchronizer"}}
    metadata = email.message_from_string(inside(wheel, "METADATA"))
    assert metadata["Name"] == "weir-octavia"
    # Nothing that Octavia does not bring.
    assert sorted(metadata.get_all("Requires-Dist")) == ["octavia-lib>=2.3.1", "oslo.config"]
    assert "Root-Is-Purelib: true" in inside(wheel, "WHEEL")


def test_the_wheel_that_registers_the_name_ovn(wheels):
    wheel = wheels["weir_octavia_ovn"]
    assert files(wheel) == ["weir_octavia_ovn/__init__.py", "weir_octavia_ovn/db_sync.py"]
    assert entry_points(wheel) == {
        "octavia.api.drivers": {"ovn": DRIVER_AS_OVN},
        "neutron.ovn.db_sync": {"octavia_ovn_sync": "weir_octavia_ovn.db_sync:OctaviaOvnSynchronizer"}}
    assert email.message_from_string(inside(wheel, "METADATA")).get_all("Requires-Dist") == ["weir-octavia"]


@needs_the_package
@pytest.mark.parametrize("name", ["weir", "ovn"])
def test_octavia_finds_the_driver_by_its_name(name):
    from stevedore import driver as stevedore_driver
    if name == "ovn" and not installed("weir-octavia-ovn"):
        pytest.skip("weir-octavia-ovn is not installed")
    manager = stevedore_driver.DriverManager("octavia.api.drivers", name, invoke_on_load=True)
    assert manager.extensions[0].entry_point.value == {"weir": DRIVER, "ovn": DRIVER_AS_OVN}[name]
    assert type(manager.driver).__name__ == "WeirProviderDriver"


@needs_the_package
def test_the_options_are_in_the_generated_configuration():
    generator = shutil.which("oslo-config-generator", path=os.path.dirname(sys.executable))
    text = subprocess.run([generator, "--namespace", "weir"], check=True, capture_output=True, text=True).stdout
    assert "[weir]" in text
    for option in config.OPTIONS:
        assert f"#{option.name} =" in text, option.name
    assert "#urls = unix:///run/weir/provider.sock" in text


def test_the_driver_is_octavia_libs():
    from octavia_lib.api.drivers import provider_base
    assert issubclass(driver.WeirProviderDriver, provider_base.ProviderDriver)


def test_the_token_is_a_secret():
    [token] = [option for option in config.OPTIONS if option.name == "token"]
    assert token.secret
    assert "tok-en" not in repr(config.Settings(urls=(), token="tok-en"))

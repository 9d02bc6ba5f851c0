"""The plugins of neutron-ovn-db-sync-util: loaded as Neutron loads them, they have a host do what `weir sync` does."""

import json
import os
import pathlib
import subprocess
import sys

import pytest

HERE = pathlib.Path(__file__).parent
ADOPT = HERE.parents[1] / ".weir/adopt"
sys.path.append(str(HERE.parents[1] / "host/octavia/driver/tests"))

import fake_host  # noqa: E402

# What the tool does with its plugins: options, configuration, then one after the other in their order.
TOOL = """
import json, logging, sys, types
from neutron_lib.ovn import db_sync
from oslo_config import cfg
from stevedore import enabled
mode, only, files = sys.argv[1], json.loads(sys.argv[2]), sys.argv[3:]
logging.basicConfig(stream=sys.stderr, level=logging.INFO)
def wanted(extension):
    return issubclass(extension.plugin, db_sync.BaseOvnDbSynchronizer) and (not only or extension.name in only)
plugins = list(enabled.EnabledExtensionManager("neutron.ovn.db_sync", check_func=wanted, invoke_on_load=False))
print(json.dumps(sorted(plugin.name for plugin in plugins)))
if mode == "names":
    sys.exit()
for plugin in plugins:
    plugin.plugin.register_additional_cli_opts(cfg.CONF)
cfg.CONF(files, project="neutron")
driver = types.SimpleNamespace(nb_ovn=None, sb_ovn=None)
for plugin in sorted(plugins, key=lambda plugin: getattr(plugin.plugin, "_sync_order", 0)):
    assert "ovn-sync" in plugin.plugin.get_required_mechanism_drivers()
    conf = plugin.plugin.load_plugin_configuration(cfg.CONF)
    plugin.plugin(None, driver, mode, plugin_conf=conf).do_sync()
"""
LB = "10000000-0000-4000-8000-000000000001"


@pytest.fixture
def host(tmp_path):
    running = fake_host.Host(str(tmp_path / "provider.sock"))
    running.lines, running.ports = [{"id": LB, "outcome": "repaired", "operations": 3}], []
    running.answer = lambda request: (200, {"loadbalancers": running.lines, "ports": running.ports})
    yield running
    running.over.set()
    running.stop()


@pytest.fixture
def conf(tmp_path, host):
    path = tmp_path / "octavia.conf"
    path.write_text(f"[weir]\nurls = {host.url}\n")
    return path


def tool(mode, *arguments, only=(), packages=("weir",), home="/nonexistent"):
    """Exit code, the plugins' names, and the log."""
    environment = {**os.environ, "PYTHONPATH": ":".join(str(ADOPT / package) for package in packages), "HOME": str(home)}
    done = subprocess.run([sys.executable, "-c", TOOL, mode, json.dumps(only), *map(str, arguments)], env=environment,
                          capture_output=True, text=True, timeout=120)
    names = json.loads(done.stdout) if done.stdout.startswith("[") else []
    return done.returncode, names, done.stderr


@pytest.mark.parametrize("mode, dry_run", [("log", "true"), ("repair", "false"), ("migrate", "false")])
def test_both_plugins_sync_once(host, conf, mode, dry_run):
    code, names, log = tool(mode, "--weir-octavia_config_file", conf)
    assert (code, names) == (0, ["octavia_ovn_sync", "weir_sync"]), log
    assert [request.path for request in host.calls] == [f"/v1/sync?dry_run={dry_run}&remove_leaked=false"]
    assert f"load balancer {LB}: {'differs from Octavia' if mode == 'log' else 'repaired'}, 3 operations" in log
    assert "has synced Weir's load balancers already" in log


@pytest.mark.parametrize("name", ["octavia_ovn_sync", "weir_sync"])
def test_either_plugin_alone_syncs(host, conf, name):
    code, names, log = tool("repair", "--weir-octavia_config_file", conf, only=[name])
    assert (code, names, len(host.calls)) == (0, [name], 1), log


def test_host_is_named_in_neutrons_configuration_or_octavias(host, conf, tmp_path):
    code, _, log = tool("repair", "--config-file", conf)
    assert (code, len(host.calls)) == (0, 1), log
    # Where Octavia's own programs look for it.
    home = tmp_path / "home"
    (home / ".octavia").mkdir(parents=True)
    (home / ".octavia/octavia.conf").write_text(conf.read_text())
    code, _, log = tool("repair", home=home)
    assert (code, len(host.calls)) == (0, 2), log


def test_mode_off_does_nothing(host, conf):
    code, _, log = tool("off", "--weir-octavia_config_file", conf)
    assert (code, host.calls) == (0, []), log


@pytest.mark.parametrize("mode, expected", [("log", 0), ("repair", 1)])
def test_host_that_is_away_fails_a_repair_and_says_why(host, conf, mode, expected):
    conf.write_text("[weir]\nurls = unix:///nonexistent/provider.sock\n")
    code, _, log = tool(mode, "--weir-octavia_config_file", conf)
    assert code == expected and "no Weir host can be connected to" in log, log
    assert "unix:///nonexistent/provider.sock" in log


def test_second_host_is_asked_where_the_first_is_away(host, conf):
    conf.write_text(f"[weir]\nurls = unix:///nonexistent/provider.sock, {host.url}\n")
    code, _, log = tool("repair", "--weir-octavia_config_file", conf)
    assert (code, len(host.calls)) == (0, 1), log


def test_load_balancer_that_fails_fails_the_repair(host, conf):
    host.lines.append({"id": LB, "outcome": "failed", "why": "its plugin refuses"})
    code, _, log = tool("repair", "--weir-octavia_config_file", conf)
    assert code == 1 and "1 of 2 load balancers" in log and "its plugin refuses" in log, log


def test_refusal_of_the_host_is_told(host, conf):
    host.answer = lambda request: (503, {"error": "Unavailable", "code": "northbound-not-read",
                                         "user_fault_string": "try again", "operator_fault_string": "not read yet"})
    code, _, log = tool("repair", "--weir-octavia_config_file", conf)
    assert code == 1 and "503: not read yet" in log, log


def test_beside_the_reference_its_own_plugin_keeps_its_name():
    code, names, log = tool("names", packages=("weir", "reference"))
    assert (code, names) == (0, ["octavia_ovn_sync", "weir_sync"]), log
    assert "pip uninstall ovn-octavia-provider" in log

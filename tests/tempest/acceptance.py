"""Octavia's acceptance tests for pools and listeners, for every protocol and algorithm that Weir serves.

Usage: acceptance.py [REGEX...]; the regular expressions select further by the names of tests.
"""

import json
import os
import pathlib
import re
import signal
import string
import subprocess
import sys

HERE = pathlib.Path(__file__).parent
sys.path[:0] = [str(HERE.parent / "neutron"), str(HERE.parent / "octavia/real")]

import api  # noqa: E402
import cloud as cloud_module  # noqa: E402

ROOT = HERE.parents[1]
PYTHON = ROOT / ".weir/tempest/bin/python"
# No run takes longer.
TIME_LIMIT = 1800

_POOL = r"^test_(HTTPS|TCP|UDP)_(SI|SIP)_pool_"
# By module: the tests of served protocols and algorithms, how many there are, and whether VIPs are IPv6.
SERVED = {
    "api.v2.test_pool": (_POOL, 36, True),
    "api.v2.test_listener": (r"^test_(https|tcp|udp|sctp|tcp_udp_sctp_https)_listener_", 45, False),
    "scenario.v2.test_pool": (_POOL, 12, False),
    "scenario.v2.test_listener": (r"^test_(tcp|udp)_(source_ip|source_ip_port)_listener_", 8, True),
}


class Cloud(cloud_module.Cloud):
    """The cloud of the tests with Neutron, whose operators have longer time-outs and accept what has no effect."""

    def _start(self, name, configuration, wait=True, **environment):
        if name == "keystone":
            # A role given while its user's roles are being read would be missing from the cache: the processes of the tests give
            # many at the same time.
            configuration.write_text(configuration.read_text() + "\n[role]\ncaching = False\n")
        return super()._start(name, configuration, wait, **environment)

    def start_weir(self, *arguments, **more):
        super().start_weir(*arguments, **{"WEIR_UNSUPPORTED_OPTIONS_DEFAULT": "warn", **more})

    def _configure_octavia(self, name, weir=None):
        path = super()._configure_octavia(name, weir)
        path.write_text(path.read_text() + "\n[haproxy_amphora]\ntimeout_client_data = 60000\ntimeout_member_data = 70000\n")
        return path

    def make_roles(self):
        admin = api.Account(self.keystone_url, "admin", "admin")
        admin.announced = {"identity": self.keystone_url}
        known = {role["name"] for role in admin.get("identity", "roles")["roles"]}
        for name in ("member", "observer", "global_observer", "admin"):
            if f"load-balancer_{name}" not in known:
                admin.post("identity", "roles", role={"name": f"load-balancer_{name}"})


class Run:
    """The tests of one module, in a process of their own."""

    def __init__(self, cloud, module, only):
        self.module = module
        pattern, self.count, ipv6 = SERVED[module]
        self.partial = bool(only)
        pattern = "".join(f"(?=.*{one})" for one in [pattern.removeprefix("^"), *only]) if only else pattern
        name = module.replace(".", "-")
        configuration = cloud.folder / f"tempest-{name}.conf"
        template = string.Template((HERE / "tempest.conf").read_text())
        configuration.write_text(template.substitute(
            directory=cloud.folder, name=name, keystone=cloud.keystone_url, password=cloud_module.PASSWORD, ipv6=ipv6))
        self._results = cloud.folder / f"tempest-{name}.results"
        environment = {**os.environ, "TEMPEST_CONFIG_DIR": str(cloud.folder), "TEMPEST_CONFIG": configuration.name}
        self._output = cloud.folder / f"tempest-{name}.out"
        with open(self._output, "w", encoding="utf-8") as output:
            self.process = subprocess.Popen(
                [PYTHON, HERE / "run_tests.py", f"octavia_tempest_plugin.tests.{module}", pattern, self._results],
                env=environment, cwd=cloud.folder, stdout=output, stderr=output)

    def wait(self):
        """Prints what became of each test; gives the number of tests that passed, and of those that did not."""
        code = self.process.wait(TIME_LIMIT)
        lines = [json.loads(line) for line in self._results.read_text().splitlines()] if self._results.exists() else []
        for line in lines:
            print(f"{line['outcome']:8} {line['seconds']:6.1f} s  {line['name'].removeprefix('octavia_tempest_plugin.tests.')}")
            if line["outcome"] != "passed":
                print(f"{line['detail'].strip()[-3000:]}\n")
        passed = sum(line["outcome"] == "passed" for line in lines)
        bad = len(lines) - passed
        if code != 0 or (not self.partial and passed + bad != self.count):
            print(f"{self.module}: {passed + bad} of {self.count} tests were run, exit code {code}\n{self._output.read_text()[-3000:]}")
            bad += 1
        return passed, bad


def main():
    # What runs is ended also when this is.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    only = sys.argv[1:]
    for one in only:
        re.compile(one)
    cloud = Cloud().start()
    try:
        cloud.make_roles()
        runs = [Run(cloud, module, only) for module in SERVED]
        try:
            outcomes = [run.wait() for run in runs]
        finally:
            for run in runs:
                run.process.kill()
    finally:
        cloud.stop()
    passed, bad = (sum(numbers) for numbers in zip(*outcomes, strict=True))
    print(f"{passed} passed, {bad} failed or skipped, of Octavia's acceptance tests for served protocols and algorithms")
    return 1 if bad or (passed == 0) else 0


sys.exit(main())

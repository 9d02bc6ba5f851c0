"""Real Octavia on a private OVN: ovsdb-servers, ovn-northd, `weir serve`, octavia-api, octavia-driver-agent.

Everything lives in one temporary folder (Unix sockets; the APIs on free ports of 127.0.0.1) and ends with `stop`.
"""

import http.client
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import string
import subprocess
import sys
import tempfile
import time

import network

HERE = pathlib.Path(__file__).parent
ROOT = HERE.parents[2]
VENV = ROOT / ".weir/octavia"


def wait_for(what, condition, process=None, log=None, seconds=60):
    """Waits until `condition()` is true; complains at once when `process` ends."""
    until = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        ended = process is not None and process.poll() is not None
        if ended or time.monotonic() > until:
            tail = "\n".join(log.read_text(errors="replace").splitlines()[-30:]) if log and log.exists() else ""
            raise RuntimeError(f"{what}: {'the process ended' if ended else f'not within {seconds} s'}\n{tail}")
        time.sleep(0.02)


class Stack:
    """What runs. `start` and `stop` for all, and for each of weir, agent, api.

    There may be further hosts on the same Northbound and further APIs on the same database, which have other names.
    """

    def __init__(self, database=None, threads=8, weir_environment=None):
        """`weir_environment` is what every host gets besides what it needs."""
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="weir-real-"))
        self.nb = f"unix:{self.folder}/nb.sock"
        self.sb = f"unix:{self.folder}/sb.sock"
        self.provider = self.folder / "provider.sock"
        self._database = database or f"sqlite:///{self.folder}/octavia.sqlite"
        self._threads = threads
        self._weir_environment = weir_environment or {}
        self._processes = {}
        self._neutron = None
        self.binary = os.environ.get("WEIR_BINARY") or str(
            pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "debug/weir")

    # All

    def start(self):
        try:
            # The slow ones at the same time.
            self._prepare_database()
            self.start_api(wait=False)
            self.start_agent(wait=False)
            self.start_ovn()
            self.start_weir()
            self._neutron = network.serve()
            self.wait_for_agent()
            self.wait_for_api()
            self._write_clouds()
        except BaseException:
            self.stop()
            raise
        return self

    def start_octavia(self):
        """Octavia alone, for tests with a host of their own."""
        try:
            self._prepare_database()
            self.start_api(wait=False)
            self.start_agent()
            self.wait_for_api()
        except BaseException:
            self.stop()
            raise

    def stop(self):
        if self._neutron:
            self._neutron.shutdown()
            self._neutron.server_close()
        for name in reversed(list(self._processes)):
            self.end(name)
        if os.environ.get("WEIR_REAL_KEEP"):
            print(f"kept: {self.folder}", file=sys.stderr)
        else:
            shutil.rmtree(self.folder, ignore_errors=True)

    def log(self, name):
        return self.folder / f"{name}.log"

    def launch(self, name, command, **environment):
        with open(self.log(name), "ab") as log:
            self._processes[name] = subprocess.Popen(
                [str(word) for word in command], stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True,
                env={**os.environ, "OVN_RUNDIR": str(self.folder), "OVS_RUNDIR": str(self.folder), **environment})
        return self._processes[name]

    def end(self, name, how=signal.SIGTERM):
        """Ends a process and its children, which are a process group; SIGKILL where it takes more than 10 s."""
        process = self._processes.pop(name, None)
        if not process:
            return
        for wanted in (how, signal.SIGKILL):
            try:
                if wanted == signal.SIGKILL:
                    os.killpg(process.pid, wanted)
                else:
                    process.send_signal(wanted)
            except ProcessLookupError:
                pass
            try:
                process.wait(10)
                break
            except subprocess.TimeoutExpired:
                continue
        try:
            os.killpg(process.pid, signal.SIGKILL)  # children that outlived it
        except ProcessLookupError:
            pass

    def signal(self, name, number):
        self._processes[name].send_signal(number)

    def has_ended(self, name):
        return self._processes[name].poll() is not None

    def wait_until_ended(self, name, seconds=60):
        """Waits for a process that ends by itself; returns its exit code, negative for a signal."""
        wait_for(f"the end of {name}", lambda: self.has_ended(name), log=self.log(name), seconds=seconds)
        process = self._processes[name]
        self.end(name)  # children, if any
        return process.returncode

    # OVN

    def start_ovn(self):
        share = f"{os.environ.get('WEIR_OVN_ROOT', '')}/usr/share/ovn"
        for name in ("nb", "sb"):
            database = self.folder / f"{name}.db"
            subprocess.run(["ovsdb-tool", "create", database, f"{share}/ovn-{name}.ovsschema"], check=True)
            self.start_database(name)
        self.launch("northd", ["ovn-northd", "-vconsole:warn", f"--ovnnb-db={self.nb}", f"--ovnsb-db={self.sb}",
                               f"--unixctl={self.folder}/northd.ctl"])
        self.nbctl("init")
        self.write_network()

    def write_network(self):
        """What load balancers stand in."""
        self.nbctl(*network.northbound_commands())

    def start_database(self, name):
        sock = self.folder / f"{name}.sock"
        process = self.launch(name, ["ovsdb-server", "-vconsole:warn", f"--remote=punix:{sock}",
                                     f"--unixctl={self.folder}/{name}.ctl", self.folder / f"{name}.db"])
        wait_for(f"{name} socket", sock.exists, process, self.log(name))

    def nbctl(self, *arguments):
        return subprocess.run(["ovn-nbctl", f"--db={self.nb}", *arguments], check=True, capture_output=True, text=True).stdout

    def rows(self, load_balancer=None, table="load_balancer"):
        """Rows of the Northbound as dictionaries, of one load balancer if named."""
        text = self.nbctl("--format=json", "list", table)
        answer = json.loads(text) if text.strip() else {"headings": [], "data": []}
        rows = [{name: _value(value) for name, value in zip(answer["headings"], row)} for row in answer["data"]]
        return [row for row in rows if load_balancer is None or row["name"] == load_balancer]

    # Weir

    def provider_of(self, name):
        """The socket of a host."""
        return self.provider if name == "weir" else self.folder / f"{name}.sock"

    def start_weir(self, wait=True, name="weir", listen=(), **more):
        """`name` and `listen` (besides its Unix socket) are for a second host on the same Northbound; `more` is more
        environment."""
        state = self.folder / ("state" if name == "weir" else f"state-{name}")
        provider = self.provider_of(name)
        cache = ROOT / ".weir/real/plugin-cache"
        cache.mkdir(parents=True, exist_ok=True)
        state.mkdir(exist_ok=True)
        (self.folder / "plugins").mkdir(exist_ok=True)
        if not (state / "plugin-cache").exists():
            # Compiled plugins are kept between runs; everything else of the state folder is this run's.
            (state / "plugin-cache").symlink_to(cache)
        process = self.launch(
            name, [self.binary, "serve"],
            WEIR_LISTEN=",".join([f"unix:{provider}", *listen]), WEIR_STATE_DIR=str(state), WEIR_PLUGINS_DIR=str(self.folder / "plugins"),
            WEIR_OVN_NB_CONNECTION=self.nb, WEIR_OVN_SB_CONNECTION=self.sb,
            WEIR_OCTAVIA_STATUS_SOCKET=f"{self.folder}/status.sock", WEIR_OCTAVIA_STATS_SOCKET=f"{self.folder}/stats.sock",
            WEIR_OCTAVIA_GET_SOCKET=f"{self.folder}/get.sock", **{**self._weir_environment, **more})
        if wait:
            wait_for(name, lambda: self.weir_is_ready(provider), process, self.log(name), seconds=120)

    def weir_is_ready(self, provider=None):
        try:
            return self.weir("GET", "/readyz", provider)[0] == 200
        except (OSError, http.client.HTTPException):
            return False

    def weir(self, verb, path, provider=None):
        """Asks the host itself: status and answer."""
        status, text = self._ask_weir(verb, path, provider or self.provider)
        return status, json.loads(text)

    def _ask_weir(self, verb, path, provider):
        connection = http.client.HTTPConnection("weir", timeout=10)
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.settimeout(10)
        try:
            connection.sock.connect(str(provider))
            connection.request(verb, path)
            response = connection.getresponse()
            return response.status, response.read().decode()
        finally:
            connection.close()

    def weir_waits_for(self, name="weir"):
        """What a host has still to do, by its own metrics: {metric: number}. Empty when it is at rest."""
        _, text = self._ask_weir("GET", "/metrics", self.provider_of(name))
        waiting = re.findall(r"^(weir_\w+_(?:pending|waiting)) (\S+)$", text, re.MULTILINE)
        assert waiting, text
        return {metric: float(number) for metric, number in waiting if float(number)}

    def kill_weir(self, name="weir"):
        self.end(name, signal.SIGKILL)

    # Octavia

    def _prepare_database(self):
        if self._database.startswith("sqlite:"):
            shutil.copy(VENV / "empty.sqlite", self.folder / "octavia.sqlite")

    def _configure_octavia(self, name, weir=None):
        """Writes NAME.conf; `weir` has options of its section [weir]."""
        options = {"urls": f"unix://{self.provider}", **(weir or {})}
        template = string.Template((HERE / "octavia.conf").read_text())
        (self.folder / f"{name}.conf").write_text(template.substitute(
            database=self._database, directory=self.folder,
            weir="\n".join(f"{option} = {value}" for option, value in options.items())))
        return self.folder / f"{name}.conf"

    def start_api(self, name="api", wait=True, die_after=(), **weir):
        """`weir` has options of octavia.conf's [weir]. `die_after` names driver calls: the process ends, and another takes
        its place, when the host has answered one, before Octavia commits."""
        self._port_file(name).unlink(missing_ok=True)
        self.launch(name, [VENV / "bin/python", "-P", HERE / "run_octavia.py", "api", self._configure_octavia(name, weir),
                           self._port_file(name), self._threads], WEIR_REAL_DIE_AFTER=",".join(die_after))
        if wait:
            self.wait_for_api(name)

    def _port_file(self, name):
        return self.folder / f"{name}.port"

    def wait_for_api(self, name="api"):
        wait_for(f"octavia-api {name}", self._port_file(name).exists, self._processes[name], self.log(name))

    def api_url(self, name="api"):
        return f"http://127.0.0.1:{self._port_file(name).read_text()}"

    def start_agent(self, wait=True):
        for name in ("status", "stats", "get"):
            (self.folder / f"{name}.sock").unlink(missing_ok=True)
        self.launch("agent", [VENV / "bin/python", "-P", HERE / "run_octavia.py", "agent", self._configure_octavia("agent")])
        if wait:
            self.wait_for_agent()

    def wait_for_agent(self):
        for name in ("status", "get"):
            wait_for("octavia-driver-agent", (self.folder / f"{name}.sock").exists, self._processes["agent"], self.log("agent"))

    # The OpenStack client

    def _write_clouds(self):
        neutron = f"http://127.0.0.1:{self._neutron.server_address[1]}"
        (self.folder / "clouds.yaml").write_text(json.dumps({"clouds": {"weir": {
            "auth_type": "none", "auth": {"endpoint": self.api_url()}, "load_balancer_endpoint_override": self.api_url(),
            "network_endpoint_override": f"{neutron}/v2.0"}}}))

    def openstack(self, *arguments):
        """Runs `openstack ARGUMENTS`; returns its standard output."""
        done = subprocess.run([VENV / "bin/openstack", *arguments], capture_output=True, text=True,
                              env={**os.environ, "OS_CLIENT_CONFIG_FILE": str(self.folder / "clouds.yaml"), "OS_CLOUD": "weir"})
        if done.returncode:
            raise RuntimeError(f"openstack {' '.join(arguments)}: {done.stdout}{done.stderr}")
        return done.stdout


def _value(value):
    """A column as ovn-nbctl prints it (RFC 7047 section 5.1)."""
    if isinstance(value, list) and len(value) == 2 and value[0] in ("map", "set", "uuid"):
        kind, inner = value
        if kind == "map":
            return {_value(key): _value(item) for key, item in inner}
        return [_value(item) for item in inner] if kind == "set" else inner
    return value

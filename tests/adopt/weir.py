"""Weir, as a provider of Octavia's: its host, and its commands."""

import http.client
import json
import os
import pathlib
import signal
import socket
import subprocess

import networks
from northbound import wait_for

ROOT = pathlib.Path(__file__).parents[2]
BINARY = os.environ.get("WEIR_BINARY") or str(pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "debug/weir")


class _Http(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("weir")
        self._path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(60)
        self.sock.connect(self._path)


class Weir:
    """A host on a Northbound. There is no driver-agent: what the rows say counts."""

    def __init__(self, server, client, **settings):
        self.folder = server.folder
        self.neutron = networks.Neutron(client)
        self._socket = self.folder / "provider.sock"
        self.environment = {
            **os.environ, "WEIR_LISTEN": f"unix:{self._socket}", "WEIR_STATE_DIR": str(self.folder / "state"),
            "WEIR_OVN_NB_CONNECTION": server.remote, "WEIR_OVN_SB_CONNECTION": f"unix:{self.folder}/none.sock",
            "WEIR_PLUGINS_DIR": str(self.folder / "plugins"),
            **{f"WEIR_OCTAVIA_{name.upper()}_SOCKET": str(self.folder / f"{name}.sock") for name in ("status", "stats", "get")}}
        self.configure(**settings)
        (self.folder / "plugins").mkdir(exist_ok=True)
        self._process = None

    def configure(self, **settings):
        """`adopt="all"`, and so on; for the next start, and for commands."""
        self.environment |= {f"WEIR_{name.upper()}": value for name, value in settings.items()}

    # The host

    def start(self):
        log = open(self.folder / "weir.log", "ab")
        self._process = subprocess.Popen([BINARY, "serve"], env=self.environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        log.close()
        try:
            wait_for("weir is ready", self._is_ready)
        except RuntimeError:
            print((self.folder / "weir.log").read_text()[-4000:])
            raise
        return self

    def _is_ready(self):
        assert self._process.poll() is None, (self.folder / "weir.log").read_text()[-4000:]
        try:
            return self.request("GET", "/readyz")[0] == 200
        except OSError:
            return False

    def stop(self):
        if self._process:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(30)
            self._process = None

    def request(self, verb, path, body=None):
        connection = _Http(self._socket)
        try:
            connection.request(verb, path, json.dumps(body) if body is not None else None)
            answer = connection.getresponse()
            text = answer.read().decode()
            return answer.status, (json.loads(text) if text.startswith(("{", "[")) else text)
        finally:
            connection.close()

    def settled(self):
        """Waits until nothing is left to be looked at."""
        def idle():
            _, ready = self.request("GET", "/readyz")
            said = {one["name"]: one for one in ready["conditions"]}
            lock, queue = said["background-lock"], said["queue"]
            return lock["ok"] and " 0 load balancers are to be looked at" in lock["detail"] and queue["detail"].startswith("0 ")
        wait_for("nothing is left to be looked at", idle, 120)

    # Commands

    def command(self, *words):
        """Exit code and what it prints: JSON where asked for."""
        done = subprocess.run([BINARY, *words], env=self.environment, capture_output=True, text=True, timeout=300)
        text = done.stdout or done.stderr
        return done.returncode, (json.loads(text) if "json" in words and done.stdout else text)

    def plan(self, *words):
        code, plan = self.command("plan", "-o", "json", *words)
        assert code == 0, plan
        return plan

    def release(self, *words):
        return self.command("release", "-o", "json", *words)

    # Calls

    def call(self, method, _state, arguments):
        status, answer = self.request("POST", f"/v1/driver/{method}", arguments)
        assert status == 200, (method, arguments, answer)
        if not answer["committed"]:
            wait_for(f"{method} is committed", lambda: self._is_done(answer["change"]))
        return answer

    def _is_done(self, change):
        _, state = self.request("GET", f"/v1/changes/{change}")
        assert state["state"] in ("pending", "committed"), state
        return state["state"] == "committed"

    def make_vip_ports(self, lb, vip, more):
        """Octavia makes them, with the names that the reference would give, so that rows can be compared."""
        def port(name, network, subnet, address):
            return self.neutron.create_port(
                name, network, [{"subnet_id": subnet, "ip_address": address}], "ovn-lb:vip", f"lb-{lb}").id
        vip = {**vip, "vip_port_id": port(f"ovn-lb-vip-{lb}", vip["vip_network_id"], vip["vip_subnet_id"], vip["vip_address"])}
        more = [{**one, "port_id": port(f"ovn-lb-vip-additional-{at}-{lb}", one["network_id"], one["subnet_id"], one["ip_address"])}
                for at, one in enumerate(more, 1)]
        return vip, more

    def make_source_ports(self, members):
        for of in {member["subnet_id"] for member in members}:
            if not self.neutron.find_port(f"ovn-lb-hm-{of}"):
                network = networks.SUBNETS[of][0]
                self.neutron.create_port(f"ovn-lb-hm-{of}", networks.network_id(network), [{"subnet_id": of}],
                                         "ovn-lb-hm:distributed", f"ovn-lb-hm-{of}")

    def floating_ip(self, port, ip, address, _state):
        self.neutron.associate(address, port, ip)


def keys_of_weir(row):
    return {key: value for key, value in row["external_ids"].items() if key.startswith("weir:")}


def without_keys_of_weir(row):
    kept = {key: value for key, value in row["external_ids"].items() if not key.startswith("weir:")}
    return {**row, "external_ids": kept}



"""The host: `weir serve` on the lab's databases, and its provider API."""

import http.client
import json
import os
import signal
import socket

from programs import ROOT


BINARY = os.environ["WEIR_BINARY"]


class Refusal(Exception):
    """The provider refuses a call."""


class Weir:
    def __init__(self, lab):
        self._lab = lab
        self._socket = lab.folder / "provider.sock"

    def start(self):
        folder, state = self._lab.folder, self._lab.folder / "state"
        # Compiled plugins are kept between runs; everything else of the state folder is this run's.
        cache = ROOT / ".weir/traffic-plugins"
        cache.mkdir(parents=True, exist_ok=True)
        state.mkdir(exist_ok=True)
        (folder / "plugins").mkdir(exist_ok=True)
        if not (state / "plugin-cache").exists():
            (state / "plugin-cache").symlink_to(cache)
        sockets = {f"WEIR_OCTAVIA_{name.upper()}_SOCKET": f"{folder}/{name}.sock" for name in ("status", "stats", "get")}
        self._lab.processes.start(
            "weir", [BINARY, "serve"], WEIR_LISTEN=f"unix:{self._socket}", WEIR_STATE_DIR=str(state),
            WEIR_PLUGINS_DIR=str(folder / "plugins"), WEIR_OVN_NB_CONNECTION=self._lab.remote("nb"),
            WEIR_OVN_SB_CONNECTION=self._lab.remote("sb"), **sockets)
        self._lab.processes.wait("weir", self._ready, seconds=180)
        return self

    def kill(self):
        self._lab.processes.end("weir", signal.SIGKILL)

    def call(self, method, body):
        """A provider call that must be accepted."""
        status, answer = self.ask("POST", f"/v1/driver/{method}", body)
        if status != 200:
            raise Refusal(f"{method}: {status} {answer}")
        return answer

    def ask(self, verb, path, body=None):
        connection = http.client.HTTPConnection("weir", timeout=60)
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.settimeout(60)
        try:
            connection.sock.connect(str(self._socket))
            connection.request(verb, path, json.dumps(body) if body is not None else None, {"Content-Type": "application/json"})
            response = connection.getresponse()
            return response.status, json.loads(response.read() or b"null")
        finally:
            connection.close()

    def _ready(self):
        try:
            return self.ask("GET", "/readyz")[0] == 200
        except (OSError, http.client.HTTPException):
            return False

"""Octavia's API as the tests use it."""

import http.client
import json
import threading
import time
import urllib.parse

KEYS = {"loadbalancers": "loadbalancer", "listeners": "listener", "pools": "pool", "healthmonitors": "healthmonitor",
        "l7policies": "l7policy", "flavors": "flavor", "flavorprofiles": "flavorprofile"}


class Refused(Exception):
    """An answer that is no success."""

    def __init__(self, status, answer):
        super().__init__(f"{status}: {answer}")
        self.status = status
        self.text = answer.get("faultstring", "") if isinstance(answer, dict) else str(answer)


class Stuck(AssertionError):
    """An object that does not come out of PENDING, or is in ERROR."""


class Octavia:
    """One API, by the name it has in the stack. Threads have a connection each."""

    def __init__(self, stack, seconds=60, api="api"):
        """`seconds` is how long things may take to become ACTIVE, or to be gone."""
        self._stack = stack
        self._seconds = seconds
        self._api = api
        self._local = threading.local()

    def ask(self, verb, path, body=None):
        """The JSON of the answer. Raises Refused."""
        address = urllib.parse.urlsplit(self._stack.api_url(self._api)).netloc
        idle = time.monotonic() - getattr(self._local, "used", 0)
        # Its server closes a connection that is idle for two minutes.
        if getattr(self._local, "address", None) != address or idle > 30:
            self._local.address = address
            self._local.connection = http.client.HTTPConnection(address, timeout=120)
        connection = self._local.connection
        try:
            connection.request(verb, f"/v2/lbaas/{path}", json.dumps(body) if body is not None else None,
                               {"Content-Type": "application/json", "Accept": "application/json"})
            response = connection.getresponse()
            data = response.read()
            self._local.used = time.monotonic()
        except BaseException:
            connection.close()
            raise
        answer = json.loads(data) if data else None
        if response.status >= 400:
            raise Refused(response.status, answer)
        return answer

    def create(self, kind, **fields):
        """`kind` in the plural; members as `pools/ID/members`."""
        key = _key(kind)
        return self.ask("POST", kind, {key: fields})[key]

    def update(self, kind, identity, **fields):
        key = _key(kind)
        return self.ask("PUT", f"{kind}/{identity}", {key: fields})[key]

    def get(self, kind, identity):
        return self.ask("GET", f"{kind}/{identity}")[_key(kind)]

    def has(self, kind, identity):
        try:
            self.get(kind, identity)
        except Refused as refusal:
            if refusal.status != 404:
                raise
            return False
        return True

    def delete(self, kind, identity, cascade=False):
        self.ask("DELETE", f"{kind}/{identity}{'?cascade=true' if cascade else ''}")

    def statuses(self, load_balancer):
        """All objects of a load balancer: {(kind, id): (provisioning, operating)}."""
        tree = self.ask("GET", f"loadbalancers/{load_balancer}/status")["statuses"]["loadbalancer"]
        found = {}

        def walk(kind, thing):
            found[kind, thing["id"]] = (thing["provisioning_status"], thing.get("operating_status"))
            for name, value in thing.items():
                for child in value if isinstance(value, list) else [value] if isinstance(value, dict) and value else []:
                    walk(name.rstrip("s"), child)

        walk("loadbalancer", tree)
        # A pool without listener is not in the tree.
        for pool in self.ask("GET", f"pools?loadbalancer_id={load_balancer}")["pools"]:
            found["pool", pool["id"]] = (pool["provisioning_status"], pool["operating_status"])
        return found

    def wait_active(self, load_balancer):
        """Waits until all objects of a load balancer are ACTIVE; returns their statuses. Raises Stuck."""
        until = time.monotonic() + self._seconds
        while True:
            found = self.statuses(load_balancer)
            provisioning = {status for status, _ in found.values()}
            if provisioning == {"ACTIVE"}:
                return found
            if "ERROR" in provisioning or time.monotonic() > until:
                raise Stuck(f"load balancer {load_balancer}: {found}")
            time.sleep(0.03)

    def wait_gone(self, kind, identity):
        """Waits until an object is not found. Raises Stuck."""
        until = time.monotonic() + self._seconds
        while True:
            try:
                found = self.get(kind, identity)
            except Refused as refusal:
                if refusal.status == 404:
                    return
                raise
            if found["provisioning_status"] in ("ERROR", "ACTIVE") or time.monotonic() > until:
                raise Stuck(f"{kind} {identity}: {found['provisioning_status']}")
            time.sleep(0.03)


def _key(kind):
    return "member" if kind.endswith("/members") else KEYS[kind]

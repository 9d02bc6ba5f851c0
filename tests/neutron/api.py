"""OpenStack's APIs in the name of an account."""

import json
import time
import urllib.error
import urllib.parse
import urllib.request

import database as database_module


class Refused(Exception):
    def __init__(self, status, text):
        super().__init__(f"{status} {text}")
        self.status, self.text = status, text


def _send(verb, url, body=None, headers=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json", **(headers or {})}, method=verb)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            text = answer.read()
            return answer.headers, json.loads(text) if text else None
    except urllib.error.HTTPError as error:
        raise Refused(error.code, error.read().decode(errors="replace")) from None


class Account:
    """A user with a project, and so with a token. Services are found in the catalog, but for those in `announced`."""

    PREFIX = {"network": "/v2.0", "load-balancer": "/v2.0/lbaas"}

    def __init__(self, keystone, user, project):
        domain = {"name": "Default"}
        headers, answer = _send("POST", f"{keystone}/auth/tokens", {"auth": {
            "identity": {"methods": ["password"], "password": {"user": {
                "name": user, "domain": domain, "password": database_module.PASSWORD}}},
            "scope": {"project": {"name": project, "domain": domain}}}})
        self._token = headers["X-Subject-Token"]
        self.user, self.project = answer["token"]["user"]["id"], answer["token"]["project"]["id"]
        self._catalog = {
            service["type"]: endpoint["url"] for service in answer["token"]["catalog"] for endpoint in service["endpoints"]
            if endpoint["interface"] == "public"}
        self.announced = {}

    def ask(self, verb, service, path, body=None):
        url = self.announced.get(service) or self._catalog[service] + self.PREFIX.get(service, "")
        return _send(verb, f"{url}/{path}", body, {"X-Auth-Token": self._token})[1]

    def get(self, service, path, /, **query):
        query = f"?{urllib.parse.urlencode(query)}" if query else ""
        return self.ask("GET", service, path + query)

    def post(self, service, path, /, **body):
        return self.ask("POST", service, path, body)

    # Neutron

    def make(self, kind, /, **fields):
        """Makes a network, subnet, router, port, floatingip; returns it."""
        return self.post("network", f"{kind}s", **{kind: fields})[kind]

    def change(self, kind, identity, **fields):
        return self.ask("PUT", "network", f"{kind}s/{identity}", {kind: fields})[kind]

    def drop(self, kind, identity):
        self.ask("DELETE", "network", f"{kind}s/{identity}")

    def ports(self, **query):
        return self.get("network", "ports", **query)["ports"]

    def router(self, what, router, subnet):
        """`what` is add or remove."""
        self.ask("PUT", "network", f"routers/{router}/{what}_router_interface", {"subnet_id": subnet})

    # Octavia

    def balance(self, kind, /, **fields):
        """Makes an object of Octavia; `kind` is its path. Returns it."""
        name = {"members": "member"}.get(kind.rsplit("/", 1)[-1], kind.rstrip("s"))
        return self.post("load-balancer", kind, **{name: fields})[name]

    def balancer(self, identity):
        return self.get("load-balancer", f"loadbalancers/{identity}")["loadbalancer"]

    def wait_active(self, identity, seconds=60):
        def settled():
            one = self.balancer(identity)
            assert one["provisioning_status"] != "ERROR", one
            return one if one["provisioning_status"] == "ACTIVE" else None

        return eventually(f"{identity} is ACTIVE", settled, seconds)

    def remove(self, identity, cascade=True):
        """Deletes a load balancer and waits until it is gone."""
        self.ask("DELETE", "load-balancer", f"loadbalancers/{identity}?cascade={cascade}")

        def gone():
            try:
                one = self.balancer(identity)
                assert one["provisioning_status"] != "ERROR", one
                return one["provisioning_status"] == "DELETED"
            except Refused as refused:
                return refused.status == 404

        eventually(f"{identity} is gone", gone)


def eventually(what, check, seconds=60):
    """Waits until `check()` is true, and returns what it gave."""
    until = time.monotonic() + seconds
    while True:
        found = check()
        if found:
            return found
        if time.monotonic() > until:
            raise AssertionError(f"{what}: not within {seconds} s")
        time.sleep(0.1)

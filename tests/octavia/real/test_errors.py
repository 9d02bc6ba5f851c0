"""Every exception in every kind of call, as the user sees it: real Octavia and the driver, with a host that refuses.

`errors.json` has what real Octavia answers for each exception of octavia-lib in each method: the HTTP status and the
faultstring (none: the call succeeds).
"""

import json
import pathlib
import socket

import fake_host
import network
import pytest
import stack as stack_module
from octavia_api import Octavia, Refused

STATUS = {"DriverError": 500, "NotImplementedError": 501, "UnsupportedOptionError": 422, "NotFound": 404, "Conflict": 409}
SEEN = json.loads((pathlib.Path(__file__).parent / "errors.json").read_text())
CASES = [(error, method) for error, methods in SEEN.items() for method in methods]


class Refusing:
    """Octavia with a host that answers one method with an error, and takes all else."""

    def __init__(self):
        self.stack = stack_module.Stack()
        self.host = fake_host.Host(str(self.stack.provider))
        self.host.answer = self._answer
        self.refuse = {}
        self.stack.start_octavia()
        self.octavia = Octavia(self.stack)
        self.balancer = self.create()["id"]
        self.release()

    def _answer(self, request):
        method = request.path.rsplit("/", 1)[-1]
        if method in self.refuse:
            error = self.refuse[method]
            return STATUS[error], {"error": error, "code": "test", "user_fault_string": "USER text",
                                   "operator_fault_string": "OPERATOR text"}
        if method == "create_vip_port":
            return 501, {"error": "NotImplementedError", "code": "x", "user_fault_string": "Octavia makes it"}
        return fake_host.ACCEPTED

    def create(self, **more):
        return self.octavia.create("loadbalancers", vip_network_id=network.PUBLIC["id"],
                                   vip_subnet_id=network.PUBLIC["subnet"], **more)

    def release(self):
        """What the host does: the load balancer is ACTIVE."""
        message = json.dumps({"loadbalancers": [{"id": self.balancer, "provisioning_status": "ACTIVE"}]}).encode()
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(f"{self.stack.folder}/status.sock")
            connection.sendall(b"%d\n" % len(message) + message)
            assert b"200" in connection.makefile("rb").read()

    def stop(self):
        self.stack.stop()
        self.host.over.set()


@pytest.fixture(scope="module")
def refusing():
    made = Refusing()
    yield made
    made.stop()


CALLS = {
    "loadbalancer_create": lambda it: it.create(),
    "create_vip_port": lambda it: it.create(),
    "listener_create": lambda it: it.octavia.create(
        "listeners", loadbalancer_id=it.balancer, protocol="TCP", protocol_port=80),
    "loadbalancer_failover": lambda it: it.octavia.ask("PUT", f"loadbalancers/{it.balancer}/failover"),
    "loadbalancer_delete": lambda it: it.octavia.delete("loadbalancers", it.balancer),
    "validate_flavor": lambda it: it.octavia.ask("POST", "flavorprofiles", {
        "flavorprofile": {"name": "f", "provider_name": "weir", "flavor_data": json.dumps({"any": "thing"})}}),
    "get_supported_flavor_metadata": lambda it: it.octavia.ask("GET", "providers/weir/flavor_capabilities"),
}


def test_every_error_is_tried_in_every_kind_of_call():
    assert set(CASES) == {(error, method) for error in STATUS for method in CALLS}


@pytest.mark.parametrize("error, method", CASES)
def test_an_error_is_seen_as_it_should_be_and_leaves_nothing(error, method, refusing):
    status, text = SEEN[error][method]
    before = {one["id"] for one in refusing.octavia.ask("GET", "loadbalancers")["loadbalancers"]}
    refusing.refuse = {method: error}
    try:
        if text is None:
            made = CALLS[method](refusing)["id"]
            before.add(made)  # it has been created all the same: Octavia made the port
        else:
            with pytest.raises(Refused) as refusal:
                CALLS[method](refusing)
            assert (refusal.value.status, refusal.value.text) == (status, text)
    finally:
        refusing.refuse = {}
    assert any(request.path.endswith(method) for request in refusing.host.calls)
    assert refusing.octavia.get("loadbalancers", refusing.balancer)["provisioning_status"] == "ACTIVE"
    assert {one["id"] for one in refusing.octavia.ask("GET", "loadbalancers")["loadbalancers"]} == before
    assert refusing.octavia.ask("GET", "listeners")["listeners"] == []
    assert refusing.octavia.ask("GET", "flavorprofiles")["flavorprofiles"] == []


def test_the_operator_reads_the_operators_text(refusing):
    refusing.refuse = {"listener_create": "DriverError"}
    try:
        with pytest.raises(Refused):
            CALLS["listener_create"](refusing)
    finally:
        refusing.refuse = {}
    assert "OPERATOR text" in refusing.stack.log("api").read_text()

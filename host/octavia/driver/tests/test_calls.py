"""What is sent: every method, keys, request ids, and never a secret."""

import inspect
import json
import logging
import pathlib
import time
import uuid

import pytest
from octavia_lib.api.drivers import data_models
from octavia_lib.api.drivers import provider_base
from oslo_context import context

from weir_octavia import driver

CALLS = sorted((pathlib.Path(__file__).parents[4] / "tests/octavia/calls").glob("*.json"))
MODELS = {
    "loadbalancer": data_models.LoadBalancer, "listener": data_models.Listener, "pool": data_models.Pool,
    "member": data_models.Member, "healthmonitor": data_models.HealthMonitor, "l7policy": data_models.L7Policy,
    "l7rule": data_models.L7Rule,
}
CHILDREN = {
    "listeners": data_models.Listener, "pools": data_models.Pool, "members": data_models.Member,
    "healthmonitor": data_models.HealthMonitor, "l7policies": data_models.L7Policy, "rules": data_models.L7Rule,
    "default_pool": data_models.Pool,
}
WITH_RESULT = {
    "create_vip_port": [{"vip_address": "198.51.100.1"}, [{"ip_address": "198.51.100.2"}]],
    "get_supported_flavor_metadata": {"a": "b"},
    "get_supported_availability_zone_metadata": {"c": "d"},
}


def model(kind, fields):
    fields = dict(fields)
    for name, child in CHILDREN.items():
        value = fields.get(name)
        if isinstance(value, list):
            fields[name] = [model(child, item) for item in value]
        elif isinstance(value, dict):
            fields[name] = model(child, value)
    return kind(**fields)


def argument(name, value):
    kind = MODELS.get(name.removeprefix("old_").removeprefix("new_"))
    if name == "members":
        return [model(data_models.Member, member) for member in value]
    return model(kind, value) if kind else value


def without_secrets(thing):
    if isinstance(thing, dict):
        return {
            name: without_secrets(value) for name, value in thing.items()
            if not name.endswith("_data") or name.startswith("timeout_")
        }
    return [without_secrets(item) for item in thing] if isinstance(thing, list) else thing


def test_there_are_recorded_calls():
    assert len(CALLS) > 80


@pytest.mark.parametrize("path", CALLS, ids=lambda path: path.stem)
def test_a_recorded_call_is_sent_as_octavia_made_it(path, host, weir):
    recorded = json.loads(path.read_text())
    method = recorded["method"]
    if method in WITH_RESULT:
        host.answer = lambda request: (200, {"result": WITH_RESULT[method]})
    result = getattr(weir, method)(**{name: argument(name, value) for name, value in recorded["args"].items()})
    [request] = host.requests
    assert request.path == f"/v1/driver/{method}"
    assert request.body == without_secrets(recorded["args"])
    assert uuid.UUID(request.key).version == 4
    wanted = WITH_RESULT.get(method)
    assert result == (tuple(wanted) if method == "create_vip_port" else wanted)


def test_a_vip_port_may_take_longer_than_other_calls(host, weir, settings):
    settings(read_timeout=0.1, vip_port_timeout=10.0)

    def slow(request):
        time.sleep(0.5)
        return 200, {"result": [{"vip_address": "198.51.100.1"}, []]}

    host.answer = slow
    assert weir.create_vip_port("b", "p", {"vip_network_id": "n"}, []) == ({"vip_address": "198.51.100.1"}, [])
    assert [request.verb for request in host.requests] == ["POST"]


def test_every_method_of_octavia_lib_is_forwarded(host, weir):
    forwarded = {path.stem.split("-")[1] for path in CALLS}
    for name, function in inspect.getmembers(provider_base.ProviderDriver, inspect.isfunction):
        if name.startswith("_"):
            continue
        own = getattr(driver.WeirProviderDriver, name)
        assert own is not function, name
        assert inspect.signature(own) == inspect.signature(function), name
        if name not in forwarded:
            getattr(weir, name)(*[None] * (len(inspect.signature(own).parameters) - 1))
            assert host.requests[-1].path == f"/v1/driver/{name}"


def test_secrets_are_neither_sent_nor_logged(host, weir, caplog):
    caplog.set_level(logging.DEBUG)
    key = {"private_key": "SECRET", "certificate": "SECRET"}
    pool = data_models.Pool(pool_id="p", tls_container_data=key, ca_tls_container_data="SECRET", crl_container_data="SECRET")
    listener = data_models.Listener(
        listener_id="l", default_tls_container_data=key, sni_container_data=[key], client_ca_tls_container_data="SECRET",
        client_crl_container_data="SECRET", timeout_client_data=50000, timeout_member_data=0, default_pool=pool,
    )
    # One refusal, so that there is something to log.
    host.answer = lambda request: (500, {"error": "DriverError", "code": "x", "user_fault_string": "u", "operator_fault_string": "o"})
    balancer = data_models.LoadBalancer(loadbalancer_id="b", listeners=[listener], pools=[pool], flavor={"my_data": "kept"})
    for call in (lambda: weir.listener_create(listener), lambda: weir.pool_update(pool, pool),
                 lambda: weir.loadbalancer_create(balancer)):
        with pytest.raises(Exception) as raised:
            call()
        assert "SECRET" not in str(vars(raised.value))
    assert len(host.requests) == 3
    assert all(b"SECRET" not in request.raw and b"container_data" not in request.raw for request in host.requests)
    assert "SECRET" not in caplog.text
    assert host.requests[0].body["listener"]["timeout_client_data"] == 50000
    assert host.requests[0].body["listener"]["timeout_member_data"] == 0
    assert host.requests[0].body["listener"]["default_pool"] == {"pool_id": "p"}
    assert host.requests[2].body["loadbalancer"]["flavor"] == {"my_data": "kept"}


def test_operators_dictionaries_are_passed_whole(host, weir):
    weir.validate_flavor({"my_data": 1, "nested": {"their_data": 2}})
    assert host.requests[0].body == {"flavor_metadata": {"my_data": 1, "nested": {"their_data": 2}}}


def test_unset_is_left_out_and_none_is_null(host, weir):
    weir.pool_update(data_models.Pool(pool_id="p", members=[]), data_models.Pool(pool_id="p", session_persistence=None))
    assert host.requests[0].body == {
        "old_pool": {"pool_id": "p", "members": []}, "new_pool": {"pool_id": "p", "session_persistence": None},
    }


def test_cascade_is_a_boolean(host, weir):
    weir.loadbalancer_delete(data_models.LoadBalancer(loadbalancer_id="b"))
    weir.loadbalancer_delete(data_models.LoadBalancer(loadbalancer_id="b"), cascade=True)
    assert [request.body["cascade"] for request in host.requests] == [False, True]


def test_every_call_has_its_own_key(host, weir):
    for _ in range(3):
        weir.loadbalancer_failover("b")
    assert len({request.key for request in host.requests}) == 3


def test_octavias_request_id_is_passed_on(host, weir):
    weir.loadbalancer_failover("b")
    mine = context.RequestContext(overwrite=True)
    try:
        weir.loadbalancer_failover("b")
    finally:
        context._request_store.__dict__.clear()
    assert [request.headers.get("X-Openstack-Request-Id") for request in host.requests] == [None, mine.request_id]


@pytest.mark.parametrize("request_id", ["", "a\r\nEvil: 1", "\u2026", "r" * 129, 7])
def test_a_request_id_that_no_header_can_hold_is_left_out(request_id, host, weir, monkeypatch):
    monkeypatch.setattr(driver, "_request_id", lambda: request_id)
    weir.loadbalancer_failover("b")
    assert "X-Openstack-Request-Id" not in host.requests[0].headers

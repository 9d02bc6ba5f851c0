"""What Weir does not do: the user reads why, and nothing is left behind."""

import json

import network
import pytest
from balancer import POOL
from octavia_api import Refused

OPTION = "Provider 'weir' does not support a requested option: "
ACTION = "Provider 'weir' does not support a requested action: "


@pytest.fixture
def small(balancer):
    one = balancer()
    listener = one.create("listeners", protocol="TCP", protocol_port=80)
    pool = one.create("pools", listener_id=listener, **POOL)
    one.create(f"pools/{pool}/members", address="10.10.10.1", protocol_port=8080)
    return one, listener, pool


def refused(one, octavia, status, start, word, call):
    """The call is refused with these words, everything is ACTIVE as before, and no row has changed."""
    rows, statuses = one.rows, one.active()
    with pytest.raises(Refused) as refusal:
        call()
    assert refusal.value.status == status, refusal.value
    assert refusal.value.text.startswith(start), refusal.value
    assert word.lower() in refusal.value.text.lower(), refusal.value
    assert one.active() == statuses
    assert one.rows == rows


@pytest.mark.parametrize("word, fields", [
    ("HTTP", {"protocol": "HTTP"}),
    ("TERMINATED_HTTPS", {"protocol": "TERMINATED_HTTPS", "default_tls_container_ref": "http://localhost/1"}),
    ("connection_limit of 100", {"protocol": "TCP", "connection_limit": 100}),
    ("timeout_client_data of 1000", {"protocol": "HTTPS", "timeout_client_data": 1000}),
    ("timeout_tcp_inspect of 5", {"protocol": "TCP", "timeout_tcp_inspect": 5}),
])
def test_listeners(word, fields, small, octavia):
    one, _, _ = small
    refused(one, octavia, 501, OPTION, word,
            lambda: octavia.create("listeners", loadbalancer_id=one.id, protocol_port=81, **fields))


@pytest.mark.parametrize("field, value, default", [
    ("connection_limit", 100, -1),
    ("timeout_client_data", 1000, 50000),
    ("timeout_member_connect", 0, 5000),
    ("timeout_member_data", 50001, 50000),
    ("timeout_tcp_inspect", 5, 0),
])
def test_limits_and_timeouts_of_an_existing_listener(field, value, default, small, octavia):
    one, listener, _ = small
    refused(one, octavia, 501, OPTION, f"{field} of {value}; leave it at Octavia's default, {default}",
            lambda: octavia.update("listeners", listener, **{field: value}))
    assert octavia.get("listeners", listener)[field] == default
    one.update("listeners", listener, **{field: default})


@pytest.mark.parametrize("word, fields", [
    ("ROUND_ROBIN", {"protocol": "TCP", "lb_algorithm": "ROUND_ROBIN"}),
    ("LEAST_CONNECTIONS", {"protocol": "TCP", "lb_algorithm": "LEAST_CONNECTIONS"}),
    ("HTTP", {"protocol": "HTTP", "lb_algorithm": "SOURCE_IP_PORT"}),
    ("COOKIE", {**POOL, "session_persistence": {"type": "HTTP_COOKIE"}}),
])
def test_pools(word, fields, small, octavia):
    one, _, _ = small
    refused(one, octavia, 501, OPTION, word, lambda: octavia.create("pools", loadbalancer_id=one.id, **fields))


def test_another_algorithm_of_an_existing_pool(small, octavia):
    one, _, pool = small
    refused(one, octavia, 501, OPTION, "ROUND_ROBIN", lambda: octavia.update("pools", pool, lb_algorithm="ROUND_ROBIN"))
    assert octavia.get("pools", pool)["lb_algorithm"] == "SOURCE_IP_PORT"


@pytest.mark.parametrize("kind", ["HTTP", "HTTPS", "PING", "TLS-HELLO"])
def test_health_monitors(kind, small, octavia):
    one, _, pool = small
    refused(one, octavia, 501, OPTION, f"by {kind}; choose TCP", lambda: octavia.create(
        "healthmonitors", pool_id=pool, type=kind, delay=5, timeout=3, max_retries=2))
    assert octavia.ask("GET", f"healthmonitors?pool_id={pool}")["healthmonitors"] == []


def test_l7_policies(small, octavia):
    one, listener, _ = small
    refused(one, octavia, 501, ACTION, "L7", lambda: octavia.create("l7policies", listener_id=listener, action="REJECT"))
    assert octavia.ask("GET", "l7policies")["l7policies"] == []


def test_a_batch_with_a_bad_member_is_refused_as_a_whole(small, octavia):
    one, _, pool = small
    good = {"address": "10.10.10.2", "protocol_port": 8080}
    # An IPv6 member of an IPv4 VIP: OVN cannot.
    bad = {"address": "2001:db8::1", "protocol_port": 8080}
    refused(one, octavia, 501, OPTION, "", lambda: octavia.ask("PUT", f"pools/{pool}/members", {"members": [good, bad]}))
    assert len(octavia.ask("GET", f"pools/{pool}/members")["members"]) == 1


def test_a_graph_with_a_bad_child_is_refused_as_a_whole(octavia, stack):
    before = {row["_uuid"] for row in stack.rows()}, octavia.ask("GET", "loadbalancers")["loadbalancers"]
    with pytest.raises(Refused) as refusal:
        octavia.create("loadbalancers", vip_network_id=network.PUBLIC["id"], vip_subnet_id=network.PUBLIC["subnet"], listeners=[
            {"protocol": "TCP", "protocol_port": 80, "default_pool": {**POOL, "name": "p"}},
            {"protocol": "TCP", "protocol_port": 81, "default_pool": {**POOL, "name": "q", "lb_algorithm": "ROUND_ROBIN"}},
        ])
    assert refusal.value.status == 501
    assert refusal.value.text.startswith(OPTION) and "ROUND_ROBIN" in refusal.value.text
    assert ({row["_uuid"] for row in stack.rows()}, octavia.ask("GET", "loadbalancers")["loadbalancers"]) == before


def test_flavors_of_keys_or_values_that_there_are_not(octavia):
    for data, words in (
        ({"loadbalancer_topology": "SINGLE"}, "loadbalancer_topology: this provider has no such flavor metadata; choose among"),
        ({"reject": "maybe"}, 'reject: expected true or false, got "maybe"'),
    ):
        with pytest.raises(Refused) as refusal:
            octavia.create("flavorprofiles", name="f", provider_name="weir", flavor_data=json.dumps(data))
        assert refusal.value.status == 501
        assert refusal.value.text.startswith(OPTION) and words in refusal.value.text
    assert octavia.ask("GET", "flavorprofiles")["flavorprofiles"] == []


def test_availability_zones_are_not_supported_and_say_so(octavia):
    with pytest.raises(Refused) as refusal:
        octavia.ask("GET", "providers/weir/availability_zone_capabilities")
    assert refusal.value.status == 501
    assert refusal.value.text.startswith(ACTION)

"""What becomes of a call whose answer does not come (the host may have accepted it)."""

import pytest
from octavia_lib.api.drivers import exceptions

from fake_host import ACCEPTED
from fake_host import DROP
from fake_host import HANG
from weir_octavia import driver
from weir_octavia import errors


def call():
    driver.WeirProviderDriver().loadbalancer_failover("b")


def lost(host, first, change=(404, {"error": "NotFound", "code": "change-not-found"}), delete=(200, {"state": "abandoned"})):
    """A host that answers driver calls with `first`, and questions about a change as given."""
    host.answer = lambda request: {"POST": first, "GET": change, "DELETE": delete}[request.verb]


@pytest.fixture
def quick(host, settings):
    settings(urls=[host.url], read_timeout=0.1, vip_port_timeout=0.2)
    return host


@pytest.mark.parametrize("state", ["pending", "committed"])
def test_a_call_that_was_accepted_all_the_same_is_a_success(quick, state):
    lost(quick, HANG, change=(200, {"id": "c", "state": state}))
    call()
    assert [(request.verb, request.path) for request in quick.requests[1:]] == [("GET", f"/v1/changes/{quick.calls[0].key}")]


def test_a_call_that_was_not_accepted_is_abandoned_before_octavia_hears(quick):
    lost(quick, HANG)
    with pytest.raises(exceptions.DriverError) as raised:
        call()
    key = quick.calls[0].key
    assert [(request.verb, request.path) for request in quick.requests[1:]] == [
        ("GET", f"/v1/changes/{key}"), ("DELETE", f"/v1/changes/{key}"),
    ]
    assert raised.value.user_fault_string == errors.NO_ANSWER
    assert key in raised.value.operator_fault_string and "is abandoned" in raised.value.operator_fault_string


def test_a_call_that_failed_meanwhile_tells_why(quick):
    lost(quick, HANG, change=(200, {"id": "c", "state": "failed", "detail": "no room"}))
    with pytest.raises(exceptions.DriverError) as raised:
        call()
    assert raised.value.user_fault_string == errors.NO_REASON
    assert "no room" in raised.value.operator_fault_string
    assert quick.requests[-1].verb == "GET"


def test_a_call_that_somebody_abandoned_is_no_success(quick):
    lost(quick, HANG, change=(200, {"id": "c", "state": "abandoned"}))
    with pytest.raises(exceptions.DriverError):
        call()


def test_a_host_that_says_nothing_at_all_is_asked_and_told(quick):
    lost(quick, HANG, change=HANG, delete=HANG)
    with pytest.raises(exceptions.DriverError) as raised:
        call()
    assert [request.verb for request in quick.requests] == ["POST", "GET", "DELETE"]
    assert "could not be abandoned" in raised.value.operator_fault_string


def test_after_a_time_out_no_other_host_gets_the_call(quick, hosts, settings):
    other = hosts()
    settings(urls=[quick.url, other.url])
    lost(quick, HANG)
    with pytest.raises(exceptions.DriverError):
        call()
    assert not other.requests


def test_a_connection_that_breaks_is_followed_by_the_same_call_with_the_same_key(quick, settings):
    quick.answer = lambda request: DROP if len(quick.calls) < 3 else ACCEPTED
    settings(retry_time=10.0)
    call()
    assert len(quick.calls) == 3
    assert len({(request.key, request.raw) for request in quick.calls}) == 1


def test_a_kept_connection_that_breaks_in_the_call_is_followed_by_the_same_call(quick, settings):
    settings(retry_time=10.0)
    call()
    quick.answer = lambda request: DROP if len(quick.calls) == 2 else ACCEPTED
    call()
    assert quick.calls[1].key == quick.calls[2].key != quick.calls[0].key


def test_a_host_that_dies_in_the_call_gets_it_again_when_it_is_back(quick, hosts, settings):
    """503 while it starts does not mean that it has not accepted before it died: no other host gets the call."""
    other = hosts()
    quick.answer = lambda request: [DROP, (503, {"error": "DriverError", "code": "starting"}), ACCEPTED][len(quick.calls) - 1]
    settings(urls=[quick.url, other.url], retry_time=10.0)
    call()
    assert len({request.key for request in quick.calls}) == 1
    assert not other.requests


def test_a_call_that_breaks_again_and_again_is_abandoned(quick, hosts, settings):
    other = hosts()
    settings(urls=[quick.url, other.url])
    lost(quick, DROP)
    with pytest.raises(exceptions.DriverError):
        call()
    assert [request.verb for request in quick.requests][-2:] == ["GET", "DELETE"]
    assert not other.requests


def test_a_time_out_of_the_repeated_call_is_asked_about(quick, settings):
    lost(quick, HANG, change=(200, {"id": "c", "state": "committed"}))
    settle = quick.answer
    quick.answer = lambda request: DROP if len(quick.requests) == 1 else settle(request)
    settings(retry_time=10.0)
    call()
    assert [request.verb for request in quick.requests] == ["POST", "POST", "GET"]


@pytest.mark.parametrize("call_for_a_result", [
    lambda weir: weir.create_vip_port("b", "p", {}, []), lambda weir: weir.get_supported_flavor_metadata(),
    lambda weir: weir.get_supported_availability_zone_metadata(),
])
def test_a_call_for_a_result_is_abandoned_without_one(call_for_a_result, quick):
    """The host keeps no result for GET, so it would not help to hear that there was one."""
    lost(quick, HANG, change=(200, {"id": "c", "state": "committed"}))
    with pytest.raises(exceptions.DriverError) as raised:
        call_for_a_result(driver.WeirProviderDriver())
    assert raised.value.user_fault_string == errors.NO_ANSWER
    assert [request.verb for request in quick.requests] == ["POST", "DELETE"]

"""Each answer becomes the right exception."""

import importlib
import inspect
import logging

import pytest
from octavia_lib.api.drivers import data_models
from octavia_lib.api.drivers import exceptions

from weir_octavia import driver
from weir_octavia import errors


def refusal(word, status, code="some-code"):
    return status, {"error": word, "code": code, "user_fault_string": "USER", "operator_fault_string": "OPERATOR"}


WORDS = {
    "UnsupportedOptionError": (422, exceptions.UnsupportedOptionError),
    "NotImplementedError": (501, exceptions.NotImplementedError),
    "DriverError": (500, exceptions.DriverError),
    "NotFound": (404, exceptions.NotFound),
    "Conflict": (409, exceptions.Conflict),
    "SomethingNew": (418, exceptions.DriverError),
}
METHODS = [
    name for name, _ in inspect.getmembers(driver.WeirProviderDriver, inspect.isfunction)
    if not name.startswith("_") and name in vars(driver.WeirProviderDriver)
]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("word", WORDS)
def test_a_refusal_of_any_method_becomes_its_exception_with_both_texts(word, method, host, weir):
    status, kind = WORDS[word]
    host.answer = lambda request: refusal(word, status)
    call = getattr(weir, method)
    with pytest.raises(kind) as raised:
        call(*[None] * (len(inspect.signature(call).parameters)))
    assert type(raised.value) is kind
    assert (raised.value.user_fault_string, raised.value.operator_fault_string) == ("USER", "OPERATOR")
    assert [request.path for request in host.requests] == [f"/v1/driver/{method}"]


@pytest.mark.parametrize("status", [400, 404, 405, 408, 409, 413, 422, 500, 501, 503])
def test_the_word_decides_and_not_the_status(status, host, weir):
    host.answer = lambda request: refusal("UnsupportedOptionError", status)
    with pytest.raises(exceptions.UnsupportedOptionError) as raised:
        weir.member_create(data_models.Member(member_id="m"))
    assert (raised.value.user_fault_string, raised.value.operator_fault_string) == ("USER", "OPERATOR")


@pytest.mark.parametrize("answer, user, operator", [
    ({"error": "DriverError", "code": "c", "user_fault_string": "U"}, "U", "U"),
    ({"error": "DriverError", "code": "c", "operator_fault_string": "O"}, "c", "O"),
    ({"error": "DriverError"}, errors.NO_REASON, errors.NO_REASON),
    ({"error": "DriverError", "user_fault_string": {"a": 1}}, "{'a': 1}", "{'a': 1}"),
])
def test_a_refusal_with_less_to_say(answer, user, operator, host, weir):
    host.answer = lambda request: (500, answer)
    with pytest.raises(exceptions.DriverError) as raised:
        weir.loadbalancer_failover("b")
    assert (raised.value.user_fault_string, raised.value.operator_fault_string) == (user, operator)


def test_which_host_refused_is_in_the_log(host, weir, caplog):
    caplog.set_level(logging.INFO)
    host.answer = lambda request: refusal("NotFound", 404, "no-such-pool")
    with pytest.raises(exceptions.NotFound):
        weir.member_create(data_models.Member(member_id="m"))
    [line] = [record.getMessage() for record in caplog.records]
    assert all(word in line for word in ("member_create", host.url, host.calls[0].key, "404 no-such-pool"))


def test_an_older_octavia_lib_has_no_conflict(monkeypatch):
    monkeypatch.delattr(exceptions, "Conflict")
    try:
        old = importlib.reload(errors)
        assert type(old.refused("m", "u", 409, {"error": "Conflict"})) is exceptions.DriverError
    finally:
        monkeypatch.undo()
        importlib.reload(errors)


def test_octavia_makes_the_port_where_the_host_does_not(host, weir):
    host.answer = lambda request: refusal("NotImplementedError", 501)
    with pytest.raises(exceptions.NotImplementedError):
        weir.create_vip_port("b", "p", {"vip_network_id": "n"}, None)
    assert host.requests[0].body["additional_vip_dicts"] == []


@pytest.mark.parametrize("status", [401, 403])
def test_the_user_is_not_told_about_tokens(status, host, weir):
    host.answer = lambda request: refusal("DriverError", status, "unauthorized")
    with pytest.raises(exceptions.DriverError) as raised:
        weir.loadbalancer_failover("b")
    assert raised.value.user_fault_string == errors.MISCONFIGURED
    assert "OPERATOR" in raised.value.operator_fault_string


@pytest.mark.parametrize("answer", [
    (404, b"<html>nginx</html>"), (502, b""), (200, b"<html>"), (200, b"[]"), (500, b'{"message": "x"}'), (500, b"[1]"),
    (400, b'{"error": 7}'),
])
def test_an_answer_that_is_not_the_apis_is_a_driver_error(answer, host, weir):
    host.answer = lambda request: answer
    with pytest.raises(exceptions.DriverError) as raised:
        weir.loadbalancer_failover("b")
    assert raised.value.user_fault_string == errors.MISCONFIGURED
    assert host.url in raised.value.operator_fault_string
    # A proxy may have said it, after the host had got the call.
    assert [(request.verb, request.path) for request in host.requests[1:]] == [("DELETE", f"/v1/changes/{host.calls[0].key}")]


def test_a_proxy_without_a_host_behind_it_is_no_host(host, weir):
    host.answer = lambda request: (503, b"<html>no server is available</html>")
    with pytest.raises(exceptions.DriverError) as raised:
        weir.loadbalancer_failover("b")
    assert raised.value.user_fault_string == errors.NOT_REACHABLE


@pytest.mark.parametrize("result", [{}, {"result": None}, {"result": [1]}, {"result": 3}])
def test_a_result_that_is_none_is_a_driver_error(result, host, weir):
    host.answer = lambda request: (200, result)
    for call in (lambda: weir.create_vip_port("b", "p", {}, []), weir.get_supported_flavor_metadata,
                 weir.get_supported_availability_zone_metadata):
        with pytest.raises(exceptions.DriverError):
            call()


def test_an_unreachable_host_is_said_to_be_so(settings, weir, tmp_path):
    settings(urls=[f"unix://{tmp_path}/nobody.sock", "http://127.0.0.1:1"])
    with pytest.raises(exceptions.DriverError) as raised:
        weir.loadbalancer_failover("b")
    assert raised.value.user_fault_string == errors.NOT_REACHABLE
    assert f"unix://{tmp_path}/nobody.sock: No such file or directory" in raised.value.operator_fault_string
    assert "http://127.0.0.1:1: Connection refused" in raised.value.operator_fault_string


def test_a_name_that_no_machine_can_have_is_unreachable(settings, weir):
    settings(urls=[f"http://{'a' * 70}.example:1"])
    with pytest.raises(exceptions.DriverError) as raised:
        weir.loadbalancer_failover("b")
    assert raised.value.user_fault_string == errors.NOT_REACHABLE


@pytest.mark.parametrize("token", ["tok en", "tok\nen", "tok\u2026en"])
def test_a_token_that_cannot_be_sent_is_not_quoted(token, settings, weir):
    settings(urls=["http://127.0.0.1:1"], token=token)
    with pytest.raises(exceptions.DriverError) as raised:
        weir.loadbalancer_failover("b")
    assert raised.value.user_fault_string == errors.MISCONFIGURED
    assert "token" in raised.value.operator_fault_string
    assert token not in raised.value.operator_fault_string


def test_what_json_does_not_have_is_a_driver_error(host, weir):
    with pytest.raises(exceptions.DriverError) as raised:
        weir.validate_flavor({"secret": {"SECRET", "set"}})
    assert raised.value.user_fault_string == errors.NO_REASON
    assert "SECRET" not in raised.value.operator_fault_string
    assert not host.requests


@pytest.mark.parametrize("urls", [
    [], [""], ["weir.sock"], ["unix:weir.sock"], ["unix://relative/weir.sock"], ["http://nohost"], ["ftp://a:1"],
    ["https://a:99999"], ["http://u:p@a:1"], ["http://a:1/path"],
])
def test_a_wrong_url_is_found_at_the_call_and_named(urls, settings, weir):
    settings(urls=urls)
    with pytest.raises(exceptions.DriverError) as raised:
        weir.loadbalancer_failover("b")
    assert raised.value.user_fault_string == errors.MISCONFIGURED
    assert "[weir] of octavia.conf" in raised.value.operator_fault_string

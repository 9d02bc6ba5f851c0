"""Connections: kept, shared, not inherited, renewed; TLS; several hosts."""

import os
import ssl
import threading
import time

import pytest
from cryptography.hazmat.primitives import serialization
from octavia_lib.api.drivers import exceptions

from certificates import Authority
from fake_host import ACCEPTED
from weir_octavia import client
from weir_octavia import driver
from weir_octavia import errors
from weir_octavia import transport


def call():
    # As Octavia does: a new driver for every request.
    driver.WeirProviderDriver().loadbalancer_failover("b")


def test_making_a_driver_touches_no_host(host, settings):
    settings(urls=[host.url])
    driver.WeirProviderDriver()
    assert not host.connections


def test_a_connection_is_kept_for_the_next_request(host, weir):
    for _ in range(5):
        call()
    assert (len(host.connections), len(host.calls)) == (1, 5)


def test_a_connection_that_was_idle_for_long_is_not_used(host, weir, monkeypatch):
    call()
    monkeypatch.setattr(transport, "IDLE_TIME", -1.0)
    call()
    assert (len(host.connections), len(host.calls)) == (2, 2)


def test_threads_share_connections_and_never_answers(host, weir):
    barrier = threading.Barrier(8)
    host.answer = lambda request: (200, {"result": {"id": request.body["flavor_metadata"]["id"]}})
    wrong = []

    def work(thread):
        barrier.wait()
        shared = client.shared(driver.config.settings(driver.cfg.CONF))
        for turn in range(25):
            mine = f"{thread}-{turn}"
            answer = shared.call("validate_flavor", {"flavor_metadata": {"id": mine}})
            if answer["result"]["id"] != mine:
                wrong.append((mine, answer))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert not wrong
    assert len(host.calls) == 200
    assert len(host.connections) <= 8


def test_a_forked_child_has_connections_of_its_own(host, weir):
    call()
    shared = client.shared(driver.config.settings(driver.cfg.CONF))
    child = os.fork()
    if not child:
        status = 1
        try:
            call()  # as a worker of Octavia does
            shared.call("loadbalancer_failover", {"loadbalancer_id": "c"})  # a client kept over the fork
            status = 0
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    call()
    # The parent's first connection was used by the parent only: 1 for it, 2 for the child's two clients.
    assert (len(host.connections), len(host.calls)) == (3, 4)


def test_a_child_forked_while_locks_are_held_does_not_hang(host, weir):
    call()
    shared = client.shared(driver.config.settings(driver.cfg.CONF))
    with client._lock, shared._hosts[0]._lock:
        child = os.fork()
        if not child:
            status = 1
            try:
                call()
                shared.call("loadbalancer_failover", {"loadbalancer_id": "c"})
                status = 0
            finally:
                os._exit(status)
    deadline = time.monotonic() + 20
    while (done := os.waitpid(child, os.WNOHANG))[0] == 0 and time.monotonic() < deadline:
        time.sleep(0.01)
    if done[0] == 0:
        os.kill(child, 9)
        os.waitpid(child, 0)
    assert done[0] == child and os.waitstatus_to_exitcode(done[1]) == 0


def test_a_connection_that_the_host_closed_is_not_used(host, weir):
    call()
    host.stop()
    host.start()
    call()
    assert len(host.calls) == 2
    assert len({request.key for request in host.calls}) == 2, "nothing was sent twice"


def test_another_host_takes_over_when_the_first_is_down(hosts, settings):
    first, second = hosts(), hosts()
    settings(urls=[first.url, second.url])
    call()
    assert (len(first.calls), len(second.calls)) == (1, 0)
    first.stop()
    call()
    call()
    assert (len(first.calls), len(second.calls)) == (1, 2)


def test_a_host_that_takes_no_calls_is_passed_by(hosts, settings):
    first, second = hosts(), hosts()
    first.answer = lambda request: (503, {"error": "DriverError", "code": "not-ready", "user_fault_string": "starting"})
    settings(urls=[first.url, second.url])
    call()
    assert (len(first.calls), len(second.calls)) == (1, 1)


def test_a_refusal_is_not_asked_of_another_host(hosts, settings):
    first, second = hosts(), hosts()
    first.answer = lambda request: (500, {"error": "DriverError", "code": "x", "user_fault_string": "no"})
    settings(urls=[first.url, second.url])
    with pytest.raises(exceptions.DriverError):
        call()
    assert not second.requests


def test_a_host_that_is_being_restarted_is_waited_for(host, settings):
    host.stop()
    settings(urls=[host.url], retry_time=10.0)
    waiting = threading.Thread(target=call)
    waiting.start()
    host.start()
    waiting.join(10)
    assert len(host.calls) == 1


def test_a_host_that_is_starting_is_waited_for(host, settings):
    host.answer = lambda request: ACCEPTED if len(host.calls) > 2 else (
        503, {"error": "DriverError", "code": "not-ready", "user_fault_string": "starting"})
    settings(urls=[host.url], retry_time=10.0)
    call()
    assert len(host.calls) == 3


def test_the_token_goes_to_tcp_hosts_only(hosts, settings):
    tcp, unix = hosts(tcp=True), hosts()
    settings(urls=[tcp.url], token="tok-en")
    call()
    settings(urls=[unix.url], token="tok-en")
    call()
    assert tcp.calls[0].headers["Authorization"] == "Bearer tok-en"
    assert "Authorization" not in unix.calls[0].headers


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path, "good")


@pytest.fixture
def tls_host(hosts, authority):
    """A host that wants a client certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.issue("host"))
    context.load_verify_locations(authority.file)
    context.verify_mode = ssl.CERT_REQUIRED
    return hosts(tls=context)


def test_tls_with_a_client_certificate(tls_host, authority, settings):
    certificate, key = authority.issue("octavia")
    settings(urls=[tls_host.url], cafile=authority.file, certfile=certificate, keyfile=key)
    call()
    call()
    assert (len(tls_host.connections), len(tls_host.calls)) == (1, 2)


def test_tls_without_or_with_another_client_certificate_is_refused(tls_host, authority, settings, tmp_path):
    stranger, key = Authority(tmp_path, "other").issue("stranger")
    for more in ({}, {"certfile": stranger, "keyfile": key}):
        settings(urls=[tls_host.url], cafile=authority.file, **more)
        with pytest.raises(exceptions.DriverError) as raised:
            call()
        assert raised.value.user_fault_string == errors.NOT_REACHABLE
    assert not tls_host.requests


@pytest.mark.parametrize("wrong", ["cafile", "certfile", "keyfile"])
def test_a_file_that_is_not_there_is_named(wrong, tls_host, authority, settings):
    certificate, key = authority.issue("octavia")
    files = {"cafile": authority.file, "certfile": certificate, "keyfile": key, wrong: "/nowhere/x.pem"}
    settings(urls=[tls_host.url], **files)
    with pytest.raises(exceptions.DriverError) as raised:
        call()
    assert f"{wrong} /nowhere/x.pem" in raised.value.operator_fault_string
    assert "No such file" in raised.value.operator_fault_string
    assert not tls_host.connections


def test_a_key_with_a_password_is_an_error_and_no_question_at_the_terminal(tls_host, authority, settings):
    certificate, key = authority.issue("octavia", serialization.BestAvailableEncryption(b"secret"))
    settings(urls=[tls_host.url], cafile=authority.file, certfile=certificate, keyfile=key)
    with pytest.raises(exceptions.DriverError) as raised:
        call()
    assert f"keyfile {key}" in raised.value.operator_fault_string


def test_a_renewed_certificate_needs_no_restart(tls_host, authority, settings):
    certificate, key = authority.issue("octavia")
    settings(urls=[tls_host.url], cafile=authority.file, certfile=certificate, keyfile=key)
    call()
    authority.issue("octavia")
    tls_host.break_connections()
    call()
    assert len(tls_host.calls) == 2


def test_a_host_with_an_unknown_certificate_gets_nothing(tls_host, authority, settings, tmp_path):
    certificate, key = authority.issue("octavia")
    settings(urls=[tls_host.url], cafile=Authority(tmp_path, "other").file, certfile=certificate, keyfile=key)
    with pytest.raises(exceptions.DriverError) as raised:
        call()
    assert raised.value.user_fault_string == errors.NOT_REACHABLE
    assert "CERTIFICATE_VERIFY_FAILED" in raised.value.operator_fault_string
    assert not tls_host.calls

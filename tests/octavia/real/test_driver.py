"""The driver by itself against a real host: what Octavia's API does not show."""

import re
import uuid

import network
import pytest
import stack as stack_module
from certificates import Authority
from octavia_lib.api.drivers import data_models
from octavia_lib.api.drivers import exceptions
from oslo_config import cfg
from weir_octavia import client
from weir_octavia import config
from weir_octavia import driver
from weir_octavia import errors

TOKEN = "a-token-of-the-tests"


def tcp_address(stack, host):
    return stack_module.wait_for(
        "the TCP address", lambda: re.search(r"tcp:(127\.0\.0\.1:[1-9]\d*)", stack.log(host).read_text())).group(1)


@pytest.fixture(scope="module")
def tcp_host(stack):
    """A second host on the same Northbound, which listens on TCP."""
    stack.start_weir(name="second", listen=["tcp:127.0.0.1:0"], WEIR_TOKEN=TOKEN)
    yield f"http://{tcp_address(stack, 'second')}"
    stack.end("second")


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("certificates"), "good")


@pytest.fixture(scope="module")
def tls_host(stack, authority):
    """A host that listens on TCP with TLS, and wants client certificates of the authority."""
    certificate, key = authority.issue("host")
    stack.start_weir(name="tls", listen=["tcp:127.0.0.1:0"], WEIR_TLS_CERTIFICATE=certificate, WEIR_TLS_PRIVATE_KEY=key,
                     WEIR_TLS_CLIENT_CA=authority.file)
    yield f"https://{tcp_address(stack, 'tls')}"
    stack.end("tls")


@pytest.fixture
def settings():
    config.register(cfg.CONF)
    names = []

    def apply(**values):
        for name, value in values.items():
            names.append(name)
            cfg.CONF.set_override(name, value, group="weir")

    yield apply
    for name in names:
        cfg.CONF.clear_override(name, group="weir")
    for kept in client._shared.values():
        kept.close()
    client._shared.clear()


def load_balancer():
    return data_models.LoadBalancer(
        loadbalancer_id=str(uuid.uuid4()), project_id="p" * 32, name="direct", admin_state_up=True, vip_address="198.51.100.9",
        vip_port_id=str(uuid.uuid4()), vip_network_id=network.PUBLIC["id"], vip_subnet_id=network.PUBLIC["subnet"])


def test_over_tcp_with_the_token(tcp_host, settings, stack):
    settings(urls=[tcp_host], token=TOKEN)
    one = load_balancer()
    driver.WeirProviderDriver().loadbalancer_create(one)
    assert len(stack.rows(one.loadbalancer_id)) == 1
    driver.WeirProviderDriver().loadbalancer_delete(one)
    assert stack.rows(one.loadbalancer_id) == []


@pytest.mark.parametrize("token", [None, "another"])
def test_over_tcp_without_the_token(token, tcp_host, settings, stack):
    settings(urls=[tcp_host], token=token)
    one = load_balancer()
    with pytest.raises(exceptions.DriverError) as raised:
        driver.WeirProviderDriver().loadbalancer_create(one)
    assert "bearer token" in raised.value.operator_fault_string
    assert "token" not in raised.value.user_fault_string
    assert stack.rows(one.loadbalancer_id) == []


def test_over_tls_with_a_client_certificate(tls_host, authority, settings, stack):
    certificate, key = authority.issue("octavia")
    settings(urls=[tls_host], cafile=authority.file, certfile=certificate, keyfile=key)
    one = load_balancer()
    driver.WeirProviderDriver().loadbalancer_create(one)
    assert len(stack.rows(one.loadbalancer_id)) == 1
    driver.WeirProviderDriver().loadbalancer_delete(one)
    assert stack.rows(one.loadbalancer_id) == []


@pytest.mark.parametrize("client", ["none", "of another authority"])
def test_over_tls_without_the_client_certificate(client, tls_host, authority, settings, stack, tmp_path):
    certificate, key = Authority(tmp_path, "other").issue("octavia") if client != "none" else (None, None)
    settings(urls=[tls_host], cafile=authority.file, certfile=certificate, keyfile=key)
    one = load_balancer()
    with pytest.raises(exceptions.DriverError) as raised:
        driver.WeirProviderDriver().loadbalancer_create(one)
    assert raised.value.user_fault_string == errors.NOT_REACHABLE
    assert stack.rows(one.loadbalancer_id) == []


def test_a_tls_host_of_another_authority_gets_nothing(tls_host, authority, settings, tmp_path):
    certificate, key = authority.issue("octavia")
    settings(urls=[tls_host], cafile=Authority(tmp_path, "other").file, certfile=certificate, keyfile=key)
    with pytest.raises(exceptions.DriverError) as raised:
        driver.WeirProviderDriver().loadbalancer_create(load_balancer())
    assert "CERTIFICATE_VERIFY_FAILED" in raised.value.operator_fault_string


def test_two_hosts_and_the_first_goes_away(tcp_host, settings, stack):
    settings(urls=[f"unix://{stack.provider}", tcp_host], token=TOKEN)
    one = load_balancer()
    driver.WeirProviderDriver().loadbalancer_create(one)
    stack.end("weir")
    try:
        driver.WeirProviderDriver().loadbalancer_delete(one)
    finally:
        stack.start_weir()
    assert stack.rows(one.loadbalancer_id) == []


def test_octavia_makes_the_vip_port(stack, settings):
    settings(urls=[f"unix://{stack.provider}"])
    with pytest.raises(exceptions.NotImplementedError):
        driver.WeirProviderDriver().create_vip_port(str(uuid.uuid4()), "p" * 32, {"vip_network_id": network.PUBLIC["id"]}, [])


def test_a_wrong_type_is_named_to_the_operator(stack, settings):
    settings(urls=[f"unix://{stack.provider}"])
    one = load_balancer()
    one.admin_state_up = "perhaps"
    with pytest.raises(exceptions.DriverError) as raised:
        driver.WeirProviderDriver().loadbalancer_create(one)
    assert "admin_state_up" in raised.value.operator_fault_string
    assert stack.rows(one.loadbalancer_id) == []

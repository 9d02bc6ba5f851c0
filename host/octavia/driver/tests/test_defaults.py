"""Octavia's configured defaults go with every call."""

import json

import pytest
from octavia_lib.api.drivers import data_models
from oslo_config import cfg

from weir_octavia import defaults

OPTIONS = {
    "haproxy_amphora": [cfg.IntOpt("timeout_client_data", default=50000), cfg.IntOpt("timeout_tcp_inspect", default=0)],
    "api_settings": [cfg.ListOpt("default_listener_tls_versions", default=["TLSv1.2"]), cfg.StrOpt("default_pool_ciphers")],
}


def configuration():
    conf = cfg.ConfigOpts()
    for group, options in OPTIONS.items():
        conf.register_opts(options, group=group)
    conf([], project="test", default_config_files=[])
    return conf


def test_header_holds_the_configured_values_that_there_are():
    conf = configuration()
    conf.set_override("timeout_client_data", 60000, group="haproxy_amphora")
    assert json.loads(defaults.header(conf)) == {
        "listener": {"timeout_client_data": 60000, "timeout_tcp_inspect": 0, "tls_versions": ["TLSv1.2"]}}
    conf.set_override("default_pool_ciphers", "A:\u2026", group="api_settings")
    assert defaults.header(conf).isascii()
    assert json.loads(defaults.header(conf))["pool"] == {"tls_ciphers": "A:\u2026"}


def test_header_is_left_out_where_there_are_no_such_options():
    assert defaults.header(cfg.ConfigOpts()) is None


def test_every_call_carries_the_header(host, weir, monkeypatch):
    monkeypatch.setattr(defaults, "header", lambda conf: '{"listener":{}}')
    weir.listener_create(data_models.Listener(listener_id="l"))
    weir.loadbalancer_failover("b")
    assert [request.headers.get(defaults.HEADER) for request in host.requests] == ['{"listener":{}}'] * 2


def test_every_option_is_one_of_octavias():
    octavia = pytest.importorskip("octavia.common.config", reason="Octavia is not installed here")
    conf = cfg.ConfigOpts()
    conf.register_opts(octavia.haproxy_amphora_opts, group="haproxy_amphora")
    conf.register_opts(octavia.api_opts, group="api_settings")
    conf([], project="test", default_config_files=[])
    sent = json.loads(defaults.header(conf))
    assert {kind: sorted(fields) for kind, fields in sent.items()} == {
        kind: sorted(fields) for kind, fields in defaults._OPTIONS.items()}
    assert sent["listener"]["timeout_member_data"] == 50000

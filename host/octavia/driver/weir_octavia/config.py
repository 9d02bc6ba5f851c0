"""The options of section ``[weir]`` in octavia.conf."""

import dataclasses
import typing

from oslo_config import cfg

GROUP = "weir"

OPTIONS = [
    cfg.ListOpt(
        "urls",
        default=["unix:///run/weir/provider.sock"],
        help="Weir hosts: unix:///PATH, http://HOST:PORT or https://HOST:PORT. The first that can be connected to gets "
             "the call; the others are for when it is down.",
    ),
    cfg.StrOpt("token", secret=True, help="Token sent to http and https hosts (`token` in the host's weir.toml)."),
    cfg.StrOpt("cafile", help="PEM file of the authorities that https hosts' certificates must come from. "
                              "Default: the system's."),
    cfg.StrOpt("certfile", help="PEM file of the client certificate for https hosts."),
    cfg.StrOpt("keyfile", help="PEM file of its private key. Default: in certfile."),
    cfg.FloatOpt("connect_timeout", default=2.0, min=0.01, help="Seconds for a connection to a host."),
    cfg.FloatOpt(
        "read_timeout",
        default=5.0,
        min=0.01,
        help="Seconds for the host's answer. The host answers within 0.3 s, also when the Northbound is away; after this "
             "time the call is looked up, and abandoned if it was not accepted.",
    ),
    cfg.FloatOpt(
        "vip_port_timeout",
        default=30.0,
        min=0.01,
        help="Seconds for the answer to create_vip_port, where the host makes VIP ports: Neutron takes a second for one, "
             "and several under load. The host gives up after 20 s.",
    ),
    cfg.FloatOpt(
        "retry_time",
        default=2.0,
        min=0,
        help="Seconds for which a call is tried again while no host takes calls, so that a host may be restarted. "
             "Octavia keeps a database transaction open meanwhile.",
    ),
]


@dataclasses.dataclass(frozen=True)
class Settings:
    """The options as the client needs them; equal settings share connections."""

    urls: typing.Tuple[str, ...]
    token: typing.Optional[str] = dataclasses.field(default=None, repr=False)
    cafile: typing.Optional[str] = None
    certfile: typing.Optional[str] = None
    keyfile: typing.Optional[str] = None
    connect_timeout: float = 2.0
    read_timeout: float = 5.0
    vip_port_timeout: float = 30.0
    retry_time: float = 2.0


def register(conf):
    """Makes the options known; does nothing the second time."""
    conf.register_opts(OPTIONS, group=GROUP)


def settings(conf):
    """The options' values now."""
    group = conf[GROUP]
    values = {field.name: getattr(group, field.name) for field in dataclasses.fields(Settings)}
    values["urls"] = tuple(group.urls)
    return Settings(**values)


def list_opts():
    """For oslo-config-generator (entry point ``oslo.config.opts``)."""
    return [(GROUP, OPTIONS)]

"""Runs a part of real Octavia. Usage: run_octavia.py agent OCTAVIA.CONF, or api OCTAVIA.CONF PORT-FILE THREADS

`api` listens on a free port of 127.0.0.1 and writes it to PORT-FILE when it is ready.
"""

import os
import signal
import socket
import sys

from oslo_config import cfg

# What is different for SQLite and for no Keystone.
PROJECT = "11111111111111111111111111111111"


def without_pool_timeout():
    # Octavia forces 10 s; SQLAlchemy's pool for SQLite files has no such parameter.
    from octavia.common import config  # noqa: F401 (registers the option)

    if cfg.CONF.database.connection.startswith("sqlite:"):
        cfg.CONF.set_override("pool_timeout", None, group="database")


def after_preparing(module):
    """Octavia reads its configuration in prepare_service: goes on from there."""
    prepare = module.prepare_service

    def prepare_service(*arguments, **named):
        prepare(*arguments, **named)
        without_pool_timeout()

    module.prepare_service = prepare_service


def with_project(application):
    """Without Keystone nobody says whose request it is."""

    def call(environ, start_response):
        environ.setdefault("HTTP_X_PROJECT_ID", PROJECT)
        environ.setdefault("HTTP_X_ROLES", "admin,load-balancer_admin")
        environ.setdefault("HTTP_X_USER_ID", PROJECT)
        return application(environ, start_response)

    return call


def dying_after(methods):
    """The process ends when the host has answered one of these driver calls, before Octavia commits its transaction."""
    from weir_octavia.driver import WeirProviderDriver

    def dying(call):
        def call_and_die(*arguments, **named):
            call(*arguments, **named)
            os._exit(1)

        return call_and_die

    for method in methods:
        setattr(WeirProviderDriver, method, dying(getattr(WeirProviderDriver, method)))


def in_children():
    """Returns in a child process, and in another one whenever a child has ended."""
    while child := os.fork():
        os.waitpid(child, 0)


def with_networks(noop):
    """Octavia's network driver makes up the subnets of a network; these are those of the Northbound."""
    from octavia.network import data_models

    sys.path.append(os.path.dirname(os.path.abspath(__file__)))
    import network

    for net in (network.PUBLIC, network.PRIVATE):
        noop._NOOP_MANAGER_VARS["networks"][net["id"]] = data_models.Network(
            id=net["id"], subnets=[net["subnet"]], port_security_enabled=True)
        noop._NOOP_MANAGER_VARS["subnets"][net["subnet"]] = data_models.Subnet(
            id=net["subnet"], network_id=net["id"], cidr=net["cidr"], gateway_ip=net["gateway"], ip_version=4)


def api(configuration, port_file, threads):
    import waitress
    from octavia.api import app
    from octavia.common import service
    from octavia.network.drivers.noop_driver import driver as noop

    # It has a file of its own at a fixed path, which two of us would share.
    create_engine = noop.create_engine
    noop.create_engine = lambda _url, **named: create_engine(f"sqlite:///{port_file}.noop-network.sqlite", **named)
    if os.environ.get("WEIR_REAL_NETWORKS"):
        with_networks(noop)
    methods = os.environ.get("WEIR_REAL_DIE_AFTER")
    after_preparing(service)
    application = app.setup_app(argv=["octavia-api", "--config-file", configuration])
    listening = socket.create_server(("127.0.0.1", 0), backlog=1024)
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    with open(f"{port_file}.new", "w", encoding="ascii") as file:
        file.write(str(listening.getsockname()[1]))
    os.rename(f"{port_file}.new", port_file)
    if methods:
        in_children()
        dying_after(methods.split(","))
    if cfg.CONF.api_settings.auth_strategy == "noauth":
        application = with_project(application)
    waitress.create_server(application, sockets=[listening], threads=threads).run()


def agent(configuration):
    from octavia.cmd import driver_agent
    from octavia.common import service

    after_preparing(service)
    sys.argv = ["octavia-driver-agent", "--config-file", configuration]
    driver_agent.main()


if __name__ == "__main__":
    if sys.argv[1] == "api":
        api(sys.argv[2], sys.argv[3], int(sys.argv[4]))
    else:
        agent(sys.argv[2])

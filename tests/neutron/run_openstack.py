"""Runs Keystone or Neutron. Usage: run_openstack.py keystone|neutron CONFIGURATION PORT-FILE

It listens on a free port of 127.0.0.1 and writes it to PORT-FILE when it is ready.
"""

import os
import signal
import socket
import sys


def keystone(configuration):
    os.environ["OS_KEYSTONE_CONFIG_FILES"] = configuration
    os.environ["OS_KEYSTONE_CONFIG_DIR"] = os.path.dirname(configuration)
    sys.argv = ["keystone"]
    from keystone.server import wsgi

    return wsgi.initialize_public_application()


def neutron(configuration):
    sys.argv = ["neutron-api", "--config-file", configuration]
    from neutron import server
    from neutron.server import api

    return server.boot_server(api.api_server, prog="neutron-api")


def main():
    name, configuration, port_file = sys.argv[1:]
    application = {"keystone": keystone, "neutron": neutron}[name](configuration)
    import waitress

    listening = socket.create_server(("127.0.0.1", 0), backlog=1024)
    # Neutron's own threads would go on.
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    with open(f"{port_file}.new", "w", encoding="ascii") as file:
        file.write(str(listening.getsockname()[1]))
    os.rename(f"{port_file}.new", port_file)
    waitress.create_server(application, sockets=[listening], threads=8).run()


main()

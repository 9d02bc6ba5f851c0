"""A private OVN with one chassis: databases, ovn-northd, ovs-vswitchd with the userspace datapath, ovn-controller; and a namespace
for every server and client of the network."""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import network
from namespaces import Namespace
from ovsdb import Database, insert
from programs import Processes, SCHEMAS, command, wait_for


class Lab:
    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="weir-traffic-"))
        self.processes = Processes(self.folder)
        self.northbound = Database(self.folder / "nb.sock", "OVN_Northbound")
        self.southbound = Database(self.folder / "sb.sock", "OVN_Southbound")
        self.machines = {}

    def __getattr__(self, name):
        """Machines by their names in the network."""
        try:
            return self.__dict__["machines"][name]
        except KeyError:
            raise AttributeError(name) from None

    def start(self):
        try:
            self._start_databases()
            self._start_northd()
            self._start_switch()
            self._start_machines()
            self.northbound.transact(*network.rows())
            wait_for("ports up", self._all_up)
            self.settle()
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self):
        self.processes.end_all()
        for name in self.machines:
            subprocess.run(["ip", "netns", "delete", name], check=False)
        if os.environ.get("WEIR_REAL_KEEP"):
            print(f"kept: {self.folder}", file=sys.stderr)
        else:
            shutil.rmtree(self.folder, ignore_errors=True)

    def remote(self, database):
        return f"unix:{self.folder}/{database}.sock"

    def settle(self):
        """Waits until what stands in the Northbound is in the switch's flows, and no packet goes by former ones."""
        self.processes.run("ovn-nbctl", f"--db={self.remote('nb')}", "--timeout=90", "--wait=hv", "sync")
        self.processes.run("ovs-appctl", "-t", self.folder / "vswitchd.ctl", "revalidator/wait")

    def unplug(self, name):
        """Takes a machine off its switch, as stopping a VM does, and waits until OVN says that its port is down."""
        self._ovs("remove", "interface", self.machines[name].outer, "external_ids", "iface-id")
        self._wait_for_port(name, False)

    def plug(self, name):
        """Gives it back, and waits until its port is up."""
        self._plug(name)
        self._wait_for_port(name, True)

    # Starting it

    def _launch(self, name, program, *arguments):
        self.processes.start(name, command(program, "-vconsole:warn", f"--unixctl={self.folder}/{name}.ctl", *arguments))

    def _start_databases(self):
        for name, schema in SCHEMAS.items():
            self.processes.run("ovsdb-tool", "create", self.folder / f"{name}.db", schema)
            self._launch(name, "ovsdb-server", f"--remote=p{self.remote(name)}", self.folder / f"{name}.db")
        for name in SCHEMAS:
            self.processes.wait(name, (self.folder / f"{name}.sock").exists)

    def _start_northd(self):
        # As Neutron sets it: nobody answers ARP for a port that is on no chassis, which VIPs' ports are.
        self.northbound.transact(insert("NB_Global", options={"ignore_lsp_down": "false"}))
        self._launch("northd", "ovn-northd", f"--ovnnb-db={self.remote('nb')}", f"--ovnsb-db={self.remote('sb')}")

    def _start_switch(self):
        self._ovs("--no-wait", "init")
        settings = {
            "system-id": network.CHASSIS, "hostname": network.CHASSIS, "ovn-remote": self.remote("sb"),
            "ovn-encap-type": "geneve", "ovn-encap-ip": "127.0.0.1", "ovn-bridge-datapath-type": "netdev",
            "ovn-bridge-mappings": f"{network.PHYSICAL}:br-ex", "ovn-cms-options": "enable-chassis-as-gw",
        }
        self._ovs("--no-wait", "set", "open_vswitch", ".", *(f'external_ids:{key}="{item}"' for key, item in settings.items()))
        # Tests wait for a round of the revalidators after each change, so rounds come often.
        self._ovs("--no-wait", "set", "open_vswitch", ".", "other_config:max-revalidator=100")
        self._launch("vswitchd", "ovs-vswitchd", "--disable-system", self.remote("conf"))
        self._ovs("add-br", "br-ex", "--", "set", "bridge", "br-ex", "datapath_type=netdev")
        self._launch("controller", "ovn-controller", self.remote("conf"))
        # The bridge that machines are plugged into is made by ovn-controller.
        self.processes.wait("controller", lambda: "br-int" in self._ovs("list-br").split())

    def _start_machines(self):
        for net in network.TENANTS:
            for name, host in net.hosts.items():
                gateways = [("default", net.at(1)), ("default", net.at(1, 6))]
                self._machine(net, name, host, gateways)
                self._ovs("add-port", "br-int", self.machines[name].outer)
                self._plug(name)
        for name, host in network.PUBLIC.hosts.items():
            ways = [(str(net.v6), network.PUBLIC.at(net.router.gateway, 6)) for net in network.TENANTS if net.router]
            # As the provider's own router knows its further subnets.
            ways += [(str(subnet), None) for subnet in network.ELSEWHERE.subnets()]
            self._machine(network.PUBLIC, name, host, ways)
            self._ovs("add-port", "br-ex", self.machines[name].outer)

    def _machine(self, net, name, host, gateways):
        addresses = network.cidrs(net, name, host).split()
        self.machines[name] = Namespace(name, network.MACS[name], addresses, gateways)

    def _plug(self, name):
        self._ovs("set", "interface", self.machines[name].outer, f"external_ids:iface-id={network.port(name)}")

    def _ovs(self, *arguments):
        return self.processes.run("ovs-vsctl", f"--db={self.remote('conf')}", "--timeout=60", *arguments)

    def _wait_for_port(self, name, up):
        def is_so():
            [row] = self.northbound.rows("Logical_Switch_Port", ["name", "==", network.port(name)])
            return row["up"] is up

        wait_for(f"{name} {'up' if up else 'down'}", is_so)
        self.settle()

    def _all_up(self):
        rows = self.northbound.rows("Logical_Switch_Port", ["type", "==", ""])
        return all(row["up"] is True for row in rows)

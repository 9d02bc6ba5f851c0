"""A load balancer that is made through Weir, with calls as Octavia makes them, and known to the agent as Octavia knows it."""

import contextlib
import itertools
import uuid

import network
from programs import wait_for
from weir import Refusal

# Last parts of addresses: none is used twice while Weir may still know it.
_vips = itertools.cycle(range(100, 250))
_floating = itertools.cycle(range(100, 250))
_POOL = {"lb_algorithm": "SOURCE_IP_PORT", "admin_state_up": True, "session_persistence": None}
_MONITOR = {"delay": 1, "timeout": 1, "max_retries": 2, "max_retries_down": 2, "admin_state_up": True}


class Balancer:
    def __init__(self, lab, weir, agent, version=4, net=network.PRIVATE, flavor=None, additional=None, own_port=False, beside=None):
        """`additional` is the IP version of a second VIP; `own_port`: the VIP's port is the user's own, which has its address
        in OVN too; `beside`: another load balancer, whose VIP has the same address."""
        self._lab, self._weir, self._agent, self._network = lab, weir, agent, net
        self.id = str(uuid.uuid4())
        host = self._host = beside._host if beside else next(_vips)
        self.vip = net.at(host, version)
        self.port_name = f"ovn-lb-vip-{self.id}"
        cidrs = [net.cidr(host, one) for one in (version, additional) if one]
        addresses = [f"fa:16:3e:00:05:{host:02x} {self.vip}"] if own_port else []
        lab.northbound.transact(*network.vip_port(net, self.port_name, " ".join(cidrs), addresses))
        self._tree = {
            "loadbalancer_id": self.id, "name": f"lb-{host}", "project_id": network.PROJECT, "admin_state_up": True,
            "vip_address": self.vip, "vip_network_id": net.id, "vip_subnet_id": net.subnet(self.vip),
            "vip_port_id": network.port(self.port_name), "additional_vips": [], "flavor": flavor or {}, "listeners": [],
            "pools": [],
        }
        self.second_vip = net.at(host, additional) if additional else None
        if additional:
            self._tree["additional_vips"].append({
                "ip_address": self.second_vip, "network_id": net.id, "subnet_id": net.subnet(self.second_vip),
                "port_id": network.port(self.port_name)})
        self._floating = []
        self._call("loadbalancer_create", {"loadbalancer": self._tree})

    # Making

    def listener(self, protocol, port, **more):
        one = {"listener_id": str(uuid.uuid4()), "loadbalancer_id": self.id, "project_id": network.PROJECT, "protocol": protocol,
               "protocol_port": port, "admin_state_up": True, "default_pool_id": None, "allowed_cidrs": [], "connection_limit": -1,
               **more}
        return self._create("listener", one, self._tree["listeners"])

    def pool(self, listener, protocol=None, **more):
        one = {**_POOL, "pool_id": str(uuid.uuid4()), "loadbalancer_id": self.id, "project_id": network.PROJECT,
               "protocol": protocol or listener["protocol"], "listener_id": listener["listener_id"], **more}
        def undo():
            listener["default_pool_id"] = None
            self._tree["pools"].pop()

        with self._undone_when_refused(undo):
            listener["default_pool_id"] = one["pool_id"]
            self._tree["pools"].append({**one, "members": [], "healthmonitor": None})
            self._call("pool_create", {"pool": one})
        return self._tree["pools"][-1]

    def member(self, pool, server, **more):
        return self._create("member", self.member_of(pool, server, **more), pool["members"])

    def member_of(self, pool, server, **more):
        """A member that is a server, as Octavia would send it."""
        subnet = next(net for net, name, _ in network.machines() if name == server.machine.name).subnet(server.address)
        return {"member_id": str(uuid.uuid4()), "pool_id": pool["pool_id"], "project_id": network.PROJECT,
                "address": server.address, "protocol_port": server.port, "subnet_id": subnet, "weight": 1, "backup": False,
                "admin_state_up": True, **more}

    def monitor(self, pool, kind, **more):
        one = {**_MONITOR, "healthmonitor_id": str(uuid.uuid4()), "pool_id": pool["pool_id"], "project_id": network.PROJECT,
               "type": kind, **more}
        with self._undone_when_refused(lambda: pool.update(healthmonitor=None)):
            pool["healthmonitor"] = one
            self._call("health_monitor_create", {"healthmonitor": one})
        return one

    def front(self, protocol, port, servers, **more):
        """A listener with a pool of servers: both, and the members."""
        listener = self.listener(protocol, port)
        pool = self.pool(listener, **more)
        return listener, pool, [self.member(pool, server) for server in servers]

    def float(self):
        """Puts a floating IP on the VIP, as Neutron does; returns it."""
        external = network.PUBLIC.at(next(_floating))
        self._lab.northbound.transact(*network.floating_ip(self._network.router, external, self.vip, self._tree["vip_port_id"]))
        self._floating.append(external)
        self.wait_for_rows("the floating IP", lambda rows: external in str(rows))
        return external

    # Changing

    def update(self, kind, thing, **changes):
        old = {key: item for key, item in thing.items() if not isinstance(item, (list, dict)) and item is not None}
        former = dict(thing)
        with self._undone_when_refused(lambda: thing.update(former)):
            thing.update(changes)
            name = f"{kind}_id"
            self._call(_method(kind, "update"), {f"old_{kind}": old, f"new_{kind}": {name: thing[name], **changes}})

    def batch(self, pool, members):
        """The complete wanted list."""
        pool["members"][:] = members
        self._call("member_batch_update", {"pool_id": pool["pool_id"], "members": members})

    def remove(self, kind, thing):
        for things in [self._tree["listeners"], self._tree["pools"], *(pool["members"] for pool in self._tree["pools"])]:
            if thing in things:
                things.remove(thing)
        for pool in self._tree["pools"]:
            if pool["healthmonitor"] is thing:
                pool["healthmonitor"] = None
        self._call(_method(kind, "delete"), {kind: thing})

    def delete(self):
        """Deletes it with all that is in it, and what the test has put beside it."""
        for external in self._floating:
            network.remove_floating_ip(self._lab.northbound, self._network.router, external)
        self._agent.pend(self.id)
        self._weir.call("loadbalancer_delete", {"loadbalancer": {"loadbalancer_id": self.id}, "cascade": True})
        wait_for("DELETED", lambda: self._agent.provisioning(self.id) == "DELETED")
        self._agent.forget(self.id)
        network.remove_port(self._lab.northbound, self._network, self.port_name)
        self._lab.settle()
        assert self.rows == []

    # Looking

    @property
    def pools(self):
        return self._tree["pools"]

    @property
    def rows(self):
        """Its rows in the Northbound."""
        return self._lab.northbound.rows("Load_Balancer", ["external_ids", "includes", ["map", [["weir:lb", self.id]]]])

    def operating(self, thing, kind, status):
        """Waits until Octavia has been told so."""
        identity = thing[f"{kind}_id"]
        wait_for(f"{kind} {status}", lambda: self._agent.operating(identity) == status)

    def wait_for_rows(self, what, condition):
        """Waits until its rows are so, and the switch has them."""
        wait_for(what, lambda: condition(self.rows))
        self._lab.settle()

    def state_of(self, server, state):
        """Waits until OVN's own check of a server says so."""
        def states():
            rows = self._lab.southbound.rows("Service_Monitor", ["ip", "==", server.address], ["port", "==", server.port])
            return bool(rows) and all(row["status"] == state for row in rows)

        wait_for(f"{server.says} {state}", states)

    def alive(self, server):
        """Waits until OVN's check finds a server alive, Octavia has been told so, and the switch knows."""
        self._checked(server, "online", "ONLINE")

    def dead(self, server):
        """Waits until OVN's check finds a server dead, Octavia has been told so, and the switch knows."""
        self._checked(server, "offline", "ERROR")

    # How

    def _checked(self, server, state, status):
        # First OVN's own word: checks that were lost before a server became online have Octavia told of an ERROR, which is the last
        # it has heard for a moment after.
        self.state_of(server, state)
        for member in (member for pool in self.pools for member in pool["members"]):
            if (member["address"], member["protocol_port"]) == (server.address, server.port):
                self.operating(member, "member", status)
        self._lab.settle()

    def _create(self, kind, one, among):
        with self._undone_when_refused(lambda: among.remove(one)):
            among.append(one)
            self._call(_method(kind, "create"), {kind: one})
        return one

    def _call(self, method, body):
        self._agent.know(self._tree)
        self._agent.pend(self.id)
        self._weir.call(method, body)
        wait_for(f"{method}: ACTIVE", lambda: self._agent.provisioning(self.id) == "ACTIVE")
        self._lab.settle()

    @contextlib.contextmanager
    def _undone_when_refused(self, undo):
        """A refused call leaves Octavia as it was."""
        try:
            yield
        except Refusal:
            undo()
            self._agent.know(self._tree)
            raise


def _method(kind, what):
    return f"{'health_monitor' if kind == 'healthmonitor' else kind}_{what}"

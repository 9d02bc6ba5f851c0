"""A load balancer in Octavia, and its rows in the Northbound."""

import itertools

import agreement
import network
from octavia_api import Refused

# Addresses of VIPs; more load balancers than these are not there at once.
_addresses = itertools.cycle(range(10, 250))
POOL = {"protocol": "TCP", "lb_algorithm": "SOURCE_IP_PORT"}


def member(octet, port=8080, **more):
    return {"address": f"10.10.10.{octet}", "protocol_port": port, "subnet_id": network.PRIVATE["subnet"], **more}


def body(**fields):
    """What makes a load balancer."""
    return {"vip_network_id": network.PUBLIC["id"], "vip_subnet_id": network.PUBLIC["subnet"],
            "vip_address": f"198.51.100.{next(_addresses)}", **fields}


class Balancer:
    def __init__(self, octavia, stack, made):
        """`made` is Octavia's answer to the create."""
        self.octavia, self._stack = octavia, stack
        self.id, self.vip = made["id"], made["vip_address"]

    @classmethod
    def make(cls, octavia, stack, **fields):
        one = cls(octavia, stack, octavia.create("loadbalancers", **body(**fields)))
        one.active()
        return one

    def active(self):
        """Everything is ACTIVE: the statuses by kind and id."""
        return self.octavia.wait_active(self.id)

    def agrees(self, hosts=("weir",)):
        """It is ACTIVE or gone, and the rows have Octavia's objects and no others."""
        agreement.wait(self.octavia, self._stack, [self.id], hosts=hosts)

    def create(self, kind, **fields):
        if kind in ("listeners", "pools") and "listener_id" not in fields:
            fields["loadbalancer_id"] = self.id
        made = self.octavia.create(kind, **fields)
        self.active()
        return made["id"]

    def update(self, kind, identity, **fields):
        self.octavia.update(kind, identity, **fields)
        self.active()

    def delete(self, kind, identity):
        self.octavia.delete(kind, identity)
        self.octavia.wait_gone(kind, identity)
        self.active()

    @property
    def is_there(self):
        return self.octavia.has("loadbalancers", self.id)

    @property
    def rows(self):
        return self._stack.rows(self.id)

    @property
    def vips(self):
        """The `vips` of all rows, {protocol: {vip: {member, ...}}}, but for who drains: it stands where nobody connects to."""
        found = {}
        for row in self.rows:
            for vip, members in row["vips"].items():
                if vip.startswith(("0.0.0.0:", "[::]:")):
                    continue
                found.setdefault(row["protocol"], {})[vip] = set(members.split(",")) - {""}
        return found

    def vanish(self, cascade=True):
        """Deletes it; nothing may be left in Octavia or the Northbound."""
        self.octavia.delete("loadbalancers", self.id, cascade=cascade)
        self.octavia.wait_gone("loadbalancers", self.id)
        assert self.rows == []
        for table in ("logical_switch", "logical_router"):
            known = {row["_uuid"] for row in self._stack.rows()}
            for row in self._stack.rows(table=table):
                used = row["load_balancer"]
                assert set([used] if isinstance(used, str) else used) <= known, f"{table} names a row that is gone"

    def vanish_if_there(self):
        try:
            there = self.is_there
            if there:
                self.active()
        except Refused:
            there = False
        if there:
            self.vanish()


class Full(Balancer):
    """One with a listener, its pool of two members, and a pool without listener of one member."""

    @classmethod
    def make(cls, octavia, stack, **fields):
        pool = {**POOL, "name": "front", "members": [member(1), member(2)]}
        one = super().make(octavia, stack, listeners=[{"protocol": "TCP", "protocol_port": 80, "default_pool": pool}],
                           pools=[{**POOL, "name": "spare", "members": [member(3)]}], **fields)
        [one.listener] = [it["id"] for it in octavia.ask("GET", f"listeners?loadbalancer_id={one.id}")["listeners"]]
        pools = {it["name"]: it["id"] for it in octavia.ask("GET", f"pools?loadbalancer_id={one.id}")["pools"]}
        one.pool, one.spare = pools["front"], pools["spare"]
        members = octavia.ask("GET", f"pools/{one.pool}/members")["members"]
        one.members = [it["id"] for it in sorted(members, key=lambda it: it["address"])]
        return one

"""Whether Octavia and the Northbound agree: everything is ACTIVE, and the rows have Octavia's objects, each of them once."""

import collections
import ipaddress
import time

from octavia_api import Refused


def wait(octavia, stack, load_balancers=None, hosts=("weir",), seconds=300):
    """Waits until these load balancers (without them: all that there are) agree, no row is of a load balancer that Octavia
    does not have, and the hosts have nothing left to do. Raises AssertionError that names every difference."""
    until = time.monotonic() + seconds
    while True:
        # First: what a host has still to do may undo an agreement.
        found = [f"{host} has still to do: {waits}" for host in hosts if (waits := stack.weir_waits_for(host))]
        found = found or differences(octavia, stack, load_balancers)
        if not found:
            return
        if time.monotonic() > until:
            raise AssertionError(f"not within {seconds} s:\n" + "\n".join(found))
        time.sleep(0.1)


def differences(octavia, stack, load_balancers=None):
    """Everything that is not as it should be, in words."""
    try:
        known = {one["id"] for one in octavia.ask("GET", "loadbalancers")["loadbalancers"]}
        rows = collections.defaultdict(list)
        trees = {one: Tree(octavia, one) for one in known & set(known if load_balancers is None else load_balancers)}
    except Refused as refusal:
        return [f"Octavia's objects change: {refusal}"]
    for row in stack.rows():
        rows[row["name"]].append(row)
    strays = [f"{one}: {len(rows[one])} rows of a load balancer that Octavia does not have" for one in set(rows) - known]
    return strays + [f"{one}: {fault}" for one, tree in trees.items() for fault in tree.differences(rows[one])]


class Tree:
    """A load balancer in Octavia with all that is below it."""

    def __init__(self, octavia, load_balancer):
        self.it = octavia.get("loadbalancers", load_balancer)
        # A pool without listener is not in the load balancer's status tree, so everything is listed.
        self.listeners = octavia.ask("GET", f"listeners?loadbalancer_id={load_balancer}")["listeners"]
        self.pools = octavia.ask("GET", f"pools?loadbalancer_id={load_balancer}")["pools"]
        self.members = {pool["id"]: octavia.ask("GET", f"pools/{pool['id']}/members")["members"] for pool in self.pools}

    def differences(self, rows):
        return [*self._statuses(), *self._rows(rows), *self._keys(rows), *self._vips(rows)]

    def _statuses(self):
        members = [member for pool in self.members.values() for member in pool]
        for kind, things in (("load balancer", [self.it]), ("listener", self.listeners), ("pool", self.pools), ("member", members)):
            for thing in things:
                if thing["provisioning_status"] != "ACTIVE":
                    yield f"{kind} {thing['id']} is {thing['provisioning_status']}"

    def _rows(self, rows):
        if not rows:
            yield "no row"
        additional = [vip["ip_address"] for vip in self.it["additional_vips"]]
        for row in rows:
            keys = row["external_ids"]
            for key, wanted in (("neutron:vip", self.it["vip_address"]), ("neutron:vip_port_id", self.it["vip_port_id"]),
                                ("enabled", str(self.it["admin_state_up"])),
                                ("neutron:additional_vips", ",".join(additional) or None)):
                if keys.get(key) != wanted:
                    yield f"row {row['_uuid']}: {key} is {keys.get(key)} and should be {wanted}"
            if len(rows) > 1 and not any(_is_object(key) for key in keys):
                yield f"row {row['_uuid']} of {len(rows)} is for nothing"

    def _keys(self, rows):
        wanted = {}
        for listener in self.listeners:
            pool = listener["default_pool_id"]
            wanted[_key("listener", listener)] = f"{listener['protocol_port']}:{f'pool_{pool}' if pool else ''}"
        for pool in self.pools:
            wanted[_key("pool", pool)] = {_token(member) for member in self.members[pool["id"]]}
        found = collections.defaultdict(list)
        for row in rows:
            for key, value in row["external_ids"].items():
                if _is_object(key):
                    found[key].append(self._value(key, value))
        for key in set(wanted) | set(found):
            if found[key] != ([wanted[key]] if key in wanted else []):
                yield f"{key} is {found[key] or 'in no row'} and should be {wanted.get(key, 'in no row')}"

    def _value(self, key, value):
        if key.startswith("listener_"):
            return value.removesuffix(":D")
        subnets = {member["id"]: member["subnet_id"] for pool in self.members.values() for member in pool}
        tokens = [token.split("_") for token in value.split(",") if token]
        # A subnet that Octavia was not told is the host's to find out.
        return {"_".join(parts if subnets.get(parts[1]) else parts[:3]) for parts in tokens}

    def _vips(self, rows):
        wanted = {}
        pools = {pool["id"]: pool for pool in self.pools}
        for listener in self.listeners if self.it["admin_state_up"] else ():
            pool = pools.get(listener["default_pool_id"])
            if not listener["admin_state_up"] or not pool or not pool["admin_state_up"]:
                continue
            enabled = [member for member in self.members[pool["id"]] if member["admin_state_up"]]
            vips = (self.it["vip_address"], *(vip["ip_address"] for vip in self.it["additional_vips"]))
            # Whoever drains stands where nobody connects to.
            nobody = {"0.0.0.0" if _version(vip) == 4 else "::" for vip in vips}
            for vip in (*vips, *nobody):
                backends = {_socket(member["address"], member["protocol_port"]) for member in enabled
                            if _version(member["address"]) == _version(vip) and bool(member["weight"]) == (vip not in nobody)}
                if backends:
                    wanted[listener["protocol"].lower(), _socket(vip, listener["protocol_port"])] = [backends]
        found = collections.defaultdict(list)
        for row in rows:
            for vip, backends in row["vips"].items():
                if backends:
                    found[row["protocol"], vip].append(set(backends.split(",")))
        for vip in set(wanted) | set(found):
            if found[vip] != wanted.get(vip, []):
                yield f"vips {vip} is {found[vip] or 'absent'} and should be {wanted.get(vip, 'absent')}"


def _is_object(key):
    return key.startswith(("listener_", "pool_"))


def _key(kind, thing):
    return f"{kind}_{thing['id']}{'' if thing['admin_state_up'] else ':D'}"


def _token(member):
    subnet = f"_{member['subnet_id']}" if member["subnet_id"] else ""
    return f"member_{member['id']}_{member['address']}:{member['protocol_port']}{subnet}"


def _version(address):
    return ipaddress.ip_address(address).version


def _socket(address, port):
    return f"{address}:{port}" if _version(address) == 4 else f"[{address}]:{port}"

"""Octavia as a provider sees it: it keeps the users' objects, and calls the provider for every change."""

import copy

import networks

# What Octavia always sends of objects.
POOL = {"lb_algorithm": "SOURCE_IP_PORT", "admin_state_up": True, "session_persistence": None}
MONITOR = {"type": "TCP", "delay": 5, "timeout": 4, "max_retries": 3, "max_retries_down": 2, "admin_state_up": True}


class Octavia:
    """`provider` has `call(method, **arguments)`; it may be another one from one call to the next."""

    def __init__(self, provider):
        self.provider = provider
        self.loadbalancers = {}
        self.listeners = {}
        self.pools = {}
        # Statuses are told by name: object id -> what the provider said last.
        self.told = {}

    # Reading

    def state(self):
        """All objects in full, lists of each kind."""
        pools = [self._full_pool(of) for of in self.pools]
        whole = [{**lb, "listeners": [one for one in self.listeners.values() if one["loadbalancer_id"] == of],
                  "pools": [one for one in pools if one["loadbalancer_id"] == of]}
                 for of, lb in self.loadbalancers.items()]
        return {"loadbalancers": whole, "listeners": list(self.listeners.values()), "pools": pools}

    def _full_pool(self, of):
        pool = dict(self.pools[of])
        pool["members"] = list(pool["members"].values())
        return pool

    def listeners_of(self, lb):
        return [one for one in self.listeners.values() if one["loadbalancer_id"] == lb]

    def pools_of(self, lb):
        return [one for one in self.pools.values() if one["loadbalancer_id"] == lb]

    def keep(self):
        """All it knows, for `restore`."""
        return copy.deepcopy((self.loadbalancers, self.listeners, self.pools))

    def restore(self, kept):
        self.loadbalancers, self.listeners, self.pools = copy.deepcopy(kept)

    def _call(self, method, **arguments):
        return self.provider.call(method, self.state(), arguments)

    # Load balancers

    def loadbalancer(self, lb, network="a", number=100, version=4, additional=(), admin_state_up=True, **fields):
        """`number` is the last of the VIP's address; `additional` are (number, version) on the same network."""
        subnet = networks.subnet(network, version)[0]
        vip = {"vip_network_id": networks.network_id(network), "vip_subnet_id": subnet,
               "vip_address": networks.address(network, number, version)}
        more = [{"network_id": networks.network_id(network), "subnet_id": networks.subnet(network, of)[0],
                 "ip_address": networks.address(network, last, of)} for last, of in additional]
        vip, more = self.provider.make_vip_ports(lb, vip, more)
        body = {"loadbalancer_id": lb, "project_id": networks.PROJECT, "name": "", "admin_state_up": admin_state_up, **vip, **fields}
        if more:
            body["additional_vips"] = more
        self._call("loadbalancer_create", loadbalancer=body)
        self.loadbalancers[lb] = body
        return lb

    def update_loadbalancer(self, lb, **fields):
        old = self.loadbalancers[lb]
        self._call("loadbalancer_update", old_loadbalancer=old, new_loadbalancer={"loadbalancer_id": lb, **fields})
        old.update(fields)

    def delete_loadbalancer(self, lb, cascade=True):
        body = dict(self.loadbalancers[lb])
        if cascade:
            body["listeners"], body["pools"] = self.listeners_of(lb), [
                {key: value for key, value in pool.items() if key not in ("members", "healthmonitor")} for pool in self.pools_of(lb)]
        self._call("loadbalancer_delete", loadbalancer=body, cascade=cascade)
        for objects in (self.listeners, self.pools):
            for of in [of for of, one in objects.items() if one["loadbalancer_id"] == lb]:
                del objects[of]
        del self.loadbalancers[lb]

    def floating_ip(self, lb, address, additional=None):
        """Associates a floating IP with the VIP, or with an additional one."""
        body = self.loadbalancers[lb]
        port, ip = body["vip_port_id"], body["vip_address"]
        if additional is not None:
            more = body["additional_vips"][additional]
            port, ip = more["port_id"], more["ip_address"]
        self.provider.floating_ip(port, ip, address, self.state())

    # Listeners

    def listener(self, listener, lb, port, protocol="TCP", pool=None, **fields):
        body = {"listener_id": listener, "loadbalancer_id": lb, "protocol": protocol, "protocol_port": port,
                "default_pool_id": pool, "admin_state_up": True, **fields}
        self._call("listener_create", listener=body)
        self.listeners[listener] = body
        return listener

    def update_listener(self, listener, **fields):
        old = self.listeners[listener]
        self._call("listener_update", old_listener=old, new_listener={"listener_id": listener, **fields})
        old.update(fields)

    def delete_listener(self, listener):
        self._call("listener_delete", listener=self.listeners[listener])
        del self.listeners[listener]

    # Pools

    def pool(self, pool, lb, listener=None, protocol="TCP", **fields):
        body = {"pool_id": pool, "loadbalancer_id": lb, "protocol": protocol, "listener_id": listener, **POOL, **fields}
        self._call("pool_create", pool={key: value for key, value in body.items() if value is not None or key == "listener_id"})
        self.pools[pool] = {**body, "members": {}, "healthmonitor": None}
        if listener:
            self.listeners[listener]["default_pool_id"] = pool
        return pool

    def update_pool(self, pool, **fields):
        old = {key: value for key, value in self.pools[pool].items() if key not in ("members", "healthmonitor")}
        self._call("pool_update", old_pool=old, new_pool={"pool_id": pool, **fields})
        self.pools[pool].update(fields)

    def delete_pool(self, pool):
        self._call("pool_delete", pool=self._full_pool(pool))
        for listener in self.listeners.values():
            if listener["default_pool_id"] == pool:
                listener["default_pool_id"] = None
        del self.pools[pool]

    # Members

    def make_member(self, pool, member, network="a", number=11, port=8080, version=4, **fields):
        """A member's fields; it is not there yet."""
        return {"member_id": member, "pool_id": pool, "address": networks.address(network, number, version),
                "protocol_port": port, "subnet_id": networks.subnet(network, version)[0], "weight": 1, "backup": False,
                "admin_state_up": True, **fields}

    def member(self, pool, member, *args, **fields):
        body = self.make_member(pool, member, *args, **fields)
        self._call("member_create", member=body)
        self.pools[pool]["members"][member] = body
        return member

    def update_member(self, pool, member, **fields):
        old = self.pools[pool]["members"][member]
        self._call("member_update", old_member=old, new_member={"member_id": member, "pool_id": pool, **fields})
        old.update(fields)

    def delete_member(self, pool, member):
        self._call("member_delete", member=self.pools[pool]["members"][member])
        del self.pools[pool]["members"][member]

    def batch(self, pool, members):
        """All members that a pool shall have."""
        self._call("member_batch_update", pool_id=pool, members=members)
        self.pools[pool]["members"] = {one["member_id"]: one for one in members}

    # Health monitors

    def monitor(self, monitor, pool, **fields):
        body = {"healthmonitor_id": monitor, "pool_id": pool, **MONITOR, **fields}
        self.provider.make_source_ports(self.pools[pool]["members"].values())
        self._call("health_monitor_create", healthmonitor=body)
        self.pools[pool]["healthmonitor"] = body

    def update_monitor(self, pool, **fields):
        old = self.pools[pool]["healthmonitor"]
        new = {"healthmonitor_id": old["healthmonitor_id"], **fields}
        self._call("health_monitor_update", old_healthmonitor=old, new_healthmonitor=new)
        old.update(fields)

    def delete_monitor(self, pool):
        self._call("health_monitor_delete", healthmonitor=self.pools[pool]["healthmonitor"])
        self.pools[pool]["healthmonitor"] = None

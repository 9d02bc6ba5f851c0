"""The network that the load balancers stand in, as Neutron writes it to the Northbound, and as much of Neutron as the
reference driver asks for. All that changes stands in the Northbound, so everybody who looks there sees the same."""

import ipaddress
import uuid

from northbound import a_map

SPACE = uuid.UUID("6f1b4dd1-6c3f-4a50-9d3c-f6f8f2a9a001")
PROJECT = "5a0f3c1e1d0a4a538c430f6d3a1b7f10"


def named(name):
    """A uuid that is always the same for a name."""
    return str(uuid.uuid5(SPACE, name))


# name: (CIDRs, routers, provider network)
NETWORKS = {
    "public": (["172.24.4.0/24"], [], True),
    "a": (["10.10.10.0/24", "fd00:10::/64"], ["r1"], False),
    "b": (["10.10.20.0/24"], ["r1"], False),
    "c": (["10.10.30.0/24"], ["r1", "r2"], False),
    "d": (["10.10.40.0/24"], ["r2"], False),
    "e": (["10.10.50.0/24"], [], False),
}
ROUTERS = ("r1", "r2")
# The last numbers of servers' addresses on every network.
SERVERS = range(11, 19)
# The last number of the address that health checks are sent from.
SOURCE = 5


def network_id(network):
    return named(f"network {network}")


def switch(network):
    return f"neutron-{network_id(network)}"


def router(name):
    return f"neutron-{named(f'router {name}')}"


def subnet(network, version=4):
    """Id and CIDR."""
    cidr = next(cidr for cidr in NETWORKS[network][0] if ipaddress.ip_network(cidr).version == version)
    return named(f"subnet {cidr}"), cidr


def address(network, number, version=4):
    cidr = ipaddress.ip_network(subnet(network, version)[1])
    # In IPv6 the digits that one reads.
    return str(cidr[int(str(number), 16) if version == 6 else number])


SUBNETS = {named(f"subnet {cidr}"): (network, cidr) for network, (cidrs, _, _) in NETWORKS.items() for cidr in cidrs}


def port_row(name, port_id, fixed, network, **external_ids):
    """A row of Logical_Switch_Port; `fixed` is a list of (address, CIDR)."""
    mac = "fa:16:" + ":".join(uuid.UUID(port_id).hex[at:at + 2] for at in range(0, 8, 2))
    cidrs = " ".join(f"{ip}/{cidr.split('/')[1]}" for ip, cidr in fixed)
    ids = {"neutron:cidrs": cidrs, "neutron:port_name": name, "neutron:network_name": switch(network),
           "neutron:project_id": PROJECT, "neutron:device_owner": "", "neutron:device_id": "", **external_ids}
    return {"name": port_id, "addresses": " ".join([mac, *(ip for ip, _ in fixed)]), "external_ids": a_map(ids)}


def operations():
    """What Neutron has written before there is any load balancer."""
    rows, dhcp, ports, router_ports = [], {}, {name: [] for name in NETWORKS}, {name: [] for name in ROUTERS}

    def insert(table, row):
        handle = f"row{len(rows)}"
        rows.append({"op": "insert", "table": table, "row": row, "uuid-name": handle})
        return ["named-uuid", handle]

    for network, (cidrs, routers, provider) in NETWORKS.items():
        if provider:
            ports[network].append(insert("Logical_Switch_Port", {"name": f"provnet-{network}", "type": "localnet"}))
        for cidr in cidrs:
            version = ipaddress.ip_network(cidr).version
            dhcp[network, version] = insert(
                "DHCP_Options", {"cidr": cidr, "external_ids": a_map({"subnet_id": named(f"subnet {cidr}")})})
            for number, name in enumerate(routers, 1):
                port = named(f"port {name} {cidr}")
                interface = address(network, number, version) + "/" + cidr.split("/")[1]
                router_ports[name].append(insert("Logical_Router_Port", {
                    "name": f"lrp-{port}", "mac": f"fa:16:3e:00:0{number}:01", "networks": interface,
                    "external_ids": a_map({"neutron:network_name": switch(network), "neutron:subnet_ids": named(f"subnet {cidr}"),
                                           "neutron:router_name": named(f"router {name}")})}))
                row = port_row("", port, [(interface.split("/")[0], cidr)], network,
                               **{"neutron:device_owner": "network:router_interface",
                                  "neutron:device_id": named(f"router {name}")})
                row |= {"type": "router", "options": a_map({"router-port": f"lrp-{port}"})}
                ports[network].append(insert("Logical_Switch_Port", row))
        if not provider:
            versions = [ipaddress.ip_network(cidr).version for cidr in cidrs]
            for number in SERVERS:
                fixed = [(address(network, number, version), subnet(network, version)[1]) for version in versions]
                row = port_row(f"server-{number}", named(f"server {network} {number}"), fixed, network,
                               **{"neutron:device_owner": "compute:nova"})
                row |= {f"dhcpv{version}_options": dhcp[network, version] for version in versions}
                ports[network].append(insert("Logical_Switch_Port", row))
    # Both routers' gateways.
    for number, name in enumerate(ROUTERS, 1):
        port = named(f"gateway {name}")
        interface = address("public", number) + "/24"
        chassis = insert("Gateway_Chassis", {"name": f"lrp-{port}_chassis", "chassis_name": "chassis", "priority": 1})
        router_ports[name].append(insert("Logical_Router_Port", {
            "name": f"lrp-{port}", "mac": f"fa:16:3e:00:0{number}:02", "networks": interface, "gateway_chassis": chassis,
            "external_ids": a_map({"neutron:network_name": switch("public"), "neutron:is_ext_gw": "True",
                                   "neutron:router_name": named(f"router {name}")})}))
        row = port_row("", port, [(interface.split("/")[0], subnet("public")[1])], "public",
                       **{"neutron:device_owner": "network:router_gateway", "neutron:device_id": named(f"router {name}")})
        row |= {"type": "router", "options": a_map({"router-port": f"lrp-{port}"})}
        ports["public"].append(insert("Logical_Switch_Port", row))
        insert("Logical_Router", {"name": router(name), "ports": ["set", router_ports[name]],
                                  "external_ids": a_map({"neutron:gw_port_id": port})})
    for network, (_, _, provider) in NETWORKS.items():
        ids = {"neutron:network_name": network}
        if provider:
            ids["neutron:provnet-physical-network"] = "physnet1"
        insert("Logical_Switch", {"name": switch(network), "ports": ["set", ports[network]], "external_ids": a_map(ids)})
    return rows


class Thing(dict):
    """As openstacksdk's objects: keys are attributes too."""

    __getattr__ = dict.__getitem__


class Neutron:
    """The methods of openstacksdk's network proxy that the reference driver calls."""

    def __init__(self, client, not_found=KeyError):
        self._northbound = client
        self._not_found = not_found

    def _port(self, row):
        ids = row["external_ids"]
        network = next(name for name in NETWORKS if switch(name) == ids["neutron:network_name"])
        fixed = []
        for cidr in ids["neutron:cidrs"].split():
            ip = cidr.split("/")[0]
            version = ipaddress.ip_address(ip).version
            fixed.append({"ip_address": ip, "subnet_id": subnet(network, version)[0]})
        return Thing(id=row["name"], name=ids["neutron:port_name"], network_id=network_id(network), fixed_ips=fixed,
                     device_owner=ids["neutron:device_owner"], device_id=ids["neutron:device_id"], project_id=PROJECT)

    def _rows(self, where=()):
        rows = self._northbound.select("Logical_Switch_Port", where, ["name", "external_ids", "type"])
        return [row for row in rows if "neutron:port_name" in row["external_ids"]]

    def get_port(self, port_id):
        for row in self._rows([["name", "==", port_id]]):
            return self._port(row)
        raise self._not_found(port_id)

    def ports(self, **wanted):
        ports = [self._port(row) for row in self._rows()]
        return [port for port in ports if all(port.get(key) == value for key, value in wanted.items())]

    def find_port(self, name_or_id, **wanted):
        found = [port for port in self.ports(**wanted) if name_or_id in (port.id, port.name)]
        return found[0] if found else None

    def create_port(self, name, network_id, fixed_ips, device_owner="", device_id="", **_):
        network = next(net for net in NETWORKS if named(f"network {net}") == network_id)
        fixed = []
        for one in fixed_ips:
            cidr = SUBNETS[one["subnet_id"]][1]
            fixed.append((one.get("ip_address") or address(network, SOURCE, ipaddress.ip_network(cidr).version), cidr))
        row = port_row(name, named(f"port {name}"), fixed, network,
                       **{"neutron:device_owner": device_owner, "neutron:device_id": device_id})
        if device_owner.endswith(":distributed"):
            row["type"] = "localport"
        self._northbound.transact(
            {"op": "insert", "table": "Logical_Switch_Port", "row": row, "uuid-name": "port"},
            {"op": "mutate", "table": "Logical_Switch", "where": [["name", "==", switch(network)]],
             "mutations": [["ports", "insert", ["named-uuid", "port"]]]})
        return self.get_port(row["name"])

    def delete_port(self, port_id):
        rows = self._rows([["name", "==", port_id]])
        if not rows:
            raise self._not_found(port_id)
        self._northbound.transact(
            {"op": "mutate", "table": "Logical_Switch", "where": [], "mutations": [["ports", "delete", ["uuid", rows[0]["_uuid"]]]]})

    def get_subnet(self, subnet_id):
        if subnet_id not in SUBNETS:
            raise self._not_found(subnet_id)
        network, cidr = SUBNETS[subnet_id]
        return Thing(id=subnet_id, network_id=network_id(network), cidr=cidr, ip_version=ipaddress.ip_network(cidr).version)

    def get_network(self, of):
        network = next(name for name in NETWORKS if network_id(name) == of)
        return Thing(id=of, name=network, provider_physical_network="physnet1" if NETWORKS[network][2] else None)

    def ips(self, port_id):
        rows = self._northbound.select("NAT", columns=["external_ip", "external_ids"])
        return [Thing(floating_ip_address=row["external_ip"]) for row in rows
                if row["external_ids"].get("neutron:fip_port_id") == port_id]

    def get_ip(self, _):
        return {"description": ""}

    def update_ip(self, *_, **__):
        pass

    def associate(self, floating_ip, port_id, ip, through="r1"):
        """A floating IP for an address of a port: the NAT row, and the word of it on the port."""
        ids = a_map({"neutron:fip_port_id": port_id, "neutron:fip_id": named(f"fip {floating_ip}"),
                     "neutron:fip_network_id": network_id("public")})
        row = self._rows([["name", "==", port_id]])[0]
        self._northbound.transact(
            {"op": "insert", "table": "NAT", "uuid-name": "nat", "row": {
                "type": "dnat_and_snat", "external_ip": floating_ip, "logical_ip": ip, "external_ids": ids}},
            {"op": "mutate", "table": "Logical_Router", "where": [["name", "==", router(through)]],
             "mutations": [["nat", "insert", ["named-uuid", "nat"]]]},
            {"op": "mutate", "table": "Logical_Switch_Port", "where": [["_uuid", "==", ["uuid", row["_uuid"]]]],
             "mutations": [["external_ids", "insert", a_map({"neutron:port_fip": floating_ip})]]})

    def dissociate(self, floating_ip):
        row = next(row for row in self._northbound.select("NAT") if row["external_ip"] == floating_ip)
        port = row["external_ids"]["neutron:fip_port_id"]
        self._northbound.transact(
            {"op": "mutate", "table": "Logical_Router", "where": [], "mutations": [["nat", "delete", ["uuid", row["_uuid"]]]]},
            {"op": "mutate", "table": "Logical_Switch_Port", "where": [["name", "==", port]],
             "mutations": [["external_ids", "delete", ["set", ["neutron:port_fip"]]]]})


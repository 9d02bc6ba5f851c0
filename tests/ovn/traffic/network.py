"""The network that load balancers stand in, as Neutron writes it to the Northbound: two tenant networks behind one router, a third
behind another, one behind none, a provider network where both routers have their gateways; servers in a security group that lets everything in."""

import contextlib
import ipaddress
import itertools
import uuid

from ovsdb import Ref, Uuid, delete, insert, mutate

CHASSIS = "chassis-1"
PHYSICAL = "public"
PROJECT = "11111111111111111111111111111111"


def identity(*of):
    """A Neutron id; the same for the same words."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, "/".join(map(str, of))))


class Router:
    def __init__(self, name, gateway, options=None):
        """`gateway` is the last part of its addresses outside."""
        self.name, self.id, self.gateway = name, identity("router", name), gateway
        self.row = f"neutron-{self.id}"
        self.options = {"always_learn_from_arp_request": "false", "dynamic_neigh_routers": "true", "mac_binding_age_threshold": "0",
                        **(options or {})}


class Network:
    def __init__(self, name, v4, v6, hosts, router=None, subnets=None):
        """`hosts` are the last parts of the machines' addresses, by name; `subnets` names further subnets of a network."""
        self.name, self.id, self.router = name, identity("network", name), router
        self._subnets = subnets or name
        self.v4, self.v6 = ipaddress.ip_network(v4), ipaddress.ip_network(v6)
        self.switch = f"neutron-{self.id}"
        self.hosts = hosts

    def subnets(self):
        return (self.v4, self.v6)

    def subnet(self, address):
        """The id of the subnet of an address."""
        return identity("subnet", self._subnets, ipaddress.ip_address(address).version)

    def at(self, host, version=4):
        """Address number `host`; of IPv6 the digits are the same."""
        return str(self.v4[host] if version == 4 else self.v6[int(str(host), 16)])

    def cidr(self, host, version=4):
        return f"{self.at(host, version)}/{(self.v4 if version == 4 else self.v6).prefixlen}"


R1 = Router("r1", 2)
# An operator's own settings, which Neutron leaves alone: a router on one chassis, behind which all clients look like one.
FORCED_SOURCE = "10.99.0.1"
R2 = Router("r2", 3, {"chassis": CHASSIS, "lb_force_snat_ip": FORCED_SOURCE})
PRIVATE = Network("private", "10.40.1.0/24", "fd40:1::/64", {"a1": 11, "a2": 12, "a3": 13, "a4": 14, "near": 31}, R1)
OTHER = Network("other", "10.40.2.0/24", "fd40:2::/64", {"b1": 11, "far": 31}, R1)
EDGE = Network("edge", "10.40.3.0/24", "fd40:3::/64", {"c1": 11}, R2)
PUBLIC = Network("public", "172.30.0.0/24", "fd30::/64", {"outside": 31, "stranger": 32})
# Further subnets of the provider network; no router has a port in them.
ELSEWHERE = Network("public", "172.31.0.0/24", "fd31::/64", {}, subnets="public-elsewhere")
# A second subnet of a network, of which the Northbound says nothing: it has neither DHCP nor a router port, nor a port that checks
# are sent from. Two machines have an address there too, and the router knows the way.
SECOND = Network("private", "10.40.5.0/24", "fd40:5::/64", {"a3": 13, "a4": 14}, subnets="private-second")
# No router is connected to it.
LONELY = Network("lonely", "10.40.4.0/24", "fd40:4::/64", {"l1": 11, "l2": 12, "alone": 31})
R3 = Router("r3", None)
TENANTS = (PRIVATE, OTHER, EDGE, LONELY)
SOURCE = 254
_macs = itertools.count(1)
MACS = {name: f"fa:16:3e:00:01:{next(_macs):02x}" for network in (*TENANTS, PUBLIC) for name in network.hosts}


def machines():
    """(network, name, last part of the addresses) of all that have a port in OVN."""
    return [(network, name, host) for network in TENANTS for name, host in network.hosts.items()]


def port(name):
    return identity("port", name)


def rows():
    """Operations of one transaction that writes it all."""
    everything, members = [], []
    ports = {network: [] for network in (*TENANTS, PUBLIC)}
    for network, name, host in machines():
        own = cidrs(network, name, host)
        addresses = " ".join([MACS[name], *(cidr.split("/")[0] for cidr in own.split())])
        everything.append(switch_port(
            network, name, addresses=[addresses], port_security=[addresses], owner="compute:nova", cidrs=own,
            options={"requested-chassis": CHASSIS}))
        members.append(Ref(label(name)))
        ports[network].append(Ref(label(name)))
    for network, version in itertools.product(TENANTS, (4, 6)):
        everything.append(source_port(network, version))
        ports[network].append(Ref(label(source_name(network, version))))
    everything.append(insert(
        "Logical_Switch_Port", label("localnet"), name=f"provnet-{identity('localnet')}", type="localnet", addresses=["unknown"],
        options={"network_name": PHYSICAL, "mcast_flood": "false", "mcast_flood_reports": "true"}))
    ports[PUBLIC].append(Ref(label("localnet")))
    for router in (R1, R2):
        everything += _router(router, ports)
    for network in (*TENANTS, PUBLIC):
        everything += _switch(network, ports[network])
    return everything + _security_group(members)


def _switch(network, ports):
    more = {"neutron:provnet-physical-network": PHYSICAL} if network is PUBLIC else {}
    names = {"neutron:network_name": network.name, "neutron:mtu": "1400", "neutron:revision_number": "1", **more}
    subnets = [insert("DHCP_Options", cidr=str(subnet), options={},
                      external_ids={"subnet_id": network.subnet(str(subnet[1])), "neutron:revision_number": "0"})
               for subnet in network.subnets()]
    return [*subnets, insert(
        "Logical_Switch", name=network.switch, ports=ports, external_ids=names,
        other_config={"mcast_snoop": "false", "mcast_flood_unregistered": "false", "vlan-passthru": "false"})]


def _router(router, ports):
    """A router with its gateway and an interface in each subnet of its networks; its switch ports come to `ports`."""
    operations, own, nat, routes = [], [], [], []
    for network in (network for network in TENANTS if network.router is router):
        for version in (4, 6):
            name = f"interface-{network.name}-{version}"
            own.append(Ref(label(f"lrp-{name}")))
            ports[network].append(Ref(label(name)))
            operations += _interface(router, network, name, [network.cidr(1, version)])
        nat.append(Ref(label(f"snat-{network.name}")))
        operations.append(insert(
            "NAT", nat[-1], type="snat", logical_ip=str(network.v4), external_ip=PUBLIC.at(router.gateway)))
        if network.switch == SECOND.switch:
            for (name, host), version in itertools.product(SECOND.hosts.items(), (4, 6)):
                routes.append(Ref(label(f"route-{name}-{version}")))
                operations.append(insert("Logical_Router_Static_Route", routes[-1], ip_prefix=SECOND.at(host, version),
                                         nexthop=network.at(network.hosts[name], version)))
    name = f"gateway-{router.name}"
    own.append(Ref(label(f"lrp-{name}")))
    ports[PUBLIC].append(Ref(label(name)))
    operations += _interface(router, PUBLIC, name, both(PUBLIC, router.gateway).split(), gateway=True)
    return [*operations, insert(
        "Logical_Router", name=router.row, ports=own, nat=nat, static_routes=routes, options=router.options,
        external_ids={"neutron:router_name": router.name, "neutron:gw_port_id": port(name), "neutron:revision_number": "3"})]


def connect(router, network):
    """Operations that make a router without gateway, with an interface in each subnet of a network."""
    operations, own, ports = [], [], []
    for version in (4, 6):
        name = f"interface-{network.name}-{version}"
        own.append(Ref(label(f"lrp-{name}")))
        ports.append(Ref(label(name)))
        operations += _interface(router, network, name, [network.cidr(1, version)])
    return [
        *operations,
        insert("Logical_Router", name=router.row, ports=own, options=router.options,
               external_ids={"neutron:router_name": router.name, "neutron:revision_number": "3"}),
        mutate("Logical_Switch", ["name", "==", network.switch], "ports", "insert", ports),
    ]


def disconnect(database, router, network):
    """Takes such a router away."""
    database.transact(delete("Logical_Router", ["name", "==", router.row]))
    for version in (4, 6):
        remove_port(database, network, f"interface-{network.name}-{version}")


def _interface(router, network, name, networks, gateway=False):
    """A router port and the switch port it is wired to."""
    names = {"neutron:router_name": router.id, "neutron:network_name": network.switch, "neutron:revision_number": "2",
             "neutron:subnet_ids": " ".join(network.subnet(one.split("/")[0]) for one in networks)}
    owner, options, columns, operations = "network:router_interface", {"router-port": f"lrp-{port(name)}"}, {}, []
    if gateway:
        chassis = label(f"chassis-{name}")
        operations.append(insert("Gateway_Chassis", chassis, name=f"lrp-{port(name)}_{CHASSIS}", chassis_name=CHASSIS, priority=1))
        owner, names["neutron:is_ext_gw"], columns = "network:router_gateway", "True", {"gateway_chassis": [Ref(chassis)]}
        options |= {"nat-addresses": "router", "exclude-lb-vips-from-garp": "true"}
    return [
        *operations,
        insert("Logical_Router_Port", label(f"lrp-{name}"), name=f"lrp-{port(name)}", mac=f"fa:16:3e:00:03:{next(_macs):02x}",
               networks=networks, external_ids=names, **columns),
        switch_port(network, name, type="router", addresses=["router"], owner=owner, cidrs=" ".join(networks), options=options,
                    device=router.id),
    ]


def _security_group(members):
    """Neutron's groups and ACLs: what no rule allows is dropped; this group allows everything out, and TCP, UDP and ICMP in."""
    def acl(name, direction, priority, match, action):
        return insert("ACL", label(name), direction=direction, priority=priority, match=match, action=action,
                      external_ids={"neutron:security_group_rule_id": identity(name)})

    group = identity("security-group")
    pg = f"pg_{group.replace('-', '_')}"
    allow = [("out4", "from-lport", f"inport == @{pg} && ip4"), ("out6", "from-lport", f"inport == @{pg} && ip6")]
    for version, icmp in (("4", "icmp4"), ("6", "icmp6")):
        for protocol in ("tcp", "udp", icmp):
            allow.append((f"in-{protocol}{version}", "to-lport", f"outport == @{pg} && ip{version} && {protocol}"))
    return [
        *(acl(name, direction, 1002, match, "allow-related") for name, direction, match in allow),
        acl("drop-in", "to-lport", 1001, "outport == @neutron_pg_drop && ip", "drop"),
        acl("drop-out", "from-lport", 1001, "inport == @neutron_pg_drop && ip", "drop"),
        insert("Port_Group", name="neutron_pg_drop", ports=members, acls=[Ref(label("drop-in")), Ref(label("drop-out"))]),
        insert("Port_Group", name=pg, ports=members, acls=[Ref(label(name)) for name, _, _ in allow],
               external_ids={"neutron:security_group_id": group, "neutron:security_group_name": "default"}),
    ]


def label(name):
    return "row_" + name.replace("-", "_")


def both(network, host):
    return f"{network.cidr(host, 4)} {network.cidr(host, 6)}"


def cidrs(network, name, host):
    """All addresses of a machine, with prefix lengths."""
    also = [both(SECOND, SECOND.hosts[name])] if name in SECOND.hosts else []
    return " ".join([both(network, host), *also])


def switch_port(network, name, *, addresses, owner, cidrs, type="", options=None, port_security=(), device=""):
    """A switch port with Neutron's names; the row is called `label(name)` in its transaction."""
    return insert(
        "Logical_Switch_Port", label(name), name=port(name), type=type, addresses=list(addresses),
        port_security=list(port_security), enabled=True, options=options or {},
        external_ids={"neutron:cidrs": cidrs, "neutron:port_name": name, "neutron:device_owner": owner, "neutron:device_id": device,
                      "neutron:network_name": network.switch, "neutron:project_id": PROJECT, "neutron:revision_number": "2",
                      "neutron:port_capabilities": "", "neutron:security_group_ids": ""})


def source_name(network, version):
    return f"ovn-lb-hm-{network.subnet(network.at(SOURCE, version))}"


def source_port(network, version):
    """The port that health checks of a subnet are sent from."""
    mac = f"fa:16:3e:00:02:{next(_macs):02x}"
    return switch_port(
        network, source_name(network, version), type="localport", addresses=[f"{mac} {network.at(SOURCE, version)}"],
        owner="ovn-lb-hm:distributed", cidrs=network.cidr(SOURCE, version))


def vip_port(network, name, cidrs, addresses=()):
    """Operations that make a load balancer's port: Neutron gives it no addresses, unless it is the user's own."""
    return into(network, name, switch_port(
        network, name, addresses=addresses, owner="" if addresses else "ovn-lb:vip", cidrs=cidrs))


def into(network, name, port):
    """Operations that put a port into the switch of its network."""
    return [port, mutate("Logical_Switch", ["name", "==", network.switch], "ports", "insert", [Ref(label(name))])]


@contextlib.contextmanager
def no_source(database, network, version):
    """Takes the port that health checks of a subnet are sent from away for a while."""
    remove_port(database, network, source_name(network, version))
    try:
        yield
    finally:
        add_source(database, network, version)


def add_source(database, network, version):
    database.transact(*into(network, source_name(network, version), source_port(network, version)))


def remove_port(database, network, name):
    """Takes a port away."""
    for row in database.rows("Logical_Switch_Port", ["name", "==", port(name)]):
        database.transact(
            mutate("Logical_Switch", ["name", "==", network.switch], "ports", "delete", [Uuid(row["_uuid"])]),
            delete("Logical_Switch_Port", ["name", "==", port(name)]))


def floating_ip(router, external, vip, port_id):
    """Operations that put a floating IP on an address of a port."""
    name = label(f"fip-{external}".replace(".", "-"))
    return [
        insert("NAT", name, type="dnat_and_snat", logical_ip=vip, external_ip=external, external_ids={
            "neutron:fip_id": identity("fip", external), "neutron:fip_port_id": port_id, "neutron:revision_number": "2",
            "neutron:fip_network_id": PUBLIC.id, "neutron:router_name": router.row,
            "neutron:fip_external_mac": "fa:16:3e:00:04:01"}),
        mutate("Logical_Router", ["name", "==", router.row], "nat", "insert", [Ref(name)]),
    ]


def remove_floating_ip(database, router, external):
    for row in database.rows("NAT", ["external_ip", "==", external], ["type", "==", "dnat_and_snat"]):
        database.transact(
            mutate("Logical_Router", ["name", "==", router.row], "nat", "delete", [Uuid(row["_uuid"])]))

"""Routers, gateways and servers that come and go while a load balancer is there, and while Weir is not."""

import itertools

import pytest
from api import eventually
from balancers import fronts, router_has, serving, switches_with

_numbers = itertools.count(120)


class Place:
    """A network of its own with a subnet, a server and a router that nothing is attached to."""

    def __init__(self, tenant):
        number = next(_numbers)
        self.network = tenant.make("network", name=f"place-{number}")["id"]
        self.subnet = tenant.make("subnet", network_id=self.network, ip_version=4, cidr=f"10.{number}.0.0/24")["id"]
        self.address = f"10.{number}.0.50"
        self.server = self.make_server(tenant)
        self.router = tenant.make("router", name=f"place-{number}")["id"]

    def make_server(self, tenant):
        fixed = [{"subnet_id": self.subnet, "ip_address": self.address}]
        return tenant.make("port", network_id=self.network, fixed_ips=fixed)["id"]


@pytest.fixture
def place(tenant):
    return Place(tenant)


def test_a_router_that_is_attached_later(cloud, tenant, place):
    lb = serving(tenant, place.subnet, place.address)
    assert not router_has(cloud, place.router, lb)
    tenant.router("add", place.router, place.subnet)
    eventually("the router has it", lambda: router_has(cloud, place.router, lb))
    assert cloud.rows(lb)[0]["external_ids"]["lr_ref"] == f"neutron-{place.router}"
    tenant.router("remove", place.router, place.subnet)
    eventually("the router has it no more", lambda: not router_has(cloud, place.router, lb))
    assert "lr_ref" not in cloud.rows(lb)[0]["external_ids"]
    tenant.remove(lb)
    tenant.drop("router", place.router)


def test_two_routers_and_the_networks_behind_them(cloud, tenant, place):
    """Whoever comes by one of the network's routers is served, and who sits behind it."""
    behind = tenant.make("network", name="behind")["id"]
    subnet = tenant.make("subnet", network_id=behind, ip_version=4, cidr="10.119.0.0/24")["id"]
    lb = serving(tenant, place.subnet, place.address)
    own = {f"neutron-{place.network}"}
    assert switches_with(cloud, lb) == own
    tenant.router("add", place.router, place.subnet)
    second = tenant.make("router", name="second")["id"]
    port = tenant.make("port", network_id=place.network, fixed_ips=[{"subnet_id": place.subnet}])["id"]
    tenant.ask("PUT", "network", f"routers/{second}/add_router_interface", {"port_id": port})
    eventually("both have it", lambda: router_has(cloud, place.router, lb) and router_has(cloud, second, lb))
    tenant.router("add", second, subnet)
    eventually("the network behind the second has it", lambda: switches_with(cloud, lb) == own | {f"neutron-{behind}"})
    tenant.router("remove", second, subnet)
    eventually("it has it no more", lambda: switches_with(cloud, lb) == own)
    tenant.ask("PUT", "network", f"routers/{second}/remove_router_interface", {"port_id": port})
    eventually("the second has it no more", lambda: not router_has(cloud, second, lb))
    assert router_has(cloud, place.router, lb), "the first keeps it"
    tenant.remove(lb)
    tenant.router("remove", place.router, place.subnet)
    for router in (place.router, second):
        tenant.drop("router", router)


def test_a_gateway_that_is_set_later(cloud, networks, tenant, place):
    """A member's router on its way to the outside, where the VIP is."""
    tenant.router("add", place.router, place.subnet)
    lb = serving(tenant, place.subnet, place.address, vip_subnet_id=networks.public_subnet)
    own = {f"neutron-{place.network}"}
    assert router_has(cloud, place.router, lb)
    tenant.change("router", place.router, external_gateway_info={"network_id": networks.public})
    eventually("Weir has seen the gateway", lambda: has_gateway(cloud, place.router) and not cloud.weir_waits_for())
    assert router_has(cloud, place.router, lb)
    assert switches_with(cloud, lb) == own, "never the provider network itself"
    tenant.change("router", place.router, external_gateway_info={})
    eventually("Weir has seen it go", lambda: not has_gateway(cloud, place.router) and not cloud.weir_waits_for())
    assert router_has(cloud, place.router, lb)
    assert switches_with(cloud, lb) == own
    tenant.remove(lb)
    tenant.router("remove", place.router, place.subnet)
    tenant.drop("router", place.router)


def test_a_servers_port_that_comes_later_is_probed(cloud, tenant, place):
    """A member that no port has cannot be probed; it is said, and put right when the port comes."""
    tenant.drop("port", place.server)
    monitor = {"type": "TCP", "delay": 5, "timeout": 3, "max_retries": 3}
    lb = serving(tenant, place.subnet, place.address, pool={"healthmonitor": monitor})
    [pool] = tenant.get("load-balancer", "pools", loadbalancer_id=lb)["pools"]

    def without_port():
        return cloud.weir("GET", f"/v1/loadbalancers/{lb}")[1]["members_without_port"]

    assert without_port() == [pool["members"][0]["id"]]
    assert cloud.rows(lb)[0]["ip_port_mappings"] == {}
    for _ in range(2):
        port = place.make_server(tenant)

        def probed(port=port):
            mapping = cloud.rows(lb)[0]["ip_port_mappings"].get(place.address, "")
            return mapping.startswith(f"{port}:")

        eventually("it is probed", probed)
        assert without_port() == []
        tenant.drop("port", port)
        eventually("it is probed no more", lambda: cloud.rows(lb)[0]["ip_port_mappings"] == {})
    tenant.remove(lb)
    assert cloud.admin.ports(name=f"ovn-lb-hm-{place.subnet}") == []
    tenant.drop("router", place.router)


@pytest.mark.parametrize("how", ["come", "go"])
def test_what_happens_while_weir_is_away_is_seen_when_it_is_back(cloud, networks, tenant, place, how):
    """A router and a floating IP, made or taken away meanwhile."""
    tenant.change("router", place.router, external_gateway_info={"network_id": networks.public})
    lb = serving(tenant, place.subnet, place.address)
    one = tenant.balancer(lb)
    floating = None

    def attach():
        nonlocal floating
        tenant.router("add", place.router, place.subnet)
        floating = tenant.make("floatingip", floating_network_id=networks.public, port_id=one["vip_port_id"])

    def detach():
        tenant.drop("floatingip", floating["id"])
        tenant.router("remove", place.router, place.subnet)

    def attached():
        return (fronts(cloud, lb) == {f"{one['vip_address']}:80", f"{floating['floating_ip_address']}:80"}
                and router_has(cloud, place.router, lb))

    def detached():
        return fronts(cloud, lb) == {f"{one['vip_address']}:80"} and not router_has(cloud, place.router, lb)

    if how == "go":
        attach()
        eventually("it is attached", attached)
    cloud.kill_weir()
    try:
        attach() if how == "come" else detach()
        if how == "come":
            assert fronts(cloud, lb) == {f"{one['vip_address']}:80"}, "nobody has seen it yet"
    finally:
        cloud.start_weir()
    eventually("Weir has seen it", attached if how == "come" else detached)
    if how == "come":
        detach()
    tenant.remove(lb)
    tenant.drop("router", place.router)


def test_weir_follows_neutrons_own_repair(cloud, networks, tenant, place):
    """`neutron-ovn-db-sync-util` makes the Northbound what Neutron's database says. It leaves load balancers alone, and what
    it brings back comes back to them."""
    tenant.change("router", place.router, external_gateway_info={"network_id": networks.public})
    tenant.router("add", place.router, place.subnet)
    monitor = {"type": "TCP", "delay": 5, "timeout": 3, "max_retries": 3}
    lb = serving(tenant, place.subnet, place.address, pool={"healthmonitor": monitor})
    floating = tenant.make("floatingip", floating_network_id=networks.public, port_id=tenant.balancer(lb)["vip_port_id"])
    outside = f"{floating['floating_ip_address']}:80"

    def whole():
        [row] = cloud.rows(lb)
        return (outside in row["vips"] and len(row["health_check"]) == 2 and row["ip_port_mappings"]
                and router_has(cloud, place.router, lb))

    eventually("it is all there", whole)
    before = cloud.rows(lb), switches_with(cloud, lb)
    [interface] = [port["id"] for port in tenant.ports(device_id=place.router, network_id=place.network)]
    cloud.nbctl("lr-nat-del", f"neutron-{place.router}", "dnat_and_snat", floating["floating_ip_address"])
    cloud.nbctl("lrp-del", f"lrp-{interface}")
    eventually("Weir has seen it", lambda: outside not in fronts(cloud, lb) and not router_has(cloud, place.router, lb))
    cloud.repair_by_neutron()
    eventually("it is all there again", whole)
    [[row], [was]] = cloud.rows(lb), before[0]
    # The check of the floating IP is another row now, and each write counts the revision up.
    def comparable(one):
        external_ids = {key: value for key, value in one["external_ids"].items() if key != "weir:revision"}
        return {**one, "health_check": None, "external_ids": external_ids}

    assert comparable(row) == comparable(was)
    assert switches_with(cloud, lb) == before[1]
    tenant.drop("floatingip", floating["id"])
    eventually("the floating IP is gone", lambda: outside not in fronts(cloud, lb))
    tenant.remove(lb)
    tenant.router("remove", place.router, place.subnet)
    tenant.drop("router", place.router)


def has_gateway(cloud, router):
    [row] = [one for one in cloud.rows(table="logical_router") if one["name"] == f"neutron-{router}"]
    return any(one["_uuid"] in row["ports"] and one["external_ids"].get("neutron:is_ext_gw") == "True"
               for one in cloud.rows(table="logical_router_port"))

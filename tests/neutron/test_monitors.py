"""Health monitors: their checks are sent from a port that Weir makes in Neutron."""

import itertools
from concurrent import futures

import pytest
from api import eventually
from balancers import serving

_numbers = itertools.count(50)


class Place:
    """A subnet of its own with one server: tests do not see each other's source ports."""

    def __init__(self, cloud, tenant):
        number = next(_numbers)
        self._cloud = cloud
        self.network = tenant.make("network", name=f"monitored-{number}")["id"]
        self.subnet = tenant.make("subnet", network_id=self.network, ip_version=4, cidr=f"10.{number}.0.0/24")["id"]
        self.address = f"10.{number}.0.10"
        self.server = tenant.make("port", network_id=self.network, fixed_ips=[
            {"subnet_id": self.subnet, "ip_address": self.address}])

    @property
    def source_ports(self):
        return self._cloud.admin.ports(name=f"ovn-lb-hm-{self.subnet}")


@pytest.fixture
def place(cloud, tenant):
    return Place(cloud, tenant)


def monitored(tenant, place):
    """A load balancer with a monitored pool of one member; returns its id and the monitor's."""
    lb = tenant.balance("loadbalancers", vip_subnet_id=place.subnet)["id"]
    tenant.wait_active(lb)
    listener = tenant.balance("listeners", protocol="TCP", protocol_port=80, loadbalancer_id=lb)["id"]
    tenant.wait_active(lb)
    pool = tenant.balance("pools", protocol="TCP", lb_algorithm="SOURCE_IP_PORT", listener_id=listener)["id"]
    tenant.wait_active(lb)
    tenant.balance(f"pools/{pool}/members", address=place.address, protocol_port=8080, subnet_id=place.subnet)
    tenant.wait_active(lb)
    monitor = tenant.balance("healthmonitors", type="TCP", delay=5, timeout=3, max_retries=3, pool_id=pool)["id"]
    tenant.wait_active(lb)
    return lb, monitor


def test_members_in_a_subnet_without_dhcp_and_router_are_checked_and_served_meanwhile(cloud, tenant, place):
    # Nothing in the Northbound says where such a subnet is; Neutron is asked.
    number = place.address.split(".")[1]
    subnet = tenant.make("subnet", network_id=place.network, ip_version=4, cidr=f"10.{number}.1.0/24", enable_dhcp=False,
                         gateway_ip=None)["id"]
    address = f"10.{number}.1.10"
    server = tenant.make("port", network_id=place.network, fixed_ips=[{"subnet_id": subnet, "ip_address": address}])
    lb = tenant.balance("loadbalancers", vip_subnet_id=place.subnet)["id"]
    tenant.wait_active(lb)
    listener = tenant.balance("listeners", protocol="TCP", protocol_port=80, loadbalancer_id=lb)["id"]
    tenant.wait_active(lb)
    pool = tenant.balance("pools", protocol="TCP", lb_algorithm="SOURCE_IP_PORT", listener_id=listener)["id"]
    tenant.wait_active(lb)
    tenant.balance(f"pools/{pool}/members", address=address, protocol_port=8080, subnet_id=subnet)
    tenant.wait_active(lb)
    served = cloud.rows(lb)[0]["vips"]
    assert f"{address}:8080" in str(served)
    tenant.balance("healthmonitors", type="TCP", delay=5, timeout=3, max_retries=3, pool_id=pool)
    tenant.wait_active(lb)

    def checked():
        [row] = cloud.rows(lb)
        assert row["vips"] == served
        # OVN leaves out who is checked without being mapped.
        assert row["ip_port_mappings"] or not row["health_check"]
        return row if row["health_check"] else None

    row = eventually("the check is in the row", checked)
    [port] = cloud.admin.ports(name=f"ovn-lb-hm-{subnet}")
    [fixed] = port["fixed_ips"]
    assert (fixed["subnet_id"], port["project_id"]) == (subnet, server["project_id"])
    assert row["ip_port_mappings"] == {address: f"{server['id']}:{fixed['ip_address']}"}
    tenant.remove(lb)
    eventually("the source port is freed", lambda: not cloud.admin.ports(name=f"ovn-lb-hm-{subnet}"))


def test_a_subnet_gets_one_source_port_and_loses_it_with_the_last_monitor(cloud, tenant, place):
    first, monitor = monitored(tenant, place)
    [port] = eventually("the source port", lambda: place.source_ports)
    name = f"ovn-lb-hm-{place.subnet}"
    assert (port["device_id"], port["device_owner"]) == (name, "ovn-lb-hm:distributed")
    assert port["port_security_enabled"] is False and port["admin_state_up"] is True
    assert port["project_id"] == place.server["project_id"]
    [fixed] = port["fixed_ips"]
    assert fixed["subnet_id"] == place.subnet
    vip = tenant.balancer(first)["vip_address"]

    def checked():
        [row] = cloud.rows(first)
        return row if row["health_check"] else None

    row = eventually("the check is in the row", checked)
    assert row["ip_port_mappings"] == {place.address: f"{place.server['id']}:{fixed['ip_address']}"}
    checks = {one["_uuid"]: one for one in cloud.rows(table="load_balancer_health_check")}
    assert checks[row["health_check"]]["vip"] == f"{vip}:80"
    [switch_port] = [one for one in cloud.rows(table="logical_switch_port") if one["name"] == port["id"]]
    assert switch_port["type"] == "localport"

    second, _ = monitored(tenant, place)
    eventually("the second has its check", lambda: cloud.rows(second)[0]["health_check"])
    assert [one["id"] for one in place.source_ports] == [port["id"]], "one for all"

    tenant.remove(second)
    assert [one["id"] for one in place.source_ports] == [port["id"]], "the first still needs it"
    tenant.ask("DELETE", "load-balancer", f"healthmonitors/{monitor}")
    tenant.wait_active(first)
    eventually("it is freed with the last monitor", lambda: not place.source_ports)
    [row] = cloud.rows(first)
    assert row["ip_port_mappings"] == {} and row["health_check"] == []
    tenant.remove(first)


def test_a_deleted_load_balancer_leaves_no_source_port(cloud, tenant, place):
    lb, _ = monitored(tenant, place)
    eventually("the check is in the row", lambda: cloud.rows(lb)[0]["health_check"])
    assert len(place.source_ports) == 1
    tenant.remove(lb)
    assert place.source_ports == [], "freed before Octavia hears of the end"


def test_many_monitors_of_a_subnet_at_once_share_a_port(cloud, tenant, place):
    with futures.ThreadPoolExecutor(4) as pool:
        made = [lb for lb, _ in pool.map(lambda _: monitored(tenant, place), range(4))]
        for lb in made:
            eventually("the check is in the row", lambda lb=lb: cloud.rows(lb)[0]["health_check"])
        assert len(place.source_ports) == 1
        list(pool.map(tenant.remove, made))
    eventually("it is freed with the last", lambda: not place.source_ports)


def test_the_source_port_comes_when_neutron_is_back(cloud, tenant, place):
    lb = serving(tenant, place.subnet, place.address)
    vip = tenant.balancer(lb)["vip_address"]
    [pool] = tenant.get("load-balancer", "pools", loadbalancer_id=lb)["pools"]
    cloud.way.cut()
    try:
        # The monitor is accepted; its check has to wait.
        tenant.balance("healthmonitors", type="TCP", delay=5, timeout=3, max_retries=3, pool_id=pool["id"])
        tenant.wait_active(lb)
        [row] = cloud.rows(lb)
        assert row["health_check"] == []
        assert row["vips"] == {f"{vip}:80": f"{place.address}:8080"}, "meanwhile it serves unchecked"
    finally:
        cloud.way.mend()
    eventually("the check is in the row", lambda: cloud.rows(lb)[0]["health_check"], 90)
    tenant.remove(lb)


def test_the_source_port_comes_when_the_quota_allows_it(cloud, tenant, place):
    """The port is the tenant's, as its server's: it counts."""
    lb = serving(tenant, place.subnet, place.address)
    [pool] = tenant.get("load-balancer", "pools", loadbalancer_id=lb)["pools"]
    used = cloud.admin.get("network", f"quotas/{tenant.project}/details.json")["quota"]["port"]["used"]
    cloud.admin.ask("PUT", "network", f"quotas/{tenant.project}", {"quota": {"port": used}})
    try:
        tenant.balance("healthmonitors", type="TCP", delay=5, timeout=3, max_retries=3, pool_id=pool["id"])
        tenant.wait_active(lb)
        eventually("the log says why", lambda: "no source port for health checks" in (log := cloud.log("weir").read_text())
                   and "Quota exceeded" in log)
        _, seen = cloud.weir("GET", f"/v1/loadbalancers/{lb}")
        assert place.subnet in str(seen["subnets_without_source"]), seen
        assert cloud.rows(lb)[0]["health_check"] == []
    finally:
        cloud.admin.ask("DELETE", "network", f"quotas/{tenant.project}")
    eventually("the check is in the row", lambda: cloud.rows(lb)[0]["health_check"], 90)
    tenant.remove(lb)
    eventually("the port is free", lambda: place.source_ports == [])


def test_an_ipv6_subnet_has_a_source_port_too(cloud, tenant, place):
    """Its addresses are made from the ports' MACs (SLAAC): nobody can choose them."""
    subnet = tenant.make("subnet", network_id=place.network, ip_version=6, cidr="fd00:50::/64",
                         ipv6_address_mode="slaac", ipv6_ra_mode="slaac")["id"]
    server = tenant.make("port", network_id=place.network, fixed_ips=[{"subnet_id": subnet}])
    [address] = [fixed["ip_address"] for fixed in server["fixed_ips"] if fixed["subnet_id"] == subnet]
    monitor = {"type": "TCP", "delay": 5, "timeout": 3, "max_retries": 3}
    lb = serving(tenant, subnet, address, pool={"healthmonitor": monitor})
    name = f"ovn-lb-hm-{subnet}"
    eventually("the check is in the row", lambda: cloud.rows(lb)[0]["health_check"])
    [row] = cloud.rows(lb)
    [port] = cloud.admin.ports(name=name)
    [source] = [fixed["ip_address"] for fixed in port["fixed_ips"] if fixed["subnet_id"] == subnet]
    assert row["ip_port_mappings"] == {f"[{address}]": f"{server['id']}:[{source}]"}
    assert row["vips"] == {f"[{tenant.balancer(lb)['vip_address']}]:80": f"[{address}]:8080"}
    tenant.remove(lb)
    assert cloud.admin.ports(name=name) == []


def test_a_floating_ip_is_checked_too(cloud, networks, tenant, place):
    """Of every address that the load balancer answers on its members are checked, in OVN's words a check each."""
    router = tenant.make("router", name="monitored", external_gateway_info={"network_id": networks.public})["id"]
    tenant.router("add", router, place.subnet)
    monitor = {"type": "TCP", "delay": 5, "timeout": 3, "max_retries": 3}
    lb = serving(tenant, place.subnet, place.address, pool={"healthmonitor": monitor})
    one = tenant.balancer(lb)
    inside = {f"{one['vip_address']}:80"}

    def checked():
        held = cloud.rows(lb)[0]["health_check"]
        held = [held] if isinstance(held, str) else held
        return {row["vip"] for row in cloud.rows(table="load_balancer_health_check") if row["_uuid"] in held}

    eventually("the VIP is checked", lambda: checked() == inside)
    floating = tenant.make("floatingip", floating_network_id=networks.public, port_id=one["vip_port_id"])
    eventually("the floating IP is checked", lambda: checked() == inside | {f"{floating['floating_ip_address']}:80"})
    tenant.drop("floatingip", floating["id"])
    eventually("it is gone", lambda: checked() == inside)
    tenant.remove(lb)
    tenant.router("remove", router, place.subnet)
    tenant.drop("router", router)

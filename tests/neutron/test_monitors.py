"""Health monitors: their checks are sent from a port that Weir makes in Neutron."""

import itertools
from concurrent import futures

import pytest
from api import eventually

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
    pool = {"name": "p", "protocol": "TCP", "lb_algorithm": "SOURCE_IP_PORT", "members": [
        {"address": place.address, "protocol_port": 8080, "subnet_id": place.subnet}]}
    one = tenant.balance("loadbalancers", vip_subnet_id=place.subnet, listeners=[
        {"protocol": "TCP", "protocol_port": 80, "default_pool": pool}])
    lb = one["id"]
    tenant.wait_active(lb)
    [pool] = tenant.get("load-balancer", "pools", loadbalancer_id=lb)["pools"]
    cloud.way.cut()
    try:
        # The monitor is accepted; its check has to wait.
        tenant.balance("healthmonitors", type="TCP", delay=5, timeout=3, max_retries=3, pool_id=pool["id"])
        tenant.wait_active(lb)
        [row] = cloud.rows(lb)
        assert row["health_check"] == []
        assert row["vips"] == {f"{one['vip_address']}:80": f"{place.address}:8080"}, "meanwhile it serves unchecked"
    finally:
        cloud.way.mend()
    eventually("the check is in the row", lambda: cloud.rows(lb)[0]["health_check"], 90)
    tenant.remove(lb)

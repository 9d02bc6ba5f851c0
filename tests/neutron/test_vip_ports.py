"""Ports of VIPs: made through Neutron, freed."""

import pytest
from api import Refused, eventually


def ports_of(cloud, lb):
    return {port["name"]: port for port in cloud.admin.ports(device_id=f"lb-{lb}")}


def test_every_vip_has_a_port_of_its_own(cloud, networks, tenant):
    lb = tenant.balance("loadbalancers", vip_subnet_id=networks.private_subnet, vip_address="10.10.10.5",
                        additional_vips=[{"subnet_id": networks.private_v6}])["id"]
    tenant.wait_active(lb)
    ports = ports_of(cloud, lb)
    assert set(ports) == {f"ovn-lb-vip-{lb}", f"ovn-lb-vip-additional-1-{lb}"}
    one = tenant.balancer(lb)
    [further] = one["additional_vips"]
    assert further["port_id"] == ports[f"ovn-lb-vip-additional-1-{lb}"]["id"]
    assert further["ip_address"].startswith("fd00:10::")
    [row] = cloud.rows(lb)
    assert row["external_ids"]["neutron:additional_vips"] == further["ip_address"]
    assert row["external_ids"]["neutron:additional_vip_port_ids"] == further["port_id"]
    tenant.remove(lb)
    assert ports_of(cloud, lb) == {}


def test_a_network_without_subnet_and_address_is_enough(cloud, networks, tenant):
    lb = tenant.balance("loadbalancers", vip_network_id=networks.private)["id"]
    tenant.wait_active(lb)
    [port] = ports_of(cloud, lb).values()
    assert tenant.balancer(lb)["vip_address"] in [fixed["ip_address"] for fixed in port["fixed_ips"]]
    tenant.remove(lb)


def test_a_port_of_the_users_own_stays_as_it_is(cloud, networks, tenant):
    mine = tenant.make("port", name="mine", network_id=networks.private,
                       fixed_ips=[{"subnet_id": networks.private_subnet, "ip_address": "10.10.10.77"}])
    one = tenant.balance("loadbalancers", vip_port_id=mine["id"], vip_subnet_id=networks.private_subnet)
    assert one["vip_address"] == "10.10.10.77"
    tenant.wait_active(one["id"])
    assert ports_of(cloud, one["id"]) == {}
    tenant.remove(one["id"])
    left = tenant.get("network", f"ports/{mine['id']}")["port"]
    assert (left["name"], left["device_owner"], left["device_id"]) == ("mine", "", "")
    tenant.drop("port", mine["id"])


def test_an_address_in_use_is_a_conflict(cloud, networks, tenant):
    networks.server("10.10.10.66")
    before = {port["id"] for port in cloud.admin.ports(device_owner="ovn-lb:vip")}
    with pytest.raises(Refused) as refused:
        tenant.balance("loadbalancers", vip_subnet_id=networks.private_v6,
                       additional_vips=[{"subnet_id": networks.private_subnet, "ip_address": "10.10.10.66"}])
    assert refused.value.status == 409, refused.value.text
    assert "10.10.10.66" in refused.value.text
    assert {port["id"] for port in cloud.admin.ports(device_owner="ovn-lb:vip")} == before, "the first VIP's port is freed"


def test_neutrons_quota_reaches_the_user(cloud, networks, tenant):
    used = cloud.admin.get("network", f"quotas/{tenant.project}/details.json")["quota"]["port"]["used"]
    cloud.admin.ask("PUT", "network", f"quotas/{tenant.project}", {"quota": {"port": used}})
    try:
        with pytest.raises(Refused) as refused:
            tenant.balance("loadbalancers", vip_subnet_id=networks.private_subnet)
    finally:
        cloud.admin.ask("DELETE", "network", f"quotas/{tenant.project}")
    assert refused.value.status == 409 and "Quota exceeded" in refused.value.text


def test_a_create_that_is_refused_leaves_no_port(cloud, networks, tenant):
    """The port is made before the load balancer is judged."""
    before = {port["id"] for port in cloud.admin.ports(device_owner="ovn-lb:vip")}
    pool = {"name": "p", "protocol": "TCP", "lb_algorithm": "LEAST_CONNECTIONS", "members": []}
    with pytest.raises(Refused) as refused:
        tenant.balance("loadbalancers", vip_subnet_id=networks.private_subnet, listeners=[
            {"protocol": "TCP", "protocol_port": 80, "default_pool": pool}])
    assert refused.value.status == 501, refused.value.text
    eventually("the port is freed", lambda: {port["id"] for port in cloud.admin.ports(device_owner="ovn-lb:vip")} == before)


def test_a_port_whose_load_balancer_never_came_is_freed(cloud, networks, tenant):
    """Octavia's API ends when it has the port, before it commits."""
    before = {port["id"] for port in cloud.admin.ports(device_owner="ovn-lb:vip")}
    cloud.end("api")
    cloud.start_api(die_after=["create_vip_port"])
    tenant.announced["load-balancer"] = f"{cloud.api_url()}/v2.0/lbaas"
    try:
        with pytest.raises(OSError):
            tenant.balance("loadbalancers", vip_subnet_id=networks.private_subnet)
        made = {port["id"] for port in cloud.admin.ports(device_owner="ovn-lb:vip")} - before
        assert len(made) == 1, "the port was there"
        eventually("the port is freed", lambda: not {
            port["id"] for port in cloud.admin.ports(device_owner="ovn-lb:vip")} & made)
    finally:
        cloud.end("api")
        cloud.start_api()
        tenant.announced["load-balancer"] = f"{cloud.api_url()}/v2.0/lbaas"


def test_ports_of_others_are_never_touched(cloud, networks, tenant):
    """One has the name, one the owner and device, and none of them a load balancer."""
    missing = "99999999-9999-4999-8999-999999999999"
    fields = {"network_id": networks.private}
    named = tenant.make("port", name=f"ovn-lb-vip-{missing}", **fields)["id"]
    owned = cloud.admin.make("port", name="mine", device_owner="ovn-lb:vip", device_id=f"lb-{missing}",
                             project_id=tenant.project, **fields)["id"]
    # Longer than a port without load balancer is left alone.
    _an_orphan_is_freed(cloud, networks)
    there = {port["id"] for port in tenant.ports(network_id=networks.private)}
    assert {named, owned} <= there
    for port in (named, owned):
        cloud.admin.drop("port", port)


def _an_orphan_is_freed(cloud, networks):
    missing = "88888888-8888-4888-8888-888888888888"
    orphan = cloud.admin.make("port", name=f"ovn-lb-vip-{missing}", device_owner="ovn-lb:vip", device_id=f"lb-{missing}",
                              network_id=networks.private)["id"]
    eventually("the orphan is freed", lambda: not [
        port for port in cloud.admin.ports(device_owner="ovn-lb:vip") if port["id"] == orphan])

"""Floating IPs and routers that come and go while a load balancer is there."""

from api import eventually
from test_story import _list


def serving(tenant, networks, address="10.10.10.41", **vip):
    """A load balancer with one member; its id."""
    pool = {"name": "p", "protocol": "TCP", "lb_algorithm": "SOURCE_IP_PORT", "members": [
        {"address": address, "protocol_port": 8080, "subnet_id": networks.private_subnet}]}
    lb = tenant.balance("loadbalancers", listeners=[{"protocol": "TCP", "protocol_port": 80, "default_pool": pool}],
                        **(vip or {"vip_subnet_id": networks.private_subnet}))["id"]
    tenant.wait_active(lb)
    return lb


def fronts(cloud, lb):
    return {vip for row in cloud.rows(lb) for vip in row["vips"]}


def test_a_floating_ip_on_the_vip_serves_and_leaves_nothing_behind(cloud, networks, tenant):
    networks.server("10.10.10.41")
    lb = serving(tenant, networks)
    one = tenant.balancer(lb)
    vip = f"{one['vip_address']}:80"
    floating = tenant.make("floatingip", floating_network_id=networks.public, port_id=one["vip_port_id"])
    outside = f"{floating['floating_ip_address']}:80"
    eventually("the floating IP serves", lambda: fronts(cloud, lb) == {vip, outside})
    [row] = cloud.rows(lb)
    assert row["external_ids"]["neutron:vip_fip"] == floating["floating_ip_address"]
    assert row["vips"][outside] == "10.10.10.41:8080"
    # Another load balancer's.
    other = serving(tenant, networks)
    two = tenant.balancer(other)
    tenant.change("floatingip", floating["id"], port_id=two["vip_port_id"])
    eventually("it has moved", lambda: fronts(cloud, other) == {f"{two['vip_address']}:80", outside})
    eventually("nothing is left", lambda: fronts(cloud, lb) == {vip})
    assert "neutron:vip_fip" not in cloud.rows(lb)[0]["external_ids"]
    tenant.drop("floatingip", floating["id"])
    eventually("it is gone", lambda: fronts(cloud, other) == {f"{two['vip_address']}:80"})
    for balancer in (lb, other):
        tenant.remove(balancer)


def test_a_floating_ip_on_a_port_of_the_users_own(cloud, networks, tenant):
    mine = tenant.make("port", name="mine", network_id=networks.private,
                       fixed_ips=[{"subnet_id": networks.private_subnet}])["id"]
    lb = serving(tenant, networks, vip_port_id=mine, vip_subnet_id=networks.private_subnet)
    floating = tenant.make("floatingip", floating_network_id=networks.public, port_id=mine)
    outside = f"{floating['floating_ip_address']}:80"
    eventually("the floating IP serves", lambda: outside in fronts(cloud, lb))
    tenant.drop("floatingip", floating["id"])
    eventually("it is gone", lambda: outside not in fronts(cloud, lb))
    tenant.remove(lb)
    tenant.drop("port", mine)


def test_a_router_that_is_attached_later(cloud, networks, tenant):
    network = tenant.make("network", name="late")["id"]
    subnet = tenant.make("subnet", network_id=network, ip_version=4, cidr="10.40.0.0/24")["id"]
    tenant.make("port", network_id=network, fixed_ips=[{"subnet_id": subnet, "ip_address": "10.40.0.50"}])
    pool = {"name": "p", "protocol": "TCP", "lb_algorithm": "SOURCE_IP_PORT", "members": [
        {"address": "10.40.0.50", "protocol_port": 80, "subnet_id": subnet}]}
    lb = tenant.balance("loadbalancers", vip_subnet_id=subnet, listeners=[
        {"protocol": "TCP", "protocol_port": 80, "default_pool": pool}])["id"]
    tenant.wait_active(lb)
    [row] = cloud.rows(lb)
    router = tenant.make("router", name="late")["id"]

    def attached():
        [one] = [one for one in cloud.rows(table="logical_router") if one["name"] == f"neutron-{router}"]
        return row["_uuid"] in _list(one["load_balancer"])

    assert not attached()
    tenant.router("add", router, subnet)
    eventually("the router has it", attached)
    assert cloud.rows(lb)[0]["external_ids"]["lr_ref"] == f"neutron-{router}"
    tenant.router("remove", router, subnet)
    eventually("the router has it no more", lambda: not attached())
    tenant.remove(lb)
    tenant.drop("router", router)

"""Floating IPs that come and go while a load balancer is there."""

from api import eventually
from balancers import fronts, serving


def test_a_floating_ip_on_the_vip_serves_and_leaves_nothing_behind(cloud, networks, tenant):
    networks.server("10.10.10.41")
    lb = serving(tenant, networks.private_subnet, "10.10.10.41")
    one = tenant.balancer(lb)
    vip = f"{one['vip_address']}:80"
    floating = tenant.make("floatingip", floating_network_id=networks.public, port_id=one["vip_port_id"])
    outside = f"{floating['floating_ip_address']}:80"
    eventually("the floating IP serves", lambda: fronts(cloud, lb) == {vip, outside})
    [row] = cloud.rows(lb)
    assert row["external_ids"]["neutron:vip_fip"] == floating["floating_ip_address"]
    assert row["vips"][outside] == "10.10.10.41:8080"
    # Another load balancer's.
    other = serving(tenant, networks.private_subnet, "10.10.10.41")
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
    lb = serving(tenant, networks.private_subnet, "10.10.10.42", vip_port_id=mine, vip_subnet_id=networks.private_subnet)
    floating = tenant.make("floatingip", floating_network_id=networks.public, port_id=mine)
    outside = f"{floating['floating_ip_address']}:80"
    eventually("the floating IP serves", lambda: outside in fronts(cloud, lb))
    tenant.drop("floatingip", floating["id"])
    eventually("it is gone", lambda: outside not in fronts(cloud, lb))
    tenant.remove(lb)
    tenant.drop("port", mine)


def test_a_floating_ip_on_an_additional_vip(cloud, networks, tenant):
    networks.server("10.10.10.43")
    subnet = tenant.make("subnet", network_id=networks.private, ip_version=4, cidr="10.10.20.0/24")["id"]
    tenant.router("add", networks.router, subnet)
    lb = serving(tenant, networks.private_subnet, "10.10.10.43", vip_subnet_id=networks.private_subnet,
                 additional_vips=[{"subnet_id": subnet}])
    one = tenant.balancer(lb)
    [further] = one["additional_vips"]
    inside = {f"{one['vip_address']}:80", f"{further['ip_address']}:80"}
    assert fronts(cloud, lb) == inside
    floating = tenant.make("floatingip", floating_network_id=networks.public, port_id=further["port_id"])
    eventually("the floating IP serves",
               lambda: fronts(cloud, lb) == inside | {f"{floating['floating_ip_address']}:80"})
    ids = cloud.rows(lb)[0]["external_ids"]
    assert ids["neutron:additional_vip_fips"] == floating["floating_ip_address"]
    assert "neutron:vip_fip" not in ids
    # Neutron refuses to delete a port's subnet, not a port with a floating IP: what the tenant forgot is in nobody's way.
    tenant.remove(lb)
    assert tenant.get("network", f"floatingips/{floating['id']}")["floatingip"]["port_id"] is None
    tenant.drop("floatingip", floating["id"])
    tenant.router("remove", networks.router, subnet)
    tenant.drop("subnet", subnet)


def test_neutrons_own_code_finds_the_members(cloud, networks, tenant):
    """Where floating IPs are distributed, Neutron centralizes the members' own while the VIP has one. It reads our row, in
    the reference driver's words, to know which these are."""
    server = networks.server("10.10.10.44")["id"]
    lb = serving(tenant, networks.private_subnet, "10.10.10.44")
    # While the load balancer is there Neutron would make it a central one at once.
    bystander = networks.server("10.10.10.45")["id"]
    members, others = (tenant.make("floatingip", floating_network_id=networks.public, port_id=port)
                       for port in (server, bystander))
    assert not nat(cloud, members)["logical_port"], "found as a member's"
    assert nat(cloud, others)["logical_port"] == bystander
    # Without it, it may be distributed.
    tenant.drop("floatingip", members["id"])
    tenant.remove(lb)
    members = tenant.make("floatingip", floating_network_id=networks.public, port_id=server)
    assert nat(cloud, members)["logical_port"] == server
    # Now the VIP's own makes it central, and leaves it so until it goes.
    lb = serving(tenant, networks.private_subnet, "10.10.10.44")
    vip_port = tenant.balancer(lb)["vip_port_id"]
    # Where routers redirect the answers of backends, Weir has it central as long as it is a member.
    while_member = [] if redirects_backends(cloud) else server
    assert nat(cloud, members)["logical_port"] == while_member
    of_vip = tenant.make("floatingip", floating_network_id=networks.public, port_id=vip_port)
    assert not nat(cloud, members)["logical_port"]
    assert nat(cloud, others)["logical_port"] == bystander
    eventually("the floating IP serves", lambda: f"{of_vip['floating_ip_address']}:80" in fronts(cloud, lb))
    tenant.drop("floatingip", of_vip["id"])
    assert nat(cloud, members)["logical_port"] == while_member
    tenant.remove(lb)
    assert nat(cloud, members)["logical_port"] == server
    for one in (members, others):
        tenant.drop("floatingip", one["id"])


def redirects_backends(cloud):
    """OVN 23.09 and later, told by the first column that came after 23.06."""
    return "status" in cloud.rows(table="logical_router_port")[0]


def nat(cloud, floating):
    """Neutron's row of a floating IP."""
    [row] = [one for one in cloud.rows(table="nat") if one["external_ip"] == floating["floating_ip_address"]]
    return row

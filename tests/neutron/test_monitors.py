"""Health monitors: their checks are sent from a port that Weir makes in Neutron."""

from api import eventually


def monitored(tenant, networks, address, delay=5):
    """A load balancer with a monitored pool of one member; returns ids of it, pool and monitor."""
    lb = tenant.balance("loadbalancers", vip_subnet_id=networks.private_subnet)["id"]
    tenant.wait_active(lb)
    listener = tenant.balance("listeners", protocol="TCP", protocol_port=80, loadbalancer_id=lb)["id"]
    tenant.wait_active(lb)
    pool = tenant.balance("pools", protocol="TCP", lb_algorithm="SOURCE_IP_PORT", listener_id=listener)["id"]
    tenant.wait_active(lb)
    tenant.balance(f"pools/{pool}/members", address=address, protocol_port=8080, subnet_id=networks.private_subnet)
    tenant.wait_active(lb)
    monitor = tenant.balance("healthmonitors", type="TCP", delay=delay, timeout=3, max_retries=3, pool_id=pool)["id"]
    tenant.wait_active(lb)
    return lb, pool, monitor


def source_ports(cloud, networks):
    return cloud.admin.ports(name=f"ovn-lb-hm-{networks.private_subnet}")


def test_a_subnet_gets_one_source_port_and_loses_it_with_the_last_monitor(cloud, networks, tenant):
    server = networks.server("10.10.10.31")
    first, pool, monitor = monitored(tenant, networks, "10.10.10.31")
    [port] = eventually("the source port", lambda: source_ports(cloud, networks))
    name = f"ovn-lb-hm-{networks.private_subnet}"
    assert (port["device_id"], port["device_owner"]) == (name, "ovn-lb-hm:distributed")
    assert port["port_security_enabled"] is False and port["admin_state_up"] is True
    assert port["project_id"] == server["project_id"]
    [fixed] = port["fixed_ips"]
    assert fixed["subnet_id"] == networks.private_subnet
    source = fixed["ip_address"]
    vip = tenant.balancer(first)["vip_address"]

    def checked():
        [row] = cloud.rows(first)
        return row if row["health_check"] else None

    row = eventually("the check is in the row", checked)
    assert row["ip_port_mappings"] == {"10.10.10.31": f"{server['id']}:{source}"}
    checks = {one["_uuid"]: one for one in cloud.rows(table="load_balancer_health_check")}
    assert checks[row["health_check"]]["vip"] == f"{vip}:80"
    [switch_port] = [one for one in cloud.rows(table="logical_switch_port") if one["name"] == port["id"]]
    assert switch_port["type"] == "localport"

    second, _, _ = monitored(tenant, networks, "10.10.10.31")
    eventually("the second has its check", lambda: cloud.rows(second)[0]["health_check"])
    assert [one["id"] for one in source_ports(cloud, networks)] == [port["id"]], "one for all"

    tenant.remove(second)
    assert [one["id"] for one in source_ports(cloud, networks)] == [port["id"]], "the first still needs it"
    tenant.ask("DELETE", "load-balancer", f"healthmonitors/{monitor}")
    tenant.wait_active(first)
    eventually("it is freed with the last monitor", lambda: not source_ports(cloud, networks))
    [row] = cloud.rows(first)
    assert row["ip_port_mappings"] == {} and row["health_check"] == []
    tenant.remove(first)


def test_a_deleted_load_balancer_leaves_no_source_port(cloud, networks, tenant):
    networks.server("10.10.10.32")
    lb, _, _ = monitored(tenant, networks, "10.10.10.32")
    eventually("the check is in the row", lambda: cloud.rows(lb)[0]["health_check"])
    tenant.remove(lb)
    assert source_ports(cloud, networks) == [], "freed before Octavia hears of the end"


def test_the_source_port_comes_when_neutron_is_back(cloud, networks, tenant):
    networks.server("10.10.10.33")
    lb = tenant.balance("loadbalancers", vip_subnet_id=networks.private_subnet, listeners=[{
        "protocol": "TCP", "protocol_port": 80, "default_pool": {"name": "p", "protocol": "TCP", "lb_algorithm": "SOURCE_IP_PORT"}}])["id"]
    tenant.wait_active(lb)
    [pool] = tenant.get("load-balancer", "pools", loadbalancer_id=lb)["pools"]
    tenant.balance(f"pools/{pool['id']}/members", address="10.10.10.33", protocol_port=80, subnet_id=networks.private_subnet)
    tenant.wait_active(lb)
    cloud.pause_neutron()
    try:
        # It asks Neutron nothing, so it goes through; the check has to wait.
        tenant.balance("healthmonitors", type="TCP", delay=5, timeout=3, max_retries=3, pool_id=pool["id"])
        tenant.wait_active(lb)
        assert cloud.rows(lb)[0]["health_check"] == []
        vip = tenant.balancer(lb)["vip_address"]
        assert cloud.rows(lb)[0]["vips"] == {f"{vip}:80": "10.10.10.33:80"}, "meanwhile it serves unchecked"
    finally:
        cloud.resume_neutron()
    eventually("the check is in the row", lambda: cloud.rows(lb)[0]["health_check"], 90)
    tenant.remove(lb)

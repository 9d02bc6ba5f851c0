"""The main job, from the tenant's networks to the rows: a load balancer on the public subnet, its member on the private one."""

from api import eventually
from balancers import router_has, switches_with


def test_the_seed_story(cloud, networks, tenant):
    networks.server("10.10.10.10")
    balancer = tenant.balance("loadbalancers", name="lb", vip_subnet_id=networks.public_subnet)
    lb, address = balancer["id"], balancer["vip_address"]
    tenant.wait_active(lb)
    # Neutron's port has the names that its own floating-IP code looks for.
    [port] = cloud.admin.ports(device_id=f"lb-{lb}")
    assert port["name"] == f"ovn-lb-vip-{lb}"
    assert port["device_owner"] == "ovn-lb:vip"
    assert port["project_id"] == tenant.project
    assert port["fixed_ips"] == [{"subnet_id": networks.public_subnet, "ip_address": address}]
    assert balancer["vip_port_id"] == port["id"]
    listener = tenant.balance("listeners", protocol="TCP", protocol_port=64015, loadbalancer_id=lb)["id"]
    tenant.wait_active(lb)
    pool = tenant.balance("pools", protocol="TCP", lb_algorithm="SOURCE_IP_PORT", listener_id=listener)["id"]
    tenant.wait_active(lb)
    member = tenant.balance(f"pools/{pool}/members", address="10.10.10.10", protocol_port=63015,
                            subnet_id=networks.private_subnet)["id"]
    tenant.wait_active(lb)
    [row] = cloud.rows(lb)
    assert row["vips"] == {f"{address}:64015": "10.10.10.10:63015"}
    ids = row["external_ids"]
    assert ids["neutron:vip"] == address and ids["neutron:vip_port_id"] == port["id"]
    assert ids["lr_ref"] == f"neutron-{networks.router}"
    assert ids[f"pool_{pool}"] == f"member_{member}_10.10.10.10:63015_{networks.private_subnet}"
    # Neutron's public network is a provider network: the load balancer is on the router and the member's switch alone.
    assert router_has(cloud, networks.router, lb)
    assert switches_with(cloud, lb) == {f"neutron-{networks.private}"}
    tenant.remove(lb)
    assert cloud.rows(lb) == []
    assert cloud.admin.ports(device_id=f"lb-{lb}") == []


def test_when_a_load_balancer_is_gone_its_network_can_go(tenant):
    """With --wait nobody should have to wait once more: ports are freed before Octavia hears of the end."""
    network = tenant.make("network", name="passing")["id"]
    subnet = tenant.make("subnet", network_id=network, ip_version=4, cidr="10.30.0.0/24")["id"]
    tenant.make("port", network_id=network, fixed_ips=[{"subnet_id": subnet, "ip_address": "10.30.0.50"}])
    lb = tenant.balance("loadbalancers", vip_subnet_id=subnet)["id"]
    tenant.wait_active(lb)
    pool = tenant.balance("pools", protocol="TCP", lb_algorithm="SOURCE_IP_PORT", loadbalancer_id=lb)["id"]
    tenant.wait_active(lb)
    tenant.balance(f"pools/{pool}/members", address="10.30.0.50", protocol_port=80, subnet_id=subnet)
    tenant.wait_active(lb)
    tenant.remove(lb)
    for port in tenant.ports(network_id=network):
        assert port["device_owner"] in ("", "network:distributed"), port
        if not port["device_owner"]:
            tenant.drop("port", port["id"])
    tenant.drop("subnet", subnet)
    tenant.drop("network", network)


def test_weir_check_finds_neutron(cloud):
    import json
    import subprocess

    environment = {"WEIR_NEUTRON_CLOUD": "weir", "OS_CLIENT_CONFIG_FILE": f"{cloud.folder}/clouds.yaml",
                   "WEIR_OVN_NB_CONNECTION": cloud.nb, "WEIR_OVN_SB_CONNECTION": cloud.sb, "WEIR_STATE_DIR": str(cloud.folder),
                   **{f"WEIR_OCTAVIA_{name.upper()}_SOCKET": f"{cloud.folder}/{name}.sock" for name in ("get", "status", "stats")}}
    done = subprocess.run([cloud.binary, "check", "-o", "json"], env=environment, capture_output=True, text=True)
    [finding] = [one for one in json.loads(done.stdout)["findings"] if one["name"] == "neutron"]
    assert finding["verdict"] == "ok", done.stdout
    assert cloud.neutron_url in finding["detail"]


def test_many_at_once(cloud, networks, tenant):
    """Neutron is the slow part; nobody waits for ever, and nothing is left behind."""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda n: tenant.balance("loadbalancers", vip_subnet_id=networks.private_subnet)["id"], range(12)))
        list(pool.map(tenant.wait_active, made))
        assert len({cloud.rows(lb)[0]["external_ids"]["neutron:vip"] for lb in made}) == 12
        list(pool.map(tenant.remove, made))
    eventually("no port is left", lambda: not [
        port for port in cloud.admin.ports(device_owner="ovn-lb:vip") if port["device_id"][3:] in made])

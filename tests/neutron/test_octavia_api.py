"""What Weir asks Octavia's API in the name of its account."""

import json
import shutil
import signal
import subprocess

import pytest
from api import Refused, eventually


def account(cloud, user, project):
    """A user with a password, instead of clouds.yaml."""
    settings = {"cloud": "", "auth_url": cloud.keystone_url, "username": user, "password": "secret", "user_domain_name": "Default",
                "project_name": project, "project_domain_name": "Default", "region_name": "RegionOne", "interface": "internal"}
    return {f"WEIR_NEUTRON_{key.upper()}": value for key, value in settings.items()}


def check(cloud, **more):
    environment = {"WEIR_OVN_NB_CONNECTION": cloud.nb, "WEIR_OVN_SB_CONNECTION": cloud.sb, "WEIR_STATE_DIR": str(cloud.folder), **more}
    done = subprocess.run([cloud.binary, "check", "-o", "json"], env=environment, capture_output=True, text=True)
    return {one["name"]: one for one in json.loads(done.stdout)["findings"]}


def test_check_names_the_role_that_octavia_wants(cloud):
    found = check(cloud, **account(cloud, "weir-by-password", "service"))
    assert found["neutron"]["verdict"] == "ok", "the role service does for Neutron"
    assert found["octavia-api"]["verdict"] == "problem"
    for word in ("loadbalancers", "l7policies", "needs the role admin"):
        assert word in found["octavia-api"]["detail"], found["octavia-api"]
    found = check(cloud, **account(cloud, "admin", "admin"))
    assert found["octavia-api"]["verdict"] == "ok", found["octavia-api"]
    assert found["octavia-provider"]["verdict"] == "ok", found["octavia-provider"]


def test_check_finds_a_provider_name_that_octavia_does_not_have(cloud):
    found = check(cloud, WEIR_OCTAVIA_PROVIDER="ovn", **account(cloud, "admin", "admin"))["octavia-provider"]
    assert found["verdict"] == "problem" and "only weir" in found["detail"], found


def gone(tenant, lb):
    try:
        return tenant.balancer(lb)["provisioning_status"] == "DELETED"
    except Refused as refused:
        return refused.status == 404


@pytest.fixture
def lost(cloud):
    """A function that kills the host, takes its disk, and starts another one."""
    def lose():
        cloud.end("weir", signal.SIGKILL)
        shutil.rmtree(cloud.folder / "state")
        cloud.start_agent()
        cloud.wait_for_agent()
        cloud.start_weir(WEIR_OCTAVIA_PENDING_TIMEOUT="3", **account(cloud, "admin", "admin"))

    yield lose
    cloud.end("weir")
    cloud.start_weir()


def test_what_a_lost_host_has_left_in_pending_is_released(lost, cloud, networks, tenant):
    # Their statuses never arrive.
    cloud.end("agent")
    lb = tenant.balance("loadbalancers", vip_subnet_id=networks.private_subnet)["id"]
    lost()
    tenant.wait_active(lb)
    pool = tenant.balance("pools", protocol="TCP", lb_algorithm="SOURCE_IP_PORT", loadbalancer_id=lb)["id"]
    tenant.wait_active(lb)
    cloud.end("agent")
    tenant.balance(f"pools/{pool}/members", address="10.10.10.50", protocol_port=80)
    assert tenant.balancer(lb)["provisioning_status"] == "PENDING_UPDATE"
    lost()
    tenant.wait_active(lb)
    [member] = tenant.get("load-balancer", f"pools/{pool}/members")["members"]
    assert member["provisioning_status"] == "ACTIVE"
    cloud.end("agent")
    tenant.ask("DELETE", "load-balancer", f"loadbalancers/{lb}?cascade=true")
    lost()
    eventually("it is gone", lambda: gone(tenant, lb))
    assert cloud.rows(lb) == []
    assert cloud.admin.ports(device_id=f"lb-{lb}") == []

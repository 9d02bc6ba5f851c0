"""Neutron or Keystone is away, or forgets us."""

import api
import pytest
from api import Refused, eventually


def test_without_neutron_no_load_balancer_is_made_and_it_is_said_why(cloud, networks, tenant):
    cloud.way.cut()
    try:
        before = tenant.get("load-balancer", "loadbalancers")["loadbalancers"]
        with pytest.raises(Refused) as refused:
            tenant.balance("loadbalancers", vip_subnet_id=networks.private_subnet)
        assert refused.value.status == 500 and "Neutron" in refused.value.text, refused.value.text
        assert len(tenant.get("load-balancer", "loadbalancers")["loadbalancers"]) == len(before)
    finally:
        cloud.way.mend()
    lb = tenant.balance("loadbalancers", vip_subnet_id=networks.private_subnet)["id"]
    tenant.wait_active(lb)
    tenant.remove(lb)


def test_a_load_balancer_can_be_deleted_without_neutron_and_its_port_goes_later(cloud, networks, tenant):
    lb = tenant.balance("loadbalancers", vip_subnet_id=networks.private_subnet)["id"]
    tenant.wait_active(lb)
    cloud.way.cut()
    try:
        tenant.remove(lb)
        assert cloud.rows(lb) == []
        assert cloud.weir_waits_for()["weir_port_cleanups_pending"] == 1
        cloud.kill_weir()
        cloud.start_weir()
        assert cloud.weir_waits_for()["weir_port_cleanups_pending"] == 1, "it is remembered over a restart"
        assert cloud.admin.ports(device_id=f"lb-{lb}")
    finally:
        cloud.way.mend()
    eventually("the port is freed", lambda: not cloud.admin.ports(device_id=f"lb-{lb}"), 60)
    eventually("nothing is left to do", lambda: "weir_port_cleanups_pending" not in cloud.weir_waits_for())


def test_a_revoked_token_is_replaced(cloud, networks, tenant):
    """What Keystone forgets is asked for anew: nobody notices. Here Weir logs in with a password."""
    cloud.restart_weir_by_password()
    try:
        lb = tenant.balance("loadbalancers", vip_subnet_id=networks.private_subnet)["id"]
        tenant.wait_active(lb)
        witness = api.Account(cloud.keystone_url, "weir-by-password", "service")
        witness.ports(device_id=f"lb-{lb}")
        cloud.revoke_tokens_of("weir-by-password")
        with pytest.raises(Refused) as refused:
            witness.ports(device_id=f"lb-{lb}")
        assert refused.value.status == 401, "tokens from before are bad"
        other = tenant.balance("loadbalancers", vip_subnet_id=networks.private_subnet)["id"]
        tenant.wait_active(other)
        for one in (lb, other):
            tenant.remove(one)
    finally:
        cloud.end("weir")
        cloud.start_weir()

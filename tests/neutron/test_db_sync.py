"""Neutron's own tool runs the plugins of Weir's wheels."""

import pytest


@pytest.mark.parametrize("mode", ["log", "repair"])
def test_neutrons_tool_has_weir_compare_its_load_balancers(cloud, networks, tenant, mode):
    lb = tenant.balance("loadbalancers", vip_subnet_id=networks.private_subnet)["id"]
    tenant.wait_active(lb)
    log = cloud.sync_by_neutron(mode)
    assert "Loaded sync plugins: " in log and "weir_sync" in log and "octavia_ovn_sync" in log, log[-3000:]
    assert f"load balancers compared with Octavia{' (nothing was changed)' if mode == 'log' else ''}" in log, log[-3000:]
    assert "has synced Weir's load balancers already" in log, log[-3000:]
    tenant.remove(lb)

"""Ports of earlier releases of the reference driver, made old again by the cloud's admin: `weir sync` gives them owner and device."""

from api import eventually
from test_monitors import monitored, place  # noqa: F401


def sync(cloud, lb):
    status, report = cloud.weir("POST", f"/v1/sync?lb={lb}")
    assert status == 200, report
    return {port["id"]: port["outcome"] for port in report["ports"]}


def test_old_ports_get_owner_and_device_by_sync(cloud, tenant, place):  # noqa: F811
    lb, _ = monitored(tenant, place)
    eventually("the check is in the row", lambda: cloud.rows(lb)[0]["health_check"])
    [vip], [source] = cloud.admin.ports(device_id=f"lb-{lb}"), place.source_ports
    cloud.admin.change("port", vip["id"], device_owner="", device_id="")
    cloud.admin.change("port", source["id"], device_owner="network:distributed", device_id="")
    assert sync(cloud, lb) == {vip["id"]: "updated", source["id"]: "updated"}
    [vip_now] = cloud.admin.ports(id=vip["id"])
    assert (vip_now["device_owner"], vip_now["device_id"]) == ("ovn-lb:vip", f"lb-{lb}")
    [source_now] = place.source_ports
    name = f"ovn-lb-hm-{place.subnet}"
    assert (source_now["device_owner"], source_now["device_id"]) == ("ovn-lb-hm:distributed", name)
    [switch_port] = [one for one in cloud.rows(table="logical_switch_port") if one["name"] == source["id"]]
    assert switch_port["type"] == "localport"
    assert sync(cloud, lb) == {}
    tenant.remove(lb)
    eventually("both are freed", lambda: not place.source_ports and not cloud.admin.ports(id=vip["id"]))

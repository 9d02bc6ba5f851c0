"""The whole life of load balancers through Octavia's API: ACTIVE after each step, and the rows are right."""

import json

import network
import pytest
from balancer import member


def test_a_plain_load_balancer_comes_and_goes(balancer):
    one = balancer(name="plain", description="a")
    [row] = one.rows
    assert row["external_ids"]["neutron:vip"] == one.vip
    assert row["vips"] == {}
    assert row["protocol"] == "tcp"
    one.update("loadbalancers", one.id, name="renamed", description="b")
    one.vanish(cascade=False)


def test_a_load_balancer_is_attached_where_its_vip_is(balancer, stack):
    one = balancer()
    [row] = one.rows
    switches = {row["name"]: row["load_balancer"] for row in stack.rows(table="logical_switch")}
    routers = {row["name"]: row["load_balancer"] for row in stack.rows(table="logical_router")}
    assert row["_uuid"] in switches[f"neutron-{network.PUBLIC['id']}"]
    assert row["_uuid"] in routers[network.ROUTER]


@pytest.mark.parametrize("protocol", ["TCP", "UDP", "SCTP"])
def test_each_protocol_from_listener_to_members(protocol, balancer):
    one = balancer()
    ovn = protocol.lower()
    listener = one.create("listeners", protocol=protocol, protocol_port=81)
    assert [row["protocol"] for row in one.rows] == [ovn]
    pool = one.create("pools", protocol=protocol, lb_algorithm="SOURCE_IP_PORT", listener_id=listener)
    first = one.create(f"pools/{pool}/members", **member(1))
    assert one.vips == {ovn: {f"{one.vip}:81": {"10.10.10.1:8080"}}}
    second = one.create(f"pools/{pool}/members", **member(2, 9090))
    assert one.vips == {ovn: {f"{one.vip}:81": {"10.10.10.1:8080", "10.10.10.2:9090"}}}
    one.delete(f"pools/{pool}/members", first)
    assert one.vips == {ovn: {f"{one.vip}:81": {"10.10.10.2:9090"}}}
    one.delete(f"pools/{pool}/members", second)
    one.delete("pools", pool)
    one.delete("listeners", listener)
    assert one.vips == {}
    one.vanish(cascade=False)


@pytest.mark.parametrize("listens, forwards", [("HTTPS", "HTTPS"), ("HTTPS", "TCP"), ("TCP", "HTTPS")])
def test_https_passes_through(listens, forwards, balancer, octavia):
    one = balancer()
    listener = one.create("listeners", protocol=listens, protocol_port=443)
    pool = one.create("pools", protocol=forwards, lb_algorithm="SOURCE_IP_PORT", listener_id=listener)
    one.create(f"pools/{pool}/members", **member(1, 8443))
    assert one.vips == {"tcp": {f"{one.vip}:443": {"10.10.10.1:8443"}}}
    one.create("healthmonitors", pool_id=pool, type="TCP", delay=5, timeout=3, max_retries=2)
    one.update("listeners", listener, admin_state_up=False)
    assert octavia.get("listeners", listener)["protocol"] == listens
    one.vanish()


def test_a_flavor_is_in_every_row(balancer, octavia):
    supported = octavia.ask("GET", "providers/weir/flavor_capabilities")["flavor_capabilities"]
    assert {"reject", "hairpin_snat_ip"} <= {it["name"] for it in supported}
    wanted = {"reject": "true", "hairpin_snat_ip": "169.254.0.9"}
    profile = octavia.create("flavorprofiles", name="p", provider_name="weir", flavor_data=json.dumps({**wanted, "reject": True}))
    flavor = octavia.create("flavors", name="refusing", flavor_profile_id=profile["id"], enabled=True)
    one = balancer(flavor_id=flavor["id"])
    assert [row["options"] for row in one.rows] == [wanted]
    for port, protocol in ((80, "TCP"), (53, "UDP")):
        one.create("listeners", protocol=protocol, protocol_port=port)
    assert [row["options"] for row in one.rows] == [wanted, wanted]
    one.vanish()
    for kind, made in (("flavors", flavor), ("flavorprofiles", profile)):
        octavia.delete(kind, made["id"])


def test_all_protocols_on_one_load_balancer(balancer):
    one = balancer()
    for port, protocol in enumerate(("TCP", "UDP", "SCTP"), 81):
        listener = one.create("listeners", protocol=protocol, protocol_port=port)
        pool = one.create("pools", protocol=protocol, lb_algorithm="SOURCE_IP_PORT", listener_id=listener)
        one.create(f"pools/{pool}/members", **member(port))
    assert one.vips == {
        protocol: {f"{one.vip}:{port}": {f"10.10.10.{port}:8080"}} for port, protocol in enumerate(("tcp", "udp", "sctp"), 81)
    }
    one.vanish()


def test_additional_vips(balancer):
    one = balancer(additional_vips=[{"subnet_id": network.PRIVATE["subnet"], "ip_address": "10.10.10.200"}])
    listener = one.create("listeners", protocol="TCP", protocol_port=80)
    pool = one.create("pools", protocol="TCP", lb_algorithm="SOURCE_IP_PORT", listener_id=listener)
    one.create(f"pools/{pool}/members", **member(1))
    assert one.vips == {"tcp": {f"{one.vip}:80": {"10.10.10.1:8080"}, "10.10.10.200:80": {"10.10.10.1:8080"}}}
    one.vanish()


def test_a_full_graph_at_once(balancer):
    pool = {"name": "p", "protocol": "TCP", "lb_algorithm": "SOURCE_IP_PORT", "members": [member(1), member(2, weight=5)]}
    one = balancer(listeners=[
        {"protocol": "TCP", "protocol_port": 80, "default_pool": pool},
        {"protocol": "UDP", "protocol_port": 53, "default_pool": {**pool, "name": "q", "protocol": "UDP"}},
    ], pools=[{"name": "r", "protocol": "SCTP", "lb_algorithm": "SOURCE_IP_PORT", "members": [member(3)]}])
    members = {"10.10.10.1:8080", "10.10.10.2:8080"}
    assert one.vips == {"tcp": {f"{one.vip}:80": members}, "udp": {f"{one.vip}:53": members}}
    assert len(one.active()) == 1 + 2 + 3 + 5 - 1  # the member of the pool without listener is not in Octavia's tree
    one.agrees()
    one.vanish()


@pytest.fixture
def small(balancer):
    """A load balancer with a listener, a pool and two members: (it, listener, pool, [members])."""
    one = balancer()
    listener = one.create("listeners", protocol="TCP", protocol_port=80)
    pool = one.create("pools", protocol="TCP", lb_algorithm="SOURCE_IP_PORT", listener_id=listener)
    members = [one.create(f"pools/{pool}/members", **member(octet)) for octet in (1, 2)]
    assert one.vips == {"tcp": {f"{one.vip}:80": {"10.10.10.1:8080", "10.10.10.2:8080"}}}
    return one, listener, pool, members


BOTH = {"10.10.10.1:8080", "10.10.10.2:8080"}


def test_batches_of_members(small, octavia):
    one, _, pool, members = small

    def batch(wanted, additive=False):
        octavia.ask("PUT", f"pools/{pool}/members{'?additive_only=true' if additive else ''}", {"members": wanted})
        one.active()
        return one.vips["tcp"][f"{one.vip}:80"]

    assert batch([member(2, weight=3), member(3)]) == {"10.10.10.2:8080", "10.10.10.3:8080"}
    octavia.wait_gone(f"pools/{pool}/members", members[0])
    assert octavia.get(f"pools/{pool}/members", members[1])["weight"] == 3
    assert batch([member(4)], additive=True) == {"10.10.10.2:8080", "10.10.10.3:8080", "10.10.10.4:8080"}
    assert batch([member(octet) for octet in range(1, 41)]) == {f"10.10.10.{octet}:8080" for octet in range(1, 41)}
    octavia.ask("PUT", f"pools/{pool}/members", {"members": []})
    one.active()
    assert octavia.ask("GET", f"pools/{pool}/members")["members"] == []
    one.agrees()
    assert one.vips.get("tcp", {}).get(f"{one.vip}:80", set()) == set()


def test_administrative_state_of_each_object(small):
    one, listener, pool, members = small
    vip = f"{one.vip}:80"
    for kind, identity, left in (
        ("loadbalancers", one.id, None), ("listeners", listener, None), ("pools", pool, set()),
        (f"pools/{pool}/members", members[0], {"10.10.10.2:8080"}),
    ):
        one.update(kind, identity, admin_state_up=False)
        one.agrees()
        now = one.vips.get("tcp", {}).get(vip)
        assert now == left or (not left and not now), f"{kind} down: {now}"
        one.update(kind, identity, admin_state_up=True)
        assert one.vips == {"tcp": {vip: BOTH}}, f"{kind} up"


def test_a_member_with_weight_0_gets_no_connections(small):
    one, _, pool, members = small
    one.update(f"pools/{pool}/members", members[0], weight=0)
    assert one.vips["tcp"] == {f"{one.vip}:80": {"10.10.10.2:8080"}}
    one.update(f"pools/{pool}/members", members[0], weight=7, name="back", backup=False)
    assert one.vips["tcp"] == {f"{one.vip}:80": BOTH}


def test_names_change_without_touching_traffic(small, octavia):
    one, listener, pool, members = small
    for kind, identity, fields in (
        ("listeners", listener, {"name": "l", "description": "d"}),
        ("pools", pool, {"name": "p", "description": "d"}),
        (f"pools/{pool}/members", members[0], {"name": "m"}),
    ):
        one.update(kind, identity, **fields)
        found = octavia.get(kind, identity)
        assert {name: found[name] for name in fields} == fields
        assert one.vips == {"tcp": {f"{one.vip}:80": BOTH}}


def test_the_default_pool_is_unset_and_set_again(small, octavia):
    """The reference driver never answers the unset, and leaves `pool_None` in the row."""
    one, listener, pool, _ = small
    one.update("listeners", listener, default_pool_id=None)
    assert octavia.get("listeners", listener)["default_pool_id"] is None
    assert not one.vips.get("tcp", {}).get(f"{one.vip}:80")
    assert all("pool_None" not in str(row["external_ids"]) for row in one.rows)
    one.update("listeners", listener, default_pool_id=pool)
    assert one.vips == {"tcp": {f"{one.vip}:80": BOTH}}


def test_a_listener_changes_to_another_pool(small):
    one, listener, _, _ = small
    other = one.create("pools", protocol="TCP", lb_algorithm="SOURCE_IP_PORT")
    one.create(f"pools/{other}/members", **member(9))
    assert one.vips == {"tcp": {f"{one.vip}:80": BOTH}}
    one.update("listeners", listener, default_pool_id=other)
    assert one.vips == {"tcp": {f"{one.vip}:80": {"10.10.10.9:8080"}}}


def affinity(one):
    [row] = one.rows
    return row["options"].get("affinity_timeout")


def test_session_persistence_is_set_and_unset(small):
    """The reference driver reports the pool ERROR."""
    one, _, pool, _ = small
    assert affinity(one) is None
    one.update("pools", pool, session_persistence={"type": "SOURCE_IP"})
    assert int(affinity(one)) > 0
    one.update("pools", pool, session_persistence=None)
    assert affinity(one) is None
    assert one.vips == {"tcp": {f"{one.vip}:80": BOTH}}


def test_the_time_of_session_persistence_changes(balancer):
    """Octavia has it for UDP only."""
    one = balancer()
    listener = one.create("listeners", protocol="UDP", protocol_port=53)
    pool = one.create("pools", protocol="UDP", lb_algorithm="SOURCE_IP_PORT", listener_id=listener,
                      session_persistence={"type": "SOURCE_IP", "persistence_timeout": 600})
    one.create(f"pools/{pool}/members", **member(1))
    assert affinity(one) == "600"
    one.update("pools", pool, session_persistence={"type": "SOURCE_IP", "persistence_timeout": 60})
    assert affinity(one) == "60"
    one.update("pools", pool, session_persistence=None)
    assert affinity(one) is None
    assert one.vips == {"udp": {f"{one.vip}:53": {"10.10.10.1:8080"}}}


def test_the_algorithm_changes(small):
    """The reference driver accepts it and changes nothing."""
    one, _, pool, _ = small
    one.update("pools", pool, lb_algorithm="SOURCE_IP")
    [row] = one.rows
    assert set(row["selection_fields"]) == {"ip_src", "ip_dst"}
    one.update("pools", pool, lb_algorithm="SOURCE_IP_PORT")
    [row] = one.rows
    assert set(row["selection_fields"]) == {"ip_src", "ip_dst", "tp_src", "tp_dst"}


def test_a_pool_without_listener(balancer):
    one = balancer()
    pool = one.create("pools", protocol="UDP", lb_algorithm="SOURCE_IP_PORT")
    one.create(f"pools/{pool}/members", **member(1))
    assert one.vips == {}
    listener = one.create("listeners", protocol="UDP", protocol_port=53, default_pool_id=pool)
    assert one.vips == {"udp": {f"{one.vip}:53": {"10.10.10.1:8080"}}}
    one.delete("listeners", listener)
    assert one.vips == {}


def test_a_load_balancer_with_children_goes_only_as_a_whole(small, octavia):
    one, *_ = small
    with pytest.raises(Exception) as refused:
        octavia.delete("loadbalancers", one.id)
    assert refused.value.status == 400
    one.active()
    one.vanish(cascade=True)


def test_failover_rebuilds_the_rows(small, octavia, stack):
    one, *_ = small
    [row] = one.rows
    stack.nbctl("clear", "load_balancer", row["_uuid"], "vips")
    octavia.ask("PUT", f"loadbalancers/{one.id}/failover")
    one.agrees()
    assert one.vips == {"tcp": {f"{one.vip}:80": BOTH}}


def test_operating_statuses(small):
    one, listener, pool, members = small
    found = one.active()
    assert found["loadbalancer", one.id][1] == "ONLINE"
    assert found["listener", listener][1] == "ONLINE"
    assert found["pool", pool][1] == "ONLINE"
    assert {found["member", identity][1] for identity in members} == {"NO_MONITOR"}
    for kind, plural, identity in (("loadbalancer", "loadbalancers", one.id), ("listener", "listeners", listener),
                                   ("pool", "pools", pool)):
        one.update(plural, identity, admin_state_up=False)
        assert one.active()[kind, identity][1] == "OFFLINE", kind
        one.update(plural, identity, admin_state_up=True)
        assert one.active()[kind, identity][1] == "ONLINE", kind

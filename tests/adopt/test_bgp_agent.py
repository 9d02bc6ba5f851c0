"""ovn-bgp-agent announces VIPs where `vips` of a row changes: `[compat] bgp_agent` lets it see created ones."""

import json
import os
import pathlib
import subprocess
import sys
import threading

import networks
import pytest
from northbound import wait_for

HERE = pathlib.Path(__file__).parent
PACKAGES = HERE.parents[1] / ".weir/adopt/bgp"
EXPOSE, WITHDRAW = "expose_ovn_lb_vip", "withdraw_ovn_lb_vip"


class Watcher:
    """The agent's watchers on a chassis that has the gateway of router r1."""

    def __init__(self, server):
        self.seen = []
        log = open(server.folder / "bgp.log", "ab")
        environment = {**os.environ, "PYTHONPATH": str(PACKAGES), "PYTHONWARNINGS": "ignore"}
        self._process = subprocess.Popen(
            [sys.executable, str(HERE / "bgp_worker.py"), server.remote, networks.named("router r1")],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, env=environment, text=True)
        log.close()
        threading.Thread(target=self._read, daemon=True).start()
        wait_for("the watchers have started", lambda: self.seen or self._process.poll() is not None, 60)
        assert self._process.poll() is None, (server.folder / "bgp.log").read_text()[-4000:]

    def _read(self):
        for line in self._process.stdout:
            self.seen.append(json.loads(line))

    def of(self, lb):
        return [(one["action"], one["vips"]) for one in self.seen if one.get("lb") == lb]

    def stop(self):
        self._process.stdin.close()
        self._process.wait(30)


@pytest.fixture
def watched(worlds, request):
    """A world with Weir and watchers; and a function that makes a load balancer in one call."""
    world = worlds("bgp", empty=True)
    weir = world.weir(**getattr(request, "param", {"compat_bgp_agent": "true"}))
    watcher = Watcher(world.server)
    yield world, weir, watcher
    watcher.stop()


def create(world, weir, name, number, protocols=("TCP",)):
    """A load balancer with a listener, a pool and a member for each protocol, in one call. (The agent compares IPv6 addresses
    in brackets with ones without, so it reacts to no row of those.)"""
    lb = networks.named(name)
    subnet = networks.subnet("a")[0]
    vip = {"vip_network_id": networks.network_id("a"), "vip_subnet_id": subnet,
           "vip_address": networks.address("a", number)}
    vip, _ = weir.make_vip_ports(lb, vip, [])
    listeners, pools = [], []
    for protocol in protocols:
        pool = {"pool_id": networks.named(f"{name} pool {protocol}"), "loadbalancer_id": lb, "protocol": protocol,
                "lb_algorithm": "SOURCE_IP_PORT", "admin_state_up": True, "members": [
                    {"member_id": networks.named(f"{name} member {protocol}"), "address": networks.address("a", 11),
                     "protocol_port": 8080, "subnet_id": subnet, "weight": 1, "admin_state_up": True}]}
        pools.append(pool)
        listeners.append({"listener_id": networks.named(f"{name} listener {protocol}"), "loadbalancer_id": lb,
                          "protocol": protocol, "protocol_port": 80, "admin_state_up": True,
                          "default_pool_id": pool["pool_id"], "default_pool": pool})
    body = {"loadbalancer_id": lb, "project_id": networks.PROJECT, "name": "", "admin_state_up": True, **vip,
            "listeners": listeners, "pools": pools}
    weir.call("loadbalancer_create", {}, {"loadbalancer": body})
    return lb, body


@pytest.mark.parametrize("protocol", ["TCP", "UDP"])
def test_created_load_balancer_is_announced_with_compat(watched, protocol):
    world, weir, watcher = watched
    lb, _ = create(world, weir, "one call", 60, [protocol])
    [row] = world.rows(lb)
    [vip] = row["vips"]
    assert row["vips"][vip] and weir.plan()["changes"] == []
    wait_for("it is announced", lambda: watcher.of(lb) == [(EXPOSE, [vip])])


@pytest.mark.parametrize("watched", [{}], indirect=True)
def test_created_load_balancer_is_not_announced_without_compat(watched):
    """What the key is for: should this fail, the agent has learnt it, and the key is needless."""
    world, weir, watcher = watched
    lb, body = create(world, weir, "one call", 60)
    # The next change of its vips is seen, and nothing came before.
    listener = {**body["listeners"][0], "listener_id": networks.named("another"), "protocol_port": 81}
    listener.pop("default_pool")
    weir.call("listener_create", {}, {"listener": listener})
    marker, _ = create(world, weir, "marker", 61)
    weir.call("loadbalancer_delete", {}, {"loadbalancer": {"loadbalancer_id": marker}, "cascade": True})
    wait_for("the delete is seen", lambda: watcher.of(marker))
    assert watcher.of(lb) == [] and [action for action, _ in watcher.of(marker)] == [WITHDRAW]


def test_load_balancer_that_grows_call_by_call_is_announced(watched):
    world, weir, watcher = watched
    lb = world.octavia.loadbalancer(networks.named("grows"), number=60)
    world.octavia.listener(networks.named("listener"), lb, 80)
    world.octavia.pool(networks.named("pool"), lb, networks.named("listener"))
    assert watcher.of(lb) == []
    world.octavia.member(networks.named("pool"), networks.named("member"), "a", 11)
    wait_for("it is announced", lambda: [action for action, _ in watcher.of(lb)] == [EXPOSE])
    world.octavia.delete_loadbalancer(lb)
    wait_for("it is withdrawn", lambda: [action for action, _ in watcher.of(lb)] == [EXPOSE, WITHDRAW])


def test_load_balancer_that_is_created_again_is_announced(watched):
    world, weir, watcher = watched
    lb, body = create(world, weir, "again", 60)
    wait_for("it is announced", lambda: len(watcher.of(lb)) == 1)
    weir.call("loadbalancer_delete", {}, {"loadbalancer": {"loadbalancer_id": lb}, "cascade": True})
    weir.call("loadbalancer_create", {}, {"loadbalancer": body})
    wait_for("it is announced again", lambda: [action for action, _ in watcher.of(lb)] == [EXPOSE, WITHDRAW, EXPOSE])


def test_agent_withdraws_the_vip_with_one_of_several_rows(watched):
    """The agent's doing, as the README says: each row is announced, and one that goes withdraws the address of all."""
    world, weir, watcher = watched
    lb, body = create(world, weir, "two rows", 60, ["TCP", "UDP"])
    wait_for("both are announced", lambda: [action for action, _ in watcher.of(lb)] == [EXPOSE, EXPOSE])
    [listener] = [one for one in body["listeners"] if one["protocol"] == "UDP"]
    weir.call("listener_delete", {}, {"listener": listener})
    weir.call("pool_delete", {}, {"pool": listener["default_pool"]})
    wait_for("it is withdrawn", lambda: watcher.of(lb)[2:] and {action for action, _ in watcher.of(lb)[2:]} == {WITHDRAW})
    # A growth of the other row's vips announces it again: the documented way out.
    [row] = world.rows(lb)
    [tcp] = [one for one in body["listeners"] if one["protocol"] == "TCP"]
    update = {"listener_id": tcp["listener_id"]}
    before = len(watcher.of(lb))
    for up in (False, True):
        weir.call("listener_update", {}, {"old_listener": {**tcp, "admin_state_up": not up},
                                          "new_listener": {**update, "admin_state_up": up}})
    assert [again["vips"] for again in world.rows(lb)] == [row["vips"]]
    wait_for("it is announced again", lambda: EXPOSE in [action for action, _ in watcher.of(lb)[before:]])

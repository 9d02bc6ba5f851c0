"""Everything that a fully populated create can carry: nothing of it stays PENDING.

Octavia stores L7 policies and their rules without naming them in the driver's call, so that they cannot be refused. They end in
ERROR, and can be deleted.
"""

import time

import network
import pytest
from balancer import POOL, Balancer, member
from octavia_api import Refused

TAGS = ["one", "two"]
MONITOR = {"type": "TCP", "delay": 5, "timeout": 3, "max_retries": 2, "max_retries_down": 2}
RULE = {"type": "PATH", "compare_type": "STARTS_WITH", "value": "/x", "invert": True, "tags": TAGS}


def pool(name, octet, **more):
    return {**POOL, "name": name, "description": name, "members": [member(octet, backup=False, weight=2, name="m", tags=TAGS)],
            "healthmonitor": {**MONITOR, "name": "hm", "tags": TAGS}, "tags": TAGS, **more}


def everything():
    """Redirect pools stand inside a policy, beside the listeners, and are another listener's default pool too."""
    policies = [
        {"action": "REDIRECT_TO_POOL", "redirect_pool": pool("inside", 3), "name": "inside", "tags": TAGS, "rules": [RULE, RULE]},
        {"action": "REDIRECT_TO_POOL", "redirect_pool": {"name": "beside"}, "name": "beside", "rules": [RULE]},
        {"action": "REDIRECT_TO_POOL", "redirect_pool": {"name": "shared"}, "name": "shared", "rules": [RULE]},
        {"action": "REDIRECT_TO_POOL", "redirect_pool": {"name": "beside"}, "name": "disabled", "rules": [RULE],
         "admin_state_up": False},
        {"action": "REDIRECT_TO_URL", "redirect_url": "http://example.org", "redirect_http_code": 301, "name": "url"},
        {"action": "REDIRECT_PREFIX", "redirect_prefix": "http://example.org", "name": "prefix", "rules": [RULE]},
        {"action": "REJECT", "name": "reject", "position": 1, "rules": []},
    ]
    front = pool("front", 1, session_persistence={"type": "SOURCE_IP"})
    return {
        "name": "everything", "description": "all of it", "tags": TAGS,
        "listeners": [
            {"protocol": "TCP", "protocol_port": 80, "name": "a", "description": "a", "tags": TAGS, "default_pool": front,
             "allowed_cidrs": ["192.0.2.0/24"], "l7policies": policies},
            {"protocol": "TCP", "protocol_port": 81, "name": "b", "default_pool": {"name": "shared"}},
            {"protocol": "UDP", "protocol_port": 80, "name": "c", "admin_state_up": False,
             "l7policies": [{"action": "REJECT", "name": "udp", "rules": [RULE]}]},
        ],
        "pools": [pool("beside", 4), pool("shared", 5)],
    }


def objects(octavia, lb):
    """{(kind, id): provisioning status} of a load balancer with all that Octavia has of it."""
    found = {("loadbalancer", lb): octavia.get("loadbalancers", lb)["provisioning_status"]}
    for kind in ("listeners", "pools"):
        for one in octavia.ask("GET", f"{kind}?loadbalancer_id={lb}")[kind]:
            found[kind, one["id"]] = one["provisioning_status"]
            if kind == "pools":
                for it in octavia.ask("GET", f"pools/{one['id']}/members")["members"]:
                    found["member", it["id"]] = it["provisioning_status"]
                for it in octavia.ask("GET", f"healthmonitors?pool_id={one['id']}")["healthmonitors"]:
                    found["healthmonitor", it["id"]] = it["provisioning_status"]
                continue
            for policy in octavia.ask("GET", f"l7policies?listener_id={one['id']}")["l7policies"]:
                found["policy", policy["id"]] = policy["provisioning_status"]
                for rule in octavia.ask("GET", f"l7policies/{policy['id']}/rules")["rules"]:
                    found["rule", rule["id"]] = rule["provisioning_status"]
    return found


def settled(octavia, lb, seconds=60):
    """Waits until nothing is PENDING: policies and rules are in ERROR, all else is ACTIVE. Returns it by kind."""
    until = time.monotonic() + seconds
    while True:
        found = objects(octavia, lb)
        expected = {key: "ERROR" if key[0] in ("policy", "rule") else "ACTIVE" for key in found}
        if found == expected:
            kinds = {}
            for kind, identity in found:
                kinds.setdefault(kind, []).append(identity)
            return kinds
        wrong = {key: status for key, status in found.items() if status != expected[key]}
        if time.monotonic() > until:
            raise AssertionError(f"not within {seconds} s: {wrong}")
        time.sleep(0.05)


class Graph(Balancer):
    def active(self):
        """Policies never are."""
        return settled(self.octavia, self.id)

    @property
    def pools(self):
        return {it["name"]: it["id"] for it in self.octavia.ask("GET", f"pools?loadbalancer_id={self.id}")["pools"]}

    @property
    def policies(self):
        every = self.octavia.ask("GET", "l7policies")["l7policies"]
        listeners = {it["id"] for it in self.octavia.ask("GET", f"listeners?loadbalancer_id={self.id}")["listeners"]}
        return {it["name"]: it["id"] for it in every if it["listener_id"] in listeners}


@pytest.fixture
def graph(balancer):
    return balancer(Graph, **everything())


def test_nothing_of_a_full_graph_stays_pending(graph, octavia):
    found = graph.active()
    assert {kind: len(ids) for kind, ids in found.items()} == {
        "loadbalancer": 1, "listeners": 3, "pools": 4, "member": 4, "healthmonitor": 4, "policy": 8, "rule": 7}
    assert graph.vips["tcp"] == {f"{graph.vip}:80": {"10.10.10.1:8080"}, f"{graph.vip}:81": {"10.10.10.5:8080"}}
    # It goes with all that is in it.
    graph.vanish()
    assert graph.policies == {}


@pytest.mark.parametrize("name", ["inside", "beside", "shared"])
def test_no_change_of_a_redirect_pool_leaves_anything_pending(name, graph, octavia):
    target = graph.pools[name]
    made = octavia.create(f"pools/{target}/members", **member(20))["id"]
    graph.active()
    octavia.update(f"pools/{target}/members", made, weight=3)
    graph.active()
    octavia.delete(f"pools/{target}/members", made)
    octavia.wait_gone(f"pools/{target}/members", made)
    graph.active()
    octavia.ask("PUT", f"pools/{target}/members", {"members": [member(21), member(22)]})
    graph.active()
    octavia.update("pools", target, name="other")
    graph.active()
    [monitor] = octavia.ask("GET", f"healthmonitors?pool_id={target}")["healthmonitors"]
    octavia.update("healthmonitors", monitor["id"], delay=6)
    graph.active()
    octavia.delete("healthmonitors", monitor["id"])
    octavia.wait_gone("healthmonitors", monitor["id"])
    graph.active()
    octavia.create("healthmonitors", pool_id=target, **MONITOR)
    graph.active()
    with pytest.raises(Refused) as refusal:
        octavia.delete("pools", target)
    assert refusal.value.status == 409, "a policy names it"


def test_policies_can_be_deleted_and_their_pools_after_them(graph, octavia):
    for name in ("inside", "url", "reject"):
        policy = graph.policies[name]
        octavia.delete("l7policies", policy)
        octavia.wait_gone("l7policies", policy)
        graph.active()
    graph.delete("pools", graph.pools["inside"])
    # Octavia itself refuses to change the rules of a policy that is in ERROR.
    policy = graph.policies["beside"]
    [rule] = octavia.ask("GET", f"l7policies/{policy}/rules")["rules"]
    with pytest.raises(Refused) as refusal:
        octavia.delete(f"l7policies/{policy}/rules", rule["id"])
    assert refusal.value.status == 409, refusal.value
    graph.active()


def test_listener_with_policies_can_be_changed_failed_over_and_deleted(graph, octavia):
    listeners = {it["name"]: it["id"] for it in octavia.ask("GET", f"listeners?loadbalancer_id={graph.id}")["listeners"]}
    octavia.update("listeners", listeners["a"], allowed_cidrs=None)
    graph.active()
    before = graph.vips
    octavia.ask("PUT", f"loadbalancers/{graph.id}/failover")
    graph.active()
    assert graph.vips == before
    octavia.delete("listeners", listeners["a"])
    octavia.wait_gone("listeners", listeners["a"])
    graph.active()
    assert graph.policies.keys() == {"udp"}


@pytest.mark.parametrize("more", [
    {"listeners": [{"protocol": "TCP", "protocol_port": 80, "default_tls_container_ref": "https://example.org/container"}]},
    {"listeners": [{"protocol": "TCP", "protocol_port": 80, "sni_container_refs": ["https://example.org/container"]}]},
    {"listeners": [{"protocol": "TERMINATED_HTTPS", "protocol_port": 443,
                    "default_tls_container_ref": "https://example.org/container"}]},
    {"listeners": [{"protocol": "TCP", "protocol_port": 80, "client_authentication": "MANDATORY",
                    "client_ca_tls_container_ref": "https://example.org/container"}]},
    {"listeners": [{"protocol": "TCP", "protocol_port": 80, "insert_headers": {"X-Forwarded-For": "true"}}]},
    # Without ciphers and versions Octavia itself answers 500.
    {"pools": [{**POOL, "name": "p", "tls_enabled": True, "tls_ciphers": "ECDHE-RSA-AES128-GCM-SHA256",
                "tls_versions": ["TLSv1.2"], "alpn_protocols": ["http/1.1"]}]},
    {"pools": [{**POOL, "name": "p", "tls_container_ref": "https://example.org/container"}]},
    {"pools": [{**POOL, "name": "p", "ca_tls_container_ref": "https://example.org/container"}]},
    {"listeners": [{"protocol": "HTTP", "protocol_port": 80, "l7policies": [{"action": "REJECT", "rules": [RULE]}]}]},
], ids=str)
def test_graph_with_what_ovn_cannot_serve_leaves_nothing(more, octavia, stack):
    with pytest.raises(Refused) as refusal:
        octavia.create("loadbalancers", vip_network_id=network.PUBLIC["id"], vip_subnet_id=network.PUBLIC["subnet"],
                       vip_address="198.51.100.9", **more)
    assert refusal.value.status in (400, 501), refusal.value
    for kind in ("loadbalancers", "listeners", "pools", "l7policies"):
        assert [it for it in octavia.ask("GET", kind)[kind] if "PENDING" in it["provisioning_status"]] == []

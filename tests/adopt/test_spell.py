"""Weir is away for a while and the reference is called instead: what that has done counts, and what it has not touched stays."""

import json

import pytest
from northbound import VipsWatch
from shapes import Make
from weir import keys_of_weir

# Numbers of load balancers that only this module has.
FIRST = 70


@pytest.fixture(scope="module")
def world(worlds):
    return worlds("spell", empty=True)


@pytest.fixture
def spell(world, request):
    """Runs `before` under Weir, `meanwhile` under the reference, and looks under Weir again."""
    made = []

    def run(before, meanwhile):
        world.number = getattr(world, "number", FIRST) + 1
        m = Make(world.octavia, world.number)
        weir = world.weir()
        m.balancer()
        before(m)
        weir.settled()
        weir.stop()
        m.as_weir_left_it = world.rows(m.lb)
        reference = world.reference()
        meanwhile(m)
        reference.stop()
        m.as_the_reference_left_it = world.rows(m.lb)
        m.watch = VipsWatch(world.server)
        made.append((weir, m))
        world.octavia.provider = weir
        weir.start()
        weir.settled()
        assert weir.plan("--lb", m.lb)["changes"] == []
        m.rows = world.rows(m.lb)
        return m

    yield run
    for weir, m in made:
        m.watch.close()
        weir.stop()


def vips(rows):
    return {vip: sorted(to.split(",")) for row in rows for vip, to in row["vips"].items()}


def weighted(m):
    """A pool with a heavy member, one that drains, and one that is disabled."""
    m.simple(members=(11,), lb_algorithm="SOURCE_IP")
    m.members("p", 12, weight=2)
    m.members("p", 13, weight=0)
    m.members("p", 14, admin_state_up=False)


def weights(rows):
    keys = [json.loads(value) for row in rows for key, value in keys_of_weir(row).items() if key.startswith("weir:member_")]
    return sorted(key["weight"] for key in keys)


def test_a_member_more_and_the_weights_stay(spell):
    m = spell(weighted, lambda m: m.members("p", 15))
    vip = f"10.10.10.{100 + m.n}:80"
    # The reference knows no weights.
    assert vips(m.as_the_reference_left_it)[vip] == [f"10.10.10.{n}:8080" for n in (11, 12, 13, 15)]
    assert vips(m.rows)[vip] == [f"10.10.10.{n}:8080" for n in (11, 12, 12, 15)]
    assert weights(m.rows) == [0, 2]
    assert m.rows[0]["selection_fields"] == ["ip_dst", "ip_src"]


def test_a_member_less(spell):
    m = spell(weighted, lambda m: m.octavia.delete_member(m.id("p"), m.member("p", 12)))
    assert vips(m.rows) == {f"10.10.10.{100 + m.n}:80": ["10.10.10.11:8080"]}
    assert weights(m.rows) == [0]


def test_a_member_disabled_and_one_enabled(spell):
    def meanwhile(m):
        m.octavia.update_member(m.id("p"), m.member("p", 11), admin_state_up=False)
        m.octavia.update_member(m.id("p"), m.member("p", 14), admin_state_up=True)
    m = spell(weighted, meanwhile)
    assert vips(m.rows) == {f"10.10.10.{100 + m.n}:80": [f"10.10.10.{n}:8080" for n in (12, 12, 14)]}


def test_a_listener_and_another_pool(spell):
    """A pool that the reference makes overwrites the row's fields; the other one keeps its algorithm."""
    def meanwhile(m):
        m.listener("l2", 81)
        m.pool("p2", "l2")
        m.members("p2", 15)
        m.octavia.update_listener(m.id("l"), admin_state_up=False)
    m = spell(weighted, meanwhile)
    by_port = {vip.rsplit(":", 1)[1]: row for row in m.rows for vip in row["vips"]}
    assert by_port["81"]["selection_fields"] == ["ip_dst", "ip_src", "tp_dst", "tp_src"]
    assert "80" not in by_port and len(m.rows) == 2
    [other] = [row for row in m.rows if row is not by_port["81"]]
    assert other["selection_fields"] == ["ip_dst", "ip_src"]


def test_a_pool_of_the_default_algorithm_keeps_it_beside_a_new_one(spell):
    def meanwhile(m):
        m.listener("l2", 81)
        m.pool("p2", "l2", lb_algorithm="SOURCE_IP", session_persistence={"type": "SOURCE_IP", "persistence_timeout": 55})
        m.members("p2", 15)
    m = spell(lambda m: m.simple(), meanwhile)
    by_port = {vip.rsplit(":", 1)[1]: row for row in m.rows for vip in row["vips"]}
    assert by_port["80"]["selection_fields"] == ["ip_dst", "ip_src", "tp_dst", "tp_src"]
    assert by_port["81"]["selection_fields"] == ["ip_dst", "ip_src"]
    assert (by_port["80"]["options"], by_port["81"]["options"]) == ({}, {"affinity_timeout": "55"})


def test_session_persistence_changed(spell):
    def before(m):
        m.simple(session_persistence={"type": "SOURCE_IP", "persistence_timeout": 100})
    persistence = {"type": "SOURCE_IP", "persistence_timeout": 44}
    m = spell(before, lambda m: m.octavia.update_pool(m.id("p"), admin_state_up=True, session_persistence=persistence))
    assert [row["options"] for row in m.rows] == [{"affinity_timeout": "44"}]


def test_a_pool_deleted_does_not_take_the_other_ones_persistence(spell):
    def before(m):
        m.simple(session_persistence={"type": "SOURCE_IP", "persistence_timeout": 100})
        m.listener("l2", 81)
        m.pool("p2", "l2", session_persistence={"type": "SOURCE_IP", "persistence_timeout": 100})
        m.members("p2", 15)
    m = spell(before, lambda m: m.octavia.delete_pool(m.id("p2")))
    assert [row["options"] for row in m.as_the_reference_left_it] == [{}]
    assert [row["options"] for row in m.rows] == [{"affinity_timeout": "100"}]
    assert list(vips(m.rows)) == [f"10.10.10.{100 + m.n}:80"]


def test_a_monitor_made_changed_and_gone(spell):
    m = spell(lambda m: m.simple(), lambda m: m.monitor("p", delay=9))
    [check] = m.rows[0]["health_check"]
    assert check["options"]["interval"] == "9"
    assert len(m.rows[0]["ip_port_mappings"]) == 2

    def monitored(m):
        m.simple()
        m.monitor("p", delay=9)
    m = spell(monitored, lambda m: m.octavia.update_monitor(
        m.id("p"), delay=12, timeout=5, max_retries=1, max_retries_down=1, admin_state_up=True))
    [check] = m.rows[0]["health_check"]
    assert check["options"] == {"interval": "12", "timeout": "5", "success_count": "1", "failure_count": "1"}

    m = spell(monitored, lambda m: m.octavia.delete_monitor(m.id("p")))
    assert m.rows[0]["health_check"] == [] and m.rows[0]["ip_port_mappings"] == {}


def test_the_whole_load_balancer_disabled(spell):
    m = spell(weighted, lambda m: m.octavia.update_loadbalancer(m.lb, admin_state_up=False))
    assert vips(m.rows) == {} and m.rows[0]["external_ids"]["enabled"] == "False"
    assert weights(m.rows) == [0, 2]


def test_nothing_done_is_nothing_changed(spell):
    m = spell(weighted, lambda m: None)
    assert m.rows == m.as_weir_left_it and m.watch.changes == []

"""Weir is away for a while and the reference is called instead: what that has done counts, and what it has not touched stays."""

import json

import pytest
from northbound import VipsWatch, wait_for
from shapes import Make
from weir import keys_of_weir

CASES = {}


class Case:
    """What Weir makes, what the reference does to it meanwhile, and what Weir then makes of it."""

    def __init__(self, before, meanwhile):
        self.before, self.meanwhile = before, meanwhile


def case(before):
    """Decorates what the reference does; its name is the case's."""
    def register(meanwhile):
        CASES[meanwhile.__name__] = Case(before, meanwhile)
        return meanwhile
    return register


@pytest.fixture(scope="module")
def spell(worlds):
    """All cases in one spell: a host that comes back waits half a minute before it judges what others have done."""
    world = worlds("spell", empty=True)
    weir = world.weir()
    for number, one in enumerate(CASES.values(), 1):
        one.m = Make(world.octavia, number)
        one.m.balancer()
        one.before(one.m)
    weir.settled()
    weir.stop()
    left = world.rows()
    reference = world.reference()
    for one in CASES.values():
        one.meanwhile(one.m)
    reference.stop()
    edited = world.rows()
    watch = VipsWatch(world.server)
    world.octavia.provider = weir
    weir.start()
    wait_for("all is made good", lambda: weir.plan()["changes"] == [], 180)
    rows = world.rows()
    for one in CASES.values():
        one.left, one.edited, one.rows = left[one.m.lb], edited[one.m.lb], rows[one.m.lb]
        one.vip = f"10.10.10.{100 + one.m.n}"
    yield lambda name: CASES[name.__name__]
    watch.close()


def vips(rows):
    """Without who drains, which stands where nobody connects to."""
    return {vip: sorted(to.split(",")) for row in rows for vip, to in row["vips"].items() if not vip.startswith("0.0.0.0:")}


def weighted(m):
    """A pool with a heavy member, one that drains, and one that is disabled."""
    m.simple(members=(11,), lb_algorithm="SOURCE_IP")
    m.members("p", 12, weight=2)
    m.members("p", 13, weight=0)
    m.members("p", 14, admin_state_up=False)


def weights(rows):
    keys = [json.loads(value) for row in rows for key, value in keys_of_weir(row).items() if key.startswith("weir:member-")]
    return sorted(key["weight"] for key in keys)


def simple(m):
    m.simple()


def monitored(m):
    m.simple()
    m.monitor("p", delay=9)


def sticky(m):
    m.simple(session_persistence={"type": "SOURCE_IP", "persistence_timeout": 100})


def two_sticky(m):
    sticky(m)
    m.listener("l2", 81)
    m.pool("p2", "l2", session_persistence={"type": "SOURCE_IP", "persistence_timeout": 100})
    m.members("p2", 15)


@case(weighted)
def nothing(m):
    pass


def test_nothing_done_is_nothing_changed(spell):
    one = spell(nothing)
    assert one.rows == one.left


@case(weighted)
def a_member_more(m):
    m.members("p", 15)


def test_a_member_more_and_the_weights_stay(spell):
    one = spell(a_member_more)
    # The reference knows no weights.
    assert vips(one.edited) == {f"{one.vip}:80": [f"10.10.10.{n}:8080" for n in (11, 12, 13, 15)]}
    assert vips(one.rows) == {f"{one.vip}:80": [f"10.10.10.{n}:8080" for n in (11, 12, 12, 15)]}
    assert weights(one.rows) == [0, 2]
    assert one.rows[0]["selection_fields"] == ["ip_dst", "ip_src"]


@case(weighted)
def a_member_less(m):
    m.octavia.delete_member(m.id("p"), m.member("p", 12))


def test_a_member_less(spell):
    one = spell(a_member_less)
    assert vips(one.rows) == {f"{one.vip}:80": ["10.10.10.11:8080"]}
    assert weights(one.rows) == [0]


@case(weighted)
def one_disabled_and_one_enabled(m):
    m.octavia.update_member(m.id("p"), m.member("p", 11), admin_state_up=False)
    m.octavia.update_member(m.id("p"), m.member("p", 14), admin_state_up=True)


def test_a_member_disabled_and_one_enabled(spell):
    one = spell(one_disabled_and_one_enabled)
    assert vips(one.rows) == {f"{one.vip}:80": [f"10.10.10.{n}:8080" for n in (12, 12, 14)]}


@case(weighted)
def another_pool(m):
    m.listener("l2", 81)
    m.pool("p2", "l2")
    m.members("p2", 15)
    m.octavia.update_listener(m.id("l"), admin_state_up=False)


def by_port(rows):
    return {vip.rsplit(":", 1)[1]: row for row in rows for vip in row["vips"]}


def test_a_pool_that_the_reference_makes_leaves_the_other_one_its_algorithm(spell):
    """It overwrites the row's fields."""
    one = spell(another_pool)
    ports = by_port(one.rows)
    assert list(ports) == ["81"] and len(one.rows) == 2
    assert ports["81"]["selection_fields"] == ["ip_dst", "ip_src", "tp_dst", "tp_src"]
    [other] = [row for row in one.rows if not row["vips"]]
    assert other["selection_fields"] == ["ip_dst", "ip_src"]


@case(simple)
def a_pool_that_hashes_otherwise(m):
    m.listener("l2", 81)
    m.pool("p2", "l2", lb_algorithm="SOURCE_IP", session_persistence={"type": "SOURCE_IP", "persistence_timeout": 55})
    m.members("p2", 15)


def test_a_pool_of_the_default_algorithm_keeps_it_beside_a_new_one(spell):
    ports = by_port(spell(a_pool_that_hashes_otherwise).rows)
    assert ports["80"]["selection_fields"] == ["ip_dst", "ip_src", "tp_dst", "tp_src"]
    assert ports["81"]["selection_fields"] == ["ip_dst", "ip_src"]
    assert (ports["80"]["options"], ports["81"]["options"]) == ({}, {"affinity_timeout": "55"})


@case(sticky)
def persistence_changed(m):
    persistence = {"type": "SOURCE_IP", "persistence_timeout": 44}
    m.octavia.update_pool(m.id("p"), admin_state_up=True, session_persistence=persistence)


def test_session_persistence_changed(spell):
    assert [row["options"] for row in spell(persistence_changed).rows] == [{"affinity_timeout": "44"}]


@case(two_sticky)
def a_pool_deleted(m):
    m.octavia.delete_member(m.id("p2"), m.member("p2", 15))
    m.octavia.delete_pool(m.id("p2"))


def test_a_pool_deleted_does_not_take_the_other_ones_persistence(spell):
    one = spell(a_pool_deleted)
    assert [row["options"] for row in one.edited] == [{}]
    assert [row["options"] for row in one.rows] == [{"affinity_timeout": "100"}]
    assert list(vips(one.rows)) == [f"{one.vip}:80"]


@case(simple)
def a_monitor_made(m):
    m.monitor("p", delay=9)


def test_a_monitor_made(spell):
    one = spell(a_monitor_made)
    [check] = one.rows[0]["health_check"]
    assert check["options"]["interval"] == "9" and check["vip"] == f"{one.vip}:80"
    assert len(one.rows[0]["ip_port_mappings"]) == 2


@case(monitored)
def a_monitor_changed(m):
    m.octavia.update_monitor(m.id("p"), delay=12, timeout=5, max_retries=1, max_retries_down=1, admin_state_up=True)


def test_a_monitor_changed(spell):
    [check] = spell(a_monitor_changed).rows[0]["health_check"]
    assert check["options"] == {"interval": "12", "timeout": "5", "success_count": "1", "failure_count": "1"}


@case(monitored)
def a_monitor_gone(m):
    m.octavia.delete_monitor(m.id("p"))


def test_a_monitor_gone(spell):
    [row] = spell(a_monitor_gone).rows
    assert row["health_check"] == [] and row["ip_port_mappings"] == {}


@case(weighted)
def all_disabled(m):
    m.octavia.update_loadbalancer(m.lb, admin_state_up=False)


def test_the_whole_load_balancer_disabled(spell):
    one = spell(all_disabled)
    assert vips(one.rows) == {} and one.rows[0]["external_ids"]["enabled"] == "False"
    assert weights(one.rows) == [0, 2]

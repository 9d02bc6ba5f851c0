"""Load balancers of the reference are taken over, and nobody notices."""

import pytest
from northbound import VipsWatch
from weir import keys_of_weir, without_keys_of_weir


def only_our_keys(operations):
    """What is more in a plan than keys of ours."""
    more = []
    for operation in operations:
        [(kind, what)] = operation.items()
        if kind == "guard":
            continue
        if kind == "update":
            what = dict(what)
            keys = what.pop("external_ids")
            what.pop("row")
            rest = {name: value for name, value in what.items() if value not in (None, {"remove": [], "set": {}})}
            foreign = [key for key in [*keys["remove"], *keys["set"]] if not key.startswith("weir:")]
            if not rest and not foreign and not keys["remove"]:
                continue
        more.append(operation)
    return more


@pytest.fixture(scope="module")
def adopted(worlds, made):
    """The plan beforehand, and what a monitor has seen."""
    world = worlds("adopted")
    weir = world.weir(start=False, adopt="all")
    world.plan_before = {change["lb"]: change for change in weir.plan()["changes"]}
    world.watch = VipsWatch(world.server)
    weir.start()
    weir.settled()
    world.after = world.rows()
    yield world
    world.watch.close()


def test_the_first_plan_is_empty_but_for_our_keys(adopted, made, shape):
    change = adopted.plan_before[made.shapes[shape].lb]
    assert change["error"] is None and change["kept"] == []
    assert only_our_keys(change["operations"]) == []
    assert change["why"] == "would be taken over"


def test_all_rows_are_ours_and_otherwise_as_they_were(adopted, made, shape):
    lb = made.shapes[shape].lb
    before, after = made.rows[lb], adopted.after[lb]
    assert [without_keys_of_weir(row) for row in after] == before
    assert all(keys_of_weir(row)["weir:owner"] == "weir" for row in after)


def test_no_vip_was_touched(adopted):
    assert adopted.watch.changes == []


def test_nothing_is_left_to_do_also_after_a_restart(adopted):
    weir = adopted.octavia.provider
    everything = {"checked": len(adopted.after), "changes": []}
    assert weir.plan() == everything
    weir.stop()
    weir.start()
    weir.settled()
    assert weir.plan() == everything
    assert adopted.rows() == adopted.after
    assert adopted.watch.changes == []


def test_what_adopt_does_not_name_stays_the_references(worlds, made):
    world = worlds("named")
    chosen = made.shapes["tcp_and_udp"].lb
    weir = world.weir(adopt=chosen)
    weir.settled()
    for lb, rows in world.rows().items():
        assert bool(keys_of_weir(rows[0])) == (lb == chosen)
        if lb != chosen:
            assert rows == made.rows[lb]
    other = made.shapes["tcp_ipv4"]
    status, answer = weir.request("POST", "/v1/driver/listener_delete", {"listener": world.octavia.listeners[other.id("l")]})
    assert status >= 400 and "foreign" in answer["code"], answer
    assert world.rows(other.lb) == made.rows[other.lb]


def test_who_may_connect_is_asked_on_every_way_in(worlds, made):
    """What nothing needs any more would have no rule."""
    world = worlds("cidrs")
    m = made.shapes["a_member_behind_another_router_that_left"]
    weir = world.weir(adopt="all")
    weir.settled()
    [before] = world.rows(m.lb)
    world.octavia.update_listener(m.id("l"), allowed_cidrs=["10.0.0.0/8"])
    weir.settled()
    [after] = world.rows(m.lb)
    assert set(after["attached"]) < set(before["attached"])
    assert after["vips"] == before["vips"]
    assert weir.plan()["changes"] == []


def test_unchecked_floating_ips_get_their_checks(worlds, made):
    """Without a check of its own, or with one without port, a floating IP goes on serving dead members."""
    world = worlds("unchecked")
    rows = {}
    for shape, broken in (("monitored_with_floating_ip", None), ("floating_ip_on_two_protocols", ""),
                          ("monitored_behind_two_vips", "")):
        [before] = [row for row in world.rows(made.shapes[shape].lb) if row["health_check"]]
        rows[shape] = before
        # The last is that of the floating IP, or of the additional VIP.
        last = before["health_check"][-1]
        assert last["external_ids"]["octavia:vip"] != before["external_ids"]["neutron:vip"]
        [check] = [one for one in world.client.select("Load_Balancer_Health_Check") if one["vip"] == last["vip"]]
        by_uuid = [["_uuid", "==", ["uuid", check["_uuid"]]]]
        if broken is None:
            world.client.transact({"op": "mutate", "table": "Load_Balancer", "where": [],
                                   "mutations": [["health_check", "delete", ["uuid", check["_uuid"]]]]})
        else:
            world.client.transact({"op": "update", "table": "Load_Balancer_Health_Check", "where": by_uuid, "row": {"vip": broken}})
    weir = world.weir(adopt="all")
    weir.settled()
    for shape, before in rows.items():
        [after] = [row for row in world.rows(made.shapes[shape].lb) if row["health_check"]]
        assert after["vips"] == before["vips"]
        assert [check["vip"] for check in after["health_check"]] == sorted(before["vips"])
    assert weir.plan()["changes"] == []
    whole = made.shapes["monitored_with_several_listeners"].lb
    assert [without_keys_of_weir(row) for row in world.rows(whole)] == made.rows[whole]

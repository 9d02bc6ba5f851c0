"""`weir release` says what cannot go back, and does not do by the way what would send connections elsewhere."""

import pytest
from shapes import Make
from weir import keys_of_weir


@pytest.fixture(scope="module")
def world(worlds):
    return worlds("losses", empty=True)


@pytest.fixture(scope="module")
def balancers(world):
    """A plain load balancer, one with all that the reference has no word for, one whose connections would move."""
    weir = world.weir()
    plain, rich, moving = (Make(world.octavia, number) for number in (1, 2, 3))
    plain.balancer()
    plain.simple()
    rich.balancer(flavor={"reject": "true"})
    rich.listener("l", 443, protocol="HTTPS")
    rich.pool("p", "l", protocol="HTTPS")
    rich.members("p", 11)
    rich.members("p", 12, weight=4)
    rich.listener("l2", 80)
    rich.pool("p2", "l2", lb_algorithm="SOURCE_IP")
    rich.members("p2", 13)
    moving.balancer()
    moving.simple()
    moving.members("p", 13, weight=0)
    moving.members("p", 14, backup=True)
    weir.settled()
    return weir, plain, rich, moving


def line(report, m):
    [found] = [found for found in report["loadbalancers"] if found["id"] == m.lb]
    return found


def losses(found):
    return sorted((loss["what"], loss["traffic"]) for loss in found["losses"])


def test_releasing(world, balancers):
    weir, plain, rich, moving = balancers
    before = world.rows()

    # A dry run says it all and does nothing.
    code, report = weir.release("--all", "--dry-run")
    assert code == 1 and report["dry_run"] and len(report["loadbalancers"]) == 3
    assert line(report, plain)["outcome"] == "released" and line(report, plain)["losses"] == []
    assert losses(line(report, rich)) == [("flavor", False), ("protocol", False), ("protocol", False), ("split", False), ("weight", False)]
    assert line(report, moving)["outcome"] == "moves-traffic"
    assert losses(line(report, moving)) == [("backup", True), ("weight", True)]
    code, text = weir.command("release", "--all", "--dry-run")
    assert code == 1 and f"  ! member {moving.member('p', 14)}: backup: " in text and "2 of 3 load balancers would be released (dry run: nothing was changed)" in text
    assert world.rows() == before

    # Through the running host; what would move stays.
    code, report = weir.release("--all", "--yes")
    assert code == 1
    assert [line(report, m)["outcome"] for m in (plain, rich, moving)] == ["released", "released", "moves-traffic"]
    assert world.rows(moving.lb) == before[moving.lb]
    [row] = world.rows(rich.lb)
    assert keys_of_weir(row) == {} and row["options"] == {"reject": "true"}
    assert row["vips"] == {"10.10.10.102:443": "10.10.10.11:8080,10.10.10.12:8080", "10.10.10.102:80": "10.10.10.13:8080"} or \
        row["vips"] == {"10.10.10.102:443": "10.10.10.12:8080,10.10.10.11:8080", "10.10.10.102:80": "10.10.10.13:8080"}
    weir.settled()
    assert keys_of_weir(world.rows(plain.lb)[0]) == {}

    # They are nobody's of Weir's any more, for calls too.
    code, report = weir.release("--lb", plain.lb)
    assert (code, line(report, plain)["outcome"]) == (1, "foreign")
    status, answer = weir.request("POST", "/v1/driver/listener_delete", {"listener": world.octavia.listeners[plain.id("l")]})
    assert status >= 400 and "foreign" in answer["code"], answer

    # With force, and without a host.
    weir.stop()
    code, report = weir.release("--lb", moving.lb, "--force")
    assert (code, line(report, moving)["outcome"]) == (0, "released"), report
    [row] = world.rows(moving.lb)
    assert sorted(row["vips"]["10.10.10.103:80"].split(",")) == [f"10.10.10.{n}:8080" for n in (11, 12, 13, 14)]


def test_what_adopt_names_is_not_released(worlds, made):
    world = worlds("named-again")
    weir = world.weir(adopt="all")
    weir.settled()
    before = world.rows()
    for words in ((), ("--force",)):
        code, report = weir.release("--lb", made.shapes["tcp_ipv4"].lb, *words)
        assert (code, line(report, made.shapes["tcp_ipv4"])["outcome"]) == (1, "would-be-adopted")
    assert world.rows() == before


def test_wrong_usage(world, balancers):
    weir = balancers[0]
    assert weir.command("release")[0] == 2
    assert weir.command("release", "--all", "--lb", balancers[1].lb)[0] == 2
    code, text = weir.command("release", "--lb", "00000000-0000-4000-8000-000000000001")
    assert code == 1 and "00000000-0000-4000-8000-000000000001" in text

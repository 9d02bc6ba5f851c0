"""Load balancers are given back, and the reference goes on with them as if it had made them."""

import pytest
from changes import finish, use
from compare import canonical, difference, without_leftovers
from weir import keys_of_weir

# Shapes where the reference leaves attachments behind that nothing needs.
LEFTOVERS = {"a_member_behind_another_router_that_left", "protocols_with_members_elsewhere"}


def assert_same(shape, ours, theirs):
    found = difference(ours, theirs)
    assert (without_leftovers(found) if shape in LEFTOVERS else found) == {}


def comparable(rows):
    """Rows of one load balancer, without their uuids and in one order."""
    return sorted(canonical(rows), key=lambda row: row["protocol"])


def let_the_reference_go_on(world, made):
    """A listener update, a member batch, a listener delete, a cascade delete on every shape, and the rows after each."""
    world.steps = {}
    for name, m in made.shapes.items():
        steps = world.steps[name] = []
        finish(world.octavia, m, lambda what: steps.append([what, comparable(world.rows(m.lb))]))


@pytest.fixture(scope="module")
def untouched(worlds):
    """Taken over, and given back as it was."""
    world = worlds("untouched")
    weir = world.weir(adopt="all")
    weir.settled()
    weir.stop()
    weir.configure(adopt="none")
    world.report = weir.release("--all", "--yes")
    return world


def test_what_was_only_taken_over_goes_back_to_the_letter(untouched, made, shape):
    lb = made.shapes[shape].lb
    code, report = untouched.report
    assert code == 0
    [line] = [line for line in report["loadbalancers"] if line["id"] == lb]
    assert line["outcome"] == "released" and line["losses"] == []
    assert untouched.rows(lb) == made.rows[lb]


@pytest.fixture(scope="module")
def back(worlds, made):
    """Taken over, used, given back; and beside it the same with the reference alone. What the reference then makes of both."""
    one, other = worlds("back"), worlds("alone")
    weir = one.weir(adopt="all")
    weir.settled()
    for m in made.shapes.values():
        use(one.octavia, m)
    weir.settled()
    weir.stop()
    weir.configure(adopt="none")
    weir.start()
    code, report = weir.release("--all", "--yes")
    assert code == 0, report
    other.reference()
    for m in made.shapes.values():
        use(other.octavia, m)
    one.released, other.released = one.rows(), other.rows()
    # The host still runs, and must leave them alone.
    weir.settled()
    one.reference()
    for world in (one, other):
        let_the_reference_go_on(world, made)
    one.last = one.rows(), weir.plan()
    return one, other


def test_what_was_used_goes_back_as_the_reference_would_have_it(back, made, shape):
    one, other = back
    lb = made.shapes[shape].lb
    assert all(not keys_of_weir(row) for row in one.released[lb])
    assert_same(shape, comparable(one.released[lb]), comparable(other.released[lb]))


def test_the_reference_goes_on(back, shape):
    one, other = back
    for ours, theirs in zip(one.steps[shape], other.steps[shape], strict=True):
        assert_same(shape, ours, theirs)


def test_a_released_one_stays_released(back):
    one, _ = back
    assert one.last == ({}, {"checked": 0, "changes": []})


@pytest.fixture(scope="module")
def moved_out(worlds, made):
    """Made by Weir from the beginning and given back; and beside it, made by the reference."""
    from shapes import make_all
    world = worlds("moved-out", empty=True)
    weir = world.weir()
    make_all(world.octavia)
    weir.settled()
    world.report = weir.release("--all", "--yes", "--force")
    weir.stop()
    world.released = world.rows()
    world.reference()
    let_the_reference_go_on(world, made)
    return world


def test_what_weir_has_made_goes_to_the_reference(moved_out, made, shape):
    lb = made.shapes[shape].lb
    code, report = moved_out.report
    assert code == 0, report
    assert_same(shape, comparable(moved_out.released[lb]), comparable(made.rows[lb]))


@pytest.fixture(scope="module")
def alone(worlds, made):
    """What the reference makes of its own."""
    world = worlds("never-left")
    world.reference()
    let_the_reference_go_on(world, made)
    return world


def test_the_reference_goes_on_with_what_weir_has_made(moved_out, alone, shape):
    for ours, theirs in zip(moved_out.steps[shape], alone.steps[shape], strict=True):
        assert_same(shape, ours, theirs)

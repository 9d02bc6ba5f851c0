"""The host dies at each point between an accepted call and its delivered status: nothing is lost, doubled or left PENDING.

A debug build ends itself (SIGABRT) at the first passage of the point that WEIR_CRASH_AT names.
"""

import concurrent.futures
import os
import signal
import uuid

import agreement
import pytest
from balancer import POOL, Balancer, Full, body, member
from octavia_api import Octavia, Refused

# In the order in which a call passes them.
POINTS = [
    "judged",  # it is good; nothing is on disk
    "accepted",  # it is on disk, not answered, not sent to the Northbound
    "committed",  # it is in the Northbound; nothing else is noted
    "finished",  # its end and its statuses are on disk
    "sending",  # a status message is about to be sent
    "sent",  # the driver-agent has answered it
    "delivered",  # that is noted, not yet on disk
]
# Octavia waits for the host up to here, and rolls back when it does not come back in time.
UNANSWERED = POINTS[:4]


def load_balancer_create(octavia, one):
    pool = {**POOL, "name": "front", "members": [member(1), member(2)]}
    made = octavia.create("loadbalancers", **body(name=one.name, listeners=[
        {"protocol": "TCP", "protocol_port": 80, "default_pool": pool}], pools=[{**POOL, "name": "spare", "members": [member(3)]}]))
    one.id = made["id"]


def listener_create(octavia, one):
    octavia.create("listeners", loadbalancer_id=one.id, protocol="TCP", protocol_port=81, default_pool_id=one.spare)


def member_batch_update(octavia, one):
    """Changes one, adds one, removes one."""
    octavia.ask("PUT", f"pools/{one.pool}/members", {"members": [member(2, weight=3), member(4)]})


def pool_delete(octavia, one):
    octavia.delete("pools", one.pool)


def load_balancer_delete(octavia, one):
    octavia.delete("loadbalancers", one.id, cascade=True)


def listener_update_administrative_state(octavia, one):
    octavia.update("listeners", one.listener, admin_state_up=False)


def listener_update_without_default_pool(octavia, one):
    octavia.update("listeners", one.listener, default_pool_id=None)


CALLS = {call.__name__: call for call in (
    load_balancer_create, listener_create, member_batch_update, pool_delete, load_balancer_delete,
    listener_update_administrative_state, listener_update_without_default_pool)}

CREATES = (load_balancer_create, listener_create, member_batch_update)
DELETES = (member_batch_update, pool_delete, load_balancer_delete)


class Case:
    """One call on a load balancer of its own."""

    def __init__(self, octavia, stack, call):
        self._octavia, self._stack, self._call = octavia, stack, CALLS[call]
        self.accepted = None
        if self._call is load_balancer_create:
            self.one = Balancer(octavia, stack, {"id": None, "vip_address": None})
            self.one.name = f"crash-{uuid.uuid4()}"
        else:
            self.one = Full.make(octavia, stack)

    def run(self, octavia):
        """Makes the call through this API; notes whether it was accepted."""
        try:
            self._call(octavia, self.one)
            self.accepted = True
        except Refused as refusal:
            assert refusal.status == 500, refusal
            self.accepted = False

    def check(self):
        """Octavia has what it has accepted, and nothing of what it has not; and the rows have what Octavia has."""
        agreement.wait(self._octavia, self._stack, [self.one.id])
        if self.accepted:
            assert self._is_done(), "Octavia has lost what it had accepted"
        elif self._call not in DELETES:
            # A delete that was rolled back looks to the host as one that was not, so it may be done all the same.
            assert not self._is_done(), "Octavia has what it had refused"

    def _is_done(self):
        """Whether the call has its effect in Octavia."""
        if self._call is load_balancer_create:
            made = self._octavia.ask("GET", f"loadbalancers?name={self.one.name}")["loadbalancers"]
            assert [it["id"] for it in made] in ([], [self.one.id])
            if not made:
                return False
            tree = agreement.Tree(self._octavia, self.one.id)
            return len(tree.pools) == 2 and sum(map(len, tree.members.values())) == 3
        if not self.one.is_there:
            return self._call is load_balancer_delete
        tree = agreement.Tree(self._octavia, self.one.id)
        listeners = {it["protocol_port"]: it for it in tree.listeners}
        return {
            listener_create: lambda: 81 in listeners,
            member_batch_update: lambda: {(it["address"], it["weight"]) for it in tree.members[self.one.pool]} == {
                ("10.10.10.2", 3), ("10.10.10.4", 1)},
            pool_delete: lambda: self.one.pool not in tree.members,
            load_balancer_delete: lambda: False,
            listener_update_administrative_state: lambda: not listeners[80]["admin_state_up"],
            listener_update_without_default_pool: lambda: listeners[80]["default_pool_id"] is None,
        }[self._call]()

    def clean(self):
        if self.one.id:
            self.one.vanish_if_there()


def die(stack, point, during):
    """Restarts the host so that it dies at the point; `during` makes it pass it. Returns what `during` returned."""
    stack.end("weir")
    stack.start_weir(WEIR_CRASH_AT=point)
    try:
        returned = during()
        assert stack.wait_until_ended("weir") == -signal.SIGABRT, stack.log("weir").read_text()[-2000:]
    except BaseException:
        stack.end("weir")
        stack.start_weir()
        raise
    return returned


@pytest.fixture(scope="module")
def apis(stack):
    """The same Octavia behind two more APIs: one whose driver waits long for the host, one whose driver does not."""
    stack.start_api("patient", wait=False, retry_time=60)
    stack.start_api("hasty", wait=False, retry_time=0.2)
    try:
        for name in ("patient", "hasty"):
            stack.wait_for_api(name)
        yield {name: Octavia(stack, api=name) for name in ("patient", "hasty")}
    finally:
        for name in ("patient", "hasty"):
            stack.end(name)


@pytest.fixture
def case(stack, octavia):
    made = []

    def make(call):
        made.append(Case(octavia, stack, call))
        return made[-1]

    yield make
    for one in made:
        one.clean()


def pairs(points, calls, calls_a_point):
    """Every point and every call; every pair of them with WEIR_OCTAVIA_ALL=1, else some, since each takes seconds."""
    if os.environ.get("WEIR_OCTAVIA_ALL"):
        calls_a_point = len(calls)
    return [(point, calls[(number * calls_a_point + offset) % len(calls)])
            for number, point in enumerate(points) for offset in range(calls_a_point)]


@pytest.mark.parametrize("point, call", pairs(POINTS, list(CALLS), 2))
def test_a_host_that_is_restarted_at_once(point, call, case, apis, stack):
    """Octavia still waits: the driver sends the same call again."""
    one = case(call)
    with concurrent.futures.ThreadPoolExecutor(1) as thread:
        running = die(stack, point, lambda: thread.submit(one.run, apis["patient"]))
        stack.start_weir()
        running.result()
    one.check()


def restarted_too_late(stack, point, one, api):
    die(stack, point, lambda: one.run(api))
    if point in ("judged", "accepted"):
        assert not one.accepted, "nobody can have answered"
    stack.start_weir()


@pytest.fixture(scope="module")
def late_creates(request, stack, octavia, apis):
    """What a rolled back create has made is taken out of the rows after some time only. So the host dies for all of them,
    one after the other, and they wait at the same time: {(point, call): case or exception}."""
    wanted = [(item.callspec.params["point"], item.callspec.params["call"]) for item in request.session.items
              if getattr(item, "originalname", "") == test_a_create_whose_host_is_restarted_too_late.__name__]
    done, cases = {}, []
    for point, call in wanted:
        try:
            cases.append(Case(octavia, stack, call))
            restarted_too_late(stack, point, cases[-1], apis["hasty"])
            done[point, call] = cases[-1]
        except (AssertionError, RuntimeError, Refused) as error:
            done[point, call] = error
    yield done
    for one in cases:
        one.clean()


@pytest.mark.parametrize("point, call", pairs(UNANSWERED, [call for call in CALLS if CALLS[call] in CREATES], 2))
def test_a_create_whose_host_is_restarted_too_late(point, call, late_creates):
    """The driver has given up, and Octavia has rolled back."""
    one = late_creates[point, call]
    if isinstance(one, Exception):
        raise one
    one.check()


@pytest.mark.parametrize("point, call", pairs(UNANSWERED, [call for call in CALLS if CALLS[call] not in CREATES], 2))
def test_a_host_that_is_restarted_too_late(point, call, case, apis, stack):
    """The same for what makes nothing new."""
    one = case(call)
    restarted_too_late(stack, point, one, apis["hasty"])
    one.check()

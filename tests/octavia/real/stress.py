"""See `stress`. Afterwards every load balancer is ACTIVE in Octavia and has one row, with what Octavia has; there are no
others."""

import collections
import concurrent.futures
import os
import signal
import sys
import threading
import time

import agreement
import network
import stack as stack_module
from mariadb import MariaDb
from octavia_api import Octavia, Refused

CREATES = int(os.environ.get("WEIR_STRESS_CREATES", "200"))
THREADS = 16
# After so many creates, in twentieths of all.
KILL_HOST = (2, 6, 10, 14, 18)
RESTART_AGENT = (4, 12)
# Seconds until a load balancer that Octavia denies is taken out of the rows.
TAKEN_OUT_AFTER = 30
MEMBERS = {"10.10.10.1:8080", "10.10.10.2:8080"}


class Progress:
    """How many creates are done, to wait for."""

    def __init__(self):
        self._done = 0
        self._changed = threading.Condition()

    def one_more(self):
        with self._changed:
            self._done += 1
            self._changed.notify_all()

    def wait_for(self, number):
        with self._changed:
            if not self._changed.wait_for(lambda: self._done >= number, timeout=300):
                raise RuntimeError(f"{self._done} of {CREATES} creates after 300 s")


def body(number):
    members = [{"address": f"10.10.10.{octet}", "protocol_port": 8080, "subnet_id": network.PRIVATE["subnet"]} for octet in (1, 2)]
    pool = {"name": f"pool-{number}", "protocol": "TCP", "lb_algorithm": "SOURCE_IP_PORT", "members": members}
    return {
        "name": f"lb-{number}", "vip_network_id": network.PUBLIC["id"], "vip_subnet_id": network.PUBLIC["subnet"],
        "vip_address": f"198.51.100.{number % 250 + 1}",
        "listeners": [{"protocol": "TCP", "protocol_port": 1000 + number, "default_pool": pool}],
    }


def disturb(stack, progress):
    events = sorted([(part, "weir") for part in KILL_HOST] + [(part, "agent") for part in RESTART_AGENT])
    for part, what in events:
        progress.wait_for(CREATES * part // 20)
        if what == "weir":
            stack.kill_weir()
            stack.start_weir()
        else:
            stack.end("agent", signal.SIGKILL)
            stack.start_agent()
        print(f"{what} killed and restarted", flush=True)


def main():
    database = MariaDb().start()
    stack = None
    try:
        stack = stack_module.Stack(database=database.url, threads=THREADS, weir_environment={
            "WEIR_OCTAVIA_UNKNOWN_OBJECT_TIMEOUT": str(TAKEN_OUT_AFTER)})
        stack.start()
        return check(stack, *run(stack))
    finally:
        if stack:
            stack.stop()
        database.stop()


def run(stack):
    octavia = Octavia(stack, seconds=300)
    progress = Progress()
    refusals = collections.Counter()

    def create(number):
        while True:
            try:
                made = octavia.create("loadbalancers", **body(number))["id"]
                break
            except Refused as refusal:
                # What a user would do.
                refusals[f"{refusal.status} {refusal.text}"] += 1
                if sum(refusals.values()) > CREATES:
                    raise
        progress.one_more()
        return made

    began = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(THREADS + 1) as pool:
        disturbing = pool.submit(disturb, stack, progress)
        made = list(pool.map(create, range(CREATES)))
        disturbing.result()
    print(f"{CREATES} creates in {time.monotonic() - began:.1f} s; refused and made again: {dict(refusals) or 'none'}")
    return octavia, made


def check(stack, octavia, made):
    began = time.monotonic()
    faults = []
    for load_balancer in made:
        try:
            octavia.wait_active(load_balancer)
        except AssertionError as error:
            faults.append(str(error))
    print(f"all ACTIVE {time.monotonic() - began:.1f} s after the last create" if not faults else f"{len(faults)} not ACTIVE")

    try:
        # Also what the host has accepted and Octavia has rolled back is out of the rows by then.
        agreement.wait(octavia, stack, seconds=TAKEN_OUT_AFTER + 120)
    except AssertionError as error:
        faults += str(error).splitlines()[1:]
    rows = stack.rows()
    count = collections.Counter(row["name"] for row in rows)
    known = {one["id"] for one in octavia.ask("GET", "loadbalancers")["loadbalancers"]}
    faults += [f"{one}: in Octavia, made by nobody" for one in known - set(made)]
    faults += [f"{one}: not in Octavia" for one in set(made) - known]
    faults += [f"{one}: {count[one]} rows" for one in made if count[one] != 1]
    faults += [f"{row['name']}: vips {row['vips']}" for row in rows
               if [set(members.split(",")) for members in row["vips"].values()] != [MEMBERS]]
    for fault in faults[:20]:
        print(fault)
    print(f"{len(made)} load balancers, {len(rows)} rows, {len(faults)} faults")
    return 1 if faults else 0


# What runs is ended also when this is.
signal.signal(signal.SIGTERM, signal.default_int_handler)
sys.exit(main())

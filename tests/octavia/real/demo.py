"""The commands of the demonstration; see `demo`."""

import os
import signal
import threading
import time

import stack as stack_module
from octavia_api import Octavia, Refused

BOLD, PLAIN = ("\033[1m", "\033[0m") if os.isatty(1) else ("", "")

COMMANDS = [
    ("loadbalancers", "loadbalancer create --name test --vip-network-id public --provider ovn"),
    ("listeners", "loadbalancer listener create --name test-listener --protocol TCP --protocol-port 64015 test"),
    ("pools", "loadbalancer pool create --name test-pool --protocol TCP --lb-algorithm SOURCE_IP_PORT --listener test-listener"),
    ("members", "loadbalancer member create --name test-member --address 10.10.10.10 --protocol-port 63015 test-pool"),
]


class Watch(threading.Thread):
    """How long Octavia showed the new object, or what is above it, as not yet ACTIVE."""

    def __init__(self, octavia, kind):
        super().__init__(daemon=True)
        self._octavia, self._kind = octavia, kind
        self.seconds = None
        self.start()

    def _objects(self):
        objects = self._octavia.ask("GET", "loadbalancers")["loadbalancers"]
        for kind in ("listeners", "pools"):
            objects += self._octavia.ask("GET", kind)[kind]
        for pool in [one for one in objects if "lb_algorithm" in one]:
            objects += self._octavia.ask("GET", f"pools/{pool['id']}/members")["members"]
        return {one["id"]: one["provisioning_status"] for one in objects}

    def run(self):
        before, since = set(self._objects()), None
        while True:
            try:
                found = self._objects()
            except Refused:
                continue
            if set(found) - before:
                since = since or time.monotonic()
                if set(found.values()) == {"ACTIVE"}:
                    self.seconds = time.monotonic() - since
                    return
            time.sleep(0.005)


def main():
    print("Starting a private OVN, weir, octavia-api and octavia-driver-agent ...", flush=True)
    os.environ["WEIR_REAL_NETWORKS"] = "1"
    stack = stack_module.Stack().start()
    try:
        octavia = Octavia(stack)
        for kind, command in COMMANDS:
            print(f"\n{BOLD}$ openstack {command}{PLAIN}", flush=True)
            watch = Watch(octavia, kind)
            print(stack.openstack(*command.split()), end="")
            watch.join(30)
            if watch.seconds is None:
                raise SystemExit(f"not ACTIVE after 30 s\n{stack.log('weir').read_text()[-3000:]}")
            print(f"{BOLD}ACTIVE {watch.seconds:.2f} s after Octavia had taken the command{PLAIN}")
            print(f"\n$ ovn-nbctl list load_balancer\n{stack.nbctl('list', 'load_balancer')}", end="", flush=True)
        print(f"\n{BOLD}$ openstack loadbalancer status show test{PLAIN}")
        print(stack.openstack("loadbalancer", "status", "show", "test"), end="")
        load_balancer = octavia.ask("GET", "loadbalancers")["loadbalancers"][0]["id"]
        statuses = octavia.wait_active(load_balancer)
        assert len(statuses) == 4, statuses
        print("\nDone: all four objects are ACTIVE, and the load balancer is in the Northbound.")
    finally:
        stack.stop()


# What runs is ended also when this is.
signal.signal(signal.SIGTERM, signal.default_int_handler)
main()

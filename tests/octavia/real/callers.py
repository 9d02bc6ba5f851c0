"""Users who go on calling whatever happens."""

import http.client
import itertools
import threading

from octavia_api import Octavia, Refused


class Callers:
    """One thread for each load balancer, which makes listeners and takes them away again."""

    def __init__(self, stack, balancers, api="api"):
        self._octavia = Octavia(stack, api=api)
        self._balancers = balancers
        self._over = threading.Event()
        self._changed = threading.Condition()
        self.accepted = self.refused = 0
        self._threads = []

    def __enter__(self):
        self._threads = [threading.Thread(target=self._work, args=(one,), daemon=True) for one in self._balancers]
        [thread.start() for thread in self._threads]
        return self

    def __exit__(self, *_):
        self._over.set()
        for thread in self._threads:
            thread.join(120)
            assert not thread.is_alive(), "a call that never ends"

    def wait_for_answers(self, more, kind="any", seconds=120):
        """Waits until so many more calls have been answered (`accepted`: with success)."""
        with self._changed:
            wanted = self._count(kind) + more
            if not self._changed.wait_for(lambda: self._count(kind) >= wanted, timeout=seconds):
                raise AssertionError(f"{self.accepted} calls accepted, {self.refused} refused, no more within {seconds} s")

    def _count(self, kind):
        return self.accepted if kind == "accepted" else self.accepted + self.refused

    def _work(self, one):
        ports = itertools.cycle(range(1000, 1010))
        while not self._over.is_set():
            port = next(ports)
            try:
                found = self._octavia.ask("GET", f"listeners?loadbalancer_id={one.id}&protocol_port={port}")["listeners"]
                if found:
                    self._octavia.delete("listeners", found[0]["id"])
                else:
                    self._octavia.create("listeners", loadbalancer_id=one.id, protocol="TCP", protocol_port=port)
                self._note(accepted=True)
            except (Refused, OSError, http.client.HTTPException):
                # Not reachable, or still PENDING from the call before: tried again.
                self._note(accepted=False)
                self._over.wait(0.05)

    def _note(self, accepted):
        with self._changed:
            self.accepted += accepted
            self.refused += not accepted
            self._changed.notify_all()

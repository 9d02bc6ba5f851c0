"""A driver-agent as Octavia's: takes statuses, shows load balancers. One exchange a connection, `<decimal length>\\n<JSON>` both
ways."""

import copy
import json
import socketserver
import threading

_KEYS = {"loadbalancers": "loadbalancer_id", "listeners": "listener_id", "pools": "pool_id", "members": "member_id",
         "healthmonitors": "healthmonitor_id"}


class Agent:
    def __init__(self, folder):
        self._lock = threading.Lock()
        # Octavia's load balancers by their ids, and the last statuses told of each object.
        self._known, self._statuses = {}, {}
        answers = {"status": self._take, "stats": lambda _: {"status_code": 200}, "get": self._show}
        self._servers = [_serve(folder / f"{name}.sock", answer) for name, answer in answers.items()]

    def stop(self):
        for server in self._servers:
            server.shutdown()
            server.server_close()

    def know(self, load_balancer):
        """From now on Octavia has this load balancer, with all that is in it."""
        with self._lock:
            self._known[load_balancer["loadbalancer_id"]] = copy.deepcopy(load_balancer)

    def forget(self, identity):
        with self._lock:
            self._known.pop(identity, None)

    def provisioning(self, identity):
        return self._status(identity).get("provisioning_status")

    def operating(self, identity):
        return self._status(identity).get("operating_status")

    def pend(self, identity):
        """What Octavia does before it calls its provider."""
        with self._lock:
            self._statuses.setdefault(identity, {})["provisioning_status"] = "PENDING_UPDATE"

    def _status(self, identity):
        with self._lock:
            return dict(self._statuses.get(identity, {}))

    def _take(self, message):
        with self._lock:
            for record in (record for records in message.values() for record in records):
                told = {key: value for key, value in record.items() if key.endswith("_status") and value is not None}
                self._statuses.setdefault(record["id"], {}).update(told)
        return {"status_code": 200}

    def _show(self, request):
        with self._lock:
            key = _KEYS.get(request["object"])
            things = (thing for known in self._known.values() for thing in _objects(known))
            return next((thing for kind, thing in things if kind == key and thing[key] == request["id"]), {})


def _objects(load_balancer):
    """All objects of a load balancer, each with the name of the key that is its own id."""
    yield "loadbalancer_id", load_balancer
    for listener in load_balancer["listeners"]:
        yield "listener_id", listener
    for pool in load_balancer["pools"]:
        yield "pool_id", pool
        for member in pool["members"]:
            yield "member_id", member
        if pool["healthmonitor"]:
            yield "healthmonitor_id", pool["healthmonitor"]


def _serve(path, answer):
    class Handler(socketserver.StreamRequestHandler):
        def handle(self):
            length = self.rfile.readline()
            if length.strip():
                body = json.dumps(answer(json.loads(self.rfile.read(int(length))))).encode()
                self.wfile.write(str(len(body)).encode() + b"\n" + body)

    class Server(socketserver.ThreadingUnixStreamServer):
        daemon_threads = True
        request_queue_size = 64

    server = Server(str(path), Handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    return server

"""A private Northbound: ovsdb-server on a database file of its own, and a client of it."""

import json
import pathlib
import shutil
import socket
import subprocess
import threading
import time

DATABASE = "OVN_Northbound"
SCHEMAS = ("/usr/share/ovn/ovn-nb.ovsschema", ".weir/ovn/usr/share/ovn/ovn-nb.ovsschema")
ROOT = pathlib.Path(__file__).parents[2]


def wait_for(what, condition, seconds=60):
    until = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > until:
            raise RuntimeError(f"{what}: not within {seconds} s")
        time.sleep(0.02)


def create(file):
    """An empty database."""
    schema = next(path for path in (ROOT / name for name in SCHEMAS) if path.exists())
    subprocess.run(["ovsdb-tool", "create", file, schema], check=True)


class Server:
    """ovsdb-server on a copy of a database file, in a folder of its own."""

    def __init__(self, folder, copy_of):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.file = self.folder / "nb.db"
        shutil.copyfile(copy_of, self.file)
        self.socket = self.folder / "nb.sock"
        self.remote = f"unix:{self.socket}"
        self._log = open(self.folder / "ovsdb.log", "wb")
        self._process = subprocess.Popen(
            ["ovsdb-server", f"--remote=punix:{self.socket}", f"--unixctl={self.folder}/nb.ctl", "--no-chdir", str(self.file)],
            stdout=self._log, stderr=self._log, stdin=subprocess.DEVNULL)
        wait_for("ovsdb-server", self._listens)

    def _listens(self):
        """A socket is there before anybody listens at it."""
        with socket.socket(socket.AF_UNIX) as one:
            return one.connect_ex(str(self.socket)) == 0

    def client(self):
        return Client(self.socket)

    def stop(self):
        self._process.terminate()
        self._process.wait(20)
        self._log.close()


class _Connection:
    """JSON values over a stream, one after the other."""

    def __init__(self, path):
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(str(path))
        self._text = ""
        self._decoder = json.JSONDecoder()

    def send(self, value):
        self._socket.sendall(json.dumps(value).encode())

    def receive(self):
        while True:
            text = self._text.lstrip()
            if text:
                try:
                    value, end = self._decoder.raw_decode(text)
                    self._text = text[end:]
                    return value
                except json.JSONDecodeError:
                    pass
            data = self._socket.recv(1 << 20)
            if not data:
                raise ConnectionError("the Northbound has closed the connection")
            self._text = text + data.decode()

    def close(self):
        self._socket.close()


class Client:
    """Transactions, one at a time."""

    def __init__(self, path):
        self._connection = _Connection(path)
        self._lock = threading.Lock()

    def close(self):
        self._connection.close()

    def transact(self, *operations):
        with self._lock:
            self._connection.send({"method": "transact", "params": [DATABASE, *operations], "id": 1})
            while (answer := self._connection.receive()).get("id") != 1:
                if answer.get("method") == "echo":
                    self._connection.send({"id": "echo", "result": answer["params"], "error": None})
        bad = [result for result in answer["result"] or [] if result and "error" in result]
        assert not answer["error"] and not bad, (answer["error"], bad, operations)
        return answer["result"]

    def select(self, table, where=(), columns=None):
        operation = {"op": "select", "table": table, "where": list(where)}
        if columns:
            operation["columns"] = ["_uuid", *columns]
        return [{name: plain(value) for name, value in row.items() if name != "_version"}
                for row in self.transact(operation)[0]["rows"]]


def plain(value):
    """A datum as a Python value: maps as dicts, sets as lists, uuids as text."""
    if isinstance(value, list) and value and value[0] == "map":
        return {plain(key): plain(of) for key, of in value[1]}
    if isinstance(value, list) and value and value[0] == "set":
        return sorted((plain(one) for one in value[1]), key=str)
    if isinstance(value, list) and value and value[0] in ("uuid", "named-uuid"):
        return value[1]
    return value


def a_map(values):
    return ["map", [[str(key), str(value)] for key, value in values.items()]]


def a_list(value):
    """A set with one element arrives as the element."""
    return value if isinstance(value, list) else [value]


class VipsWatch:
    """A monitor of the column `vips` of all load balancers: what changes there after it was made."""

    def __init__(self, server):
        self._connection = _Connection(server.socket)
        self.changes = []
        columns = {"Load_Balancer": {"columns": ["vips"], "select": {
            "initial": True, "insert": True, "delete": True, "modify": True}}}
        self._connection.send({"method": "monitor", "params": [DATABASE, "vips", columns], "id": 1})
        self.initial = self._connection.receive()
        assert self.initial["error"] is None, self.initial
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self):
        try:
            while True:
                message = self._connection.receive()
                if message.get("method") == "update":
                    self.changes.append(message["params"][1])
                elif message.get("method") == "echo":
                    self._connection.send({"id": message["id"], "result": message["params"], "error": None})
        except (ConnectionError, OSError):
            pass

    def close(self):
        self._connection.close()


def load_balancers(client):
    """All rows with their health checks and the names of what they are attached to, sorted: by load balancer, protocol."""
    checks = {check["_uuid"]: check for check in client.select("Load_Balancer_Health_Check")}
    holders = [(row["name"], set(a_list(row["load_balancer"]))) for table in ("Logical_Switch", "Logical_Router")
               for row in client.select(table, columns=["name", "load_balancer"])]
    rows = {}
    for row in client.select("Load_Balancer"):
        if "neutron:vip" not in row["external_ids"]:
            continue
        row["health_check"] = sorted(
            ({name: checks[uuid][name] for name in ("vip", "options", "external_ids")} for uuid in a_list(row["health_check"])),
            key=str)
        row["selection_fields"] = a_list(row["selection_fields"])
        row["protocol"] = row["protocol"] or ""
        row["attached"] = sorted(name for name, held in holders if row["_uuid"] in held)
        rows.setdefault(row["name"], []).append(row)
    return {name: sorted(some, key=lambda row: row["protocol"]) for name, some in sorted(rows.items())}

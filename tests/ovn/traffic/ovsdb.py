"""As much of RFC 7047 as tests need: transactions over a Unix socket, rows as Python values."""

import json
import socket


class Database:
    def __init__(self, path, name):
        self._path, self._name = str(path), name

    def transact(self, *operations):
        """The results of a transaction; an error where one of them failed."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(60)
            connection.connect(self._path)
            request = {"method": "transact", "id": 0, "params": [self._name, *operations]}
            connection.sendall(json.dumps(request).encode())
            text = b""
            while True:
                more = connection.recv(1 << 20)
                assert more, "the database has hung up"
                text += more
                try:
                    answer = json.loads(text)
                    break
                except ValueError:
                    continue
        failed = answer["error"] or [result for result in answer["result"] if result and "error" in result]
        assert not failed, f"{failed}: {operations}"
        return answer["result"]

    def rows(self, table, *where):
        """Rows as dictionaries of Python values: sets are lists, maps dictionaries, uuids strings."""
        [result] = self.transact({"op": "select", "table": table, "where": list(where)})
        return [{name: value(column) for name, column in row.items()} for row in result["rows"]]


def value(wire):
    """A column's value."""
    if isinstance(wire, list) and len(wire) == 2 and wire[0] in ("map", "set", "uuid", "named-uuid"):
        kind, inner = wire
        if kind == "map":
            return {value(key): value(item) for key, item in inner}
        return [value(item) for item in inner] if kind == "set" else inner
    return wire


def insert(table, label=None, /, **columns):
    """An insert; dictionaries become maps, lists sets, and `Ref`s what they stand for."""
    operation = {"op": "insert", "table": table, "row": {column: _wire(item) for column, item in columns.items()}}
    return {**operation, "uuid-name": label} if label else operation


class Ref(str):
    """Names a row that the same transaction inserts."""


class Uuid(str):
    """Names a row that is there."""


def _wire(item):
    if isinstance(item, dict):
        return ["map", [[key, inner] for key, inner in item.items()]]
    if isinstance(item, (list, tuple)):
        return ["set", [_wire(inner) for inner in item]]
    if isinstance(item, Ref):
        return ["named-uuid", str(item)]
    return ["uuid", str(item)] if isinstance(item, Uuid) else item


def mutate(table, where, column, how, items):
    """Adds to or takes from a set or a map."""
    return {"op": "mutate", "table": table, "where": [where], "mutations": [[column, how, _wire(items)]]}


def update(table, where, /, **columns):
    return {"op": "update", "table": table, "where": [where], "row": {column: _wire(item) for column, item in columns.items()}}


def delete(table, *where):
    return {"op": "delete", "table": table, "where": list(where)}

"""Clients: connections from a namespace to a VIP."""

import collections
import concurrent.futures
import errno
import itertools
import random
import socket
import struct

# Longer than anything takes that works, on a busy machine too.
PATIENCE = 20
# What must not come is waited for so long: retransmissions of a lost first packet come after 1 s and 3 s.
SHORT = 4

_RESET = struct.pack("ii", 1, 0)
_seed = random.Random(25)


class Refused(Exception):
    """The connection is refused at once."""


class TimedOut(Exception):
    """Nobody answers."""


class Unreachable(Exception):
    """Nobody has that address: no answer to ARP or neighbour discovery, or nowhere to ask."""


# Whichever it is, nobody is there.
NOBODY = ("timed out", "unreachable")


class Connection:
    """A TCP connection to one of the servers of `servers.Tcp`."""

    def __init__(self, machine, address, port, source=None, patience=PATIENCE):
        self._socket = machine.socket(address)
        self._socket.settimeout(patience)
        try:
            if source:
                self._socket.bind(source)
            self._socket.connect((address, port))
            self.server = self._line().strip()
        except ConnectionRefusedError as error:
            self._socket.close()
            raise Refused(f"{machine.name} to {address} {port}") from error
        except TimeoutError as error:
            self._socket.close()
            raise TimedOut(f"{machine.name} to {address} {port}") from error
        except OSError as error:
            self._socket.close()
            if error.errno == errno.EHOSTUNREACH:
                raise Unreachable(f"{machine.name} to {address} {port}") from error
            raise

    def _line(self):
        text = b""
        while not text.endswith(b"\n"):
            more = self._socket.recv(4096)
            if not more:
                raise ConnectionResetError("closed by the server")
            text += more
        return text.decode()

    def ask(self, text="are you there?", patience=PATIENCE):
        """The connection still works, both ways, with the server that it began with."""
        self._socket.settimeout(patience)
        try:
            self._socket.sendall(f"{text}\n".encode())
            answer = self._line()
        except TimeoutError as error:
            raise TimedOut(f"an open connection to {self.server}") from error
        assert answer == f"{self.server}:{text}\n"

    def close(self):
        # With a reset: thousands of connections must not leave thousands that linger.
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self._socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def connection_to(machine, address, port, server):
    """A connection to the server of this name, among all."""
    for _ in range(200):
        connection = Connection(machine, address, port)
        if connection.server == server:
            return connection
        connection.close()
    raise AssertionError(f"{server} never answers at {address} {port}")


def tcp(machine, address, port, **more):
    """The name of the server that a new connection gets."""
    with Connection(machine, address, port, **more) as connection:
        return connection.server


def udp(machine, address, port, patience=PATIENCE, source=None):
    """The name of the server that a packet from a new port gets an answer from; sent again every second, as resolvers do."""
    with machine.socket(address, socket.SOCK_DGRAM) as bound:
        if source:
            bound.bind(source)
        bound.connect((address, port))
        return _ask_udp(bound, patience)


def _ask_udp(bound, patience):
    bound.settimeout(1)
    for _ in range(patience):
        try:
            bound.send(b"who?")
            answer = bound.recv(4096).decode()
        except TimeoutError:
            continue
        except ConnectionRefusedError as error:
            raise Refused("a UDP packet") from error
        name, rest = answer.split(":")
        assert rest == "who?"
        return name
    raise TimedOut("UDP packets")


def ports():
    """Source ports in random order: hashes of ports in a row are not what a real crowd of clients gives."""
    return _seed.sample(range(10240, 65000), 50000)


def many(ask, machine, address, port, times, source=None):
    """How many of so many connections each server got."""
    own = source or (machine.v6 if ":" in address else machine.v4)
    return collections.Counter(ask(machine, address, port, source=(own, number)) for number in itertools.islice(ports(), times))


def only(ask, machine, address, port, names, times=12):
    """New connections get these servers and no others, and all of them."""
    return set(many(ask, machine, address, port, times)) == set(names)


def each(ways, call):
    """What `call(machine, address)` gives for all ways, at the same time: {machine's name: answer}."""
    with concurrent.futures.ThreadPoolExecutor(len(ways)) as threads:
        answers = threads.map(lambda way: call(*way), ways)
        return {machine.name: answer for (machine, _), answer in zip(ways, answers)}


def outcomes(ways, port=80, ask=None, patience=None):
    """The `outcome` of each way."""
    return each(ways, lambda machine, address: outcome(ask or tcp, machine, address, port, patience or SHORT))


def go_on(held):
    """Which of these connections still work; they are closed."""
    def works(connection):
        try:
            connection.ask(patience=SHORT)
            return True
        except (TimedOut, ConnectionError):
            return False
        finally:
            connection.close()

    with concurrent.futures.ThreadPoolExecutor(len(held)) as threads:
        return list(threads.map(works, held))


def acquainted(ask, machine, address, port, times, source=None):
    """As `many`, after a first connection that may be lost: what the switch learns of a client, which then stays with its server,
    it learns in the userspace datapath at the cost of that connection."""
    outcome(ask, machine, address, port, patience=2)
    return many(ask, machine, address, port, times, source)


def outcome(ask, machine, address, port, patience=SHORT):
    """A server's name, `refused`, `timed out` or `unreachable`."""
    try:
        return ask(machine, address, port, patience=patience)
    except Refused:
        return "refused"
    except TimedOut:
        return "timed out"
    except Unreachable:
        return "unreachable"

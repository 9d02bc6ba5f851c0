"""Servers that say who they are. They run in this process, each in a thread, in the namespaces that their sockets were made in."""

import selectors
import socket
import ssl
import struct
import threading

_RESET = struct.pack("ii", 1, 0)


class _Server:
    """Serves from construction until `stop`, which is as if the program had been killed."""

    kind = None

    def __init__(self, machine, port, version=4, says=None, net=None):
        """`net` is where the machine's address is, if not on its first network."""
        self.machine, self.port, self.says = machine, port, says or machine.name
        if net:
            self.address = net.at(net.hosts[machine.name], version)
        else:
            self.address = machine.v4 if version == 4 else machine.v6
        # Addresses of those who have come, in order.
        self.came = []
        self.start()

    def start(self):
        self._socket = self.machine.socket(self.address, self.kind)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind((self.address, self.port))
        self._socket.setblocking(False)
        self._selector = selectors.DefaultSelector()
        self._wake, self._woken = socket.socketpair()
        self._selector.register(self._woken, selectors.EVENT_READ, self._stop)
        self._open = set()
        self._stopped = False
        self._begin()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def stop(self):
        if self._stopped:
            return
        self._wake.send(b"x")
        self._thread.join()
        for one in (self._wake, self._woken, self._selector):
            one.close()

    def _stop(self, _):
        self._stopped = True
        for one in list(self._open):
            self._end(one)
        self._socket.close()

    def _end(self, connection):
        # With a reset, as the kernel does for what a killed program had not read.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self._open.discard(connection)
        self._selector.unregister(connection)
        connection.close()

    def _serve(self):
        while not self._stopped:
            for key, _ in self._selector.select():
                if not self._stopped:
                    key.data(key.fileobj)


class Tcp(_Server):
    """Greets with its name, then answers each message with its name and the message."""

    kind = socket.SOCK_STREAM

    def _begin(self):
        self._socket.listen(1024)
        self._selector.register(self._socket, selectors.EVENT_READ, self._accept)

    @property
    def open(self):
        """How many connections there are."""
        return len(self._open)

    def _accept(self, listener):
        try:
            connection, peer = listener.accept()
        except OSError:
            return
        self.came.append(peer[0])
        self._open.add(connection)
        self._selector.register(connection, selectors.EVENT_READ, self._answer)
        self._send(connection, f"{self.says}\n".encode())

    def _answer(self, connection):
        try:
            text = connection.recv(65536)
        except OSError:
            text = b""
        if text:
            self._send(connection, self.says.encode() + b":" + text)
        else:
            self._end(connection)

    def _send(self, connection, text):
        try:
            connection.sendall(text)
        except OSError:
            self._end(connection)


class Udp(_Server):
    """Answers each packet with its name and the packet."""

    kind = socket.SOCK_DGRAM

    def _begin(self):
        self._selector.register(self._socket, selectors.EVENT_READ, self._answer)

    def _answer(self, bound):
        try:
            text, peer = bound.recvfrom(65536)
            self.came.append(peer[0])
            bound.sendto(self.says.encode() + b":" + text, peer)
        except OSError:
            pass


class Tls(_Server):
    """A TLS server with a certificate of its own, which answers one message a connection."""

    kind = socket.SOCK_STREAM

    def __init__(self, machine, port, authority, version=4):
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(f"{machine.name}.example").configure_cert(self._context)
        super().__init__(machine, port, version)

    def _begin(self):
        self._socket.listen(64)
        self._selector.register(self._socket, selectors.EVENT_READ, self._accept)

    def _accept(self, listener):
        try:
            connection, peer = listener.accept()
            self.came.append(peer[0])
            connection.settimeout(10)
            with self._context.wrap_socket(connection, server_side=True) as secured:
                secured.sendall(self.says.encode() + b":" + secured.recv(65536))
        except OSError:
            pass

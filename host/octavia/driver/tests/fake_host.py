"""A host for tests: a real HTTP server on a Unix socket, TCP or TLS, whose answers the test decides."""

import http.server
import json
import os
import socket
import socketserver
import threading

ACCEPTED = (200, {"change": "11111111-1111-4111-8111-111111111111", "committed": True})
DROP = object()  # close the connection without an answer
HANG = object()  # answer nothing until the test is over


class Request:
    def __init__(self, verb, path, headers, raw):
        self.verb, self.path, self.headers, self.raw = verb, path, headers, raw
        self.body = json.loads(raw) if raw else None
        self.key = headers.get("Idempotency-Key")

    def __repr__(self):
        return f"{self.verb} {self.path}"


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def setup(self):
        super().setup()
        with self.server.host.lock:
            self.server.host.connections.append(self.connection)

    def address_string(self):
        return "test"

    def log_message(self, *_):
        pass

    def handle(self):
        try:
            super().handle()
        except OSError:
            pass  # the client went away, as some tests want

    def _answer(self):
        host = self.server.host
        raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        request = Request(self.command, self.path, dict(self.headers.items()), raw)
        with host.lock:
            host.requests.append(request)
        answer = host.answer(request)
        if answer is HANG:
            host.over.wait(30)
            answer = DROP
        if answer is DROP:
            self.close_connection = True
            return
        status, thing = answer
        data = thing if isinstance(thing, bytes) else json.dumps(thing).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_DELETE = _answer


class _UnixServer(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


class _TcpServer(socketserver.ThreadingMixIn, socketserver.TCPServer):
    daemon_threads = True


class _TlsServer(_TcpServer):
    context = None

    def finish_request(self, request, client_address):
        try:
            request = self.context.wrap_socket(request, server_side=True)
        except OSError:
            return
        super().finish_request(request, client_address)

    def shutdown_request(self, request):
        request.close()


class Host:
    """`answer(request)` gives (status, JSON or bytes), DROP or HANG."""

    def __init__(self, path=None, tls=None):
        self.path, self._tls = path, tls
        self.lock = threading.Lock()
        self.requests, self.connections = [], []
        self.answer = lambda request: ACCEPTED
        self.over = threading.Event()
        self._port = 0
        self._server = None
        self.start()

    def start(self):
        if self.path:
            self._server = _UnixServer(self.path, _Handler)
            self.url = f"unix://{self.path}"
        else:
            kind = _TlsServer if self._tls else _TcpServer
            kind.allow_reuse_address = True
            self._server = kind(("127.0.0.1", self._port), _Handler)
            self._server.context = self._tls
            self._port = self._server.server_address[1]
            self.url = f"{'https' if self._tls else 'http'}://127.0.0.1:{self._port}"
        self._server.host = self
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def stop(self):
        self._server.shutdown()
        self._server.server_close()
        if self.path:
            os.unlink(self.path)
        self.break_connections()

    def break_connections(self):
        with self.lock:
            connections = list(self.connections)
        for connection in connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    @property
    def calls(self):
        return [request for request in self.requests if request.verb == "POST"]

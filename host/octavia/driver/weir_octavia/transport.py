"""Connections to one host: Unix socket, TCP or TLS; kept alive, shared by threads, not by processes."""

import collections
import http.client
import json
import os
import select
import socket
import ssl
import threading
import time
import urllib.parse

# A connection that was idle for longer is not used again: something on the way may have forgotten it.
IDLE_TIME = 60.0
# Idle connections kept; more threads than this open and close.
IDLE_CONNECTIONS = 32
# A host that could not be connected to is tried last for so long.
DOWN_TIME = 5.0
_QUEUE_WAIT = 0.01


class NotSent(Exception):
    """No connection: the host has seen nothing of the request."""


class NoAnswer(Exception):
    """The connection broke after the request, or part of it, was sent: the host may have acted on it."""


class TimedOut(NoAnswer):
    """The answer did not come in time."""


class WrongSetting(ValueError):
    """An option that cannot be used."""


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout):
        super().__init__("weir", timeout=timeout)
        self._path = path

    def connect(self):
        until = time.monotonic() + self.timeout
        while True:
            self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                self.sock.settimeout(self.timeout)
                self.sock.connect(self._path)
                return
            except BlockingIOError:
                # The host's queue of connections is full (connect(2): EAGAIN). A socket with a time limit does not wait.
                self.close()
                if time.monotonic() + _QUEUE_WAIT > until:
                    raise
                time.sleep(_QUEUE_WAIT)
            except OSError:
                self.close()
                raise


class Host:
    """One host and the idle connections to it."""

    def __init__(self, url, settings):
        self.url = url
        self._settings = settings
        self._open = _opener(url, settings)
        self._token = _token(settings) if not url.startswith("unix:") else None
        self._probe = url.startswith("https:")
        self._down_until = 0.0
        self._forget_connections()

    def _forget_connections(self):
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._idle = collections.deque()

    def seems_down(self):
        """Whether it could not be connected to a moment ago."""
        return time.monotonic() < self._down_until

    def request(self, verb, path, body=None, headers=None, timeout=None, fresh=False):
        """Sends a request and returns the status and the JSON of the answer (``None`` if it is no JSON).

        ``fresh`` takes a new connection. Raises NotSent or NoAnswer.
        """
        connection = (None if fresh else self._take()) or self._connect()
        headers = dict(headers or {})
        if body is not None:
            headers["Content-Type"] = "application/json"
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        try:
            connection.sock.settimeout(timeout or self._settings.read_timeout)
            connection.request(verb, path, body=body, headers=headers)
            response = connection.getresponse()
            data = response.read()
        except TimeoutError as error:
            connection.close()
            raise TimedOut(f"no answer in {timeout or self._settings.read_timeout} s") from error
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise NoAnswer(_words(error)) from error
        except BaseException:
            connection.close()
            raise
        if response.will_close:
            connection.close()
        else:
            self._give_back(connection)
        return response.status, _json(data)

    def _connect(self):
        try:
            connection = self._open()
            try:
                connection.connect()
                if self._probe:
                    self._ask_whether_admitted(connection)
            except BaseException:
                connection.close()
                raise
        except (OSError, http.client.HTTPException, UnicodeError) as error:  # UnicodeError: no name of a machine
            self._down_until = time.monotonic() + DOWN_TIME
            raise NotSent(_words(error)) from error
        self._down_until = 0.0
        return connection

    def _ask_whether_admitted(self, connection):
        """In TLS 1.3 a server's "no" to the client certificate comes when the client takes the handshake for done, and
        could not be told from a host that dies in the call. A harmless request finds out."""
        connection.request("GET", "/healthz")
        response = connection.getresponse()
        response.read()
        if response.will_close:
            raise http.client.HTTPException("the host keeps no connections")

    def _take(self):
        if os.getpid() != self._pid:
            # The parent process goes on using them. Nothing is said on them here: closing the copies is silent.
            self._forget_connections()
        while True:
            with self._lock:
                if not self._idle:
                    return None
                connection, since = self._idle.pop()
            if time.monotonic() - since <= IDLE_TIME and not _readable(connection.sock):
                return connection
            connection.close()

    def _give_back(self, connection):
        with self._lock:
            self._idle.append((connection, time.monotonic()))
            surplus = self._idle.popleft()[0] if len(self._idle) > IDLE_CONNECTIONS else None
        if surplus:
            surplus.close()

    def close(self):
        """Closes the idle connections."""
        with self._lock:
            idle, self._idle = self._idle, collections.deque()
        for connection, _ in idle:
            connection.close()


def _opener(url, settings):
    """A function that makes an unconnected connection. Raises WrongSetting."""
    try:
        parts = urllib.parse.urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise WrongSetting(f"urls: {url!r}: {error}") from error
    timeout = settings.connect_timeout
    if parts.scheme == "unix" and not parts.netloc and parts.path.startswith("/"):
        return lambda: _UnixConnection(parts.path, timeout)
    if parts.scheme in ("http", "https") and host and port and parts.path in ("", "/") and not parts.username:
        if parts.scheme == "http":
            return lambda: http.client.HTTPConnection(host, port, timeout=timeout)
        # The files are read at each connect, so that renewed certificates need no restart.
        return lambda: http.client.HTTPSConnection(host, port, timeout=timeout, context=_tls(settings))
    raise WrongSetting(f"urls: {url!r} is none of unix:///PATH, http://HOST:PORT, https://HOST:PORT")


def _token(settings):
    """The token. Raises WrongSetting for one that no header can hold, without quoting it."""
    token = settings.token
    if token and not (token.isascii() and token.isprintable() and " " not in token):
        raise WrongSetting("token: only printable ASCII characters without spaces can be sent")
    return token


def _tls(settings):
    try:
        context = ssl.create_default_context(cafile=settings.cafile or None)
    except OSError as error:
        raise OSError(f"cafile {settings.cafile}: {_words(error)}") from error
    if settings.certfile:
        try:
            # Without a password OpenSSL would ask the terminal for that of an encrypted key.
            context.load_cert_chain(settings.certfile, settings.keyfile or None, password="")
        except OSError as error:
            raise OSError(f"certfile {settings.certfile}, keyfile {settings.keyfile}: {_words(error)}") from error
    return context


def _readable(sock):
    """Whether an idle connection has something to say: it can only be its end."""
    poll = select.poll()
    poll.register(sock, select.POLLIN | select.POLLHUP | select.POLLERR)
    return bool(poll.poll(0))


def _json(data):
    try:
        return json.loads(data)
    except ValueError:
        return None


def _words(error):
    if type(error) is OSError and not error.strerror:
        return str(error)  # one of ours
    return error.strerror if isinstance(error, OSError) and error.strerror else f"{type(error).__name__}: {error}"

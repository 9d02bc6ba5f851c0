"""One call to a host: which host, how often, and what to do when the answer does not come."""

import json
import logging
import os
import threading
import time
import uuid

from weir_octavia import defaults
from weir_octavia import errors
from weir_octavia import transport

LOG = logging.getLogger(__name__)

# First wait before all hosts are tried again; doubles to the longest.
_FIRST_WAIT = 0.05
_LONGEST_WAIT = 0.5
# For the questions after a time-out: the user waits, and Octavia has a database transaction open.
_QUESTION_TIMEOUT = 2.0
# The methods that Octavia wants something back from.
_WITH_RESULT = ("create_vip_port", "get_supported_flavor_metadata", "get_supported_availability_zone_metadata")


class Client:
    """Calls hosts; threads share it."""

    def __init__(self, settings):
        """Does no I/O. Raises transport.WrongSetting."""
        self._settings = settings
        self._hosts = [transport.Host(url, settings) for url in settings.urls]
        if not self._hosts:
            raise transport.WrongSetting("urls is empty")

    def call(self, method, body, request_id=None, octavia_defaults=None):
        """Makes a driver call and returns the host's answer, a dictionary. Raises octavia-lib's exceptions.

        ``octavia_defaults`` is the value of the header of that name.
        """
        call = _Call(self._settings, method, body, request_id, octavia_defaults)
        wait = _FIRST_WAIT
        while True:
            answer = self._try_hosts(call)
            if answer is not None:
                return answer
            if time.monotonic() + wait > call.until:
                LOG.warning("%s: no Weir host took call %s: %s", method, call.key, "; ".join(call.faults))
                raise call.refusal or errors.unreachable(method, call.faults)
            time.sleep(wait)
            wait = min(wait * 2, _LONGEST_WAIT)

    def _try_hosts(self, call):
        call.faults, call.refusal = [], None
        # Hosts that were down a moment ago come last: connecting to them may take the whole connect_timeout.
        for host in sorted(self._hosts, key=transport.Host.seems_down):
            try:
                status, answer = call.send(host)
            except transport.NotSent as fault:
                call.faults.append(f"{host.url}: {fault}")
                continue
            if status == 200 and isinstance(answer, dict):
                return answer
            refusal = errors.refused(call.method, host.url, status, answer)
            if status == 503:
                # This host takes no calls now, and has done nothing with this one.
                call.refusal = refusal
                call.faults.append(f"{host.url}: {refusal.operator_fault_string}")
                continue
            if errors.is_refusal(answer):
                # The exception has the host's texts as they are: which host it was is said here.
                LOG.info("%s: %s refused call %s: %s %s", call.method, host.url, call.key, status, answer.get("code"))
            else:
                # It may be from something in front of the host, which may have got the call.
                call.abandon(host)
            raise refusal
        return None

    def close(self):
        """Closes the idle connections."""
        for host in self._hosts:
            host.close()


class _Call:
    def __init__(self, settings, method, body, request_id, octavia_defaults):
        self.method = method
        self.until = time.monotonic() + settings.retry_time
        self.faults = []
        self.refusal = None
        self.key = str(uuid.uuid4())
        self._settings = settings
        self._timeout = settings.vip_port_timeout if method == "create_vip_port" else settings.read_timeout
        self._path = f"/v1/driver/{method}"
        self._change = f"/v1/changes/{self.key}"
        try:
            self._body = json.dumps(body).encode()
        except (TypeError, ValueError) as error:
            # Not the error itself: its traceback could show the body.
            raise errors.not_json(method, str(error)) from None
        self._headers = {"Idempotency-Key": self.key}
        if _fits_a_header(request_id):
            self._headers["X-Openstack-Request-Id"] = request_id
        if octavia_defaults:
            self._headers[defaults.HEADER] = octavia_defaults

    def send(self, host):
        """Sends the call to one host, once for the host whatever happens to connections."""
        try:
            return self._post(host)
        except transport.TimedOut as fault:
            return self._ask(host, fault)
        except transport.NoAnswer as fault:
            LOG.warning("%s: %s: %s; the call %s is sent again", self.method, host.url, fault, self.key)
            return self._send_again(host, fault)

    def _post(self, host, fresh=False):
        headers = self._headers
        if host.url.startswith("unix:"):
            # A host that reads the call later refuses it. On another machine the clock may be another one.
            headers = {**headers, "Weir-Expires": f"{time.time() + self._timeout:.3f}"}
        return host.request("POST", self._path, self._body, headers, timeout=self._timeout, fresh=fresh)

    def _send_again(self, host, fault):
        """After a connection that broke. The key makes it one call for the host, which may be restarting.

        Only the same host knows the key, so no other is asked."""
        wait = _FIRST_WAIT
        while True:
            try:
                status, answer = self._post(host, fresh=True)
                if status != 503:
                    return status, answer
                fault = f"{fault}; then 503"
            except transport.TimedOut as again:
                return self._ask(host, again)
            except (transport.NotSent, transport.NoAnswer) as again:
                fault = again
            if time.monotonic() + wait > self.until:
                return self._ask(host, fault)
            time.sleep(wait)
            wait = min(wait * 2, _LONGEST_WAIT)

    def _ask(self, host, fault):
        """After a call whose fate is not known: was it accepted? If not, it must never be, as Octavia rolls it back."""
        LOG.warning("%s: %s: %s; asking what became of call %s", self.method, host.url, fault, self.key)
        # Where the answer itself is needed, it is not enough to hear that there was one.
        status, change = (None, None) if self.method in _WITH_RESULT else self._about_change(host, "GET")
        if status == 200 and isinstance(change, dict):
            state = change.get("state")
            if state in ("pending", "committed"):
                return 200, {"change": change.get("id"), "committed": state == "committed"}
            if state == "failed":
                raise errors.failed(self.method, host.url, self.key, change.get("detail"))
        raise errors.unanswered(self.method, host.url, self.key, fault, abandoned=self.abandon(host))

    def abandon(self, host):
        """Tells the host that the call does not count; whether it has heard."""
        status, _ = self._about_change(host, "DELETE")
        return status == 200

    def _about_change(self, host, verb):
        try:
            timeout = min(self._settings.read_timeout, _QUESTION_TIMEOUT)
            return host.request(verb, self._change, timeout=timeout, fresh=True)
        except (transport.NotSent, transport.NoAnswer) as fault:
            LOG.warning("%s %s of %s: %s", verb, self._change, host.url, fault)
            return None, None


def _fits_a_header(request_id):
    return isinstance(request_id, str) and 0 < len(request_id) <= 128 and request_id.isascii() and request_id.isprintable()


_shared = {}
_lock = threading.Lock()


def shared(settings):
    """The process's client for these settings. Raises transport.WrongSetting."""
    with _lock:
        client = _shared.get(settings)
        if client is None:
            client = _shared[settings] = Client(settings)
        return client


def _after_fork():
    # Connections belong to the parent, and a lock may have been held by a thread that is not here.
    global _shared, _lock
    _shared, _lock = {}, threading.Lock()


os.register_at_fork(after_in_child=_after_fork)

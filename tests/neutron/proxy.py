"""What stands between Weir and Neutron, so that it can be broken for Weir alone."""

import socket
import threading


class Proxy:
    """Passes connections on to 127.0.0.1:`port()`, asked for at each."""

    def __init__(self, port):
        self._port = port
        self._hangs = False
        self._open = set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def cut(self):
        """From now on connections are taken and nobody answers."""
        self._hangs = True
        self._close()

    def mend(self):
        self._hangs = False
        self._close()

    def stop(self):
        self._listener.close()
        self._close()

    def _close(self):
        for one in list(self._open):
            # The other end hears of it, and threads that wait here.
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def _serve(self):
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            self._open.add(near)
            if not self._hangs:
                far = socket.create_connection(("127.0.0.1", self._port()))
                self._open.add(far)
                for one, other in ((near, far), (far, near)):
                    threading.Thread(target=self._pass_on, args=(one, other), daemon=True).start()

    def _pass_on(self, one, other):
        try:
            while data := one.recv(65536):
                other.sendall(data)
        except OSError:
            pass
        for end in (one, other):
            self._open.discard(end)
            end.close()

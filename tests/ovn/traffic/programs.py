"""OVN 25.03 and Open vSwitch 3.5 out of .weir/ovn-25.03, run through their own dynamic loader, and what runs of them."""

import os
import pathlib
import signal
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parents[3]
_OVN = ROOT / ".weir/ovn-25.03"
_LIBRARIES = next((_OVN / "usr/lib").glob("*-linux-gnu*"))
_LOADER = next(path for folder in (_OVN / "usr/lib64", _LIBRARIES, _OVN / "usr/lib") for path in folder.glob("ld-linux*"))
_FOLDERS = ("usr/bin", "usr/sbin", "usr/lib/openvswitch-switch")
SCHEMAS = {
    "nb": _OVN / "usr/share/ovn/ovn-nb.ovsschema",
    "sb": _OVN / "usr/share/ovn/ovn-sb.ovsschema",
    "conf": _OVN / "usr/share/openvswitch/vswitch.ovsschema",
}


def command(name, *arguments):
    """The words that run a program."""
    binary = next(_OVN / folder / name for folder in _FOLDERS if (_OVN / folder / name).exists())
    return [str(word) for word in (_LOADER, "--library-path", _LIBRARIES, "--argv0", name, binary, *arguments)]


def wait_for(what, condition, seconds=120, pause=0.02):
    """Waits until `condition()` is true and returns what it gave; an error names what it gave last."""
    until = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > until:
            raise AssertionError(f"{what}: not within {seconds} s, last {value!r}")
        time.sleep(pause)


class Processes:
    """Processes whose state and logs are in one folder."""

    def __init__(self, folder):
        self.folder = folder
        self._running = {}

    @property
    def environment(self):
        folder = str(self.folder)
        return {**os.environ, "OVN_RUNDIR": folder, "OVS_RUNDIR": folder, "OVN_DBDIR": folder, "OVS_DBDIR": folder,
                "OVN_LOGDIR": folder, "OVS_LOGDIR": folder, "OVS_SYSCONFDIR": folder, "OVS_PKGDATADIR": str(SCHEMAS["conf"].parent)}

    def log(self, name):
        return self.folder / f"{name}.log"

    def start(self, name, words, **environment):
        with open(self.log(name), "ab") as log:
            self._running[name] = subprocess.Popen(
                words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                env={**self.environment, **environment})

    def run(self, name, *arguments):
        """Runs one of OVN's programs to its end; what it prints."""
        done = subprocess.run(command(name, *arguments), capture_output=True, text=True, env=self.environment, timeout=120)
        if done.returncode:
            raise RuntimeError(f"{name} {' '.join(map(str, arguments))}: {done.stdout}{done.stderr}")
        return done.stdout

    def wait(self, name, condition, seconds=60):
        """Waits for something that a process does; complains at once when it ends."""
        def check():
            if self._running[name].poll() is not None:
                raise RuntimeError(f"{name} has ended:\n{self.tail(name)}")
            return condition()

        try:
            return wait_for(name, check, seconds)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.tail(name)}") from None

    def tail(self, name):
        return "\n".join(self.log(name).read_text(errors="replace").splitlines()[-30:])

    def ended(self):
        """Names of what has ended without being asked to."""
        return [name for name, process in self._running.items() if process.poll() is not None]

    def end(self, name, how=signal.SIGTERM):
        process = self._running.pop(name, None)
        if process is None:
            return
        process.send_signal(how)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def end_all(self):
        for name in reversed(list(self._running)):
            self.end(name)

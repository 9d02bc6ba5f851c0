"""Network namespaces as servers and clients. What listens and connects are threads of this process: a socket stays in the
namespace that its thread was in when it made it."""

import ctypes
import errno
import fcntl
import itertools
import os
import socket
import struct
import subprocess

_libc = ctypes.CDLL(None, use_errno=True)
_NEWNET = 0x40000000
_SIOCETHTOOL, _STXCSUM = 0x8946, 0x17


def run(*words):
    """Runs a command; its output, or an error that has it."""
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(map(str, words))}: {done.stdout}{done.stderr}")
    return done.stdout


def _enter(descriptor):
    if _libc.setns(descriptor, _NEWNET):
        code = ctypes.get_errno()
        raise OSError(code, errno.errorcode.get(code, ""), "setns")


def switch_off_checksums(device):
    """Makes the kernel fill in what it would leave to hardware: the userspace datapath takes packets as they are."""
    with socket.socket() as any_socket:
        value = ctypes.create_string_buffer(struct.pack("II", _STXCSUM, 0))
        request = struct.pack("16sP", device.encode(), ctypes.addressof(value))
        fcntl.ioctl(any_socket, _SIOCETHTOOL, request)


class Namespace:
    """One machine with one network card, whose other end is `outer` here."""

    def __init__(self, name, mac, addresses, gateways=()):
        """`addresses` are with prefix lengths; `gateways` pairs of destination and next hop, which is `None` where it is on the link."""
        self.name, self.outer = name, f"v-{name}"
        self.addresses = [address.split("/")[0] for address in addresses]
        self._home = os.open("/proc/self/ns/net", os.O_RDONLY)
        run("ip", "netns", "add", name)
        self._there = os.open(f"/run/netns/{name}", os.O_RDONLY)
        run("ip", "link", "add", "name", self.outer, "type", "veth", "peer", "name", "eth0", "netns", name)
        run("ip", "link", "set", self.outer, "up")
        run("ip", "netns", "exec", name, "sysctl", "-qw", "net.ipv4.ip_local_port_range=10240 65000")
        inner = ["ip", "-n", name]
        run(*inner, "link", "set", "lo", "up")
        run(*inner, "link", "set", "eth0", "address", mac)
        run(*inner, "link", "set", "eth0", "mtu", "1400", "up")
        for address in addresses:
            run(*inner, "address", "add", address, "dev", "eth0", *(["nodad"] if ":" in address else []))
        for destination, hop in gateways:
            run(*inner, "route", "add", destination, *(["via", hop] if hop else ["dev", "eth0"]))
        # Where no check is sent, the port that checks are sent from answers for its address, and a server that has learnt its MAC
        # answers the next check in vain until it asks again.
        for version, setting in itertools.product((4, 6), ("base_reachable_time_ms=1000", "delay_first_probe_time=1")):
            run("ip", "netns", "exec", name, "sysctl", "-qw", f"net.ipv{version}.neigh.eth0.{setting}")
        switch_off_checksums(self.outer)
        self.here(switch_off_checksums, "eth0")

    @property
    def v4(self):
        return next(address for address in self.addresses if ":" not in address)

    @property
    def v6(self):
        return next(address for address in self.addresses if ":" in address)

    def here(self, call, *arguments):
        """Calls a function inside the namespace."""
        _enter(self._there)
        try:
            return call(*arguments)
        finally:
            _enter(self._home)

    def socket(self, address, kind=socket.SOCK_STREAM):
        """A socket of the namespace, of the version of an address."""
        return self.here(socket.socket, socket.AF_INET6 if ":" in address else socket.AF_INET, kind)

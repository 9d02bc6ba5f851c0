"""The protocols that health monitors probe."""

import clients
import pytest
import servers

# The type of a monitor, a server, and how a client asks it.
PROBED = {"TCP": ("TCP", servers.Tcp, clients.tcp), "UDP": ("UDP-CONNECT", servers.Udp, clients.udp)}
# For a test that waits long or whose like exists for each: both protocols, both versions.
BOTH = pytest.mark.parametrize("protocol, version", [("TCP", 6), ("UDP", 4)])
EACH = pytest.mark.parametrize("protocol, version", [("TCP", 4), ("TCP", 6), ("UDP", 4), ("UDP", 6)])

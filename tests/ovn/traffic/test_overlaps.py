"""Two load balancers with one VIP address."""

import pytest
from clients import only
from protocols import BOTH, PROBED
from weir import Refusal


@BOTH
def test_listener_on_the_vip_of_another_load_balancer_is_refused_and_the_first_serves(lab, balancer, serve, protocol, version):
    _, kind, ask = PROBED[protocol]
    first, second = serve("a1", "a2", kind=kind, version=version)
    one = balancer(version=version)
    one.front(protocol, 80, [first])
    other = balancer(version=version, beside=one)
    with pytest.raises(Refusal, match="vip-in-use"):
        other.listener(protocol, 80)
    # Another port number is no overlap.
    other.front(protocol, 81, [second])
    for client in (lab.near, lab.far):
        assert only(ask, client, one.vip, 80, ["a1"]), client.name
        assert only(ask, client, one.vip, 81, ["a2"]), client.name

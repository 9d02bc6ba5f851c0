"""SCTP, as far as it can be seen here: kernels without it have no sockets for servers and clients, so the flows stand for them."""

import servers


def test_flows_of_an_sctp_listener(lab, balancer, serve):
    one = balancer()
    members = serve("a1", "a2", kind=servers.Udp)
    one.front("SCTP", 9000, members)
    backends = {f"{server.address}:{server.port}" for server in members}
    flows = lab.southbound.rows("Logical_Flow")
    balancing = [flow for flow in flows if one.vip in flow["match"] and "sctp" in flow["match"] and "backends=" in flow["actions"]]
    assert {flow["pipeline"] for flow in balancing} == {"ingress"} and len(balancing) >= 2, balancing
    for flow in balancing:
        assert all(backend in flow["actions"] for backend in backends), flow
